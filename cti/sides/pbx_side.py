"""Behind a PBX: our ports are its extensions, it switches by hook flash, and tells by RS232 who calls and who is free.

Joins what only a site with a PBX has: who calls (cti.arrivals.callers), transfers (cti.switch.behind_pbx,
cti.sides.pbx_transfers), its records (cti.talks.settled), its lamps. Serves steps 1 to 4, 7 and 9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from twisted.internet.defer import Deferred

from cti.arrivals.callers import Callers
from cti.arrivals.numbers import Numbers
from cti.call import Call
from cti.errors import TipringError
from cti.pbx.dialect import Dialect
from cti.pbx.link import Opener, PbxLink
from cti.pbx.mci import lamp as mci_lamp
from cti.pbx.smdi import lamp
from cti.pbx.smdr import SmdrRecord
from cti.records.outcome import Outcome
from cti.sides.lamp_codes import LampCodes
from cti.sides.lamps import Lamps
from cti.sides.pbx_transfers import PbxTransfers
from cti.sides.port_calls import PortCalls
from cti.sides.side import Line, Record
from cti.site.config import VruPort
from cti.switch.behind_pbx import BehindPbx
from cti.switch.interface import Switch, TransferResult
from cti.switch.own_calls import OwnCalls
from cti.switch.pbx_verbs import PbxVerbs
from cti.talks.settled import Settled
from cti.talks.talks import Ambiguous, Match
from cti.vru.keys import STRING_S
from cti.vru.line import VruLine
from drivers.port import Port
from drivers.signalling.interface import Trunk

if TYPE_CHECKING:
    from cti.acd.agent import Agent
    from cti.centre import Centre


@dataclass(frozen=True, slots=True)
class SerialWire:
    """One RS232 line: how it is opened, its speed, its data bits and their parity."""

    opener: Opener
    baud: int = 9600
    bits: int = 8
    parity: Literal["none", "even", "odd"] = "none"


@dataclass(frozen=True, slots=True)
class Wiring:
    """What differs between real and simulated time: the ports and the serial lines."""

    ports: Sequence[tuple[VruPort, Port]]
    smdi: SerialWire | None
    smdr: SerialWire | None
    mci: SerialWire | None = None


class PbxSide:
    """See cti.sides.side.Side."""

    trunks: Sequence[Trunk] = ()
    gone_in_transfer: Outcome = "lost_in_transfer"

    def __init__(self, centre: Centre, dialect: Dialect, wiring: Wiring) -> None:
        self._centre = centre
        self.rules = dialect.line
        behind = BehindPbx(centre.clock, self.rules)
        self.switch: Switch = behind
        self.transfers = PbxTransfers(centre, self, self.rules)
        self.callers = Callers(centre, self, dialect, wiring)
        self.arrivals, self.smdi, self.mci = self.callers.arrivals, self.callers.smdi, self.callers.mci
        self.lines = self.callers.lines
        centre.telephones.lines = self.callers.lines_for("agents", centre.telephones)
        self.settled = Settled(centre, self, dialect, wiring.smdr)
        self.smdr, self.talks = self.settled.link, self.settled.talks
        self._port_calls = PortCalls(centre.clock, lambda: self.lines, self.arrivals.call_at)
        self.own_calls = OwnCalls(centre, behind, lambda: self.lines)
        self._verbs = PbxVerbs(centre, behind, dialect, self.own_calls, self.transfers)
        self.lamp_codes: LampCodes | None = None
        self.lamps = self._lamps(dialect)

    def _lamps(self, dialect: Dialect) -> Lamps:
        """By feature codes where the dialect has them, else over NEC's message line, else over SMDI, else none."""
        site, smdi, codes, strip = self._centre.site, self.smdi, self.rules.lamp, dialect.smdi.msd_strip
        mci, text = self.mci, dialect.mci.lamp
        kept = site.state / "lamps.json"
        if codes is not None:
            self.lamp_codes = LampCodes(self._centre.clock, codes, self.lines, self._centre.alarm)
            toggles = codes.on == codes.off
            return Lamps(site.groups, site.agents, self.lamp_codes.order, kept=kept, toggles=toggles)
        if mci is not None and text is not None:
            texts = partial(mci_lamp, rules=dialect.mci, how=text)
            return Lamps(site.groups, site.agents, lambda number, on: mci.write(texts(number, on), number), kept=kept)
        if smdi is None or not dialect.smdi.lamp:
            return Lamps(site.groups, site.agents, None)
        write = smdi.write
        return Lamps(site.groups, site.agents, lambda number, on: write(lamp(number, on, strip), number), kept=kept)

    # life

    def start(self) -> None:
        """Opens the serial lines; every port listens."""
        self.settled.start()
        self.callers.start()

    def stop(self) -> None:
        """Nothing waits any more."""
        self.own_calls.close()
        self.callers.stop()
        self.transfers.close()
        if self.lamp_codes is not None:
            self.lamp_codes.close()

    def close(self) -> None:
        """Calls that wait for their record are marked."""
        self.settled.close()
        if self.smdr is not None:
            self.smdr.stop()

    def flush(self) -> None:
        """Nothing is left."""

    def link_alarm(self, name: str) -> Callable[[str, bool, str], None]:
        """Who hears that a serial line is down, or silent, or back."""

        def changed(what: str, raised: bool, text: str) -> None:
            self._centre.set_alarm(f"{name}_{what}", raised, text)
            if name in ("smdi", "mci") and what == "down" and not raised:
                self.lamps.refresh()  # the PBX may have been off

        return changed

    # steps 1 to 4

    def learned(self, call: Call, numbers: Numbers) -> bool:
        """Which of several sources counts is in cti.arrivals.numbers."""
        return self.callers.numbers.apply(call, numbers)

    async def lifted(self, call: Call) -> bool:
        """Off-hook, and the caller's hang-up watched for."""
        line = call.line
        if not isinstance(line, VruLine):
            return False
        self._centre.prepare_port(line.port)
        await line.port.answer()
        if call.line is not line:
            return False
        line.watch(True)
        call.strings_until_s = self._centre.clock.seconds() + STRING_S
        await self.callers.listen_for_digits(call)
        return call.line is line

    # step 7

    async def gone(self, call: Call, agent: Agent) -> str:
        """By the PBX's record, or by silence where only silence tells, or by a busy tone that is still being heard out.
        The agent's number is told now, where the group wants that: after the flash nobody hears us, and until then a
        hang-up is noticed."""
        if self.settled.caller_left(call):
            return "smdr"
        if not await self.transfers.heard_lately(call):
            return "silence"
        group = self._centre.site.group(call.group or "")
        if group is not None and group.agent_number and agent.id.isdigit() and call.line is not None:
            await self._centre.attendant.say(call, "agent_number", agent=agent.id)
        if isinstance(call.line, VruLine):
            await call.line.supervision.clear()
        return "smdr" if self.settled.caller_left(call) else ""

    def completes_alone(self, call: Call, how: str) -> bool:
        """Our wire was cut."""
        return self.transfers.completes_alone(call, how)

    async def put_through(self, call: Call, agent: Agent) -> TransferResult | None:
        """By hook flash."""
        return await self.transfers.put_through(call, agent)

    def hopeless(self, call: Call) -> str:
        """No dial tone."""
        return self.transfers.hopeless(call)

    def failed(self, call: Call, agent: Agent, result: TransferResult) -> None:
        """Flash or dial tone do not suit."""
        self.transfers.failed(call, result)

    def ring_limit_s(self) -> float | None:
        """We give up before the PBX does."""
        return self.rules.no_answer_s

    # the call leaves us

    def left(self, call: Call, line: Line) -> None:
        """On-hook; the line guards itself and is idle again, but for one that takes no callers any more. The PBX's
        record will come."""
        assert isinstance(line, VruLine)
        here = self.arrivals.left(line, call)
        if here and line.state in ("busy", "alarm"):
            line.free(stay=call.turned_away)
        self.settled.left_port(line.extension, call, completes=call.state == "ended")

    def await_recall(self, call: Call) -> None:
        """The PBX may ring a port of ours again."""
        self.transfers.expect_recall(call)

    # step 9

    def talk_began(self, call: Call) -> Call | None:
        """From now on the PBX's record of the agent's extension is this call's."""
        assert call.extension is not None
        return self.talks.begin(call.extension, call)

    def talk_over(self, call: Call, cause: str) -> None:
        """By whatever evidence."""
        self.settled.talk_over(call, cause)

    def came_back(self, call: Call, extension: str) -> None:
        """By a recall."""
        self.talks.end(extension, call)

    def reached(self, agent: Agent, *, busy: bool) -> None:
        """Busy after a guess: the guess was wrong."""
        self.settled.reached(agent, busy=busy)

    def match(self, record: Record, alone: bool) -> Match | Ambiguous | None:
        """By interval, caller, trunk and length (cti.talks.talks)."""
        assert isinstance(record, SmdrRecord)
        return self.talks.match(record, alone, self.settled.believed)

    def settle(self, record: Record, match: Match | Ambiguous | None) -> None:
        """See cti.talks.settled."""
        assert isinstance(record, SmdrRecord)
        self.settled.settle(record, match)

    def forget(self, call: Call) -> None:
        """The call is over."""
        self.transfers.forget(call)

    # call control

    def verb(self, agent: str, verb: str, to: str | None) -> Mapping[str, Any]:
        """What we can do through our ports; else what the agent's telephone can."""
        return self._verbs.do(agent, verb, to)

    def agent_changed(self, agent: Agent, cause: str) -> None:
        """A call of the agent's own may be over by the agent's word."""
        self.own_calls.look(agent)

    def has_screen(self, agent: str) -> None:
        """Nothing is known of the telephone: the next transfer finds it busy, if it is."""

    # operations

    def unfinished(self) -> int:
        """No port of ours hears conversations."""
        return 0

    def open_talks(self) -> int:
        """Whose end no record has told yet."""
        return len(self.talks)

    def call_at(self, line: Line) -> Call | None:
        """From its first sign until it leaves the line."""
        return self.arrivals.call_at(line) if isinstance(line, VruLine) else None

    def status(self) -> Mapping[str, Any]:
        """The serial lines, and how slow the PBX's clock is."""
        links = [
            {
                "link": link.name,
                "state": link.machine.state,
                "bytes": link.bytes_in,
                "items": link.items,
                "unread": link.unread,
            }
            for link in self._links()
        ]
        return {"links": links, "pbx_clock_s": self.settled.pbx.offset_s}

    def links_up(self) -> Mapping[str, bool]:
        """Of the serial lines."""
        return {link.name: link.up for link in self._links()}

    def call_port(self, line: Line) -> Deferred[str]:
        """Through the PBX."""
        if not isinstance(line, VruLine) or line not in self.lines:
            raise TipringError(f"port {line.extension}: agents call it, not callers; dial it from a telephone")
        return self._port_calls.call(line)

    def telephone_lifted(self, extension: str, how: str) -> bool:
        """The PBX's record or the agent's PC."""
        return self.transfers.agent_lifted(extension, how)

    def _links(self) -> list[PbxLink[Any]]:
        return [link for link in (self.smdi, self.smdr, self.mci) if link is not None]
