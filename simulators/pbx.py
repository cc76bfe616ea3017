"""The simulated PBX (steps 2, 3, 4, 7 and 9): trunks, a hunt group of VRU ports, agents' extensions.

It answers a trunk when it has the caller ID or at the second ring, hunts for an idle VRU extension, rings it and tells
by SMDI who calls. At a hook flash it holds the caller and gives dial tone; it rings the extension dialled, and joins
the two when the VRU hangs up. When the parties are gone it prints the call record. Its settings are `PbxPlan`; trunks
and extensions live in pbx_trunk.py and pbx_extension.py, its serial lines in pbx_records.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from drivers.clock import Clock
from drivers.port import Port
from simulators.party import Party
from simulators.pbx_extension import Extension, State
from simulators.pbx_records import Printer, SmdiLink
from simulators.pbx_trunk import Trunk
from simulators.tones import CHINA, Sent
from simulators.truth import Note


@dataclass(frozen=True)
class PbxPlan:
    """How this PBX is set up. Times in seconds unless the name says ms."""

    tones: Mapping[str, Sent | None] = field(default_factory=lambda: CHINA)
    answer_trunk: str = "caller_id"  # or second_ring
    hunting: str = "idle_first"  # or cyclic
    all_busy: str = "wait"  # with ringback, or busy
    flash_ms: tuple[int, int] = (80, 1000)  # openings taken for a flash; longer is on-hook
    flash_ignored: bool = False
    retrieve: str = "flash"  # or on_hook: after a failed consultation it rings back, a second flash does nothing
    first_digit_s: float = 20.0
    next_digit_s: float = 5.0
    hunt_no_answer_s: float = 20.0
    no_answer_s: float = 25.0  # consultation returns to the holder, a transferred call recalls the transferrer
    recall_s: float = 25.0  # an unanswered recall cuts the caller off
    transferred_hears: str = "ringback"  # or music
    transfer_lost: bool = False
    disconnect: str = "loop_drop"  # to VRU extensions when the far end has gone, before busy tone; or tone: that only
    loop_drop_ms: int = 500
    polarity_on_answer: bool = False  # on the calling extension
    trunk_disconnect: frozenset[str] = frozenset({"loop_drop", "polarity", "busy"})
    tone_s: float = 30.0  # busy tone before an extension that stays off-hook is locked out
    guard_s: float = 0.5  # an extension or trunk is idle again so long after on-hook
    in_band: str = "none"  # caller ID to VRU extensions: none, fsk or dtmf
    smdi_delay_s: tuple[float, float] = (0.1, 0.6)  # after the ring began
    smdi_reason: str = "A"  # A carries the called number (DNIS) as forwarded-from; D gives none
    smdr_clock_s: float = 0.0  # the PBX's clock is wrong by so much
    utc_offset_h: float = 8.0
    lamps_refused: Mapping[str, str] = field(default_factory=dict)  # extension -> INV or BLK


class Pbx:
    """Joined from ports: `add_trunk`, `add_extension`; then it runs by what its ports report."""

    def __init__(
        self, clock: Clock, plan: PbxPlan, note: Note, *, music: Path, smdi: SmdiLink | None, smdr: Printer | None
    ) -> None:
        self.clock, self.plan, self.note, self.music = clock, plan, note, music
        self.smdi, self.smdr = smdi, smdr
        self.trunks: list[Trunk] = []
        self.extensions: dict[str, Extension] = {}
        self.hunt: list[Extension] = []
        self.waiting: deque[Trunk] = deque()
        self._next = 0
        if smdi is not None:
            smdi.on_lamp = self.lamp

    def add_trunk(self, port: Port, dnis: str) -> Trunk:
        trunk = Trunk(self, port, len(self.trunks) + 1, dnis)
        self.trunks.append(trunk)
        return trunk

    def add_extension(self, port: Port, number: str, kind: str, *, desk: int = 0, line: int = 0) -> Extension:
        """`kind`: vru (a member of the hunt group; `desk` and `line` name it in SMDI) or agent."""
        extension = Extension(self, port, number, kind, desk, line)
        self.extensions[number] = extension
        if kind == "vru":
            self.hunt.append(extension)
        return extension

    # ---- step 3: hunting ------------------------------------------------------------------------

    def route(self, trunk: Trunk) -> None:
        """A trunk has been answered: find it an idle VRU extension."""
        extension = self._idle_member()
        if extension is not None:
            trunk.hear_tone("ringback")
            self.ring_vru(extension, trunk)
        elif self.plan.all_busy == "wait":
            self.note(trunk.call_no, "pbx", "all VRU ports busy", waits=True)
            trunk.hear_tone("ringback")
            self.waiting.append(trunk)
        else:
            self.note(trunk.call_no, "pbx", "all VRU ports busy", waits=False)
            trunk.hear_tone("busy")

    def _idle_member(self, after: Extension | None = None) -> Extension | None:
        count = len(self.hunt)
        first = 0
        if after is not None:
            first = self.hunt.index(after) + 1
        elif self.plan.hunting == "cyclic":
            first = self._next
        for step in range(count):
            index = (first + step) % count
            if self.hunt[index].state is State.IDLE:
                self._next = (index + 1) % count
                return self.hunt[index]
        return None

    def ring_vru(
        self, extension: Extension, trunk: Trunk, *, reason: str | None = None, forwarded_from: str | None = None
    ) -> None:
        """Rings a VRU extension for a trunk and sends the SMDI message. A recall has its own reason and extension."""
        extension.ring(trunk, recall=reason is not None)
        trunk.leg_rings(extension.number)
        if self.smdi is not None:
            letter = reason or self.plan.smdi_reason
            called = forwarded_from if forwarded_from is not None else trunk.dnis if letter != "D" else ""
            self.smdi.call(trunk.call_no, extension, letter, called, trunk.calling or "")

    def idle(self, extension: Extension) -> None:
        """An extension can be called again: the longest waiting trunk gets it if it is a VRU port."""
        if extension in self.hunt and self.waiting:
            trunk = self.waiting.popleft()
            self.ring_vru(extension, trunk)

    # ---- joining and parting --------------------------------------------------------------------

    def answered(self, extension: Extension) -> None:
        """A ringing extension was lifted."""
        caller = extension.caller
        extension.stop_ringing()
        if caller is None:
            return
        self.note(caller.call_no, f"ext {extension.number}", "answers", extension=extension.number)
        if isinstance(caller, Extension):
            caller.target_answered(extension)
        self.connect(caller, extension)

    def connect(self, one: Party, extension: Extension) -> None:
        """A talk path between a trunk or extension and an extension."""
        one.join(extension)
        extension.join(one)
        if isinstance(one, Trunk):
            one.leg_talks(extension.number)
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
                following = self._idle_member(after=extension)
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
        if to.state is not State.IDLE:
            self.cut_off(trunk)
            return
        self.note(trunk.call_no, "pbx", "recall", extension=to.number, unanswered=from_number)
        trunk.hear_tone("ringback")
        if to.kind == "vru":
            self.ring_vru(to, trunk, reason="N", forwarded_from=from_number)
        else:
            to.ring(trunk, recall=True)
            trunk.leg_rings(to.number)

    def cut_off(self, trunk: Trunk) -> None:
        self.note(trunk.call_no, "pbx", "cut off")
        trunk.release()

    def leg_moves(self, party: Party, number: str) -> None:
        """A transfer: the caller's leg with the transferring extension ends, one with `number` begins."""
        if isinstance(party, Trunk):
            party.leg_ends("first")
            party.leg_rings(number)

    def local_time(self) -> datetime:
        """What the PBX's own clock shows (no zone, perhaps wrong)."""
        offset = timedelta(hours=self.plan.utc_offset_h, seconds=self.plan.smdr_clock_s)
        return (self.clock.now() + offset).replace(tzinfo=None)

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

    def find(self, digits: str) -> Extension | None:
        return self.extensions.get(digits)

    def may_become_number(self, digits: str) -> bool:
        return any(number.startswith(digits) for number in self.extensions)

    def lamp(self, number: str, on: bool) -> str | None:
        """Obeys a lamp request; returns INV or BLK where it is refused."""
        extension = self.extensions.get(number)
        code = self.plan.lamps_refused.get(number) or (None if extension is not None else "INV")
        if code is None and extension is not None:
            extension.port.lamp(on)
        self.note(None, "pbx", "lamp", extension=number, on=on, refused=code)
        return code
