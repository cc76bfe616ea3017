"""Distribution: who gets whom, places, ways back to the queue, limits; each known fault of other ACDs has its test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.python.failure import Failure

from cti.acd.agent import Agent
from cti.acd.centre import Acd
from cti.acd.queue import QueueEntry
from cti.acd.truths import CAUSES, Limits
from cti.errors import ExtensionTaken, LeftQueue, QueueFull, UnknownAgent, UnknownCall, UnknownGroup
from cti.machine import IllegalEvent
from drivers.clock import SteppedClock
from tests.cti.acd.acd_site import GroupOf, ProfileOf


class Floor:
    """A call centre of two groups and three agents (Li in both), with what was recorded and what was told."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.clock = SteppedClock()
        self.events: list[tuple[str, str | None, str | None, str, dict[str, Any]]] = []
        self.got: list[tuple[str, str]] = []
        self.lost: list[tuple[str, str]] = []
        self.acd = Acd(
            self.clock,
            [GroupOf("sales"), GroupOf("help", wrap_up_s=0.0, max_queue=2)],
            [
                ProfileOf("li", ["sales", "help"], "8001"),
                ProfileOf("wang", ["sales"], "8002"),
                ProfileOf("chen", ["help"], "8003"),
                ProfileOf("zhao", ["sales"], None),
            ],
            self.note,
            limits,
        )

    def note(self, kind: str, call: str | None, agent: str | None, source: str, data: dict[str, Any]) -> None:
        self.events.append((kind, call, agent, source, data))

    def ready(self, *agents: str) -> None:
        for agent in agents:
            self.acd.login(agent)
            self.acd.ready(agent)

    def call(self, call: str, group: str = "sales") -> QueueEntry:
        entry = self.acd.enqueue(call, group)
        self.await_agent(entry)
        return entry

    def await_agent(self, entry: QueueEntry) -> None:
        def got(agent: Agent) -> None:
            self.got.append((entry.call, agent.id))

        entry.assigned.addCallbacks(got, lambda failure: self.lost.append((entry.call, failure.value.why)))

    def agent(self, agent: str) -> tuple[str, str, str]:
        return self.acd.agents[agent].truths

    def kinds(self, call: str) -> list[str]:
        return [kind for kind, of_call, _, _, _ in self.events if of_call == call]


@pytest.fixture
def floor() -> Iterator[Floor]:
    floor = Floor()
    yield floor
    floor.acd.close()
    assert floor.clock.getDelayedCalls() == []
    for _, _, agent, _, data in floor.events:
        if agent is not None and "cause" in data:
            assert data["cause"] in CAUSES


def test_a_caller_meets_an_idle_agent_at_once(floor: Floor) -> None:
    floor.ready("wang")
    entry = floor.call("c1")
    assert floor.got == [("c1", "wang")]
    assert (entry.state, entry.place) == ("offered", 0)
    assert floor.agent("wang") == ("ready", "reserved", "none")
    assert floor.kinds("c1") == ["queued", "offered"]


def test_the_longest_idle_agent_is_taken(floor: Floor) -> None:
    floor.ready("li", "wang")
    floor.call("c1")
    floor.acd.offer_result("c1", "li", "answered")
    floor.acd.line("li", "idle", "smdr", "c1")
    floor.acd.wrap_up_done("li")
    floor.call("c2")
    assert floor.got == [("c1", "li"), ("c2", "wang")]


def test_first_come_first_served_and_places_announced_when_they_change(floor: Floor) -> None:
    told: list[tuple[str, int]] = []
    entries = [floor.call(f"c{n}") for n in (1, 2, 3)]
    for entry in entries:
        entry.on_place(lambda place, call=entry.call: told.append((call, place)))  # type: ignore[misc]
    assert [entry.place for entry in entries] == [1, 2, 3]
    assert told == []
    floor.acd.remove("c2", "gone_by_choice")
    assert told == [("c3", 2)]
    floor.ready("wang")
    assert floor.got == [("c1", "wang")]
    assert told == [("c3", 2), ("c3", 1)]
    assert [entry.place for entry in entries] == [0, 0, 1]
    assert [data["place"] for kind, call, _, _, data in floor.events if (kind, call) == ("place", "c3")] == [2, 1]


