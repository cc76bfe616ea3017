"""The signalling of calls in the records: what was said on the line, for `tipring trace CALL --signalling`.

One event `signalling` for each call when it is over, as `keep_signalling` of its trunk says (a R2 call with 19 digits
has 6 kB of it, a PRI call 2 kB); calls that came and failed before they were offered are events `trunk_failed` of the
system, with their cause. Serves steps 1 and 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from cti.trunks.config import Lines
from drivers.clock import Clock, DelayedCall
from drivers.signalling.causes import Cause
from drivers.signalling.interface import Trunk, TrunkCall, What
from drivers.signalling.ladder import Step, ladder
from drivers.signalling.pri import PriCall
from drivers.signalling.r2 import R2Trunk

RELEASED_S: Final = 1.0
"""After a PRI call is cleared its channel is released: two messages."""
Told = Callable[..., None]
"""`told(**data)`: the data of an event."""


class Signals:
    """What is kept of each trunk's calls."""

    def __init__(self, clock: Clock, trunks: Iterable[Lines]) -> None:
        self._clock = clock
        self._keep = {trunk.name: trunk.keep_signalling for trunk in trunks}
        self._waiting: dict[TrunkCall, tuple[DelayedCall, Told]] = {}

    def follow(self, call: TrunkCall, told: Told) -> None:
        """Tells when the call is over, if that is wanted."""

        def step(call: TrunkCall, what: What) -> None:
            if what != "cleared":
                return
            good = call.was_answered and call.cause is not None and call.cause.number == 16
            keep = self._keep.get(call.trunk.name, "none")
            if keep != "all" and (keep == "none" or good):
                return
            if isinstance(call, PriCall):  # RELEASE and its answer follow
                self._waiting[call] = self._clock.callLater(RELEASED_S, self._tell, call, told), told
            else:
                self._tell(call, told)

        call.listen(step)

    def close(self) -> None:
        """What waits is told now."""
        for call, (timer, told) in list(self._waiting.items()):
            timer.cancel()
            self._tell(call, told)

    def _tell(self, call: TrunkCall, told: Told) -> None:
        self._waiting.pop(call, None)
        steps = call.signalling()
        if steps:
            told(**data_of(call.trunk.name, call.slot, call.cause, steps, incoming=call.incoming))

    def failures(self, trunks: Iterable[Trunk], told: Told) -> None:
        """Tells of calls that came over these trunks and failed before anybody heard of them."""
        for trunk in trunks:
            if isinstance(trunk, R2Trunk):
                self._watch(trunk, told)

    def _watch(self, trunk: R2Trunk, told: Told) -> None:
        def failed(slot: int, cause: Cause, heard: Any) -> None:
            steps = trunk.read(heard, incoming=True) if self._keep.get(trunk.name, "none") != "none" else ()
            told(**data_of(trunk.name, slot, cause, steps, incoming=True))

        trunk.failed = failed


def data_of(trunk: str, slot: int, cause: Cause | None, steps: Sequence[Step], *, incoming: bool) -> dict[str, Any]:
    """Of the event."""
    return {
        "trunk": trunk,
        "slot": slot,
        "incoming": incoming,
        "cause": cause.number if cause is not None else None,
        "text": cause.text if cause is not None else None,
        "steps": [[step.ms, int(step.sent), step.code, step.text, step.sign, step.octets.hex()] for step in steps],
    }


def shown(data: dict[str, Any]) -> str:
    """The event for people: whose signalling it is, and its ladder."""
    steps = [
        Step(int(ms), bool(sent), str(code), str(text), str(sign), bytes.fromhex(octets))
        for ms, sent, code, text, sign, octets in data.get("steps", ())
    ]
    way = "from" if data.get("incoming") else "to"
    head = f"trunk {data.get('trunk')}, channel {data.get('slot')}, {way} the far end: {data.get('cause')} "
    return f"{head}{data.get('text')}\n{ladder(steps)}"
