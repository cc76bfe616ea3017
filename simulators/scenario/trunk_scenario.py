"""Calls over digital trunks, from a seed or with numbers from a file: all lengths, withheld ones, both ways at once.

Callers do what callers do (scenario.py). `mixed`: the trunks end on the server's own cards; while callers come, agents
call people of the town, so that both ends seize channels, and with some of the calls is done what card_cases.py has.
`behind_pbx`: they end on a PBX. Serves steps 1 and 2 where the network says the numbers, and outside calls.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Final

from simulators.people.caller import CallerPlan
from simulators.people.subscriber import SubscriberPlan
from simulators.scenario.card_cases import CASES as CARD_CASES
from simulators.scenario.card_scenario import OTHERS, SUPERVISORS, staff, with_rows_of
from simulators.scenario.deed_rows import deed
from simulators.scenario.scenario import CASES, OUTSIDE, Scenario, caller_for, demo
from simulators.scenario.scenario import mixed as mixed_behind_pbx

MAX_DIGITS = 20
LINES = 30
KINDS = ("answered", "answered", "answered", "answered", "abandoned_menu", "message")
PBX_CASES = tuple(case for case in CASES if case not in ("smdi_late", "smdi_lost", "smdr_damaged"))
"""Serial lines are sound here, so that every number of the office's can be held against the server's."""
GONE_S = (0.1, 0.6)
"""When callers hang up who do not wait for an answer, over ISDN; R2 would be in the middle of its registers."""
DEEDS_EVERY = 2  # with one of so many who are answered something is done
HELPERS = OTHERS[-3:]
"""Who help with it; the others call out."""
OUTGOING_EVERY = 3  # one call out to so many in
OUT_S = 90.0  # an agent who called somebody calls nobody else so soon: some ring for a minute


@dataclass(frozen=True)
class Pair:
    """Who calls and whom; ani None: withheld."""

    ani: str | None
    dnis: str


FEW: Final = (Pair("13800138000", "66886688"), Pair(None, "66886688"), Pair("02162001234", "8001"))
"""For a short run before one's eyes: R2 takes a quarter of a second for a digit."""


class NumbersError(ValueError):
    """A file of numbers that cannot be used."""


def read_numbers(path: Path) -> list[Pair]:
    """One call a line, `ANI,DNIS`: 1 to 20 digits each; an empty ANI is withheld; # begins a comment. NumbersError
    names the line."""
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except OSError as error:
        raise NumbersError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NumbersError(f"{path}: is not UTF-8: a text of lines ANI,DNIS is wanted") from error
    found = []
    for at, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if len(cells) != 2 or not _digits(cells[1]) or not (cells[0] == "" or _digits(cells[0])):
            raise NumbersError(f"{path}:{at}: {','.join(row)!r}: write ANI,DNIS, 1 to 20 digits each; no ANI: withheld")
        found.append(Pair(cells[0] or None, cells[1]))
    if not found:
        raise NumbersError(f"{path}: holds no numbers")
    return found


