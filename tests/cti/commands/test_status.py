"""What `tipring status` says of the serial lines and of the PBX's clock."""

from __future__ import annotations

import pytest

from cti.commands.status import _show, clock_words


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
