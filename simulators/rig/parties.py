"""Who took part in a call and what was done with it, for `tipring demo --switch card --json` (steps 7 and 9).

Parties are those of the server's journal: every device that had a connection in one of the call's conversations. The
world adds on which wire each was and at which frequency its voice can be found there, so that anybody with the files
can check who heard whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from cti.records.events import Entry
from simulators.people.verbs import VERBS
from simulators.truth import Happening
from simulators.world.card_world import CardWorld

AT_ONCE_S = 0.2
BEGIN = ("Originated", "Established", "Conferenced")
END = ("ConnectionCleared", "Transferred", "Diverted", "Failed")


def parties_of(call: str, entries: Iterable[Entry], world: CardWorld, began: datetime) -> list[dict[str, Any]]:
    """Each device with the seconds of the run from which to which it was in the call, in the order in which they came.
    `party` is null for a device that nobody of the world has, `hz` where nobody spoke there."""
    found: dict[str, dict[str, Any]] = {}
    told = [entry.event for entry in entries if entry.event.kind == "connection"]
    conversations = {event.data.get("conversation") for event in told if event.call == call}
    for event in told:
        if event.data.get("conversation") not in conversations:
            continue
        device, name = str(event.data.get("device")), event.data.get("event")
        at_s = round((event.t - began).total_seconds(), 3)
        if name in BEGIN and device not in found:
            party = _party(device, at_s, world)
            wire = f"line-{device.rpartition('/')[2]}" if "/" in device else f"seat-{device}"
            found[device] = {"device": device, "party": party, "hz": None, "wire": wire, "from_s": at_s, "to_s": None}
        elif name in END and device in found:
            found[device]["to_s"] = at_s
    for one in found.values():
        if world.voices is not None and one["party"] is not None:
            one["hz"] = world.voices.spoke(one["party"], one["from_s"], one["to_s"])
    return list(found.values())


def party_on(wire: str, at_s: float, world: CardWorld) -> str | None:
    """Who of the world speaks on a wire (`line-3`, `seat-8001`) from that second on."""
    kind, _, name = wire.partition("-")
    return _party(f"/{name}" if kind == "line" else name, at_s, world)


def _party(device: str, at_s: float, world: CardWorld) -> str | None:
    """Who of the world speaks on a device from that second on."""
    if "/" not in device:
        return f"phone {device}" if device in world.phones else None
    last: Happening | None = None
    for one in _of_line(device.rpartition("/")[2], world):
        if one.at_s <= at_s + 1.0:
            last = one
    if last is None:
        return None
    return f"caller {last.call}" if last.what == "rings" else f"subscriber {last.data['number']}"


def _of_line(line: str, world: CardWorld) -> Iterator[Happening]:
    """Each time that somebody began to use a line of the office."""
    for one in world.truth.log:
        if one.who == f"line {line}" and one.what in ("rings", "answered"):
            yield one


def verbs_of(number: int, world: CardWorld) -> list[dict[str, Any]]:
    """What people did with a caller's call, by buttons and telephones, and what came of it."""
    return [
        {
            "at_s": done.at_s,
            "verb": done.deed.verb,
            "by": done.by,
            "to": done.to or None,
            "result": done.result or "done",
        }
        for done in world.deeds.done
        if done.of == number
    ]


def unrecorded(entries: Iterable[Entry], world: CardWorld, began: datetime) -> Iterator[str]:
    """Buttons that were answered with done, and of which the server's journal does not tell."""
    told = [
        (str(event.data.get("verb")), f"phone {event.data.get('device')}", (event.t - began).total_seconds())
        for event in (entry.event for entry in entries)
        if event.kind == "verb"
    ]
    for done in world.deeds.done:
        if done.deed.verb not in VERBS or done.result:
            continue
        mine = [at_s for verb, by, at_s in told if (verb, by) == (done.deed.verb, done.by)]
        if not any(abs(at_s - done.at_s) < AT_ONCE_S for at_s in mine):
            yield f"{done.at_s:.2f} s: {done.by}: {done.deed.verb} was done, and is not in the journal"
