"""What agents' screens showed, against who called and with whom they were put through (step 8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simulators.judge.matching import match
from simulators.scenario.customers import customers
from simulators.scenario.scenario import Scenario
from simulators.truth import Happening, Truth

SHOWN = ("popup", "popup update")


def strangers(calls: Sequence[Mapping[str, Any]], truth: Truth, scenario: Scenario) -> list[str]:
    """Pop-ups with a customer, shown as certain, who was not the caller; and agents who were put through to one caller
    while their screens showed another's call."""
    numbers = {str(call["call"]): number for number, theirs in match(calls, truth, scenario).items() for call in theirs}
    known = {(number, entry[0]) for number, entry in customers(scenario)}
    wrong = []
    for one in truth.log:
        mine = truth.calls.get(numbers.get(str(one.data.get("call")), 0)) if one.what in SHOWN else None
        if mine is None or not one.data.get("confirmed"):
            continue
        name = one.data.get("customer")
        if one.data["ani"] != mine.ani:
            wrong.append(f"{one.at_s:.2f} s: {one.who} shows {one.data['ani']} as certain, the caller is {mine.ani}")
        elif name is not None and (mine.ani, name) not in known:
            wrong.append(f"{one.at_s:.2f} s: {one.who} shows {name} as certain, which is not the caller, {mine.ani}")
    return wrong + list(_beside(numbers, truth, scenario))


def _beside(numbers: Mapping[str, int], truth: Truth, scenario: Scenario) -> Iterator[str]:
    """Agents hand callers on by their own buttons and codes, too: then the screen follows later."""
    if scenario.deeds:
        return
    shown: dict[str, Happening] = {}  # desk -> the last pop-up
    for one in truth.log:
        if one.what == "popup":
            shown[one.who] = one
        if one.what != "through" or one.data["kind"] != "agent":
            continue
        for agent in scenario.sitting_at(str(one.data["extension"]), one.at_s):
            popup = shown.get(f"desk {agent}")
            if popup is not None and numbers.get(str(popup.data["call"])) != one.call:
                yield (
                    f"{one.at_s:.2f} s: agent {agent} is put through to caller {one.call}, the screen shows call"
                    f" {popup.data['call']}, caller {numbers.get(str(popup.data['call']), 'nobody')}"
                )


def popups(truth: Truth) -> list[str]:
    """Desks whose telephone rang before the pop-up was shown. Only rings at a desk that is logged in count, and none
    by which an agent's own call begins."""
    wrong = []
    asked: set[str] = set()  # telephones that ring next because their agents want to call
    own_s = -1.0
    for happening in truth.log:
        if happening.what == "deed" and happening.data.get("verb") == "make" and not happening.data.get("refused"):
            asked.add(happening.who)
        elif happening.what == "phone rings" and happening.who in asked:
            asked.discard(happening.who)
            own_s = happening.at_s
        elif happening.at_s == own_s:
            continue
        elif happening.who.startswith("desk ") and happening.what == "rings" and not happening.data["popup"]:
            wrong.append(f"{happening.at_s:.2f} s: {happening.who} rang without a pop-up")
    return wrong
