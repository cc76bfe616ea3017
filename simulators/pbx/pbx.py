"""The simulated PBX (steps 2, 3, 4, 7 and 9): trunks, a hunt group of VRU ports, agents' extensions.

It answers a trunk when it has the caller ID or at the second ring, hunts for an idle VRU extension, rings it and tells
who calls, in the way of its make. At a hook flash it holds the caller and gives dial tone; it rings the extension
dialled, and joins the two when the VRU hangs up. When the parties are gone it prints the call record. Its settings are
`PbxPlan`, the makes in makes/; trunks and extensions live in pbx_trunk.py and pbx_extension.py, its serial lines in
pbx_records.py.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from drivers.clock import Clock
from drivers.port import Port
from drivers.signalling.interface import Trunk as Signalling
from simulators.lines.party import Party
from simulators.pbx.analog_trunk import AnalogTrunk
from simulators.pbx.digital_trunk import DigitalTrunk, channels_of
from simulators.pbx.extension import Extension
from simulators.pbx.numbering import Numbering
from simulators.pbx.outward import OutwardCall
from simulators.pbx.plan import PbxPlan
from simulators.pbx.records import MciLink, MessageLink, Printer, SmdiLink
from simulators.pbx.smdr import Leg
from simulators.pbx.state import State
from simulators.pbx.trunk import Trunk
from simulators.truth import Note


class Pbx:
    """Joined from ports: `add_trunk`, `add_extension`; then it runs by what its ports report."""

    def __init__(
        self,
        clock: Clock,
        plan: PbxPlan,
        note: Note,
        *,
        music: Path,
        random: Random,
        smdi: SmdiLink | None = None,
        mci: MciLink | None = None,
        smdr: Printer | None = None,
    ) -> None:
        self.clock, self.plan, self.note, self.music, self.random = clock, plan, note, music, random
        self.smdr = smdr
        self.messages: list[MessageLink] = [link for link in (smdi, mci) if link is not None]
        self.trunks: list[Trunk] = []
        self.extensions: dict[str, Extension] = {}
        self.hunt: list[Extension] = []
        self.waiting: deque[Trunk] = deque()
        self.attended = False  # callers come to the agents' telephones: no VRU is in service yet
        self._next = 0
        self._numberings: dict[bool, Numbering] = {}
        self._ahead_s = plan.smdr_clock_s
        self._zero = clock.now() - timedelta(seconds=clock.seconds())  # its own: whoever sets the server's moves it not
        if smdi is not None:
            smdi.on_lamp = self.lamp

    def add_trunk(self, port: Port, dnis: str) -> Trunk:
        """An analog line of the office's."""
        trunk = AnalogTrunk(self, port, len(self.trunks) + 1, dnis)
        self.trunks.append(trunk)
        return trunk

    def add_span(self, signalling: Signalling) -> list[DigitalTrunk]:
        """The channels of an E1, each a trunk, in the order of their slots."""
        first = len(self.trunks) + 1
        found = channels_of(self, signalling, first)
        self.trunks += found
        return found

    def add_extension(self, port: Port, number: str, kind: str, *, desk: int = 0, line: int = 0) -> Extension:
        """`kind`: vru (a member of the hunt group; `desk` and `line` name it in SMDI) or agent."""
        extension = Extension(self, port, number, kind, desk, line)
        self.extensions[number] = extension
        self._numberings.clear()
        if kind == "vru":
            self.hunt.append(extension)
        return extension

    # ---- step 3: hunting ------------------------------------------------------------------------

    def route(self, trunk: Trunk) -> None:
        """A trunk has been answered: find it an idle VRU extension."""
        if self.attended:
            self._to_people(trunk)
            return
        extension = self.idle_member()
        if extension is not None:
            trunk.rings()
            self.ring_vru(extension, trunk)
        elif self.plan.all_busy == "wait":
            self.note(trunk.call_no, "pbx", "all VRU ports busy", waits=True)
            trunk.rings()
            self.waiting.append(trunk)
        else:
            self.note(trunk.call_no, "pbx", "all VRU ports busy", waits=False)
            trunk.refuse()

    def _to_people(self, trunk: Trunk) -> None:
        """Without a VRU: the agents' telephones ring by turns, those that are idle."""
        staff = [one for one in self.extensions.values() if one.kind == "agent"]
        self._next += 1
        turn = self._next % max(1, len(staff))
        idle = next((one for one in (*staff[turn:], *staff[:turn]) if one.state is State.IDLE), None)
        if idle is None:
            trunk.refuse()
            return
        trunk.rings()
        idle.ring(trunk)
        trunk.legs.rings(idle.number)

    def idle_member(self, after: Extension | None = None) -> Extension | None:
        """Where the next call to the hunt group goes."""
        count = len(self.hunt)
        first = 0
        if after is not None:
            first = self.hunt.index(after) + 1
        elif self.plan.hunting == "cyclic":
            first = self._next
        for step in range(count):
            index = (first + step) % count
            if self.hunt[index].state is State.IDLE and self.hunt[index].member:
                self._next = (index + 1) % count
                return self.hunt[index]
        return None

    def ring_vru(
        self, extension: Extension, trunk: Trunk, *, reason: str | None = None, forwarded_from: str | None = None
    ) -> None:
        """Rings a VRU extension for a trunk and sends the message. A recall has its own reason and extension."""
        extension.ring(trunk, recall=reason is not None)
        extension.recalled_from = forwarded_from
        trunk.legs.rings(extension.number)
        if reason is not None and not self.plan.recall_message:
            return
        letter = reason or (self.plan.smdi.reason if self.plan.smdi is not None else "A")
        called = forwarded_from if forwarded_from is not None else trunk.dnis if letter not in "DR" else ""
        for link in self.messages:
            link.call(trunk.call_no, extension, letter, called, self.cut(trunk.calling))

    def ring_internal(self, extension: Extension, caller: Extension) -> None:
        """Rings an extension for another one; a VRU extension's line is told as for a direct call."""
        extension.ring(caller)
        if extension.kind == "vru":
            for link in self.messages:
                link.call(caller.call_no, extension, "D", "", caller.number)

    def idle(self, extension: Extension) -> None:
        """An extension can be called again: the longest waiting trunk gets it if it is a VRU port."""
        if extension in self.hunt and extension.member and self.waiting:
            trunk = self.waiting.popleft()
            self.ring_vru(extension, trunk)

    # ---- joining and parting --------------------------------------------------------------------

    def answered(self, extension: Extension) -> None:
        """A ringing extension was lifted."""
        caller, recalled_from = extension.caller, extension.recalled_from
        extension.stop_ringing()
        if caller is None:
            return
        self.note(caller.call_no, f"ext {extension.number}", "answers", extension=extension.number)
        if isinstance(caller, Extension):
            caller.target_answered(extension)
        self.connect(caller, extension)
        if isinstance(caller, Extension):
            caller.signals.answered()
        else:
            extension.signals.follow_on(caller, recalled_from)

    def line_out(self, by: Extension) -> OutwardCall | None:
        """A line of the office's for an extension; None: all are taken."""
        free = (one for one in reversed(self.trunks) if isinstance(one, AnalogTrunk) and one.state == "idle")
        trunk = next(free, None)
        if trunk is None:
            return None
        trunk.seize(by)
        return OutwardCall(self, trunk, by)

    def pick_up(self, by: Extension, number: str) -> bool:
        """Takes what rings at an agent's telephone; "": at any. False: nothing does."""
        ringing = [one for one in self.extensions.values() if one.kind == "agent" and one.state is State.RINGING]
        found = next((one for one in ringing if number in ("", one.number)), None)
        if found is None:
            return False
        caller = found.caller
        found.stop_ringing()
        found.rest()
        assert caller is not None
        self.note(caller.call_no, f"ext {by.number}", "picks up", extension=by.number, rang=found.number)
        if isinstance(caller, Extension):
            caller.target_answered(by)
        self.connect(caller, by)
        if isinstance(caller, Extension):
            caller.signals.answered()
        return True

    def connect(self, one: Party, extension: Extension) -> None:
        """A talk path between a trunk or extension and an extension."""
        one.join(extension)
        extension.join(one)
        if isinstance(one, Trunk):
            one.legs.talks(extension.number)
            self.note(one.call_no, "pbx", "through", extension=extension.number, kind=extension.kind)

    def no_answer(self, extension: Extension) -> None:
        """Nobody lifted a ringing extension in time."""
        caller, origin = extension.caller, extension.origin
        extension.stop_ringing()
        extension.rest()
        if caller is None:
            return
        self.note(caller.call_no, f"ext {extension.number}", "no answer", extension=extension.number)
        if isinstance(caller, Extension):
            caller.target_silent()
        elif isinstance(caller, Trunk):
            if origin is not None:
                self.recall(caller, origin, extension.number)
            elif extension.kind == "vru" and not extension.recalled:
                following = self.idle_member(after=extension)
                if following is not None and following is not extension:
                    self.ring_vru(following, caller)
                else:
                    caller.owner = None
                    self.waiting.append(caller)
            else:
                self.cut_off(caller)

    def recall(self, trunk: Party, to: Extension, from_number: str) -> None:
        """A transferred call that nobody took comes back to who transferred it; if that one is busy, it is cut off."""
        if not isinstance(trunk, Trunk):
            self.part(trunk, to)
            self.idle(to)
            return
        if self.plan.recall_to == "another" and to.kind == "vru":
            to = self.idle_member(after=to) or to
        if to.state is not State.IDLE:
            self.cut_off(trunk)
            return
        self.note(trunk.call_no, "pbx", "recall", extension=to.number, unanswered=from_number)
        trunk.hear_tone("ringback")
        if to.kind == "vru":
            self.ring_vru(to, trunk, reason="N", forwarded_from=from_number)
        else:
            to.ring(trunk, recall=True)
            trunk.legs.rings(to.number)

    def cut_off(self, trunk: Trunk) -> None:
        self.note(trunk.call_no, "pbx", "cut off")
        trunk.release()

    # ---- step 9: what is printed ----------------------------------------------------------------

    def leg_moves(self, party: Party, number: str) -> None:
        """A transfer: the caller's leg with the transferring extension ends, one with `number` begins."""
        if isinstance(party, Trunk):
            party.legs.moves()
            party.legs.rings(number)

    def leg_held(self, party: Party) -> None:
        """A caller is put on hold."""
        if isinstance(party, Trunk):
            party.legs.held()

    def leg_talks(self, party: Party, extension: Extension) -> None:
        """A caller is fetched back."""
        if isinstance(party, Trunk):
            party.legs.talks(extension.number)

    def print_internal(self, caller: Extension, called: Extension, since: float) -> None:
        """Two extensions have talked, from `since` (clock seconds) until now."""
        if self.plan.intercom and self.smdr is not None:
            duration, ended = self.clock.seconds() - since, self.local_time()
            begun = ended - timedelta(seconds=duration)
            leg = Leg(ended, called.number, 0, "", None, duration, started=begun, consulted_by=caller.number)
            self.smdr.print(None, leg, "internal")

    def local_time(self) -> datetime:
        """What the PBX's own clock shows (no zone, perhaps wrong)."""
        offset = timedelta(hours=self.plan.utc_offset_h, seconds=self._ahead_s)
        return (self._zero + timedelta(seconds=self.clock.seconds()) + offset).replace(tzinfo=None)

    def clock_jumps(self, by_s: float) -> None:
        """Somebody sets the PBX's clock."""
        self._ahead_s += by_s
        self.note(None, "pbx", "clock set", by_s=by_s)

    def cut(self, number: str | None) -> str:
        """As much of a calling number as this PBX keeps."""
        longest = self.plan.number_max
        return (number or "") if longest is None else (number or "")[-longest:]

    def called(self, party: Party) -> str:
        """The number that was dialled to come in."""
        return party.dnis if isinstance(party, Trunk) else ""

    def part(self, party: Party, gone: Party) -> None:
        """`gone` has hung up on `party`."""
        if isinstance(party, Trunk):
            party.release()
        else:
            party.far_gone(gone)

    def trunk_gone(self, trunk: Trunk) -> None:
        """The outside party has hung up."""
        if trunk in self.waiting:
            self.waiting.remove(trunk)
        if trunk.owner is not None:
            trunk.owner.far_gone(trunk)

    # ---- numbering, lamps -----------------------------------------------------------------------

    def numbering(self, holding: bool) -> Numbering:
        """What an extension may dial, with a party on hold or without."""
        found = self._numberings.get(holding)
        if found is None:
            found = self._numberings[holding] = Numbering(self.plan, tuple(self.extensions), holding)
        return found

    def lamp(self, number: str, on: bool) -> str | None:
        """Obeys a lamp request; returns INV or BLK where it is refused."""
        extension = self.extensions.get(number)
        code = self.plan.lamps_refused.get(number) or (None if extension is not None else "INV")
        if code is None and extension is not None:
            extension.port.lamp(on)
        self.note(None, "pbx", "lamp", extension=number, on=on, refused=code)
        return code

    # ---- power ----------------------------------------------------------------------------------

    def power_fails(self) -> None:
        """All calls are gone, nothing is printed or told, lamps are out; the printer's buffer is lost."""
        self.note(None, "pbx", "power fails")
        self.waiting.clear()
        for link in self.messages:
            link.off = True
        for trunk in self.trunks:
            trunk.power_fails()
        for extension in self.extensions.values():
            extension.power_fails()
        if self.smdr is not None:
            self.smdr.forget()

    def power_returns(self) -> None:
        """It works again, its clock right."""
        self.note(None, "pbx", "power returns")
        for link in self.messages:
            link.off = False
        for trunk in self.trunks:
            trunk.power_returns()
        for extension in self.extensions.values():
            extension.power_returns()
