"""The world around a server whose cards are the switch, over drivers alone: lines, telephones, and who hears whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers import events, items
from simulators.judge.heard import hearing_faults
from simulators.people.codes import LEVEL_DBM0
from tests.simulators.bare_switch import CardBench

STAFF = """
setup | agent 1001 | sales 8001 answers after 2 talks 60
setup | agent 1002 | sales 8002 answers after 2 talks 60
"""
CALL = "1.0 | caller 1 | 13800138000 by fsk: talk 8"


def test_a_caller_and_an_agent_hear_each_other(tmp_path: Path) -> None:
    bench = CardBench(STAFF + CALL, tmp_path)
    bench.wait(lambda: bool(bench.ended), 60.0)
    bench.run(5.0)
    (talks,) = bench.happened("talks")
    caller, agent = bench.ears("caller 1"), bench.ears("phone 8001")
    for moment in caller.between(talks + 0.5, talks + 7.5):
        assert moment.words == {"phone 8001"}
        assert moment.levels["phone 8001"] == pytest.approx(LEVEL_DBM0 - 1.0, abs=1.0), "two wires of half a dB each"
    for moment in agent.between(talks + 0.5, talks + 7.5):
        assert moment.words == {"caller 1"}
    assert list(caller.between(talks + 0.5, talks + 7.5)), bench.log()
    lifted = bench.happened("phone lifted")[0]
    assert caller.first("phone 8001") == pytest.approx(lifted + 0.4, abs=0.5)


def test_what_only_the_agent_may_hear(tmp_path: Path) -> None:
    """A whisper: the second telephone is heard by the first one, and not by the caller but for the hybrid's echo."""
    bench = CardBench(STAFF + CALL, tmp_path)
    bench.wait(lambda: bool(bench.happened("talks")), 30.0)
    agent, supervisor = bench.seats
    bench.card_world.phones["8002"].lift()
    bench.card_world.phones["8002"].stay()
    bench.run(1.0)
    agent.hear(supervisor, beside=True)
    supervisor.hear(bench.trunks[0], beside=True)
    supervisor.hear(agent, beside=True)
    began = bench.clock.seconds()
    bench.run(3.0)
    bench.wait(lambda: bool(bench.ended), 60.0)
    bench.card_world.phones["8002"].hang_up("done")
    bench.run(5.0)
    span = (began + 0.3, began + 2.8)
    assert {m.words for m in bench.ears("phone 8001").between(*span)} == {frozenset({"caller 1", "phone 8002"})}
    assert {m.words for m in bench.ears("phone 8002").between(*span)} == {frozenset({"caller 1", "phone 8001"})}
    assert {m.words for m in bench.ears("caller 1").between(*span)} == {frozenset({"phone 8001"})}


def test_music_and_tones_are_told_from_people(tmp_path: Path) -> None:
    bench = CardBench(STAFF + CALL, tmp_path)
    bench.wait(lambda: bool(bench.happened("talks")), 30.0)
    trunk, seat = bench.trunks[0], bench.seats[0]
    trunk.hear(None)
    seat.hear(None)
    bench.card_world.phones["8001"].stay()
    music = trunk.play(items.Sound(bench.card_world.speech.music(), repeat=True))
    tone = seat.play(items.Tone(450))
    for sound in (music, tone):
        sound.addErrback(lambda failure: None)
    began = bench.clock.seconds()
    bench.run(3.0)
    music.cancel()
    tone.cancel()
    bench.wait(lambda: bool(bench.ended), 60.0)
    bench.card_world.phones["8001"].hang_up("done")
    bench.run(5.0)
    span = (began + 0.3, began + 2.8)
    assert {m.words for m in bench.ears("caller 1").between(*span)} == {frozenset({"sound"})}
    assert {m.words for m in bench.ears("phone 8001").between(*span)} == {frozenset({"tone"})}


def test_a_telephone_flashes_and_types(tmp_path: Path) -> None:
    bench = CardBench(STAFF, tmp_path, joining=False)
    telephone, seat = bench.card_world.phones["8001"], bench.seats[0]
    telephone.lift()
    bench.run(0.5)
    seat.begin_call()
    seat.detect("dtmf")
    telephone.key("*218002")
    bench.run(3.0)
    telephone.flash()
    bench.run(1.5)
    telephone.hang_up("done")
    bench.run(2.0)
    told = [event for number, event in bench.heard if number == seat.number]
    assert "".join(event.digit for event in told if isinstance(event, events.DigitEnd)) == "*218002"
    assert [event.ms for event in told if isinstance(event, events.Flash)] == [400]
    assert [type(event) for event in told if isinstance(event, events.OffHook | events.OnHook)] == [
        events.OffHook,
        events.OnHook,
    ]


# ---- the office is called ------------------------------------------------------------------------

TOWN = """
setup | subscriber 13900000001 | answers after 3 talks 4
setup | subscriber 66880001    | busy
setup | subscriber 66880002    | does not answer
"""


