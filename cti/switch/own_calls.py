"""Calls that agents make from the screen behind a PBX: an idle VRU port rings the agent's telephone, and when it is
lifted puts the agent through to the number, as a caller is put through to an agent (step 7).

The agent's line counts as talking from the wish on, so that no caller of the queue is promised to it. It is free again
when the call comes to nothing; by the PBX's record of a call between the two; by the agent's word (ready, call ended);
or after OWN_S, since most PBXs print no such records: should the telephone be in use still, the next transfer finds it
busy, and the caller keeps the place.

Every call that an agent makes is in the records (cti.records.row: kind outward or internal): those made here, and those
dialled at the telephone that the PBX prints. A record of one that was made here tells its length.

A number outside (cti.switch.pbx_outside) is called in the same way, but the agent is put through as soon as it rings
there, or anything else is heard but busy and refusal, and hears how it goes. Whether somebody answered only the PBX's
record tells; without one the row says that it is not known.

What came of it is told to the desk that asked (notification `verb`), and said to the agent who holds the handset.

Limits: LIFT_S until the agent has lifted, RING_S for whom is called, TRIES ports where a caller comes in that moment,
OWN_S as above, a number outside within behind_pbx.ROUTED_S. All ports in use: refused, NoTrunk.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from cti.acd.agent import Agent
from cti.call import Source
from cti.records.outcome import Outcome
from cti.switch.errors import NoTrunk, UnderWay, WrongState
from cti.switch.interface import Caller, Transfer, TransferResult
from cti.vru.feature_code import Dialled
from drivers.errors import CallEnded, EngineError
from drivers.problems import is_a, report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cti.centre import Centre
    from cti.pbx.smdr import SmdrRecord
    from cti.switch.behind_pbx import BehindPbx
    from cti.vru.line import VruLine
    from drivers.clock import DelayedCall

LIFT_S: Final = 20.0
RING_S: Final = 30.0
OWN_S: Final = 300.0
TRIES: Final = 2
# So many that are over by the agent's word wait for the PBX's record, so long.
ENDED: Final = 64
RECORD_S: Final = 120.0
OUTCOMES: Final[dict[str, Outcome]] = {
    "busy": "busy",
    "no_answer": "no_answer",
    "not_lifted": "given_up",
    "caller_lost": "given_up",
}
NOT_KNOWN: Final = "whether somebody answered is not known"
SAID: Final = {Transfer.BUSY: "own_call_busy", Transfer.NO_ANSWER: "own_call_no_answer"}


@dataclass(slots=True, eq=False)
class OwnCall:
    """One of them, until the agent's line is free again."""

    agent: Agent
    extension: str
    to: str
    id: str  # of its record
    dialled: str = ""  # of a number outside: all digits
    timer: DelayedCall | None = None
    through: bool = False
    began_s: float = 0.0  # put through
    talked_s: float | None = None  # by the PBX's record

    def is_printed(self, extension: str, number: str) -> bool:
        """Is a record of these about it? A number outside stands there as it was dialled, or without its code."""
        if not self.dialled:
            return {self.extension, self.to} == {extension, number}
        return extension == self.extension and number in (self.to, self.dialled.replace(",", ""))


