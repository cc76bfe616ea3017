"""Agents without a PC (step 8's poor relation): from any telephone they dial a service port, type number and PIN, and
sign in and out, ready and not ready (签入, 签出, 示闲, 示忙).

A service port is a VRU port that the site file marks `use: agents`; it takes no callers. The telephone that calls is
the agent's extension from then on (free seating): the PBX's message or in-band caller ID names it, else the agent's own
extension of the site file, else it is asked for. What an agent may press goes ahead of the prompts, so that
number, PIN and command can be one entry of the telephone's speed dial: 1001#4711#3.

Limits: NUMBER_S a message or caller ID is waited for, SAID_S a message waits for its ring, DIGIT_S for a first key,
GAP_S between keys, TRIES wrong entries and ROUNDS commands in one call, then it is hung up on. PINs are checked in
cti.desk.pins. What was changed is told when it is safe in the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cti.acd.agent import Agent
from cti.acd.centre import Acd
from cti.desk.passwords import Checker
from cti.desk.pins import Pins, Profile
from cti.desk.seated import Seat, Seated
from cti.errors import ExtensionTaken, UnknownSeat
from cti.machine import IllegalEvent
from cti.pbx.announcement import Announcement
from cti.vru.flow import Language
from cti.vru.line import VruLine
from cti.vru.prompts import Prompts
from drivers.callerid import decode
from drivers.clock import Clock, DelayedCall
from drivers.errors import CallerIdError
from drivers.events import CallerId
from drivers.items import PlayItem
from drivers.scope import CallScope
from drivers.tones import TonePlan
from drivers.words import alarm_words

NUMBER_S = 2.0
SAID_S = 10.0
DIGIT_S = 8.0
GAP_S = 4.0
TRIES = 3
ROUNDS = 10
# Numbers of outside lines are no telephones of ours.
EXTENSION_MAX = 6
REASONS = {"1": "break", "2": "meal", "3": "training", "4": "meeting"}
"""Key -> reason of being not ready; spoken as reason_break ..., which a flow's texts may replace."""


@dataclass(eq=False)
class Visit:
    """One call to a service port."""

    line: VruLine
    scope: CallScope
    extension: str | None = None
    timer: DelayedCall | None = None
    wrong: int = 0
    agent: str | None = field(default=None)


