"""Whom a ring brings back: by the PBX's message, in-band number, or a ring without a word, at the port that transferred
or at another of the group; several at once; and calls that look like it and are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cti.switch.interface import Caller, Transfer
from drivers import events as ev
from tests.cti.centre_bench import DNIS, A, B, CentreBench


def made(folder: Path, **line: Any) -> CentreBench:
    return CentreBench(folder, agents=2, line=line)


def recall(bench: CentreBench, calling: str | None = A, port: int = 0) -> Any:
    """A call on which we hung up after a busy agent."""
    for agent in ("1001", "1002"):
        bench.centre.acd.ready(agent)
    call = bench.transferring(calling, port)
    bench.switch.ends(Transfer.BUSY, Caller.RECALLED, "busy", -1)
    assert call.state == "recall"
    return call


@pytest.mark.parametrize("to", ["port", "group"])
def test_a_ring_without_a_word_at_another_port(tmp_path: Path, to: str) -> None:
    bench = made(tmp_path, recall_to=to)
    call = recall(bench)
    bench.run(2.5)
    bench.ports[1].ring()
    bench.run(3.1)
    if to == "group":
        assert call.state == "queued" and call.line is bench.centre.lines[1] and len(bench.calls) == 1
    else:
        assert call.state == "recall" and len(bench.calls) == 2
    bench.stop()


def test_a_number_without_an_extension_at_another_port(tmp_path: Path) -> None:
    bench = made(tmp_path, recall_to="group")
    call = recall(bench)
    bench.run(2.5)
    bench.ports[1].ring()
    bench.ports[1].caller_id(A)
    assert call.state == "queued" and call.line is bench.centre.lines[1]
    bench.stop()


def test_a_message_with_the_callers_number_at_another_port(tmp_path: Path) -> None:
    bench = made(tmp_path, recall_to="group")
    call = recall(bench)
    bench.ports[1].ring()
    bench.says(A, DNIS, "A", line=2)
    assert call.state == "queued" and len(bench.calls) == 1
    bench.stop()


def test_another_caller_at_another_port(tmp_path: Path) -> None:
    bench = made(tmp_path, recall_to="group")
    call = recall(bench)
    bench.ports[1].ring()
    bench.says(B, DNIS, "A", line=2)
    assert call.state == "recall" and bench.calls[1].ani == B
    bench.stop()


def test_several_are_awaited_at_one_port_and_rings_say_nothing(tmp_path: Path) -> None:
    """The first one left rings first; which it is, is not certain, and the record says so."""
    bench = made(tmp_path)
    first = recall(bench, A)
    bench.run(2.5)
    bench.port.ring()
    bench.says(B, DNIS)  # hunted to the same port before the PBX brought the first one back
    second = bench.calls[-1]
    bench.run(0.1)
    bench.press("1")
    bench.centre.acd.ready("1001")
    bench.centre.acd.ready("1002")
    bench.run(40.0)
    assert first.state == "recall" and second.state == "transferring", (first.state, second.state)
    bench.switch.ends(Transfer.BUSY, Caller.RECALLED, "busy", -1)
    for call in (first, second):  # who they are was certain until now
        call.said = {source: replace(said, doubt=None) for source, said in call.said.items()}
    bench.run(2.5)
    bench.port.ring()
    bench.run(3.1)
    assert first.state == "queued" and second.state == "recall"
    assert bench.records.of(first.id, "transfer")[-1]["among"] == 2
    assert [call.ani_doubt for call in (first, second)] == ["place_guessed"] * 2, "they may be each other"
    bench.stop()


def test_among_several_a_message_says_which(tmp_path: Path) -> None:
    bench = made(tmp_path, recall_to="group")
    first = recall(bench, A)
    second = recall(bench, B, 1)
    bench.run(2.5)
    bench.port.ring()
    bench.says(B, second.tried, "N")
    assert second.state == "queued" and first.state == "recall" and second.line is bench.line
    assert "among" not in bench.records.of(second.id, "transfer")[-1]
    bench.run(2.5)
    bench.ports[1].ring()
    bench.run(3.1)
    assert first.state == "queued", "the other one, at whichever port of the group"
    bench.stop()


def test_its_own_port_before_others(tmp_path: Path) -> None:
    bench = made(tmp_path, recall_to="group")
    first = recall(bench, A)
    second = recall(bench, B, 1)
    bench.run(2.5)
    bench.ports[1].ring()
    bench.run(3.1)
    assert second.state == "queued" and first.state == "recall"
    bench.stop()


def test_a_pbx_that_names_recalls_in_its_messages_only(tmp_path: Path) -> None:
    bench = made(tmp_path, recall_by=("message",))
    call = recall(bench)
    bench.run(2.5)
    bench.port.ring()
    bench.run(3.1)
    assert call.state == "recall" and bench.calls[1].state == "menu", "a ring without a word is somebody else"
    bench.stop()


@pytest.mark.parametrize(("after_s", "doubt"), [(2.5, None), (8.0, "place_guessed")])
def test_a_ring_without_a_word_is_certain_only_at_once(tmp_path: Path, after_s: float, doubt: str | None) -> None:
    """Whom the PBX holds rings at once; a ring that comes later may be the next caller's, and ours gone."""
    bench = made(tmp_path)
    call = recall(bench)
    call.said = {source: replace(said, doubt=None) for source, said in call.said.items()}
    bench.run(after_s)
    bench.port.ring()
    bench.run(3.1)
    assert call.state in ("queued", "transferring") and call.ani_doubt == doubt
    bench.stop()


