"""The call-progress tones of a country, or of one PBX: what the tone detector listens for.

A plan is read from `conf/tones/*.yaml` (parsed elsewhere); a site overrides single tones or retunes the whole plan,
as PBXs deviate (one Chinese make sends all its tones at 400 Hz). Ids in the engine are indexes into the plan. Serves
steps 7 (dial tone, ringback, busy) and 9 (tones that mean the caller has gone).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from drivers.errors import ArgumentError
from drivers.items import Tone as ToneItem

MAX_TONES = 16
MAX_PAIRS = 4
MAX_TOLERANCE_HZ = 45


@dataclass(frozen=True, slots=True)
class Tone:
    """One tone. `cadence_ms` is on, off, on, off .. of one cycle, empty for a continuous one; `min_cycles` whole cycles
    confirm it. A continuous one is confirmed after `min_ms` (the detector waits longer where another tone of the plan
    at the same frequency has a longer burst), gaps under `bridge_ms` not counted. `watch_overdue`: once confirmed, a
    burst 15 % late is told (ringback that stops: somebody answered)."""

    name: str
    f1_hz: int
    f2_hz: int = 0
    tolerance_hz: int = 25
    level_min_dbm0: float = -35.0
    cadence_ms: tuple[int, ...] = ()
    cadence_tolerance: int = 15
    min_cycles: int = 2
    min_ms: int = 850
    bridge_ms: int = 0
    watch_overdue: bool = False

    def __post_init__(self) -> None:
        if not 200 <= self.f1_hz < 4000 or not (self.f2_hz == 0 or 200 <= self.f2_hz < 4000):
            raise ArgumentError(f"tone {self.name}: {self.f1_hz} and {self.f2_hz} Hz are not between 200 and 4000")
        if len(self.cadence_ms) > 2 * MAX_PAIRS or len(self.cadence_ms) % 2:
            raise ArgumentError(f"tone {self.name}: a cadence is one to {MAX_PAIRS} pairs of on and off")
        if any(ms <= 0 for ms in self.cadence_ms):
            raise ArgumentError(f"tone {self.name}: cadence {list(self.cadence_ms)} has a time that is not positive")
        if self.tolerance_hz > MAX_TOLERANCE_HZ:
            raise ArgumentError(f"tone {self.name}: tolerance_hz {self.tolerance_hz}, at most {MAX_TOLERANCE_HZ}")
        if self.tolerance_hz <= 0 or self.min_cycles < 1 or self.min_ms <= 0 or self.bridge_ms < 0:
            raise ArgumentError(f"tone {self.name}: tolerance_hz, min_cycles and min_ms must be positive")

    @property
    def longest_on_ms(self) -> int:
        """The longest burst; 0 of a continuous tone."""
        return max(self.cadence_ms[::2], default=0)


@dataclass(frozen=True, slots=True)
class TonePlan:
    """The tones one port listens for, in the order of their ids."""

    name: str
    tones: tuple[Tone, ...] = ()
    ring_cadence_ms: tuple[int, ...] = (1000, 4000)

    def __post_init__(self) -> None:
        if len(self.tones) > MAX_TONES:
            raise ArgumentError(f"tone plan {self.name}: {len(self.tones)} tones, at most {MAX_TONES}")
        names = [tone.name for tone in self.tones]
        if len(set(names)) != len(names):
            raise ArgumentError(f"tone plan {self.name}: a tone is listed twice")

    def __contains__(self, name: object) -> bool:
        return any(tone.name == name for tone in self.tones)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(tone.name for tone in self.tones)

    def index(self, name: str) -> int:
        """The id of a tone; ArgumentError names those there are."""
        for at, tone in enumerate(self.tones):
            if tone.name == name:
                return at
        raise ArgumentError(f"tone plan {self.name} has no {name!r}: {', '.join(self.names) or 'it is empty'}")

    def tone(self, name: str) -> Tone:
        return self.tones[self.index(name)]

    def item(self, name: str, level_dbm0: float = -10.0, ms: int | None = None) -> ToneItem:
        """The tone as something a player can send."""
        tone = self.tone(name)
        return ToneItem(tone.f1_hz, tone.f2_hz, level_dbm0, tone.cadence_ms, ms)

    def retuned(self, frequencies: Mapping[int, int], tolerance_hz: int | None = None) -> TonePlan:
        """The same cadences at other frequencies: {450: 400} for a PBX that sends 400 Hz."""
        return replace(
            self,
            tones=tuple(
                replace(
                    tone,
                    f1_hz=frequencies.get(tone.f1_hz, tone.f1_hz),
                    f2_hz=frequencies.get(tone.f2_hz, tone.f2_hz),
                    tolerance_hz=tolerance_hz or tone.tolerance_hz,
                )
                for tone in self.tones
            ),
        )

    def with_tone(self, name: str, **changes: Any) -> TonePlan:
        """With one tone changed, or added."""
        if name in self:
            at = self.index(name)
            changed = replace(self.tones[at], **changes)
            return replace(self, tones=(*self.tones[:at], changed, *self.tones[at + 1 :]))
        return replace(self, tones=(*self.tones, Tone(name, **changes)))

    def without(self, *names: str) -> TonePlan:
        """Without some tones: after a flash no ringback can come, and dial tone is confirmed earlier."""
        return replace(self, tones=tuple(tone for tone in self.tones if tone.name not in names))

    def packed(self, first_id: int = 0) -> bytes:
        """struct tr_tone[], as TR_OP_TONE_PLAN wants it, with ids from `first_id` on. ArgumentError for what the
        detector cannot hear: it alone knows how many frequencies and how long cadences it follows."""
        from drivers._engine import ffi, lib

        out = ffi.new("struct tr_tone[]", len(self.tones))
        for at, tone in enumerate(self.tones):
            entry = out[at]
            entry.id = first_id + at
            entry.f1_hz, entry.f2_hz, entry.tolerance_hz = tone.f1_hz, tone.f2_hz, tone.tolerance_hz
            entry.level_min = round(tone.level_min_dbm0 * 100)
            for pair in range(len(tone.cadence_ms) // 2):
                entry.on_ms[pair], entry.off_ms[pair] = tone.cadence_ms[2 * pair : 2 * pair + 2]
            entry.cadence_tolerance = tone.cadence_tolerance
            entry.min_cycles, entry.min_ms, entry.bridge_ms = tone.min_cycles, tone.min_ms, tone.bridge_ms
            entry.watch_overdue = int(tone.watch_overdue)
        probe = lib.tr_listener_new(lib.TR_DETECT_TONES, out, len(self.tones))
        if probe == ffi.NULL:
            raise ArgumentError(
                f"tone plan {self.name} cannot be heard: 100 to 3800 Hz, at most 8 frequencies and 8 sorts of tone, "
                "16 bursts to confirm one, times of 10 minutes"
            )
        lib.tr_listener_free(probe)
        return bytes(ffi.buffer(out))


EMPTY = TonePlan("empty")
_FIELDS = {f.name for f in fields(Tone)} - {"name"}
_TOP = {"name", "zh", "source", "defaults", "tones", "ring_cadence_ms"}


def load(text: Mapping[str, Any], overrides: Mapping[str, Mapping[str, Any]] | None = None) -> TonePlan:
    """A plan from a parsed file: `name`, `defaults` (fields of every tone), `tones` (name → fields). `overrides`, of a
    site, has the form of `tones` and is laid over them. ArgumentError names an unknown field or a missing one."""
    unknown = set(text) - _TOP
    if unknown:
        raise ArgumentError(f"tone plan: unknown {', '.join(sorted(map(str, unknown)))}")
    name = str(text.get("name", ""))
    if not name or not isinstance(text.get("tones"), Mapping):
        raise ArgumentError("tone plan: name and tones are required")
    defaults = dict(text.get("defaults") or {})
    entries: dict[str, dict[str, Any]] = {str(key): dict(value or {}) for key, value in text["tones"].items()}
    for key, changes in (overrides or {}).items():
        entries.setdefault(str(key), {}).update(changes)
    tones = [_tone(name, key, {**defaults, **entry}) for key, entry in entries.items()]
    return TonePlan(name, tuple(tones), tuple(_times(text.get("ring_cadence_ms", (1000, 4000)))))


def _tone(plan: str, name: str, entry: dict[str, Any]) -> Tone:
    unknown = set(entry) - _FIELDS
    if unknown:
        raise ArgumentError(f"tone plan {plan}, {name}: unknown {', '.join(sorted(map(str, unknown)))}")
    if "f1_hz" not in entry:
        raise ArgumentError(f"tone plan {plan}, {name}: f1_hz is missing")
    entry = {**entry, "cadence_ms": tuple(_times(entry.get("cadence_ms", ())))}
    return Tone(name, **entry)


def _times(value: object) -> Sequence[int]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(ms, int) for ms in value):
        raise ArgumentError(f"{value!r} is not a list of ms")
    return [int(ms) for ms in value]
