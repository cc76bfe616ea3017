"""A call in nine steps: the spine of Tipring.

1. A call enters the central office.
2. The PBX answers it and captures ANI and DNIS.
3. The PBX hunts for an idle VRU port and switches the call to that line.
4. The PBX tells the VRU over RS232 which port the call is on, its ANI and its DNIS.
5. The VRU plays a menu and learns which group of agents suits the caller.
6. The VRU looks at the group's queue; no idle agent: place, wait or not.
7. An agent is idle: hook flash, the PBX's dial tone, the agent's extension; the agent answers, the VRU hangs up.
8. The ANI and the customer's record are on the agent's screen as the call arrives.
9. Either side hangs up; the PBX sends the call record over RS232; the agent is idle again.

Each step is one short method, which hands over to the part that owns it. What happens between the steps (the
caller hangs up, the transfer fails) is in cti.conduct.

Where our own cards are the switch (`switch: card`), the steps are the same: the trunk's signalling tells who calls, the
VRU answers on the trunk's own port, the agent's telephone hangs on a card, and the record is our own (cti.sides.side).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.arrivals.numbers import Numbers
from cti.call import Call, Source
from cti.switch.interface import TransferResult
from cti.talks.talks import Match

if TYPE_CHECKING:
    from cti.acd.agent import Agent
    from cti.centre import Centre
    from cti.sides.side import Line, Record
    from cti.vru.menu import MenuResult


class NineSteps:
    """The steps, over the parts of one centre."""

    def __init__(self, centre: Centre) -> None:
        self.centre = centre

    def step_1_call_arrives(self, source: Source, ago_s: float = 0.0) -> Call | None:
        """A call entered the central office: the first sign of it here opens its record. ``ago_s``: since a trunk was
        seized, whose signalling had to tell the numbers first."""
        call = self.centre.new_call(ago_s)
        self.centre.mark(call, 1, "inferred" if source == "port" else source, ago_s=ago_s)
        return call

    def step_2_numbers(self, call: Call, numbers: Numbers) -> None:
        """The PBX captured ANI and DNIS: the call has its numbers, or better ones than before."""
        if self.centre.side.learned(call, numbers):
            if numbers.source == "trunk":
                self.centre.mark(call, 2, "trunk")
            else:
                self.centre.mark(call, 2, "inferred", as_of=1)  # before it hunted; we are told afterwards
            self.centre.numbers_changed(call)

    def step_3_hunted_to(self, call: Call, line: Line, source: Source) -> None:
        """The PBX hunted to this VRU port."""
        call.line = line
        self.centre.mark(call, 3, source)
        self.centre.event(call, "port", source, extension=line.extension, desk=line.desk, line=line.line)

    def step_4_pbx_tells(self, call: Call, source: Source) -> None:
        """The PBX told us who is on the port: over RS232, or in the voice band where it has no other way."""
        self.centre.mark(call, 4, source)

    async def step_5_menu(self, call: Call) -> MenuResult | None:
        """The VRU plays the menu and learns the group."""
        self.centre.mark(call, 5, "vru")
        return await self.centre.attendant.menu(call)

    async def step_6_queue(self, call: Call) -> Agent | None:
        """The caller waits for an idle agent of the group; None: chose not to, or may not wait longer."""
        self.centre.mark(call, 6, "acd")
        return await self.centre.attendant.wait_for_agent(call)

    async def step_7_transfer(self, call: Call, agent: Agent, *, flashed: bool = False) -> TransferResult | None:
        """Hook flash (unless it was made and the dial tone came late), dial tone, the agent's extension, the agent's
        voice, on-hook."""
        self.centre.mark(call, 7, "vru")
        return await self.centre.transfer(call, agent, lambda: self.step_8_pop_up(call, agent), flashed=flashed)

    def step_8_pop_up(self, call: Call, agent: Agent) -> None:
        """The caller's number and the customer's record go to the agent's screen, as the telephone is called."""
        self.centre.mark(call, 8, "desk")
        self.centre.pop_ups.show(call, agent)

    def step_9_record(self, record: Record, alone: bool = True) -> None:
        """The switch's record: the call is complete, its agent idle again. ``alone``: not out of a buffer."""
        match = self.centre.side.match(record, alone)
        if isinstance(match, Match) and match.completes:
            self.centre.mark(match.call, 9, record.source)
        self.centre.side.settle(record, match)
