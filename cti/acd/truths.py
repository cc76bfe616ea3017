"""The three truths about an agent as tables, how long each may last, and why one changes (steps 6-9).

Nobody can be stuck. Every state of the line but idle, and wrap-up, has a time limit and a stated cause when it expires:

| state    | limit (Limits)        | then                                                      | cause           |
|----------|-----------------------|-----------------------------------------------------------|-----------------|
| reserved | reserve_s             | unknown for rest_s; the caller goes back to the old place | reserve_timeout |
| ringing  | ring_s + ring_spare_s | idle, a missed call; the caller goes back likewise        | ring_timeout    |
| talking  | talk_s                | unknown; the desk is asked whether the call goes on       | talk_limit      |
| unknown  | ask_s, busy_s, rest_s | idle                                                      | see CAUSES      |
| wrap-up  | the group's wrap_up_s | none                                                      | wrap_up_over    |

A call record that never comes is made up for by the desk's word (call_ended, or ready while talking), else by talk_s.
"""

from __future__ import annotations

from dataclasses import dataclass

from cti.machine import Chart

CAUSES = {
    "login": "the agent logged in",
    "logout": "the agent logged out",
    "desk_lost": "the desk stayed away longer than grace_s; the agent was logged out",
    "ready": "the agent said ready",
    "not_ready": "the agent said not ready",
    "wrap_up_done": "the agent finished the wrap-up",
    "wrap_up_over": "the time for the wrap-up was over",
    "offer": "a caller was promised to the agent",
    "switch": "the switch reported it",
    "dialled": "the switch dialled the agent's extension",
    "answered": "the agent answered",
    "no_answer": "the agent's telephone rang and nobody answered",
    "busy": "the agent's extension was busy with a call that is not ours",
    "busy_over": "busy_s after the extension was busy it is tried again",
    "failed": "the switch could not transfer; the agent rests for rest_s",
    "rest_over": "rest_s after a failed transfer the agent is tried again",
    "caller_gone": "the caller left before the agent answered",
    "answered_elsewhere": "the caller was answered by another agent, or rings there now",
    "next_call": "the agent answered the next call, so the call before it is over",
    "recall": "the PBX gave the caller back to us",
    "handed_over": "the agent handed the caller on to somebody else, or back to a queue",
    "telephone": "the agent's telephone is lifted, or rings, for something else than a caller; or is free again",
    "own_call": "the agent calls somebody from the screen; or said that this call is over",
    "own_call_failed": "the agent's own call came to nothing",
    "own_call_limit": "so long after the agent's own call was put through the line is tried again",
    "smdr": "the PBX's call record",
    "call_ended": "the desk said that the call is over",
    "still_talking": "the desk said that the call goes on",
    "extension_moved": "the extension now belongs to another log-in",
    "reserve_timeout": "the switch reported neither ringing nor a result within reserve_s",
    "ring_timeout": "the switch reported no result within the group's ring_s and ring_spare_s",
    "talk_limit": "no call record within talk_s (the desk is asked), and no word of the desk within ask_s (freed)",
}
"""Why a truth about an agent changed. Other causes are the words of the switch or the PBX that reported it."""

AVAILABLE = ("ready", "idle", "none")
"""The three truths of an agent who may be promised a caller."""

DECLARED = Chart(
    "Agent: what the agent declared",
    {
        ("logged_off", "login"): ("not_ready", ()),
        ("not_ready", "login"): ("not_ready", ()),
        ("ready", "login"): ("ready", ()),
        ("not_ready", "ready"): ("ready", ()),
        ("ready", "ready"): ("ready", ()),
        ("ready", "not_ready"): ("not_ready", ()),
        ("not_ready", "not_ready"): ("not_ready", ()),
        ("ready", "logout"): ("logged_off", ()),
        ("not_ready", "logout"): ("logged_off", ()),
        ("logged_off", "logout"): ("logged_off", ()),
    },
    initial="logged_off",
    states={
        "logged_off": "no desk, no calls",
        "not_ready": "gets no calls; a reason says why (login, no_answer, or the agent's own word)",
        "ready": "wants calls; gets them when the line is idle and no work is owed",
    },
)

LINE = Chart(
    "Agent: what the line does",
    {
        ("idle", "reserve"): ("reserved", ("watch",)),
        ("idle", "answer"): ("talking", ("watch",)),
        ("idle", "seize"): ("talking", ("watch",)),
        ("reserved", "ring"): ("ringing", ("watch",)),
        ("reserved", "answer"): ("talking", ("watch",)),
        ("reserved", "withdraw"): ("idle", ("unwatch",)),
        ("reserved", "doubt"): ("unknown", ("watch",)),
        ("reserved", "expire"): ("unknown", ("watch",)),
        ("ringing", "answer"): ("talking", ("watch",)),
        ("ringing", "withdraw"): ("idle", ("unwatch",)),
        ("ringing", "doubt"): ("unknown", ("watch",)),
        ("ringing", "expire"): ("idle", ("unwatch",)),
        ("talking", "clear"): ("idle", ("unwatch",)),
        ("talking", "expire"): ("unknown", ("watch", "ask")),
        ("unknown", "answer"): ("talking", ("watch",)),
        ("unknown", "seize"): ("talking", ("watch",)),
        ("unknown", "clear"): ("idle", ("unwatch",)),
        ("unknown", "expire"): ("idle", ("unwatch",)),
    },
    initial="idle",
    states={
        "idle": "nothing is known to be on the line",
        "reserved": "a caller is promised to the agent; the telephone does not ring yet",
        "ringing": "the telephone rings with that caller",
        "talking": "a conversation; with `call` set it is one of ours",
        "unknown": "busy with a call not ours, resting after a failed transfer, or a call record is overdue",
    },
    limits={
        "reserved": "reserve_s",
        "ringing": "ring_s of the group + ring_spare_s",
        "talking": "talk_s, then the desk is asked",
        "unknown": "busy_s, rest_s or ask_s",
    },
)

WORK = Chart(
    "Agent: what work is owed",
    {
        ("none", "owe"): ("wrap_up", ()),
        ("none", "done"): ("none", ()),
        ("wrap_up", "owe"): ("wrap_up", ()),
        ("wrap_up", "done"): ("none", ()),
    },
    initial="none",
    states={"none": "nothing", "wrap_up": "the work after a call: 话后处理"},
    limits={"wrap_up": "wrap_up_s of the group, counted once from the end of the talk"},
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each state of an agent may last, in seconds; misses: unanswered calls in a row until the agent is set
    to not ready (None, the default: never; a missed call only sends the agent to the back of the idle ones).
    line_is_known: our own switch says what the line does, so that a talk needs no limit, and nobody's word ends it."""

    talk_s: float = 7200.0
    ask_s: float = 30.0
    reserve_s: float = 60.0
    ring_spare_s: float = 10.0
    busy_s: float = 30.0
    rest_s: float = 5.0
    misses: int | None = None
    line_is_known: bool = False

    def __post_init__(self) -> None:
        for name in ("talk_s", "ask_s", "reserve_s", "ring_spare_s", "busy_s", "rest_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be more than 0 s: without a limit an agent could be stuck")
        if self.misses is not None and self.misses < 1:
            raise ValueError("misses must be at least 1, or null for never")
