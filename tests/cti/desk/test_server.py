"""Desks: log-in, states, pop-up, dropped links, take-over, wrong passwords, slow readers; and all a desk may send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from cti.desk import wire
from cti.desk.link import HELD
from cti.errors import OutsideError
from tests.conftest import LoggedFailures
from tests.cti.desk.desk_links import Desk, Office


@pytest.fixture
def office() -> Iterator[Office]:
    office = Office()
    yield office
    office.close()
    assert office.clock.getDelayedCalls() == []


def popup(call: str = "c1", **more: object) -> dict[str, object]:
    return {"call": call, "ani": "02161234567", "customer": {"name": "王芳"}, **more}


def test_login_ready_and_the_state_is_told(office: Office) -> None:
    desk = Desk(office)
    answer = desk.login()
    assert answer["token"] == "00000000000000000000000000000001"
    assert answer["agent"] == {"id": "li", "name": "李明", "groups": ["sales"]}
    assert (answer["state"]["declared"], answer["state"]["reason"]) == ("not_ready", "login")
    assert answer["popup"] is None
    answer = desk.ask("ready")
    assert answer["changed"]
    assert answer["state"]["declared"] == "ready"
    assert [state["declared"] for state in desk.heard("state")] == ["ready"]
    assert desk.ask("not_ready", reason="吃饭")["state"]["reason"] == "吃饭"
    assert desk.ask("state")["declared"] == "not_ready"
    assert desk.ask("ping") == {}
    assert not desk.ask("call_ended")["changed"]
    assert not desk.ask("wrap_up_done")["changed"]
    assert not desk.ask("still_talking")["changed"]
    assert not desk.ask("answered")["changed"]
    office.server.telephone_lifted = lambda agent: agent == "li"
    assert desk.ask("answered")["changed"]


def test_a_call_from_pop_up_to_wrap_up(office: Office) -> None:
    desk = Desk(office)
    desk.login()
    desk.ask("ready")
    office.acd.enqueue("c1", "sales")
    assert office.server.notify("li", "popup", popup())
    office.acd.line("li", "ringing", "dialled", "c1", "port")
    office.acd.offer_result("c1", "li", "answered")
    office.server.notify("li", "popup.update", {"call": "c1", "ani": "1"})
    office.acd.line("li", "idle", "smdr", "c1")
    assert desk.heard("popup") == [popup()]
    assert [(state["line"], state["work"]) for state in desk.heard("state")][1:] == [
        ("reserved", "none"),
        ("ringing", "none"),
        ("talking", "none"),
        ("idle", "wrap_up"),
    ]
    assert desk.ask("wrap_up_done")["changed"]
    assert office.acd.agents["li"].available


def test_who_is_not_logged_in_may_only_log_in(office: Office) -> None:
    desk = Desk(office)
    for method in wire.METHODS.keys() - {"login", "resume", "ping"}:
        needs = {"call": "1-000001"} if method == "message.fetch" else {}
        assert desk.ask(method, **needs)["code"] == wire.NOT_LOGGED_IN
    assert desk.ask("resume", token="x")["code"] == wire.UNKNOWN_SESSION
    assert office.declared() == "logged_off"


def test_wrong_passwords_are_answered_late_and_counted(office: Office) -> None:
    desk = Desk(office)
    delays = []
    for _ in range(8):
        desk = Desk(office)
        desk.send("login", agent="li", password="wrong")
        waited = 0.0
        while not (answers := desk.read()):
            office.clock.advance(0.1)
            waited += 0.1
        assert answers[0]["error"]["code"] == wire.WRONG_PASSWORD
        delays.append(round(waited, 1))
        desk.drop()
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert office.figure("tipring_desk_wrong_passwords_total") == 8
    assert Desk(office).login()["token"], "when the time is over the right one is taken"
    office.clock.advance(0.1)
    desk = Desk(office)
    desk.send("login", agent="li", password="wrong")
    office.clock.advance(0.5)
    assert desk.read()[0]["error"]["code"] == wire.WRONG_PASSWORD, "and nothing is held against it any more"


def test_a_link_may_try_five_times(office: Office) -> None:
    desk = Desk(office)
    for _ in range(5):
        assert not desk.closed()
        desk.send("login", agent="li", password="wrong")
        office.clock.advance(29)
    assert [message["error"]["code"] for message in desk.transport.take()] == [wire.WRONG_PASSWORD] * 5
    assert desk.closed() == "closed"
    assert office.figure("tipring_desk_faults_total", reason="guessing") == 1


def test_tries_during_the_delay_are_refused_unread(office: Office) -> None:
    Desk(office).send("login", agent="li", password="wrong")
    error = Desk(office).login()
    assert error["code"] == wire.TOO_SOON
    assert error["data"]["retry_after_s"] == 0.5
    assert office.checker.checked == 1
    assert "token" in Desk(office, "10.0.0.2").login(), "who guesses elsewhere cannot lock out the agent"
    assert "token" in Desk(office).login("wang")


def test_one_check_at_a_time_for_a_pair(office: Office) -> None:
    office.checker.slow = []
    Desk(office).send("login", agent="li", password="secret")
    assert Desk(office).login()["code"] == wire.TOO_SOON
    assert office.checker.checked == 1
    office.checker.slow[0].callback(True)
    assert office.declared() == "not_ready"


def test_an_unknown_agent_is_not_told_apart(office: Office) -> None:
    desk = Desk(office)
    desk.send("login", agent="nobody", password="x")
    office.clock.advance(0.5)
    other = Desk(office)
    other.send("login", agent="li", password="x")
    office.clock.advance(0.5)
    assert desk.read()[0]["error"] == other.read()[0]["error"]
    assert office.checker.checked == 2


def test_too_many_logins_are_told_to_try_again(office: Office) -> None:
    office.checker.busy = True
    error = Desk(office).login()
    assert error["code"] == wire.BUSY
    assert error["data"]["retry_after_s"] > 0
    office.checker.busy = False
    assert "token" in Desk(office).login()


def test_without_login_the_link_is_closed_after_30_s(office: Office) -> None:
    desk = Desk(office)
    office.clock.advance(29.9)
    assert not desk.closed()
    office.clock.advance(0.2)
    assert desk.closed()
    assert desk.transport.take()[0]["error"]["code"] == wire.NOT_LOGGED_IN
    assert office.figure("tipring_desk_faults_total", reason="no_login") == 1


def test_a_dropped_link_does_not_lose_the_agent(office: Office) -> None:
    desk = Desk(office)
    token = desk.login()["token"]
    desk.ask("ready")
    office.acd.enqueue("c1", "sales")
    office.server.notify("li", "popup", popup())
    desk.drop()
    assert office.server.counts() == {"attached": 0, "adrift": 1}
    office.clock.advance(10)
    office.acd.offer_result("c1", "li", "answered")
    office.server.notify("li", "popup.update", {"call": "c1", "ani": "1"})
    assert not office.server.notify("li", "message", {"call": "m1"})
    again = Desk(office, "10.0.0.9")
    answer = again.ask("resume", token=token)
    assert answer["state"]["line"] == "talking"
    assert answer["popup"] == popup(ani="1")
    assert again.heard("popup") == [popup(ani="1")]
    assert again.heard("message") == [{"call": "m1"}]
    office.clock.advance(500)
    assert office.declared() == "ready"


def test_after_the_grace_the_agent_is_logged_out_and_the_token_is_void(office: Office) -> None:
    desk = Desk(office)
    token = desk.login()["token"]
    desk.ask("ready")
    desk.drop()
    office.clock.advance(119)
    assert office.declared() == "ready"
    office.clock.advance(2)
    assert office.declared() == "logged_off"
    assert office.acd.state("li")["reason"] == "desk_lost"
    assert Desk(office).ask("resume", token=token)["code"] == wire.UNKNOWN_SESSION
    assert "token" in Desk(office).login()


def test_who_goes_on_at_a_telephone_is_not_logged_out_for_the_desk(office: Office) -> None:
    """The PC has no power any more; the agent signs in by telephone and takes calls."""
    desk = Desk(office)
    token = desk.login()["token"]
    desk.ask("ready")
    desk.drop()
    office.clock.advance(30)
    office.acd.login("li", "8002")
    office.acd.ready("li")
    office.clock.advance(200)
    assert office.declared() == "ready" and office.acd.state("li")["extension"] == "8002"
    assert office.server.counts() == {"attached": 0, "adrift": 0}
    assert Desk(office).ask("resume", token=token)["code"] == wire.UNKNOWN_SESSION


def test_an_ended_call_is_not_shown_again(office: Office) -> None:
    desk = Desk(office)
    token = desk.login()["token"]
    office.server.notify("li", "popup", popup())
    desk.drop()
    office.server.notify("li", "ended", {"call": "c0"})
    office.server.notify("li", "ended", {"call": "c1"})
    again = Desk(office)
    assert again.ask("resume", token=token)["popup"] is None
    assert again.heard("popup") == []


def test_messages_kept_for_a_desk_are_bounded_and_counted(office: Office) -> None:
    desk = Desk(office)
    token = desk.login()["token"]
    desk.drop()
    for n in range(130):
        office.server.broadcast("message", {"call": f"m{n}"})
    again = Desk(office)
    assert again.ask("resume", token=token)["missed"] == 30
    assert [message["call"] for message in again.heard("message")] == [f"m{n}" for n in range(30, 130)]
    again.drop()
    third = Desk(office)
    assert third.ask("resume", token=token)["missed"] == 0
    assert third.heard("message") == []


def test_a_second_login_takes_the_session_over_and_tells_the_first(office: Office) -> None:
    first = Desk(office)
    token = first.login()["token"]
    first.ask("ready")
    office.server.notify("li", "popup", popup())
    second = Desk(office, "10.0.0.2")
    answer = second.login()
    assert answer["state"]["declared"] == "ready"
    assert first.heard("taken_over") == [{"address": "10.0.0.2"}]
    assert first.closed()
    assert second.heard("popup") == [popup()]
    assert Desk(office).ask("resume", token=token)["code"] == wire.UNKNOWN_SESSION
    office.clock.advance(200)
    assert office.declared() == "ready"
    assert office.server.counts() == {"attached": 1, "adrift": 0}


def test_resume_while_the_old_link_seems_to_be_up(office: Office) -> None:
    first = Desk(office)
    token = first.login()["token"]
    second = Desk(office)
    assert second.ask("resume", token=token)["token"] == token
    assert first.closed()
    assert second.ask("resume", token=token)["code"] == wire.NOT_POSSIBLE


def test_logout_and_login_on_the_same_link(office: Office) -> None:
    desk = Desk(office)
    token = desk.login()["token"]
    assert desk.login("wang")["code"] == wire.NOT_POSSIBLE
    assert desk.ask("logout")["state"]["declared"] == "logged_off"
    assert desk.ask("ready")["code"] == wire.NOT_LOGGED_IN
    assert desk.ask("resume", token=token)["code"] == wire.UNKNOWN_SESSION
    assert "token" in desk.login("wang")
    desk.ask("logout")
    office.clock.advance(31)
    assert desk.closed()


def test_an_extension_belongs_to_one_agent(office: Office) -> None:
    Desk(office).login()
    assert Desk(office).login("wang", extension="8001")["code"] == wire.EXTENSION
    assert Desk(office).login("wang", extension="8009")["state"]["extension"] == "8009"


def test_a_desk_that_does_not_read_is_cut_off_and_its_session_kept(office: Office) -> None:
    desk = Desk(office)
    token = desk.login()["token"]
    desk.transport.producer.pauseProducing()
    message = {"text": "x" * 1000}
    sent = 0
    while not desk.closed():
        office.server.notify("li", "message", message)
        sent += 1
        assert sent < 1000
    assert desk.closed() == "cut"
    assert HELD // 1100 < sent < HELD // 1000 + 2
    assert office.figure("tipring_desk_faults_total", reason="slow") == 1
    assert office.server.counts() == {"attached": 0, "adrift": 1}
    assert "token" in Desk(office).ask("resume", token=token)


def test_a_desk_that_reads_again_gets_everything_in_order(office: Office) -> None:
    desk = Desk(office)
    desk.login()
    desk.transport.producer.pauseProducing()
    for n in range(20):
        office.server.notify("li", "message", {"n": n})
    assert desk.heard("message") == []
    desk.transport.producer.resumeProducing()
    office.server.notify("li", "message", {"n": 20})
    assert [message["n"] for message in desk.heard("message")] == list(range(21))


def test_three_malformed_messages_in_a_row_close_the_link(office: Office) -> None:
    desk = Desk(office)
    desk.login()
    for rubbish in (b"rubbish\n", b"[]\n"):
        desk.link.dataReceived(rubbish)
    assert desk.ask("ping") == {}
    desk.link.dataReceived(b"a\nb\n")
    assert not desk.closed()
    desk.link.dataReceived(b"c\n" + b'{"jsonrpc":"2.0","id":9,"method":"logout"}\n')
    assert desk.closed() == "closed"
    assert [message["error"]["code"] for message in desk.transport.take()] == [wire.PARSE_ERROR] * 3
    assert office.declared() == "not_ready", "what came after is not carried out; the session stays"


def test_ten_megabytes_without_a_newline(office: Office) -> None:
    desk = Desk(office)
    desk.login()
    for _ in range(160):
        desk.link.dataReceived(b"x" * 65536)
    assert [message["error"]["code"] for message in desk.read()] == [wire.TOO_LARGE]
    desk.link.dataReceived(b"\n")
    assert desk.ask("ping") == {}


def test_heartbeats(office: Office) -> None:
    desk = Desk(office)
    desk.login()
    office.clock.advance(46)
    assert desk.heard("heartbeat") == [{"every_s": 15.0}] * 3


def test_ask_reaches_the_desk_and_its_word_counts(office: Office) -> None:
    desk = Desk(office)
    desk.login()
    desk.ask("ready")
    office.acd.enqueue("c1", "sales")
    office.acd.offer_result("c1", "li", "answered")
    office.clock.advance(7200)
    assert desk.heard("ask") == [{"what": "still_talking", "call": "c1"}]
    assert desk.ask("still_talking")["state"]["line"] == "talking"
    assert desk.ask("call_ended")["state"]["work"] == "wrap_up"


def test_a_state_is_answered_when_it_is_on_the_disk() -> None:
    waiting: list[Deferred[None]] = []

    def durable() -> Deferred[None]:
        waiting.append(Deferred())
        return waiting[-1]

    office = Office(durable=durable)
    desk = Desk(office)
    wanted = desk.send("login", agent="li", password="secret")
    assert desk.read() == []
    waiting.pop().callback(None)
    assert [message["id"] for message in desk.read()] == [wanted]
    again = Desk(office)
    wanted = again.send("login", agent="li", password="secret")
    office.clock.advance(5)
    assert "token" in again.read()[-1]["result"], "a late disk keeps nobody from working"
    desk = again
    wanted = desk.send("ready")
    assert [message.get("method") for message in desk.read()] == ["state"]
    office.clock.advance(5)
    answer = desk.read()[-1]
    assert (answer["id"], answer["error"]["code"]) == (wanted, wire.NOT_RECORDED)
    assert office.declared() == "ready"
    desk.send("not_ready")
    desk.drop()
    office.close()
    assert office.clock.getDelayedCalls() == []


def test_a_broadcast_reaches_the_desks_of_the_groups(office: Office) -> None:
    li, wang = Desk(office), Desk(office)
    li.login()
    wang.login("wang")
    assert office.server.broadcast("message", {"call": "m1"}, ["help"]) == 1
    assert office.server.broadcast("alarm", {"what": "smdi"}) == 2
    assert (len(li.heard("message")), len(wang.heard("message"))) == (0, 1)
    assert (len(li.heard("alarm")), len(wang.heard("alarm"))) == (1, 1)
    assert not office.server.notify("nobody", "alarm", {})


def test_a_pop_up_that_is_too_long_is_shortened(office: Office) -> None:
    desk = Desk(office)
    desk.login()
    office.server.notify("li", "popup", popup(note="好" * 50_000, last_calls=[{"n": n} for n in range(10_000)]))
    shown = desk.heard("popup")[0]
    assert shown["shortened"]
    assert (shown["call"], len(shown["note"])) == ("c1", 1000)
    assert "last_calls" not in shown


class Book:
    """Records as a desk asks for them."""

    def __init__(self) -> None:
        self.failure: Exception | None = None

    async def calls(self, agent: str, limit: int) -> list[dict[str, Any]]:
        if self.failure is not None:
            raise self.failure
        return [{"call": f"{agent}-{n}"} for n in range(limit)]

    async def messages(self, agent: str, limit: int) -> list[dict[str, Any]]:
        return [{"text": "x" * 1000}] * limit


def test_records_are_asked_and_faults_have_a_code(logged_failures: LoggedFailures) -> None:
    book = Book()
    office = Office(history=book)
    desk = Desk(office)
    desk.login()
    assert desk.ask("calls", limit=2) == {"calls": [{"call": "li-0"}, {"call": "li-1"}]}
    assert len(desk.ask("message.list", limit=3)["messages"]) == 3
    assert desk.ask("message.list", limit=100)["code"] == wire.UNSUPPORTED
    book.failure = OutsideError("the database is slow")
    assert desk.ask("calls")["code"] == wire.BUSY
    book.failure = ZeroDivisionError("secret detail")
    error = desk.ask("calls")
    assert error["code"] == wire.INTERNAL
    assert "secret" not in json.dumps(error)
    assert "secret detail" in json.loads(office.lines.lines[-1])["error"]
    office.close()


def test_without_records_the_desk_is_told(office: Office) -> None:
    desk = Desk(office)
    desk.login()
    assert desk.ask("calls")["code"] == wire.UNSUPPORTED


def test_too_many_links_and_too_many_requests() -> None:
    office = Office(links=2)
    desks = [Desk(office) for _ in range(3)]
    assert [bool(desk.closed()) for desk in desks] == [False, False, True]
    assert desks[2].transport.take()[0]["error"]["code"] == wire.BUSY
    office.checker.slow = []
    for n in range(40):
        desks[0].send("login", agent=f"agent{n}", password="x")
    assert [message["error"]["code"] for message in desks[0].read()] == [wire.BUSY] * 8
    office.close()
    assert office.clock.getDelayedCalls() == []


def test_a_flood_of_requests_is_refused_then_closed(office: Office) -> None:
    desk = Desk(office)
    desk.login()
    ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
    desk.link.dataReceived(ping * 150)
    answers = desk.read()
    assert sum("result" in answer for answer in answers) == 99
    assert {answer["error"]["code"] for answer in answers if "error" in answer} == {wire.BUSY}
    office.clock.advance(1)
    desk.link.dataReceived(ping * 30)
    assert sum("result" in answer for answer in desk.read()) == 20
    assert not desk.closed()
    desk.link.dataReceived(ping * 2000)
    assert desk.closed()
    assert office.figure("tipring_desk_faults_total", reason="flood") == 1


def test_stopping_with_everything_under_way(office: Office) -> None:
    desk = Desk(office)
    desk.login()
    Desk(office).send("login", agent="wang", password="wrong")
    office.checker.slow = []
    Desk(office).send("login", agent="li", password="secret")
    adrift = Desk(office)
    adrift.drop()
    office.server.close()
    assert desk.closed()
    assert office.server.counts() == {"attached": 0, "adrift": 0}


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=80).map(lambda data: data + b"\n"),
            st.builds(
                lambda method, params, call_id: (
                    json.dumps({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}).encode() + b"\n"
                ),
                st.sampled_from([*wire.METHODS, "other"]),
                st.one_of(
                    st.just({}),
                    st.just({"agent": "li", "password": "secret"}),
                    st.dictionaries(st.sampled_from(["agent", "password", "limit", "token"]), st.text(max_size=9)),
                    st.integers(),
                ),
                st.one_of(st.integers(), st.text(max_size=9), st.none(), st.booleans(), st.floats(allow_nan=False)),
            ),
            st.floats(0, 40),
        ),
        max_size=12,
    )
)
def test_whatever_a_desk_sends(inputs: list[bytes | float]) -> None:
    office = Office()
    desk = Desk(office)
    for item in inputs:
        if isinstance(item, float):
            office.clock.advance(item)
        elif not desk.closed():
            desk.link.dataReceived(item)
        for message in desk.transport.take():
            assert message["jsonrpc"] == "2.0"
            if "error" in message:
                assert message["error"]["code"] in wire.CODES
                assert message["error"]["code"] != wire.INTERNAL
                assert "Traceback" not in message["error"]["message"]
    office.close()
    assert office.clock.getDelayedCalls() == []
