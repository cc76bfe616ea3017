"""`tipring drain` as the operator sees it: what is said while it waits, at its end, and at Ctrl-C."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from cti.commands import drain
from cti.operations import control
from simulators.rig.site import write_site
from simulators.scenario.scenario import demo

UNDER_WAY = {"draining": True, "done": False, "calls": 2, "came": 0, "ports_out": 28, "ports_busy": 2}
OVER = {**UNDER_WAY, "done": True, "calls": 0, "ports_out": 30, "ports_busy": 0}


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, answers: list[Any], *words: str) -> tuple[int, list[Any]]:
    """The status, and what the server was asked; an answer that is an exception is raised."""
    asked: list[Any] = []

    def ask(state: Path, request: dict[str, Any], longer_s: float = 0.0) -> Any:
        asked.append(request)
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(control, "ask", ask)
    parser = argparse.ArgumentParser()
    drain.add_arguments(parser)
    site = write_site(demo(), folder)
    return drain.run(parser.parse_args(["-c", str(site), *words])), asked


def test_it_waits_for_the_last_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, asked = run(tmp_path, monkeypatch, [UNDER_WAY, UNDER_WAY, OVER], "--serve", "20")
    assert status == 0 and asked[0] == {"do": "drain", "serve_s": 20.0}
    assert "2 calls left" in (out := capsys.readouterr().out) and "drained: no call is left" in out


def test_ctrl_c_says_that_the_server_goes_on_draining(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, asked = run(tmp_path, monkeypatch, [UNDER_WAY, KeyboardInterrupt()])
    assert status == 130 and [one["do"] for one in asked] == ["drain", "drain.wait"]
    said = capsys.readouterr().err
    assert "goes on draining" in said and "tipring drain --undo" in said and "仍在排空" in said


def test_no_time_to_wait_and_many_who_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = run(tmp_path, monkeypatch, [{**UNDER_WAY, "came": 9}], "--wait", "0")
    out = capsys.readouterr().out
    assert status == 1 and "9 calls came meanwhile" in out and "--serve 0" in out


def test_somebody_took_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _ = run(tmp_path, monkeypatch, [UNDER_WAY, {**UNDER_WAY, "draining": False}])
    assert status == 1 and "taken back" in capsys.readouterr().out


def test_one_call_is_not_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, monkeypatch, [{**UNDER_WAY, "calls": 1, "came": 1, "ports_out": 1}], "--wait", "0")
    assert "1 call left, 1 port out of service, 2 to follow; 1 call came meanwhile" in capsys.readouterr().out
