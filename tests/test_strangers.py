"""Foreign programs judge what we send, and make what we have to hear: multimon-ng, minimodem, sox, SpanDSP.

Two detectors and two generators of our own could agree on the same mistake; these know nothing of us. multimon-ng's own
generator (gen-ng) is not in Debian's package; SpanDSP's generator stands in its place. What is measured here without a
foreign program is measured by sums written in this file.
"""

from __future__ import annotations

import argparse
import cmath
import ctypes
import ctypes.util
import json
import math
import random
import re
import subprocess
from array import array
from pathlib import Path
from typing import Any

import pytest

from cti.commands import audio
from cti.commands.bench_sound import SpanDspReceiver
from cti.errors import TipringError
from drivers import wav

ALL = "123A456B789C*0#D"
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
RATE = 8000
# A sine of 0 dBm0, as RMS of samples (peak 22827: 3.14 dB below A-law's overload, ITU-T G.711).
RMS_0DBM0 = 22826.9 / math.sqrt(2)


def tipring(*arguments: object) -> int:
    """`tipring audio` with these arguments."""
    parser = argparse.ArgumentParser()
    audio.add_arguments(parser)
    return audio.run(parser.parse_args([str(argument) for argument in arguments]))


def decoded(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    """What `tipring audio decode --json` says of a file."""
    capsys.readouterr()
    assert tipring("decode", path, "--json", *options) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def digits_in(path: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [row for row in decoded(path, capsys) if row["kind"] == "dtmf"]


def text_of(rows: list[dict[str, Any]]) -> str:
    return "".join(str(row["value"]) for row in rows)


def sox(*arguments: object) -> str:
    """Runs sox the same way each time (-R); what it says on standard error."""
    done = subprocess.run(["sox", "-R", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


# What we send


def read_by_multimon(path: Path) -> str:
    """The digits that multimon-ng hears; it wants 22,050 samples a second."""
    raw = path.with_suffix(".raw")
    sox(path, "-r", 22050, "-c", 1, "-b", 16, "-e", "signed-integer", "-t", "raw", raw)
    command = ["multimon-ng", "-q", "-t", "raw", "-a", "DTMF", str(raw)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return "".join(re.findall(r"^DTMF: (.)$", told, re.MULTILINE))


def read_by_spandsp(path: Path) -> str:
    if not SpanDspReceiver.is_here():
        pytest.fail("libspandsp is missing: it is in conf/debian-packages.txt, `make setup` installs it")
    receiver = SpanDspReceiver()
    try:
        return receiver.digits(wav.read(path).channels[0])
    finally:
        receiver.close()


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--level", "-3"],
        ["--level", "-30"],
        ["--twist", "3.5"],  # SpanDSP refuses more than 4 dB
        ["--twist", "-4"],  # multimon-ng does not hear -6 dB
        ["--snr", "15"],
        ["--on", "60", "--off", "60"],
        ["--level", "-20", "--twist", "2", "--snr", "20", "--on", "80", "--off", "80"],
    ],
    ids=" ".join,
)
def test_our_digits_are_read(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "digits.wav"
    assert tipring("make", "--dtmf", ALL, "--out", path, *options) == 0
    assert read_by_multimon(path) == ALL
    assert read_by_spandsp(path) == ALL
    assert text_of(digits_in(path, capsys)) == ALL


def by_minimodem(path: Path, *mode: str) -> bytes:
    """What minimodem reads, Bell 202 (1200/2200 Hz, 1200 bit/s), 8N1."""
    return subprocess.run(["minimodem", "--rx", "-q", "-f", str(path), *mode], check=True, capture_output=True).stdout


def message_in(received: bytes, kind: int) -> bytes:
    """The message behind the seizure; the sum of all its bytes must be 0."""
    match = re.search(b"U{10,}[^%c]*(%c.*)" % (kind, kind), received, re.DOTALL)
    assert match, received
    message = match[1][: match[1][1] + 3]
    assert len(message) == message[1] + 3 and sum(message) % 256 == 0, message
    return message


@pytest.mark.parametrize("snr", [None, "20"])
@pytest.mark.parametrize("number", ["8", "02162001234", "13800138000", "01234567890123456789"])
def test_our_caller_id_is_read(number: str, snr: str | None, tmp_path: Path) -> None:
    noise = ["--snr", snr] if snr else []
    multiple, single = tmp_path / "mdmf.wav", tmp_path / "sdmf.wav"
    when = ["--when", "11220905"]
    tipring("make", "--callerid-fsk", number, "--name", "Li Ming", *when, "--out", multiple, *noise)
    tipring("make", "--callerid-fsk", number, "--sdmf", *when, "--out", single, *noise)
    digits = number.encode()
    fields = b"\x01\x0811220905" + bytes((2, len(digits))) + digits + b"\x07\x07Li Ming"
    assert message_in(by_minimodem(multiple, "1200"), 0x80)[2:-1] == fields
    assert message_in(by_minimodem(single, "1200"), 0x04)[2:-1] == b"11220905" + digits
    told = by_minimodem(multiple, "callerid").decode()
    assert told == f"CALLER-ID\nTime:  11/22 09:05\nPhone: {number}\nName:  Li Ming\n"


# What we hear


def sox_digit(path: Path, digit: str, ms: int, low: float, high: float, noise: float = 0.0) -> list[object]:
    """A digit of two sines, amplitudes as shares of full scale, and the silence after it; the pieces are files."""
    at = ALL.index(digit)
    source = ["synth", ms / 1000, "sine", ROWS[at // 4], "sine", COLUMNS[at % 4], "whitenoise"]
    mix = f"1v{low:.4f},2v{high:.4f},3v{noise:.4f}"
    sox("-r", RATE, "-c", 3, "-n", "-b", 16, path, *source, "remix", mix)
    return [path]


def db(value: float) -> float:
    return float(10 ** (value / 20))


@pytest.mark.parametrize(
    ("ms", "pause_ms", "high_dbm0", "twist_db", "snr_db"),
    [
        (40, 40, -10, 0, None),
        (50, 50, -10, 0, 20),
        (60, 40, -10, 4, 20),
        (60, 40, -14, -8, 20),
        (70, 60, -36, 0, None),
        (80, 60, -3, -2, 15),
        (100, 100, -20, 2, 12),
    ],
)
def test_digits_of_sox(
    ms: int,
    pause_ms: int,
    high_dbm0: float,
    twist_db: float,
    snr_db: float | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    high = db(high_dbm0) * 22826.9 / 32768
    low = high * db(-twist_db)
    power = (low * low + high * high) / 2
    # sox's white noise is uniform: its power is a third of its peak's square.
    noise = math.sqrt(3 * power) * db(-snr_db) if snr_db is not None else 0.0
    pause = tmp_path / "pause.wav"
    sox("-n", "-r", RATE, "-b", 16, "-c", 1, pause, "synth", pause_ms / 1000, "whitenoise", "vol", f"{noise:.5f}")
    pieces: list[object] = [pause]
    for number, digit in enumerate(ALL):
        pieces += [*sox_digit(tmp_path / f"{number}.wav", digit, ms, low, high, noise), pause]
    path = tmp_path / "digits.wav"
    sox(*pieces, path)
    rows = digits_in(path, capsys)
    assert text_of(rows) == ALL
    for number, row in enumerate(rows):
        assert abs(row["t_ms"] - pause_ms - number * (ms + pause_ms)) <= 5, row
        assert abs(row["ms"] - ms) <= 6, row


@pytest.mark.parametrize(("on_ms", "off_ms", "level", "twist"), [(50, 55, -10, 0), (60, 50, -20, 4), (100, 60, -5, -4)])
def test_digits_of_spandsp(
    on_ms: int, off_ms: int, level: int, twist: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = ctypes.util.find_library("spandsp")
    assert name, "libspandsp is missing: it is in conf/debian-packages.txt, `make setup` installs it"
    library = ctypes.CDLL(name)
    library.dtmf_tx_init.restype = ctypes.c_void_p
    library.dtmf_tx_init.argtypes = [ctypes.c_void_p] * 3
    library.dtmf_tx_set_level.argtypes = library.dtmf_tx_set_timing.argtypes = [
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_int,
    ]
    library.dtmf_tx_put.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    library.dtmf_tx.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
    library.dtmf_tx_free.argtypes = [ctypes.c_void_p]
    state = library.dtmf_tx_init(None, None, None)
    library.dtmf_tx_set_level(state, level, twist)
    library.dtmf_tx_set_timing(state, on_ms, off_ms)
    assert library.dtmf_tx_put(state, ALL.encode(), len(ALL)) == 0
    samples = array("h", bytes(2 * RATE * 4))
    count = library.dtmf_tx(state, samples.buffer_info()[0], len(samples))
    library.dtmf_tx_free(state)
    assert count >= len(ALL) * on_ms * 8
    path = tmp_path / "digits.wav"
    wav.write(path, [array("h", bytes(1600)) + samples])
    rows = digits_in(path, capsys)
    assert text_of(rows) == ALL
    assert all(abs(row["ms"] - on_ms) <= 5 for row in rows)


@pytest.mark.parametrize("snr_db", [None, 15])
def test_caller_id_of_minimodem(snr_db: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = b"\x01\x0803171656\x02\x0a2156430144"
    message = bytes((0x80, len(body))) + body
    message += bytes((-sum(message) % 256,))
    pieces = []
    for name, data in (("seizure", b"U" * 30), ("message", message)):
        pieces.append(tmp_path / f"{name}.wav")
        command = ["minimodem", "--tx", "-q", "-R", str(RATE), "-v", "0.25", "-f", str(pieces[-1]), "1200"]
        subprocess.run(command, input=data, check=True)
    mark, clean, path = tmp_path / "mark.wav", tmp_path / "clean.wav", tmp_path / "burst.wav"
    sox("-n", "-r", RATE, "-b", 16, "-c", 1, mark, "synth", 0.12, "sine", 1200, "vol", 0.25)
    sox(pieces[0], mark, pieces[1], clean, "pad", 0.3, 0.3)
    noise = 0.25 * math.sqrt(1.5) * db(-snr_db) if snr_db is not None else 0.0
    if noise:
        hiss = tmp_path / "hiss.wav"
        sox("-n", "-r", RATE, "-b", 16, "-c", 1, hiss, "synth", 1.5, "whitenoise", "vol", f"{noise:.5f}")
        sox("-m", "-v", 1, clean, "-v", 1, hiss, path)
    else:
        path = clean
    (row,) = [row for row in decoded(path, capsys) if row["kind"] == "callerid"]
    assert (row["value"], row["when"], row["ok"], row["form"]) == ("2156430144", "03171656", True, "fsk")


# Our tones


def power(samples: array[int], hz: float) -> complex:
    """The complex amplitude at a frequency (peak, in steps of a sample)."""
    turn = -2j * math.pi * hz / RATE
    return 2 * sum(value * cmath.exp(turn * n) for n, value in enumerate(samples)) / len(samples)


def frequency(samples: array[int], near: float) -> float:
    """By how far the phase runs ahead of `near` between the two halves."""
    half = len(samples) // 2
    half -= half % RATE if half > RATE else 0
    first, second = power(samples[:half], near), power(samples[half : 2 * half], near)
    return (
        near + cmath.phase(second / first * cmath.exp(-2j * math.pi * near * half / RATE)) * RATE / half / 2 / math.pi
    )


def runs_ms(samples: array[int], least: int = 300) -> list[tuple[bool, float]]:
    """Sounding and silent stretches; up to 2 ms under the level belong to a sine."""
    edges: list[tuple[bool, float]] = []
    loud_at = [n for n, value in enumerate(samples) if abs(value) > least]
    begin = last = loud_at[0]
    edges.append((False, begin / 8))
    for n in [*loud_at[1:], len(samples) + 1000]:
        if n - last > 16:
            edges += [(True, (last + 1 - begin) / 8), (False, (min(n, len(samples)) - last - 1) / 8)]
            begin = n
        last = n
    return edges


TONES = [  # typed from the standards, not read from conf/tones
    ("cn", "dial", (450,), ()),
    ("cn", "ringback", (450,), (1000, 4000)),
    ("cn", "busy", (450,), (350, 350)),
    ("cn", "congestion", (450,), (700, 700)),
    ("cn", "info", (450,), (100, 100, 100, 100, 100, 100, 400, 400)),
    ("us", "dial", (350, 440), ()),
    ("us", "busy", (480, 620), (500, 500)),
    ("de", "busy", (425,), (480, 480)),
    ("jp", "ringback", (400,), (1000, 2000)),
    ("uk", "ringback", (400, 450), (400, 200, 400, 2000)),
]


@pytest.mark.parametrize(("country", "name", "hz", "cadence"), TONES)
def test_our_tones(
    country: str,
    name: str,
    hz: tuple[int, ...],
    cadence: tuple[int, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "tone.wav"
    period_s = sum(cadence) / 1000
    seconds = max(3.0, 3.2 * period_s)
    assert tipring("make", "--tone", name, "--country", country, "--seconds", seconds, "--out", path) == 0
    samples = wav.read(path).channels[0]
    assert abs(len(samples) / RATE - seconds) < 0.001
    sounding = samples[80 : (cadence[0] * 8 if cadence else 2 * RATE) - 80]
    for one in hz:
        assert abs(frequency(sounding, one) - one) <= 1
        assert abs(20 * math.log10(abs(power(sounding, one)) / 22826.9) + 10) <= 0.3
    if cadence:
        found = [ms for _, ms in runs_ms(samples)[1:-2]]
        wanted = [cadence[number % len(cadence)] for number in range(len(found))]
        assert len(found) >= 2 * len(cadence)
        assert all(abs(ms - want) <= 5 for ms, want in zip(found, wanted, strict=True)), found
    heard = decoded(path, capsys, "--country", country)
    assert {row["value"] for row in heard if row["kind"] == "tone"} == {name}


def test_our_dial_tone_by_sox(tmp_path: Path) -> None:
    path = tmp_path / "dial.wav"
    tipring("make", "--tone", "dial", "--level", "-12", "--out", path)
    stat = sox(path, "-n", "rate", 96000, "stat")  # its frequency is right for what is far below the rate
    told = {name: float(value) for name, value in re.findall(r"^(\w+ +\w+): +(\S+)$", stat, re.MULTILINE)}
    assert abs(told["Rough   frequency"] - 450) <= 1, stat
    assert abs(20 * math.log10(told["RMS     amplitude"] * 32768 / RMS_0DBM0) + 12) <= 0.3


def test_noise_is_as_far_down_as_asked(tmp_path: Path) -> None:
    clean, noisy, left = tmp_path / "clean.wav", tmp_path / "noisy.wav", tmp_path / "left.wav"
    tipring("make", "--tone", "dial", "--out", clean)
    tipring("make", "--tone", "dial", "--snr", "12", "--out", noisy)
    sox("-m", "-v", 1, noisy, "-v", -1, clean, left)
    levels = [float(re.findall(r"RMS lev dB +(\S+)", sox(path, "-n", "stats"))[0]) for path in (clean, left)]
    assert abs(levels[0] - levels[1] - 12) <= 0.3


# Forms of files


@pytest.mark.parametrize("coding", ["a-law", "mu-law", "signed-integer"])
@pytest.mark.parametrize("form", ["wav", "wavpcm"])
def test_codings_of_sox(coding: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs, back = tmp_path / "ours.wav", tmp_path / "theirs.wav", tmp_path / "back.raw"
    tipring("make", "--dtmf", ALL, "--snr", "20", "--out", ours)
    sox("-D", ours, "-t", form, "-e", coding, theirs)
    assert text_of(digits_in(theirs, capsys)) == ALL
    sox(theirs, "-t", "raw", "-e", "signed-integer", "-b", 16, "-L", back)
    samples = array("h", back.read_bytes())
    assert wav.read(theirs).channels[0] == samples  # every code word as sox decodes it


def test_each_code_word(tmp_path: Path) -> None:
    raw = tmp_path / "all.raw"
    raw.write_bytes(bytes(range(256)))
    for coding in ("a-law", "mu-law"):
        path, back = tmp_path / f"{coding}.wav", tmp_path / f"{coding}.raw"
        sox("-t", "raw", "-r", RATE, "-c", 1, "-e", coding, "-b", 8, raw, path)
        sox(path, "-t", "raw", "-e", "signed-integer", "-b", 16, "-L", back)
        assert wav.read(path).channels[0] == array("h", back.read_bytes())


def test_stereo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left, right, both = tmp_path / "left.wav", tmp_path / "right.wav", tmp_path / "both.wav"
    tipring("make", "--dtmf", "1470", "--out", left)
    tipring("make", "--tone", "busy", "--out", right)
    for coding in ("a-law", "signed-integer"):
        sox("-M", left, right, "-e", coding, both)
        rows = decoded(both, capsys)
        assert text_of([row for row in rows if row["channel"] == "left"]) == "1470"
        assert [row["value"] for row in rows if row["channel"] == "right"] == ["busy"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-r", "16000"], "16000 Hz"),
        (["-r", "44100", "-c", "2"], "44100 Hz"),
        (["-c", "4"], "4 channels"),
        (["-b", "8"], "8 bits"),
        (["-b", "24"], "24 bits"),
        (["-e", "floating-point", "-b", "32"], "32 bits"),
        (["-e", "gsm-full-rate"], "format 49"),
        (["-t", "au"], "not a WAV file"),
    ],
)
def test_wrong_forms_are_refused(arguments: list[str], says: str, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.wav", tmp_path / "theirs.wav"
    tipring("make", "--dtmf", "1", "--out", ours)
    sox(ours, *arguments, theirs)
    with pytest.raises(TipringError, match=re.escape(says)):
        tipring("decode", theirs)


def test_broken_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Cut anywhere, or with bytes changed: read as far as it goes, or refused; never anything else."""
    path, source = tmp_path / "broken.wav", random.Random(3)
    tipring("make", "--dtmf", "5", "--out", path)
    whole = path.read_bytes()[:800]
    refused = 0
    for number in range(300):
        data = bytearray(whole[: number if number < 60 else len(whole)])
        if number >= 60:
            for _ in range(source.randrange(1, 5)):
                data[source.randrange(48)] = source.randrange(256)
        path.write_bytes(data)
        try:
            assert tipring("decode", path) == 0
        except TipringError as error:
            refused += 1
            assert str(path) in str(error)
    capsys.readouterr()
    assert refused > 100
