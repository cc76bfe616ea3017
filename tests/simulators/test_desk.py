"""A desk against a server played by hand, over a link in memory."""

import json
from typing import Any, cast

from twisted.internet.protocol import Protocol

from drivers.clock import SteppedClock
from simulators.lines.serial_line import Line, Speed
from simulators.people.desk import Desk, DeskPlan
from simulators.truth import Truth


class Server(Protocol):
    """Answers each request by `answers`, keeps what came."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, dict[str, Any]] = {"login": {"token": "t1"}, "resume": {"token": "t1"}}

    def dataReceived(self, data: bytes) -> None:
        for line in data.splitlines():
            request = json.loads(line)
            self.requests.append((request["method"], request["params"]))
            answer = self.answers.get(request["method"], {})
            kind = "error" if "code" in answer else "result"
            self.send({"jsonrpc": "2.0", "id": request["id"], kind: answer})

    def send(self, message: dict[str, Any]) -> None:
        cast(Any, self.transport).write(json.dumps(message).encode() + b"\n")

    def tell(self, method: str, **params: object) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})


class Office:
    def __init__(self, **answers: dict[str, Any]) -> None:
        self.clock = SteppedClock()
        self.truth = Truth(self.clock)
        self.desk = Desk(self.clock, DeskPlan("1001", "secret", "8001"), self.truth.note)
        self.server = Server()
        self.server.answers.update(answers)
        self.open = True
        self.desk.open(self.opener)

    def opener(self, protocol: Protocol) -> None:
        if not self.open:
            raise ConnectionRefusedError(111, "Connection refused")
        self.link = Line(self.clock, "desk", Speed(0), network=True)
        self.link.server.connect(self.server)
        self.link.pbx.connect(protocol)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 50)):
            self.clock.advance()

    def close(self) -> None:
        self.desk.close()
        self.run(1.0)

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.server.requests]


def test_logs_in_and_is_ready() -> None:
    office = Office()
    office.run(1.0)
    assert office.server.requests == [
        ("login", {"agent": "1001", "password": "secret", "extension": "8001"}),
        ("ready", {}),
    ]
    office.close()


def test_the_popup_is_there_before_the_telephone_rings() -> None:
    office = Office()
    office.run(1.0)
    office.desk.phone_rings()
    office.server.tell("popup", call="1-000001", ani="13800138000")
    office.run(0.1)
    office.desk.phone_rings()
    rings = [happening.data for happening in office.truth.log if happening.what == "rings"]
    assert [ring["popup"] for ring in rings] == [False, True]
    assert rings[1]["ani"] == "13800138000"
    office.close()


def test_wrap_up_and_ready_again() -> None:
    office = Office()
    office.run(1.0)
    office.server.tell("state", declared="ready", line="idle", work="wrap_up")
    office.run(3.0)
    office.server.tell("state", declared="not_ready", line="idle", work="none")
    office.run(5.0)
    assert office.methods == ["login", "ready", "wrap_up_done", "ready"]
    office.close()


def test_a_call_still_shown_five_seconds_after_hanging_up_is_ended_by_hand() -> None:
    office = Office()
    office.run(1.0)
    office.server.tell("state", line="talking")
    office.run(0.1)
    office.desk.phone_hung_up()
    office.run(5.2)
    assert office.methods[-1] == "call_ended"
    office.close()


def test_a_dropped_link_is_resumed() -> None:
    office = Office()
    office.run(1.0)
    office.desk.drop_link()
    office.open = False
    office.run(2.5)
    office.open = True
    office.run(1.5)
    assert office.server.requests[-1] == ("resume", {"token": "t1"})
    assert any(happening.what == "no connection" for happening in office.truth.log)
    office.close()


def test_a_wrong_password_is_told() -> None:
    office = Office(login={"code": -32001, "message": "wrong agent or password"})
    office.run(1.0)
    assert [happening.data["why"] for happening in office.truth.log if happening.what == "refused"] == [
        "login: -32001 wrong agent or password"
    ]
    office.close()