def test_place_listener_can_be_taken_away(floor: Floor) -> None:
    floor.call("c1")
    told: list[int] = []
    forget = floor.call("c2").on_place(told.append)
    forget()
    forget()
    floor.acd.remove("c1", "gone")
    assert told == []


def test_no_queue_starves_another(floor: Floor) -> None:
    floor.call("h1", "help")
    floor.call("s1", "sales")
    floor.call("h2", "help")
    floor.ready("li")
    order = []
    for _ in range(3):
        call, _ = floor.got[-1]
        order.append(call)
        floor.acd.offer_result(call, "li", "answered")
        floor.acd.ready("li")
    assert order == ["h1", "s1", "h2"]


def test_no_answer_goes_to_the_next_agent_and_never_logs_out(floor: Floor) -> None:
    floor.ready("li", "wang")
    entry = floor.call("c1")
    floor.acd.line("li", "ringing", "switch", "c1")
    assert floor.agent("li") == ("ready", "ringing", "none")
    assert floor.acd.offer_result("c1", "li", "no_answer")
    floor.await_agent(entry)
    assert floor.got == [("c1", "li"), ("c1", "wang")]
    assert floor.agent("li") == ("ready", "idle", "none")
    assert floor.acd.agents["li"].misses == 1
    floor.acd.offer_result("c1", "wang", "no_answer")
    floor.await_agent(entry)
    assert floor.got[-1] == ("c1", "li"), "li is the longest idle one again"


def test_misses_set_to_not_ready_where_the_site_wants_it() -> None:
    floor = Floor(Limits(misses=2))
    floor.ready("wang")
    floor.call("c1")
    floor.acd.offer_result("c1", "wang", "no_answer")
    assert floor.agent("wang") == ("ready", "reserved", "none"), "nobody else: tried again"
    floor.acd.offer_result("c1", "wang", "no_answer")
    assert floor.agent("wang") == ("not_ready", "idle", "none")
    assert floor.acd.state("wang")["reason"] == "no_answer"
    assert floor.acd.entries["c1"].place == 1
    floor.acd.ready("wang")
    assert floor.agent("wang")[1] == "reserved", "distribution goes on with the first agent who comes back"
    floor.acd.close()


def test_busy_goes_to_the_next_agent_and_the_busy_one_is_tried_later(floor: Floor) -> None:
    floor.ready("li", "wang")
    entry = floor.call("c1")
    floor.acd.offer_result("c1", "li", "busy")
    floor.await_agent(entry)
    assert floor.got == [("c1", "li"), ("c1", "wang")]
    assert floor.agent("li") == ("ready", "unknown", "none")
    floor.clock.advance(30)
    assert floor.agent("li") == ("ready", "idle", "none")


def test_a_failed_transfer_keeps_the_place(floor: Floor) -> None:
    floor.ready("wang")
    first = floor.call("c1")
    second = floor.call("c2")
    assert second.place == 1
    floor.acd.offer_result("c1", "wang", "failed")
    assert (first.place, second.place) == (1, 2)
    floor.await_agent(first)
    floor.clock.advance(5)
    assert floor.got[-1] == ("c1", "wang")


def test_recall_resumes_the_old_place_and_frees_the_agent_without_wrap_up(floor: Floor) -> None:
    floor.ready("wang")
    first = floor.call("c1")
    floor.acd.offer_result("c1", "wang", "answered")
    floor.acd.not_ready("wang", "lunch")
    second = floor.call("c2")
    assert floor.acd.requeue("c1") is first
    assert (first.place, second.place) == (1, 2)
    assert floor.agent("wang") == ("not_ready", "idle", "none")
    assert floor.acd.requeue("c1") is first, "waiting already"
    floor.acd.ready("wang")
    floor.acd.offer_result("c1", "wang", "answered")
    floor.acd.call_ended("wang")
    assert first.state == "over"
    floor.acd.requeue("c1")
    assert first.place == 1, "also when the talk was taken for over"
    floor.acd.remove("c1", "gone")
    with pytest.raises(UnknownCall):
        floor.acd.requeue("c1")