def _digits(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 1 <= len(text) <= MAX_DIGITS


def drawn(random: Random, number: int) -> Pair:
    """Numbers for call `number`: of each length in turn, then of any; each eighth caller withholds his."""
    length = number if number <= MAX_DIGITS else random.randint(1, MAX_DIGITS)
    called = MAX_DIGITS + 1 - number if number <= MAX_DIGITS else random.choice((4, 7, 8, 8, 8, random.randint(1, 20)))
    ani = None if number % 8 == 0 and number > MAX_DIGITS else _number(random, length)
    return Pair(ani, _number(random, called))


def _number(random: Random, length: int) -> str:
    return "".join(random.choice("0123456789") for _ in range(length))


def mixed(
    seed: int,
    calls: int,
    *,
    every_s: float = 6.0,
    trunk: str = "r2",
    lines: int = LINES,
    numbers: Sequence[Pair] = (),
) -> Scenario:
    """`calls` callers, about one each `every_s`; the first ones with `numbers`, in order, where there are any."""
    random = Random(f"tipring trunk {seed}")
    callers: list[CallerPlan] = []
    subscribers: list[SubscriberPlan] = []
    deeds = []
    at_s = 4.0
    free_s = dict.fromkeys(OTHERS, 0.0)
    for number in range(1, calls + 1):
        pair = numbers[number - 1] if number <= len(numbers) else drawn(random, number)
        plan = caller_for(random, number, at_s, random.choice(KINDS))
        callers.append(replace(plan, ani=pair.ani, dnis=pair.dnis, absence="private", caller_id="fsk"))
        extension = next((one for one in OTHERS[: -len(HELPERS)] if free_s[one] <= at_s), None)
        if number % OUTGOING_EVERY == 0 and extension is not None:
            called = f"6{len(subscribers):03d}{_number(random, random.choice((4, 4, 7)))}"
            answer_s = None if random.random() < 0.15 else round(random.uniform(1.0, 4.0), 1)
            busy = random.random() < 0.1
            subscribers.append(SubscriberPlan(called, answer_s, round(random.uniform(4.0, 12.0), 1), busy))
            row = deed(f"{at_s:.2f}", f"desk 1{extension[1:]}", f"make {called}")
            assert row is not None
            deeds.append(row)
            free_s[extension] = at_s + OUT_S
        at_s += every_s * random.uniform(0.7, 1.3)
    scenario = Scenario(
        seed,
        tuple(callers),
        tuple(replace(plan, site={**plan.site, "calls": "international"}) for plan in staff()),
        trunks=lines,
        switch="card",
        trunk=trunk,
        subscribers=(*(SubscriberPlan(number, 2.0) for number in OUTSIDE), *subscribers),
        deeds=tuple(deeds),
        pools={"other": HELPERS, "supervisor": SUPERVISORS, "outside": OUTSIDE},
    )
    return _with_deeds(scenario) if calls > len(FEW) else scenario


def _with_deeds(scenario: Scenario) -> Scenario:
    """Verbs of call control with some of those who are answered and say their number: each of the cases in turn."""
    random, cases = Random(f"tipring deeds {scenario.seed}"), [name for name in CARD_CASES if CARD_CASES[name].rows]
    random.shuffle(cases)
    answered = [plan for plan in scenario.callers if plan.note == "answered" and plan.ani is not None]
    alike = Counter(plan.ani for plan in scenario.callers)
    known = [plan for plan in answered if alike[plan.ani] == 1]  # by the number a screen tells whose call it is
    for plan, name in zip(known[::DEEDS_EVERY], cycle(cases), strict=False):
        scenario = with_rows_of(scenario, plan, name)
    return scenario


def behind_pbx(
    seed: int, calls: int, make: str, *, every_s: float = 6.0, trunk: str = "r2", numbers: Sequence[Pair] = ()
) -> Scenario:
    """The same callers at a PBX of that make whose trunks are an E1; numbers as with `mixed`."""
    cases = tuple(case for case in PBX_CASES if trunk != "r2" or case != "abandoned_ring")
    scenario = mixed_behind_pbx(seed, calls, trunks=LINES, every_s=every_s, cases=cases)
    return _over(scenario.with_make(make), trunk, numbers)


def shown_behind_pbx(seed: int, make: str, trunk: str) -> Scenario:
    """The demonstration's three callers in real time."""
    return _over(demo(seed).with_make(make), trunk, FEW)


def _over(scenario: Scenario, trunk: str, numbers: Sequence[Pair]) -> Scenario:
    """The office's lines are an E1: callers have numbers of any length, and dial whom they want."""
    random = Random(f"tipring trunk {scenario.seed}")
    callers = []
    for plan in scenario.callers:
        pair = numbers[plan.number - 1] if plan.number <= len(numbers) else drawn(random, plan.number)
        gone_s = round(random.uniform(*GONE_S), 2) if plan.note == "abandoned_ring" else plan.patience_s
        callers.append(replace(plan, ani=pair.ani, dnis=pair.dnis, absence="private", patience_s=gone_s))
    return replace(scenario, trunk=trunk, callers=tuple(callers), smdi_of={})
