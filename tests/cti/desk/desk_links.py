"""A desk server on a stepped clock with desks in memory."""

from __future__ import annotations

import json
from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import StringTransport

from cti.acd.centre import Acd
from cti.desk.link import DeskLink
from cti.desk.passwords import LoginBusy
from cti.desk.server import DeskServer
from cti.operations.log import Lines, Log
from cti.operations.metrics import Metrics
from drivers.clock import SteppedClock
from tests.cti.acd.acd_site import GroupOf, ProfileOf


class Transport:
    """What a link writes; `full` as when a desk does not read."""

    def __init__(self, address: str) -> None:
        self._string = cast(Any, StringTransport)()
        self._address = address
        self.closed = ""
        self.protocol: DeskLink | None = None
        self.producer: Any = None

    def getPeer(self) -> object:
        class Peer:
            host = self._address

        return Peer

    def write(self, data: bytes) -> None:
        assert not self.closed
        self._string.write(data)

    def registerProducer(self, producer: object, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def loseConnection(self) -> None:
        self._end("closed")

    def abortConnection(self) -> None:
        self._end("cut")

    def _end(self, how: str) -> None:
        if not self.closed:
            self.closed = how
            if self.protocol is not None:
                self.protocol.connectionLost()

    def take(self) -> list[dict[str, Any]]:
        """The messages written since the last time."""
        lines = self._string.value().splitlines()
        self._string.clear()
        return [json.loads(line) for line in lines]


class PlainChecker:
    """Password and hash are equal; `busy` refuses; `slow` answers when told."""

    def __init__(self) -> None:
        self.busy = False
        self.slow: list[Deferred[bool]] | None = None
        self.checked = 0

    def verify(self, hashed: str, password: str) -> Deferred[bool]:
        self.checked += 1
        if self.busy:
            failed: Deferred[bool] = Deferred()
            failed.errback(LoginBusy("1000 log-ins wait"))
            return failed
        if self.slow is not None:
            waiting: Deferred[bool] = Deferred()
            self.slow.append(waiting)
            return waiting
        return succeed(hashed == password)


class Desk:
    """One agent's PC."""

    def __init__(self, office: Office, address: str = "10.0.0.1") -> None:
        self.transport = Transport(address)
        self.link = office.server.factory.buildProtocol(None)
        self.transport.protocol = self.link
        cast(Any, self.link).makeConnection(self.transport)
        self.told: list[dict[str, Any]] = []
        self._id = 0

    def send(self, method: str, **params: object) -> int:
        self._id += 1
        message = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": params}
        self.link.dataReceived(json.dumps(message).encode() + b"\n")
        return self._id

    def read(self) -> list[dict[str, Any]]:
        taken = self.transport.take()
        self.told += [message for message in taken if "method" in message]
        return taken

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """The result, or the error, of a request that is answered at once."""
        wanted = self.send(method, **params)
        answers = [message for message in self.read() if message.get("id") == wanted]
        assert len(answers) == 1, answers
        found = answers[0].get("result", answers[0].get("error"))
        assert isinstance(found, dict)
        return found

    def heard(self, method: str) -> list[dict[str, Any]]:
        """Parameters of the notifications of this name until now."""
        self.read()
        return [message["params"] for message in self.told if message["method"] == method]

    def closed(self) -> str:
        """ "" while the link is up; then closed, cut or dropped."""
        return self.transport.closed

    def drop(self) -> None:
        """The network cable is pulled."""
        self.transport._end("dropped")

    def login(self, agent: str = "li", password: str = "secret", **more: object) -> dict[str, Any]:
        return self.ask("login", agent=agent, password=password, **more)


class Office:
    """The server, an ACD, and what was recorded."""

    def __init__(self, **more: Any) -> None:
        self.clock = SteppedClock()
        self.checker = PlainChecker()
        self.metrics = Metrics()
        self.lines = Lines()
        self.tokens = 0
        people = [
            ProfileOf("li", ["sales"], "8001", name="李明", password="secret"),
            ProfileOf("wang", ["help"], "8002", name="王芳", password="secret"),
        ]
        self.acd = Acd(self.clock, [GroupOf("sales"), GroupOf("help")], people, self.note)
        log = Log(self.clock, self.lines)
        self.server = DeskServer(
            self.clock, people, self.acd, self.checker, self.token, metrics=self.metrics, log=log, **more
        )

    def token(self, size: int) -> bytes:
        self.tokens += 1
        return self.tokens.to_bytes(size, "big")

    def note(self, kind: str, call: str | None, agent: str | None, source: str, data: dict[str, Any]) -> None:
        if kind == "agent_state" and agent is not None:
            self.server.agent_changed(agent)
        elif kind == "ask" and agent is not None:
            self.server.ask(agent, call)

    def figure(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def declared(self, agent: str = "li") -> str:
        return self.acd.agents[agent].declared

    def close(self) -> None:
        self.server.close()
        self.acd.close()
