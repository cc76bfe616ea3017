"""What is set of an R2 trunk, checked all at once, and as the engine takes it (struct tr_r2_config).

docs/r2.md explains each setting for integrators. Serves steps 1 to 3 and outside calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers._engine import ffi, lib
from drivers.errors import ArgumentError
from drivers.signalling.causes import FAILURE, Cause
from drivers.signalling.interface import MAX_DIGITS
from drivers.signalling.r2_variants import ASKS, FREE, TIMERS, VARIANTS, GroupB, Variant

Control = Literal["mutual", "caller", "called"]
"""Who releases a call: either end, the caller (the called party may lift again), or the called party (110, 119)."""

_BUSY_CAUSES: Final = frozenset({17, 18, 19, 20, 21})
_VACANT_CAUSES: Final = frozenset({1, 2, 3, 22, 28})


@dataclass(frozen=True, kw_only=True)
class R2Settings:
    """What an integrator agrees with the exchange's operator; docs/r2.md explains each.

    ``called_length``: digits of the called number, 0 unknown; ``prefixes``: lengths by how it begins, which come
    first; where neither tells, silence of ``called`` ms ends it. ``ask_caller``: "never", "end" (after the last called
    digit), or after so many. ``caller_max``: 0 asks for KA only. ``kb``: our group B signals, by "free", "busy",
    "congestion", "vacant", "out_of_order", where the variant's do not fit. ``timers``: ms by name, see TIMERS.
    """

    variant: str | Variant = "china"
    control: Control = "mutual"
    called_length: int = 0
    prefixes: Mapping[str, int] = field(default_factory=dict)
    ask_caller: Literal["never", "end"] | int = "end"
    caller_max: int = MAX_DIGITS
    ka: int = 0
    """Of our outgoing calls; 0: the variant's."""
    kd: int = 0
    called_end: int | None = None
    """Forward signal after the last called digit, 0 none; None: the variant's."""
    level_dbm0: float = -11.5
    kb: Mapping[str, int] = field(default_factory=dict)
    timers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = list(self._faults())
        if faults:
            raise ArgumentError("R2: " + "; ".join(faults))

    def _faults(self) -> Iterator[str]:
        if isinstance(self.variant, str) and self.variant not in VARIANTS:
            yield f"variant {self.variant!r} is none of {', '.join(VARIANTS)}"
        if self.control not in ("mutual", "caller", "called"):
            yield f"control {self.control!r} is none of mutual, caller, called"
        lengths = {"called_length": self.called_length, "caller_max": self.caller_max}
        lengths |= {f"length of {prefix!r}": length for prefix, length in self.prefixes.items()}
        for name, length in lengths.items():
            if not 0 <= length <= MAX_DIGITS:
                yield f"{name} {length}: 0 to {MAX_DIGITS}"
        for prefix in self.prefixes:
            if not prefix.isdecimal() or not prefix.isascii() or len(prefix) > 12:
                yield f"prefix {prefix!r}: 1 to 12 digits"
        if len(self.prefixes) > lib.TR_R2_PREFIXES:
            yield f"{len(self.prefixes)} prefixes: at most {lib.TR_R2_PREFIXES}"
        after = self.ask_caller
        if after not in ("never", "end") and not (isinstance(after, int) and 1 <= after <= MAX_DIGITS):
            yield f'ask_caller {after!r}: "never", "end", or 1 to {MAX_DIGITS} called digits'
        for name, code in {"ka": self.ka, "kd": self.kd, "called_end": self.called_end or 0}.items():
            if not 0 <= code <= 15:
                yield f"{name} {code}: a signal 1 to 15"
        if not -40 <= self.level_dbm0 <= 0:
            yield f"level_dbm0 {self.level_dbm0}: -40 to 0"
        for word, code in self.kb.items():
            if word not in ("free", "busy", "congestion", "vacant", "out_of_order") or not 1 <= code <= 15:
                yield f"kb {word}: {code}: free, busy, congestion, vacant or out_of_order, a signal 1 to 15"
        for name, ms in self.timers.items():
            if name not in TIMERS or not 0 <= ms <= 3_600_000:
                yield f"timer {name}: {ms} ms: one of {', '.join(TIMERS)}, 0 to an hour"

    @property
    def table(self) -> Variant:
        return VARIANTS[self.variant] if isinstance(self.variant, str) else self.variant

    def our_kb(self, kd: int, cause: Cause | None) -> int:
        """The group B signal that we send with this KD: free, or why not."""
        group = self.table.group(kd)
        if cause is None:
            return self.kb.get("free", group.free[self.control])
        number = cause.number
        if number in _BUSY_CAUSES:
            return self.kb.get("busy", group.busy)
        if number in _VACANT_CAUSES:
            return self.kb.get("vacant", group.vacant)
        if number == 27:
            return self.kb.get("out_of_order", group.out_of_order)
        return self.kb.get("congestion", group.congestion)

    def _mutual(self) -> tuple[str, ...]:
        """Words of group B after which the called party's hanging up ends the call at once."""
        if self.control != "mutual":
            return ("free, mutual release",)
        return tuple(word for word in FREE if word != "free, caller controls")

    def packed(self) -> bytes:
        """As struct tr_r2_config."""
        table, config = self.table, ffi.new("struct tr_r2_config *")
        config.cd, config.level = table.cd, round(self.level_dbm0 * 100)
        config.caller_by_next = int(table.caller_by_next)
        config.called_end = table.called_end if self.called_end is None else self.called_end
        config.caller_end, config.caller_withheld = table.caller_end, table.caller_withheld
        config.ask_caller = {"never": 0, "end": -1}.get(str(self.ask_caller), self.ask_caller)
        config.caller_max, config.called_length = self.caller_max, self.called_length
        config.called_holds = int(self.control == "called")
        for number, ask in enumerate(ASKS, 1):
            code = table.asks.get(ask, 0)
            config.a_code[number] = code
            if code:
                config.a_means[code] = number
        for code, ask in table.also.items():
            config.a_means[code] = ASKS.index(ask) + 1
        for kd in range(1, 16):
            group = table.group(kd)
            config.b_free[kd] = _mask(group, FREE) | (1 << self.kb["free"] if "free" in self.kb else 0)
            config.b_mutual[kd] = _mask(group, self._mutual())
            config.b_congestion[kd] = self.our_kb(kd, FAILURE)
        for number, name in enumerate(TIMERS):
            config.ms[number] = self.timers.get(name, TIMERS[name].ms)
        config.prefix_count = len(self.prefixes)
        for at, (prefix, length) in enumerate(self.prefixes.items()):
            config.prefix[at].digits = prefix.encode()
            config.prefix[at].length = length
        return bytes(ffi.buffer(config))


def _mask(group: GroupB, words: tuple[str, ...]) -> int:
    return sum(1 << code for code, word in group.says.items() if word in words)
