"""What any digital card must do, whoever made it: written against the two ends of one digital line.

`TrunkCardTests` runs against the software card and unchanged against real cards: a subclass provides the fixture
`trunk` (`TrunkRig`). Octets are compared as octets: on a 64 kbit/s channel nothing may be changed, lost or repeated.
"""

from __future__ import annotations

import random
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from drivers import events as ev
from drivers._engine import ffi, lib
from drivers.errors import E_ARGUMENT, E_FULL, E_TOO_LONG, ArgumentError, Unsupported
from drivers.items import Digits, Sound, Tone
from drivers.port import Port
from drivers.state import LAWS
from tests.drivers.card_rig import Time, level, samples

Pair = tuple[Port, Port]
IN_FLIGHT = 4000
"""Octets of frames given out and not yet heard, which every card has room for: half a second of the line."""


class TrunkRig:
    """A digital line. `channels`: its clear B channels, two at least, each with both ends; `cas`: a channel with CAS
    bits and sound; `frames`: the D channel. `fail` breaks the line until `mend`: the near end then has an alarm."""

    def __init__(
        self,
        time: Time,
        channels: Sequence[Pair],
        cas: Pair,
        frames: Pair,
        fail: Callable[[], None],
        mend: Callable[[], None],
    ) -> None:
        self.time = time
        self.channels, self.cas, self.frames = list(channels), cas, frames
        self.fail, self.mend = fail, mend
        self.heard: dict[Port, list[ev.Event]] = {}
        for port in {port: None for pair in (*channels, cas, frames) for port in pair}:
            self.heard[port] = []
            port.listen(self.heard[port].append)

    def events(self, port: Port, *kinds: type[ev.Event]) -> list[Any]:
        """Events of these kinds that a port told so far."""
        return [event for event in self.heard[port] if isinstance(event, kinds)]

    def run(self, until: Any, limit_s: float = 30.0) -> Any:
        return self.time.run(until, limit_s)

    def frames_at(self, port: Port) -> list[bytes]:
        return [event.data for event in self.events(port, ev.Frame)]


def law_samples(law: str, seed: int, seconds: float) -> bytes:
    """Noise that uses every code of the law, as PCM16: coded and decoded it stays what it is."""
    codes = random.Random(seed).randbytes(int(8000 * seconds))
    out = ffi.new("int16_t[]", len(codes))
    lib.tr_g711_decode(LAWS[law], codes, out, len(codes))
    return bytes(ffi.buffer(out))


def write(path: Path, data: bytes) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(data)
    return path


def talk(trunk: TrunkRig, folder: Path, ways: Sequence[Pair], law: str, seconds: float) -> None:
    """Each first port speaks, each second one hears every sample of it, once, and nothing else between."""
    recordings, ends, sent = [], [], []
    for at, (speaker, hearer) in enumerate(ways):
        sent.append(law_samples(law, at, seconds))
        recordings.append(hearer.record(folder / f"{at}.wav"))
        ends.append(speaker.play(Sound(write(folder / f"{at}-sent.wav", sent[at]))))
    for end in ends:
        assert trunk.run(end, seconds + 10).why == "finished"
    trunk.time.run_for(0.3)
    for at, recording in enumerate(recordings):
        trunk.run(recording.stop())
        assert sent[at] in samples(folder / f"{at}.wav").tobytes(), f"{ways[at]}: not what was sent"


def stream(trunk: TrunkRig, sender: Port, hearer: Port, frames: Sequence[bytes]) -> None:
    """Keeps the line full until all frames are given out, then hears the last; none may be refused."""
    heard = trunk.events
    given = octets = 0
    before = len(trunk.frames_at(hearer))
    refused = len(heard(sender, ev.CommandFailed))

    def feed() -> bool:
        nonlocal given, octets
        got = trunk.frames_at(hearer)[before:]
        while given < len(frames) and octets - sum(map(len, got)) < IN_FLIGHT - len(frames[given]):
            sender.send_frame(frames[given])
            octets += len(frames[given])
            given += 1
        return len(got) >= len(frames)

    trunk.run(feed, 60.0)
    trunk.time.run_for(0.2)
    assert trunk.frames_at(hearer)[before:] == list(frames)
    assert len(heard(sender, ev.CommandFailed)) == refused


