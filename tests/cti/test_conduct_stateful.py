"""Whatever callers, PBX, agents and operators do in whatever order: nothing is raised into the reactor, every call ends
once with an outcome, no line and no agent stays taken, and nothing is left over when the server stops."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from cti.records.outcome import OUTCOMES
from cti.switch.interface import Caller, Transfer
from drivers import events as ev
from tests.cti.centre_bench import DNIS, A, B, CentreBench

PORTS, AGENTS = 2, ("1001", "1002")
ports = st.integers(0, PORTS - 1)
agents = st.sampled_from(AGENTS)
numbers = st.sampled_from([A, B, None])
RESULTS = [
    *[(outcome, Caller.WITH_AGENT) for outcome in (Transfer.ANSWERED, Transfer.HANDED_OVER)],
    *[
        (outcome, caller)
        for outcome in (Transfer.NO_ANSWER, Transfer.BUSY, Transfer.REFUSED, Transfer.NO_DIAL_TONE)
        for caller in (Caller.WITH_US, Caller.GONE, Caller.RECALLED, Caller.UNKNOWN)
    ],
    (Transfer.CALLER_LOST, Caller.GONE),
]


class Day(RuleBasedStateMachine):
    """Two ports, two agents."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bench = CentreBench(Path(self.folder.name), ports=PORTS, agents=len(AGENTS), max_wait_s=60.0)

    # callers and the PBX

    @rule(port=ports)
    def rings(self, port: int) -> None:
        self.bench.ports[port].ring()

    @rule(line=st.integers(1, PORTS + 1), number=numbers, kind=st.sampled_from(["A", "D", "N8001", "N8002"]))
    def message(self, line: int, number: str | None, kind: str) -> None:
        called = {"A": DNIS, "D": None}.get(kind, kind[1:])
        self.bench.says(number, called, kind[0], line)

    @rule(port=ports, number=numbers, ok=st.booleans())
    def in_band(self, port: int, number: str | None, ok: bool) -> None:
        self.bench.ports[port].caller_id(number, ok=ok)

    @rule(number=numbers, far=st.integers(0, 3))
    def comes(self, number: str | None, far: int) -> None:
        """A well-behaved call on an idle line, so that the later states are reached."""
        port = next((line.port.index for line in self.bench.centre.lines if line.state == "idle"), None)
        if port is None:
            return
        self.bench.ports[port].ring()
        self.bench.says(number, DNIS, "A", port + 1)
        self.bench.run(0.1)
        if far:
            self.presses(port, "1")
        if far > 1 and self.bench.switch.under_way:
            self.bench.switch.under_way[-1][3]()
            if far > 2:
                self.bench.switch.ends(Transfer.ANSWERED, Caller.WITH_AGENT, "voice", -1)

    @rule(agent=agents)
    def works(self, agent: str) -> None:
        """An agent who is there and has nothing to do."""
        acd = self.bench.centre.acd
        acd.login(agent)
        acd.wrap_up_done(agent)
        acd.ready(agent)

    @rule(port=ports, key=st.sampled_from(["1", "1", "1", "2", "3", "9", ""]))
    def presses(self, port: int, key: str) -> None:
        if "collect" in self.bench.ports[port].doing:
            self.bench.press(key, port)

    @rule(port=ports, sign=st.sampled_from(["drop", "busy", "dial", "polarity", "voice", "not tone", "digit", "hash"]))
    def line_event(self, port: int, sign: str) -> None:
        one = self.bench.ports[port]
        match sign:
            case "drop":
                one.tell(ev.LoopDrop)
            case "busy" | "dial":
                one.tone(sign)
            case "polarity":
                one.tell(ev.Polarity, reversed=not one.reversed)
            case "voice":
                one.tell(ev.VoiceBegin)
            case "not tone":
                one.tell(ev.NotTone)
            case "digit":
                one.tell(ev.DigitBegin, digit="5")
            case _:
                one.tell(ev.DigitEnd, digit="#", ms=80)

    @rule(port=ports, raised=st.sampled_from([False, False, True]))
    def alarm(self, port: int, raised: bool) -> None:
        self.bench.ports[port].tell(ev.Alarm, alarms=("red",) if raised else ())

    @precondition(lambda self: self.bench.switch.under_way)
    @rule(index=st.integers(0, PORTS - 1))
    def dial_tone(self, index: int) -> None:
        under_way = self.bench.switch.under_way
        under_way[index % len(under_way)][3]()

    @precondition(lambda self: self.bench.switch.under_way)
    @rule(index=st.integers(0, PORTS - 1), result=st.sampled_from(RESULTS))
    def transfer_ends(self, index: int, result: tuple[Transfer, Caller]) -> None:
        self.bench.switch.ends(*result, "test", index % len(self.bench.switch.under_way))

    @rule(
        extension=st.sampled_from(["8001", "8002", "2001", "2002"]),
        number=numbers,
        answered=st.sampled_from([True, False, None]),
        seconds=st.sampled_from([None, 0.0, 10.0, 600.0]),
        transferred=st.booleans(),
    )
    def record(self, extension: str, number: str | None, **more: Any) -> None:
        more["duration_s"] = more.pop("seconds")
        self.bench.record(extension, number, **more)

    # agents and operators

    @rule(agent=agents, what=st.sampled_from(["login", "logout", "ready", "not_ready", "call_ended", "move", "wrap"]))
    def agent_says(self, agent: str, what: str) -> None:
        acd = self.bench.centre.acd
        here = acd.agent(agent).declared != "logged_off"
        match what:
            case "login":
                acd.login(agent)
            case "logout":
                acd.logout(agent)
            case "ready" if here:
                acd.ready(agent)
            case "not_ready" if here:
                acd.not_ready(agent, "lunch")
            case "call_ended":
                acd.call_ended(agent)
            case "move" if here:
                acd.login(agent, "80" + agent[2:])
            case "wrap":
                acd.wrap_up_done(agent)

    @rule(port=ports, on=st.sampled_from([False, False, True]))
    def operator(self, port: int, on: bool) -> None:
        line = self.bench.centre.lines[port]
        line.block() if on else line.unblock()

    @rule(seconds=st.sampled_from([0.02, 0.5, 1.1, 2.1, 3.1, 7.1, 31.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.bench.run(seconds)

    # what is always true

    @invariant()
    def ends_are_said_once(self) -> None:
        for call in self.bench.calls:
            kinds = self.bench.records.kinds(call.id)
            assert kinds.count("outcome") == kinds.count("ended") == int(call.ended)
            assert (call.id in self.bench.centre.calls) is not call.ended
            if call.ended:
                assert call.outcome in OUTCOMES and call.line is None

    @invariant()
    def lines_and_calls_agree(self) -> None:
        for line in self.bench.pbx.lines:
            call = self.bench.pbx.arrivals.call_at(line)
            if call is not None:
                assert call.line is line and call.state not in ("recall", "talking", "ended")
            if line.state == "busy":
                assert call is not None

    @invariant()
    def agents_and_calls_agree(self) -> None:
        acd = self.bench.centre.acd
        for call in self.bench.calls:
            if call.state == "talking":
                assert call.agent is not None and acd.agent(call.agent).line in ("talking", "unknown")
        for agent in acd.agents.values():
            if agent.call is not None:
                assert agent.call in self.bench.centre.calls

    @invariant()
    def no_faults(self) -> None:
        assert not self.bench.faults(), self.bench.faults()

    def teardown(self) -> None:
        """Left alone, every call but the talks comes to its end; then the server stops."""
        bench = self.bench
        for port in bench.ports:
            port.tell(ev.Alarm, alarms=())
        for _ in range(40):
            for index, port in enumerate(bench.ports):
                if "collect" in port.doing:
                    bench.press("", index)
            while bench.switch.under_way:
                bench.switch.ends(Transfer.BUSY, Caller.WITH_US)
            bench.run(5.0)
        left = [call.state for call in bench.calls if not call.ended]
        assert set(left) <= {"talking", "message"}, left
        bench.stop()
        self.folder.cleanup()


def test_whatever_happens() -> None:
    run_state_machine_as_test(
        Day,
        settings=settings(
            max_examples=120,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
