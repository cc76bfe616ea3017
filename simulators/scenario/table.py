"""Scenarios as text tables: a line says at which second whom what befalls; `expect` lines say how calls must end.

    # comment
    setup  | make         | norstar-realtime
    setup  | pbx          | answer_trunk=second_ring flash_ms=80-1000 in_band=fsk
    setup  | office       | disconnect=none
    setup  | fault        | smdi=lost:10%
    setup  | agent 1001   | sales 8001 answers after 2 talks 20 wraps up 3
    setup  | agent 1002   | sales 8002 does not answer
    4.0    | caller 1     | 13800138000 by fsk: choose 1 after 1.5; talk 10
    10.0   | caller 2     | withheld by dtmf: listen 0.8; wait 1; press 2; message 5
    setup  | site         | retrieve=none              or {"answer": ["desk"]}
    setup  | tones        | {"stutter": {"cadence_ms": [400, 50]}}
    setup  | service      | 2004                       a VRU extension where agents without a PC sign in
    setup  | agent 1003   | sales 8003 answers after 2 without a PC, PIN 4711
    2.0    | phone 8003   | dials 2004, keys 1003#4711#1,3      , waits for the next key
    12.0   | phone 8001   | off-hook for 20
    20.0   | desk 1001    | unplugged for 5
    30.0   | clock        | back 3600
    0      | smdi 2       | late 4s
    expect | caller 1     | answered 8001

    setup  | subscriber 139… | answers after 3 talks 10     or: does not answer, busy
    setup  | role 1009    | supervisor                      of an agent above
    setup  | rights       | national                        how far the agents above may call outside
    setup  | pool other   | 8005,8006                       who may play the part of `other of N`
    1+3    | desk 1001    | hold                            3 s after caller 1 and an agent talk; a button
    1+4..6 | caller 1     | hears music                     or: 8001, caller 2, tone, howler, nothing; `8001 at -15`
    1+7    | agent of 1   | consult other of 1              by the part somebody plays; -> ERROR where it is refused
    rings 8002+1 | phone 8002 | lifts                       or: hangs up, flashes, keys *21{other of 1}#

Steps of a caller: listen S, press K [after S], choose K [after S], wait S, talk S, message S, hang_up, patience S.
A line that is not understood is an error with its number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from simulators.faults import FaultError, SerialFault, parse
from simulators.people.caller import CallerPlan, Step
from simulators.people.desk import DeskPlan
from simulators.people.phone import Behaviour, PhonePlan, ServiceCall
from simulators.people.subscriber import SubscriberPlan
from simulators.scenario.deed_rows import deed, hears
from simulators.scenario.scenario import AgentPlan, Scenario

AGENT = re.compile(
    r"(?P<groups>\S+) (?P<extension>\d+)"
    r"(?: (?:answers after (?P<answer>[\d.]+)(?: talks (?P<talk>[\d.]+))?|(?P<no>does not answer)))?"
    r"(?: wraps up (?P<wrap>[\d.]+))?"
    r"(?P<pin> without a PC, PIN (?P<digits>\d+))?"
)
CALLER = re.compile(
    r"(?P<ani>\d+|withheld|unknown) by (?P<form>fsk|dtmf|none)(?: on line (?P<line>\d+))?: (?P<steps>.+)"
)
SUBSCRIBER = re.compile(r"answers after (?P<answer>[\d.]+)(?: talks (?P<talk>[\d.]+))?|does not answer|(?P<busy>busy)")
PRESS = re.compile(r"(press|choose) ([0-9*#A-D]+)(?: after ([\d.]+))?")
TIMED = re.compile(r"(listen|wait|talk|message|patience) ([\d.]+)")
OUTCOME = re.compile(r"(\w+)(?: (\d+))?")


class TableError(ValueError):
    """A line of a table that is not understood."""


def read_table(text: str, *, seed: int = 1) -> Scenario:
    """The scenario that a table describes. Raises TableError."""
    scenario = Scenario(seed, (), (), trunks=4, vru_extensions=("2001", "2002", "2003", "2004"))
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.split("#", 1)[0].strip() if line.lstrip().startswith("#") else line.strip()
        if not line:
            continue
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 3:
            raise TableError(f"line {number}: three cells divided by | are wanted: {line}")
        try:
            scenario = _row(scenario, cells[0], cells[1], cells[2])
        except (ValueError, FaultError) as error:
            raise TableError(f"line {number}: {error}") from error
    return scenario


def _row(scenario: Scenario, when: str, whom: str, what: str) -> Scenario:
    actor, _, name = whom.partition(" ")
    if when == "setup":
        return _setup(scenario, actor, name, what)
    if when == "expect":
        found = OUTCOME.fullmatch(what)
        if actor != "caller" or found is None:
            raise TableError(f"not understood: expect {whom} {what}")
        return replace(scenario, expected={**scenario.expected, int(name): (found[1], found[2] or "")})
    if row := deed(when, whom, what):
        return replace(scenario, deeds=(*scenario.deeds, row))
    if heard := hears(when, whom, what):
        return replace(scenario, hears=(*scenario.hears, heard))
    at_s = float(when)
    match actor:
        case "caller":
            return replace(scenario, callers=(*scenario.callers, _caller(int(name), at_s, what)))
        case "phone":
            return _dials(scenario, name, at_s, what) or _off_hook(scenario, name, at_s, what)
        case "desk":
            drop = re.fullmatch(r"unplugged for ([\d.]+)", what)
            if drop is None:
                raise TableError(f"a desk can be `unplugged for SECONDS`, not {what}")
            return replace(scenario, desk_drops=(*scenario.desk_drops, (name, at_s, float(drop[1]))))
        case "clock":
            shift = re.fullmatch(r"(back|forward) ([\d.]+)", what)
            if shift is None:
                raise TableError(f"the clock can be set `back SECONDS` or `forward SECONDS`, not {what}")
            by_s = float(shift[2]) if shift[1] == "forward" else -float(shift[2])
            return replace(scenario, clock_shifts=(*scenario.clock_shifts, (at_s, by_s)))
        case "smdi" | "smdr":
            field = f"{actor}_of"
            faults: dict[int, SerialFault] = {**getattr(scenario, field), int(name): _serial(what)}
            changes: dict[str, Any] = {field: faults}
            return replace(scenario, **changes)
        case _:
            raise TableError(f"no such actor: {whom}")


def _setup(scenario: Scenario, actor: str, name: str, what: str) -> Scenario:
    match actor:
        case "make":
            return scenario.with_make(what)
        case "pbx":
            return replace(scenario, pbx=_changed(scenario.pbx, what))
        case "office":
            return replace(scenario, office=_changed(scenario.office, what))
        case "site":
            return replace(scenario, site={**scenario.site, **_site(what)})
        case "tones":
            return replace(scenario, tones={**scenario.tones, **json.loads(what)})
        case "world":
            changed: Scenario = _changed(scenario, what)
            return changed
        case "fault":
            return scenario.with_fault(parse(what))
        case "service":
            return replace(scenario, service_ports=tuple(what.split(",")))
        case "pool":
            return replace(scenario, pools={**scenario.pools, name: tuple(what.split(","))})
        case "role":
            staff = tuple(
                replace(agent, site={**agent.site, "role": what}) if agent.desk.agent == name else agent
                for agent in scenario.agents
            )
            return replace(scenario, agents=staff)
        case "rights":
            staff = tuple(replace(agent, site={**agent.site, "calls": what}) for agent in scenario.agents)
            return replace(scenario, agents=staff)
        case "subscriber":
            return replace(scenario, subscribers=(*scenario.subscribers, _subscriber(name, what)))
        case "agent":
            return replace(scenario, agents=(*scenario.agents, _agent(name, what, len(scenario.agents))))
        case _:
            raise TableError(f"nothing to set up: {actor}")


def _changed(plan: Any, what: str) -> Any:
    """A copy with `field=value ...`; the value's kind is that of what stands there."""
    changes: dict[str, Any] = {}
    for word in what.split():
        name, equals, value = word.partition("=")
        if not equals or name not in plan.__dataclass_fields__:
            raise TableError(f"{word}: there are {', '.join(plan.__dataclass_fields__)}")
        old = getattr(plan, name)
        if isinstance(old, bool):
            changes[name] = value == "yes"
        elif isinstance(old, tuple) and old and isinstance(old[0], str):
            changes[name] = tuple(value.split(","))
        elif isinstance(old, tuple):
            changes[name] = tuple(type(old[0])(part) for part in value.split("-"))
        elif isinstance(old, Mapping):
            changes[name] = json.loads(value)
        elif isinstance(old, frozenset):
            changes[name] = frozenset(value.split(","))
        else:
            changes[name] = value if isinstance(old, str) or old is None else type(old)(value)
        kind = str(plan.__dataclass_fields__[name].type)
        if old is None and "float" in kind:
            changes[name] = float(value)
        elif old is None and "tuple" in kind:
            changes[name] = tuple(value.split(","))
    return replace(plan, **changes)


