"""The reducer from events to a call's row: pure, tolerant, the same in one go and in pieces."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.database.models import call
from cti.records.events import BOOT_SPAN, CALL_KINDS, Entry, Event
from cti.records.outcome import MEANING, OUTCOMES
from cti.records.row import CallRow, reduce
from tests.cti.records.calls import ANSWERED, Line, entries
from tests.cti.records.conftest import START


def row(lines: list[Line]) -> CallRow:
    made = reduce(None, entries(lines))
    assert made is not None
    return made


def test_an_answered_call() -> None:
    made = row(ANSWERED)
    assert made.outcome == "answered" and made.cause is None
    assert (made.ani, made.ani_source, made.dnis) == ("13800138000", "smdi", "2000")
    assert (made.port, made.extension, made.desk, made.line) == (3, "2001", 1, 1)
    assert (made.menu_choice, made.group_name, made.language, made.place) == ("1", "sales", "zh", 1)
    assert (made.agent, made.agent_extension, made.offers, made.no_answers) == ("1002", "8002", 2, 1)
    assert (made.wait_s, made.talk_s) == (20.0, 60.25)
    assert made.started_at == START and made.connected_at == START + timedelta(seconds=26)
    assert {n: step.source for n, step in made.steps.items()} == {
        1: "inferred",
        2: "smdi",
        3: "smdi",
        4: "smdi",
        5: "vru",
        6: "acd",
        7: "vru",
        8: "desk",
        9: "smdr",
    }
    assert made.smdr_raw == "01/05/26 09:01AM␀ 8002"
    assert made.smdr_fields == '{"duration_s":60,"extension":"8002"}'


def test_the_columns_are_the_fields() -> None:
    assert [column.name for column in call.c if column.name != "ani_key"] == [
        name for name in CallRow.__struct_fields__ if name != "steps"
    ]


def test_the_wall_clock_does_not_touch_durations() -> None:
    """Set back an hour while waiting, forward two while talking."""
    jumped = []
    for entry in entries():
        shift = 0 if entry.seconds < 10 else -3600 if entry.seconds < 30 else 3600
        at = entry.event.t + timedelta(seconds=shift)
        jumped.append(Entry(entry.serial, entry.seconds, msgspec.structs.replace(entry.event, t=at)))
    made = reduce(None, jumped)
    assert made is not None
    assert (made.wait_s, made.talk_s, made.outcome) == (20.0, 60.25, "answered")


def ended(s: float, kind: str = "ended", **data: Any) -> Line:
    return (s, kind, "port", data)


@pytest.mark.parametrize(
    ("lines", "outcome", "wait_s", "talk_s"),
    [
        ([ended(0, "step", n=1), ended(3)], "abandoned_ring", None, None),
        ([ended(0, "answered"), ended(3)], "abandoned_menu", None, None),
        ([ended(1, "queued", place=2), ended(31)], "abandoned_queue", 30.0, None),
        ([ended(1, "queued"), ended(2, "message", path="m.wav"), ended(9)], "message", 8.0, None),
        ([ended(1, "connected", agent="7"), ended(11)], "answered", None, 10.0),
        ([ended(1, "outcome", outcome="lost_in_transfer"), ended(2)], "lost_in_transfer", None, None),
        ([ended(1, "outcome", outcome="???"), ended(2)], "failed", None, None),
        ([ended(1, "connected"), ended(9, "talk_ended", seconds=7), ended(9)], "answered", None, 7.0),
        ([ended(1, "queued"), ended(9, "queued"), ended(11, "outcome", outcome="overdue")], "overdue", 10.0, None),
        ([ended(1, "step", n=1)], None, None, None),
    ],
)
def test_how_a_call_ended(lines: list[Line], outcome: str | None, wait_s: float | None, talk_s: float | None) -> None:
    made = row(lines)
    assert (made.outcome, made.wait_s, made.talk_s) == (outcome, wait_s, talk_s)


def test_two_talks_of_one_call_add_up() -> None:
    made = row(
        [
            (0, "connected", "port", {"agent": "1001"}),
            (10, "talk_ended", "desk", {}),
            (20, "connected", "port", {"agent": "1002"}),
            (25, "ended", "port", {}),
        ]
    )
    assert (made.talk_s, made.agent) == (15.0, "1002")


def test_a_late_and_better_ani_takes_the_place() -> None:
    made = row(
        [
            (0, "ani", "port", {"ani": "5551234", "truncated": True, "form": "fsk", "doubt": "serial_damaged"}),
            (9, "ani", "smdi", {"ani": "02165551234", "dnis": "2000", "form": "smdi", "late": True}),
            (10, "ani", "smdi", {"dnis": None}),
        ]
    )
    assert (made.ani, made.ani_truncated, made.ani_doubt, made.ani_late, made.ani_form, made.dnis) == (
        "02165551234",
        False,
        None,
        True,
        "smdi",
        "2000",
    )


def test_a_number_in_doubt_says_why() -> None:
    made = row([(0, "ani", "smdi", {"ani": "02165551234", "doubt": "port_map"})])
    assert made.ani_doubt == "port_map"


@pytest.mark.parametrize(("more", "recorded", "why", "raw"), [
    ([(9, "smdr", "smdr", {"raw": "own"})], "smdr", None, "own"),
    ([(9, "smdr", "smdr", {"raw": "own", "doubt": "odd"})], "doubtful", "odd", "own"),
    ([(9, "smdr", "smdr", {"raw": "own"}), (20, "doubted", "smdr", {"why": "odd"})], "doubtful", "odd", "own"),
    ([(9, "smdr", "smdr", {"raw": "own", "doubt": "odd"}), (9, "smdr", "smdr", {"raw": "vru", "leg": "vru"})],
     "doubtful", "odd", "own"),
    ([(9, "smdr", "smdr", {"raw": "own", "doubt": "odd"}), (20, "doubted", "smdr", {"why": "often"})],
     "doubtful", "odd", "own"),
    ([(9, "smdr", "smdr", {"raw": "own"}), (20, "unrecorded", "inferred", {"why": "none came"})], "smdr", None, "own"),
])  # fmt: skip
def test_a_record_that_may_be_damaged_is_marked(more: list[Line], recorded: str, why: str | None, raw: str) -> None:
    made = row([(1, "connected", "port", {"agent": "7"}), (9, "step", "smdr", {"n": 9}), *more])
    assert (made.recorded, made.recorded_why, made.smdr_raw) == (recorded, why, raw)


def test_a_call_without_a_record_says_why_until_one_comes_after_all() -> None:
    lines: list[Line] = [
        (1, "connected", "port", {"agent": "7"}),
        (130, "unrecorded", "inferred", {"why": "the line is down"}),
        (150, "unrecorded", "inferred", {"why": "the server stops"}),
    ]
    assert ((made := row(lines)).recorded, made.recorded_why) == ("missing", "the line is down")
    lines += [(900, "step", "smdr", {"n": 9}), (900, "smdr", "smdr", {"raw": "own"})]
    assert ((made := row(lines)).recorded, made.recorded_why) == ("smdr", None)


def test_doubt_makes_no_record_where_none_came() -> None:
    lines: list[Line] = [(1, "connected", "port", {"agent": "7"}), (9, "doubted", "smdr", {"why": "odd"})]
    assert row(lines).recorded is None
    assert row([*lines, (10, "smdr", "smdr", {"raw": "x", "leg": "vru", "doubt": "odd"})]).recorded is None


def test_a_call_ended_by_the_next_boot_has_no_invented_durations() -> None:
    lines: list[Line] = [(1, "queued", "acd", {}), (5, "connected", "port", {"agent": "7"})]
    before = entries(lines)
    after = entries([(0.5, "ended", "server", {})], first=2 * BOOT_SPAN + 1)
    made = reduce(None, before + after)
    assert made is not None
    assert (made.wait_s, made.talk_s, made.ended_at is not None) == (4.0, None, True)
    told = entries(
        [(0.5, "talk_ended", "smdr", {"seconds": 24.0}), (0.6, "ended", "server", {})], first=2 * BOOT_SPAN + 1
    )
    assert (made := reduce(None, before + told)) is not None and made.talk_s == 24.0, "the PBX knows it all the same"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 40), 1 << 40) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PLACES = ("extension", "desk", "line", "choice", "group", "language", "place", "agent", "path", "seconds")
KEYS = st.sampled_from(("n", "ani", "dnis", "form", "truncated", "late", *PLACES, "raw", "fields", "outcome", "cause"))


@st.composite
def any_entries(draw: st.DrawFn) -> list[Entry]:
    """Events of one call as nobody would write them."""
    events = draw(
        st.lists(
            st.tuples(
                st.sampled_from(sorted(CALL_KINDS)) | st.text(max_size=4),
                st.dictionaries(KEYS, JSON | st.sampled_from(OUTCOMES) | st.integers(0, 9), max_size=4),
                st.none() | st.integers(-5, 40) | st.just(1 << 40),
                st.floats(0, 1e5),
                st.none() | st.text(max_size=3),
            ),
            max_size=12,
        )
    )
    return [
        Entry(BOOT_SPAN + 1 + i, seconds, Event("1-1", kind, START, "vru", agent, port, data))
        for i, (kind, data, port, seconds, agent) in enumerate(events)
    ]


@given(given_entries=any_entries(), cuts=st.lists(st.integers(0, 12), max_size=3))
@settings(max_examples=200, deadline=None)
def test_in_pieces_and_repeated_it_is_the_same(given_entries: list[Entry], cuts: list[int]) -> None:
    whole = reduce(None, given_entries)
    made: CallRow | None = None
    at = 0
    for cut in sorted(cuts):
        before = made and msgspec.structs.replace(made)
        piece = reduce(made, given_entries[max(0, at - 2) : cut])  # overlapping: the last two come again
        assert made == before  # pure: what went in is as it was
        made, at = piece, max(at, cut)
    made = reduce(made, given_entries[max(0, at - 2) :])
    assert made == whole
    if whole is not None and any(entry.event.kind == "ended" for entry in given_entries):
        assert whole.outcome in MEANING and whole.ended_at is not None
    for value in (whole.wait_s, whole.talk_s) if whole else ():
        assert value is None or value >= 0


def test_every_outcome_has_words_in_both_languages() -> None:
    words: list[Any] = [word for pair in MEANING.values() for word in pair]
    assert len(set(words)) == 2 * len(OUTCOMES) == 28