def test_max_wait_ends_the_waiting_but_not_a_call_that_rings(floor: Floor) -> None:
    floor.ready("wang")
    floor.call("c1")
    floor.call("c2")
    floor.clock.advance(55)
    floor.acd.line("wang", "ringing", "switch", "c1")
    floor.clock.advance(6)
    assert floor.lost == [("c2", "overdue")]
    assert floor.acd.entries["c1"].state == "offered"
    floor.acd.offer_result("c1", "wang", "no_answer")
    assert "c1" not in floor.acd.entries, "came back after max_wait_s"
    assert floor.agent("wang") == ("ready", "idle", "none")


def test_queue_full_is_typed_and_an_idle_agent_wins_over_it(floor: Floor) -> None:
    floor.call("h1", "help")
    floor.call("h2", "help")
    with pytest.raises(QueueFull) as caught:
        floor.acd.enqueue("h3", "help")
    assert (caught.value.group, caught.value.max_queue) == ("help", 2)
    assert "h3" not in floor.acd.entries


def test_the_caller_leaves_while_the_agent_is_called(floor: Floor) -> None:
    floor.ready("li", "wang")
    floor.call("c1")
    assert floor.acd.remove("c1", "abandoned_ring")
    assert floor.agent("li") == ("ready", "idle", "none")
    assert not floor.acd.remove("c1", "abandoned_ring")
    assert not floor.acd.offer_result("c1", "li", "no_answer"), "stale"
    floor.call("c2")
    assert floor.got[-1] == ("c2", "li"), "not the agent's fault: still the longest idle"


def test_wrap_up_lasts_as_long_as_it_should(floor: Floor) -> None:
    floor.ready("wang")
    floor.call("c1")
    floor.acd.offer_result("c1", "wang", "answered")
    floor.clock.advance(60)
    assert floor.acd.line("wang", "idle", "smdr", "c1")
    assert floor.agent("wang") == ("ready", "idle", "wrap_up")
    floor.call("c2")
    floor.clock.advance(2)
    floor.acd.line("wang", "talking", "switch", source="port")
    floor.acd.line("wang", "idle", "switch", source="port")
    floor.clock.advance(2.9)
    assert floor.agent("wang") == ("ready", "idle", "wrap_up"), "another call neither ends nor restarts it"
    floor.clock.advance(0.2)
    assert floor.agent("wang") == ("ready", "reserved", "none")
    assert floor.got[-1] == ("c2", "wang")


def test_a_later_call_moves_the_end_of_the_wrap_up_back_only(floor: Floor) -> None:
    floor.ready("wang")
    floor.call("c1")
    floor.acd.offer_result("c1", "wang", "answered")
    floor.acd.line("wang", "idle", "smdr", "c1")
    floor.call("c2")
    floor.clock.advance(1)
    assert floor.acd.offer_result("c2", "wang", "answered"), "it answered although wrap-up was owed"
    floor.clock.advance(1)
    floor.acd.line("wang", "idle", "smdr", "c2")
    floor.clock.advance(4.9)
    assert floor.agent("wang")[2] == "wrap_up"
    floor.clock.advance(0.2)
    assert floor.agent("wang")[2] == "none"


def test_a_lost_record_is_made_up_for_by_the_desks_word(floor: Floor) -> None:
    floor.ready("wang")
    floor.call("c1")
    floor.acd.offer_result("c1", "wang", "answered")
    assert floor.acd.call_ended("wang")
    assert floor.agent("wang") == ("ready", "idle", "wrap_up")
    assert not floor.acd.call_ended("wang")
    floor.acd.wrap_up_done("wang")
    floor.call("c2")
    floor.acd.offer_result("c2", "wang", "answered")
    floor.acd.ready("wang")
    assert floor.agent("wang") == ("ready", "idle", "none"), "ready while talking: over, and no wrap-up"
    assert floor.kinds("c2") == ["queued", "offered", "connected", "talk_ended"]


