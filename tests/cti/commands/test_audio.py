"""`tipring audio`: what it says to people and programs, and what it refuses. tests/test_strangers.py has the sounds.

tests/golden/audio holds sounds made by foreign programs (their names say which), noise in some of them; what is in them
was typed from the commands that made them."""

from __future__ import annotations

import argparse
import json
from array import array
from pathlib import Path
from typing import Any

import pytest

from cti.commands import audio
from cti.errors import TipringError
from drivers import wav

GOLDEN = Path(__file__).parents[2] / "golden" / "audio"
SOX_DIGITS = [("1", 60), ("5", 180), ("9", 300), ("D", 420), ("*", 540)]  # each of 60 ms


def tipring(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    audio.add_arguments(parser)
    return audio.run(parser.parse_args([str(argument) for argument in arguments]))


def rows(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert tipring("decode", path, "--json", *options) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def check_digits(found: list[dict[str, Any]]) -> None:
    assert [row["value"] for row in found] == [digit for digit, _ in SOX_DIGITS]
    for row, (_, at) in zip(found, SOX_DIGITS, strict=True):
        assert row["kind"] == "dtmf" and abs(row["t_ms"] - at) <= 4 and abs(row["ms"] - 60) <= 4


def test_digits(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(GOLDEN / "digits-by-sox.wav", capsys)
    check_digits(found)
    assert set(found[0]) == {"t_ms", "kind", "value", "ms"}


def test_stereo(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(GOLDEN / "stereo-by-sox.wav", capsys)
    check_digits([row for row in found if row["channel"] == "left"])
    (busy,) = [row for row in found if row["channel"] == "right"]
    assert (busy["kind"], busy["value"]) == ("tone", "busy")
    assert busy["t_ms"] <= 5 and abs(busy["ms"] - 8 * 350) <= 5


def test_caller_id(capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = rows(GOLDEN / "callerid-by-minimodem.wav", capsys)
    del row["t_ms"]
    number, when = "2156430144", "03171656"
    assert row == {
        "kind": "callerid", "value": number, "ms": None, "form": "fsk", "ok": True, "when": when
    }  # fmt: skip


def test_damaged_caller_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (samples,) = wav.read(GOLDEN / "callerid-by-minimodem.wav").channels
    path = tmp_path / "damaged.wav"
    for n in range(4400, 4460):  # a byte of the number
        samples[n] = 0
    wav.write(path, [samples])
    found = rows(path, capsys)
    assert len(found) == 1
    assert all(not row["ok"] and row["value"] == "" and "checksum" in row["fault"] for row in found)
    assert tipring("decode", path) == 0
    assert "2156430144" not in capsys.readouterr().out


def test_dtmf_caller_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "id.wav"
    tipring("make", "--callerid-dtmf", "02162001234", "--out", path, "--on", "60", "--off", "60")
    found = rows(path, capsys)
    assert "".join(row["value"] for row in found if row["kind"] == "dtmf") == "A02162001234C"
    (one,) = [row for row in found if row["kind"] == "callerid"]
    assert (one["value"], one["form"], one["ok"]) == ("02162001234", "dtmf", True)


def test_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "id.wav"
    tipring("make", "--callerid-fsk", "13800138000", "--name", "李明", "--when", "11220905", "--out", path)
    (row,) = rows(path, capsys)
    assert (row["value"], row["name"], row["when"]) == ("13800138000", "李明", "11220905")
    tipring("decode", path)
    assert "13800138000          李明 11220905" in capsys.readouterr().out


def test_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tipring("decode", GOLDEN / "digits-by-sox.wav") == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line.split()[1:4] == ["s", "dtmf", "1"] and line.endswith("ms")
    path = tmp_path / "silence.wav"
    wav.write(path, [array("h", bytes(16000))])
    assert tipring("decode", path) == 0
    out, err = capsys.readouterr()
    assert out == "" and err == "nothing recognised in 1.0 s\n"


def test_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.wav", "b.wav", "c.wav")]
    for path, seed in zip(paths, ("4", "4", "5"), strict=True):
        tipring("make", "--dtmf", "159,D", "--snr", "10", "--seed", seed, "--out", path)
    a, b, c = (path.read_bytes() for path in paths)
    assert a == b != c and len(a) == len(c)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--dtmf", "12X"], "'12X' cannot be sent by dtmf"),
        (["--dtmf", "1", "--level", "4"], "--level 4: -70 to 3 can be made"),
        (["--dtmf", "1", "--level", "nan"], "--level nan"),
        (["--dtmf", "1", "--twist", "60"], "--twist 60"),
        (["--dtmf", "1", "--snr", "inf"], "--snr inf"),
        (["--dtmf", "1", "--on", "0"], "--on 0"),
        (["--dtmf", "1", "--off", "-5"], "--off -5"),
        (["--dtmf", "11111111", "--on", "9000"], "digits of more than a minute"),
        (["--tone", "dial", "--seconds", "3600"], "--seconds 3600"),
        (["--tone", "engaged"], "has no 'engaged': dial, ringback, busy"),
        (["--tone", "dial", "--country", "xx"], "no tone plan 'xx'; there are cn, de"),
        (["--callerid-fsk", "12a"], "'12a' is not a number of 1 to 20 digits"),
        (["--callerid-fsk", "123456789012345678901"], "1 to 20 digits"),
        (["--callerid-fsk", "123", "--when", "noon"], "date 'noon' is not MMDDhhmm"),
        (["--callerid-fsk", "123", "--sdmf", "--name", "Li"], "no place for a name"),
    ],
)
def test_refused(arguments: list[str], says: str, tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    with pytest.raises(TipringError) as caught:
        tipring("make", "--out", path, *arguments)
    assert says in str(caught.value)
    assert not path.exists()


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(TipringError, match=r"none\.wav: No such file or directory"):
        tipring("decode", tmp_path / "none.wav")
    with pytest.raises(TipringError, match="Is a directory"):
        tipring("decode", tmp_path)
    with pytest.raises(TipringError, match="No such file or directory"):
        tipring("make", "--dtmf", "1", "--out", tmp_path / "none" / "x.wav")
