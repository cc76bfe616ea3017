"""`tipring demo --stepped`: the same bytes from the same seed wherever it runs, and calls that end as the world saw."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivers.listener import simd
from simulators.rig.result import missing_step
from simulators.rig.stepped import Run, run
from simulators.scenario.scenario import mixed

COMMAND = [sys.executable, "-c", "import sys; from cti.commands import main; sys.exit(main(sys.argv[1:]))"]
KEYS = {"call", "ani", "dnis", "outcome", "steps", "agent", "port", "wait_s", "talk_s"}
OUTCOMES = {"answered", "abandoned_ring", "abandoned_menu", "abandoned_queue", "message", "lost_in_transfer"}
# What differs from machine to machine, and must not show in a run.
PLACES = {
    "hash seed": {"PYTHONHASHSEED": "12345"},
    "generic": {"TIPRING_SIMD": "generic", "PYTHONHASHSEED": "1"},
    "avx2": {"TIPRING_SIMD": "avx2"},
    "avx512": {"TIPRING_SIMD": "avx512"},
    "older processor": {
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-BMI2,-ERMS,-AVX512F,-AVX512VL,-AVX512BW,-AVX,-SSE4_2"
    },
    "another country": {"TZ": "America/St_Johns", "LANG": "de_DE.UTF-8", "LC_ALL": "C", "PYTHONUTF8": "0"},
}
SEEDS = (7, 1, 4, 11)


def demo(folder: Path, *arguments: str, **surroundings: str) -> subprocess.CompletedProcess[bytes]:
    environment = {"PYTHONHASHSEED": "0", **os.environ, **surroundings}
    return subprocess.run([*COMMAND, "demo", "--stepped", *arguments], cwd=folder, env=environment, capture_output=True)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    done = demo(tmp_path_factory.mktemp("here"), "--calls", "20", "--seed", "7", "--json", "-", PYTHONHASHSEED="0")
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.parametrize("place", PLACES)
def test_the_same_seed_gives_the_same_bytes(place: str, reference: bytes, tmp_path: Path) -> None:
    surroundings = PLACES[place]
    if (path := surroundings.get("TIPRING_SIMD")) is not None:
        usual = simd()
        has = simd(path) is not None
        simd(usual)
        if not has:
            pytest.skip(f"this processor has no {path}")
    done = demo(tmp_path, "--calls", "20", "--seed", "7", "--json", "-", **surroundings)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == reference


def test_the_same_seed_gives_the_same_wires(tmp_path: Path) -> None:
    files = []
    for name, surroundings in (
        ("here", {"PYTHONHASHSEED": "0"}),
        ("there", {"PYTHONHASHSEED": "99", "TIPRING_SIMD": "generic", **PLACES["older processor"], "TZ": "Asia/Tokyo"}),
    ):
        folder = tmp_path / name
        folder.mkdir()
        done = demo(folder, "--calls", "2", "--seed", "7", "--json", "calls.json", "--wires", "wires", **surroundings)
        assert done.returncode == 0, done.stderr.decode()
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files.append({str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths})
        for path in (folder / "wires").iterdir():
            path.unlink()  # 80 MB
    here, there = files
    assert here == there
    assert "calls.json" in here and "wires/smdi.jsonl" in here and "wires/vru-2030.wav" in here


def test_another_seed_is_another_run(reference: bytes, tmp_path: Path) -> None:
    done = demo(tmp_path, "--calls", "20", "--seed", "8", "--json", "-")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout != reference


@functools.cache
def the_run(seed: int) -> Run:
    return run(mixed(seed, 20))


def cases(seed: int) -> dict[str, list[dict[str, Any]]]:
    """The server's calls by the case that their caller was made from; calls come in the order of callers here."""
    result = the_run(seed)
    plans = result.scenario.callers
    numbers = {plan.ani: plan.note for plan in plans}
    found: dict[str, list[dict[str, Any]]] = {}
    for call in result.calls:
        found.setdefault(numbers.get(call["ani"], "no number"), []).append(call)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_twenty_calls_end_as_the_world_saw(seed: int) -> None:
    result = the_run(seed)
    assert [str(finding) for finding in result.findings] == []
    assert result.popups == []
    assert len(result.calls) == 20
    assert missing_step(result.calls) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mix_holds_every_case(seed: int) -> None:
    result, by_case = the_run(seed), cases(seed)
    outcomes = {call["outcome"] for call in result.calls}
    assert {"answered", "abandoned_queue", "abandoned_menu", "abandoned_ring", "message"} <= outcomes <= OUTCOMES
    answered = [call for call in result.calls if call["outcome"] == "answered"]
    assert any(call["no_answers"] for call in answered), "no answer, then the next agent"
    assert any(call["busies"] for call in answered), "busy, then the next agent"
    log = result.world.truth
    done = {(happening.what, happening.data["fault"]) for happening in log.log if "fault" in happening.data}
    assert {("smdi", "late"), ("smdi", "lost"), ("smdr", "damaged")} <= done
    for call in by_case["smdi_late"] + by_case["smdi_lost"]:
        assert call["ani"] and call["sources"]["4"] == "port", "the number came in the voice band"
    assert all(call["message_s"] > 3.0 for call in result.calls if call["outcome"] == "message")