class Telephones:
    """Owner of the service ports (cti.vru.line.LineOwner)."""

    def __init__(
        self,
        clock: Clock,
        agents: Iterable[Profile],
        acd: Acd,
        checker: Checker,
        prompts: Prompts,
        language: Language,
        tones: TonePlan,
        *,
        durable: Callable[[], Deferred[None]],
        kept: Path | None = None,
        on_alarm: Callable[[str, bool, str], None],
        on_failure: Callable[[Failure, str], None],
    ) -> None:
        """``kept``: the file of who is signed in at which telephone (cti.desk.seated)."""
        self.lines: list[VruLine] = []
        self.seated = Seated(clock, kept)
        self.pins = Pins(clock, agents, checker)
        self._clock, self._acd, self._prompts = clock, acd, prompts
        self._language: Language = language
        self._tones, self._durable, self._on_alarm, self._on_failure = tones, durable, on_alarm, on_failure
        self._visits: dict[VruLine, Visit] = {}
        self._said: dict[VruLine, tuple[str, float]] = {}  # a message that came before its ring, and when

    def start(self) -> None:
        """Every service port listens. Who was signed in by telephone when the server stopped is so again, not ready;
        unless there is no telephone any more by which to sign out."""
        for agent, seat in self.seated.read().items():
            if (self.lines or self._acd.seats) and self.pins.known(agent):
                self._comes_back(agent, seat)
        for line in self.lines:
            line.start()

    def _comes_back(self, agent: str, seat: Seat) -> None:
        try:
            self._acd.login(agent, seat.extension)
        except (ExtensionTaken, UnknownSeat):
            return
        self.seated.sits(agent, seat.extension, seat.since)

    def agent_changed(self, agent: Agent) -> None:
        """Who signs out at a PC, or sits elsewhere now, is not at the telephone any more."""
        self.seated.follow(agent.id, agent.extension if agent.declared != "logged_off" else None)

    def close(self) -> None:
        """Ends the calls that are up."""
        for visit in list(self._visits.values()):
            self._over(visit, "the server stops")
        for line in self.lines:
            line.stop()

    def pbx_says(self, message: Announcement) -> bool:
        """A message of the PBX; False: not for a service port."""
        line = next((one for one in self.lines if message.names(one)), None)
        if line is None:
            return False
        self._number(line, message.calling)
        return True

    # cti.vru.line.LineOwner

    def line_rings(self, line: VruLine) -> None:
        """Answered when it is known who calls, or NUMBER_S later."""
        scope = CallScope(self._clock, f"service port {line.extension}", self._failed(line))
        said, said_s = self._said.pop(line, ("", 0.0))
        known = said if self._clock.seconds() - said_s <= SAID_S else ""
        visit = self._visits[line] = Visit(line, scope, known or None)
        visit.timer = self._clock.callLater(0.0 if visit.extension else NUMBER_S, self._answer, visit)

    def line_stopped_ringing(self, line: VruLine) -> None:
        """Gave up before the answer."""
        self._said.pop(line, None)
        visit = self._visits.pop(line, None)
        if visit is not None and visit.timer is not None and visit.timer.active():
            visit.timer.cancel()

    def line_has_caller_id(self, line: VruLine, event: CallerId) -> None:
        """In-band caller ID."""
        if event.ok:
            try:
                self._number(line, decode(event.raw, event.form).number)
            except CallerIdError:
                return

    def line_lost_caller(self, line: VruLine, how: str) -> None:
        """Hung up: what was said until then stands."""
        visit = self._visits.get(line)
        if visit is not None:
            self._over(visit, how)

    def line_heard_digits(self, line: VruLine, digits: str) -> None:
        """Fast digits are a speed dial's: the menu has them."""

    def line_alarm(self, line: VruLine, alarms: tuple[str, ...]) -> None:
        """The card or the wire of a port is out of order, or in order again."""
        text = f"service port {line.port.name}, extension {line.extension}: " + (
            alarm_words(alarms) or "in order again"
        )
        self._on_alarm(f"line_{line.extension}", bool(alarms), text)

    # one call

    def _number(self, line: VruLine, number: str | None) -> None:
        if number is None or not number.isdigit() or len(number) > EXTENSION_MAX:
            return
        visit = self._visits.get(line)
        if visit is None:
            self._said[line] = number, self._clock.seconds()
            return
        visit.extension = number  # the latest: one that came before the ring may be of the call before, said again
        if visit.timer is not None and visit.timer.active():
            visit.timer.reset(0.0)

    def _answer(self, visit: Visit) -> None:
        line = visit.line
        line.take()
        line.port.begin_call()
        line.port.tone_plan(self._tones)
        line.port.detect("dtmf", "tones", duck=True)
        visit.scope.start(self._serve(visit), "serve")

    def _over(self, visit: Visit, why: str) -> None:
        if self._visits.get(visit.line) is not visit:
            return
        del self._visits[visit.line]
        if visit.timer is not None and visit.timer.active():
            visit.timer.cancel()
        visit.scope.cancel(why)
        if visit.line.state in ("busy", "alarm"):
            visit.line.free()

    def _failed(self, line: VruLine) -> Callable[[str, Failure], None]:
        def failed(name: str, failure: Failure) -> None:
            self._on_failure(failure, f"service port {line.extension}: {name}")
            visit = self._visits.get(line)
            if visit is not None:
                self._over(visit, repr(failure.value))

        return failed

    async def _serve(self, visit: Visit) -> None:
        await visit.line.port.answer()
        visit.line.watch(True)
        agent = visit.agent = await self._who(visit)
        if agent is not None:
            await self._commands(visit, agent)
        await visit.line.port.play(*self._say("service_goodbye"))
        self._over(visit, "served")

    async def _who(self, visit: Visit) -> str | None:
        """Number and PIN; None after TRIES wrong ones."""
        opening = self._say("service_greeting")
        for _ in range(TRIES):
            number = await self._digits(visit, [*opening, *self._say("service_number")], 32)
            pin = await self._digits(visit, self._say("service_pin"), 16)
            if number and await self.pins.right(number, pin):
                return number
            opening = self._say("service_wrong")
        await visit.line.port.play(*opening)
        return None

    async def _commands(self, visit: Visit, agent: str) -> None:
        said = self._state(agent)
        for _ in range(ROUNDS):
            key = await self._digits(visit, [*said, *self._say("service_menu")], 1)
            if not key:
                visit.wrong += 1
                said = []
            elif key in "1234":
                said = [*await self._do(visit, agent, key), *self._state(agent)]
            else:
                visit.wrong += 1
                said = self._say("invalid_key")
            if visit.wrong >= TRIES:
                return

    async def _do(self, visit: Visit, agent: str, key: str) -> list[PlayItem]:
        """One command; what is said before the new state."""
        acd = self._acd
        try:
            if key == "1":
                refused = await self._sign_in(visit, agent)
                if refused:
                    return self._say(refused)
            elif key == "2":
                acd.logout(agent, "logout", "desk")
            elif acd.agent(agent).declared == "logged_off":
                return self._say("service_sign_in_first")
            elif key == "3":
                acd.ready(agent)
            else:
                reason = await self._digits(visit, self._reasons(), 1)
                if reason not in REASONS:
                    return self._say("invalid_key")
                acd.not_ready(agent, REASONS[reason])
        except IllegalEvent:  # logged out elsewhere in between
            return self._say("service_sign_in_first")
        await self._durable()
        return []

    async def _sign_in(self, visit: Visit, agent: str) -> str | None:
        """Binds the telephone that calls, the agent's own, or the one that is typed; why not, or None."""
        extension = visit.extension or self._acd.agent(agent).home
        if extension is None:
            extension = await self._digits(visit, self._say("service_extension"), EXTENSION_MAX)
            if not extension:
                return "service_no_extension"
        try:
            self._acd.login(agent, extension)
        except ExtensionTaken:
            return "service_extension_taken"
        self.seated.sits(agent, extension)
        return None

    # speaking and listening

    def _say(self, text: str, /, **values: str | int) -> list[PlayItem]:
        return self._prompts.say(text, self._language, **values)

    def _state(self, agent: str) -> list[PlayItem]:
        found = self._acd.agent(agent)
        if found.declared == "logged_off":
            return self._say("service_signed_out")
        said = self._say("service_signed_in", extension=found.extension or "")
        return said + self._say("service_ready" if found.declared == "ready" else "service_not_ready")

    def _reasons(self) -> list[PlayItem]:
        return [item for key, name in REASONS.items() for item in self._say(f"reason_{name}", key=key)]

    async def _digits(self, visit: Visit, prompt: list[PlayItem], most: int) -> str:
        end = "" if most == 1 else "#"
        return (await visit.line.port.collect(most, DIGIT_S, GAP_S, end=end, prompt=prompt)).text
