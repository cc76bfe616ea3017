"""What an extension of the simulated PBX does with digits: dial tone, another extension, a lamp code (step 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.pbx.state import State

if TYPE_CHECKING:
    from simulators.pbx.extension import Extension
    from simulators.pbx.outward import OutwardCall


class Dialling:
    """Of one extension. `digits` are those dialled last, `outward` a call outside that they have begun."""

    def __init__(self, extension: Extension) -> None:
        self._extension = extension
        self.digits = ""
        self.outward: OutwardCall | None = None

    def dial_tone(self) -> None:
        extension = self._extension
        plan = extension.pbx.plan
        extension.state, self.digits, self.outward = State.DIALLING, "", None
        tone, late_s = (plan.hold_dial, plan.dial_late_s) if extension.held is not None else ("dial", 0.0)
        if late_s:
            extension.hear_nothing()
            extension.pbx.clock.callLater(late_s, self._late_dial_tone, tone)
        else:
            extension.hear_tone(tone)
        extension.port.detect("dtmf")
        extension.after(plan.first_digit_s, lambda: self.refuse("busy", "no digit"))

    def _late_dial_tone(self, tone: str) -> None:
        extension = self._extension
        if extension.state is State.DIALLING and not self.digits:
            extension.hear_tone(tone)

    def digit(self, digit: str) -> None:
        extension = self._extension
        if extension.state is not State.DIALLING:
            return
        if self.outward is not None:
            self.outward.digit(digit)
            return
        extension.sounds.stop()
        self.digits += digit
        meaning = extension.pbx.numbering(extension.held is not None).meaning(self.digits)
        match meaning.what:
            case "extension":
                self._call(extension.pbx.extensions[meaning.number])
            case "hunt_group":
                idle = extension.pbx.idle_member()
                if idle is None:
                    self.refuse("busy", "all VRU ports busy")
                else:
                    self._call(idle)
            case "outside":
                self.outward = extension.pbx.line_out(extension)
                if self.outward is None:
                    self.refuse("congestion", "no free line")
                else:
                    extension.peer = self.outward.trunk
            case "retrieve":
                extension.tell("dials", digits=self.digits)
                extension.retrieve()
            case "lamp_on" | "lamp_off":
                self._lamp(meaning.number, meaning.what == "lamp_on")
            case "leave" | "enter":
                self._membership(meaning.what == "enter")
            case "pick_up":
                extension.tell("dials", digits=self.digits)
                if not extension.pbx.pick_up(extension, meaning.number):
                    self.refuse("vacant", "nothing rings there")
            case "congested":
                self.refuse("congestion", "no free line")
            case "more":
                extension.after(extension.pbx.plan.next_digit_s, lambda: self.refuse("vacant", "number incomplete"))
            case _:
                self.refuse("vacant", "no such number")

    def _lamp(self, number: str, on: bool) -> None:
        """A lamp code: obeyed and confirmed, or refused by tone."""
        extension = self._extension
        if extension.pbx.lamp(number, on) is not None:
            self.refuse("vacant", "lamp refused")
            return
        self._taken()

    def _membership(self, member: bool) -> None:
        """A VRU extension leaves the hunt group, or enters it again."""
        extension = self._extension
        extension.member = member
        extension.tell("hunted to" if member else "hunted past")
        self._taken()

    def _taken(self) -> None:
        """A feature code was obeyed; the port is put on-hook next."""
        extension = self._extension
        extension.port.detect()
        extension.state = State.REFUSED
        if extension.pbx.plan.lamp_confirm == "none":
            extension.hear_nothing()
        else:
            extension.signals.progress("confirm")
        extension.after(extension.pbx.plan.tone_s, self.lock)

    def _call(self, target: Extension) -> None:
        extension = self._extension
        extension.tell("dials", digits=target.number)
        extension.port.detect()
        if target.number in extension.pbx.plan.do_not_disturb:
            self.refuse("dnd", "do not disturb")
            return
        if target.state is not State.IDLE:
            self.refuse("busy", "busy")
            return
        extension.stop_timer()
        extension.state, extension.target = State.CALLING, target
        extension.signals.progress("ringback")
        extension.pbx.ring_internal(target, extension)

    def refuse(self, tone: str, why: str) -> None:
        extension = self._extension
        plan = extension.pbx.plan
        extension.tell("refused", digits=self.digits, why=why)
        extension.port.detect()
        extension.state = State.REFUSED
        extension.signals.progress(tone)
        if extension.held is not None and plan.busy_returns_s is not None:
            extension.after(plan.busy_returns_s, extension.retrieve)
        else:
            extension.after(plan.tone_s, self.lock)

    def lock(self) -> None:
        extension = self._extension
        extension.state = State.LOCKED
        held, extension.held = extension.held, None
        extension.hear_tone("howler")
        if held is not None:
            extension.pbx.part(held, extension)