def test_a_caller_who_withholds_the_number_is_nobody_whose_number_is_known(tmp_path: Path) -> None:
    bench = made(tmp_path)
    call = recall(bench)
    bench.run(2.5)
    bench.port.ring()
    bench.port.caller_id(None)
    bench.run(3.1)
    assert call.state == "recall" and len(bench.calls) == 2 and bench.calls[1].state == "menu"
    bench.stop()


def test_a_caller_without_a_number_is_brought_back_without_one(tmp_path: Path) -> None:
    bench = made(tmp_path)
    call = recall(bench, None)
    assert call.ani is None
    bench.run(2.5)
    bench.port.ring()
    bench.port.caller_id(None)
    bench.run(0.1)
    assert call.state in ("queued", "transferring") and len(bench.calls) == 1
    bench.stop()


@pytest.mark.parametrize(("after_s", "back"), [(2.5, True), (8.0, False)])
def test_a_number_at_the_port_of_one_who_is_not_known_is_theirs_only_at_once(
    tmp_path: Path, after_s: float, back: bool
) -> None:
    """Whom the PBX holds rings at once; later it is the next caller, who has chosen nothing yet."""
    bench = made(tmp_path)
    call = recall(bench, None)
    bench.run(after_s)
    bench.port.ring()
    bench.port.caller_id(B)
    bench.run(3.1)
    assert (len(bench.calls) == 1) is back
    assert back or (call.state == "recall" and bench.calls[1].state == "menu" and bench.calls[1].ani == B)
    bench.stop()


def test_who_rang_and_left_before_it_was_known_whose_ring_it_was_leaves_a_call(tmp_path: Path) -> None:
    """The line goes out of order, or the site waits long for numbers: nobody whom we await rings here by a mere ring,
    so it was somebody else."""
    bench = made(tmp_path, recall_by=("message", "number"))
    call = recall(bench)
    bench.run(2.5)
    bench.port.ring()
    bench.run(1.0)
    bench.port.tell(ev.Alarm, alarms=("red",))
    assert call.state == "recall"
    assert [bench.outcome(one)[0] for one in bench.calls[1:]] == ["abandoned_ring"]
    bench.stop()


# A PBX that says nothing of recalls; an agent's answer is told by the PC.
SILENT: dict[str, Any] = {"recall_by": ("number", "ring"), "answer": ("voice", "desk"), "no_answer_s": 20.0}


class TestHandedOver:
    """Nobody took the call that we handed over; the PBX brings it back and says nothing."""

    def handed(self, folder: Path, **line: Any) -> tuple[CentreBench, Any]:
        bench = made(folder, **line)
        call = bench.transferring()
        bench.switch.ends(Transfer.HANDED_OVER, Caller.WITH_AGENT, "ringback")
        return bench, call

    def rings_after(self, bench: CentreBench, seconds: float) -> None:
        bench.run(seconds)
        bench.port.ring()
        bench.run(3.1)

    def test_it_is_brought_back(self, tmp_path: Path) -> None:
        bench, call = self.handed(tmp_path, **SILENT)
        self.rings_after(bench, 22.0)
        assert call.state in ("queued", "transferring") and len(bench.calls) == 1
        bench.stop()

    def test_too_early_for_a_recall(self, tmp_path: Path) -> None:
        bench, call = self.handed(tmp_path, **SILENT)
        self.rings_after(bench, 10.0)
        assert call.state == "talking" and len(bench.calls) == 2
        bench.stop()

    @pytest.mark.parametrize("how", ["desk", "record"])
    def test_the_agent_lifted(self, tmp_path: Path, how: str) -> None:
        bench, call = self.handed(tmp_path, **SILENT)
        bench.run(5.0)
        bench.pbx.transfers.agent_lifted("8001", how)
        assert bench.records.of(call.id, "transfer")[-1]["how"] == how
        self.rings_after(bench, 22.0)
        assert call.state == "talking" and len(bench.calls) == 2
        bench.stop()

    def test_where_an_answer_is_not_told_nothing_is_guessed(self, tmp_path: Path) -> None:
        bench, call = self.handed(tmp_path, **{**SILENT, "answer": ("voice",)})
        self.rings_after(bench, 22.0)
        assert call.state == "talking" and len(bench.calls) == 2
        bench.stop()
