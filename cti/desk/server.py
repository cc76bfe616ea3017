"""The desk server: agents log in, say what they are, and see who calls as the telephone is called (step 8).

One link carries one agent's session (cti/desk/session.py); the second log-in of an agent takes the session over and the
first desk is told. A method that changes the agent's state answers when the change is safe on the disk (durable), at
most DURABLE_S later. What one desk asks never delays another: passwords are checked elsewhere, records are asked
elsewhere, answers are written without waiting. docs/desk-protocol.md has every message.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from cti.desk import wire
from cti.desk.link import HEARTBEAT_S, DeskLink
from cti.desk.passwords import NOBODY, Checker, Delays, LoginBusy
from cti.desk.session import Session
from cti.errors import AcdError, DeskProtocolError, ExtensionTaken, OutsideError, SoundRefused, StoreError
from cti.machine import IllegalEvent
from cti.switch.errors import Unsupported, VerbRefused

if TYPE_CHECKING:
    from cti.operations.log import Log
    from cti.operations.metrics import Metrics
    from drivers.clock import Clock

GRACE_S = 120.0
LINKS = 3000
DURABLE_S = 5.0
PUBLIC = frozenset(("login", "resume", "ping"))
RETRY_S = 2.0


class Profile(Protocol):
    """What the site file says of an agent."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def groups(self) -> Any: ...


class AgentWords(Protocol):
    """What an agent may say (cti.acd.centre.Acd). agent is an id."""

    def login(self, agent: str, extension: str | None = None) -> None: ...
    def logout(self, agent: str, cause: str = "logout") -> None: ...
    def ready(self, agent: str) -> None: ...
    def not_ready(self, agent: str, reason: str) -> None: ...
    def wrap_up_done(self, agent: str) -> bool: ...
    def call_ended(self, agent: str) -> bool: ...
    def still_talking(self, agent: str) -> bool: ...
    def state(self, agent: str) -> dict[str, object]: ...
    def spoke_s(self, agent: str) -> float: ...


class History(Protocol):
    """What the records tell an agent; the newest first."""

    async def calls(self, agent: str, limit: int) -> list[dict[str, Any]]: ...
    async def messages(self, agent: str, limit: int) -> list[dict[str, Any]]: ...


class Sounds(Protocol):
    """The messages that callers left, piece by piece (cti.recordings.sounds)."""

    async def piece(self, agent: str, call: str, begin: int) -> dict[str, Any]:
        """SoundRefused: not for this agent, or not there."""
        ...


class DeskFactory(Factory):
    """To be listened with; `buildProtocol(None)` gives a protocol for a transport in memory."""

    noisy = False

    def __init__(self, server: DeskServer) -> None:
        self._server = server

    def buildProtocol(self, addr: IAddress | None) -> DeskLink:
        """A desk connects."""
        return DeskLink(self._server.clock, self._server)


