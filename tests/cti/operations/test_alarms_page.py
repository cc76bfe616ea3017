"""docs/alarms.md names every alarm that the server can raise and every outcome of a call, with the words in force."""

from __future__ import annotations

import re
from pathlib import Path

from cti.records.outcome import MEANING

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "alarms.md").read_text("utf-8")
RAISED = re.compile(r'(?:(?<!link_)alarm\(f?|_news\.(?:append|extend)\(\(|\balarm=)"(?P<name>[a-z_]+(?:\{[^"]*)?)"')
OF_A_LINE = re.compile(r'self\._raise\("(?P<name>\w+)"')


def named() -> set[str]:
    """What stands in the first cell of a row."""
    return {name for row in re.findall(r"^\| (.+?) \|", PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}


def test_every_alarm_stands_on_the_page() -> None:
    raised = {found["name"] for file in (ROOT / "cti").rglob("*.py") for found in RAISED.finditer(file.read_text())}
    lasting = {name.partition("{")[0] for name in raised}
    of_a_line = {found["name"] for found in OF_A_LINE.finditer((ROOT / "cti/pbx/link.py").read_text())}
    assert len(lasting) > 25 and of_a_line == {"down", "silent", "writes_full", "failed"}
    there = named()
    beginnings = {name for name in lasting if name.endswith("_")}
    assert not lasting - beginnings - there
    assert not {name for name in beginnings if not any(known.startswith(name) for known in there)}
    assert not {name for name in of_a_line if not any(known.endswith(f"_{name}") for known in there)}


def test_every_outcome_stands_on_the_page_in_the_words_of_the_screens() -> None:
    assert dict(re.findall(r"^\| `(\w+)` \| ([^|a-z]+) \|", PAGE, re.MULTILINE)) == {
        outcome: chinese for outcome, (_, chinese) in MEANING.items()
    }
