"""What happens between the nine steps: the caller goes away in each state, transfers fail in each way, the PBX recalls,
lines go out of order, agents change their minds. Every call ends once, and frees its line and its agent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cti.conduct import RETRIEVED_S
from cti.sides.sign_of_life import SIGN_OF_LIFE_S
from cti.switch.interface import Caller, Transfer
from drivers import events as ev
from drivers.errors import TimedOut
from tests.cti.centre_bench import DNIS, A, B, CentreBench

STATES = ("arriving", "menu", "queued", "message", "transferring", "recall", "talking")
READY = ("ready", "idle", "none")
GONE = {
    "arriving": "abandoned_ring",
    "menu": "abandoned_menu",
    "queued": "abandoned_queue",
    "message": "message",
    "transferring": "lost_in_transfer",
}


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    made = CentreBench(tmp_path)
    yield made
    made.stop()
    assert not made.faults(), made.faults()


def test_a_call_in_nine_steps(bench: CentreBench) -> None:
    call = bench.talking()
    assert bench.agent() == ("ready", "talking", "none") and bench.line.state == "guard"
    assert [say[:2] for say in bench.desks.sent] == [("1001", "popup")]
    bench.run(30.0)
    bench.record("2001", transferred=True)
    assert call.state == "talking"
    bench.record("8001", duration_s=30)
    assert bench.outcome(call) == ("answered", "smdr")
    assert sorted(call.steps) == list(range(1, 10)) and bench.agent() == ("ready", "idle", "wrap_up")


@pytest.mark.parametrize("state", sorted(GONE))
@pytest.mark.parametrize("how", ["loop_drop", "alarm"])
def test_the_caller_is_gone_in_each_state(bench: CentreBench, state: str, how: str) -> None:
    call = bench.to(state)
    if how == "alarm":
        bench.port.tell(ev.Alarm, alarms=("red",))
    elif state == "arriving":
        bench.pbx.arrivals.line_stopped_ringing(bench.line)
    elif state == "transferring":
        bench.switch.ends(Transfer.CALLER_LOST, Caller.GONE, "loop_drop")
    else:
        bench.port.tell(ev.LoopDrop)
        bench.port.tell(ev.LoopDrop)
    bench.run(0.1)
    assert bench.outcome(call)[0] == GONE[state]
    assert bench.line.state == ("alarm" if how == "alarm" else "ringing" if state == "arriving" else "guard")
    if state != "queued" and state != "message":
        assert bench.agent() == READY
    assert not bench.centre.acd.entries
    if how == "alarm":
        assert "line_2001" in bench.centre.alarms
        bench.port.tell(ev.Alarm, alarms=())
        assert "line_2001" not in bench.centre.alarms
        bench.centre.acd.ready("1001")
        again = bench.arrives(B)
        bench.run(3.0)  # its message may have been that of the one who was cut off
        assert again.state == "menu"  # the line serves again


def test_an_agent_whose_caller_left_keeps_the_rank_and_no_doubt(bench: CentreBench) -> None:
    """A caller gone in the consultation sounds like a busy agent."""
    bench.transferring()
    bench.switch.ends(Transfer.BUSY, Caller.GONE, "busy")
    assert bench.agent() == READY
    assert bench.records.of(bench.calls[0].id, "busy") == []
    assert bench.transferring(B, 1).agent == "1001"


def test_hanging_up_into_the_message_prompt(bench: CentreBench) -> None:
    call = bench.to("queued")
    bench.run(1.1)
    bench.press("2")
    assert call.state == "message" and bench.port.doing == ["play"]
    bench.port.tell(ev.LoopDrop)
    bench.run(0.1)
    assert bench.outcome(call)[0] == "abandoned_queue" and bench.line.state == "guard"


def test_a_message_of_a_caller_who_hangs_up_is_kept_before_the_end(bench: CentreBench) -> None:
    call = bench.to("message")
    bench.port.tell(ev.LoopDrop)
    bench.run(0.1)
    kinds = bench.records.kinds(call.id)
    assert kinds.index("message") < kinds.index("outcome")
    assert ("*", "message") in [say[:2] for say in bench.desks.sent]


def test_a_message_that_says_nothing(bench: CentreBench) -> None:
    call = bench.to("message")
    bench.port.recording.ms = 300
    bench.port.tell(ev.DigitEnd, digit="#", ms=80)
    bench.run(2.0)
    assert bench.outcome(call) == ("abandoned_queue", "no message was left")


@pytest.mark.parametrize(("key", "outcome"), [("3", "gone_by_choice"), ("2", "message")])
def test_choices_in_the_queue(bench: CentreBench, key: str, outcome: str) -> None:
    call = bench.to("queued")
    bench.run(1.1)
    bench.press(key)
    bench.run(2.1)
    if key == "2":
        bench.port.tell(ev.DigitEnd, digit="#", ms=80)
    bench.run(2.0)
    assert bench.outcome(call)[0] == outcome


def test_no_choice_in_the_menu(bench: CentreBench) -> None:
    call = bench.arrives()
    for _ in range(3):
        bench.press("")
    bench.run(2.0)
    assert bench.outcome(call) == ("no_choice", "no_key")


def test_nobody_there_when_we_lifted(bench: CentreBench) -> None:
    call = bench.arrives()
    bench.port.tone("dial")
    assert bench.outcome(call) == ("abandoned_ring", "dial_tone")


def test_the_loop_does_not_close(bench: CentreBench) -> None:
    bench.port.ring()
    bench.says()
    bench.port.fail("answer", TimedOut("no loop"))
    assert bench.outcome(bench.calls[0])[0] == "failed" and bench.line.state == "guard"
    assert len(bench.faults()) == 1
    bench.log.lines.clear()


@pytest.mark.parametrize("outcome", [Transfer.NO_ANSWER, Transfer.BUSY, Transfer.REFUSED])
def test_the_next_agent_is_tried(bench: CentreBench, outcome: Transfer) -> None:
    call = bench.transferring()
    bench.switch.ends(outcome, Caller.WITH_US)
    assert (call.state, call.agent) == ("queued", None)
    bench.run(1.1)  # nobody answered, please wait
    assert bench.switch.under_way[0][1] == "8002"
    bench.switch.dials()
    bench.switch.ends(Transfer.ANSWERED, Caller.WITH_AGENT, "voice")
    assert call.agent == "1002" and bench.agent("1002") == ("ready", "talking", "none")
    assert [say[:2] for say in bench.desks.sent] == [("1001", "popup"), ("1001", "ended"), ("1002", "popup")]


@pytest.mark.parametrize(("how", "after_s", "outcome"), [
    ("busy", 1.0, "lost_in_transfer"), ("dial", 1.0, "lost_in_transfer"), ("loop", 1.0, "abandoned_queue"),
    ("busy", RETRIEVED_S + 1, "abandoned_queue"),
])  # fmt: skip
def test_tones_of_a_dead_line_after_a_retrieve(tmp_path: Path, how: str, after_s: float, outcome: str) -> None:
    bench = CentreBench(tmp_path, agents=1)
    call = bench.transferring()
    bench.switch.ends(Transfer.BUSY, Caller.WITH_US)
    bench.run(after_s)
    if how == "loop":
        bench.port.tell(ev.LoopDrop)
    else:
        bench.port.tone(how)
    assert bench.outcome(call)[0] == outcome
    bench.stop()


class TestNoDialTone:
    def fails(self, bench: CentreBench) -> Any:
        call = bench.queued() if not bench.calls else bench.calls[0]
        bench.switch.ends(Transfer.NO_DIAL_TONE, Caller.UNKNOWN, "silence after the flash")
        assert bench.port.doing == ["play"] and call.state == "transferring"
        return call

    @pytest.mark.parametrize("sign", ["key", "key at once", "voice"])
    def test_the_caller_is_still_there(self, bench: CentreBench, sign: str) -> None:
        call = self.fails(bench)
        if sign == "key at once":
            bench.port.tell(ev.DigitBegin, digit="5")
            assert "play" in bench.port.doing and call.state == "queued"  # our question was cut short
        else:
            bench.run(1.1)
            if sign == "key":
                bench.port.tell(ev.DigitBegin, digit="5")
            else:
                bench.port.tell(ev.NotTone)
                bench.run(0.4)  # it might have been a digit of the PBX's
        assert call.state == "queued"
        bench.run(1.1)
        assert len(bench.switch.under_way) == 1

    def test_our_own_echo_is_no_sign_of_life(self, bench: CentreBench) -> None:
        call = self.fails(bench)
        assert bench.port.log[-2] == ("detect", ("dtmf",))  # only keys count while we speak
        bench.port.tell(ev.VoiceBegin)
        bench.run(1.1)
        assert bench.port.log[-1] == ("detect", ("dtmf", "tones", "voice"))
        bench.port.tell(ev.VoiceBegin)
        bench.run(SIGN_OF_LIFE_S)
        assert call.state == "recall"

    @pytest.mark.parametrize("sign", ["loop_drop", "busy"])
    def test_the_line_is_dead(self, bench: CentreBench, sign: str) -> None:
        call = self.fails(bench)
        bench.run(1.1)
        if sign == "busy":
            bench.port.tone("busy")
        else:
            bench.port.tell(ev.LoopDrop)
        assert bench.outcome(call)[0] == "lost_in_transfer" and bench.agent() == READY

    def test_the_line_goes_out_of_order_meanwhile(self, bench: CentreBench) -> None:
        call = self.fails(bench)
        bench.run(1.1)
        bench.port.tell(ev.Alarm, alarms=("red",))
        assert bench.outcome(call) == ("lost_in_transfer", "alarm")
        bench.run(10.0)

    def test_nobody_is_heard_and_the_pbx_brings_nobody_back(self, bench: CentreBench) -> None:
        call = self.fails(bench)
        bench.run(1.1 + SIGN_OF_LIFE_S)
        assert call.state == "recall" and bench.line.state == "guard"
        bench.run(61.0)
        assert bench.outcome(call) == ("lost_in_transfer", "the PBX did not recall")

    def test_the_second_time_the_caller_is_told_that_it_cannot_be_done(self, bench: CentreBench) -> None:
        call = self.fails(bench)
        bench.run(1.1)
        bench.port.tell(ev.NotTone)
        bench.run(0.4)  # it might have been a digit of the PBX's
        bench.run(1.1)
        self.fails(bench)
        bench.run(1.1)
        bench.port.tell(ev.NotTone)
        bench.run(0.4)  # it might have been a digit of the PBX's
        assert ("play", "cannot_transfer") in bench.port.log
        bench.run(1.1)
        assert bench.outcome(call)[0] == "failed"
        assert [entry[1] for entry in bench.switch.under_way] == []

    def test_a_caller_who_hangs_up_while_being_told(self, bench: CentreBench) -> None:
        call = self.fails(bench)
        bench.run(1.1)
        bench.port.tell(ev.NotTone)
        bench.run(0.4)  # it might have been a digit of the PBX's
        bench.port.tell(ev.LoopDrop)
        assert bench.outcome(call)[0] == "abandoned_queue"


class TestRecall:
    def test_the_same_call_at_its_old_place(self, bench: CentreBench) -> None:
        bench.centre.acd.not_ready("1002", "test")
        call = bench.to("recall")
        assert bench.agent()[1] == "unknown" and not bench.centre.acd.entries
        second = bench.queued(B, 1)
        bench.run(1.0)
        bench.port.ring()
        bench.says(A, "8001", "N")
        assert call.state == "queued" and call.line is bench.line and bench.line.state == "busy"
        assert bench.centre.acd.entries[call.id].place == 1 and bench.centre.acd.entries[second.id].place == 2
        bench.centre.acd.ready("1002")
        bench.run(1.2)
        assert bench.switch.under_way[0][0] is bench.port and call.agent == "1002"
        assert len(bench.calls) == 2 and bench.records.kinds(call.id).count("step") == len(call.steps)

    def test_no_agent_is_promised_to_a_caller_whom_the_pbx_has(self, bench: CentreBench) -> None:
        call = bench.to("recall")
        assert bench.agent("1002") == READY and bench.centre.acd.waiting()["sales"] == 0
        bench.run(61.0)
        assert bench.outcome(call) == ("lost_in_transfer", "the PBX did not recall") and bench.agent("1002") == READY

    def test_on_another_line_by_its_message(self, bench: CentreBench) -> None:
        call = bench.to("recall")
        bench.says(None, "8001", "N", line=2)
        assert call.state == "recall"
        bench.ports[1].ring()
        assert call.state == "queued" and call.line is bench.centre.lines[1]

    def test_it_rings_without_a_word(self, bench: CentreBench) -> None:
        call = bench.to("recall")
        bench.run(1.0)
        bench.port.ring()
        bench.run(2.9)
        assert call.state == "recall"
        bench.run(0.2)
        assert call.state == "queued"

    def test_another_call_on_that_line(self, bench: CentreBench) -> None:
        call = bench.to("recall")
        bench.run(1.0)
        bench.port.ring()
        bench.says(B, DNIS)
        bench.run(0.1)
        assert call.state == "recall" and bench.calls[1].state == "menu" and bench.calls[1].ani == B

    def test_the_caller_gives_up_while_it_rings(self, bench: CentreBench) -> None:
        call = bench.to("recall")
        bench.run(1.0)
        bench.port.ring()
        bench.pbx.arrivals.line_stopped_ringing(bench.line)
        assert bench.outcome(call) == ("lost_in_transfer", "gave up during the recall")

    def test_nobody_is_there_when_we_lift(self, bench: CentreBench) -> None:
        call = bench.to("recall")
        bench.port.ring()
        bench.says(A, "8001", "N")
        bench.run(0.5)
        bench.port.tone("dial")
        assert bench.outcome(call) == ("lost_in_transfer", "dial_tone")

    def test_a_direct_call_from_the_agents_extension_is_no_recall(self, bench: CentreBench) -> None:
        call = bench.to("recall")
        bench.ports[1].ring()
        bench.says(None, "8001", "D", line=2)
        assert call.state == "recall" and len(bench.calls) == 2

    def test_waited_too_long_meanwhile(self, tmp_path: Path) -> None:
        bench = CentreBench(tmp_path, max_wait_s=10.0)
        call = bench.transferring()
        bench.run(11.0)
        bench.switch.ends(Transfer.BUSY, Caller.RECALLED, "busy")
        bench.run(1.0)
        bench.port.ring()
        bench.says(A, "8001", "N")
        bench.run(3.0)
        assert bench.outcome(call)[0] == "overdue"
        bench.stop()


class TestHandedOver:
    """We hang up at the first ringback; nobody has answered yet."""

    @pytest.fixture
    def call(self, bench: CentreBench) -> Any:
        call = bench.transferring()
        bench.switch.ends(Transfer.HANDED_OVER, Caller.WITH_AGENT, "ringback")
        assert call.state == "talking" and call.blind
        return call

    def test_answered(self, bench: CentreBench, call: Any) -> None:
        bench.run(20.0)
        bench.record(duration_s=15)
        assert bench.outcome(call) == ("answered", "smdr")

    def test_nobody_answered_and_the_caller_went(self, bench: CentreBench, call: Any) -> None:
        bench.run(20.0)
        bench.record(duration_s=0, answered=False)
        assert bench.outcome(call)[0] == "abandoned_queue" and bench.agent()[1] == "idle"

    @pytest.mark.parametrize("word", ["message", "number"])
    def test_nobody_answered_and_the_pbx_recalls(self, bench: CentreBench, call: Any, word: str) -> None:
        bench.run(20.0)
        bench.port.ring()
        if word == "message":
            bench.says(A, "8001", "N")
        else:
            bench.port.caller_id(A)
        assert call.state == "queued" and bench.agent() == READY and len(bench.calls) == 1
        bench.run(1.1)
        assert bench.switch.under_way and call.state == "transferring"
        assert ("1001", "ended") in [say[:2] for say in bench.desks.sent]
        bench.switch.dials()
        bench.switch.ends(Transfer.ANSWERED, Caller.WITH_AGENT, "voice")
        bench.record(number=A)
        bench.record("8002", number=A)
        assert bench.outcome(call)[0] == "answered"

    def test_a_ring_without_a_word_is_a_new_call(self, bench: CentreBench, call: Any) -> None:
        bench.run(5.0)
        bench.port.ring()
        bench.run(3.1)
        assert call.state == "talking" and bench.calls[1].state == "menu"


def test_an_agent_who_never_answered_after_all(bench: CentreBench) -> None:
    """The voice was not the agent's: the PBX recalls a transfer that was taken for answered, and says so before it
    rings. (Said after the first ring it is a new call: each ring would have to wait for it.)"""
    call = bench.talking()
    bench.run(20.0)
    bench.says(A, "8001", "N")
    assert call.state == "talking"
    bench.port.ring()
    assert call.state == "queued" and bench.agent() == READY


def test_a_new_call_to_the_agents_extension_is_no_recall(bench: CentreBench) -> None:
    call = bench.talking()
    bench.run(3.0)
    for number in (B, None):
        bench.port.ring()
        bench.says(number, "8001", "N")
        bench.run(0.1)
        assert call.state == "talking" and bench.calls[-1].state == "menu"
        bench.port.tell(ev.LoopDrop)
        bench.run(3.0)


def test_waited_too_long_while_an_agent_rang_is_not_a_new_wait(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path, max_wait_s=10.0)
    call = bench.transferring()
    bench.run(11.0)
    bench.switch.ends(Transfer.NO_ANSWER, Caller.WITH_US)
    bench.run(2.1)
    assert ("play", "waited_too_long") in bench.port.log
    assert bench.outcome(call)[0] == "overdue" and bench.records.kinds(call.id).count("queued") == 1
    bench.stop()


def test_answered_after_the_queue_had_let_go(tmp_path: Path) -> None:
    """Overdue, and the limit of the ringing passed; then the agent answers even so."""
    bench = CentreBench(tmp_path, max_wait_s=10.0)
    call = bench.transferring()
    bench.run(24.0)
    assert not bench.centre.acd.entries and call.state == "transferring"
    bench.switch.ends(Transfer.ANSWERED, Caller.WITH_AGENT, "voice")
    assert call.state == "talking" and bench.agent() == ("ready", "talking", "none")
    assert bench.records.of(call.id, "connected")[0]["agent"] == "1001"
    bench.run(10.0)
    bench.record(duration_s=10)
    assert bench.outcome(call)[0] == "answered" and bench.agent()[1] == "idle"
    bench.stop()


def test_the_agent_logs_out_while_being_called(bench: CentreBench) -> None:
    call = bench.transferring()
    bench.centre.acd.logout("1001")
    bench.switch.ends(Transfer.ANSWERED, Caller.WITH_AGENT, "voice")
    assert call.state == "talking" and bench.agent() == ("logged_off", "talking", "none")
    bench.record(duration_s=0)
    assert bench.outcome(call)[0] == "answered" and bench.agent() == ("logged_off", "idle", "none")


def test_the_agent_moves_to_another_extension_while_being_called(bench: CentreBench) -> None:
    call = bench.transferring()
    bench.centre.acd.login("1001", "8009")
    bench.switch.ends(Transfer.NO_ANSWER, Caller.WITH_US)
    bench.run(1.1)
    assert call.state == "transferring" and bench.switch.under_way[0][1] in ("8009", "8002")


def test_an_agent_without_an_extension(bench: CentreBench) -> None:
    call = bench.to("queued")
    bench.centre.acd.agent("1001").extension = None
    bench.centre.acd.ready("1001")
    assert call.state == "queued" and not bench.switch.under_way
    bench.centre.acd.agent("1001").extension = "8001"
    bench.run(7.0)
    assert call.state == "transferring"


def test_the_desk_ends_the_talk_and_the_record_comes_later(bench: CentreBench) -> None:
    call = bench.talking()
    bench.run(20.0)
    bench.centre.acd.call_ended("1001")
    assert bench.outcome(call) == ("answered", "call_ended") and 9 not in call.steps
    bench.run(6.0)
    second = bench.talking(B, 1)
    bench.record(number=A, duration_s=20)
    assert 9 in call.steps and second.state == "talking"


def test_a_record_that_is_lost_leaves_the_agent_to_the_limit(bench: CentreBench) -> None:
    call = bench.talking()
    bench.run(7200.1)
    assert ("1001", "ask") in [say[:2] for say in bench.desks.sent] and call.state == "talking"
    bench.run(30.1)
    assert bench.outcome(call)[0] == "answered" and bench.agent() == READY


def test_records_of_other_calls_end_nothing(bench: CentreBench) -> None:
    call = bench.talking()
    bench.record(number=B)
    bench.record("8002")
    bench.record(direction="out")
    bench.record(event="other")
    assert call.state == "talking" and len(bench.records.of(None, "smdr")) == 4


def test_another_call_reaches_the_agent(bench: CentreBench) -> None:
    """The record was lost and the agent took the next call all the same."""
    first = bench.talking()
    bench.centre.acd.not_ready("1002", "test")
    second = bench.queued(B, 1)
    bench.centre.acd.ready("1001")
    bench.run(0.1)
    assert second.state == "transferring" and bench.outcome(first)[0] == "answered"
    bench.switch.dials()
    bench.switch.ends(Transfer.ANSWERED, Caller.WITH_AGENT, "voice")
    assert bench.pbx.talks.at("8001") is second


def test_a_late_message_updates_the_screen(bench: CentreBench) -> None:
    bench.port.ring()
    bench.run(3.1)
    call = bench.calls[0]
    bench.press("1")
    bench.switch.dials()
    bench.switch.ends(Transfer.ANSWERED, Caller.WITH_AGENT, "voice")
    assert bench.desks.sent[0][2]["ani"] is None
    bench.run(2.5)
    bench.says()
    bench.run(3.1)
    assert call.ani == A and bench.desks.sent[-1][1] == "popup.update" and bench.desks.sent[-1][2]["ani"] == A
    assert bench.records.of(call.id, "ani")[0]["late"] and len(bench.calls) == 1


def test_the_ring_time_is_less_than_the_pbxs_own(tmp_path: Path) -> None:
    for line, ring_s in (({}, 12.0), ({"no_answer_s": 8.0}, 8.0)):
        bench = CentreBench(tmp_path, line=line)
        bench.transferring()
        assert bench.switch.under_way[0][2] == ring_s
        bench.stop()


def test_the_dialect_reaches_line_and_ears(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path, line={"guard_s": 0.5, "busy_cycles": 5})
    bench.arrives()
    assert bench.port.plan.tone("busy").min_cycles == 5
    bench.port.tell(ev.LoopDrop)
    bench.run(0.6)
    assert bench.line.state == "idle"
    bench.stop()


@pytest.mark.parametrize("state", STATES)
def test_stopping_in_each_state(tmp_path: Path, state: str) -> None:
    bench = CentreBench(tmp_path)
    call = bench.to(state)
    bench.stop()
    assert bench.outcome(call)[0] == {"talking": "answered", "message": "message"}.get(state, "failed")
    assert not bench.faults()


def test_stopping_promises_nobody_on_the_way_out(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path, agents=1)
    bench.transferring()
    bench.queued(B, 1)
    bench.centre.stop()
    assert [len(bench.records.of(call.id, "offered")) for call in bench.calls] == [1, 0]
    bench.stop()


@pytest.mark.parametrize("state", ["menu", "queued", "message", "transferring", "talking"])
def test_a_port_blocked_during_a_call(bench: CentreBench, state: str) -> None:
    call = bench.to(state)
    assert bench.line.block() is False
    assert call.state == state
    if state not in ("transferring", "talking"):
        bench.port.tell(ev.LoopDrop)
    elif state == "transferring":
        bench.switch.ends(Transfer.ANSWERED, Caller.WITH_AGENT, "voice")
    bench.run(2.2)
    assert bench.line.state == "blocked"
    bench.line.unblock()


def test_an_action_that_fails_ends_the_call_all_the_same(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path)
    call = bench.transferring()

    def broken(*_: object) -> None:
        raise OSError("broken")

    bench.centre.acd.remove, kept = broken, bench.centre.acd.remove  # type: ignore[method-assign, assignment]
    bench.port.tell(ev.Alarm, alarms=("red",))
    bench.centre.acd.remove = kept  # type: ignore[method-assign]
    assert bench.outcome(call)[0] == "lost_in_transfer" and len(bench.faults()) >= 1
    bench.centre.acd.remove(call.id, "test")
    bench.stop()


def test_an_action_that_fails_at_the_answer(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path)
    call = bench.transferring()

    def broken(*_: object) -> None:
        raise OSError("broken")

    bench.centre.talk_began = broken  # type: ignore[method-assign, assignment]
    bench.switch.ends(Transfer.ANSWERED, Caller.WITH_AGENT, "voice")
    assert bench.outcome(call)[0] == "failed" and bench.line.state == "guard"
    bench.stop()


@pytest.mark.parametrize("there", [True, False])
def test_who_was_not_heard_for_long_is_asked_before_an_agent_is_called(tmp_path: Path, there: bool) -> None:
    """Where the PBX gives no sign of a hang-up, the music in the queue covers it."""
    bench = CentreBench(tmp_path, line={"disconnect": ("loop_drop", "silence"), "silence_s": 30.0})
    call = bench.to("queued")
    bench.run(50.0)
    bench.centre.acd.ready("1001")
    assert not bench.switch.under_way and ("play", "are_you_there") in bench.port.log
    bench.run(1.1)
    if there:
        bench.port.tell(ev.DigitBegin, digit="1")
        bench.run(0.1)
        bench.port.tell(ev.DigitEnd, digit="1", ms=100)
        bench.run(0.4)  # it might have been a digit of the PBX's
        assert call.state == "transferring" and bench.switch.under_way
    else:
        bench.run(SIGN_OF_LIFE_S)
        assert bench.outcome(call) == ("abandoned_queue", "silence")
        assert not bench.switch.under_way and bench.agent() == READY
    bench.stop()


@pytest.mark.parametrize(("answered", "outcome"), [(True, "answered"), (False, "abandoned_queue")])
def test_a_wire_cut_while_the_agent_rings(bench: CentreBench, answered: bool, outcome: str) -> None:
    """On-hook completes the transfer: the caller is with the agent, as the PBX's record says."""
    call = bench.transferring()
    bench.switch.ringing.add("8001")
    bench.port.tell(ev.Alarm, alarms=("red",))
    assert call.state == "talking" and bench.line.state == "alarm" and bench.agent()[1] == "talking"
    bench.run(20.0)
    assert not bench.switch.under_way
    bench.record(duration_s=15 if answered else 0, answered=answered)
    assert bench.outcome(call)[0] == outcome and bench.agent()[1] == "idle"


def test_who_hangs_up_as_the_queue_ends_is_told_no_goodbye(bench: CentreBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait ends without an agent in the turn in which the caller went: there is no line any more to speak on."""
    steps = bench.centre.steps

    async def ends(call: Any) -> None:
        bench.centre.conduct.caller_gone(call, "loop_drop")

    monkeypatch.setattr(type(steps), "step_6_queue", lambda self, call: ends(call))
    call = bench.to("menu")
    bench.press("1")
    bench.run(5.0)
    assert bench.outcome(call)[0] == "abandoned_queue"
