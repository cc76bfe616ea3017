"""A desk on a terminal: the pop-up, states and lists as aligned lines in Chinese and English (step 8). No I/O.

Chinese characters are two columns wide; what a caller or a database brings is stripped of control characters, so that
no name can repaint the agent's terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

LABEL_WIDTH = 20

DECLARED = {"logged_off": "签出 logged off", "ready": "示闲 ready", "not_ready": "示忙 not ready"}
LINE = {
    "idle": "空闲 idle",
    "reserved": "预占 reserved",
    "ringing": "振铃 ringing",
    "talking": "通话 talking",
    "unknown": "未知 unknown",
}
WORK = {"none": "", "wrap_up": "话后处理 wrap-up"}

# Why nobody is named for certain (the pop-up's doubt).
DOUBT = {
    "cut": "号码不全 number cut",
    "serial_damaged": "串口误码 serial line damaged",
    "port_map": "端口对应存疑 port map in doubt",
    "sources_differ": "来源不一致 sources differ",
    "place_guessed": "线路未注明 line not stated",
}

# What became of a verb that takes its time.
BECAME = {
    "done": "已接通 put through",
    "busy": "对方忙 busy",
    "no_answer": "无人接听 no answer",
    "not_lifted": "未摘机 your telephone was not lifted",
}

LABELS = (
    ("ani", "主叫号码 ANI"),
    ("dnis", "被叫号码 DNIS"),
    ("group", "技能组 group"),
    ("menu", "按键 choice"),
    ("language", "语言 language"),
    ("waited_s", "等待 waited"),
)


def width(text: str) -> int:
    """Columns on a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def clean(value: object) -> str:
    """As text that moves no cursor."""
    if value is None:
        return "-"
    return "".join(char if char.isprintable() else " " for char in str(value))


def padded(text: str, columns: int) -> str:
    """Filled with spaces to so many columns; longer text is cut."""
    while width(text) > columns:
        text = text[:-1]
    return text + " " * (columns - width(text))


def row(label: str, value: object) -> str:
    """One line of a card."""
    return f"  {padded(label, LABEL_WIDTH)}{clean(value)}"


def pop_up(card: Mapping[str, Any], title: str = "弹屏 pop-up") -> list[str]:
    """The card of a call."""
    lines = [f"=== {title}  {clean(card.get('call'))} ==="]
    for key, label in LABELS:
        if card.get(key) is not None or key == "ani":
            value = f"{card[key]} s" if key == "waited_s" else card.get(key)
            lines.append(row(label, value if value is not None else "未知 unknown"))
    customer = card.get("customer")
    if card.get("doubt"):
        why = DOUBT.get(str(card["doubt"]), clean(card["doubt"]))
        lines.append(row("未确认 unconfirmed", why))
    if isinstance(customer, Mapping):
        lines.append(row("客户 customer", clean(customer.get("name"))))
        for key, label in (("company", "单位 company"), ("note", "备注 note")):
            if customer.get(key):
                lines.append(row(label, customer[key]))
    elif card.get("candidates"):
        names = ", ".join(clean(found.get("name")) for found in card["candidates"] if isinstance(found, Mapping))
        lines.append(row("可能是 perhaps", names))
    for past in list(card.get("last_calls") or ())[:5]:
        if isinstance(past, Mapping):
            lines.append(row("历史 last call", call_line(past)))
    return lines


def call_line(call: Mapping[str, Any]) -> str:
    """One past call; its time as this computer's clock shows it."""
    when = clean(call.get("at"))
    with suppress(ValueError):
        when = datetime.fromisoformat(when).astimezone().isoformat(" ")
    when = when[:16].replace("T", " ")
    talk = call.get("talk_s")
    minutes = f"{int(talk) // 60}:{int(talk) % 60:02d}" if isinstance(talk, int | float) else "-"
    known = [clean(call.get(key)) for key in ("ani", "outcome", "group", "agent") if call.get(key) is not None]
    return "  ".join([when, *known, minutes])


def state_line(state: Mapping[str, Any]) -> str:
    """The three truths in one line."""
    declared = str(state.get("declared"))
    reason = f" ({clean(state['reason'])})" if declared == "not_ready" and state.get("reason") else ""
    parts = [DECLARED.get(declared, clean(declared)) + reason]
    parts.append(LINE.get(str(state.get("line")), clean(state.get("line"))))
    work = WORK.get(str(state.get("work")), clean(state.get("work")))
    if work:
        parts.append(work)
    return f"[{clean(state.get('extension'))}] " + " | ".join(parts)


def connection_line(told: Mapping[str, Any]) -> str:
    """Who is in the conversation now, and what just changed."""
    parts = [part for part in told.get("connections") or () if isinstance(part, Mapping)]
    now = ", ".join(f"{clean(part.get('device'))} {clean(part.get('state'))}" for part in parts)
    return f"({clean(told.get('event'))} {clean(told.get('device'))}: {now or 'nobody'})"


def verb_line(told: Mapping[str, Any]) -> str:
    """What became of a wish."""
    result = str(told.get("result"))
    became = BECAME.get(result, f"未接通 not put through ({clean(result)})")
    return f"({clean(told.get('verb'))} {clean(told.get('to'))}: {became}: {clean(told.get('how'))})"


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Calls or messages, one a line."""
    lines = [f"{title}: {len(rows)}"]
    for each in rows:
        seconds = each.get("seconds")
        more = f"  {seconds} s" if seconds is not None else ""
        lines.append(f"  {padded(clean(each.get('call')), 12)}{call_line(each)}{more}")
    return lines
