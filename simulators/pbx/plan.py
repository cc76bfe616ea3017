"""How a simulated PBX is set up: hunting, hook flash, recalls, and how it tells the VRU who calls (steps 2 to 4, 7, 9).

A make (simulators/makes) is a plan with a writer of call records; a scenario changes single fields of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulators.lines.tones import CHINA, Sent


@dataclass(frozen=True)
class SmdiForm:
    """How the messages are filled. `reason`: the letter of a call from outside; A, B and N carry the called number as
    forwarded-from, D and R do not. `pad`: shorter numbers are filled up with zeros on their left to so many digits.
    `number_max`: of longer ones the last digits are passed on."""

    reason: str = "A"
    pad: int = 0
    number_max: int | None = None

    def number(self, digits: str) -> str:
        cut = digits if self.number_max is None else digits[-self.number_max :]
        return cut.rjust(self.pad, "0") if cut else cut


@dataclass(frozen=True)
class FollowOn:
    """Digits sent to a VRU extension after it has answered. The strings may hold {called}, {calling} and {trunk}, and
    `,` for half a second. An empty one: this kind of call sends nothing. Times in seconds, digits in ms."""

    outside: str = ""  # a call from a trunk
    recall: str = ""  # an unanswered transfer that comes back; {called} is who did not answer
    wait_s: tuple[float, float] = (0.3, 0.8)
    on_ms: int = 80
    off_ms: int = 80


@dataclass(frozen=True)
class MciForm:
    """NEC's message line: columns of the text between STX and ETX, from 1, both ends included, SA and UA among them.
    The positions are the site's: no manual that could be read gives them."""

    columns: Mapping[str, tuple[int, int]]
    length: int
    reason: str = "4"


@dataclass(frozen=True)
class PbxPlan:
    """How this PBX is set up. Times in seconds unless the name says ms."""

    tones: Mapping[str, Sent | None] = field(default_factory=lambda: CHINA)
    answer_trunk: str = "caller_id"  # or second_ring
    hunting: str = "idle_first"  # or cyclic
    all_busy: str = "wait"  # with ringback, or busy
    first_digit_s: float = 20.0
    next_digit_s: float = 5.0
    outside_code: str = "9"  # takes a line of the office, analog
    hunt_number: str = "2000"  # who dials it inside reaches an idle VRU port
    hunt_no_answer_s: float = 20.0
    trunk_disconnect: frozenset[str] = frozenset({"loop_drop", "polarity", "busy"})
    tone_s: float = 30.0  # busy tone before an extension that stays off-hook is locked out
    guard_s: float = 0.5  # an extension or trunk is idle again so long after on-hook
    congested: str = ""  # a number that gives congestion: all lines of that route are taken
    utc_offset_h: float = 8.0
    smdr_clock_s: float = 0.0  # the PBX's own clock is ahead by so much
    no_ring: frozenset[str] = frozenset()  # extensions whose port is dead: it hunts to them, and nothing rings

    # who calls
    smdi: SmdiForm | None = field(default_factory=SmdiForm)
    smdi_delay_s: tuple[float, float] = (0.1, 0.6)  # after the ring began
    smdi_swapped: tuple[tuple[str, str], ...] = ()  # extensions whose message lines are exchanged
    mci: MciForm | None = None
    in_band: str = "none"  # caller ID to VRU extensions while they ring: none, fsk or dtmf
    follow_on: FollowOn | None = None
    number_max: int | None = None  # of longer calling numbers only the last digits are kept, everywhere

    # flash, transfer, recall
    flash_ms: tuple[int, int] = (80, 1000)  # openings taken for a flash; longer is on-hook
    flash_ignored: bool = False
    hold_dial: str = "dial"  # or stutter: the dial tone after a flash
    dial_late_s: float = 0.0  # it begins so long after the flash
    transfer_code: str = "{ext}"  # dialled after the flash
    retrieve: str = "flash"  # flash_code: a flash and `retrieve_code`; on_hook: it rings back, a flash does nothing
    retrieve_code: str = ""
    busy_returns_s: float | None = None  # after so much busy tone the held party is given back
    no_answer_s: float = 25.0  # consultation returns to the holder, a transferred call recalls the transferrer
    recall_s: float = 25.0  # an unanswered recall cuts the caller off
    recall_to: str = "same"  # or another: the next idle extension of the group
    recall_message: bool = True  # it is told by SMDI or digits
    transferred_hears: str = "ringback"  # or music
    transfer_lost: bool = False
    do_not_disturb: frozenset[str] = frozenset()  # extensions that refuse
    polarity_on_answer: bool = False  # on the calling extension
    # Sent to VRU extensions in place of tones: ringback, busy, vacant, dnd, answer, confirm -> digits.
    status_digits: Mapping[str, str] = field(default_factory=dict)
    disconnect: str = "loop_drop"  # to VRU extensions when the far end has gone; tone: busy tone only; or digits
    disconnect_digits: str = ""
    loop_drop_ms: int = 500

    # lamps and records
    lamp_codes: tuple[str, str] | None = None  # on and off, with {ext}; None: SMDI only
    lamp_confirm: str = "tone"  # or digit or none
    member_codes: tuple[str, str] | None = None  # a VRU extension leaves the hunt group and enters it again
    pickup_codes: tuple[str, str] = ("", "")  # what rings anywhere, and at {ext}; "": there is no such code
    lamps_refused: Mapping[str, str] = field(default_factory=dict)  # extension -> INV or BLK
    legs: str = "per_leg"  # or whole_call, or split_at_flash
    intercom: bool = False  # a consultation is printed as a call between extensions
