"""The signalling of calls in the records: what was said on the line, for `tipring trace CALL --signalling`.

One event `signalling` for each call when it is over, as `keep_signalling` of its trunk says (a R2 call with 19 digits
has 6 kB of it, a PRI call 2 kB); calls that came and failed before they were offered are events `trunk_failed` of the
system, with their cause. Serves steps 1 and 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cti.trunks.config import Lines
from drivers.signalling.causes import Cause
from drivers.signalling.interface import Trunk, TrunkCall, What
from drivers.signalling.ladder import Step, ladder
from drivers.signalling.r2 import R2Trunk

Told = Callable[..., None]
"""`told(**data)`: the data of an event."""


class Signals:
    """What is kept of each trunk's calls."""

    def __init__(self, trunks: Iterable[Lines]) -> None:
        self._keep = {trunk.name: trunk.keep_signalling for trunk in trunks}

    def follow(self, call: TrunkCall, told: Told) -> None:
        """Tells when the call is over, if that is wanted."""

        def step(call: TrunkCall, what: What) -> None:
            if what != "cleared":
                return
            steps, cause = call.signalling(), call.cause
            good = call.was_answered and cause is not None and cause.number == 16
            keep = self._keep.get(call.trunk.name, "none")
            if steps and (keep == "all" or (keep == "failed" and not good)):
                told(**data_of(call.trunk.name, call.slot, cause, steps, incoming=call.incoming))

        call.listen(step)

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