def test_at_the_limit_the_desk_is_asked_then_the_agent_freed(floor: Floor) -> None:
    floor.ready("wang")
    floor.call("c1")
    floor.acd.offer_result("c1", "wang", "answered")
    floor.clock.advance(7200)
    assert floor.agent("wang") == ("ready", "unknown", "none")
    assert ("ask", "c1", "wang") in [(kind, call, agent) for kind, call, agent, _, _ in floor.events]
    assert floor.acd.still_talking("wang")
    assert floor.agent("wang") == ("ready", "talking", "none")
    assert floor.acd.state("wang")["call"] == "c1"
    floor.clock.advance(7200)
    floor.clock.advance(30)
    assert floor.agent("wang") == ("ready", "idle", "none")
    assert floor.acd.state("wang")["cause"] == "talk_limit"
    assert floor.kinds("c1").count("talk_ended") == 1


def test_a_late_record_of_an_earlier_call_frees_nobody(floor: Floor) -> None:
    floor.ready("wang")
    floor.call("c1")
    floor.acd.offer_result("c1", "wang", "answered")
    floor.acd.ready("wang")
    floor.call("c2")
    assert not floor.acd.line("wang", "idle", "smdr", "c1")
    assert not floor.acd.line("wang", "idle", "smdr"), "no talk to end"
    floor.acd.offer_result("c2", "wang", "answered")
    assert not floor.acd.line("wang", "idle", "smdr", "c1")
    assert floor.agent("wang") == ("ready", "talking", "none")


def test_who_waited_too_long_while_it_rang_and_was_answered_even_so_is_the_agents(floor: Floor) -> None:
    floor.ready("wang")
    floor.call("c1")
    floor.clock.advance(floor.acd.queues["sales"].settings.max_wait_s + 1)
    assert floor.kinds("c1")[-1] == "left_queue"
    assert floor.acd.offer_result("c1", "wang", "answered")
    assert floor.acd.state("wang")["call"] == "c1"
    assert floor.agent("wang") == ("ready", "talking", "none")
    floor.acd.ready("wang")
    assert floor.kinds("c1")[-2:] == ["connected", "talk_ended"]
    assert not floor.acd.offer_result("c1", "wang", "answered"), "the talk is over"


def test_a_caller_who_hung_up_while_it_rang_is_nobodys(floor: Floor) -> None:
    floor.ready("wang")
    floor.call("c1")
    floor.clock.advance(floor.acd.queues["sales"].settings.max_wait_s + 1)
    floor.acd.remove("c1", "gone")
    assert not floor.acd.offer_result("c1", "wang", "answered")


@pytest.mark.parametrize("group", ["sales", "help"])
def test_who_has_waited_too_long_comes_back_to_no_queue(floor: Floor, group: str) -> None:
    floor.ready("wang")
    floor.call("c1")
    floor.clock.advance(floor.acd.queues["sales"].settings.max_wait_s + 1)
    with pytest.raises(UnknownCall):
        floor.acd.give_back("c1", group)
    assert floor.acd.waiting() == dict.fromkeys(floor.acd.queues, 0)


def test_a_switch_that_says_nothing_blocks_nobody(floor: Floor) -> None:
    floor.ready("li", "wang")
    entry = floor.call("c1")
    floor.clock.advance(59)
    assert floor.agent("li")[1] == "reserved"
    floor.acd.requeue("c1")
    floor.acd.remove("c1", "gone")
    entry = floor.call("c2")
    floor.acd.line("wang", "ringing", "switch", "c2")
    floor.clock.advance(25)
    assert floor.kinds("c2") == ["queued", "offered", "no_answer", "requeued", "offered"]
    assert floor.acd.agents["wang"].misses == 1
    assert entry.agent is floor.acd.agents["li"]


