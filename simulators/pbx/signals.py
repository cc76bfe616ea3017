"""What an extension of the simulated PBX hears of its call's progress: tones, or digits in place of them (steps 4, 7).

A VRU extension of a make with voice-mail integration gets digits: right after its answer what kind of call it is
(follow-on), during a transfer one digit for each state, and a string when the far end has gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from drivers import items
from drivers.playing import PlayEnd
from simulators.lines.party import Party, ended

if TYPE_CHECKING:
    from simulators.pbx.extension import Extension

STATUS_WAIT_S = 0.1  # before a status digit


class Signals:
    """Of one extension."""

    def __init__(self, extension: Extension) -> None:
        self._extension = extension

    def progress(self, name: str) -> None:
        """Ringback, busy, vacant, dnd, confirm: the digit of this make, else the tone."""
        digit = self._status(name)
        if digit:
            self._extension.hear_nothing()
            self._send(digit, lambda: None, wait_s=STATUS_WAIT_S)
        else:
            self._extension.hear_tone("busy" if name == "dnd" else name)

    def answered(self) -> None:
        """The extension that we rang has been lifted, and we are joined to it already."""
        if digit := self._status("answer"):
            self.beside(digit, STATUS_WAIT_S)

    def gone(self) -> None:
        """The far end has gone."""
        plan = self._extension.pbx.plan
        self._extension.hear_nothing()
        self._send(plan.disconnect_digits, lambda: None, wait_s=STATUS_WAIT_S)

    def beside(self, digits: str, wait_s: float) -> None:
        """Digits into the talk path: the far end is heard again after them."""
        extension, peer = self._extension, self._extension.peer

        def hear_again() -> None:
            if peer is not None and extension.peer is peer:
                extension.port.hear(peer.port)

        def begin() -> None:
            if peer is not None and extension.peer is peer:
                extension.port.hear(None)
                self._send(digits, hear_again)

        extension.pbx.clock.callLater(wait_s, begin)

    def follow_on(self, caller: Party, recalled_from: str | None) -> None:
        """A VRU extension has answered a trunk: the digits that say what call it is."""
        extension = self._extension
        form = extension.pbx.plan.follow_on
        if form is None or extension.kind != "vru":
            return
        pattern = form.outside if recalled_from is None else form.recall
        if not pattern or (recalled_from is not None and not extension.pbx.plan.recall_message):
            return
        called = recalled_from or extension.pbx.called(caller)
        calling = extension.pbx.cut(caller.calling)
        text = pattern.format(called=called, calling=calling, trunk=getattr(caller, "number", 0))
        told = calling if "{calling" in pattern else ""
        wait_s = extension.pbx.random.uniform(*form.wait_s)
        extension.pbx.note(
            caller.call_no,
            "pbx",
            "tells",
            way="digits",
            extension=extension.number,
            calling=told,
            called=called,
            digits=text,
            takes_s=wait_s + len(text) * (form.on_ms + form.off_ms) / 1000,
            fault="",
        )
        self.beside(text, wait_s)

    def _status(self, name: str) -> str:
        return self._extension.pbx.plan.status_digits.get(name, "") if self._extension.kind == "vru" else ""

    def _send(self, digits: str, then: Callable[[], None], wait_s: float = 0.0) -> None:
        form = self._extension.pbx.plan.follow_on
        on_ms, off_ms = (80, 80) if form is None else (form.on_ms, form.off_ms)
        silence = (items.Silence(round(wait_s * 1000)),) if wait_s else ()
        sent = self._extension.sounds.say(*silence, items.Digits(digits, on_ms=on_ms, off_ms=off_ms))

        def over(end: PlayEnd) -> None:
            then()

        sent.addCallbacks(over, ended)
