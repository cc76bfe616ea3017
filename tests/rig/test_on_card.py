"""Runs in which the server's own cards are the switch: calls end as people saw, and everybody hears whom they should.

The wires' files are looked at as a stranger would, with sums of our own: which frequencies are where, by the objects of
`--json` alone.
"""

from __future__ import annotations

import functools
import json
import math
import shutil
import subprocess
import sys
import wave
from array import array
from collections.abc import Iterator
from operator import mul
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulators.faults import FaultError, parse
from simulators.rig.on_card import CardRun, run
from simulators.scenario.card_cases import CASES, Case
from simulators.scenario.card_scenario import mixed, with_case
from tests.rig.wire_files import keys_by_stranger

COMMAND = [sys.executable, "-c", "import sys; from cti.commands import main; sys.exit(main(sys.argv[1:]))"]
SEEDS = (5, 1)
RATE = 8000
HEARD_DBM0, NOT_HEARD_DBM0, NO_ECHO_DBM0 = -22.0, -24.0, -45.0


@functools.cache
def the_run(seed: int) -> CardRun:
    return run(mixed(seed, len(CASES) + 8))


@pytest.mark.parametrize("seed", SEEDS)
def test_calls_end_as_people_saw_and_nobody_hears_a_stranger(seed: int) -> None:
    result = the_run(seed)
    assert [str(finding) for finding in result.findings] == []
    assert result.popups == []
    assert len(result.calls) >= len(CASES)
    assert {plan.note for plan in result.scenario.callers} == set(CASES)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_call_names_its_parties(seed: int) -> None:
    result = the_run(seed)
    answered = [call for call in result.calls if call["outcome"] == "answered"]
    assert answered
    for call in answered:
        roles = [party["party"].partition(" ")[0] for party in call["parties"]]
        assert roles[0] == "caller" and "phone" in roles, call
        for party in call["parties"]:
            assert party["from_s"] <= (party["to_s"] or math.inf), call
        spoken = [party["hz"] for party in call["parties"] if party["hz"] is not None]
        assert spoken and len(set(spoken)) == len(spoken), call  # who waits for a message to begin says nothing


# ---- as a stranger sees it -----------------------------------------------------------------------


def level(samples: array[int], hz: int) -> float:
    """dBm0 of one frequency (a sine of 0 dBm0 has its peak at 22,827)."""
    turn = 2 * math.pi * hz / RATE
    cosine = sum(map(mul, samples, (math.cos(turn * at) for at in range(len(samples)))))
    sine = sum(map(mul, samples, (math.sin(turn * at) for at in range(len(samples)))))
    return 20 * math.log10(max(1e-3, 2 * math.hypot(cosine, sine) / len(samples)) / 22827)


