"""An agent as three separate truths: what the agent declared, what the line does, and what work is owed (steps 6-9).

- declared: logged off, ready, or not ready with a reason. Only the agent's word changes it, with two exceptions that
  have names: too many missed calls (reason no_answer, off by default) and a desk that stayed away (logout).
- line: idle, reserved (promised a call that does not ring yet), ringing, talking, unknown. Only the switch, the PBX's
  record, the desk's word about a call, or a time limit changes it.
- work: none, or wrap-up owed after a call.

Tables, limits and causes are in cti/acd/truths.py. Pure: needs a clock only; no I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from cti.acd.truths import AVAILABLE, DECLARED, LINE, WORK, Limits
from cti.machine import Machine

if TYPE_CHECKING:
    from drivers.clock import Clock, DelayedCall


class Profile(Protocol):
    """What the site file says of an agent."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def groups(self) -> Sequence[str]: ...
    @property
    def extension(self) -> str | None: ...


class Host(Protocol):
    """Who has to hear of an agent (the Acd). What it is told within a turn it acts on when the turn is over, when the
    agent's state is complete."""

    def turn(self) -> AbstractContextManager[None]:
        """One indivisible change, begun by a time limit."""
        ...

    def changed(self, agent: Agent, cause: str, source: str) -> None:
        """One of the three truths changed."""

    def offer_expired(self, agent: Agent, call: str, cause: str) -> None:
        """A reserved or ringing agent was let go by a time limit; the caller needs another one."""

    def talk_ended(self, agent: Agent, call: str, cause: str, source: str) -> None:
        """A conversation with one of our callers is over, by whatever evidence."""

    def ask(self, agent: Agent) -> None:
        """Ask the desk whether the call goes on."""