def _site(what: str) -> dict[str, Any]:
    """Fields of the site file's pbx section: `name=value ...`, or a JSON object where values are lists or groups."""
    if what.startswith("{"):
        fields: dict[str, Any] = json.loads(what)
        return fields
    pairs = [word.partition("=") for word in what.split()]
    return {key: float(value) if value.isdigit() else value for key, _, value in pairs}


def _agent(name: str, what: str, index: int) -> AgentPlan:
    found = AGENT.fullmatch(what)
    if found is None:
        raise TableError(f"not an agent: {what}")
    answer_s = None if found["no"] else float(found["answer"] or 2.0)
    behaviour = Behaviour(answer_s, float(found["talk"] or 30.0))
    wrap_s = float(found["wrap"] or 2.0)
    desk = DeskPlan(name, f"secret-{name}", found["extension"], login_at_s=0.2 + 0.1 * index, wrap_up_s=wrap_s)
    groups = tuple(found["groups"].split(","))
    return AgentPlan(name, groups, desk, PhonePlan(behaviour), found["digits"], found["pin"] is None)


def _subscriber(number: str, what: str) -> SubscriberPlan:
    found = SUBSCRIBER.fullmatch(what)
    if found is None or not number.isdigit():
        raise TableError(f"not a subscriber: {number}: {what}")
    answer_s = float(found["answer"]) if found["answer"] else None
    return SubscriberPlan(number, answer_s, float(found["talk"]) if found["talk"] else None, found["busy"] is not None)


