"""The operator's socket: one JSON object a line each way, on a real Unix socket and without one."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport

from cti.operations.control import SOCKET, ControlError, ControlFactory, ask
from drivers.problems import failure

Wire = tuple[Any, Any]
later: list[Deferred[dict[str, Any]]] = []


def slowly(request: Any) -> Deferred[dict[str, Any]]:
    later.append(Deferred())
    return later[-1]


def refuse(request: Any) -> dict[str, Any]:
    raise ControlError("not today")


DOES: dict[str, Callable[[Any], Any]] = {
    "status": lambda request: {"ports": 2},
    "slow": slowly,
    "refuse": refuse,
    "number": lambda request: {"twice": 2 * int(request["number"])},
}


@pytest.fixture
def wire() -> Iterator[Wire]:
    later.clear()
    transport: Any = StringTransport()  # type: ignore[no-untyped-call]
    protocol: Any = ControlFactory(DOES).buildProtocol(None)
    protocol.makeConnection(transport)
    yield protocol, transport


def said(transport: Any) -> list[dict[str, Any]]:
    answers = [json.loads(line) for line in transport.value().splitlines()]
    transport.clear()
    return answers


def test_request_and_answer(wire: Wire) -> None:
    protocol, transport = wire
    protocol.dataReceived(b'{"do": "sta')
    assert said(transport) == []
    protocol.dataReceived(b'tus"}\n{"do": "number", "number": 21}\n')
    assert said(transport) == [{"ok": True, "ports": 2}, {"ok": True, "twice": 42}]


def test_answers_that_take_time(wire: Wire) -> None:
    protocol, transport = wire
    protocol.dataReceived(b'{"do": "slow"}\n' * 2)
    assert said(transport) == []
    later[0].callback({"text": "done"})
    later[1].errback(failure(ControlError("it broke")))
    assert said(transport) == [{"ok": True, "text": "done"}, {"ok": False, "error": "it broke"}]


@pytest.mark.parametrize("line", [
    b"\n", b"nonsense\n", b"[]\n", b'"status"\n', b"{}\n", b'{"do": null}\n', b'{"do": "fly"}\n', b'{"do": "refuse"}\n',
    b'{"do": "number"}\n', b'{"do": "number", "number": "x"}\n', b'{"do": "number", "number": null}\n', b"\xff\xfe\n",
    b'{"do": ["status"]}\n',
])  # fmt: skip
def test_what_cannot_be_done_is_said(wire: Wire, line: bytes) -> None:
    protocol, transport = wire
    protocol.dataReceived(line)
    (answer,) = said(transport)
    assert answer["ok"] is False and answer["error"]
    protocol.dataReceived(b'{"do": "status"}\n')
    assert said(transport)[0]["ok"] and not transport.disconnecting


@pytest.mark.parametrize("piece", [1000, 1 << 20])
def test_ten_megabytes_without_an_end(wire: Wire, piece: int) -> None:
    protocol, transport = wire
    for _ in range(10_000_000 // piece):
        protocol.dataReceived(b"x" * piece)
        if transport.disconnecting:
            break
    assert transport.disconnecting and [answer["ok"] for answer in said(transport)] == [False]


# the command's side


class Server:
    """Answers one connection with the bytes it was given."""

    def __init__(self, folder: Path, answer: bytes, *, close: bool = True) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / SOCKET))
        self.listener.listen(1)
        self.heard = b""
        self._answer, self._close = answer, close
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        link, _ = self.listener.accept()
        self.heard = link.recv(65536)
        for at in range(0, len(self._answer), 7):
            link.sendall(self._answer[at : at + 7])
        if not self._close:
            link.recv(1)
        link.close()

    def stop(self) -> None:
        self._thread.join(5.0)
        self.listener.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def start(answer: bytes, **options: Any) -> Server:
        made.append(Server(tmp_path, answer, **options))
        return made[-1]

    yield start
    for server in made:
        server.stop()


def test_asking(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve(b'{"ok":true,"ports":2}\n')
    assert ask(tmp_path, {"do": "status"}) == {"ports": 2}
    assert json.loads(server.heard) | {"by": "me"} == {"do": "status", "by": "me"}


@pytest.mark.parametrize(("answer", "text"), [
    (b'{"ok":false,"error":"no port 9"}\n', "no port 9"), (b'{"ok":tr', "closed the connection"),
    (b"", "closed the connection"), (b"nonsense\n", "not understood"), (b"[1]\n", "not understood"),
])  # fmt: skip
def test_answers_that_are_none(serve: Callable[..., Server], tmp_path: Path, answer: bytes, text: str) -> None:
    serve(answer)
    with pytest.raises(ControlError, match=text):
        ask(tmp_path, {"do": "status"})


def test_nobody_answers_in_time(serve: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti.operations.control.TIMEOUT_S", 0.1)
    serve(b'{"ok":', close=False)
    with pytest.raises(ControlError, match="did not answer within"):
        ask(tmp_path, {"do": "status"})


def test_no_server_runs(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"no server runs.*start it: tipring run -c FILE"):
        ask(tmp_path, {"do": "status"})
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / SOCKET))
    stale.close()
    with pytest.raises(ControlError, match="no server runs"):
        ask(tmp_path, {"do": "status"})


def test_a_folder_whose_name_is_too_long_for_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    with pytest.raises(ControlError, match="path"):
        ask(folder, {"do": "status"})
