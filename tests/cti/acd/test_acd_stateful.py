"""Whatever happens in whatever order: no agent has two callers, no caller two agents, nobody waits beside an idle one,
every number adds up, and from every state that can be reached all agents come free again by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cti.acd.centre import Acd
from cti.acd.truths import CAUSES, Limits
from cti.errors import ExtensionTaken, QueueFull
from cti.machine import IllegalEvent
from drivers.clock import SteppedClock
from tests.cti.acd.acd_site import GroupOf, ProfileOf

AGENTS = {"a": ["s"], "b": ["s", "h"], "c": ["h"], "d": ["s", "h"]}
LIMITS = Limits(talk_s=300, ask_s=30, reserve_s=20, ring_spare_s=5, busy_s=10, rest_s=5, misses=3)
agents = st.sampled_from(sorted(AGENTS))
indexes = st.integers(0, 7)


class Floor(RuleBasedStateMachine):
    """Everybody outside the ACD, doing anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = SteppedClock()
        self.count = 0
        self.known: list[str] = []
        self.talking: dict[str, str] = {}  # call -> agent, from the events alone
        self.acd = Acd(
            self.clock,
            [GroupOf("s", max_queue=4), GroupOf("h", wrap_up_s=0, max_wait_s=40)],
            [ProfileOf(agent, groups, f"80{agent}") for agent, groups in AGENTS.items()],
            self.note,
            LIMITS,
        )

    def note(self, kind: str, call: str | None, agent: str | None, source: str, data: dict[str, Any]) -> None:
        if kind == "connected":
            assert call is not None and agent is not None
            assert call not in self.talking, "a caller with two agents"
            assert agent not in self.talking.values(), "an agent with two callers"
            self.talking[call] = agent
        elif kind == "talk_ended":
            assert call is not None
            assert self.talking.pop(call) == agent
        if agent is not None and "cause" in data:
            assert data["cause"] in CAUSES

    def some_call(self, index: int) -> str:
        return self.known[-1 - index % len(self.known)] if self.known else "none"

    @initialize(there=st.sets(agents))
    def morning(self, there: set[str]) -> None:
        for agent in sorted(there):
            self.comes_to_work(agent)

    @rule(agent=agents)
    def comes_to_work(self, agent: str) -> None:
        self.login(agent, None)
        self.desk_says(agent, "ready")

    @rule(group=st.sampled_from("sh"))
    def call_comes(self, group: str) -> None:
        self.count += 1
        call = f"c{self.count}"
        try:
            entry = self.acd.enqueue(call, group)
        except QueueFull:
            assert self.acd.waiting()[group] >= self.acd.queues[group].settings.max_queue
            return
        self.known.append(call)
        entry.assigned.addErrback(lambda failure: None)

    @rule(index=indexes, why=st.sampled_from(("abandoned", "message")))
    def caller_leaves(self, index: int, why: str) -> None:
        self.acd.remove(self.some_call(index), why)

    @precondition(lambda self: self.acd.entries)
    @rule(index=indexes)
    def recall(self, index: int) -> None:
        calls = sorted(self.acd.entries)
        self.acd.requeue(calls[index % len(calls)])

    @rule(index=indexes, agent=agents, result=st.sampled_from(("answered", "no_answer", "busy", "failed")))
    def any_result(self, index: int, agent: str, result: str) -> None:
        self.acd.offer_result(self.some_call(index), agent, result)

    @precondition(lambda self: any(entry.state == "offered" for entry in self.acd.entries.values()))
    @rule(index=indexes, result=st.sampled_from(("ringing", "answered", "no_answer", "busy", "failed")))
    def right_result(self, index: int, result: str) -> None:
        offered = sorted(entry.call for entry in self.acd.entries.values() if entry.state == "offered")
        entry = self.acd.entries[offered[index % len(offered)]]
        assert entry.agent is not None
        if result == "ringing":
            self.acd.line(entry.agent, "ringing", "switch", entry.call)
        else:
            assert self.acd.offer_result(entry.call, entry.agent, result)

    @precondition(lambda self: any(entry.state == "offered" for entry in self.acd.entries.values()))
    @rule(index=indexes)
    def right_answer(self, index: int) -> None:
        self.right_result(index, "answered")

    @precondition(lambda self: any(entry.state != "connected" for entry in self.acd.entries.values()))
    @rule(index=indexes, agent=agents)
    def late_answer(self, index: int, agent: str) -> None:
        calls = sorted(entry.call for entry in self.acd.entries.values() if entry.state != "connected")
        assert self.acd.offer_result(calls[index % len(calls)], agent, "answered")

    @precondition(lambda self: self.talking)
    @rule(index=indexes)
    def record_comes(self, index: int) -> None:
        call, agent = sorted(self.talking.items())[index % len(self.talking)]
        assert self.acd.line(agent, "idle", "smdr", call)

    @rule(agent=agents, state=st.sampled_from(("idle", "ringing", "talking")), with_call=st.booleans(), index=indexes)
    def line(self, agent: str, state: str, with_call: bool, index: int) -> None:
        self.acd.line(agent, state, "smdr", self.some_call(index) if with_call else None)

    @precondition(lambda self: any(entry.state == "offered" for entry in self.acd.entries.values()))
    @rule(index=indexes, agent=agents)
    def another_telephone_is_called(self, index: int, agent: str) -> None:
        """Deflection, pickup; also by one who is not ready."""
        offered = sorted(entry.call for entry in self.acd.entries.values() if entry.state == "offered")
        idle = self.acd.agents[agent].line == "idle"
        assert self.acd.offer_elsewhere(offered[index % len(offered)], agent) is idle

    @precondition(lambda self: self.talking)
    @rule(index=indexes, group=st.sampled_from("sh"))
    def agent_gives_back(self, index: int, group: str) -> None:
        call = sorted(self.talking)[index % len(self.talking)]
        if call in self.acd.entries:
            self.acd.give_back(call, group)

    @precondition(lambda self: self.talking)
    @rule(index=indexes, agent=agents)
    def agent_hands_over(self, index: int, agent: str) -> None:
        call = sorted(self.talking)[index % len(self.talking)]
        self.acd.hand_over(call, agent)

    @rule(index=indexes)
    def the_pbx_has_the_caller(self, index: int) -> None:
        call = self.some_call(index)
        if self.acd.set_aside(call):
            self.acd.requeue(call)

    @rule(agent=agents, elsewhere=st.sampled_from((None, None, "8000", "8001")))
    def login(self, agent: str, elsewhere: str | None) -> None:
        try:
            self.acd.login(agent, elsewhere)
        except ExtensionTaken as error:
            assert error.agent is not None
            assert self.acd.agents[error.agent].declared != "logged_off"

    @rule(
        agent=agents,
        word=st.sampled_from(("ready", "ready", "wrap_up_done", "call_ended", "still_talking", "not_ready", "logout")),
    )
    def desk_says(self, agent: str, word: str) -> None:
        before = self.acd.agents[agent].truths
        try:
            if word == "not_ready":
                self.acd.not_ready(agent, "lunch")
            else:
                getattr(self.acd, word)(agent)
        except IllegalEvent:
            assert before[0] == "logged_off"
            assert self.acd.agents[agent].truths == before

    @rule(seconds=st.sampled_from((0.1, 1, 5, 20, 60, 400)))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def nobody_twice(self) -> None:
        promised: dict[str, str] = {}
        for agent in self.acd.agents.values():
            assert (agent.call is not None) or agent.line not in ("reserved", "ringing")
            assert agent.line != "idle" or agent.call is None
            if agent.call is not None:
                assert agent.call not in promised
                promised[agent.call] = agent.id
        for call, entry in self.acd.entries.items():
            assert entry.call == call
            if entry.state in ("offered", "connected"):
                assert entry.agent is not None
                assert promised.get(call) == entry.agent.id
            else:
                assert entry.state == "waiting"
                assert entry.agent is None
                assert call not in promised
        for call, agent_id in promised.items():
            if self.acd.agents[agent_id].line in ("reserved", "ringing"):
                assert self.acd.entries[call].state == "offered"
            else:
                assert self.talking[call] == agent_id

    @invariant()
    def nobody_waits_beside_an_idle_agent(self) -> None:
        for name, queue in self.acd.queues.items():
            idle = {a.id for a in self.acd.agents.values() if a.available and name in a.group_names}
            first = queue.idle.first()
            assert len(queue.idle) == len(idle)
            assert first is None if not idle else first is not None and first.id in idle
            assert not (idle and len(queue))

    @invariant()
    def places_are_right(self) -> None:
        for name, queue in self.acd.queues.items():
            waiting = sorted(
                (entry.key, entry)
                for entry in self.acd.entries.values()
                if entry.group == name and entry.state == "waiting"
            )
            assert [entry for _, entry in waiting] == list(queue)
            assert [entry.place for entry in queue] == list(range(1, len(queue) + 1))
            assert all(entry.told_place == entry.place for entry in queue)

    @invariant()
    def nobody_is_without_limit(self) -> None:
        timers = len(self.clock.getDelayedCalls())
        busy = sum(agent.line != "idle" for agent in self.acd.agents.values())
        owed = sum(agent.work != "none" for agent in self.acd.agents.values())
        waiting = sum(entry.timer is not None for entry in self.acd.entries.values())
        assert timers == busy + owed + waiting
        assert all(entry.timer for entry in self.acd.entries.values() if entry.state == "waiting")

    @invariant()
    def the_tally_is_right(self) -> None:
        assert sum(self.acd.tally.values()) == len(AGENTS)
        for truths, count in self.acd.tally.items():
            assert count == sum(agent.truths == truths for agent in self.acd.agents.values())

    def teardown(self) -> None:
        """From here on nobody says anything more; new callers stop; every agent is idle in the end."""
        self.clock.advance(10_000)
        for agent in self.acd.agents.values():
            assert (agent.line, agent.work, agent.call) == ("idle", "none", None), agent
        assert not self.talking
        assert not self.acd.entries
        assert self.clock.getDelayedCalls() == []


def test_whatever_happens() -> None:
    run_state_machine_as_test(
        Floor,
        settings=settings(
            max_examples=200,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("many", [100])
def test_fair_share_among_equals(many: int) -> None:
    """Longest idle: 100 calls over 4 agents of one group are 25 each."""
    clock = SteppedClock()
    taken: list[str] = []

    def note(kind: str, call: str | None, agent: str | None, source: str, data: dict[str, Any]) -> None:
        if kind == "offered" and agent is not None:
            taken.append(agent)

    acd = Acd(clock, [GroupOf("s", wrap_up_s=0)], [ProfileOf(f"a{n}", ["s"], f"80{n}") for n in range(4)], note)
    for agent in acd.agents:
        acd.login(agent)
        acd.ready(agent)
    for n in range(many):
        entry = acd.enqueue(f"c{n}", "s")
        assert entry.agent is not None
        acd.offer_result(entry.call, entry.agent, "answered")
        clock.advance(10)
        acd.line(entry.agent, "idle", "smdr", entry.call)
    assert {agent: taken.count(agent) for agent in acd.agents} == dict.fromkeys(acd.agents, many // 4)
    acd.close()
