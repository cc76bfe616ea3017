"""Tells what `CardTests` came to on both cards, and fails where they did not run alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pytest

CARDS = {"TestSoftwareCard": "sim", "TestDahdiCard": "dahdi"}
LEAST = 40
outcomes: dict[str, dict[str, str]] = defaultdict(dict)
reasons: dict[str, str] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Notes how each test of a card ended."""
    *_, card, test = report.nodeid.split("::") if report.nodeid.count("::") > 1 else ("", report.nodeid)
    if card not in CARDS or (report.when != "call" and report.passed):
        return
    outcomes[CARDS[card]][test] = report.outcome
    if report.skipped and isinstance(report.longrepr, tuple):
        reasons[test] = report.longrepr[2].removeprefix("Skipped: ")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A card with other tests than the other, or too few, is a failure even where none failed."""
    if outcomes and any(alike()):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def alike() -> Iterator[str]:
    """What is wrong with the comparison, a line each."""
    sim, dahdi = outcomes["sim"], outcomes["dahdi"]
    if sim.keys() != dahdi.keys():
        yield f"different tests ran: {', '.join(sorted(sim.keys() ^ dahdi.keys()))}"
    passed = sum(outcome == "passed" for outcome in dahdi.values())
    if passed < LEAST:
        yield f"{passed} tests passed on the real driver, fewer than {LEAST}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The line that says it all, and each skip with its reason."""
    if not outcomes:
        return
    line = terminalreporter.write_line
    for test, reason in sorted(reasons.items()):
        line(f"skipped {test}: {reason}")
    for wrong in alike():
        line(f"FAILED: {wrong}")
    line(f"CardTests sim={len(outcomes['sim'])} dahdi={len(outcomes['dahdi'])} skipped={len(reasons)}")
