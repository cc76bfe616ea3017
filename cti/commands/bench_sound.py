"""Sound for the benches: what ports hear in a call centre, and a foreign DTMF receiver to compare ours with.

The foreign receiver is SpanDSP's, by its shared library (Debian's libspandsp2), where there is one.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import random
import subprocess
import tempfile
import time
from array import array
from pathlib import Path
from typing import Any

RATE = 8000
INPUTS = 16
SECONDS = 20
TEXT = (
    "您好，欢迎致电。请问有什么可以帮您？ "
    "Your call is important to us, please hold the line while we look for an agent. "
    "All our agents are busy at the moment. For sales, please press one. For technical support, please press two."
)


def make_inputs(source: random.Random) -> tuple[list[array[int]], list[int]]:
    """What INPUTS ports hear, SECONDS long, speech, tones and digits mixed; and how many digits each holds."""
    spoken = speech()
    made = [_one_input(source, spoken) for _ in range(INPUTS)]
    return [samples for samples, _ in made], [count for _, count in made]


def a_law(samples: array[int]) -> bytes:
    """As it comes from a line."""
    from drivers._engine import ffi, lib

    coded = ffi.new("uint8_t[]", len(samples))
    lib.tr_g711_encode(lib.TR_LAW_A, ffi.from_buffer("int16_t[]", samples), coded, len(samples))
    return bytes(ffi.buffer(coded))


def from_a_law(coded: bytes) -> array[int]:
    """As a port's detectors get it."""
    from drivers._engine import ffi, lib

    samples = array("h", bytes(2 * len(coded)))
    lib.tr_g711_decode(
        lib.TR_LAW_A, ffi.from_buffer("uint8_t[]", coded), ffi.from_buffer("int16_t[]", samples), len(coded)
    )
    return samples


def _one_input(source: random.Random, speech: array[int]) -> tuple[array[int], int]:
    from drivers.items import Digits, Silence, Tone
    from drivers.listener import render

    out, digits = array("h"), 0
    while len(out) < SECONDS * RATE:
        kind = source.choice(("speech", "digits", "tone", "silence"))
        if kind == "speech":
            start = source.randrange(max(1, len(speech) - 2 * RATE))
            out.extend(speech[start : start + 2 * RATE])
        elif kind == "digits" and len(out) < (SECONDS - 2) * RATE:
            text = "".join(source.choice("0123456789*#") for _ in range(4))
            out.extend(render([Silence(100), Digits(text, on_ms=80, off_ms=80, level_dbm0=-12.0), Silence(100)]))
            digits += len(text)
        elif kind == "tone":
            out.extend(render([Tone(450, level_dbm0=-12.0, cadence_ms=(350, 350), ms=1400)]))
        else:
            out.extend(array("h", bytes(2 * RATE)))
    return out[: SECONDS * RATE], digits


def speech() -> array[int]:
    """Speech of espeak-ng at 8 kHz."""
    from cti.errors import TipringError
    from drivers import wav

    with tempfile.TemporaryDirectory() as folder:
        raw, path = Path(folder, "raw.wav"), Path(folder, "speech.wav")
        try:
            subprocess.run(["espeak-ng", "-v", "en", "-w", str(raw), TEXT], check=True, capture_output=True)
            subprocess.run(["sox", "-G", str(raw), "-r", "8000", "-c", "1", "-b", "16", str(path)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise TipringError(f"the bench needs espeak-ng and sox for its speech: {error}") from error
        return wav.read(path).channels[0]


class OurReceiver:
    """The ports' DTMF receiver on one channel."""

    def __init__(self) -> None:
        from drivers._engine import ffi, lib

        self._handle = ffi.gc(lib.tr_listener_new(lib.TR_DETECT_DTMF, ffi.NULL, 0), lib.tr_listener_free)
        self._events = ffi.new("struct tr_event[]", 512)

    def feed(self, samples: array[int]) -> int:
        """How many digits began within a second of sound or less."""
        from drivers._engine import ffi, lib
        from drivers.errors import check

        view = ffi.from_buffer("int16_t[]", samples)
        count = check(lib.tr_listener_feed(self._handle, view, len(samples), self._events, 512))
        return sum(self._events[n].kind == lib.TR_EV_DTMF_BEGIN for n in range(count))


class SpanDspReceiver:
    """SpanDSP's DTMF receiver on one channel, as `dtmf_rx_init` sets it up."""

    _library: Any = None

    @classmethod
    def is_here(cls) -> bool:
        """Is the library installed?"""
        if cls._library is None:
            name = ctypes.util.find_library("spandsp")
            try:
                library = ctypes.CDLL(name) if name else None
            except OSError:  # something of that name that cannot be loaded: as good as none
                library = None
            if library is None:
                return False
            library.dtmf_rx_init.restype = ctypes.c_void_p
            library.dtmf_rx_init.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
            library.dtmf_rx.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
            library.dtmf_rx_get.restype = ctypes.c_size_t
            library.dtmf_rx_get.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
            library.dtmf_rx_free.argtypes = [ctypes.c_void_p]
            cls._library = library
        return True

    def __init__(self) -> None:
        self._state = self._library.dtmf_rx_init(None, None, None)
        self._digits = ctypes.create_string_buffer(129)

    def feed(self, samples: array[int]) -> int:
        """How many digits were found within a second of sound or less."""
        self._library.dtmf_rx(self._state, samples.buffer_info()[0], len(samples))
        return int(self._library.dtmf_rx_get(self._state, self._digits, 128))

    def digits(self, samples: array[int]) -> str:
        """The digits in this sound, 128 at most."""
        return self._digits.value.decode() if self.feed(samples) else ""

    def close(self) -> None:
        """Gives its memory back."""
        self._library.dtmf_rx_free(self._state)


def channels_per_core(receiver: type[OurReceiver] | type[SpanDspReceiver], inputs: list[array[int]]) -> tuple[int, int]:
    """Channels of 8 kHz that one core carries with nothing but this receiver, and the digits it found."""
    pieces = [[samples[at : at + RATE] for at in range(0, len(samples), RATE)] for samples in inputs]
    found, took = 0, 0.0
    for channel in pieces:
        one = receiver()
        began = time.thread_time()
        for piece in channel:
            found += one.feed(piece)
        took += time.thread_time() - began
        if isinstance(one, SpanDspReceiver):
            one.close()
    return int(sum(len(samples) for samples in inputs) / RATE / took), found