class DeskServer:
    """All desks of a centre."""

    def __init__(
        self,
        clock: Clock,
        agents: Iterable[Profile],
        acd: AgentWords,
        checker: Checker,
        random_bytes: Callable[[int], bytes],
        *,
        history: History | None = None,
        sounds: Sounds | None = None,
        durable: Callable[[], Deferred[Any]] | None = None,
        metrics: Metrics | None = None,
        log: Log | None = None,
        grace_s: float = GRACE_S,
        links: int = LINKS,
    ) -> None:
        """random_bytes(n): tokens are made of it (os.urandom, or a seeded source in stepped runs). durable: fires when
        all events until now are on the disk. links: more connections are refused."""
        self.clock = clock
        self.factory = DeskFactory(self)
        self.sessions: dict[str, Session] = {}  # by agent
        self.telephone_lifted: Callable[[str], bool] = lambda agent: False  # told whose telephone is said to be lifted
        self.call_control: Callable[[str, str, str | None], Mapping[str, Any]] = _no_call_control  # agent, verb, target
        self.seated: Callable[[str], object] = lambda agent: None  # told who has a screen, after log-in and resume
        self.messages_seen: Callable[[str], object] = lambda agent: None  # told who asked for the list of messages
        self._tokens: dict[str, Session] = {}
        self._agents = {agent.id: agent for agent in agents}
        self._acd = acd
        self._checker = checker
        self._random_bytes = random_bytes
        self._history = history
        self._sounds = sounds
        self._durable = durable
        self._metrics = metrics
        self._log = log
        self._grace_s = grace_s
        self._max_links = links
        self._delays = Delays(clock)
        self._checking: set[tuple[str, str]] = set()
        self._links: set[DeskLink] = set()
        self._running: dict[Deferred[None], None] = {}

    # What the centre tells desks

    def notify(self, agent: str, method: str, params: Mapping[str, Any]) -> bool:
        """Tell an agent's desk. True: on its way; False: no desk now (messages and alarms are kept for its return)."""
        session = self.sessions.get(agent)
        if session is None:
            return False
        if len(wire.notification(method, params)) > wire.MAX_MESSAGE:
            params = _shortened(params)
        return session.tell(method, dict(params))

    def agent_changed(self, agent: str) -> None:
        """One of the agent's three truths changed."""
        if agent in self.sessions:
            self.notify(agent, "state", self._acd.state(agent))

    def ask(self, agent: str, call: str | None) -> None:
        """No call record came: is the agent still talking?"""
        self.notify(agent, "ask", {"what": "still_talking", "call": call})

    def broadcast(self, method: str, params: Mapping[str, Any], groups: Iterable[str] | None = None) -> int:
        """Tell all desks, or those of the groups; returns how many have it on the way."""
        wanted = None if groups is None else set(groups)
        told = 0
        for agent in list(self.sessions):
            if wanted is None or wanted & set(self._agents[agent].groups):
                told += self.notify(agent, method, params)
        return told

    def counts(self) -> dict[str, int]:
        """Sessions by the state of their link, for the metrics."""
        attached = sum(session.state == "attached" for session in self.sessions.values())
        return {"attached": attached, "adrift": len(self.sessions) - attached}

    def close(self) -> None:
        """The server stops: links are closed, sessions forgotten; agents stay as they are in the records."""
        for link in list(self._links):
            link.session = None
            link.cut()
        for running in list(self._running):
            running.cancel()
        for session in self.sessions.values():
            session.end()
        self.sessions.clear()
        self._tokens.clear()

    # What links tell (cti.desk.link.Owner)

    def link_made(self, link: DeskLink) -> bool:
        """A desk connects."""
        self._links.add(link)
        return len(self._links) <= self._max_links

    def link_lost(self, link: DeskLink) -> None:
        """A link is down; the session stays."""
        self._links.discard(link)
        session, link.session = link.session, None
        if session is not None:
            session.drop(link)

    def fault(self, link: DeskLink, reason: str) -> None:
        """Counted and logged."""
        if self._metrics is not None:
            self._metrics.desk_fault(reason)
        if self._log is not None:
            agent = link.session.agent if link.session is not None else None
            self._log.warning(f"desk link: {reason}", link="desk", address=link.address, agent=agent)

    def received(self, link: DeskLink, call: wire.Call) -> None:
        """A request, well formed."""
        if link.session is None and call.method not in PUBLIC:
            self._answer(link, call, wire.error(call.id, wire.NOT_LOGGED_IN, "log in first"))
            return
        link.pending += 1
        running = Deferred.fromCoroutine(self._run(link, call))
        self._running[running] = None

        def ended(result: Failure | None) -> None:
            self._running.pop(running, None)
            link.pending -= 1
            if isinstance(result, Failure) and not isinstance(result.value, CancelledError) and self._log is not None:
                self._log.failure(result, f"desk method {call.method}")

        running.addBoth(ended)

    # Within

    async def _run(self, link: DeskLink, call: wire.Call) -> None:
        """Answer one request; every way it can end has a code."""
        try:
            answer = wire.result(call.id, await self._method(link, call))
            if len(answer) > wire.MAX_MESSAGE:
                answer = wire.error(call.id, wire.UNSUPPORTED, "the answer would be too long: ask for less")
        except DeskProtocolError as error:
            answer = wire.error(call.id, error.code, str(error), error.data)
        except ExtensionTaken as error:
            answer = wire.error(call.id, wire.EXTENSION, str(error))
        except (IllegalEvent, AcdError, SoundRefused) as error:
            answer = wire.error(call.id, wire.NOT_POSSIBLE, str(error))
        except (OutsideError, StoreError) as error:
            answer = wire.error(call.id, wire.BUSY, str(error), {"retry_after_s": RETRY_S})
        except CancelledError:
            raise
        except Exception:
            self._answer(link, call, wire.error(call.id, wire.INTERNAL, "a fault of the server; see its log"))
            raise
        self._answer(link, call, answer)
        if call.method in ("login", "resume"):
            if link.session is not None:
                link.session.resend()
                self.seated(link.session.agent)
            else:
                link.login_refused()

    def _answer(self, link: DeskLink, call: wire.Call, message: bytes) -> None:
        if call.reply:
            link.send(message)

    def _method(self, link: DeskLink, call: wire.Call) -> Coroutine[Deferred[Any], Any, object]:
        params = call.params
        if isinstance(params, wire.Login):
            return self._login(link, params)
        if isinstance(params, wire.Resume):
            return self._resume(link, params)
        if call.method == "ping":
            return _at_once({})
        session = link.session
        assert session is not None
        agent = session.agent
        if isinstance(params, wire.Target):
            return self._verb(agent, call.method, params.to)
        if isinstance(params, wire.Limit):
            return self._rows(call.method, agent, params.limit)
        if isinstance(params, wire.Fetch):
            return self._sound(agent, params)
        if call.method == "state":
            return _at_once(self._acd.state(agent))
        if call.method == "logout":
            return self._logout(link, session)
        if isinstance(params, wire.NotReady):
            return self._said(agent, self._acd.not_ready, agent, params.reason)
        words: dict[str, Callable[[str], object]] = {
            "ready": self._acd.ready,
            "wrap_up_done": self._acd.wrap_up_done,
            "answered": self.telephone_lifted,
            "call_ended": self._acd.call_ended,
            "still_talking": self._acd.still_talking,
        }
        return self._said(agent, words[call.method], agent)

    async def _said(self, agent: str, word: Callable[..., object], *args: str) -> object:
        """The agent's word about itself: done, then safe on the disk, then answered with the state."""
        changed = word(*args)
        await self._recorded()
        return {"changed": changed is not False, "state": self._acd.state(agent)}

    async def _verb(self, agent: str, verb: str, to: str | None) -> object:
        """Call control: done at once, or refused and nothing was changed."""
        try:
            answer = self.call_control(agent, verb, to)
        except VerbRefused as refused:
            raise DeskProtocolError(wire.REFUSED, str(refused), {"error": refused.name, **refused.more}) from refused
        return {**answer, "state": self._acd.state(agent)}

    async def _rows(self, method: str, agent: str, limit: int) -> object:
        if self._history is None:
            raise DeskProtocolError(wire.UNSUPPORTED, "this site keeps no records for desks")
        if method == "calls":
            return {"calls": await self._history.calls(agent, limit)}
        rows = await self._history.messages(agent, limit)
        self.messages_seen(agent)
        return {"messages": rows}

    async def _sound(self, agent: str, params: wire.Fetch) -> object:
        if self._sounds is None:
            raise DeskProtocolError(wire.UNSUPPORTED, "this site keeps no messages for desks")
        return await self._sounds.piece(agent, params.call, params.begin)

    async def _login(self, link: DeskLink, params: wire.Login) -> object:
        if link.session is not None:
            raise DeskProtocolError(wire.NOT_POSSIBLE, "this link is logged in; log out first")
        link.logged_in()  # waiting for the check, or for the answer to a wrong password, is no idling
        await self._check_password(link, params)
        if not link.open:
            raise DeskProtocolError(wire.NOT_POSSIBLE, "the link is closing")
        if link.session is not None:
            raise DeskProtocolError(wire.NOT_POSSIBLE, "this link is logged in; log out first")
        self._acd.login(params.agent, params.extension)
        token = self._random_bytes(16).hex()
        session = self.sessions.get(params.agent)
        if session is None:
            session = Session(self.clock, params.agent, token, link, self._grace_s, self._expired)
            self.sessions[params.agent] = session
            self._count_login("ok")
        else:
            del self._tokens[session.token]
            session.token = token
            self._take_over(session, link)
        self._tokens[token] = session
        return await self._welcome(link, session)

    async def _resume(self, link: DeskLink, params: wire.Resume) -> object:
        session = self._tokens.get(params.token)
        if session is None:
            self.fault(link, "unknown_token")
            raise DeskProtocolError(wire.UNKNOWN_SESSION, "no such session (any more): log in")
        if link.session is not None:
            raise DeskProtocolError(wire.NOT_POSSIBLE, "this link is logged in; log out first")
        self._take_over(session, link)
        return await self._welcome(link, session)

    def _take_over(self, session: Session, link: DeskLink) -> None:
        old = session.attach(link)
        self._count_login("resumed" if old is None else "taken_over")
        if isinstance(old, DeskLink):
            old.session = None
            old.tell("taken_over", {"address": link.address})
            old.close()

    async def _welcome(self, link: DeskLink, session: Session) -> object:
        link.session = session
        link.logged_in()
        agent = self._agents[session.agent]
        try:
            await self._recorded()
        except DeskProtocolError as late:
            if self._log is not None:
                self._log.warning(f"log-in: {late}", link="desk", agent=agent.id)
        return {
            "token": session.token,
            "agent": {"id": agent.id, "name": agent.name, "groups": list(agent.groups)},
            "state": self._acd.state(agent.id),
            "popup": session.popup,
            "missed": session.missed,
            "heartbeat_s": HEARTBEAT_S,
            "grace_s": self._grace_s,
        }

    async def _check_password(self, link: DeskLink, params: wire.Login) -> None:
        key = (params.agent, link.address)
        left = self._delays.left_s(*key)
        if left > 0 or key in self._checking:
            self._count_login("delayed")
            link.tries += 1
            raise DeskProtocolError(
                wire.TOO_SOON, "wrong passwords before, or a try under way", {"retry_after_s": round(max(left, 0.1), 2)}
            )
        profile = self._agents.get(params.agent)
        self._checking.add(key)
        try:
            right = await self._checker.verify(profile.password if profile is not None else NOBODY, params.password)
        except LoginBusy as error:
            self._count_login("busy")
            raise DeskProtocolError(wire.BUSY, "many log in now, try again", {"retry_after_s": RETRY_S}) from error
        finally:
            self._checking.discard(key)
        if right and profile is not None:
            self._delays.right(*key)
            return
        delay = self._delays.wrong(*key)
        link.tries += 1
        self._count_login("wrong")
        if self._metrics is not None:
            self._metrics.wrong_password()
        if self._log is not None:
            self._log.warning("wrong password", link="desk", agent=params.agent, address=link.address, delay_s=delay)
        await self._sleep(delay)
        raise DeskProtocolError(wire.WRONG_PASSWORD, "agent or password wrong")

    async def _logout(self, link: DeskLink, session: Session) -> object:
        self._forget(session)
        session.end()
        link.session = None
        link.await_login()
        self._acd.logout(session.agent)
        await self._recorded()
        return {"state": self._acd.state(session.agent)}

    def _expired(self, session: Session) -> None:
        """Nobody came back within the grace. Who has signed in or said a word at a telephone meanwhile works there."""
        self._forget(session)
        if self._acd.spoke_s(session.agent) > session.dropped_s:
            return
        if self._log is not None:
            self._log.warning("desk stayed away: logged out", link="desk", agent=session.agent)
        self._acd.logout(session.agent, "desk_lost")

    def _forget(self, session: Session) -> None:
        self.sessions.pop(session.agent, None)
        self._tokens.pop(session.token, None)

    async def _recorded(self) -> None:
        """All events until now are on the disk. Raises NOT_RECORDED after DURABLE_S."""
        if self._durable is None:
            return
        done = self._durable()
        if done.called:
            await done
            return
        timer = self.clock.callLater(DURABLE_S, done.cancel)
        try:
            await done
        except CancelledError as error:
            if timer.active():
                raise
            raise DeskProtocolError(wire.NOT_RECORDED, "done, but the disk is late") from error
        finally:
            if timer.active():
                timer.cancel()

    async def _sleep(self, seconds: float) -> None:
        waiting: Deferred[None] = Deferred()
        timer = self.clock.callLater(seconds, waiting.callback, None)
        try:
            await waiting
        finally:
            if timer.active():
                timer.cancel()

    def _count_login(self, result: str) -> None:
        if self._metrics is not None:
            self._metrics.desk_login(result)


def _no_call_control(agent: str, verb: str, to: str | None) -> Mapping[str, Any]:
    raise Unsupported(f"{verb}: nothing here can do that")


async def _at_once(value: object) -> object:
    return value


def _shortened(params: Mapping[str, Any]) -> dict[str, Any]:
    """Too long for one message: long texts are cut, long lists are left out; what identifies the call stays."""
    short: dict[str, Any] = {"shortened": True}
    for key, value in params.items():
        if isinstance(value, str):
            short[key] = value[:1000]
        elif len(wire.notification("", value)) <= 4096:
            short[key] = value
    return short
