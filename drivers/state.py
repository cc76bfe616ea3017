"""What is true of a port, or of an engine, right now: level state and counters, read from shared memory.

Events tell changes; this tells the state itself, so that after an overrun, or when a new server attaches, the control
half reconciles instead of guessing. Serves all nine steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from drivers._engine import ffi, lib
from drivers.errors import ArgumentError, check

Kind = Literal["fxo", "fxs", "b", "d"]
KINDS: dict[str, int] = {
    "fxo": lib.TR_KIND_FXO,
    "fxs": lib.TR_KIND_FXS,
    "b": lib.TR_KIND_B,
    "d": lib.TR_KIND_D,
}
LAWS: dict[str, int] = {"a": lib.TR_LAW_A, "mu": lib.TR_LAW_MU}
CAPABILITIES: dict[str, int] = {
    "rx_only": lib.TR_CAP_RX_ONLY,
    "hears_on_hook": lib.TR_CAP_HEARS_ON_HOOK,
    "reports_ring_begin": lib.TR_CAP_REPORTS_RING_BEGIN,
    "precision": lib.TR_CAP_PRECISION,
    "hw_echo_canceller": lib.TR_CAP_HW_ECHO_CANCELLER,
    "on_card_dtmf": lib.TR_CAP_ON_CARD_DTMF,
    "polarity": lib.TR_CAP_POLARITY,
    "lamp": lib.TR_CAP_LAMP,
    "echo_canceller": lib.TR_CAP_ECHO_CANCELLER,
}
ALARMS: dict[str, int] = {
    "red": lib.TR_ALARM_RED,
    "yellow": lib.TR_ALARM_YELLOW,
    "blue": lib.TR_ALARM_BLUE,
    "los": lib.TR_ALARM_LOS,
    "removed": lib.TR_ALARM_REMOVED,
}
ECHO_MODES: dict[str, int] = {"off": lib.TR_ECHO_OFF, "on": lib.TR_ECHO_ON, "fax": lib.TR_ECHO_FAX}
ECHO_TAPS = (256, 512)
DETECTORS: dict[str, int] = {
    "dtmf": lib.TR_DETECT_DTMF,
    "tones": lib.TR_DETECT_TONES,
    "fsk_id": lib.TR_DETECT_FSK_ID,
    "dtmf_id": lib.TR_DETECT_DTMF_ID,
    "voice": lib.TR_DETECT_VOICE,
}
SETTINGS: dict[str, int] = {
    "law": lib.TR_SET_LAW,
    "flash_min_ms": lib.TR_SET_FLASH_MIN_MS,
    "flash_max_ms": lib.TR_SET_FLASH_MAX_MS,
    "debounce_ms": lib.TR_SET_DEBOUNCE_MS,
    "ring_debounce_ms": lib.TR_SET_RING_DEBOUNCE_MS,
    "loop_drop_ms": lib.TR_SET_LOOP_DROP_MS,
    "guard_ms": lib.TR_SET_GUARD_MS,
    "pulse_dial": lib.TR_SET_PULSE_DIAL,
    "voice_level": lib.TR_SET_VOICE_LEVEL,
    "answer_voice_ms": lib.TR_SET_ANSWER_VOICE_MS,
    "fallback": lib.TR_SET_FALLBACK,
}
FALLBACKS: dict[str, int] = {
    "leave": lib.TR_FALLBACK_LEAVE,
    "busy": lib.TR_FALLBACK_BUSY,
    "on_hook": lib.TR_FALLBACK_ON_HOOK,
}
NAMED_VALUES: dict[str, dict[str, int]] = {"law": LAWS, "fallback": FALLBACKS}
"""Settings whose values are words."""


def names(mask: int, table: dict[str, int]) -> tuple[str, ...]:
    """The names of the bits in `mask`, in the table's order (a set's would differ from run to run)."""
    return tuple(name for name, bit in table.items() if mask & bit)


def mask(wanted: tuple[str, ...], table: dict[str, int], what: str) -> int:
    """The bits of `wanted`; ArgumentError names those there are."""
    bits = 0
    for name in wanted:
        if name not in table:
            raise ArgumentError(f"{what} {name!r} is none of {', '.join(table)}")
        bits |= table[name]
    return bits


def name_of(number: int, table: dict[str, int]) -> str:
    """The name for a number; the number itself where it has none."""
    return next((name for name, value in table.items() if value == number), str(number))


@dataclass(frozen=True, slots=True)
class PortState:
    """A port's level state. `off_hook`: FXO: our loop is closed; FXS: the telephone's is. `ringing`: FXO: a burst is on
    the line now; FXS: we ring."""

    kind: str
    epoch: int
    capabilities: tuple[str, ...]
    law: str
    off_hook: bool
    ringing: bool
    reversed: bool
    battery: bool
    alarms: tuple[str, ...]
    bits: int
    detectors: tuple[str, ...]
    playing: int
    recording: int
    play_queue: int
    hook_edges: int
    ring_edges: int
    polarity_edges: int
    drop_edges: int
    flash_edges: int
    bits_edges: int
    digits: int
    stale_commands: int
    frames_sent: int
    frames_received: int
    frames_bad: int
    """D channels: HDLC frames; bad are damaged, aborted, too long or too short ones, which nobody is told of."""
    files: int
    """Recordings and captures whose `RecordDone` is still to come."""
    fallback: str


_state = ffi.new("struct tr_port_state *")


def read_port(handle: Any, number: int) -> PortState:
    """The state of an engine's port now."""
    check(lib.tr_engine_port_state(handle, number, _state), f"state of port {number}")
    s = _state
    return PortState(
        kind=name_of(s.kind, KINDS),
        epoch=s.epoch,
        capabilities=names(s.capabilities, CAPABILITIES),
        law=name_of(s.law, LAWS),
        off_hook=bool(s.hook),
        ringing=bool(s.ringing),
        reversed=bool(s.polarity),
        battery=bool(s.battery),
        alarms=names(s.alarms, ALARMS),
        bits=s.bits,
        detectors=names(s.detectors, DETECTORS),
        playing=s.playing,
        recording=s.recording,
        play_queue=s.play_queue,
        hook_edges=s.hook_edges,
        ring_edges=s.ring_edges,
        polarity_edges=s.polarity_edges,
        drop_edges=s.drop_edges,
        flash_edges=s.flash_edges,
        bits_edges=s.bits_edges,
        digits=s.digits,
        stale_commands=s.stale_commands,
        frames_sent=s.frames_sent,
        frames_received=s.frames_received,
        frames_bad=s.frames_bad,
        files=s.files,
        fallback=name_of(s.fallback, FALLBACKS),
    )


