"""`tipring bench`: each measurement runs on little input and tells what it promises. How fast is not asked here."""

from __future__ import annotations

import argparse
import json
import math
from array import array
from pathlib import Path
from typing import Any

import pytest

from cti.commands import bench, bench_soak
from cti.commands.bench_sound import from_a_law
from cti.errors import TipringError
from drivers import wav
from drivers.items import Digits, Silence
from drivers.listener import render, simd


def tipring(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    return bench.run(parser.parse_args([str(argument) for argument in arguments]))


def result(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert tipring(*arguments, "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("kernel", [None, "generic"])
def test_engine(kernel: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    before = simd()
    found = result(capsys, "engine", "--ports", 32, "--rounds", 1, *(["--simd", kernel] if kernel else []))
    assert simd() == before and found["simd"] == (kernel or before)
    assert found["digits_found"] == found["digits_sent"] > 100
    assert found["ports_per_core"] >= found["ports_per_core_tones"] / 2 > 0
    assert [row["ports"] for row in found["ticks"]] == [30, 300, 3000]
    assert 4_000 < found["bytes_per_port"] < 120_000  # the rings of one engine on 32 ports
    assert found["ports_per_core_echo"] > 0
    receivers = found["receivers"]
    assert receivers[found["reference"]]["ratio"] == 1
    assert all(row["channels"] > 0 and row["digits"] == found["receiver_digits_sent"] for row in receivers.values())


def test_engine_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert tipring("engine", "--ports", 16, "--rounds", 1) == 0
    assert "ports_per_core" in capsys.readouterr().out
    with pytest.raises(TipringError, match="--ports"):
        tipring("engine", "--ports", 0)


@pytest.mark.parametrize("kind", ["r2", "pri"])
def test_trunks(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = result(capsys, kind, "--spans", 1, "--seconds", 25, "--rounds", 1)
    assert found["channels"] == 30 and found["calls_a_second"] > 1 and found["times_real_time"] > 1
    limit_s = {"r2": 22 * 0.24, "pri": 0.06}[kind]
    assert 0 < found["offered_s"] <= limit_s
    assert tipring(kind, "--spans", 1, "--seconds", 21, "--rounds", 1) == 0
    assert f"30 {kind.upper()} channels" in capsys.readouterr().out
    with pytest.raises(TipringError, match="--spans"):
        tipring(kind, "--spans", 0)


def test_echo(capsys: pytest.CaptureFixture[str]) -> None:
    before = simd()
    found = result(capsys, "echo", "--rounds", 1)
    assert simd() == before
    ours = [row for row in found["cancellers"] if row["canceller"] != "speexdsp"]
    assert {row["tail_ms"] for row in ours} == {32, 64} and "generic" in {row["canceller"] for row in ours}
    for row in found["cancellers"]:
        assert row["lines_per_core"] > 0 and row["noise_db"] > 25
        assert row["speech_db"] > (27 if row in ours and row["tail_ms"] == 32 else 20)
        assert all(row[name] <= found["best"][name] for name in found["best"])
    for tail in (32, 64):  # every kernel the same bits
        assert len({row["speech_db"] for row in ours if row["tail_ms"] == tail}) == 1


def test_ten_minutes_of_conversations_without_a_sample_of_another(capsys: pytest.CaptureFixture[str]) -> None:
    found = result(capsys, "bridge", "--hours", 1 / 6)
    assert found["calls_at_a_time"] == 200 and found["conversations"] > 500
    assert found["wrong"] == found["out_of_bounds"] == found["events_lost"] == found["memory_growth_bytes"] == 0
    assert found["samples"] > 450 * 8000 * 590 and min(found[what] for what in ("holds", "thirds", "gains")) > 100


def test_recorded_conversations_hold_nobody_else(capsys: pytest.CaptureFixture[str]) -> None:
    found = result(capsys, "bridge", "--hours", 0.1, "--calls", 12, "--recording")
    assert found["recordings"] > 20 and found["files_with_strangers"] == found["io_overruns"] == found["wrong"] == 0
    assert tipring("bridge", "--hours", 0.001, "--calls", 4) == 0
    assert "samples compared" in capsys.readouterr().out
    for words in (["--hours", 0], ["--hours", 1, "--calls", 3], ["--hours", 1, "--calls", 251]):
        with pytest.raises(TipringError, match="--hours"):
            tipring("bridge", *words)


def test_a_stranger_in_a_recording_is_found(tmp_path: Path) -> None:
    codes = [bench_soak._code(party) for party in range(4)]
    voices = [from_a_law(code) * 3 for code in codes]
    wav.write(tmp_path / "0-1.wav", [voices[0][800:], voices[1][800:]])
    assert bench_soak.faults(tmp_path / "0-1.wav", codes) == []
    for side in (0, 1):
        heard = [voices[0][800:], voices[1][800:]]
        heard[side][12_000] = voices[2][0] + 8
        wav.write(tmp_path / "0-1.wav", heard)
        assert len(bench_soak.faults(tmp_path / "0-1.wav", codes)) == 1
    wav.write(tmp_path / "0-1.wav", [voices[3], voices[1]])
    assert bench_soak.faults(tmp_path / "0-1.wav", codes) == ["0-1.wav: left is not the caller alone"]


def test_talkoff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "deep" / "sounds"
    folder.mkdir(parents=True)
    digits = render([Silence(300), Digits("15", on_ms=80, off_ms=80), Silence(300)])
    hum = array("h", (round(3000 * math.sin(n * math.tau * 697 / 8000)) for n in range(8000)))
    wav.write(folder / "digits.wav", [digits])
    wav.write(folder / "HUM.WAV", [hum])
    wav.write(folder / "both.wav", [hum, hum])
    (folder / "link.wav").symlink_to(folder / "digits.wav")
    (folder / "broken.wav").write_bytes(b"RIFF")
    (folder / "notes.txt").write_text("no sound")
    found = result(capsys, "talkoff", tmp_path, "--speed", "1,1.005", "--gain", "0,-6")
    assert (found["files"], found["variants"], found["unread"]) == (4, 16, 4)
    assert [(row["digit"], Path(row["file"]).name) for row in found["found"]] == [
        ("1", "digits.wav"),
        ("5", "digits.wav"),
    ] * 4
    assert abs(found["found"][0]["t_ms"] - 300) < 5
    assert found["digits"] == 8 and abs(found["digits_per_hour"] * found["hours"] - 8) < 0.2
    assert tipring("talkoff", folder / "digits.wav") == 0
    assert " ms at     0.300 s  " in capsys.readouterr().out


def test_talkoff_refusals(tmp_path: Path) -> None:
    with pytest.raises(TipringError, match="no such folder"):
        tipring("talkoff", tmp_path / "none")
    with pytest.raises(TipringError, match="no WAV files"):
        tipring("talkoff", tmp_path)
    wav.write(tmp_path / "empty.wav", [array("h")])
    with pytest.raises(TipringError, match="none of these files holds sound"):
        tipring("talkoff", tmp_path)
    for option, text in (("--speed", "fast"), ("--speed", "0"), ("--gain", "nan")):
        with pytest.raises(TipringError, match=option):
            tipring("talkoff", tmp_path, option, text)


def test_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = result(capsys, "journal", "--calls", 40, "--rounds", 1, "--dir", tmp_path)
    assert found["events"] == 800 and found["append_per_s"] > 0 and found["forward_per_s"] > 0
    assert 0 < found["durable_ms"] <= found["durable_max_ms"]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TipringError, match="No such file"):
        tipring("journal", "--dir", tmp_path / "none")


def test_acd(capsys: pytest.CaptureFixture[str]) -> None:
    found = result(capsys, "acd", "--agents", 1000, "--calls", 50, "--rounds", 2)
    assert found["agents"] == [100, 1000] and min(found["call_us"]) > 0 and found["ratio"] > 0


def test_demo(capsys: pytest.CaptureFixture[str]) -> None:
    found = result(capsys, "demo", "--calls", 1, "--rounds", 1)
    assert found["calls"] == 1 and found["ports"] == 30 and found["line_s"] > 10
    assert abs(found["speed"] - found["line_s"] / found["took_s"]) < 0.05 * found["speed"]
    with pytest.raises(TipringError, match=r"the demo failed with status 2: .*--calls"):
        tipring("demo", "--calls", 0)
