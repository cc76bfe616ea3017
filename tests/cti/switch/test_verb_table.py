"""The verbs' tables: what the desk can say is what the switch can do, star codes lead to verbs, no two begin alike."""

from __future__ import annotations

import pytest

from cti.desk import wire
from cti.site.star_codes import CODES, Dialled, StarCodes, clashes, read
from cti.switch.telephone import WORDS
from cti.switch.verbs import NEEDS, SUPERVISORS, VERBS
from cti.switch.verbs.handing import Handing
from cti.switch.verbs.others import Others
from cti.switch.verbs.own import Own
from cti.switch.verbs.waiting import Waiting


def test_each_verb_is_done_somewhere_and_can_be_said_by_a_desk() -> None:
    assert set(wire.VERBS) == set(VERBS)
    for verb in VERBS:
        assert [place for place in (Own, Handing, Waiting, Others) if hasattr(place, verb)], verb
    assert set(VERBS) >= NEEDS | SUPERVISORS


def test_codes_are_told_apart_at_once() -> None:
    for one in CODES:
        assert not [other for other in CODES if other != one and other.startswith(one)]
    assert all(code.verb in VERBS or code.verb in WORDS for code in CODES.values() if code.verb != "login")


def test_codes_are_the_sites() -> None:
    codes = StarCodes(alternate="*2", give_back="**", three_way=None).table()
    assert read("*2", SEATS, codes=codes) == Dialled("alternate")
    assert read("**6001#", SEATS, codes=codes) == Dialled("give_back", "6001")
    assert read("*30", SEATS, codes=codes) == Dialled("unknown", "*30")
    assert StarCodes().table() == CODES and set(StarCodes.__struct_fields__) >= {"login", "ready", "park"}


def test_codes_that_begin_alike_are_found() -> None:
    assert list(clashes({"park": "*5", "pick_up": "*51", "ready": "*5"})) == [
        ("park", "pick_up"),
        ("park", "ready"),
        ("ready", "pick_up"),
    ]


SEATS = ("8001", "8002", "80021")


@pytest.mark.parametrize(
    ("digits", "over", "means"),
    [
        ("8", False, None),
        ("8001", False, Dialled("", "8001")),
        ("8002", False, None),  # 80021 begins so
        ("8002#", False, Dialled("", "8002")),
        ("80021", False, Dialled("", "80021")),
        ("138001380", False, None),
        ("13800138000", True, Dialled("", "13800138000")),
        ("*", False, None),
        ("*40", False, Dialled("group_pickup")),
        ("*41", False, None),
        ("*418001", False, Dialled("group_pickup", "8001")),
        ("*5", True, Dialled("unknown", "*5")),
        ("*108001", False, None),
        ("*101001*4711#", False, Dialled("login", "1001*4711")),
        ("*511#", False, Dialled("pick_up", "1")),
        ("*99", False, Dialled("unknown", "*99")),
        ("1" * 40, False, Dialled("", "1" * 40)),
    ],
)
def test_what_digits_mean(digits: str, over: bool, means: Dialled | None) -> None:
    assert read(digits, SEATS, over=over) == means
