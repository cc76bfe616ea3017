"""The operator's way into a running server: a Unix socket in the state directory, one JSON object a line each way.

Requests are {"do": NAME, ...}; answers {"ok": true, ...} or {"ok": false, "error": TEXT}. The socket is readable by
the server's user only; who may open it may do everything here. Serves `tipring status` and `tipring port`.
"""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from cti.errors import TipringError

SOCKET = "control.sock"
TIMEOUT_S = 10.0
Request = Mapping[str, Any]
Answer = dict[str, Any]


class ControlError(TipringError):
    """The request cannot be done; the text says why."""


class ControlProtocol(LineReceiver):
    """One operator's connection."""

    delimiter = b"\n"
    MAX_LENGTH = 65536

    def __init__(self, does: Mapping[str, Callable[[Request], Answer | Deferred[Answer]]]) -> None:
        self._does = does

    def lineReceived(self, line: bytes) -> None:
        """One request."""
        try:
            request = msgspec.json.decode(line, type=dict[str, Any])
            does = self._does.get(str(request.get("do")))
            if does is None:
                raise ControlError(f"unknown request; there are {', '.join(sorted(self._does))}")
            result = does(request)
        except (msgspec.DecodeError, TipringError, ValueError, KeyError, TypeError) as error:
            self._answer({"ok": False, "error": str(error)})
            return
        if isinstance(result, Deferred):
            result.addCallbacks(self._good, self._bad)
        else:
            self._good(result)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Over 64 KiB: nobody asks so much."""
        self._answer({"ok": False, "error": "a request is one line of at most 64 KiB"})
        transport: Any = self.transport
        transport.loseConnection()

    def _good(self, answer: Answer) -> None:
        self._answer({"ok": True, **answer})

    def _bad(self, failure: Failure) -> None:
        self._answer({"ok": False, "error": failure.getErrorMessage()})

    def _answer(self, answer: Answer) -> None:
        transport: Any = self.transport
        transport.write(msgspec.json.encode(answer) + b"\n")


class ControlFactory(Factory):
    """Listens at the control socket."""

    noisy = False

    def __init__(self, does: Mapping[str, Callable[[Request], Answer | Deferred[Answer]]]) -> None:
        self._does = does

    def buildProtocol(self, addr: object) -> ControlProtocol:
        """One for each connection."""
        return ControlProtocol(self._does)


def _user() -> str:
    """Who asks, for the journal."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def ask(state_dir: Path, request: Request, takes_s: float = 0.0) -> Answer:
    """Asks a running server, blocking; for commands. ControlError where none runs or it refuses. ``takes_s``: so long
    does what is asked for take by itself."""
    path = state_dir / SOCKET
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(takes_s + TIMEOUT_S)
        try:
            link.connect(str(path))
            link.sendall(msgspec.json.encode({"by": _user(), **request}) + b"\n")
            data = b""
            while not data.endswith(b"\n"):
                more = link.recv(65536)
                if not more:
                    raise ControlError("the server closed the connection")
                data += more
        except (FileNotFoundError, ConnectionRefusedError) as error:
            remedy = "start it: tipring run -c FILE; or name its site file with -c"
            raise ControlError(f"no server runs on {state_dir} (no answer at {path}); {remedy}") from error
        except PermissionError as error:
            raise ControlError(f"{path}: only the server's user and root may ask it") from error
        except TimeoutError as error:
            raise ControlError(f"the server did not answer within {takes_s + TIMEOUT_S:g} s") from error
        except OSError as error:  # too long a path, a connection that breaks
            raise ControlError(f"{path}: {error}") from error
    try:
        answer = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ControlError(f"the server's answer is not understood: {error}") from error
    if not answer.pop("ok", False):
        raise ControlError(str(answer.get("error")))
    return answer
