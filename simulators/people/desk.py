"""Agents' PCs (step 8): log in, declare themselves ready, show the pop-up, click what an agent clicks.

The desk protocol is newline-delimited JSON-RPC 2.0, written here a second time. A desk checks what is promised: the
pop-up is on the screen as the telephone is called, with the caller's number. It clicks `call_ended` only when the
screen still shows a call five seconds after its telephone was hung up, or has stopped ringing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from drivers.clock import Clock, DelayedCall
from simulators.truth import Note

LONGEST_LINE = 65536
RECONNECT_S = 1.0
STILL_TALKING_S = 5.0

Opener = Callable[[Protocol], object]
"""Connects a protocol; raises OSError or returns what may be a Deferred that fails."""


class DeskRefused(RuntimeError):
    """The server answered a request with an error."""

    def __init__(self, method: str, error: Mapping[str, Any]) -> None:
        super().__init__(f"{method}: {error.get('code')} {error.get('message')}")
        self.code = error.get("code")
        data = error.get("data")
        self.name = str(data.get("error") if isinstance(data, dict) and "error" in data else self.code)


@dataclass(frozen=True)
class DeskPlan:
    """`ready_after_s` None: never declares itself ready. `wrap_up_s` is how long the agent works after a call."""

    agent: str
    password: str
    extension: str
    login_at_s: float = 0.2
    ready_after_s: float | None = 0.3
    wrap_up_s: float = 2.0
    ready_again_s: float = 4.0


class DeskLink(Protocol):
    """One connection. Requests are numbered; each fires with its result or fails with DeskRefused."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._rest = b""
        self._number = 0
        self._waiting: dict[int, tuple[str, Deferred[Any]]] = {}

    def connectionMade(self) -> None:
        self._desk.connected(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        waiting, self._waiting = self._waiting, {}
        for method, deferred in waiting.values():
            deferred.errback(DeskRefused(method, {"code": 0, "message": "link lost"}))
        self._desk.lost(self)

    def request(self, method: str, **params: object) -> Deferred[Any]:
        self._number += 1
        call = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        deferred: Deferred[Any] = Deferred()
        self._waiting[self._number] = (method, deferred)
        self._write(json.dumps(call, ensure_ascii=False).encode() + b"\n")
        return deferred

    def _write(self, line: bytes) -> None:
        cast(Any, self.transport).write(line)

    def close(self, *, at_once: bool = False) -> None:
        """Ends the connection, at once as a cable pulled out does."""
        transport = cast(Any, self.transport)
        if at_once:
            transport.abortConnection()
        else:
            transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > LONGEST_LINE:
            raise ValueError("the server sent a line of more than 64 KiB")
        for line in lines:
            if line.strip():
                self._message(json.loads(line))

    def _message(self, message: dict[str, Any]) -> None:
        if "method" in message:
            self._desk.notified(message["method"], message.get("params") or {})
            return
        method, deferred = self._waiting.pop(message["id"])
        if "error" in message:
            deferred.errback(DeskRefused(method, message["error"]))
        else:
            deferred.callback(message.get("result"))


class Desk:
    """One agent's PC. `open` gives it the way to the server: a function that connects a protocol."""

    def __init__(self, clock: Clock, plan: DeskPlan, note: Note) -> None:
        self.plan = plan
        self._clock, self._tell = clock, note
        self._opener: Opener | None = None
        self._link: DeskLink | None = None
        self._token: str | None = None
        self.state: dict[str, Any] = {}
        self.popup: dict[str, Any] | None = None
        self.popups: list[tuple[float, dict[str, Any]]] = []
        self._click: DelayedCall | None = None
        self._doubt: DelayedCall | None = None
        self._popup_is_new = False

    def _note(self, what: str, **data: str | int | float | bool | None) -> None:
        self._tell(None, f"desk {self.plan.agent}", what, agent=self.plan.agent, **data)

    def open(self, opener: Opener) -> None:
        """Switches the PC on: it connects after `login_at_s` and connects again whenever the link is lost."""
        self._opener = opener
        self._clock.callLater(self.plan.login_at_s, self._connect)

    def close(self) -> None:
        self._opener = None
        if self._click is not None and self._click.active():
            self._click.cancel()
        if self._link is not None:
            self._link.close()

    def _connect(self) -> None:
        if self._opener is None:
            return
        try:
            opened = self._opener(DeskLink(self))
        except OSError as error:
            self._not_connected(error)
        else:
            if isinstance(opened, Deferred):
                opened.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        self._not_connected(failure.value)

    def _not_connected(self, error: BaseException | None) -> None:
        self._note("no connection", why=str(error))
        self._clock.callLater(RECONNECT_S, self._connect)

    def connected(self, link: DeskLink) -> None:
        self._link = link
        Deferred.fromCoroutine(self._log_in(link)).addErrback(self._refused)

    async def _log_in(self, link: DeskLink) -> None:
        if self._token is not None:
            try:
                self._took(await link.request("resume", token=self._token))
                self._note("resumed")
                return
            except DeskRefused as error:
                if error.code == 0:
                    raise
                self._token = None
        plan = self.plan
        self._took(await link.request("login", agent=plan.agent, password=plan.password, extension=plan.extension))
        self._note("logged in")
        if plan.ready_after_s is not None:
            self._clock.callLater(plan.ready_after_s, self.click, "ready")

    def _took(self, result: object) -> None:
        if isinstance(result, dict):
            self._token = result.get("token", self._token)
            state = result.get("state")
            if isinstance(state, dict):
                self._show(state)

    def _refused(self, failure: Failure) -> None:
        if not isinstance(failure.value, DeskRefused):
            failure.raiseException()
        self._note("refused", why=failure.getErrorMessage())

    def lost(self, link: DeskLink) -> None:
        if self._link is link:
            self._link = None
            self._note("link lost")
            self._clock.callLater(RECONNECT_S, self._connect)

    def drop_link(self) -> None:
        """The network cable is pulled for a moment."""
        if self._link is not None:
            self._link.close(at_once=True)

    def unplug(self, for_s: float) -> None:
        """The network cable is out for so long; the PC connects again by itself when it is back."""
        opener, self._opener = self._opener, None
        self.drop_link()
        if opener is not None:
            self._clock.callLater(for_s, self._plug, opener)

    def _plug(self, opener: Opener) -> None:
        self._opener = opener
        if self._link is None:
            self._connect()

    def click(self, method: str, **params: object) -> None:
        """Presses a button of the screen."""
        if self._link is not None:
            self._note("clicks", button=method)
            self._link.request(method, **params).addErrback(self._refused)

    def verb(self, verb: str, to: str = "") -> Deferred[Any]:
        """A button for the call in hand, with a number in its field. Fails with DeskRefused, also where there is no
        link."""
        if self._link is None:
            return fail(DeskRefused(verb, {"code": 0, "message": "link lost"}))
        return self._link.request(verb, **({"to": to} if to else {}))

    # ---- what the screen shows ------------------------------------------------------------------

    def notified(self, method: str, params: dict[str, Any]) -> None:
        if method == "popup":
            self.popup, self._popup_is_new = params, True
            self.popups.append((self._clock.seconds(), params))
            self._shows("popup", params)
        elif method == "popup.update":
            if self.popup is not None:
                self.popup = {**self.popup, **params}
            self._shows("popup update", params)
        elif method == "state":
            self._show(params)
        elif method == "ended":
            self._note("ended", call=params.get("call"))
        elif method == "taken_over":  # somebody logged in as this agent elsewhere: this PC leaves them the place
            self._note("taken over", address=params.get("address"))
            self._opener = None

    def _shows(self, what: str, params: dict[str, Any]) -> None:
        """A pop-up; `confirmed`: it names a customer and says that it is certain."""
        customer = params.get("customer") or {}
        confirmed = bool(params.get("confirmed")) and bool(customer)
        numbers = {name: params.get(name) for name in ("call", "ani", "dnis")}
        self._note(what, confirmed=confirmed, customer=customer.get("name"), **numbers)

    def _show(self, state: dict[str, Any]) -> None:
        before, self.state = self.state, {**self.state, **state}
        if self.state.get("work") == "wrap_up" and before.get("work") != "wrap_up":
            self._click_after(self.plan.wrap_up_s, "wrap_up_done", lambda: self.state.get("work") == "wrap_up")
        elif self.state.get("declared") == "not_ready" and before.get("declared") == "ready":
            self._click_after(self.plan.ready_again_s, "ready", lambda: self.state.get("declared") == "not_ready")

    def _click_after(self, seconds: float, button: str, still: Callable[[], bool]) -> None:
        if self._click is not None and self._click.active():
            self._click.cancel()
        self._click = self._clock.callLater(seconds, lambda: self.click(button) if still() else None)

    def phone_rings(self) -> None:
        """The telephone beside the screen begins to ring."""
        self.phone_in_hand()
        shown = self.popup if self._popup_is_new else None
        self._note("rings", popup=shown is not None, ani=shown.get("ani") if shown else None)

    def phone_in_hand(self) -> None:
        """It is lifted, or rings again: the screen shows a call rightly."""
        if self._doubt is not None and self._doubt.active():
            self._doubt.cancel()

    def phone_lifted(self) -> None:
        """The headset's button, or the agent's click."""
        self.click("answered")

    def phone_hung_up(self) -> None:
        self._popup_is_new = False
        self.phone_in_hand()
        self._doubt = self._clock.callLater(STILL_TALKING_S, self._still_talking, len(self.popups))

    def _still_talking(self, popups: int) -> None:
        """Unless the next call has come up since; what was added to this one's pop-up makes no other."""
        if self.state.get("line") == "talking" and len(self.popups) == popups:
            self.click("call_ended")