def dialled(tmp_path: Path, number: str) -> CardBench:
    """Line 1 is lifted, and after dial tone the number is sent."""
    bench = CardBench(STAFF + TOWN, tmp_path, joining=False)
    trunk = bench.trunks[0]
    trunk.begin_call()
    trunk.tone_plan(bench.plan())
    trunk.answer().addErrback(lambda failure: None)
    bench.wait(trunk.wait_tone(["dial"], 3.0), 4.0)
    bench.wait(trunk.dial(number), 5.0)
    return bench


def test_a_subscriber_answers_and_is_heard(tmp_path: Path) -> None:
    bench = dialled(tmp_path, "13900000001")
    trunk = bench.trunks[0]
    trunk.detect("tones")
    bench.run(3.0)
    assert [e.name for _, e in bench.heard if isinstance(e, events.ToneHeard)] == ["dial", "ringback"]
    bench.run(2.0)
    assert [e.reversed for _, e in bench.heard if isinstance(e, events.Polarity)] == [True]
    bench.run(4.0)
    assert len(bench.happened("subscriber hangs up")) == 1
    assert any(isinstance(e, events.LoopDrop) for _, e in bench.heard)
    trunk.hangup()
    bench.run(10.0)
    assert bench.card_world.lines[0].free


@pytest.mark.parametrize(("number", "tone"), [("66880001", "busy"), ("12345678", "vacant")])
def test_busy_and_vacant_numbers(number: str, tone: str, tmp_path: Path) -> None:
    bench = dialled(tmp_path, number)
    bench.trunks[0].detect("tones")
    bench.run(12.0)
    assert [e.name for _, e in bench.heard if isinstance(e, events.ToneHeard)][1:] == [tone]


def test_who_hangs_up_while_it_rings_frees_the_telephone(tmp_path: Path) -> None:
    bench = dialled(tmp_path, "66880002")
    bench.run(8.0)
    bench.trunks[0].hangup()
    bench.run(1.0)
    assert bench.card_world.exchange.reach("66880002") == "rings"


def test_glare_the_line_that_is_dialled_out_on_has_a_caller(tmp_path: Path) -> None:
    """The office rings and the server lifts in the same moment: the server has answered a caller, and there is no dial
    tone."""
    bench = CardBench(STAFF + TOWN + "1.0 | caller 1 | 13800138000 by fsk on line 1: talk 8", tmp_path, joining=False)
    trunk = bench.trunks[0]
    trunk.tone_plan(bench.plan())
    bench.run(0.98)
    trunk.begin_call()
    bench.clock.callLater(0.03, lambda: trunk.answer().addErrback(lambda failure: None))
    trunk.detect("tones")
    bench.run(3.0)
    assert bench.happened("answered", "caller 1") and not bench.happened("seized")
    assert not [e for _, e in bench.heard if isinstance(e, events.ToneHeard)]


# ---- deeds ---------------------------------------------------------------------------------------

STORY = """
setup | pool other   | 8002
1.0   | caller 1     | 13800138000 by fsk: talk 12
1+2   | other of 1   | lifts
1+3   | phone 8002   | keys *5{agent of 1}#
1+5   | agent of 1   | flashes
1+1..1.9 | caller 1  | hears 8001 at -15
1+1..1.9 | agent of 1 | hears caller 1
1+5.5..6.5 | other of 1 | hears nothing
1+6   | desk 1001    | hold -> 0
1+7   | phone 8002   | hangs up
"""


def test_deeds_are_done_at_their_times_by_who_plays_the_part(tmp_path: Path) -> None:
    bench = CardBench(STAFF + STORY, tmp_path)
    bench.seats[1].detect("dtmf")
    bench.wait(lambda: bool(bench.ended), 60.0)
    bench.run(5.0)
    deeds = bench.card_world.deeds
    (talks,) = bench.happened("talks", hears="phone 8001")
    done = [(round(one.at_s - talks), one.by, one.deed.verb, one.to, one.result) for one in deeds.done]
    assert done == [
        (2, "phone 8002", "lifts", "", ""),
        (3, "phone 8002", "keys", "*58001#", ""),
        (5, "phone 8001", "flashes", "", ""),
        (6, "phone 8001", "hold", "", "0"),
        (7, "phone 8002", "hangs up", "", ""),
    ]
    told = [event.digit for number, event in bench.heard if isinstance(event, events.DigitEnd)]
    assert "".join(told) == "*58001#"
    assert [str(finding) for finding in hearing_faults(bench.card_world)] == []
    assert [(one.ear, sorted(one.words)) for one in deeds.listened] == [
        ("caller 1", ["phone 8001"]),
        ("phone 8001", ["caller 1"]),
        ("phone 8002", []),
    ]


def test_what_is_not_heard_as_it_should_be_is_said(tmp_path: Path) -> None:
    rows = """
1+1..3 | caller 1     | hears 8001, 8002
1+1..3 | phone 8001   | hears nothing
1+1..3 | caller 1     | hears 8001 at -30
"""
    bench = CardBench(STAFF + CALL + rows, tmp_path)
    bench.wait(lambda: bool(bench.ended), 60.0)
    bench.run(5.0)
    first, second, third = map(str, hearing_faults(bench.card_world))
    assert "caller 1" in first and "does not hear phone 8002" in first
    assert "phone 8001" in second and "hears caller 1" in second
    assert "at -15" in third and "not at -30" in third