def sides(path: Path, at_s: float) -> tuple[array[int], array[int]]:
    """A fifth of a second of a stereo file: left what the server heard, right what it sent."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, RATE, 2)
        file.setpos(round(at_s * RATE))
        samples = array("h", file.readframes(RATE // 5))
    return samples[0::2], samples[1::2]


def talks(calls: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]], float]]:
    """Calls with which nothing was done: its two parties, and a second in the middle of their talk."""
    for call in calls:
        parties = call["parties"]
        if call["outcome"] == "answered" and not call["verbs"] and len(parties) == 2:
            begin = max(party["from_s"] for party in parties)
            end = min(party["to_s"] for party in parties)
            if end - begin > 4.0:
                yield call, parties, (begin + end) / 2


def test_the_wires_hold_who_hears_whom(tmp_path: Path) -> None:
    command = [*COMMAND, "demo", "--stepped", "--switch", "card", "--calls", "8", "--seed", "5", "--every", "4"]
    done = subprocess.run([*command, "--json", "calls.json", "--wires", "wires"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    calls = [json.loads(line) for line in (tmp_path / "calls.json").read_text(encoding="utf-8").splitlines()]
    everybody = {party["hz"] for call in calls for party in call["parties"]}
    seen = 0
    for call, (one, other), at_s in talks(calls):
        for ear, voice in ((one, other), (other, one)):
            samples = sides(tmp_path / "wires" / f"{ear['wire']}.wav", at_s)[1]
            assert level(samples, voice["hz"]) > HEARD_DBM0, (call["call"], ear["party"])
            for hz in everybody - {voice["hz"]}:
                assert level(samples, hz) < NOT_HEARD_DBM0, (call["call"], ear["party"], hz)
            seen += 1
        [kept] = call["recordings"]
        assert (kept["wire"], kept["left"]) == (one["wire"], one["party"])
        left, right = sides(tmp_path / "wires" / "recordings" / kept["file"], at_s - kept["from_s"])
        for samples, voice, absent in ((left, one, other), (right, other, one)):  # and no echo: there is a canceller
            assert level(samples, voice["hz"]) > HEARD_DBM0 and level(samples, absent["hz"]) < NO_ECHO_DBM0, kept
            for hz in everybody - {one["hz"], other["hz"]}:
                assert level(samples, hz) < NOT_HEARD_DBM0, (kept, hz)
    assert seen >= 2
    shutil.rmtree(tmp_path / "wires")


def test_digits_sent_in_a_talk_are_heard_out_at_the_far_end(tmp_path: Path) -> None:
    result = run(with_case(mixed(1, 1), Random(1), 2, 9.0, "send_dtmf"), wires=tmp_path)
    assert result.findings == []
    [call] = [call for call in result.calls if call["verbs"]]
    [verb] = call["verbs"]
    assert (verb["verb"], verb["to"], verb["result"]) == ("send_dtmf", "159*0#24", "done")
    assert keys_by_stranger(tmp_path / f"{call['parties'][0]['wire']}.wav") == verb["to"]
    assert keys_by_stranger(tmp_path / f"{call['parties'][1]['wire']}.wav") == ""  # the agent hears none of them


# ---- what can be asked for -----------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    command = [*COMMAND, "demo", "--stepped", "--switch", "card", "--calls", "9", "--seed", "7", "--json", "-"]
    first, second = (subprocess.run(command, cwd=tmp_path, capture_output=True) for _ in range(2))
    assert first.returncode == 0, first.stderr.decode()
    assert first.stdout == second.stdout and len(first.stdout.splitlines()) == 9


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["--switch", "card", "--pbx", "usual"], "there is no PBX"),
        (["--switch", "pbx", "--trunk", "fxo", "--callers", "x"], "belongs to --trunk r2 or pri"),
        (["--switch", "card", "--trunk", "r99"], "no such kind"),
        (["--switch", "card", "--fault", "smdi=lost:10%"], "is a PBX's"),
        (["--switch", "card", "--fault", "cut=99@3"], "there are trunks 0 to"),
        (["--switch", "card", "--fault", "dialtone=-60dB"], "only none"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: list[str], remedy: str, tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, "demo", "--stepped", *arguments], cwd=tmp_path, capture_output=True)
    assert done.returncode == 2 or done.returncode == 1
    assert remedy in done.stderr.decode() and b"Traceback" not in done.stderr


def test_faults_of_the_office() -> None:
    scenario = mixed(1, 1)
    assert scenario.with_fault(parse("loopdrop=none")).office.disconnect == "none"
    assert scenario.with_fault(parse("dialtone=none")).office.dial_tone is False
    assert scenario.with_fault(parse("noise=-50dBm0")).wires.noise_dbm0 == -50.0
    with pytest.raises(FaultError, match="power"):
        scenario.with_fault(parse("power=off@3:4s"))


def test_a_case_that_is_not_understood_is_an_error() -> None:
    CASES["broken"] = Case(5.0, "N+1 | agent of N | dances")
    try:
        with pytest.raises(ValueError, match="dances"):
            with_case(mixed(1, 1), Random(1), 2, 9.0, "broken")
    finally:
        del CASES["broken"]
