"""`tipring pbx decode`: objects on standard output, unknown lines with their numbers on standard error, the status."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from cti.commands import pbx
from cti.conf import conf_files
from cti.errors import ConfigFaults, TipringError
from cti.pbx.dialect import dialect_names
from cti.pbx.smdr import SmdrRecord

GOLDEN = Path(__file__).parents[2] / "golden" / "pbx"


def decode(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    pbx.add_arguments(parser)
    return pbx.run(parser.parse_args(["decode", *arguments]))


def read(line: str) -> SmdrRecord:
    return msgspec.json.decode(line, type=SmdrRecord)


@pytest.mark.parametrize("name", ["panasonic-tda", "meridian1", "generic"])
def test_golden(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert decode("--dialect", name, "--date", "2026-01-05", str(GOLDEN / f"{name}.txt")) == 0
    out, err = capsys.readouterr()
    golden = (GOLDEN / f"{name}.jsonl").read_text("utf-8")
    assert [read(line) for line in out.splitlines()] == [read(line) for line in golden.splitlines()]
    assert err == ""


def test_unknown_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = (GOLDEN / "panasonic-tda.txt").read_bytes().splitlines()[1]
    path = tmp_path / "smdr.txt"
    path.write_bytes(good + b"\r\nwhat is this\r\n" + good + b"\r\n\r\n\xff\xfe\r\n" + good[:30])
    assert decode("--dialect", "panasonic-tda", str(path)) == 1
    out, err = capsys.readouterr()
    assert [json.loads(line)["line_no"] for line in out.splitlines()] == [1, 3]
    assert [line.split(": ")[0] for line in err.splitlines()] == [f"{path}:2", f"{path}:5", f"{path}:6"]
    assert "what is this" in err


def test_the_year_is_that_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "smdr.txt"
    path.write_bytes((GOLDEN / "meridian1.txt").read_bytes().splitlines()[0] + b"\n")
    os.utime(path, (1_300_000_000, 1_300_000_000))  # March 2011
    assert decode("--dialect", "meridian1", str(path)) == 0
    assert json.loads(capsys.readouterr().out)["start"] == "2011-05-09T07:47:00"


def test_what_cannot_be_done(tmp_path: Path) -> None:
    with pytest.raises(ConfigFaults, match="did you mean meridian1"):
        decode("--dialect", "meridian", "x")
    with pytest.raises(TipringError, match="No such file"):
        decode("--dialect", "generic", str(tmp_path / "none"))
    with pytest.raises(TipringError, match="YYYY-MM-DD"):
        decode("--dialect", "generic", "--date", "yesterday", str(GOLDEN / "generic.txt"))


def test_standard_input_and_own_dialect(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "name: own\ntitle: own\nsmdr:\n  records: [{name: call, pattern: '^(?P<extension>\\d+)=(?P<duration>\\d+)$'}]\n"
    )
    script = (
        "import argparse, sys; from cti.commands import pbx; p = argparse.ArgumentParser(); pbx.add_arguments(p);"
        "a = p.parse_args(sys.argv[1:]); assert 'twisted' not in sys.modules and 'msgspec' not in sys.modules;"
        "sys.exit(pbx.run(a))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "decode", "--dialect", str(own), "-"],
        input=b"8001=12\n8002=13",
        capture_output=True,
        check=True,
    )
    assert [(row["extension"], row["duration_s"]) for row in map(json.loads, done.stdout.splitlines())] == [
        ("8001", 12.0),
        ("8002", 13.0),
    ]


def test_list_names_every_dialect_also_one_with_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    pbx.add_arguments(parser)
    assert pbx.run(parser.parse_args(["list"])) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(shown) == dialect_names()
    assert shown["panasonic-tda"] == "Panasonic KX-TDA/TDE/NCP/NS, SMDR pattern A"
    (tmp_path / "pbx").mkdir()
    (tmp_path / "pbx" / "ours.yaml").write_text("name: ours\ntitle: [\n", "utf-8")
    monkeypatch.setattr(conf_files, "SITE_FOLDER", tmp_path)
    assert pbx.run(parser.parse_args(["list"])) == 1
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert "ours.yaml:" in shown["ours"] and "is not YAML" in shown["ours"] and "hicom150" in shown
