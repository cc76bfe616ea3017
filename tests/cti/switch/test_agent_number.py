"""工号播报: the caller is told the agent's number at the answer, and hears the agent beside it and afterwards; behind a
PBX before the transfer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from cti.switch.hearing import Hearing
from tests.cti.centre_bench import CentreBench
from tests.cti.switch.card_bench import CardBench


@pytest.mark.parametrize("wanted", [True, False])
def test_the_caller_is_told(tmp_path: Path, wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []
    original = Hearing._play

    def play(self: Hearing, port: Any, sound: Any) -> None:
        said.append((port.name, sound))
        original(self, port, sound)

    monkeypatch.setattr(Hearing, "_play", play)
    one = CardBench(
        "setup | agent 1001 | sales 8001 answers after 2 talks 60\n"
        "4.0 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 10\n",
        tmp_path,
    )
    groups = tuple(msgspec.structs.replace(group, agent_number=wanted) for group in one.site.groups)
    one.centre.site = msgspec.structs.replace(one.site, groups=groups)
    talks = one.talking()
    one.run(0.1)
    assert any(sound == "notice" for _, sound in said) is wanted
    gone = one.until(lambda: bool(one.happened("caller gone")))
    one.run(10.0)
    one.stop()
    heard = one.heard("caller 1", talks + 0.5, gone - 1)
    told = {words for words in heard if "sound" in words}
    assert bool(told) is wanted and frozenset({"phone 8001"}) in heard


def test_behind_a_pbx_the_caller_is_told_before_the_transfer(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path, agent_number=True)
    call = bench.queued()
    bench.run(0.5)
    assert call.state == "queued" and not bench.switch.under_way
    assert [op for op in bench.port.ops if op.name == "play"]
    bench.run(1.0)
    assert bench.switch.under_way[0][1] == "8001"
    bench.stop()


def test_who_hangs_up_while_the_number_is_told_is_put_through_to_nobody(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path, agent_number=True)
    call = bench.queued()
    bench.run(0.5)
    bench.port.tone("busy")
    bench.run(5.0)
    assert bench.outcome(call) == ("abandoned_queue", "busy_tone") and not bench.switch.flashed
    assert bench.agent() == ("ready", "idle", "none")
    bench.stop()


def test_an_agent_who_left_the_telephone_while_the_number_was_told_is_not_called(tmp_path: Path) -> None:
    """The caller is another agent's by then, whose number is told in turn."""
    bench = CentreBench(tmp_path, agent_number=True)
    call = bench.queued()
    bench.run(0.5)
    bench.centre.acd.not_ready("1001", "moves")
    bench.centre.acd.login("1001", "8077")
    bench.run(1.0)
    assert call.state == "queued" and not bench.switch.flashed
    bench.run(1.0)
    assert bench.switch.under_way[0][1] == "8002" and bench.agent("1002") == ("ready", "reserved", "none")
    bench.stop()
