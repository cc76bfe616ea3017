"""What the office sent against what the server has: numbers, calls that failed on the way, and why (step 1).

The office's side is its own log (simulators/office/log.py), which the server never sees. Every call that the office
sent is a call of the server with the same two numbers, or has failed with a cause that the office names. `join`: the
trunks end on the server's cards; `join_behind_pbx`: on a PBX, which must have taken both numbers as they were sent
(what it passes on of them is the judge's to compare).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.signalling.causes import NORMAL
from simulators.judge.card_judge import CardFinding
from simulators.judge.judge import Finding
from simulators.judge.matching import match
from simulators.office.log import Sent, calls, matched
from simulators.scenario.scenario import Scenario
from simulators.truth import Truth

ALARM_S = 4.0
"""An alarm of the line ends calls so late."""


@dataclass(frozen=True)
class Lost:
    """A call that the server was never offered: the office's cause, and what the far end of its line, server or PBX,
    says of that seizure, if anything."""

    sent: Sent
    server: str

    @property
    def outcome(self) -> str:
        """`abandoned_ring` where the caller has hung up."""
        return "abandoned_ring" if self.sent.cause == NORMAL.number else "failed"

    def __str__(self) -> str:
        one = self.sent
        office = f"{one.cause} {one.text}" if one.cause else one.text or "no cause"
        who = one.ani or ("withheld" if one.withheld else "no number")
        here = self.server or "nothing came"
        return f"caller {one.caller} ({who} to {one.dnis}) on line {one.line}: the office says {office}; here: {here}"


def join(
    rows: list[dict[str, Any]],
    office: Path,
    alarms: Sequence[tuple[str, float, float]] = (),
) -> tuple[list[CardFinding], list[Lost], set[int]]:
    """Gives each row `ani_sent` (None: no number) and `dnis_sent` (None: no call of the office), adds a row for each
    call that was lost, and tells what cannot be. Last the callers who were cut off by the line: what became of them is
    nobody's choice. ``alarms``: kind, second, for seconds; an R2 exchange takes the far end's letting go for a
    hang-up."""
    findings: list[CardFinding] = []
    lost: list[Lost] = []
    cut: set[int] = set()
    for row in rows:
        row["ani_sent"] = row["dnis_sent"] = None
    for sent, found in matched(calls(office), list(rows)):
        if sent.cleared_s is None and sent.told_end:
            findings.append(CardFinding(sent.caller, None, f"its call on line {sent.line} never ended"))
        ended_s = sent.cleared_s if sent.cleared_s is not None else float("inf")
        in_alarm = any(at_s <= ended_s <= at_s + for_s + ALARM_S for _, at_s, for_s in alarms)
        # a row of step 1 alone: the server has the call, which was over before it could be offered
        failed = found is None or set(found["steps"]) <= {"1", "2"}
        if failed or in_alarm or sent.cause not in (0, 16):
            cut.add(sent.caller)
        if found is None or failed:
            failure = Lost(sent, str(found["cause"]) if found is not None else "")
            lost.append(failure)
            if found is None:
                rows.append(_row(rows, failure))
            else:
                found |= {
                    "ani_sent": sent.ani or None,
                    "dnis_sent": sent.dnis,
                    "cause_sent": f"{sent.cause} {sent.text}",
                }
            if sent.told_end and not sent.cause:
                findings.append(CardFinding(sent.caller, None, f"failed without a cause: {failure}"))
            continue
        found["ani_sent"], found["dnis_sent"] = sent.ani or None, sent.dnis
        if sent.told_end and (found["ani"] or "", found["dnis"] or "") != (sent.ani, sent.dnis):
            text = f"has {found['ani']} to {found['dnis']}, the office sent {sent.ani or 'no number'} to {sent.dnis}"
            findings.append(CardFinding(sent.caller, str(found["call"]), text))
    return findings, lost, cut


def _row(rows: Sequence[dict[str, Any]], lost: Lost) -> dict[str, Any]:
    """In the form of the others."""
    sent = lost.sent
    empty: dict[str, Any] = dict.fromkeys(rows[0]) if rows else {}
    return {
        **empty,
        "outcome": lost.outcome,
        "cause": lost.server or f"{sent.cause} {sent.text}",
        "cause_sent": f"{sent.cause} {sent.text}",
        "extension": f"office/{sent.line}",
        "steps": {},
        "sources": {},
        "parties": [],
        "verbs": [],
        "recordings": [],
        "ani_sent": sent.ani or None,
        "dnis_sent": sent.dnis,
    }


def join_behind_pbx(
    rows: list[dict[str, Any]], truth: Truth, scenario: Scenario, office: Path
) -> tuple[list[Finding], list[Lost]]:
    """As `join`. Of analog lines the office does not say how a call ended: one that the PBX never hunted for is not
    missed."""
    theirs = match(rows, truth, scenario)
    numbers: dict[int, tuple[str | None, str]] = {}
    findings: list[Finding] = []
    lost: list[Lost] = []
    for sent in calls(office):
        for call in theirs.get(sent.caller, ()):
            numbers[id(call)] = sent.ani or None, sent.dnis
        if not sent.told_end:
            continue
        if sent.cleared_s is None:
            findings.append(Finding(sent.caller, None, f"its call on line {sent.line} never ended"))
        taken = truth.calls[sent.caller].first("offered")
        if taken is not None and (taken.data["calling"] or "", taken.data["called"]) != (sent.ani, sent.dnis):
            text = f"the PBX took {taken.data['calling']} to {taken.data['called']}, sent was {sent.ani} to {sent.dnis}"
            findings.append(Finding(sent.caller, None, text))
        if sent.caller not in theirs:
            failure = Lost(sent, _said_by_pbx(sent, truth))
            lost.append(failure)
            rows.append(_row(rows, failure))
            numbers[id(rows[-1])] = sent.ani or None, sent.dnis
            if not sent.cause:
                findings.append(Finding(sent.caller, None, f"failed without a cause: {failure}"))
    for row in rows:
        row["ani_sent"], row["dnis_sent"] = numbers.get(id(row), (None, None))
    return findings, lost


def _said_by_pbx(sent: Sent, truth: Truth) -> str:
    """The PBX's own word on a call for which it never rang an extension."""
    mine = truth.calls[sent.caller]
    said = mine.first("seizure failed") or mine.first("released")
    return "" if said is None else f"{said.data['cause']} {said.data['text']}"
