"""What `tipring status` says of the serial lines and of the PBX's clock."""

from __future__ import annotations

import pytest

from cti.commands.status import FEW, _show, alike, clock_words
from drivers.state import ALARMS
from drivers.words import alarm_words


@pytest.mark.parametrize(
    ("slow_s", "words"),
    [(None, "not known yet"), (0.2, "+0 s"), (-420.0, "+7 min 0 s"), (90.4, "-1 min 30 s"), (-12.0, "+12 s")],
)
def test_the_clock_in_words(slow_s: float | None, words: str) -> None:
    assert clock_words(slow_s).startswith(words)


def test_unread_lines_and_the_clock_are_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    link = {"link": "smdr", "state": "up", "bytes": 900, "items": 12, "unread": 3}
    _show({"links": [link], "pbx_clock_s": -420.0, "engine": {}})
    out = capsys.readouterr().out
    assert "unread" in out and "│ 3" in out and "PBX clock 交换机时钟  +7 min 0 s" in out
    _show({"links": [], "pbx_clock_s": None, "engine": {}})
    assert "PBX clock" not in capsys.readouterr().out


def test_every_alarm_of_a_port_is_told_in_words() -> None:
    assert all(", " in alarm_words([alarm]) for alarm in ALARMS)
    assert alarm_words(("red", "los")).count("; ") == 1 and alarm_words(()) == ""


def test_a_card_that_is_gone_is_one_row_and_not_one_a_port(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [{"alarm": f"line_{n}", "text": f"port vru:{n - 2001}, extension {n}: red"} for n in range(2001, 2031)]
    other = {"alarm": "line_2031", "text": "port vru:30, extension 2031: removed"}
    card = {"alarm": "card_vru", "text": "card vru: nothing at /run/x.sock (Connection refused); tried each 1 s"}
    assert [row["alarm"] for row in alike([card, *lines, other])] == ["card_vru", "line_2001 … line_2030", "line_2031"]
    assert alike(lines[:FEW]) == lines[:FEW]
    _show({"alarms": [card, *lines], "engine": {}})
    out = capsys.readouterr().out
    assert "line_2001 … line_2030" in out and "30 of them 共30条: red" in out and "line_2002" not in out


def test_what_an_agent_wrote_stands_on_the_page_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither square brackets nor control characters do anything to the operator's terminal."""
    said = ["[/foo] x", "[red]lunch[/red]", "\x1b[2Jcleared", "a\nb", ":x:", "培训"]
    _show({"agents": [{"agent": f"100{n}", "reason": reason} for n, reason in enumerate(said)], "engine": {}})
    out = capsys.readouterr().out
    shown = [line.split("│")[2].strip() for line in out.splitlines() if line.startswith("│ 100")]
    assert shown == ["[/foo] x", "[red]lunch[/red]", "\\x1b[2Jcleared", "a\\nb", ":x:", "培训"]
