"""The signalling of calls in the records: what was said on the line, for `tipring trace CALL --signalling`.

One event `signalling` for each call when it is over, as `keep_signalling` of its trunk says (a R2 call with 19 digits
has 6 kB of it, a PRI call 2 kB); of calls that came and failed before they were offered, too. Serves steps 1 and 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from cti.site.trunks import Lines
from drivers.clock import Clock, DelayedCall
from drivers.signalling.causes import NORMAL
from drivers.signalling.interface import TrunkCall, What
from drivers.signalling.ladder import Step, ladder

RELEASED_S: Final = 1.0
"""After a PRI call is cleared its channel is released: two messages; of an R2 call that we stop a tick brings all."""
Told = Callable[..., object]
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
            if what == "cleared":
                self.over(call, told)

        call.listen(step)

    def over(self, call: TrunkCall, told: Told) -> None:
        """Tells of a call that is cleared, if that is wanted; once its last messages have passed."""
        good = call.was_answered and call.cause is not None and call.cause.number == 16
        keep = self._keep.get(call.trunk.name, "none")
        if keep != "all" and (keep == "none" or good):
            return
        if call.more_follows:
            self._waiting[call] = self._clock.callLater(RELEASED_S, self._tell, call, told), told
        else:
            self._tell(call, told)

    @property
    def waiting(self) -> int:
        """Calls of which it is still to be told."""
        return len(self._waiting)

    def close(self) -> None:
        """What waits is told now."""
        for call, (timer, told) in list(self._waiting.items()):
            timer.cancel()
            self._tell(call, told)

    def _tell(self, call: TrunkCall, told: Told) -> None:
        self._waiting.pop(call, None)
        steps = call.signalling()
        if steps:
            told(**data_of(call, steps))


def data_of(call: TrunkCall, steps: Sequence[Step]) -> dict[str, Any]:
    """Of the event. called, calling: the numbers, or as much of them as had come."""
    cause, numbers = call.cause, call.numbers
    return {
        "trunk": call.trunk.name,
        "slot": call.slot,
        "incoming": call.incoming,
        "called": numbers.called,
        "calling": numbers.calling,
        "cause": cause.number if cause is not None else None,
        "text": cause.text if cause is not None else None,
        "reached": call.reached,
        "steps": [[step.ms, int(step.sent), step.code, step.text, step.sign, step.octets.hex()] for step in steps],
    }


def why(call: TrunkCall) -> str:
    """Why a call is over, and how far it had come: for its row."""
    return ", ".join(filter(None, (str(call.cause or NORMAL), call.reached)))


def shown(data: dict[str, Any]) -> str:
    """The event for people: whose signalling it is, and its ladder."""
    steps = [
        Step(int(ms), bool(sent), str(code), str(text), str(sign), bytes.fromhex(octets))
        for ms, sent, code, text, sign, octets in data.get("steps", ())
    ]
    way = "from" if data.get("incoming") else "to"
    head = f"trunk {data.get('trunk')}, channel {data.get('slot')}, {way} the far end: {data.get('cause')} "
    reached = f", {data['reached']}" if data.get("reached") else ""
    return f"{head}{data.get('text')}{reached}\n{ladder(steps)}"
