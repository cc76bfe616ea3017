"""Ring, message and in-band number in every order, late, lost, twice, of another call; and whatever comes, in whatever
order, nothing is raised and no call is forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from cti.arrivals.arrivals import DOUBT_S, ID_RING_S, Arrivals
from cti.arrivals.former import MESSAGE_S
from cti.arrivals.numbers import DnisRules, NumberRules, Numbers, agree
from cti.arrivals.port_map import PortMap
from cti.call import CALL, Call, Source, Step
from cti.machine import Machine
from cti.pbx.announcement import Announcement, from_smdi
from cti.pbx.call_rules import CallRules
from cti.pbx.line_rules import LineRules
from cti.pbx.smdi import SmdiCall
from cti.vru.line import RING_GAP_S, VruLine
from drivers import events as ev
from drivers.clock import SteppedClock
from tests.cti.dummies import DummyPort

A, B = "13800138000", "01062345678"
DNIS = "66886688"


class Bench:
    """Arrivals over two lines, with the later steps played by the test."""

    def __init__(self, ani_wait_s: float = 3.0) -> None:
        self.clock = SteppedClock()
        self.ports = [DummyPort(self.clock, index) for index in range(2)]
        self.lines = [
            VruLine(self.clock, port, str(2001 + index), 1, 1 + index, LineRules(), self)  # type: ignore[arg-type]
            for index, port in enumerate(self.ports)
        ]
        self.arrivals = Arrivals(
            self.clock,
            self.lines,
            self,
            self,
            ani_wait_s=ani_wait_s,
            dnis=DnisRules(["forwarded_from"]),
            port_map=PortMap(self.clock, lambda raised, text: self.alarms.append(f"map {raised}")),
            alarm=lambda name, text: self.alarms.append(name),
        )
        self.numbers = NumberRules(CallRules())
        self.calls: list[Call] = []
        self.answered: list[Call] = []
        self.alarms: list[str] = []
        self.recalls: list[tuple[VruLine, Call]] = []
        self.slow = False  # whoever ends calls has something to do first
        for line in self.lines:
            line.start()
        self.line, self.port = self.lines[0], self.ports[0]

    # the steps

    def step_1_call_arrives(self, source: Source) -> Call:
        call = Call(f"1-{len(self.calls) + 1:06d}", self.clock.seconds(), Machine(CALL))
        self.calls.append(call)
        return call

    def step_2_numbers(self, call: Call, numbers: Numbers) -> None:
        self.numbers.apply(call, numbers)

    def step_3_hunted_to(self, call: Call, line: VruLine, source: Source) -> None:
        call.line = line

    def step_4_pbx_tells(self, call: Call, source: Source) -> None:
        call.steps.setdefault(4, Step(self.clock.seconds(), self.clock.now(), source))

    def answer(self, call: Call) -> None:
        assert call.line is not None
        call.line.take()
        call.answered_s = self.clock.seconds()
        call.send("answer")
        self.answered.append(call)

    def caller_gone(self, call: Call, how: str) -> None:
        if call.machine.can("gone") and not self.slow:
            self.end(call)

    def end(self, call: Call) -> None:
        call.send("gone")
        self.leave(call)

    def leave(self, call: Call) -> None:
        """The call has left the port, for an agent or for good."""
        line = call.line
        if not isinstance(line, VruLine):
            return
        call.line = None
        if self.arrivals.left(line, call) and line.state in ("busy", "alarm"):
            line.free()

    def recall_expected(self, line: VruLine) -> bool:
        return any(where is line for where, _ in self.recalls)

    def recalled(self, line: VruLine, message: Announcement | None, number: str | None) -> Call | None:
        for where, call in self.recalls:
            if (
                where is line
                and (message is None or message.reason == "no_answer")
                and (not number or agree(number, call.ani))
            ):
                return call
        return None

    def resume(self, call: Call, line: VruLine) -> None:
        self.recalls.remove((line, call))
        line.take()
        self.arrivals.took(line, call)
        call.line = line
        call.send("recalled")

    def recall_stopped(self, line: VruLine) -> bool:
        found = [(where, call) for where, call in self.recalls if where is line]
        for where, call in found:
            self.recalls.remove((where, call))
            call.send("gone")
        return bool(found)

    # the line's owner

    def line_rings(self, line: VruLine) -> None:
        self.arrivals.line_rings(line)

    def line_stopped_ringing(self, line: VruLine) -> None:
        self.arrivals.line_stopped_ringing(line)

    def line_has_caller_id(self, line: VruLine, event: ev.CallerId) -> None:
        self.arrivals.line_has_caller_id(line, event)

    def line_lost_caller(self, line: VruLine, how: str) -> None:
        self.arrivals.line_lost_caller(line, how)

    def line_heard_digits(self, line: VruLine, digits: str) -> None: ...

    def line_alarm(self, line: VruLine, alarms: tuple[str, ...]) -> None: ...

    # the test

    def says(self, calling: str | None = A, called: str | None = DNIS, reason: str = "A", line: int = 1) -> None:
        self.arrivals.pbx_says(from_smdi(SmdiCall(1, line, reason, called, calling)))

    def run(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def close(self) -> None:
        """Nothing may be left over."""
        self.arrivals.close()
        for line in self.lines:
            line.stop()
        self.clock.advance(0.02)
        assert not self.clock.getDelayedCalls()

    @property
    def told(self) -> list[tuple[str | None, str | None, str]]:
        return [(call.ani, call.dnis, call.state) for call in self.calls]


@pytest.fixture
def bench() -> Any:
    made = Bench()
    yield made
    made.close()


def test_the_message_after_the_ring(bench: Bench) -> None:
    bench.port.ring()
    bench.run(0.5)
    assert bench.told == [(None, None, "arriving")]
    bench.says()
    assert bench.told == [(A, DNIS, "menu")] and bench.calls[0].announced


def test_the_message_before_the_ring(bench: Bench) -> None:
    bench.says()
    assert bench.told == [(A, DNIS, "arriving")]
    bench.run(1.0)
    bench.port.ring()
    assert bench.told == [(A, DNIS, "menu")]


def test_no_message(bench: Bench) -> None:
    bench.port.ring()
    bench.run(1.0)
    bench.port.ring()  # the wait runs from the first ring
    bench.run(1.9)
    assert bench.told == [(None, None, "arriving")]
    bench.run(0.1)
    assert bench.told == [(None, None, "menu")] and bench.calls[0].answered_s == 3.0


def test_a_message_after_the_answer_updates_the_call(bench: Bench) -> None:
    bench.port.ring()
    bench.run(5.0)
    bench.says()
    assert bench.told == [(A, DNIS, "menu")] and len(bench.answered) == 1


def test_a_message_whose_ring_never_comes(bench: Bench) -> None:
    bench.says()
    bench.run(MESSAGE_S + 0.1)
    assert bench.told == [(A, DNIS, "ended")] and bench.arrivals.call_at(bench.line) is None


def test_in_band_id(bench: Bench) -> None:
    bench.port.ring()
    bench.run(1.2)
    bench.port.caller_id(A)
    assert bench.told == [(A, None, "menu")]
    bench.says(called=DNIS)
    assert bench.told == [(A, DNIS, "menu")]


def test_in_band_id_that_says_private_is_complete(bench: Bench) -> None:
    bench.port.ring()
    bench.port.caller_id(None)
    assert bench.told == [(None, None, "menu")]


def test_in_band_id_before_the_ring(bench: Bench) -> None:
    bench.port.caller_id(A)
    bench.run(1.0)
    assert bench.told == [(A, None, "arriving")]
    bench.port.ring()
    assert bench.told == [(A, None, "menu")]


@pytest.mark.parametrize("slow", [False, True])
def test_a_second_number_before_the_ring_is_the_next_callers(bench: Bench, slow: bool) -> None:
    """The first caller hung up between number and ring."""
    bench.slow = slow
    bench.port.caller_id(A)
    bench.run(6.0)
    bench.port.caller_id(B)
    bench.port.ring()
    assert [call.ani for call in bench.calls] == [A, B] and bench.arrivals.call_at(bench.line) is bench.calls[1]
    assert bench.calls[1].state == "menu" and (slow or bench.calls[0].ended)
    bench.slow = False
    bench.end(bench.calls[0]) if slow else None


def test_in_band_id_whose_ring_never_comes_does_not_stay_for_ever(bench: Bench) -> None:
    bench.port.caller_id(A)
    bench.run(ID_RING_S + 0.1)
    assert bench.told == [(A, None, "ended")]


@pytest.mark.parametrize("ringing", [True, False])
def test_in_band_id_that_cannot_be_read_says_nothing(bench: Bench, ringing: bool) -> None:
    if ringing:
        bench.port.ring()
    bench.port.caller_id(A, ok=False)
    bench.port.tell(ev.CallerId, form="fsk", ok=True, raw=b"\x01\x02")
    bench.port.tell(ev.CallerId, form="dtmf", ok=True, raw=b"")
    assert bench.told == ([(None, None, "arriving")] if ringing else [])
    bench.run(3.0)
    assert bench.told == ([(None, None, "menu")] if ringing else [])


def test_a_message_for_a_line_we_do_not_have(bench: Bench) -> None:
    bench.says(line=9)
    assert bench.alarms == ["unknown_line"] and not bench.calls


def test_the_same_message_twice_is_of_one_call(bench: Bench) -> None:
    bench.port.ring()
    bench.says(called=None)
    bench.says()  # once more, with the called number
    assert bench.told == [(A, DNIS, "menu")]
    bench.end(bench.calls[0])
    bench.run(MESSAGE_S)
    bench.port.ring()
    bench.run(5.0)
    assert bench.told[1] == (None, None, "menu") and not bench.alarms


def test_a_second_message_with_other_numbers_is_of_the_next_call(bench: Bench) -> None:
    bench.port.ring()
    bench.says(A)
    bench.says(B)
    assert bench.told == [(A, DNIS, "menu")]
    bench.end(bench.calls[0])
    bench.run(1.0)
    bench.port.ring()
    assert bench.told[1] == (B, DNIS, "menu")


def test_only_one_message_is_held(bench: Bench) -> None:
    bench.port.ring()
    bench.says(A)
    bench.says(B)
    bench.says("02155556666")
    assert bench.alarms == ["message_replaced"]
    bench.run(MESSAGE_S + 0.1)
    assert bench.alarms == ["message_replaced", "message_without_ring"]


@pytest.mark.parametrize("in_band", [None, A])
def test_a_message_after_the_call_has_gone_to_an_agent_updates_it(bench: Bench, in_band: str | None) -> None:
    bench.port.ring()
    if in_band:
        bench.port.caller_id(in_band)
    bench.run(3.0)
    bench.leave(bench.calls[0])
    bench.run(5.0)
    bench.says()
    bench.run(DOUBT_S)
    assert bench.told == [(A, DNIS, "menu")] and bench.calls[0].announced and not bench.alarms


@pytest.mark.parametrize("in_band", [None, A])
def test_a_message_after_the_end_is_no_new_call(bench: Bench, in_band: str | None) -> None:
    bench.port.ring()
    if in_band:
        bench.port.caller_id(in_band)
    bench.run(3.0)
    bench.end(bench.calls[0])
    bench.run(2.0)
    bench.says()
    bench.run(DOUBT_S)
    assert bench.told == [(A, DNIS, "ended")] and bench.alarms == ["message_too_late"]


def test_a_doubtful_message_whose_ring_comes_is_of_the_new_call_and_not_for_certain(bench: Bench) -> None:
    bench.port.ring()
    bench.run(3.0)
    bench.end(bench.calls[0])
    bench.run(5.0)
    bench.says(B)
    bench.run(1.0)
    bench.port.ring()
    assert bench.told == [(None, None, "ended"), (B, DNIS, "arriving")] and not bench.alarms
    assert bench.calls[1].ani_doubt == "place_guessed"
    bench.run(3.0)  # for the caller ID that may confirm it
    assert bench.told[1] == (B, DNIS, "menu")


def test_a_late_message_before_the_next_ring_is_the_formers_when_the_next_caller_has_one(bench: Bench) -> None:
    bench.port.ring()
    bench.run(3.0)
    bench.end(bench.calls[0])
    bench.run(3.0)
    bench.says(A)
    bench.run(1.0)
    bench.port.ring()
    bench.run(0.5)
    bench.says(B)
    assert bench.told == [(A, DNIS, "ended"), (B, DNIS, "menu")] and bench.alarms == ["message_too_late"]
    assert bench.calls[1].ani_doubt is None


def test_two_messages_for_a_quiet_line_are_the_formers_and_the_next_callers(bench: Bench) -> None:
    bench.port.ring()
    bench.run(3.0)
    bench.end(bench.calls[0])
    bench.run(3.0)
    bench.says(A)
    bench.says(A)  # said twice, it is still of one of them
    bench.run(1.0)
    bench.says(B)
    assert bench.told == [(A, DNIS, "ended"), (B, DNIS, "arriving")] and bench.alarms == ["message_too_late"]
    bench.run(1.0)
    bench.port.ring()
    assert bench.told[1] == (B, DNIS, "menu") and bench.calls[1].ani_doubt is None


@pytest.mark.parametrize(("waits_s", "doubt"), [(2.0, None), (6.0, "place_guessed")])
def test_a_message_that_waited_long_for_its_ring_makes_nobody_certain(
    bench: Bench, waits_s: float, doubt: str | None
) -> None:
    bench.port.ring()
    bench.says(A)
    bench.run(1.0)
    bench.says(B)  # for the next caller, or of one who never comes
    bench.end(bench.calls[0])
    bench.run(waits_s)
    bench.port.ring()
    assert bench.calls[1].ani == B and bench.calls[1].ani_doubt == doubt


def test_a_message_with_another_number_than_the_former_call_opens_a_new_one(bench: Bench) -> None:
    bench.port.ring()
    bench.port.caller_id(A)
    bench.end(bench.calls[0])
    bench.run(5.0)
    bench.says(B)
    assert bench.told == [(A, None, "ended"), (B, DNIS, "arriving")]


def test_the_former_calls_message_while_the_next_one_rings(bench: Bench) -> None:
    bench.port.ring()
    bench.port.caller_id(A)
    bench.end(bench.calls[0])
    bench.run(3.0)
    bench.port.ring()
    bench.says(A)
    assert bench.told == [(A, DNIS, "ended"), (None, None, "arriving")]
    bench.says(B)
    assert bench.told[1] == (B, DNIS, "menu")


@pytest.mark.parametrize(("since_s", "doubt"), [(3.0, "place_guessed"), (9.0, None)])
def test_the_first_message_after_a_ring_may_be_the_formers(bench: Bench, since_s: float, doubt: str | None) -> None:
    """Of the former nothing had been said, and it rang a moment ago; a second message settles whose each is."""
    bench.port.ring()
    bench.run(3.5)
    bench.end(bench.calls[0])
    bench.run(since_s)
    bench.port.ring()
    bench.run(0.3)
    bench.says(A)
    (former, call) = bench.calls
    assert (call.ani, call.ani_doubt) == (A, doubt)
    if doubt is None:
        return
    bench.says(B)
    assert (former.ani, call.ani, call.ani_doubt) == (A, B, None) and not bench.alarms[1:]
    assert (former.dnis, call.dnis) == (DNIS, DNIS)


def test_two_calls_with_the_same_number(bench: Bench) -> None:
    bench.port.ring()
    bench.ports[1].ring()
    bench.says(A, line=2)
    bench.says(A, line=1)
    assert bench.told == [(A, DNIS, "menu")] * 2
    assert [bench.arrivals.call_at(line) for line in bench.lines] == bench.calls


def test_a_message_for_a_line_out_of_service_waits(bench: Bench) -> None:
    bench.line.block()
    bench.says()
    assert not bench.calls
    bench.run(MESSAGE_S + 0.1)
    assert bench.alarms == ["message_without_ring"]


def test_the_caller_gives_up_within_the_wait() -> None:
    bench = Bench(ani_wait_s=20.0)
    bench.port.ring()
    bench.run(RING_GAP_S + 0.1)
    assert bench.told == [(None, None, "ended")] and bench.line.state == "idle"
    bench.close()


def test_an_alarm_while_it_rings(bench: Bench) -> None:
    bench.port.ring()
    bench.port.tell(ev.Alarm, alarms=("red",))
    assert bench.told == [(None, None, "ended")]
    bench.run(10.0)
    assert not bench.answered


def test_a_ring_before_the_former_call_has_left(bench: Bench) -> None:
    """Its end is under way (a message is being closed) when the line, after an alarm, rings for somebody else."""
    bench.port.ring()
    bench.says(A)
    bench.slow = True
    bench.port.tell(ev.Alarm, alarms=("red",))
    bench.port.tell(ev.Alarm, alarms=())
    bench.port.ring()
    bench.says(B)
    assert bench.told == [(A, DNIS, "menu"), (B, DNIS, "menu")] and bench.line.state == "busy"
    bench.end(bench.calls[0])
    assert bench.line.state == "busy" and bench.arrivals.call_at(bench.line) is bench.calls[-1]


class TestRecalls:
    """A transfer left line 1 and the PBX may bring its caller back there."""

    @pytest.fixture
    def away(self, bench: Bench) -> Bench:
        bench.port.ring()
        bench.says(A)
        call = bench.calls[0]
        for event in ("chosen", "agent"):
            call.send(event)
        bench.leave(call)
        call.send("on_hook")
        bench.recalls.append((bench.line, call))
        bench.run(1.0)
        assert bench.line.state == "guard"
        return bench

    def test_the_message_decides(self, away: Bench) -> None:
        away.port.ring()
        away.run(0.3)
        assert away.told == [(A, DNIS, "recall")]
        away.says(A, "8001", "N")
        assert away.told == [(A, DNIS, "queued")] and away.line.state == "busy"

    def test_the_message_comes_first(self, away: Bench) -> None:
        away.says(A, "8001", "N")
        assert away.told == [(A, DNIS, "recall")] and away.line.state == "guard"
        away.run(1.0)
        away.port.ring()
        assert away.told == [(A, DNIS, "queued")] and away.line.state == "busy"

    def test_the_message_says_that_it_is_another_call(self, away: Bench) -> None:
        away.port.ring()
        away.says(B)
        assert away.told == [(A, DNIS, "recall"), (B, DNIS, "menu")]

    def test_in_band_id_decides(self, away: Bench) -> None:
        away.port.ring()
        away.port.caller_id(A)
        assert away.told == [(A, DNIS, "queued")]

    def test_in_band_id_before_the_ring_decides(self, away: Bench) -> None:
        away.run(2.0)
        away.port.caller_id(A)
        assert away.told == [(A, DNIS, "recall")]
        away.port.ring()
        away.run(3.0)
        assert away.told == [(A, DNIS, "queued")]

    def test_in_band_id_says_that_it_is_another_call(self, away: Bench) -> None:
        away.port.ring()
        away.port.caller_id(B)
        assert away.told == [(A, DNIS, "recall"), (B, None, "menu")]

    def test_nothing_else_is_said(self, away: Bench) -> None:
        away.port.ring()
        away.run(2.9)
        assert away.told == [(A, DNIS, "recall")]
        away.run(0.1)
        assert away.told == [(A, DNIS, "queued")]

    def test_it_stops_before_that_is_certain(self, away: Bench) -> None:
        away.port.ring()
        away.port.tell(ev.Alarm, alarms=("red",))
        assert away.told == [(A, DNIS, "ended")] and not away.recalls

    def test_on_another_line_it_is_another_call(self, away: Bench) -> None:
        away.ports[1].ring()
        away.run(3.0)
        assert away.told == [(A, DNIS, "recall"), (None, None, "menu")]


class Anything(RuleBasedStateMachine):
    """The lines, the PBX's messages and the operator in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()

    ports = st.integers(0, 1)
    ani = st.sampled_from([A, B, None])

    @rule(port=ports)
    def rings(self, port: int) -> None:
        self.bench.ports[port].ring()

    @rule(port=ports, ani=ani, ok=st.booleans())
    def in_band(self, port: int, ani: str | None, ok: bool) -> None:
        self.bench.ports[port].caller_id(ani, ok=ok)

    @rule(line=st.integers(1, 3), ani=ani, reason=st.sampled_from("ADN"))
    def message(self, line: int, ani: str | None, reason: str) -> None:
        self.bench.says(ani, {"A": DNIS, "N": "8001"}.get(reason), reason, line)

    @rule(port=ports, raised=st.booleans())
    def alarm(self, port: int, raised: bool) -> None:
        self.bench.ports[port].tell(ev.Alarm, alarms=("red",) if raised else ())

    @rule(port=ports, sign=st.sampled_from([ev.LoopDrop, ev.RingEnd]))
    def line_event(self, port: int, sign: type[ev.Event]) -> None:
        self.bench.ports[port].tell(sign, **({"ms": 1000} if sign is ev.RingEnd else {}))

    @rule(port=ports, on=st.booleans())
    def operator(self, port: int, on: bool) -> None:
        line = self.bench.lines[port]
        line.block() if on else line.unblock()

    @rule(port=ports)
    def hangs_up(self, port: int) -> None:
        call = self.bench.arrivals.call_at(self.bench.lines[port])
        if call is not None and call.state == "menu":
            self.bench.end(call)

    @rule(port=ports)
    def watched(self, port: int) -> None:
        if self.bench.lines[port].state == "busy":
            self.bench.lines[port].watch(True)

    @rule(port=ports)
    def transfer_fails(self, port: int) -> None:
        line = self.bench.lines[port]
        call = self.bench.arrivals.call_at(line)
        if call is not None and call.state == "menu":
            for event in ("chosen", "agent"):
                call.send(event)
            self.bench.leave(call)
            call.send("on_hook")
            self.bench.recalls.append((line, call))

    @rule(seconds=st.sampled_from([0.02, 0.5, 2.1, 3.0, 7.1, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.bench.run(seconds)

    @invariant()
    def one_call_a_line(self) -> None:
        at = [self.bench.arrivals.call_at(line) for line in self.bench.lines]
        calls = [call for call in at if call is not None]
        assert len(set(map(id, calls))) == len(calls)
        for line, call in zip(self.bench.lines, at, strict=True):
            if line.state == "busy":
                assert call is not None and call.state in ("menu", "queued")
            elif call is not None:
                assert call.state == "arriving"

    def teardown(self) -> None:
        """Left alone, everything comes to rest: nobody rings unanswered, nobody waits for a ring for ever."""
        for port in self.bench.ports:
            port.tell(ev.Alarm, alarms=())
        self.bench.run(MESSAGE_S + RING_GAP_S + 5.0)
        assert all(line.state in ("idle", "busy", "blocked") for line in self.bench.lines)
        assert all(call.state != "arriving" for call in self.bench.calls)
        assert not self.bench.clock.getDelayedCalls()
        self.bench.close()


def test_whatever_comes_in_whatever_order() -> None:
    run_state_machine_as_test(
        Anything,
        settings=settings(
            max_examples=150,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