@pytest.mark.parametrize("seed", SEEDS)
def test_an_answered_call_has_its_nine_steps(seed: int) -> None:
    """Step 9 is the PBX's record: where that was spoilt, `smdr` holds no record of the agent's telephone, and `cause`
    says that the agent ended the call at the desk."""
    result = the_run(seed)
    spoilt = {
        result.world.truth.calls[happening.call].ani
        for happening in result.world.truth.log
        if happening.what == "smdr" and happening.data["fault"] and happening.call is not None
    }
    for call in result.calls:
        assert call.keys() >= KEYS
        steps = {int(number): seconds for number, seconds in call["steps"].items()}
        assert set(call["sources"]) == set(call["steps"])
        certain = [steps[number] for number in (1, 3, 5, 6, 7, 8, 9) if number in steps]
        assert certain == sorted(certain), call
        if 2 in steps:
            assert steps[1] <= steps[2] <= steps[4], call
        if call["outcome"] != "answered":
            lifted = call["outcome"] == "lost_in_transfer" and {7, 8} <= steps.keys()  # by an agent, to nobody
            assert lifted or (call["agent"] is None and call["talk_s"] is None)
            continue
        assert call["agent"] and call["wait_s"] is not None and call["talk_s"] > 0
        if 9 in steps:
            assert set(steps) == set(range(1, 10)), call
            assert call["sources"]["9"] == "smdr" and f" {call['agent_extension']} " in call["smdr"]
        else:
            assert set(steps) == set(range(1, 9)), call
            assert call["ani"] in spoilt, "a record that came whole makes step 9"
            assert call["cause"] == "call_ended"
            assert call["smdr"] is None or f" {call['agent_extension']} " not in call["smdr"]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_popup_came_before_the_telephone_rang(seed: int) -> None:
    result = the_run(seed)
    rings = [
        happening for happening in result.world.truth.log if happening.what == "rings" and "popup" in happening.data
    ]
    assert len(rings) >= 10
    assert all(ring.data["popup"] for ring in rings)


def test_what_is_not_understood_is_refused(tmp_path: Path) -> None:
    for arguments, remedy in (
        (["--fault", "dialtone=loud"], "LEVELdB"),
        (["--fault", "gremlins=3"], "no such fault"),
        (["--trunk", "pri", "--pbx", "usual"], "alone means --switch card, without a PBX: add --switch pbx"),
        (["--fault", "returnloss=5dB"], "from 6 to 100"),
        (["--fault", "cut=99@3"], "VRU ports 0 to 29"),
        (["--calls", "0"], "1 to 10000"),
    ):
        done = demo(tmp_path, *arguments)
        assert done.returncode not in (0, None) and b"Traceback" not in done.stderr
        assert remedy in done.stderr.decode()


def test_json_is_one_object_a_line(reference: bytes) -> None:
    calls = [json.loads(line) for line in reference.decode("utf-8").splitlines()]
    assert len(calls) == 20 and all(call.keys() >= KEYS for call in calls)
    assert len({call["call"] for call in calls}) == 20