def _caller(number: int, at_s: float, what: str) -> CallerPlan:
    found = CALLER.fullmatch(what)
    if found is None:
        raise TableError(f"not a caller: {what}")
    steps: list[Step] = []
    patience_s = 120.0
    for word in (part.strip() for part in found["steps"].split(";")):
        if press := PRESS.fullmatch(word):
            steps.append(Step(press[1], press[2], float(press[3] or 0.0)))
        elif timed := TIMED.fullmatch(word):
            if timed[1] == "patience":
                patience_s = float(timed[2])
            else:
                steps.append(Step(timed[1], seconds=float(timed[2])))
        elif word == "hang_up":
            steps.append(Step("hang_up"))
        else:
            raise TableError(f"no such step: {word}")
    ani = found["ani"] if found["ani"].isdigit() else None
    absence = "private" if found["ani"] == "withheld" else "unavailable"
    line = int(found["line"]) - 1 if found["line"] else None
    return CallerPlan(number, at_s, ani, tuple(steps), patience_s, line, found["form"], absence)


def _dials(scenario: Scenario, extension: str, at_s: float, what: str) -> Scenario | None:
    found = re.fullmatch(r"dials (\d+), keys ([\d#*,]+)", what)
    if found is None:
        return None
    call = ServiceCall(at_s, found[1], found[2])
    return _of_phone(scenario, extension, lambda phone: replace(phone, dials=(*phone.dials, call)))


def _of_phone(scenario: Scenario, extension: str, change: Callable[[PhonePlan], PhonePlan]) -> Scenario:
    """The same with one telephone's plan changed. ValueError where there is no such telephone."""
    if not any(agent.desk.extension == extension for agent in scenario.agents):
        raise ValueError(f"no agent has the telephone {extension}")
    staff = (
        replace(agent, phone=change(agent.phone)) if agent.desk.extension == extension else agent
        for agent in scenario.agents
    )
    return replace(scenario, agents=tuple(staff))


def _off_hook(scenario: Scenario, extension: str, at_s: float, what: str) -> Scenario:
    found = re.fullmatch(r"off-hook for ([\d.]+)", what)
    if found is None:
        raise TableError(f"a telephone can be `off-hook for SECONDS` or `dials NUMBER, keys KEYS`, not {what}")
    times = (at_s, float(found[1]))
    return _of_phone(scenario, extension, lambda phone: replace(phone, off_hook=(*phone.off_hook, times)))


def _serial(what: str) -> SerialFault:
    if what in ("lost", "damaged", "reordered"):
        return SerialFault(**{what: 1.0})
    found = re.fullmatch(r"late ([\d.]+)s", what)
    if found is None:
        raise TableError(f"a message can be lost, damaged, reordered or `late SECONDSs`, not {what}")
    return SerialFault(late_s=float(found[1]))
