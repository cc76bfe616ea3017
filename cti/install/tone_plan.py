"""From measured tones to the `tones:` of a site file: what differs from the country's plan, tried on the recordings.

The plan is believed only where the detector, given it, recognises each recording as what it is. What was not measured
but shares a frequency that turned out otherwise is moved along, and named as unsure.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cti.errors import TipringError
from cti.site.tones import load_plan
from drivers.cadence import Measured, measure
from drivers.listener import Listener
from drivers.tones import Tone, TonePlan

CLOSE = 0.1  # cadences that agree so far are one
CONTINUOUS_MS = 850  # as the dial tones of the plans
MARGIN_DB = 12.0  # a tone may be so much weaker than measured


@dataclass(frozen=True, slots=True)
class SiteTones:
    """`changes` as in the site file, `plan` with them laid over the country's, `measured` by name, `unsure` in
    words."""

    plan: TonePlan
    changes: dict[str, dict[str, Any]]
    measured: dict[str, Measured]
    unsure: tuple[str, ...]

    def yaml(self) -> str:
        """The `tones:` of the site file."""
        if not self.changes:
            return "# tones: none differ from the country's plan"
        rows = []
        for name, fields in self.changes.items():
            written = {key: list(value) if isinstance(value, tuple) else value for key, value in fields.items()}
            text = ", ".join(f"{key}: {value}" for key, value in written.items())
            note = f"    # measured {self.measured[name]}" if name in self.measured else "    # not measured"
            rows.append(f"  {name}: {{{text}}}{note}")
        return "\n".join(["tones:", *rows])


def site_tones(country: str, recordings: Mapping[str, array[int]], *, held: array[int] | None = None) -> SiteTones:
    """From a recording of each signal (dial, ringback, busy, info, congestion), as far as there are. ``held``: what the
    line gives after a flash; where that is no dial tone of the plan it is a tone of its own, stutter."""
    plan = load_plan(country)
    measured = {name: measure(samples) for name, samples in recordings.items()}
    changes: dict[str, dict[str, Any]] = {}
    unsure: list[str] = []
    for name, found in measured.items():
        why = unusable(name, found)
        if why:
            unsure.append(f"{name}: {why}")
        elif fields := _changed(plan.tone(name) if name in plan else None, found):
            changes[name] = fields
    unsure += _alike(measured, changes)
    unsure += _moved_along(plan, measured, changes)
    if held is not None and (own := _held(country, changes, held)) is not None:
        measured["stutter"], changes["stutter"], recordings = own, _new(own), {**recordings, "stutter": held}
    try:
        laid = load_plan(country, changes)
        laid.packed()
    except (TipringError, ValueError) as error:
        return SiteTones(plan, changes, measured, (*unsure, f"the detector cannot use this plan: {error}"))
    for name, samples in recordings.items():
        if name in laid and not any(text.startswith(f"{name}:") for text in unsure):
            heard = recognised(laid, samples)
            if name not in heard:
                unsure.append(f"{name}: with these values the detector hears {', '.join(heard) or 'nothing'}")
    return SiteTones(laid, changes, measured, tuple(unsure))


def recognised(plan: TonePlan, samples: array[int]) -> list[str]:
    """The names of the plan's tones that the detector finds in a recording."""
    listener = Listener(plan, caller_id=False)
    found = [*listener.feed(samples), *listener.feed(array("h", bytes(16000))), *listener.end()]
    return list(dict.fromkeys(item.value for item in found if item.kind == "tone"))


def _held(country: str, changes: Mapping[str, Mapping[str, Any]], sound: array[int]) -> Measured | None:
    """The tone of a held caller, where the plan so far has it for no dial tone; None: it has, or there is none."""
    try:
        known = recognised(load_plan(country, changes), sound)
    except (TipringError, ValueError):
        return None
    found = measure(sound)
    return found if "dial" not in known and found.kind in ("continuous", "cadence") else None


