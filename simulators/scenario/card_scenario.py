"""Callers for a server whose cards are the switch, from a seed: every verb of call control, and who must hear whom.

The cases are in card_cases.py. Their parts are played by whom the caller reaches, by colleagues who take
no calls from the queue, by supervisors, and by telephones of the town.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from simulators.people.caller import CallerPlan, Step
from simulators.people.desk import DeskPlan
from simulators.people.phone import Behaviour, PhonePlan
from simulators.people.subscriber import SubscriberPlan
from simulators.scenario.card_cases import CASES
from simulators.scenario.deed_rows import deed, hears
from simulators.scenario.scenario import MANY, OUTSIDE, AgentPlan, Scenario, agents, caller_for, demo

OTHERS = tuple(str(8011 + index) for index in range(8))
SUPERVISORS = tuple(str(8021 + index) for index in range(6))
LINES = 16


def staff() -> tuple[AgentPlan, ...]:
    """Those of the queues, colleagues who take no calls from them, supervisors."""
    plans = [
        replace(plan, phone=replace(plan.phone, usual=_patient(plan.phone.usual.answer_s)), site={"calls": "national"})
        for plan in agents()
    ]
    for extension in (*OTHERS, *SUPERVISORS):
        agent = f"1{extension[1:]}"
        supervisor = extension in SUPERVISORS
        login_s = 0.2 + 0.1 * len(plans)
        desk = DeskPlan(agent, f"secret-{agent}", extension, login_at_s=login_s, ready_after_s=None)
        name = f"班长 {agent}" if supervisor else f"专家 {agent}"
        groups = ("sales", "service", "complaints")
        site = {"calls": "national", **({"role": "supervisor"} if supervisor else {})}
        plans.append(AgentPlan(name, groups, desk, PhonePlan(_patient(2.0)), site=site))
    return tuple(plans)


def _patient(answer_s: float | None) -> Behaviour:
    """Talks for as long as the other one does."""
    return Behaviour(answer_s, 300.0)


def mixed(seed: int, calls: int, *, lines: int = LINES, every_s: float = 6.0, trunk: str = "fxo") -> Scenario:
    """`calls` callers, about one each `every_s`: first one of each of CASES, the rest drawn from them."""
    random = Random(f"tipring card {seed}")
    names = tuple(CASES)
    scenario = Scenario(
        seed,
        (),
        staff(),
        trunks=lines,
        switch="card",
        trunk=trunk,
        subscribers=tuple(SubscriberPlan(number, 2.0) for number in OUTSIDE),
        pools={"other": OTHERS, "supervisor": SUPERVISORS, "outside": OUTSIDE},
    )
    at_s = 4.0
    numbers: set[str | None] = set()
    for number in range(1, calls + 1):
        name = names[number - 1] if number <= len(names) else random.choice(names)
        scenario = with_case(scenario, random, number, at_s, name)
        while scenario.callers[-1].ani in numbers:  # callers are told apart by their numbers
            again = caller_for(random, number, at_s, "answered").ani
            scenario = replace(scenario, callers=(*scenario.callers[:-1], replace(scenario.callers[-1], ani=again)))
        numbers.add(scenario.callers[-1].ani)
        at_s += every_s * random.uniform(0.7, 1.3)
    return scenario


def with_case(scenario: Scenario, random: Random, number: int, at_s: float, name: str) -> Scenario:
    """The same with one more caller, and what is done with the call."""
    case = CASES[name]
    plan = caller_for(random, number, at_s, name)
    if case.talk_s is not None:
        plan = replace(plan, steps=(*plan.steps[:-1], Step("talk", seconds=case.talk_s)))
    if name == "abandoned_ring":  # the server answers when it has the number, after the first ring
        plan = replace(plan, patience_s=round(random.uniform(0.8, 1.8), 2))
    return _with_rows(replace(scenario, callers=(*scenario.callers, plan)), case.rows.replace("N", str(number)))


def with_rows_of(scenario: Scenario, plan: CallerPlan, name: str) -> Scenario:
    """The same with what is done in that case, with the call of one who is answered."""
    case, at = CASES[name], scenario.callers.index(plan)
    talks = replace(plan, steps=(*plan.steps[:-1], Step("talk", seconds=case.talk_s or 10.0)), note=name)
    callers = (*scenario.callers[:at], talks, *scenario.callers[at + 1 :])
    return _with_rows(replace(scenario, callers=callers), case.rows.replace("N", str(plan.number)))


def _with_rows(scenario: Scenario, rows: str) -> Scenario:
    """What these rows of a table say is done and heard as well. ValueError for one that is not understood."""
    deeds, heard = list(scenario.deeds), list(scenario.hears)
    for line in rows.strip().splitlines():
        when, whom, what = (cell.strip() for cell in line.split("|"))
        row, hearing = deed(when, whom, what), hears(when, whom, what)
        if row is None and hearing is None:
            raise ValueError(f"not understood: {line}")
        deeds += [row] if row is not None else []
        heard += [hearing] if hearing is not None else []
    return replace(scenario, deeds=tuple(deeds), hears=tuple(heard))


DEMO = """
offered 1+7  | rung of 1       | hold
offered 1+10 | rung of 1       | retrieve
offered 2+5  | supervisor of 2 | monitor rung of 2
offered 2+11 | supervisor of 2 | barge_in rung of 2
offered 2+15 | supervisor of 2 | hangs up
"""


def shown(seed: int, trunk: str) -> Scenario:
    """The demonstration's three callers: one is put on hold, at another one a supervisor listens and joins."""
    scenario = replace(demo(seed), switch="card", trunk=trunk)
    supervisor = next(plan for plan in staff() if plan.desk.extension in SUPERVISORS)
    scenario = replace(
        scenario,
        agents=(*scenario.agents, replace(supervisor, phone=PhonePlan(Behaviour(1.5, 60.0)))),
        pools={"supervisor": (supervisor.desk.extension,)},
    )
    return _with_rows(scenario, DEMO)


def scenario_for(
    calls: int | None, seed: int, *, keep: bool = False, every_s: float | None = None, trunk: str = "fxo"
) -> Scenario:
    """In real time the demonstration's three callers, a mix of so many, or one that lasts for hours; stepped
    (`every_s` is given) a mix."""
    if every_s is not None:
        return mixed(seed, calls or 20, every_s=every_s, trunk=trunk)
    if keep:
        return mixed(seed, calls or MANY, trunk=trunk)
    if calls is not None and calls != 3:
        return mixed(seed, calls, trunk=trunk)
    return shown(seed, trunk)
