"""The end of `tipring demo --stepped`: how the run went, for people, and its exit status (the judge's last word).

The status is 1 where the server's calls are not as the world saw them. A call that failed by what is wrong in the world
is none of these, and is told with its cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cti.records.outcome import MEANING
from simulators.pbx.makes import MAKES
from simulators.rig.result import missing_step

if TYPE_CHECKING:
    from simulators.rig.on_card import CardRun
    from simulators.rig.stage import Told
    from simulators.rig.stepped import Run
    from simulators.scenario.scenario import Scenario

MOST = 20
"""Calls that are told one by one."""
WORDS = {
    "reconciled": "the PBX's own record came and is right",
    "doubted": "a sound one came, taken for one that may be damaged",
    "marked": "none or a damaged one came, and the call says so",
    "spoilt": "a damaged one was taken for sound",
    "missing": "none came, and the call does not say so",
    "wrong": "another caller's",
}
"""What becomes of a call record, as told.record_of has it."""

EXCHANGED = (
    "the PBX is not the one of the site file: an alarm must say so, nobody be shown as certain who is not the caller,"
    " and no agent be freed wrongly or stay stuck; numbers and records may be missing"
)


def on_card(result: CardRun, *, strict: bool) -> tuple[list[str], int]:
    """Lines and status: what people heard against what the server says. Not ``strict`` (with faults asked for): a late
    pop-up is forgiven, as is a call that failed on its line."""
    amiss = [*map(str, result.findings), *map(str, result.popups)]
    lines = [*_world(result.scenario), *_calls(result.calls), *_failed(result), *_differences(amiss)]
    callers = {found.number for found in result.findings}
    lines.append(last_line(len(result.calls), callers, len(amiss)))
    return lines, int(bool(result.findings or (strict and (result.popups or _any_failed(result)))))


def behind_pbx(result: Run, *, strict: bool) -> tuple[list[str], int]:
    """As `on_card`; not ``strict``: a step that was never made is forgiven, too."""
    lines = _world(result.scenario)
    if result.records:
        told = [f"{count} {word} ({WORDS.get(word, word)})" for word, count in sorted(result.records.items())]
        lines += [f"call records of answered calls: {', '.join(told)}", f"agents: {result.freed}"]
    freed = [*result.freed.wrongly, *result.freed.stuck]
    findings, popups = ([], []) if excused(result) else (result.findings, result.popups)
    amiss = [*freed, *map(str, findings), *popups, *result.strangers]
    lines += [*_calls(result.calls), *_failed(result), *_alarms(result), *_differences(amiss)]
    if excused(result):
        lines += [f"forgiven 不计: {told}" for told in (*map(str, result.findings), *result.popups)]
    step = missing_step(result.calls, records=MAKES[result.scenario.make].records is not None)
    if strict and step is not None:
        lines.append(f"step {step} was never made")
    if result.scenario.was is not None:
        lines.append(EXCHANGED)
    lines.append(last_line(len(result.calls), {found.number for found in findings}, len(amiss)))
    wrong = findings or result.strangers or freed
    if result.scenario.was is not None:
        return lines, int(bool(wrong))
    return lines, int(bool(wrong or (strict and (step is not None or result.popups or _any_failed(result)))))


def excused(result: Run) -> bool:
    """Was the PBX exchanged, and an alarm raised? Then what the judge found and records that are missing do not count
    (docs/simulation.md); strangers and agents freed wrongly always do."""
    return result.scenario.was is not None and bool(result.alarms)


def last_line(calls: int, callers: Iterable[int], differences: int) -> str:
    """``callers`` of whom something differs (0: nobody's); ``differences`` in all."""
    good = calls - len(set(callers) - {0})
    text = f"the judge: {max(good, 0)} of {calls} calls as the world saw them"
    if not differences:
        return f"{text} 核对一致"
    return f"{text}, {differences} difference{'s' * (differences != 1)} above 核对不一致"


def _world(scenario: Scenario) -> list[str]:
    """What the world does without being asked to."""
    lines = []
    if scenario.trunk in ("r2", "pri"):
        lines.append("numbers have 1 to 20 digits on purpose 号码长短不一，有意为之; your own: --callers FILE")
    told = scenario.smdi_of if scenario.pbx.smdi is not None or scenario.pbx.mci is not None else {}
    printed = scenario.smdr_of if MAKES[scenario.make].records is not None else {}
    count = {
        "late": sum(one.late_s > 0 for one in told.values()),
        "lost": sum(one.lost > 0 for one in told.values()),
        "damaged": sum(one.damaged > 0 for one in printed.values()),
    }
    if any(count.values()):
        lines.append(
            f"what the world does wrong by itself: messages late {count['late']}, lost {count['lost']} (then nobody"
            f" tells the DNIS), records damaged {count['damaged']} 模拟世界自带的差错"
        )
    return lines


def _calls(calls: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """How many were answered, and what became of the others; of E1 calls that never came, see `_failed`."""
    answered = sum(call["outcome"] == "answered" for call in calls)
    own = [call for call in calls if call["outcome"] != "answered" and "cause_sent" not in call]
    yield f"{answered} of {len(calls)} calls answered 已接通"
    for call in own[:MOST]:
        english, chinese = MEANING.get(call["outcome"], ("not ended", "未结束"))
        yield f"  {call['call']} {english} {chinese}: {call['cause'] or 'no cause'}"
    if len(own) > MOST:
        yield f"  and {len(own) - MOST} more; all of them: --json FILE"


def _alarms(result: Run) -> Iterator[str]:
    """Each that the server raised: when first, in which words, and how it was told last."""
    told: dict[str, list[Told]] = {}
    for alarm in result.alarms:
        told.setdefault(alarm.name, []).append(alarm)
    for name, all_of in told.items():
        first, last = all_of[0], all_of[-1]
        yield f"alarm 告警 at {first.at_s:.0f} s: {name}: {first.text}"
        if len(all_of) > 1:
            yield f"  {len(all_of)} times, last at {last.at_s:.0f} s: {last.text}"


def _failed(result: Run | CardRun) -> Iterator[str]:
    return (f"failed: {lost}" for lost in result.lost if lost.outcome == "failed")


def _any_failed(result: Run | CardRun) -> bool:
    """Calls that ended on the line before anybody had them; were there any but of callers who hung up?"""
    return any(lost.outcome == "failed" for lost in result.lost)


def _differences(amiss: Iterable[str]) -> Iterator[str]:
    return (f"differs: {finding}" for finding in amiss)