class Agent:
    """One agent. Events are methods; each returns whether it changed anything."""

    __slots__ = (
        "_clock", "_declared", "_doubt_cause", "_doubt_s", "_host", "_limits", "_line", "_line_timer", "_ring_s",
        "_work", "_work_timer", "_wrap_up_s", "call", "cause", "extension", "group_names", "home", "id", "misses",
        "name", "rank", "reason", "since_s", "spoke_s", "tallied",
    )  # fmt: skip

    def __init__(self, clock: Clock, profile: Profile, limits: Limits, host: Host) -> None:
        self.id = profile.id
        self.name = profile.name
        self.group_names = tuple(profile.groups)
        self.home = profile.extension  # the extension of a log-in that names none
        self.extension = profile.extension
        self.reason = ""  # why not ready, in the agent's or our word
        self.call: str | None = None  # our call that is promised, rings, is talked on, or whose record is overdue
        self.cause = ""  # of the latest change
        self.since_s = clock.seconds()  # of the latest change
        self.spoke_s = clock.seconds()  # when the agent last said something of these, at a desk or at a telephone
        self.misses = 0  # unanswered calls in a row
        self.rank = 0  # order among the idle ones, the lowest has waited longest, 0: none; set by the Acd
        self.tallied = ("logged_off", "idle", "none")
        self._clock = clock
        self._limits = limits
        self._host = host
        self._declared = Machine(DECLARED, name=self.id)
        self._line = Machine(LINE, actions=self, name=self.id)
        self._work = Machine(WORK, name=self.id)
        self._line_timer: DelayedCall | None = None
        self._work_timer: DelayedCall | None = None
        self._ring_s = 0.0
        self._wrap_up_s = 0.0
        self._doubt_s = limits.rest_s
        self._doubt_cause = ""

    def __repr__(self) -> str:
        return f"<Agent {self.id} {self.declared} {self.line} {self.work}>"

    @property
    def declared(self) -> str:
        """logged_off, ready or not_ready."""
        return self._declared.state

    @property
    def line(self) -> str:
        """idle, reserved, ringing, talking or unknown."""
        return self._line.state

    @property
    def work(self) -> str:
        """none or wrap_up."""
        return self._work.state

    @property
    def truths(self) -> tuple[str, str, str]:
        """(declared, line, work)."""
        return self._declared.state, self._line.state, self._work.state

    @property
    def available(self) -> bool:
        """Whether a caller may be promised to this agent."""
        return self.truths == AVAILABLE

    def snapshot(self) -> dict[str, object]:
        """The state as desks, records and screens show it."""
        return {
            "agent": self.id,
            "extension": self.extension,
            "declared": self.declared,
            "reason": self.reason,
            "line": self.line,
            "work": self.work,
            "call": self.call,
            "cause": self.cause,
        }

    # What the agent says

    def login(self, extension: str | None) -> bool:
        """Log in, or in again from another desk (the declaration is kept then)."""
        if self.declared == "logged_off":
            self.reason = "login"
            self.misses = 0
        self.extension = extension
        self._declared.send("login")
        self.spoke_s = self._clock.seconds()
        return self._changed("login", "desk")

    def logout(self, cause: str = "logout", source: str = "desk") -> bool:
        """Log out. A call goes on; work owed is forgiven."""
        self._declared.send("logout")
        self.spoke_s = self._clock.seconds()
        self._finish_work()
        self.reason = cause
        return self._changed(cause, source)

    def ready(self) -> bool:
        """Ready for calls. Said while talking, it is the desk's word that the call is over and no wrap-up is needed.

        Raises IllegalEvent when logged off."""
        self._declared.send("ready")
        self.spoke_s = self._clock.seconds()
        self.reason = ""
        self.misses = 0
        self._finish_work()
        if self._limits.line_is_known or not self.clear("ready", source="desk", wrap_up=False):
            self._changed("ready", "desk")
        return True

    def not_ready(self, reason: str, source: str = "desk") -> bool:
        """No more calls, for this reason; what is on the line goes on. Raises IllegalEvent when logged off."""
        self._declared.send("not_ready")
        self.spoke_s = self._clock.seconds()
        self.reason = reason
        return self._changed("not_ready", source)

    def wrap_up_done(self, cause: str = "wrap_up_done", source: str = "desk") -> bool:
        """The work after the call is done."""
        return self._finish_work() and self._changed(cause, source)

    def still_talking(self) -> bool:
        """The desk's answer when asked: a new talk_s begins."""
        return self.line == "unknown" and self.seize("still_talking", "desk")

    # What the Acd and the switch say

    def reserve(self, call: str, ring_s: float, wrap_up_s: float) -> None:
        """Promise a caller to this agent. Raises IllegalEvent unless the line is idle."""
        self._ring_s, self._wrap_up_s = ring_s, wrap_up_s
        self._line.send("reserve")
        self.call = call
        self._changed("offer", "acd")

    def rings_for(self, ring_s: float) -> None:
        """The telephone of this offer takes so long to be rung."""
        self._ring_s = ring_s

    def ring(self, cause: str = "switch", source: str = "port") -> bool:
        """The telephone rings with the promised caller."""
        if self.line != "reserved":
            return False
        self._line.send("ring")
        return self._changed(cause, source)

    def answer(self, call: str, wrap_up_s: float, source: str) -> None:
        """The agent talks with this caller. Raises IllegalEvent when talking already: clear first."""
        self._line.send("answer")
        self.call, self._wrap_up_s, self.misses = call, wrap_up_s, 0
        self._changed("answered", source)

    def withdraw(self, cause: str, source: str = "acd") -> bool:
        """The promised caller goes elsewhere; the agent is idle again."""
        if self.line not in ("reserved", "ringing"):
            return False
        self._line.send("withdraw")
        self.call = None
        return self._changed(cause, source)

    def missed(self, source: str = "port") -> bool:
        """Ring no answer: idle again, or not ready after Limits.misses of them. Never logged out."""
        if self.line not in ("reserved", "ringing"):
            return False
        self._line.send("withdraw")
        self.call = None
        self._count_miss()
        return self._changed("no_answer", source)

    def doubt(self, cause: str, source: str = "port") -> bool:
        """The extension was busy, or could not be reached: nothing is known of it for busy_s or rest_s."""
        if self.line not in ("reserved", "ringing"):
            return False
        busy = cause == "busy"
        self._doubt_s = self._limits.busy_s if busy else self._limits.rest_s
        self._doubt_cause = "busy_over" if busy else "rest_over"
        self._line.send("doubt")
        self.call = None
        return self._changed(cause, source)

    def seize(self, cause: str, source: str) -> bool:
        """The line talks, on a call that is not ours or on the one that was asked about."""
        if not self._line.can("seize"):
            return False
        self._line.send("seize")
        return self._changed(cause, source)

    def clear(self, cause: str, source: str, *, wrap_up: bool = True) -> bool:
        """The call on the line is over; with wrap_up the group's wrap-up is owed after a call of ours."""
        if not self._line.can("clear"):
            return False
        self._line.send("clear")
        self._after_talk(cause, source, wrap_up)
        return True

    def close(self) -> None:
        """Forget the time limits (the server stops)."""
        self.unwatch()
        self._finish_work()

    # Actions of the line's table

    def watch(self) -> None:
        """Start the limit of the state just entered."""
        self.unwatch()
        limits = self._limits
        if limits.line_is_known and self.line == "talking":
            return
        seconds = {
            "reserved": limits.reserve_s,
            "ringing": self._ring_s + limits.ring_spare_s,
            "talking": limits.talk_s,
            "unknown": self._doubt_s,
        }[self.line]
        self._line_timer = self._clock.callLater(seconds, self._expire)

    def unwatch(self) -> None:
        """The state has no limit any more."""
        if self._line_timer is not None:
            self._line_timer.cancel()
            self._line_timer = None

    def ask(self) -> None:
        """A call record is overdue: the desk is asked."""
        self._host.ask(self)

    # Within

    def _changed(self, cause: str, source: str) -> bool:
        self.cause = cause
        self.since_s = self._clock.seconds()
        self._host.changed(self, cause, source)
        return True

    def _count_miss(self) -> None:
        self.misses += 1
        if self._limits.misses is not None and self.misses >= self._limits.misses and self.declared == "ready":
            self._declared.send("not_ready")
            self.reason = "no_answer"

    def _after_talk(self, cause: str, source: str, wrap_up: bool) -> None:
        call, self.call = self.call, None
        if call is not None and wrap_up and self._wrap_up_s > 0 and self.declared != "logged_off":
            self._owe_wrap_up(self._wrap_up_s)
        self._changed(cause, source)
        if call is not None:
            self._host.talk_ended(self, call, cause, source)

    def _owe_wrap_up(self, seconds: float) -> None:
        """Owed until its own deadline: a later call can move it back, nothing moves it forward."""
        self._work.send("owe")
        if self._work_timer is not None:
            seconds = max(seconds, self._work_timer.getTime() - self._clock.seconds())
            self._work_timer.cancel()
        self._work_timer = self._clock.callLater(seconds, self._wrap_up_over)

    def _finish_work(self) -> bool:
        if self._work_timer is not None:
            self._work_timer.cancel()
            self._work_timer = None
        owed = self.work == "wrap_up"
        self._work.send("done")
        return owed

    def _wrap_up_over(self) -> None:
        self._work_timer = None
        with self._host.turn():
            self.wrap_up_done("wrap_up_over", "acd")

    def _expire(self) -> None:
        """A limit of the line was reached; see cti/acd/truths.py."""
        self._line_timer = None
        state, call = self.line, self.call
        with self._host.turn():
            if state == "reserved":
                self._doubt_s, self._doubt_cause = self._limits.rest_s, "rest_over"
            elif state == "talking":
                self._doubt_s, self._doubt_cause = self._limits.ask_s, "talk_limit"
            if state in ("reserved", "ringing"):
                self.call = None
            self._line.send("expire")
            if state == "unknown":
                self._after_talk(self._doubt_cause, "inferred", wrap_up=False)
            elif state == "talking":
                self._changed("talk_limit", "inferred")
            else:
                if state == "ringing":
                    self._count_miss()
                cause = "reserve_timeout" if state == "reserved" else "ring_timeout"
                self._changed(cause, "inferred")
                if call is not None:
                    self._host.offer_expired(self, call, cause)
