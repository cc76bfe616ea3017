"""E1 on the real driver: 30 channels of sound both ways, frames of a D channel."""

from __future__ import annotations

import array
import wave
from pathlib import Path
from random import Random

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from drivers import events as ev
from drivers._engine import ffi, lib
from drivers.dahdi import DahdiPort
from drivers.items import Sound
from tests.dahdi.inside.rig import pair

SPEECH_CHANNELS = (*range(1, 16), *range(17, 32))
AWAY = 31
"""Channel N is wired to N+31."""
SECONDS = 60
WINDOW = 64
"""So many codes are found in their stream at one place only."""


def stream(name: str, seconds: int) -> bytes:
    """A-law codes that do not repeat themselves, told apart by name. Neither 0x55 nor 0xd5: those are silence."""
    return Random(name).randbytes(8000 * seconds).replace(b"\x55", b"\x56").replace(b"\xd5", b"\xd6")


def as_wav(path: Path, codes: bytes) -> Path:
    """As a prompt, 16 bits linear."""
    linear = array.array("h", bytes(2 * len(codes)))
    lib.tr_g711_decode(lib.TR_LAW_A, codes, ffi.from_buffer("int16_t[]", linear, require_writable=True), len(codes))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(linear.tobytes())
    return path


def codes_of(path: Path) -> bytes:
    """The codes of a recording."""
    with wave.open(str(path)) as file:
        linear = array.array("h", file.readframes(file.getnframes()))
    codes = ffi.new("uint8_t[]", len(linear))
    lib.tr_g711_encode(lib.TR_LAW_A, ffi.from_buffer("int16_t[]", linear), codes, len(linear))
    return bytes(ffi.buffer(codes))


def broken_at(sent: bytes, heard: bytes) -> int | None:
    """The first sample of what was heard that does not follow in what was sent; None: whole from the begin to the end
    of either."""
    begin = heard.find(sent[:WINDOW])
    if begin < 0:
        return 0
    same = min(len(sent), len(heard) - begin)
    if heard[begin : begin + same] == sent[:same]:
        return None
    return next(at for at in range(same) if heard[begin + at] != sent[at])


def test_thirty_channels_both_ways_lose_and_repeat_no_sample(tmp_path: Path) -> None:
    near, far = [DahdiPort(n, "b") for n in SPEECH_CHANNELS], [DahdiPort(n + AWAY, "b") for n in SPEECH_CHANNELS]
    with pair(near, far) as made:
        ports = [*made.near.ports, *made.far.ports]
        sent = {port.name: stream(port.name, SECONDS) for port in ports}
        prompts = [Sound(as_wav(tmp_path / f"{port.name}.wav", sent[port.name])) for port in ports]
        for port, prompt in zip(ports, prompts, strict=True):  # into memory, whole
            first = port.play(prompt)
            first.addErrback(Failure.trap, CancelledError)
            made.time.run_for(0.04)
            first.cancel()
        made.time.run_for(1.0)  # both took longer than the driver's buffers last
        before = [engine.stats().slips for engine in made.engines]
        recordings = [port.record(tmp_path / f"{port.name}.heard.wav") for port in ports]
        made.time.run_for(0.1)
        playing = [port.play(prompt) for port, prompt in zip(ports, prompts, strict=True)]
        made.time.run_for(SECONDS + 0.5)
        for done in playing:
            end = made.time.run(done)
            assert end is not None and end.ms == 1000 * SECONDS
        for recording in recordings:
            made.time.run(recording.stop())
        slips = [engine.stats().slips - was for engine, was in zip(made.engines, before, strict=True)]
        across = zip(ports, [*made.far.ports, *made.near.ports], strict=True)
        broken = {
            a.name: at
            for a, b in across
            if (at := broken_at(sent[a.name], codes_of(tmp_path / f"{b.name}.heard.wav"))) is not None
        }
        assert broken == {} and slips == [0, 0]


def test_frames_of_1_to_260_bytes_arrive_whole_and_in_order() -> None:
    random = Random("frames")
    frames = [random.randbytes(length) for length in range(1, 261)]
    with pair([DahdiPort(16, "d")], [DahdiPort(16 + AWAY, "d")]) as made:
        for sender, hearer in ((made.near.ports[0], made.far.ports[0]), (made.far.ports[0], made.near.ports[0])):
            heard: list[ev.Event] = []
            deaf = hearer.listen(heard.append)
            made.time.run_for(0.2)
            for frame in frames:  # 64 kbit/s: 260 bytes take 33 ms
                sender.send_frame(frame)
                made.time.run_for(0.04)
            made.time.run_for(0.5)
            deaf()
            assert [event.data for event in heard if isinstance(event, ev.Frame)] == frames
