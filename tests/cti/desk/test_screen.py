"""The desk on a terminal: columns line up, nothing repaints the screen, words in both languages do what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cti.commands.agent import WORDS, Desk, DeskRefused
from cti.desk import screen, wire

CARD: dict[str, Any] = {
    "call": "3-000017",
    "ani": "02161234567",
    "dnis": "4008001234",
    "group": "sales",
    "menu": "1",
    "waited_s": 12.4,
    "customer": {"name": "王芳", "company": "华东贸易", "note": "\x1b[2J老客户"},
    "confirmed": True,
    "last_calls": [{"at": "2026-01-04T03:12:09Z", "outcome": "answered", "agent": "1002", "talk_s": 184.0}],
}


def test_the_pop_up_is_aligned() -> None:
    lines = screen.pop_up(CARD)
    assert lines[0] == "=== 弹屏 pop-up  3-000017 ==="
    values = ("02161234567", "4008001234", "sales", "1", "12.4 s", "王芳", "华东贸易", " [2J老客户", "2026-01-04 03:12")
    assert len(lines) == len(values) + 1
    for line, value in zip(lines[1:], values, strict=True):
        before, found, _ = line.partition(value)
        assert found, line
        assert screen.width(before) == 2 + screen.LABEL_WIDTH, line
    assert all(char.isprintable() for line in lines for char in line)
    assert lines[-1].endswith("3:04")


def test_what_is_not_known_is_said() -> None:
    lines = screen.pop_up({"call": "c1", "ani": None, "customer": None, "candidates": [{"name": "甲"}, {"name": "乙"}]})
    assert any("未知" in line for line in lines)
    assert any("甲, 乙" in line for line in lines)


@pytest.mark.parametrize("doubt", ["cut", "serial_damaged", "port_map", "sources_differ", "place_guessed", "new\x1b"])
def test_an_uncertain_number_says_so(doubt: str) -> None:
    card = CARD | {
        "confirmed": False,
        "doubt": doubt,
        "customer": None,
        "candidates": [{"name": "甲", "certain": False}],
    }
    lines = screen.pop_up(card)
    (said,) = [line for line in lines if "unconfirmed" in line]
    assert screen.DOUBT.get(doubt, "new") in said and said.isprintable()
    assert any("甲" in line for line in lines) and not any("customer" in line for line in lines)


def test_widths() -> None:
    assert screen.width("弹屏") == 4
    assert screen.width("ａ") == 2
    assert screen.width("e\u0301") == 1
    assert screen.padded("弹屏屏", 5) == "弹屏 "
    assert screen.state_line({"declared": "not_ready", "reason": "吃饭", "line": "idle", "work": "wrap_up"}) == (
        "[-] 示忙 not ready (吃饭) | 空闲 idle | 话后处理 wrap-up"
    )


class Typing:
    """A desk whose requests and lines are collected."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.desk = Desk("1001", "secret", "8001", True, lambda *lines: self.shown.extend(lines))

    def sent(self, data: bytes) -> list[tuple[str, dict[str, Any]]]:
        found = [wire.decode(line) for line in data.splitlines()]
        assert all(isinstance(item, wire.Call) for item in found), found
        return [(message["method"], message["params"]) for message in map(json.loads, data.splitlines())]

    def answer(self, number: int, **body: object) -> bytes:
        return self.desk.heard(json.dumps({"jsonrpc": "2.0", "id": number, **body}).encode())

    def login(self) -> bytes:
        self.desk.hello()
        state = {"declared": "not_ready", "reason": "login", "line": "idle", "work": "none", "extension": "8001"}
        welcome = {"token": "t1", "agent": {"id": "1001", "name": "李明"}, "state": state, "popup": None}
        return self.answer(1, result=welcome)


def test_words_in_both_languages() -> None:
    typing = Typing()
    typing.login()
    for method, words in WORDS.items():
        for word in words:
            sent = typing.sent(typing.desk.typed(word))
            needs_more = method in ("help", "message.fetch")  # which message is to be heard
            assert sent == ([] if needs_more else [(method, {})]), word
    assert typing.sent(typing.desk.typed("示忙 吃饭 去了")) == [("not_ready", {"reason": "吃饭 去了"})]
    assert typing.sent(typing.desk.typed("话单 7")) == [("calls", {"limit": 7})]
    assert typing.desk.typed("") == b""
    assert typing.desk.typed("dance") == b""
    assert "dance?" in typing.shown[-1]
    assert "ready/示闲" in typing.shown[-1]


