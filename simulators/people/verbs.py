"""The verbs of call control that an agent's screen has buttons for, by the names of the desk protocol (step 7)."""

from __future__ import annotations

VERBS = (
    "make",
    "answer",
    "hang_up",
    "hold",
    "retrieve",
    "alternate",
    "consult",
    "transfer",
    "blind_transfer",
    "three_way",
    "conference",
    "park",
    "pick_up",
    "camp_on",
    "deflect",
    "give_back",
    "send_dtmf",
    "monitor",
    "whisper",
    "barge_in",
    "forced_release",
    "group_pickup",
    "take_ringing",
    "take_over",
)