def test_reserve_timeout_gives_the_caller_to_the_next(floor: Floor) -> None:
    floor.ready("li", "wang")
    floor.acd.queues["sales"].settings.max_wait_s = 1000.0  # type: ignore[misc]
    entry = floor.call("c1")
    floor.clock.advance(60)
    assert floor.agent("li")[1] == "unknown"
    assert entry.agent is floor.acd.agents["wang"]
    floor.clock.advance(5)
    assert floor.agent("li") == ("ready", "idle", "none")


def test_an_answer_after_the_limit_is_still_the_truth(floor: Floor) -> None:
    floor.ready("li", "wang")
    entry = floor.call("c1")
    floor.acd.line("li", "ringing", "switch", "c1")
    floor.clock.advance(25)
    assert entry.agent is floor.acd.agents["wang"]
    assert floor.acd.offer_result("c1", "li", "answered")
    assert entry.agent is floor.acd.agents["li"]
    assert floor.agent("li") == ("ready", "talking", "none")
    assert floor.agent("wang") == ("ready", "idle", "none")
    assert not floor.acd.offer_result("c1", "wang", "answered"), "two agents never get one call"


def test_an_answer_while_another_caller_is_promised(floor: Floor) -> None:
    floor.ready("wang")
    first = floor.call("c1")
    second = floor.call("c2")
    floor.acd.line("wang", "ringing", "switch", "c1")
    floor.acd.remove("c1", "abandoned_ring")
    first = floor.call("c1")
    assert second.agent is floor.acd.agents["wang"]
    assert floor.acd.offer_result("c1", "wang", "answered")
    assert (first.state, second.state, second.place) == ("connected", "waiting", 1)


def test_the_next_answer_proves_that_the_call_before_is_over(floor: Floor) -> None:
    floor.ready("wang")
    floor.call("c1")
    floor.acd.offer_result("c1", "wang", "answered")
    floor.call("c2")
    assert floor.acd.offer_result("c2", "wang", "answered")
    assert floor.kinds("c1")[-1] == "talk_ended"
    assert floor.acd.state("wang")["call"] == "c2"
    assert floor.agent("wang") == ("ready", "talking", "none")


def test_one_hang_up_touches_no_other_ringing_agent(floor: Floor) -> None:
    floor.ready("li", "wang")
    floor.call("c1")
    floor.call("c2")
    floor.acd.remove("c1", "abandoned_ring")
    assert floor.agent("wang")[1] == "reserved"
    assert floor.acd.entries["c2"].state == "offered"


def test_logout_during_a_call_leaves_the_call_and_login_finds_it(floor: Floor) -> None:
    floor.ready("wang")
    floor.call("c1")
    floor.acd.offer_result("c1", "wang", "answered")
    floor.acd.logout("wang")
    assert floor.agent("wang") == ("logged_off", "talking", "none")
    assert floor.acd.at_extension("8002") is floor.acd.agents["wang"]
    floor.acd.login("wang")
    assert floor.agent("wang") == ("not_ready", "talking", "none")
    floor.acd.logout("wang")
    floor.acd.line("wang", "idle", "smdr", "c1")
    assert floor.agent("wang") == ("logged_off", "idle", "none")
    assert floor.acd.at_extension("8002") is None


def test_one_extension_has_one_agent(floor: Floor) -> None:
    floor.acd.login("wang")
    with pytest.raises(ExtensionTaken) as caught:
        floor.acd.login("zhao", "8002")
    assert caught.value.agent == "wang"
    with pytest.raises(ExtensionTaken):
        floor.acd.login("zhao")
    floor.acd.login("zhao", "8009")
    floor.acd.logout("wang")
    floor.acd.login("zhao", "8002")
    assert floor.acd.at_extension("8002") is floor.acd.agents["zhao"]
    assert floor.acd.at_extension("8009") is None


