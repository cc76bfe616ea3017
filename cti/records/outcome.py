"""How a call ended, in one word. The vocabulary of the records, the reports and the demo. Serves step 9.

Exactly one outcome a call. Where several could be said, the caller's experience decides: who talked to an agent was
answered, whatever happened before.
"""

from __future__ import annotations

from typing import Final, Literal

Outcome = Literal[
    "answered",
    "abandoned_ring",
    "abandoned_menu",
    "abandoned_queue",
    "message",
    "lost_in_transfer",
    "no_choice",
    "gone_by_choice",
    "queue_full",
    "overdue",
    "failed",
    "busy",
    "no_answer",
    "given_up",
]

MEANING: Final[dict[Outcome, tuple[str, str]]] = {
    # The caller talked to an agent; of an agent's own call: to whom was called.
    "answered": ("talked to an agent", "已接通"),
    # Hung up before the VRU answered (it waits for ANI from the PBX, at most ani_wait_s).
    "abandoned_ring": ("hung up before the VRU answered", "振铃放弃"),
    # Hung up while the menu was played or a choice awaited.
    "abandoned_menu": ("hung up in the menu", "导航放弃"),
    # Hung up while waiting for an agent, also while the agent's telephone rang.
    "abandoned_queue": ("hung up while waiting", "排队放弃"),
    # Left a message instead of waiting.
    "message": ("left a message", "留言"),
    # The PBX lost the caller during a transfer: no dial tone after the flash and nobody on the line afterwards.
    "lost_in_transfer": ("lost during the transfer", "转接丢失"),
    # The menu ended without a valid choice; the VRU said goodbye.
    "no_choice": ("made no choice in the menu", "未作选择"),
    # Asked whether to wait, the caller chose to go; the VRU said goodbye.
    "gone_by_choice": ("chose not to wait", "自行离开"),
    # The group's queue was full (max_queue); the VRU said so.
    "queue_full": ("the queue was full", "队列已满"),
    # Waited longer than the group's max_wait_s; the VRU said so.
    "overdue": ("waited too long", "等待超时"),
    # Ours or the PBX's fault; the row's cause says which.
    "failed": ("failed", "失败"),
    # Of calls that agents make. The number that was called is in use.
    "busy": ("the number called was busy", "对方忙"),
    # It rang there, or a transfer was made there, in vain.
    "no_answer": ("nobody answered there", "对方未接"),
    # The agent hung up, or went on with something else, before an answer.
    "given_up": ("the agent gave up", "坐席放弃"),
}

OUTCOMES: Final[tuple[Outcome, ...]] = tuple(MEANING)