@dataclass(frozen=True, slots=True)
class EngineStats:
    """Counters of an engine since it was made."""

    tick: int
    late_ticks: int
    events: int
    events_lost: int
    commands: int
    commands_failed: int
    slips: int
    io_underruns: int
    io_overruns: int
    player_io_ms: int
    recorder_io_ms: int
    tick_ns_last: int
    tick_ns_max: int
    tick_ns_total: int
    memory_bytes: int
    ports: int
    realtime: bool
    clock_ppb: int
    clock_losses: int
    bad_frames: int


_stats = ffi.new("struct tr_stats *")


def read_stats(handle: Any) -> EngineStats:
    """An engine's counters now."""
    check(lib.tr_engine_stats(handle, _stats), "engine statistics")
    s = _stats
    return EngineStats(
        s.tick,
        s.late_ticks,
        s.events,
        s.events_lost,
        s.commands,
        s.commands_failed,
        s.slips,
        s.io_underruns,
        s.io_overruns,
        s.player_io_ms,
        s.recorder_io_ms,
        s.tick_ns_last,
        s.tick_ns_max,
        s.tick_ns_total,
        s.memory_bytes,
        s.ports,
        bool(s.realtime),
        s.clock_ppb,
        s.clock_losses,
        s.bad_frames,
    )


def read_tick(handle: Any) -> int:
    """Ticks an engine has run."""
    check(lib.tr_engine_stats(handle, _stats), "engine statistics")
    return int(_stats.tick)
