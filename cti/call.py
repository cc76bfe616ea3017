"""One call: what is known of it, where it is, and its coroutines' scope.

Serves all nine steps. The states are those of the call as the VRU sees it; the table is data (docs/machines/call.md is
generated from it). Times are the clock's monotonic seconds for durations and UTC for the record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from twisted.internet.defer import Deferred

from cti.machine import Chart, Machine

if TYPE_CHECKING:
    from cti.acd.queue import QueueEntry
    from cti.sides.side import Line
    from cti.vru.flow import Language
    from cti.vru.line import VruLine
    from drivers.scope import CallScope

Source = Literal["port", "smdi", "smdr", "mci", "dtmf", "desk", "inferred", "vru", "acd", "trunk", "switch"]

# state, event -> state, actions (names of methods of cti.conduct.Conduct)
CALL = Chart(
    "Call: one caller from the first ring to the call record",
    {
        ("arriving", "answer"): ("menu", ()),
        ("arriving", "gone"): ("ended", ("leave_port", "write_end")),
        ("menu", "chosen"): ("queued", ()),
        ("menu", "gone"): ("ended", ("leave_port", "write_end")),
        ("menu", "over"): ("ended", ("leave_port", "write_end")),
        ("queued", "agent"): ("transferring", ()),
        ("queued", "leave_message"): ("message", ("leave_queue",)),
        ("queued", "gone"): ("ended", ("leave_queue", "leave_port", "write_end")),
        ("queued", "over"): ("ended", ("leave_queue", "leave_port", "write_end")),
        ("transferring", "answered"): ("talking", ("leave_port", "watch_talk")),
        ("transferring", "back"): ("queued", ()),
        ("transferring", "on_hook"): ("recall", ("leave_port", "await_recall")),
        ("transferring", "gone"): ("ended", ("leave_queue", "leave_port", "write_end")),
        ("transferring", "over"): ("ended", ("leave_queue", "leave_port", "write_end")),
        ("recall", "recalled"): ("queued", ()),
        ("recall", "gone"): ("ended", ("leave_queue", "leave_port", "write_end")),
        ("recall", "over"): ("ended", ("leave_queue", "leave_port", "write_end")),
        ("message", "gone"): ("ended", ("leave_port", "write_end")),
        ("message", "over"): ("ended", ("leave_port", "write_end")),
        ("talking", "over"): ("ended", ("free_agent", "write_end")),
        ("talking", "recalled"): ("queued", ()),
    },
    initial="arriving",
    states={
        "arriving": "rings, or is announced by the PBX",
        "menu": "the VRU has answered and asks what the caller wants",
        "queued": "waits for an agent",
        "transferring": "an agent's telephone is being called",
        "recall": "we hung up on a transfer that failed: the PBX will bring the caller back",
        "message": "leaves a message",
        "talking": "with the agent, or at the agent's ringing telephone; the switch carries it, the VRU has left",
        "ended": "over; at most the PBX's record is still to come",
    },
    limits={
        "arriving": "ani_wait_s from the first ring; 30 s for a message, 10 s for a number without a ring",
        "menu": "the flow's tries, and at most 20 rounds",
        "queued": "max_wait_s of the group",
        "transferring": "dial_tone_s, 10 s for a first sign, ring_s of the group; and 6 s to find out who is there",
        "recall": "recall_s of the dialect",
        "message": "message_s",
        "talking": "talk_s, then the desk is asked",
    },
)


@dataclass(frozen=True, slots=True)
class Step:
    """When one of the nine steps began, and who said so."""

    at_s: float
    when: datetime
    source: Source


@dataclass(frozen=True, slots=True)
class Said:
    """The calling number as one source says it; cut: the PBX may have cut it; doubt: why it may be another caller's."""

    ani: str
    form: str
    cut: bool = False
    doubt: str | None = None  # serial_damaged, port_map, place_guessed (cti.arrivals.numbers.Doubt)


@dataclass(slots=True, eq=False)
class Call:
    """A caller from the first ring to the call record."""

    id: str
    began_s: float
    machine: Machine
    line: Line | None = None  # where it stands in front of the VRU now
    hunted: VruLine | None = None  # where the PBX sent it first
    scope: CallScope | None = None
    ani: str | None = None
    ani_source: Source | None = None
    ani_form: str = ""
    ani_truncated: bool = False
    ani_doubt: str | None = None  # why it is nobody's for certain (cti.arrivals.numbers.Doubt)
    said: dict[Source, Said] = field(default_factory=dict)  # the calling number, by who says it
    dnis: str | None = None
    dnis_rank: int = 0  # of its source in the dialect's order
    told: Deferred[None] = field(default_factory=Deferred)
    announced_by: set[Source] = field(default_factory=set)  # the PBX's own messages that have come
    rang_s: float | None = None
    answered_s: float | None = None
    strings_until_s: float = float("-inf")  # of the clock: until then the PBX may send digits that are no keys
    queued_s: float | None = None
    talk_s: float | None = None  # when the agent answered
    talked_s: float | None = None  # how long the talk was, by the PBX's record
    measured_s: float | None = None  # how long it was, by what we knew when it ended
    trunk: str | None = None  # the PBX's own name of the line that the call is on
    language: Language = "zh"
    choice: str | None = None
    group: str | None = None
    agent: str | None = None
    extension: str | None = None  # the agent's
    tried: str | None = None  # the extension of the last transfer
    blind: bool = False  # handed over while the agent's telephone rang
    unanswered: bool = False  # handed over so, and nobody answered: the PBX's record says
    turned_away: bool = False  # it came while the server was being taken out of service
    unmarked: bool = False  # the PBX's record of our leg says that the call ended there and was not transferred
    contested: bool = False  # a record came that can be of this call, or of another
    flashed_s: float | None = None  # when the last transfer began
    recalled_among: tuple[Call, ...] = ()  # who could have been meant by the ring that brought it back
    back_s: float | None = None  # when a transfer that failed, or a recall, brought the caller back
    entry: QueueEntry | None = None  # the place in the queue, once there was one
    left_extension: str | None = None  # of our port, once the call has left it
    message_s: float = 0.0  # length of the message left
    message_failed: str = ""  # why the message, or its end, could not be recorded
    steps: dict[int, Step] = field(default_factory=dict)
    outcome: str | None = None
    cause: str = ""
    written: bool = False  # the record has its outcome and end

    @property
    def state(self) -> str:
        """The machine's present state."""
        return self.machine.state

    @property
    def announced(self) -> bool:
        """A message of the PBX has come."""
        return bool(self.announced_by)

    @property
    def ended(self) -> bool:
        """Nothing more will happen but the PBX's record."""
        return self.machine.state == "ended"

    def send(self, event: str) -> None:
        """Moves the machine on; its actions are told which call it is."""
        self.machine.send(event, self)