def test_login_ready_resume_and_login_again() -> None:
    typing = Typing()
    assert typing.sent(typing.desk.hello()) == [("login", {"agent": "1001", "password": "secret", "extension": "8001"})]
    typing = Typing()
    assert typing.sent(typing.login()) == [("ready", {})]
    assert typing.sent(typing.desk.hello()) == [("resume", {"token": "t1"})]
    unknown = {"code": wire.UNKNOWN_SESSION, "message": "no such session"}
    assert typing.sent(typing.answer(3, error=unknown))[0][0] == "login"
    with pytest.raises(DeskRefused, match=r"try again after 0\.5 s"):
        typing.answer(4, error={"code": wire.TOO_SOON, "message": "wrong", "data": {"retry_after_s": 0.5}})


def test_every_notification_is_shown() -> None:
    typing = Typing()
    typing.login()
    examples: dict[str, dict[str, Any]] = {
        "popup": CARD,
        "popup.update": {"call": "3-000017", "ani": "555"},
        "state": {"declared": "ready", "line": "talking", "work": "none"},
        "ended": {"call": "3-000017", "reason": "answered"},
        "connection": {
            "event": "Held",
            "device": "8001",
            "conversation": "v1",
            "connections": [{"device": "8001", "state": "hold", "role": "talk"}],
        },
        "verb": {"verb": "make", "to": "8002", "result": "busy", "how": "busy"},
        "ask": {"what": "still_talking", "call": "3-000017"},
        "message": {"call": "m1", "ani": "555", "seconds": 4.2},
        "alarm": {"what": "smdi", "text": "down"},
        "taken_over": {"address": "10.0.0.2"},
    }
    assert examples.keys() == wire.NOTIFICATIONS.keys() - {"heartbeat"}
    for method, params in examples.items():
        before = len(typing.shown)
        typing.desk.heard(wire.notification(method, params))
        assert len(typing.shown) > before, method
    assert any("555" in line for line in typing.shown)
    assert typing.desk.taken_over
    before = len(typing.shown)
    typing.desk.heard(wire.notification("heartbeat", {"every_s": 15.0}))
    assert len(typing.shown) == before


def test_hang_up_is_a_word_where_that_counts_and_a_deed_elsewhere() -> None:
    """Where our own cards switch, and while a telephone rings, the word that a call is over changes nothing."""
    typing = Typing()
    typing.login()
    before = list(typing.shown)
    state = {"extension": "8001", "declared": "ready", "line": "talking", "work": "none"}
    assert typing.sent(typing.desk.typed("挂机")) == [("call_ended", {})]
    assert typing.answer(3, result={"changed": True, "state": state}) == b""
    typing.desk.typed("hangup")
    assert typing.sent(typing.answer(4, result={"changed": False, "state": state})) == [("hang_up", {})]
    assert typing.answer(5, result={"state": state}) == b"" and typing.shown == before


def test_errors_and_lists_are_shown() -> None:
    typing = Typing()
    typing.login()
    typing.desk.typed("calls")
    typing.answer(3, result={"calls": [{"call": "c1", "at": "2026-01-04T03:12:09Z", "talk_s": 61}]})
    typing.desk.typed("done")
    typing.answer(4, error={"code": wire.NOT_POSSIBLE, "message": "bad\x1b[0m"})
    typing.desk.typed("still")
    typing.answer(5, result={"changed": False, "state": {"declared": "ready", "line": "idle", "work": "none"}})
    text = "\n".join(typing.shown)
    assert "1:01" in text
    assert "wrap_up_done: bad [0m (-32006)" in text
    assert "没有变化" in text
    before = typing.desk.leaving
    typing.desk.typed("quit")
    assert (before, typing.desk.leaving, typing.desk.under_way) == (False, True, True)