class TrunkCardTests:
    # ---- B channels --------------------------------------------------------------------------------

    def test_octets_arrive_as_they_were_sent_both_ways(self, trunk: TrunkRig, tmp_path: Path) -> None:
        near, far = trunk.channels[0]
        talk(trunk, tmp_path, [(near, far), (far, near)], "a", 2.0)

    def test_mu_law_octets_too(self, trunk: TrunkRig, tmp_path: Path) -> None:
        near, far = trunk.channels[0]
        for port in (near, far):
            port.setting("law", "mu")
        trunk.time.run_for(0.1)
        assert near.state().law == "mu"
        try:
            talk(trunk, tmp_path, [(near, far), (far, near)], "mu", 1.0)
        finally:
            for port in (near, far):
                port.setting("law", "a")
            trunk.time.run_for(0.1)

    def test_all_channels_speak_at_once(self, trunk: TrunkRig, tmp_path: Path) -> None:
        ways = [way for near, far in trunk.channels for way in ((near, far), (far, near))]
        talk(trunk, tmp_path, ways, "a", 1.0)

    def test_a_digital_line_takes_nothing_off_the_level(self, trunk: TrunkRig, tmp_path: Path) -> None:
        near, far = trunk.channels[1]
        for speaker, hearer in ((near, far), (far, near)):
            recording = hearer.record(tmp_path / "heard.wav")
            trunk.run(speaker.play(Tone(1020, level_dbm0=-10, ms=1000)))
            trunk.time.run_for(0.2)
            trunk.run(recording.stop())
            heard = samples(tmp_path / "heard.wav")
            first = next(at for at, value in enumerate(heard) if abs(value) > 1000)
            assert level(heard[first : first + 7200]) == pytest.approx(-10, abs=0.1)

    def test_nobody_hears_oneself(self, trunk: TrunkRig, tmp_path: Path) -> None:
        near, _ = trunk.channels[0]
        recording = near.record(tmp_path / "echo.wav")
        trunk.run(near.play(Tone(1020, level_dbm0=-3, ms=500)))
        trunk.time.run_for(0.3)
        trunk.run(recording.stop())
        assert max(map(abs, samples(tmp_path / "echo.wav"))) <= 16

    def test_digits_cross(self, trunk: TrunkRig) -> None:
        near, far = trunk.channels[0]
        collected = far.collect(16, 5, 2)
        trunk.run(near.play(Digits("1234567890*ABCD9")))
        assert trunk.run(collected).text == "1234567890*ABCD9"

    def test_channels_of_a_line_are_apart(self, trunk: TrunkRig, tmp_path: Path) -> None:
        (near, _), (_, other) = trunk.channels[0], trunk.channels[1]
        recording = other.record(tmp_path / "other.wav")
        trunk.run(near.play(Tone(1020, level_dbm0=-3, ms=300)))
        trunk.time.run_for(0.2)
        trunk.run(recording.stop())
        assert max(map(abs, samples(tmp_path / "other.wav"))) <= 16

    def test_two_calls_are_joined(self, trunk: TrunkRig, tmp_path: Path) -> None:
        """What comes in on one channel goes out on the other, octet for octet."""
        (one, far_one), (two, far_two) = trunk.channels[:2]
        one.hear(two)
        two.hear(one)
        trunk.time.run_for(0.1)
        talk(trunk, tmp_path, [(far_one, far_two), (far_two, far_one)], "a", 1.0)
        for port in (one, two):
            port.hear(None)

    def test_a_clear_channel_carries_no_frames(self, trunk: TrunkRig) -> None:
        with pytest.raises(Unsupported):
            trunk.channels[0][0].send_frame(b"x")

    # ---- CAS ---------------------------------------------------------------------------------------

    def test_cas_bits_cross_and_are_counted(self, trunk: TrunkRig) -> None:
        """All but 0000, which no exchange sends: it would imitate the multiframe of slot 16 (ITU-T G.704)."""
        for sender, hearer in (trunk.cas, trunk.cas[::-1]):
            sender.bits(0b1101)
            trunk.time.run_for(0.3)
            before, told = hearer.state().bits_edges, len(trunk.events(hearer, ev.Bits))
            wanted = [0b1001, *range(1, 9), 11, 10, 14, 12, 15, 13]
            for bits in wanted:
                sender.bits(bits)
                trunk.time.run_for(0.2)
                assert hearer.state().bits == bits
            assert [event.bits for event in trunk.events(hearer, ev.Bits)[told:]] == wanted
            assert hearer.state().bits_edges - before == len(wanted)

    def test_bits_that_do_not_change_are_not_told(self, trunk: TrunkRig) -> None:
        near, far = trunk.cas
        near.bits(0b0101)
        trunk.time.run_for(0.3)
        told = len(trunk.events(far, ev.Bits))
        for _ in range(5):
            near.bits(0b0101)
            trunk.time.run_for(0.1)
        near.begin_call()
        trunk.time.run_for(0.2)
        assert len(trunk.events(far, ev.Bits)) == told and far.state().bits == 0b0101

    @pytest.mark.parametrize("bits", [-1, 16])
    def test_there_are_four_bits(self, trunk: TrunkRig, bits: int) -> None:
        near, _ = trunk.cas
        before = len(trunk.events(near, ev.CommandFailed))
        near.bits(bits)
        trunk.time.run_for(0.1)
        [failed] = trunk.events(near, ev.CommandFailed)[before:]
        assert failed.result == E_ARGUMENT

    def test_a_channel_with_bits_has_sound_too(self, trunk: TrunkRig, tmp_path: Path) -> None:
        near, far = trunk.cas
        talk(trunk, tmp_path, [(near, far), (far, near)], "a", 0.5)

    # ---- the D channel -----------------------------------------------------------------------------

    def test_frames_of_every_length_both_ways(self, trunk: TrunkRig) -> None:
        draw = random.Random(5)
        for sender, hearer in (trunk.frames, trunk.frames[::-1]):
            stream(trunk, sender, hearer, [draw.randbytes(length) for length in range(1, 261)])

    @pytest.mark.parametrize("octet", [0x00, 0x7E, 0x7F, 0xFF])
    def test_contents_that_look_like_flags_and_aborts(self, trunk: TrunkRig, octet: int) -> None:
        near, far = trunk.frames
        stream(trunk, near, far, [bytes([octet] * length) for length in (1, 2, 3, 100, 260)])

    def test_both_ways_at_full_load(self, trunk: TrunkRig) -> None:
        """64 kbit/s, with one flag between frames and what stuffing takes: random octets need 1.6 % more."""
        near, far = trunk.frames
        draw = random.Random(6)
        frames = [draw.randbytes(260) for _ in range(200)]
        given, answers = 0, 0

        def feed() -> bool:
            nonlocal given, answers
            while given < 200 and (given - len(trunk.frames_at(far))) * 260 < IN_FLIGHT:
                near.send_frame(frames[given])
                given += 1
            while answers < 200 and (answers - len(trunk.frames_at(near))) * 260 < IN_FLIGHT:
                far.send_frame(frames[answers])
                answers += 1
            return len(trunk.frames_at(far)) == len(trunk.frames_at(near)) == 200

        trunk.run(feed, 60.0)
        assert trunk.frames_at(far) == frames and trunk.frames_at(near) == frames
        last = trunk.events(far, ev.Frame)
        took = last[-1].time_s - last[0].time_s
        least = 199 * 263 * 8 / 64_000
        assert least * 0.97 < took < least * 1.25

    def test_a_burst_is_refused_not_lost(self, trunk: TrunkRig) -> None:
        near, far = trunk.frames
        frames = {near.send_frame(number.to_bytes(2) + bytes(258)): number for number in range(400)}
        trunk.time.run_for(15)
        refused = trunk.events(near, ev.CommandFailed)
        assert refused and {failed.result for failed in refused} == {E_FULL}
        gone = {failed.id for failed in refused}
        heard = [int.from_bytes(data[:2]) for data in trunk.frames_at(far)]
        assert heard == [number for id, number in frames.items() if id not in gone]
        assert heard[0] == 0
        stream(trunk, near, far, [b"after the burst"])

    def test_lengths_that_are_refused(self, trunk: TrunkRig) -> None:
        near, far = trunk.frames
        near.send_frame(b"")
        near.send_frame(bytes(lib.TR_FRAME_MAX + 1))
        trunk.time.run_for(0.5)
        results = [failed.result for failed in trunk.events(near, ev.CommandFailed)]
        assert results == [E_ARGUMENT, E_TOO_LONG]
        with pytest.raises(ArgumentError):
            near.send_frame(bytes(lib.TR_SIDE_MAX + 1))
        stream(trunk, near, far, [bytes(lib.TR_FRAME_MAX)])

    def test_frames_are_counted(self, trunk: TrunkRig) -> None:
        near, far = trunk.frames
        sent, received = near.state().frames_sent, far.state().frames_received
        stream(trunk, near, far, [b"one", b"two", b"three"])
        assert near.state().frames_sent - sent == 3 and far.state().frames_received - received == 3
        assert far.state().frames_bad == 0

    def test_a_d_channel_has_no_sound_and_no_bits(self, trunk: TrunkRig, tmp_path: Path) -> None:
        near, _ = trunk.frames
        with pytest.raises(Unsupported):
            near.bits(1)
        with pytest.raises(Unsupported):
            trunk.run(near.play(Tone(450, ms=100)))
        with pytest.raises(Unsupported):
            trunk.run(near.record(tmp_path / "none.wav").ended)

    def test_frames_go_on_beside_sound(self, trunk: TrunkRig, tmp_path: Path) -> None:
        near, far = trunk.frames
        speaker, hearer = trunk.channels[0]
        recording = hearer.record(tmp_path / "heard.wav")
        data = law_samples("a", 9, 2.0)
        end = speaker.play(Sound(write(tmp_path / "sent.wav", data)))
        draw = random.Random(7)
        stream(trunk, near, far, [draw.randbytes(draw.randint(1, 260)) for _ in range(60)])
        trunk.run(end)
        trunk.time.run_for(0.3)
        trunk.run(recording.stop())
        assert data in samples(tmp_path / "heard.wav").tobytes()

    # ---- alarms ------------------------------------------------------------------------------------

    def test_a_broken_line_is_an_alarm_and_comes_back(self, trunk: TrunkRig, tmp_path: Path) -> None:
        (near, far), (bits_near, bits_far), (d_near, d_far) = trunk.channels[0], trunk.cas, trunk.frames
        assert not [port for port in trunk.heard if port.state().alarms]
        bits_far.bits(0b1001)
        trunk.time.run_for(0.3)
        trunk.fail()
        trunk.time.run_for(5)
        for port in (near, bits_near, d_near):
            assert "red" in port.state().alarms
            assert "red" in trunk.events(port, ev.Alarm)[-1].alarms
        recording = near.record(tmp_path / "silence.wav")
        trunk.run(far.play(Tone(1020, ms=500)))
        trunk.run(recording.stop())
        assert max(map(abs, samples(tmp_path / "silence.wav")), default=0) <= 16
        assert bits_near.state().bits == 0b1001  # frozen
        trunk.mend()
        trunk.time.run_for(10)
        assert not [port for port in trunk.heard if port.state().alarms]
        for port in (near, bits_near, d_near):
            assert trunk.events(port, ev.Alarm)[-1].alarms == ()
        talk(trunk, tmp_path, [(near, far), (far, near)], "a", 0.5)
        stream(trunk, d_near, d_far, [b"again"])
        stream(trunk, d_far, d_near, [b"and back"])
        bits_far.bits(0b0101)
        trunk.time.run_for(0.3)
        assert bits_near.state().bits == 0b0101