def test_moving_to_another_extension_gives_the_promised_caller_back(floor: Floor) -> None:
    floor.ready("wang")
    entry = floor.call("c1")
    floor.acd.login("wang", "8010")
    assert entry.state == "offered", "ready, idle, and the only one: promised again, at the new extension"
    assert [data["extension"] for kind, _, _, _, data in floor.events if kind == "offered"] == ["8002", "8010"]


def test_login_starts_not_ready_and_a_second_login_keeps_the_declaration(floor: Floor) -> None:
    floor.acd.login("wang")
    assert floor.acd.state("wang")["reason"] == "login"
    floor.acd.ready("wang")
    floor.acd.login("wang")
    assert floor.agent("wang")[0] == "ready"
    floor.acd.not_ready("wang", "吃饭")
    assert floor.acd.state("wang")["reason"] == "吃饭"
    floor.acd.logout("wang")
    with pytest.raises(IllegalEvent):
        floor.acd.ready("wang")
    with pytest.raises(IllegalEvent):
        floor.acd.not_ready("wang", "x")


def test_unknown_names_are_typed_errors(floor: Floor) -> None:
    with pytest.raises(UnknownGroup):
        floor.acd.enqueue("c1", "nobody")
    with pytest.raises(UnknownAgent):
        floor.acd.ready("nobody")
    with pytest.raises(ValueError, match="none of"):
        floor.acd.offer_result("c1", "wang", "maybe")
    with pytest.raises(ValueError, match="none of"):
        floor.acd.line("wang", "dancing", "x")
    floor.call("c1")
    with pytest.raises(ValueError, match="already"):
        floor.acd.enqueue("c1", "sales")
    with pytest.raises(UnknownGroup):
        Acd(floor.clock, [], [ProfileOf("li", ["sales"], "1")], floor.note)


def test_a_listener_that_raises_stops_nobody_else(floor: Floor) -> None:
    floor.call("c1")
    second = floor.call("c2")
    told: list[int] = []

    def fail(place: int) -> None:
        raise OSError("listener")

    second.on_place(fail)
    second.on_place(told.append)
    floor.call("c3").on_place(told.append)
    with pytest.raises(OSError, match="listener"):
        floor.acd.remove("c1", "gone")
    assert told == [2]
    floor.ready("wang")
    assert floor.got == [("c2", "wang")]


def test_what_is_called_from_a_callback_is_told_after_what_was_before(floor: Floor) -> None:
    entry = floor.acd.enqueue("c1", "sales")
    floor.call("c2")

    def answer_at_once(agent: Agent) -> None:
        floor.acd.offer_result("c1", agent, "answered")
        floor.acd.ready(agent)

    entry.assigned.addCallback(answer_at_once)
    floor.ready("wang")
    assert floor.got == [("c2", "wang")]
    assert floor.kinds("c1") == ["queued", "offered", "connected", "talk_ended"]


def test_waiting_again_after_a_cancelled_wait(floor: Floor) -> None:
    entry = floor.acd.enqueue("c1", "sales")
    entry.assigned.addErrback(lambda failure: None)
    entry.assigned.cancel()
    floor.await_agent(entry)
    floor.ready("wang")
    assert floor.got == [("c1", "wang")]
    late: list[object] = []
    entry.assigned.addCallback(late.append)
    assert late == [floor.acd.agents["wang"]]


def test_asking_for_an_agent_after_leaving_fails_typed(floor: Floor) -> None:
    entry = floor.acd.enqueue("c1", "sales")
    floor.acd.remove("c1", "message")
    caught: list[str] = []

    def left(failure: Failure) -> None:
        assert isinstance(failure.value, LeftQueue)
        caught.append(failure.value.why)

    entry.assigned.addErrback(left)
    assert caught == ["message"]