class OwnCalls:
    """Of one centre; ``lines``: the VRU's ports."""

    def __init__(self, centre: Centre, switch: BehindPbx, lines: Callable[[], Sequence[VruLine]]) -> None:
        self._centre, self._switch, self._lines = centre, switch, lines
        self._calls: dict[str, OwnCall] = {}  # by agent
        self._ended: deque[tuple[float, OwnCall, float]] = deque(maxlen=ENDED)  # without a record yet
        self._own_numbers = {port.extension for port in centre.site.vru.all_ports()}

    def make(self, agent: Agent, to: str, dialled: str = "") -> None:
        """Begins it; ``dialled``: what is dialled for a number outside. WrongState, UnderWay, NoTrunk: then nothing was
        begun."""
        if agent.id in self._calls:
            raise UnderWay(f"a call from telephone {agent.extension} is being made already")
        if agent.line != "idle":
            raise WrongState(f"telephone {agent.extension} is in use")
        line = self._idle()
        if line is None:
            raise NoTrunk("no VRU port is idle to make the call: dial it on the telephone")
        assert agent.extension is not None
        own = self._calls[agent.id] = OwnCall(agent, agent.extension, to, self._centre.records.new_call_id(), dialled)
        kind = "outward" if dialled else "internal"
        self._write(own.id, agent.id, "own", "desk", kind=kind, to=to, extension=agent.extension)
        self._centre.acd.line(agent, "talking", "own_call", source="desk")
        made = Deferred.fromCoroutine(self._make(own, line))
        made.addErrback(self._failed, own)

    def look(self, agent: Agent) -> None:
        """The agent's line is free by the agent's word, or has a caller: the own call that was put through is over."""
        own = self._calls.get(agent.id)
        if own is not None and own.timer is not None and (agent.line != "talking" or agent.call is not None):
            self._over(own, agent.cause)

    def record(self, record: SmdrRecord, began: datetime | None) -> None:
        """The PBX has printed a call that is over, and is no caller's: of an agent, or of nobody we know. ``began``:
        by the PBX's word."""
        extension, number = record.extension or "", record.number or ""
        for own in list(self._calls.values()):
            if own.timer is not None and own.is_printed(extension, number):
                self._settle(own, record, began)
                return
        now = self._centre.clock.seconds()
        for ended in self._ended:
            over_s, own, measured_s = ended
            if own.is_printed(extension, number) and now - over_s <= RECORD_S:
                self._ended.remove(ended)
                told = {"raw": record.raw, "talk_s": record.duration_s, "instead_of": measured_s}
                self._write(own.id, own.agent.id, "smdr", "smdr", **(told if not own.dialled else {"raw": record.raw}))
                if own.dialled:
                    self._write_talk(own.id, own.agent.id, record, began)
                return
        agent = self._centre.acd.at_extension(extension)
        outward = record.direction == "out"
        if agent is None or not number or record.doubt is not None or number in self._own_numbers:
            return
        if outward or record.direction == "internal":
            self._printed(agent, record, "outward" if outward else "internal", began)

    def _settle(self, own: OwnCall, record: SmdrRecord, began: datetime | None) -> None:
        """The record of one that was put through."""
        own.talked_s = record.duration_s
        if own.dialled:
            self._over(own, *self._write_talk(own.id, own.agent.id, record, began))
        else:
            self._over(own, "smdr")

    def _printed(self, agent: Agent, record: SmdrRecord, kind: str, began: datetime | None) -> None:
        """A call that was dialled at the telephone."""
        id = self._centre.records.new_call_id()
        began = began or self._centre.clock.now() - timedelta(seconds=record.duration_s or 0.0)
        self._write(id, agent.id, "own", "smdr", began, kind=kind, to=record.number, extension=record.extension)
        cause, outcome = self._write_talk(id, agent.id, record, began)
        self._write(id, agent.id, "outcome", "smdr", outcome=outcome, cause=cause)
        self._write(id, agent.id, "ended", "smdr")

    def _write_talk(self, id: str, agent: str, record: SmdrRecord, began: datetime | None) -> tuple[str, Outcome]:
        """The talk as the PBX measured it, and how the call ended: whether somebody answered, not every PBX says."""
        talked = bool(record.duration_s) and record.answered is not False
        if talked:
            self._write(id, agent, "connected", "smdr", began, extension=record.extension)
            self._write(id, agent, "talk_ended", "smdr", seconds=record.duration_s)
        cause = "smdr" if record.answered is not None else f"smdr: {NOT_KNOWN}"
        return cause, "answered" if talked else "no_answer"

    def close(self) -> None:
        """The server stops."""
        for own in list(self._calls.values()):
            self._over(own, "the server stops", "answered" if own.through else "failed")

    # within

    def _idle(self) -> VruLine | None:
        """Callers come to the first ports first."""
        return next((line for line in reversed(self._lines()) if line.state == "idle"), None)

    async def _make(self, own: OwnCall, line: VruLine | None) -> None:
        results: list[TransferResult] = []
        called = Dialled("no_dial_tone", "no port is idle")
        for _ in range(TRIES):
            if line is None:
                break
            called = await line.errand(lambda line=line: self._through(own, line, results))  # type: ignore[misc]
            if called.outcome != "no_dial_tone":
                break
            line = self._idle()
        if results and results[0].caller is Caller.WITH_AGENT:
            self._tell(own, "done", results[0].how)
            told = "put_out" if own.dialled else "connected"
            self._write(own.id, own.agent.id, told, "vru", extension=own.extension, how=results[0].how)
            own.through, own.began_s = True, self._centre.clock.seconds()
            own.timer = self._centre.clock.callLater(OWN_S, self._over, own, "own_call_limit")
            return
        outcome = results[0].outcome.value if results else "not_lifted" if called.outcome == "refused" else "failed"
        self._tell(own, outcome, results[0].how if results else called.how)
        self._over(own, "own_call_failed", OUTCOMES.get(outcome, "failed"))

    async def _through(self, own: OwnCall, line: VruLine, results: list[TransferResult]) -> Dialled:
        """On one port: the agent, then the number."""
        port = line.port
        called = await self._switch.call(port, own.extension, LIFT_S)
        if not called.done:
            return called
        result = await (
            self._switch.put_out(port, own.dialled)
            if own.dialled
            else self._switch.transfer(port, own.to, RING_S, lambda: None)
        )
        results.append(result)
        if result.caller is Caller.WITH_US:
            centre = self._centre
            try:
                text = SAID.get(result.outcome, "own_call_failed")
                await port.play(*centre.prompts.say(text, centre.site.site.language))
            except (CallEnded, EngineError):
                pass  # the agent has hung up
        return called

    def _tell(self, own: OwnCall, result: str, how: str) -> None:
        data: dict[str, Any] = {"verb": "make", "to": own.to, "result": result, "how": how}
        self._centre.event(None, "verb", "switch", agent=own.agent.id, device=own.extension, by="vru", **data)
        self._centre.desks.notify(own.agent.id, "verb", data)

    def _over(self, own: OwnCall, cause: str, outcome: Outcome = "answered") -> None:
        """The agent's line is free, unless something else is on it by now."""
        if self._calls.pop(own.agent.id, None) is None:
            return
        if own.through and own.talked_s is None:
            measured_s = round(self._centre.clock.seconds() - own.began_s, 3)
            self._ended.append((self._centre.clock.seconds(), own, measured_s))
        if own.through and not own.dialled:
            told: dict[str, Any] = {"seconds": own.talked_s} if own.talked_s is not None else {}
            self._write(own.id, own.agent.id, "talk_ended", "smdr" if told else "inferred", **told)
        if own.through and own.dialled and own.talked_s is None:
            cause = f"{cause}: {NOT_KNOWN}"
        self._write(own.id, own.agent.id, "outcome", "inferred", outcome=outcome, cause=cause)
        self._write(own.id, own.agent.id, "ended", "inferred")
        if own.timer is not None and own.timer.active():
            own.timer.cancel()
        agent = own.agent
        if agent.call is None and agent.line == "talking":
            self._centre.acd.line(agent, "idle", cause, source="smdr" if cause.startswith("smdr") else "inferred")

    def _failed(self, failure: Failure, own: OwnCall) -> None:
        if not is_a(failure, CancelledError):  # the server stops
            report(f"call from {own.extension} to {own.to}", failure)
        self._over(own, "own_call_failed", "failed")

    def _write(
        self, id: str, agent: str, what: str, source: Source, at: datetime | None = None, /, **data: Any
    ) -> None:
        self._centre.records.event(id, what, source, agent=agent, t=at, **data)
