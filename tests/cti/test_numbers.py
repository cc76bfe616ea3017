"""Which of several numbers a call keeps."""

from __future__ import annotations

import pytest

from cti.call import CALL, Call
from cti.machine import Machine
from cti.numbers import NumberRules, Numbers, agree
from cti.pbx.call_rules import CallRules

MOBILE = "13800138000"


def call() -> Call:
    return Call("1-000001", 0.0, Machine(CALL))


def smdi(ani: str | None, dnis: str | None = None) -> Numbers:
    return Numbers(ani, dnis, "smdi", "smdi")


def known(call: Call) -> list[object]:
    return [call.ani, call.ani_source, call.dnis]


def fsk(ani: str | None) -> Numbers:
    return Numbers(ani, None, "fsk", "port")


def test_the_pbx_beats_the_line_and_both_beat_nothing() -> None:
    rules, one = NumberRules(CallRules()), call()
    assert not rules.apply(one, fsk(None)) and known(one) == [None, None, None]
    assert rules.apply(one, fsk("01062345678"))
    assert known(one) == ["01062345678", "port", None]
    assert rules.apply(one, smdi(MOBILE, "66886688"))
    assert known(one) == [MOBILE, "smdi", "66886688"]
    assert not rules.apply(one, fsk("01062345678"))
    assert not rules.apply(one, smdi("02155556666", "1"))
    assert not rules.apply(one, smdi(None, None))
    assert known(one) == [MOBILE, "smdi", "66886688"]


def test_a_message_that_adds_the_called_number_only() -> None:
    rules, one = NumberRules(CallRules()), call()
    rules.apply(one, smdi(MOBILE))
    assert rules.apply(one, smdi(None, "66886688"))
    assert known(one) == [MOBILE, "smdi", "66886688"]


@pytest.mark.parametrize("cut", ["3800138000", "1380013800"])
def test_a_whole_number_is_better_than_a_cut_one(cut: str) -> None:
    rules = NumberRules(CallRules(number_max=10))
    for order in (smdi(cut), fsk(MOBILE)), (fsk(MOBILE), smdi(cut)):
        one = call()
        for numbers in order:
            rules.apply(one, numbers)
        assert (one.ani, one.ani_truncated, one.ani_form) == (MOBILE, False, "fsk")


def test_a_cut_number_of_somebody_else_has_its_rank() -> None:
    rules, one = NumberRules(CallRules(number_max=10)), call()
    rules.apply(one, fsk("01062345678"))
    assert rules.apply(one, smdi("3800138000"))
    assert (one.ani, one.ani_truncated) == ("3800138000", True)


def test_only_smdi_cuts() -> None:
    rules, one = NumberRules(CallRules(number_max=10)), call()
    rules.apply(one, fsk(MOBILE))
    assert not one.ani_truncated


def test_agreement() -> None:
    assert agree(MOBILE, "0" + MOBILE) and agree("62345678", "01062345678")
    assert (
        not agree(MOBILE, "13800138001") and not agree(None, None) and not agree(MOBILE, None) and not agree("", MOBILE)
    )
