"""Our own echo canceller on analog ports: what we send does not come back to those who hear the port."""

from __future__ import annotations

import math
import random
from array import array
from pathlib import Path

import pytest

from drivers import events as ev
from drivers import wav
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.errors import ArgumentError
from drivers.items import Digits, Silence, Sound, Tone
from drivers.port import Port
from drivers.stepped import Stepper
from tests.drivers.card_rig import level, samples


class Lines:
    """FXO ports, each wired to the FXS port of a telephone; both ends off-hook; hybrids of 10 dB at both."""

    def __init__(self, count: int, **wires: float) -> None:
        self.clock = SteppedClock()
        self.engine = Engine(self.clock)
        self.near, self.far = SoftwareCard(self.engine, "fxo", count), SoftwareCard(self.engine, "fxs", count)
        for n in range(count):
            self.near.wire(n, self.far, n, return_loss_db=10, loss_db=0, **wires)
        self.time = Stepper(self.clock, [self.engine])
        for port in (*self.far.ports, *self.near.ports):
            port.begin_call()
        for port in self.near.ports:
            self.time.run(port.answer())
        self.time.run_for(0.5)


def noise(path: Path, seconds: float, dbm0: float = -16.0, seed: int = 1) -> Path:
    source = random.Random(seed)
    sigma = 22827 / math.sqrt(2) * 10 ** (dbm0 / 20)
    sound = array("h", (max(-32768, min(32767, round(source.gauss(0, sigma)))) for _ in range(int(seconds * 8000))))
    wav.write(path, [sound])
    return path


def heard_back(lines: Lines, port: Port, folder: Path, mode: str, taps: int = 256) -> float:
    """Level of our own prompt, as we receive it, in the second second; dBm0."""
    port.echo_canceller(mode, taps)
    recording = port.record(folder / "heard.wav")
    lines.time.run(port.play(Sound(noise(folder / "prompt.wav", 2))))
    lines.time.run(recording.stop())
    return level(samples(folder / "heard.wav")[8000:15000])


@pytest.mark.parametrize("kind", ["fxo", "fxs"])
def test_our_prompt_does_not_come_back(tmp_path: Path, kind: str) -> None:
    lines = Lines(1)
    port = (lines.near if kind == "fxo" else lines.far).ports[0]
    assert heard_back(lines, port, tmp_path, "off") == pytest.approx(-26, abs=1.5)
    assert heard_back(lines, port, tmp_path, "on") < -26 - 25
    assert heard_back(lines, port, tmp_path, "fax") < -26 - 25  # goes on with what it knows
    assert heard_back(lines, port, tmp_path, "off") == pytest.approx(-26, abs=1.5)


def test_a_far_echo_needs_the_longer_tail(tmp_path: Path) -> None:
    lines = Lines(1, far_echo_db=16, far_echo_ms=50)
    [port] = lines.near.ports
    assert heard_back(lines, port, tmp_path, "on") > -16 - 16 - 3
    assert heard_back(lines, port, tmp_path, "on", 512) < -26 - 20
    assert heard_back(lines, port, tmp_path, "on") > -16 - 16 - 3  # and back again
    with pytest.raises(ArgumentError, match="256 or 512"):
        port.echo_canceller("on", 300)


def test_a_new_call_begins_with_what_is_known_of_the_line(tmp_path: Path) -> None:
    lines = Lines(1)
    [port] = lines.near.ports
    heard_back(lines, port, tmp_path, "on")
    port.begin_call()
    recording = port.record(tmp_path / "heard.wav")
    port.play(Sound(noise(tmp_path / "prompt.wav", 0.3, seed=2)))
    lines.time.run_for(0.35)
    recording.stop()
    lines.time.run_for(0.1)
    assert level(samples(tmp_path / "heard.wav")[400:2400]) < -45


def test_two_callers_do_not_hear_themselves(tmp_path: Path) -> None:
    lines = Lines(2)
    one, other = lines.near.ports
    one.hear(other)
    other.hear(one)
    levels = []
    for mode in ("off", "on"):
        one.echo_canceller(mode)
        other.echo_canceller(mode)
        # what the first telephone says comes back from the second line's hybrid
        recording = lines.far.ports[0].record(tmp_path / "heard.wav")
        lines.far.ports[0].play(Sound(noise(tmp_path / "voice.wav", 2)))
        lines.time.run_for(2.1)
        recording.stop()
        lines.time.run_for(0.1)
        heard = samples(tmp_path / "heard.wav")[8000:15000]
        said = wav.read(tmp_path / "voice.wav").channels[0]
        levels.append(_returned(said, heard, 8000))
    assert levels[0] > -13 and levels[1] < levels[0] - 20


def _returned(said: array[int], heard: array[int], at: int) -> float:
    """The strongest likeness of what was said, 140 ms before, in what is heard: its level over the former's."""
    best = 0.0
    power = sum(x * x for x in said[at : at + 4000 : 2])
    for delay in range(1110, 1140):
        best = max(best, abs(sum(said[at + n - delay] * heard[n] for n in range(0, 4000, 2))) / power)
    return 20 * math.log10(best + 1e-9)


def test_digits_under_our_prompt(tmp_path: Path) -> None:
    lines = Lines(1)
    [port], [far] = lines.near.ports, lines.far.ports
    port.echo_canceller("on")
    port.detect("dtmf")
    told: list[ev.Event] = []
    port.listen(told.append)
    port.play(Sound(noise(tmp_path / "prompt.wav", 8, dbm0=-10)))
    lines.time.run_for(1)
    far.play(
        *(item for digit in "159*0#D" for item in (Digits(digit, on_ms=60, off_ms=60, level_dbm0=-30), Silence(300)))
    )
    lines.time.run_for(7.2)
    assert [event.digit for event in told if isinstance(event, ev.DigitBegin)] == list("159*0#D")


def test_a_flash_and_an_open_line_teach_nothing(tmp_path: Path) -> None:
    lines = Lines(1)
    [port], [far] = lines.near.ports, lines.far.ports
    heard_back(lines, port, tmp_path, "on")
    recording = port.record(tmp_path / "heard.wav")
    port.play(Sound(noise(tmp_path / "long.wav", 4, seed=3)))
    lines.time.run_for(1)
    port.flash(500)
    lines.time.run_for(2.5)
    recording.stop()
    lines.time.run_for(0.6)
    heard = samples(tmp_path / "heard.wav")
    assert max(map(abs, heard[8320:11520])) < 300  # no echo taken out of a line that carries none
    assert level(heard[13000:14600]) < -45  # and the echo is known as before
    assert far.state().kind == "fxs"


def test_every_run_hears_the_same(tmp_path: Path) -> None:
    heard = []
    for _ in range(2):
        lines = Lines(1)
        [port], [far] = lines.near.ports, lines.far.ports
        far.play(Tone(1000, level_dbm0=-20, ms=700, cadence_ms=(100, 90)))
        heard_back(lines, port, tmp_path, "on")
        heard.append((tmp_path / "heard.wav").read_bytes())
    assert heard[0] == heard[1]