def _new(found: Measured) -> dict[str, Any]:
    """A tone that the country's plan does not have. One that goes on is heard for sure after its longest burst."""
    out: dict[str, Any] = {"f1_hz": found.f1_hz, **({"f2_hz": found.f2_hz} if found.f2_hz else {})}
    return out | ({"cadence_ms": found.cadence_ms} if found.cadence_ms else {"min_ms": CONTINUOUS_MS})


def unusable(name: str, found: Measured) -> str:
    """Why this cannot be the signal of that name; empty: it may be."""
    if found.kind == "silence":
        return "nothing was heard; is the level too low, or does this PBX send digits in place of tones?"
    if found.kind == "irregular":
        return f"no steady tone or cadence was heard ({found}): speech, music, or a tone that ended"
    if name == "dial" and found.kind == "cadence" and max(found.cadence_ms[1::2]) > 100:
        return f"heard {found}: interrupted; is the telephone forwarded, or was this another tone?"
    if name != "dial" and found.kind == "continuous":
        return f"heard {found}: a continuous tone is no {name}"
    if found.kind == "cadence" and found.cycles < 2 and name != "ringback":
        return f"heard only {found}"
    return ""


def _changed(was: Tone | None, found: Measured) -> dict[str, Any]:
    """The fields in which the country's tone would not fit."""
    out: dict[str, Any] = {}
    if was is None or abs(was.f1_hz - found.f1_hz) > was.tolerance_hz / 2 or bool(was.f2_hz) != bool(found.f2_hz):
        out["f1_hz"] = found.f1_hz
        if found.f2_hz or (was is not None and was.f2_hz):
            out["f2_hz"] = found.f2_hz
    if was is not None and was.cadence_ms and found.cadence_ms and not _close(was.cadence_ms, found.cadence_ms):
        out["cadence_ms"] = found.cadence_ms
    if was is None and found.cadence_ms:
        out["cadence_ms"] = found.cadence_ms
    if was is not None and found.level_dbm0 - MARGIN_DB < was.level_min_dbm0:
        out["level_min_dbm0"] = round(found.level_dbm0 - MARGIN_DB)
    return out


def _close(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return len(one) == len(other) and all(abs(a - b) <= CLOSE * max(a, b) for a, b in zip(one, other, strict=True))


def _alike(measured: Mapping[str, Measured], changes: dict[str, dict[str, Any]]) -> list[str]:
    """Busy and vacant number that sound the same: one is enough."""
    busy, info = measured.get("busy"), measured.get("info")
    if busy is None or info is None or not busy.cadence_ms or not _close(busy.cadence_ms, info.cadence_ms):
        return []
    changes.pop("info", None)
    return ["info: sounds like busy here, and is taken for it"]


def _moved_along(plan: TonePlan, measured: Mapping[str, Measured], changes: dict[str, dict[str, Any]]) -> list[str]:
    """Tones not measured, at a frequency of the plan that all measured ones have left for the same other one."""
    moved = {
        (plan.tone(name).f1_hz, fields["f1_hz"], fields.get("f2_hz", 0))
        for name, fields in changes.items()
        if name in plan and "f1_hz" in fields
    }
    if len(moved) != 1:
        return []
    was, f1, f2 = moved.pop()
    if any(
        name in plan and plan.tone(name).f1_hz == was and _stayed(changes.get(name), found)
        for name, found in measured.items()
    ):
        return []
    said = []
    for tone in plan.tones:
        usable = measured.get(tone.name)
        if tone.f1_hz == was and tone.name not in changes and (usable is None or usable.kind == "silence"):
            changes[tone.name] = {"f1_hz": f1, **({"f2_hz": f2} if f2 else {})}
            said.append(f"{tone.name}: not measured; taken to be at {f1} Hz as the others, with the country's cadence")
    return said


def _stayed(fields: Mapping[str, Any] | None, found: Measured) -> bool:
    """A tone that was heard where the plan has it."""
    return found.kind in ("continuous", "cadence") and "f1_hz" not in (fields or {})
