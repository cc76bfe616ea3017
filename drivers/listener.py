"""The ports' own ears and voice, for sound that is in memory or in files: no engine, no card.

Serves `tipring audio`, benches, and tests in which strangers judge what we send and hear.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from drivers._engine import ffi, lib
from drivers.errors import ArgumentError, check
from drivers.items import PlayItem, encode
from drivers.tones import EMPTY, TonePlan

RATE = 8000
MAX_EVENTS = 64


@dataclass(frozen=True, slots=True)
class Heard:
    """Something in the sound. `at` samples from its start; `ms` how long, None where it is not known."""

    kind: Literal["dtmf", "tone", "callerid", "voice"]
    at: int
    value: str
    ms: int | None = None
    raw: bytes = b""
    ok: bool = True
    form: Literal["fsk", "dtmf"] = "fsk"


class Listener:
    """Digits, caller ID, and the tones of a plan, in samples fed in pieces of any size."""

    def __init__(self, plan: TonePlan = EMPTY, *, caller_id: bool = True) -> None:
        mask = lib.TR_DETECT_DTMF
        if caller_id:
            mask |= lib.TR_DETECT_FSK_ID | lib.TR_DETECT_DTMF_ID
        if plan.tones:
            mask |= lib.TR_DETECT_TONES
        packed = plan.packed()
        tones = ffi.from_buffer("struct tr_tone[]", packed) if packed else ffi.NULL
        handle = lib.tr_listener_new(mask, tones, len(plan.tones))
        if handle == ffi.NULL:
            raise MemoryError("no memory for a listener")
        self._handle = ffi.gc(handle, lib.tr_listener_free)
        self._plan = plan
        self._events = ffi.new("struct tr_event[]", MAX_EVENTS)
        self._side = ffi.new("uint8_t[]", 4096)
        self._tones: dict[int, int] = {}  # sounding now: id -> where it began
        self._fed = 0

    def feed(self, samples: array[int]) -> list[Heard]:
        """What was recognised within these samples; a digit and a tone are told when they end (see `end`)."""
        heard: list[Heard] = []
        self._fed += len(samples)
        view = ffi.from_buffer("int16_t[]", samples)
        for at in range(0, len(samples), 160):
            count = check(
                lib.tr_listener_feed(self._handle, view + at, min(160, len(samples) - at), self._events, MAX_EVENTS)
            )
            for number in range(count):
                item = self._heard(self._events[number])
                if item is not None:
                    heard.append(item)
        return heard

    def _heard(self, event: Any) -> Heard | None:
        at = int(event.at)
        if event.kind == lib.TR_EV_DTMF_END:
            ms = int(event.a[1])
            return Heard("dtmf", max(0, at - ms * 8), chr(event.a[0]), ms)
        if event.kind == lib.TR_EV_TONE:
            self._tones.setdefault(event.a[0], at)
        if event.kind == lib.TR_EV_TONE_END and event.a[0] in self._tones:
            began = self._tones.pop(event.a[0])
            return Heard("tone", began, self._plan.tones[event.a[0]].name, (at - began) // 8)
        if event.kind == lib.TR_EV_CALLER_ID:
            size = check(lib.tr_listener_side(self._handle, ffi.addressof(event), self._side, 4096))
            form: Literal["fsk", "dtmf"] = "fsk" if event.a[0] == lib.TR_CALLERID_FSK else "dtmf"
            raw = bytes(ffi.buffer(self._side, size))
            if form == "dtmf" and not (raw[:1] in (b"A", b"D", b"B") and raw[-1:] in (b"C", b"#")):
                return None  # digits without a caller ID's letters are digits
            return Heard("callerid", at, "", None, raw, bool(event.a[1]), form)
        return None

    def end(self) -> list[Heard]:
        """The sound is over: tones that still sounded."""
        heard = [
            Heard("tone", began, self._plan.tones[index].name, (self._fed - began) // 8)
            for index, began in self._tones.items()
        ]
        self._tones.clear()
        return heard


def render(items: Iterable[PlayItem]) -> array[int]:
    """The samples of items one after the other (files excepted, and tones without an end)."""
    out = array("h")
    for item in items:
        for args, side in encode(item):
            command = ffi.new("struct tr_command *")
            command.op = lib.TR_OP_PLAY
            for number, value in enumerate(args):
                command.a[number] = value
            size = 60 * RATE
            buffer = ffi.new("int16_t[]", size)
            count = check(lib.tr_render(command, side, len(side), buffer, size), f"render {item}")
            if count == size:
                raise ArgumentError(f"{type(item).__name__.lower()} of more than a minute")
            out.frombytes(bytes(ffi.buffer(buffer, 2 * count)))
    return out


def simd(want: str | None = None) -> str | None:
    """The kernels that run (generic, avx2, avx512), or chooses; None: this processor lacks what was asked for."""
    name = lib.tr_simd(want.encode() if want else ffi.NULL)
    return None if name == ffi.NULL else ffi.string(name).decode()