def test_figures_for_the_metrics(floor: Floor) -> None:
    floor.call("h1", "help")
    floor.clock.advance(10)
    assert floor.acd.waiting() == {"sales": 0, "help": 1}
    assert floor.acd.longest_wait_s() == {"sales": 0.0, "help": 10.0}
    floor.ready("wang")
    assert +floor.acd.tally == {("logged_off", "idle", "none"): 3, ("ready", "idle", "none"): 1}


def test_limits_must_be_limits() -> None:
    with pytest.raises(ValueError, match="talk_s"):
        Limits(talk_s=0)
    with pytest.raises(ValueError, match="misses"):
        Limits(misses=0)


@pytest.mark.parametrize("to", ["sales", "help"])
def test_a_caller_given_back_stands_by_arrival_and_waits_anew(floor: Floor, to: str) -> None:
    floor.ready("wang")
    floor.call("a")
    floor.clock.advance(1.0)
    assert floor.acd.offer_result("a", "wang", "answered")
    floor.call("b")
    floor.call("c", "help")
    floor.clock.advance(55.0)
    entry = floor.acd.give_back("a", to)
    floor.await_agent(entry)
    assert (entry.group, entry.place, floor.agent("wang")) == (to, 1, ("ready", "idle", "wrap_up"))
    assert floor.acd.entries["a"] is entry
    floor.acd.not_ready("wang", "test")
    floor.clock.advance(10.0)  # b and c are overdue by now, a has waited ten seconds
    assert [call for call, _ in floor.lost] == ["b", "c"] and floor.acd.longest_wait_s()[to] == 10.0
    floor.clock.advance(50.1)
    assert floor.lost[2:] == [("a", "overdue")]
    with pytest.raises(UnknownGroup):
        floor.acd.give_back("a", "nowhere")
    with pytest.raises(UnknownCall):
        floor.acd.give_back("z", "help")


def test_a_ringing_caller_goes_to_another_agent(floor: Floor) -> None:
    floor.ready("wang", "li")
    floor.call("a")
    floor.acd.line("wang", "ringing", "dialled", call="a", source="port")
    assert not floor.acd.offer_elsewhere("b", "li")
    assert floor.acd.offer_elsewhere("a", "li")
    assert floor.agent("wang") == ("ready", "idle", "none") and floor.agent("li")[1] == "ringing"
    assert not floor.acd.offer_result("a", "wang", "no_answer")
    assert floor.acd.offer_result("a", "li", "answered")
    assert floor.agent("li")[1] == "talking"
    assert not floor.acd.offer_elsewhere("a", "wang")


def test_who_was_called_without_being_ready_has_no_place_among_the_idle(floor: Floor) -> None:
    """A call deflected to agents who are not ready, who become ready while it rings, and the caller leaves: they stand
    behind the others, and there is an order among them."""
    floor.ready("wang")
    for agent in ("zhao", "li"):
        floor.acd.login(agent, "8004" if agent == "zhao" else None)
        floor.call(agent)
        assert floor.acd.offer_elsewhere(agent, agent)
        floor.acd.ready(agent)
    floor.acd.remove("zhao", "abandoned")
    floor.acd.remove("li", "abandoned")
    for call in ("c1", "c2", "c3"):
        floor.call(call)
    assert [agent for call, agent in floor.got if call in ("c1", "c2", "c3")] == ["wang", "zhao", "li"]


def test_who_says_ready_anew_is_not_the_longest_idle(floor: Floor) -> None:
    floor.ready("li", "wang")
    floor.call("c1")
    floor.acd.not_ready("li", "lunch")
    floor.acd.ready("li")
    floor.acd.remove("c1", "abandoned")
    floor.call("c2")
    assert floor.got[-1] == ("c2", "wang")


def test_who_was_recalled_and_has_left_is_answered_by_nobody(floor: Floor) -> None:
    floor.ready("wang")
    floor.call("c1")
    assert floor.acd.offer_result("c1", "wang", "answered")
    floor.acd.requeue("c1")
    floor.acd.remove("c1", "abandoned")
    assert not floor.acd.offer_result("c1", "wang", "answered")
    assert floor.agent("wang") == ("ready", "idle", "none")
