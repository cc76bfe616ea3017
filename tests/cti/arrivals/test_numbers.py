"""Which of several numbers a call keeps."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from cti.arrivals.numbers import DnisRules, NumberRules, Numbers, agree
from cti.call import CALL, Call, Source
from cti.machine import Machine
from cti.pbx.announcement import Announcement
from cti.pbx.call_rules import CallRules, CallSource
from cti.pbx.line_rules import LineRules
from cti.vru.line import VruLine
from drivers.clock import SteppedClock
from tests.cti.dummies import DummyPort

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


def test_caller_id_on_the_port_that_is_longer_comes_as_the_exchange_sent_it() -> None:
    rules = NumberRules(CallRules(number_max=10))
    for said, cut in ((fsk(MOBILE), False), (fsk("3800138000"), True), (smdi(MOBILE), True), (smdi("8001"), False)):
        one = call()
        rules.apply(one, said)
        assert one.ani_truncated == cut


def doubted(*damaged: Source, **rules: Any) -> NumberRules:
    return NumberRules(CallRules(**rules), damaged=lambda source: source in damaged)


def test_the_order_of_trust_is_the_dialects() -> None:
    said = {
        "smdi": smdi("01055550001"),
        "port": fsk("01055550002"),
        "mci": Numbers("01055550003", None, "mci", "mci"),
        "dtmf": Numbers("01055550004", None, "digits", "dtmf"),
    }
    names: dict[CallSource, Source] = {
        "smdi": "smdi", "callerid_on_port": "port", "mci": "mci", "dtmf_after_answer": "dtmf"
    }  # fmt: skip
    for order in permutations(names, 3):
        rules = NumberRules(CallRules(sources=order))
        for spoken in permutations(said):
            one = call()
            for source in spoken:
                rules.apply(one, said[source])
            assert one.ani_source == names[order[0]], "in whatever order they come"
            assert set(one.said) == {names[source] for source in order}, "who is not named is not listened to"


def test_damaged_bytes_make_a_number_uncertain() -> None:
    rules, one = doubted("smdi"), call()
    rules.apply(one, smdi(MOBILE))
    assert (one.ani, one.ani_doubt) == (MOBILE, "serial_damaged")
    assert rules.apply(one, fsk(MOBILE)), "said twice, by two who cannot have made the same mistake"
    assert (one.ani, one.ani_doubt) == (MOBILE, None)


def test_who_is_not_doubted_is_preferred() -> None:
    for order in (smdi("13800138001"), fsk(MOBILE)), (fsk(MOBILE), smdi("13800138001")):
        rules, one = doubted("smdi"), call()
        for numbers in order:
            rules.apply(one, numbers)
        assert (one.ani, one.ani_source, one.ani_doubt) == (MOBILE, "port", None)


def test_two_sound_sources_that_differ() -> None:
    rules, one = doubted(), call()
    rules.apply(one, smdi(MOBILE))
    rules.apply(one, fsk("01062345678"))
    assert (one.ani, one.ani_doubt) == (MOBILE, "sources_differ")
    other = call()
    rules.apply(other, smdi(MOBILE))
    rules.apply(other, fsk("0" + MOBILE))
    assert other.ani_doubt is None, "the same subscriber, written with a 0"


def test_doubt_that_comes_later_stays() -> None:
    damaged: set[Source] = set()
    rules, one = NumberRules(CallRules(), damaged=damaged.__contains__), call()
    rules.apply(one, smdi(MOBILE))
    doubts = [one.ani_doubt]
    assert rules.doubt(one, ["smdi"], "serial_damaged")
    doubts.append(one.ani_doubt)
    assert doubts == [None, "serial_damaged"]
    assert not rules.doubt(one, ["smdi"], "port_map"), "the first reason is reason enough"
    assert not rules.doubt(call(), ["smdi"], "serial_damaged")


def test_a_guess_is_doubted() -> None:
    rules, one = NumberRules(CallRules(sources=("smdr_at_ring",))), call()
    rules.apply(one, Numbers(MOBILE, None, "smdr", "smdr", guessed=True))
    assert one.ani_doubt == "place_guessed"


def test_the_outside_line_code_is_taken_off_outside_numbers_only() -> None:
    rules = NumberRules(CallRules(outside_prefix="9", number_max=12))
    said = {"9" + MOBILE: (MOBILE, True), "9001": ("9001", False), "901234567": ("01234567", False)}
    for given, wanted in said.items():
        one = call()
        rules.apply(one, smdi(given))
        assert (one.ani, one.ani_truncated) == wanted, "the PBX counts its code with the digits"


def test_a_better_place_for_the_called_number() -> None:
    rules, one = NumberRules(CallRules()), call()
    assert rules.apply(one, Numbers(None, "400123", "", "port", dnis_rank=2))
    assert rules.apply(one, Numbers(None, "66886688", "smdi", "smdi", dnis_rank=0))
    assert not rules.apply(one, Numbers(None, "400123", "", "port", dnis_rank=2))
    assert one.dnis == "66886688"


def test_where_the_called_number_comes_from() -> None:
    clock = SteppedClock()
    line = VruLine(clock, DummyPort(clock), "2001", 3, 7, LineRules(), None)  # type: ignore[arg-type]
    rules = DnisRules(
        ["forwarded_from", "port", "desk", "group"], desks={3: "400333"}, ports={"2002": "5"}, group="400000"
    )
    assert rules.of(Announcement("smdi", "all", "66886688"), line) == ("66886688", 0)
    assert rules.of(Announcement("smdi", "direct", "8001"), line) == ("400333", 2)
    assert rules.of(None, line) == ("400333", 2)
    assert DnisRules(["port", "group"], ports={"2001": "5"}, group="6").of(None, line) == ("5", 0)
    assert DnisRules(["group"]).of(None, line) == (None, 0)
    assert DnisRules([], group="6").of(None, line) == (None, 0)


def test_agreement() -> None:
    assert agree(MOBILE, "0" + MOBILE) and agree("62345678", "01062345678")
    assert (
        not agree(MOBILE, "13800138001") and not agree(None, None) and not agree(MOBILE, None) and not agree("", MOBILE)
    )
