"""What stands between the callers and the VRU: a PBX, or our own cards. All that differs between the two topologies.

The centre has one side and asks it, wherever the steps of a call depend on who switches: how a line is answered, how a
caller is put through, what the record of a talk is, how the line is left. `cti.sides.pbx_side` is the side of a PBX
(SMDI, hook flash, SMDR), `cti.sides.card_side` that of the cards in this PC (trunks, seats, bridge). Serves steps 1 to
4, 7 and 9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from cti.acd.agent import Agent
    from cti.arrivals.numbers import Numbers
    from cti.call import Call
    from cti.pbx.smdr import SmdrRecord
    from cti.records.outcome import Outcome
    from cti.sides.lamps import Lamps
    from cti.switch.interface import Switch, TransferResult
    from cti.switch.record import TalkRecord
    from cti.talks.talks import Ambiguous, Match
    from drivers.port import Port
    from drivers.signalling.interface import Trunk

Record: TypeAlias = "SmdrRecord | TalkRecord"
"""What tells that a call is complete: the PBX's line of text, or our own switch's word."""


class Line(Protocol):
    """Where a call stands in front of the VRU: an extension of the PBX, or a channel of a trunk."""

    @property
    def port(self) -> Port: ...
    @property
    def extension(self) -> str:
        """What people call it: the extension of the PBX, or trunk and channel (``office/3``)."""
        ...

    @property
    def desk(self) -> int | None:
        """The PBX's message desk; None on a trunk."""
        ...

    @property
    def line(self) -> int | None: ...
    @property
    def state(self) -> str:
        """idle, ringing, busy, guard, alarm, blocked ... (cti.vru.line.LINE)."""
        ...

    @property
    def block_wanted(self) -> bool: ...

    def take(self) -> None:
        """The call on it is answered by us."""
        ...

    def watch(self, on: bool) -> None:
        """Watches for the caller's hang-up, or not."""
        ...

    def block(self) -> bool:
        """Out of service, now or after its call; True: now."""
        ...

    def unblock(self) -> None: ...


class Side(Protocol):
    """One of the two topologies, as the centre sees it."""

    gone_in_transfer: Outcome
    """What it is called when the caller hangs up while an agent's telephone is being called."""

    @property
    def switch(self) -> Switch: ...
    @property
    def lines(self) -> Sequence[Line]:
        """Where callers come to."""
        ...

    @property
    def trunks(self) -> Sequence[Trunk]:
        """Lines of the office that end on our own cards; none behind a PBX."""
        ...

    @property
    def lamps(self) -> Lamps: ...
    def start(self) -> None: ...

    def stop(self) -> None:
        """No new calls; the centre's calls have their end already."""
        ...

    def close(self) -> None:
        """What still waited for a word about ended calls is marked in the records."""
        ...

    def flush(self) -> None:
        """What waits to be written is, as far as it is known: the journal closes."""
        ...

    # steps 1 to 4: who calls

    def learned(self, call: Call, numbers: Numbers) -> bool:
        """A source names caller or called number; True: the call's numbers changed."""
        ...

    # the VRU's part

    async def lifted(self, call: Call) -> bool:
        """Answers the line, and has everything ready to speak; False: the call is not there any more."""
        ...

    async def gone(self, call: Call, agent: Agent) -> str:
        """Just before this agent is called, of whom the caller may be told: how the caller has left without our
        noticing; empty: is there."""
        ...

    def completes_alone(self, call: Call, how: str) -> bool:
        """The line fell away in the middle of a transfer: does the switch complete it? Then the side has said so."""
        ...

    # step 7: put through

    async def put_through(self, call: Call, agent: Agent) -> TransferResult | None:
        """The transfer, with what this side does where it goes wrong; None: the call was over before it began."""
        ...

    def hopeless(self, call: Call) -> str:
        """Why no transfer of this call will ever succeed; empty: it may."""
        ...

    def failed(self, call: Call, agent: Agent, result: TransferResult) -> None:
        """A transfer failed: alarms."""
        ...

    def ring_limit_s(self) -> float | None:
        """An agent's telephone cannot ring longer than this; None: as long as the group says."""
        ...

    # the call leaves the VRU

    def left(self, call: Call, line: Line) -> None:
        """The VRU's part is over: for good, or the caller was put through."""
        ...

    def await_recall(self, call: Call) -> None:
        """The caller is expected back from the switch."""
        ...

    # step 9: the record

    def talk_began(self, call: Call) -> Call | None:
        """Caller and agent talk; returns the call of which the same telephone was thought to be talking."""
        ...

    def talk_over(self, call: Call, cause: str) -> None: ...

    def came_back(self, call: Call, extension: str) -> None:
        """The caller came back from a telephone that had the call."""
        ...

    def reached(self, agent: Agent, *, busy: bool) -> None:
        """What a transfer found at the agent's telephone."""
        ...

    def match(self, record: Record, alone: bool) -> Match | Ambiguous | None:
        """Which call the switch's record is of; None: none of ours."""
        ...

    def settle(self, record: Record, match: Match | Ambiguous | None) -> None:
        """Into the history; where it ends a conversation under way, the agent is free."""
        ...

    def forget(self, call: Call) -> None:
        """The call is over."""
        ...

    # call control

    def verb(self, agent: str, verb: str, to: str | None) -> Mapping[str, Any]:
        """An agent asks by the desk. Raises cti.switch.errors.VerbRefused; then nothing was changed."""
        ...

    # what operations see

    def agent_changed(self, agent: Agent, cause: str) -> None:
        """One of the agent's truths changed, for this cause (cti.acd.truths)."""
        ...

    def has_screen(self, agent: str) -> None:
        """The agent's desk is there: what is wrong with the telephone is told."""
        ...

    def unfinished(self) -> int:
        """Recordings that do not yet lie where they are kept; calls whose last signals on the line are still to be
        written, within a second or two of the stop."""
        ...

    def open_talks(self) -> int:
        """Talks under way, as far as is known."""
        ...

    def call_at(self, line: Line) -> Call | None: ...

    def status(self) -> Mapping[str, Any]:
        """This side's part of `tipring status`."""
        ...

    def links_up(self) -> Mapping[str, bool]:
        """Serial lines and trunks, for the metrics."""
        ...

    def call_port(self, line: Line) -> Deferred[str]:
        """Calls that line from another one, to try it: what came of it. TipringError, also of the Deferred."""
        ...

    def telephone_lifted(self, extension: str, how: str) -> bool:
        """Somebody else than the line says that a telephone was lifted: ``how`` is record or desk. True: news."""
        ...
