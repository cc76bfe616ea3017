"""Who calls when and does what: scenarios made from a seed, or written as a text table.

A `Scenario` is plain data; `world.py` brings it to life. `mixed` holds, whatever the seed, each of the cases that the
product must survive: answered, no answer then the next agent, a busy agent, abandoned while ringing, in the menu and in
the queue, a message left, SMDI late and lost, a damaged call record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from simulators.faults import Fault, SerialFault
from simulators.office.office import OfficePlan
from simulators.pbx.makes import MAKES, USUAL
from simulators.pbx.plan import PbxPlan
from simulators.people.caller import CallerPlan, Step
from simulators.people.deeds import Deed, Hears
from simulators.people.desk import DeskPlan
from simulators.people.phone import Behaviour, PhonePlan
from simulators.people.subscriber import SubscriberPlan

# What people know of this company's menu: the key of each group, and of leaving a message while they wait.
KEYS = {"sales": "1", "service": "2", "complaints": "3"}
MESSAGE_KEY = "2"
# At the service port: number # PIN # and 1; what was typed before was refused.
SIGNS_IN = re.compile(r"(\d+)#\d+#1(?!\d*#)")
DNIS = "66886688"


@dataclass(frozen=True)
class AgentPlan:
    """An agent: name, PC (what `desk` plans happens only where there is one), telephone."""

    name: str
    groups: tuple[str, ...]
    desk: DeskPlan
    phone: PhonePlan = field(default_factory=PhonePlan)
    pin: str | None = None  # for the service port
    pc: bool = True  # without one there is only the telephone
    site: Mapping[str, Any] = field(default_factory=dict)  # what else the site file says of the agent: role, rights


@dataclass(frozen=True)
class WireFaults:
    """What is wrong with the lines between the PBX and the VRU's card; None leaves a wire as it is."""

    loss_db: float | None = None
    return_loss_db: float | None = None
    noise_dbm0: float | None = None
    clip_dbm0: float | None = None
    slip_per_min: float | None = None

    def changes(self) -> dict[str, float]:
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Scenario:
    """The whole world of a run. `make` is the PBX's (simulators/makes); with `switch` card there is no PBX.

    `cuts` are (VRU port, second); `unplugs` (smdi|mci|smdr, second, for seconds or None); `desk_drops` (agent, second,
    for seconds); `offline` and `power_cuts` (second, for seconds): the printer's cable, the PBX's power; `clock_shifts`
    and `pbx_clock_jumps` (second, by seconds): somebody sets the wall clock, or the PBX's. `stars`: share of records
    whose date is stars; `other_end`: they show the beginning of a call in place of its end, or the end in place of the
    beginning. `site` is what the server's site file says of this PBX's lines, where its dialect does not
    fit, or more of the sections that the cards as the switch need; `tones` of what it sounds like.
    `expected` (from a text table): caller number -> outcome and extension ("" any)."""

    seed: int
    callers: tuple[CallerPlan, ...]
    agents: tuple[AgentPlan, ...]
    trunks: int = 8
    dnis: tuple[str, ...] = (DNIS,)
    vru_extensions: tuple[str, ...] = tuple(str(2001 + index) for index in range(30))
    service_ports: tuple[str, ...] = ()  # those of them which take no callers: agents sign in there
    desk_number: int = 1
    first_line: int = 1
    pbx: PbxPlan = field(default_factory=PbxPlan)
    office: OfficePlan = field(default_factory=OfficePlan)
    make: str = USUAL
    was: str | None = None  # the PBX was of this make until yesterday, and the site file is still for that one
    smdi: SerialFault = field(default_factory=SerialFault)
    smdr: SerialFault = field(default_factory=SerialFault)
    mci: SerialFault = field(default_factory=SerialFault)
    smdi_of: Mapping[int, SerialFault] = field(default_factory=dict)
    smdr_of: Mapping[int, SerialFault] = field(default_factory=dict)
    wires: WireFaults = field(default_factory=WireFaults)
    cuts: tuple[tuple[int, float], ...] = ()
    unplugs: tuple[tuple[str, float, float | None], ...] = ()
    desk_drops: tuple[tuple[str, float, float], ...] = ()
    clock_shifts: tuple[tuple[float, float], ...] = ()
    pbx_clock_jumps: tuple[tuple[float, float], ...] = ()
    offline: tuple[tuple[float, float], ...] = ()
    power_cuts: tuple[tuple[float, float], ...] = ()
    stars: float = 0.0
    other_end: bool = False
    site: Mapping[str, Any] = field(default_factory=dict)
    tones: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    desks_tell: bool = False  # agents' PCs say that the telephone was lifted
    caller_id: str | None = None  # overrides what each caller's plan says
    expected: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    switch: str = "pbx"  # or card: trunks and agents' telephones end on the server's own cards
    trunk: str = "fxo"  # the kind of the office's lines, see simulators.office.offices
    mfc: tuple[tuple[str, float], ...] = ()  # R2 tones damaged or lost: the share of each
    frames_damaged: float = 0.0  # share of a D channel's messages
    frames_lost: float = 0.0  # share of the moments of a call's set-up in which the D channel is drowned in noise
    bit_errors: float = 0.0  # of all channels of an E1
    span_slips: float = 0.0  # a minute, of all channels of an E1: an octet lost or repeated
    alarms: tuple[tuple[str, float, float], ...] = ()  # what the office sends instead of its signal, at s, for s
    subscribers: tuple[SubscriberPlan, ...] = ()  # telephones of the town that can be called
    deeds: tuple[Deed, ...] = ()
    hears: tuple[Hears, ...] = ()  # what should be heard
    pools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # part -> extensions of those who may play it

    def sitting_at(self, extension: str | None, at_s: float) -> list[str]:
        """The agents whose telephone that is at a second: who signed in there last by the service port, else whose it
        is by the site file."""
        theirs = [plan for plan in self.agents if plan.desk.extension == extension]
        signed_in = [
            (call.at_s, found[1])
            for plan in theirs
            for call in plan.phone.dials
            if call.at_s <= at_s and (found := SIGNS_IN.search(call.keys))
        ]
        return [max(signed_in)[1]] if signed_in else [plan.desk.agent for plan in theirs]

    @property
    def line_is_sound(self) -> bool:
        """Does an E1 carry every octet of a talk as it was said?"""
        return not (self.alarms or self.bit_errors or self.span_slips)

    def with_make(self, name: str) -> Scenario:
        """The same calls at a PBX of another make (KeyError: there is none)."""
        make = MAKES[name]
        dnis = self.dnis if make.dnis is None else (make.dnis,)
        return replace(self, make=name, pbx=make.plan, dnis=dnis)

    def with_fault(self, fault: Fault) -> Scenario:
        """The same world with one thing wrong (see faults.TARGETS). Raises FaultError."""
        from simulators.scenario.wrong import with_fault

        return with_fault(self, fault)


# ---- scenarios from a seed ------------------------------------------------------------------------

CASES = (
    "answered",
    "no_answer_then_next",
    "answered",
    "busy_then_next",
    "smdi_late",
    "smdi_lost",
    "smdr_damaged",
    "complaint",
    "abandoned_queue",
    "message",
    "abandoned_menu",
    "abandoned_ring",
)


def agents(count_sales: int = 3, count_service: int = 3) -> tuple[AgentPlan, ...]:
    """Sales 1001.., service 2001.. with extensions 8001.., and one for complaints, whose calls are long."""
    plans = []
    names = ("李明", "王芳", "张伟", "刘洋", "陈静", "杨帆", "赵敏", "黄磊")
    staff = ["sales"] * count_sales + ["service"] * count_service + ["complaints"]
    for index, group in enumerate(staff):
        agent, extension = str(1001 + index), str(8001 + index)
        desk = DeskPlan(agent, f"secret-{agent}", extension, login_at_s=0.2 + 0.1 * index)
        phone = PhonePlan(
            usual=Behaviour(answer_s=1.5 + 0.3 * index, talk_s=25.0),
            voice=("cmn-latn-pinyin+f3", "cmn-latn-pinyin+m2")[index % 2],
        )
        plans.append(AgentPlan(names[index % len(names)], (group,), desk, phone))
    return tuple(plans)


def mixed(
    seed: int,
    calls: int,
    *,
    trunks: int = 30,
    vru_ports: int = 30,
    every_s: float = 6.0,
    cases: tuple[str, ...] = CASES,
) -> Scenario:
    """`calls` callers, about one each `every_s`; the first ones are `cases`, the rest drawn from them."""
    random = Random(f"tipring {seed}")
    staff = list(agents())
    staff[1] = replace(staff[1], phone=replace(staff[1].phone, behaviours=(Behaviour(answer_s=None),)))
    last = staff[-1]
    staff[-1] = replace(last, phone=replace(last.phone, usual=Behaviour(answer_s=2.0, talk_s=60.0)))
    callers: list[CallerPlan] = []
    smdi_of: dict[int, SerialFault] = {}
    smdr_of: dict[int, SerialFault] = {}
    at = 4.0
    busy: list[tuple[float, float]] = []
    for number in range(1, calls + 1):
        case = cases[number - 1] if number <= len(cases) else random.choice(cases)
        callers.append(caller_for(random, number, at, case))
        if case == "smdi_late":
            smdi_of[number] = SerialFault(late_s=round(random.uniform(3.5, 6.0), 2))
        elif case in ("smdi_lost", "abandoned_ring"):
            smdi_of[number] = SerialFault(lost=1.0)
        elif case == "smdr_damaged":
            smdr_of[number] = SerialFault(damaged=1.0)
        elif case == "busy_then_next":
            busy.append((2.0, at + 30.0))  # before the first call: only an idle telephone is laid off
        at += every_s * random.uniform(0.7, 1.3)
    first_service = next(index for index, agent in enumerate(staff) if "service" in agent.groups)
    staff[first_service] = replace(
        staff[first_service], phone=replace(staff[first_service].phone, off_hook=tuple(busy[:1]))
    )
    return Scenario(
        seed=seed,
        callers=tuple(callers),
        agents=tuple(staff),
        trunks=trunks,
        vru_extensions=tuple(str(2001 + index) for index in range(vru_ports)),
        pbx=MAKES[USUAL].plan,
        smdi_of=smdi_of,
        smdr_of=smdr_of,
    )


def caller_for(random: Random, number: int, at_s: float, case: str) -> CallerPlan:
    """A caller of that case; one that is not named here talks to sales or service."""
    group = {"busy_then_next": "service", "no_answer_then_next": "sales"}.get(case)
    if case in ("complaint", "abandoned_queue", "message"):
        group = "complaints"
    key = KEYS[group or random.choice(("sales", "service"))]
    talk = Step("talk", seconds=round(random.uniform(6.0, 18.0), 1))
    menu: tuple[Step, ...]
    if random.random() < 0.5:
        menu = (
            Step("listen", seconds=0.8),
            Step("wait", seconds=round(random.uniform(0.2, 1.5), 2)),
            Step("choose", key),
        )
    else:
        menu = (Step("choose", key, seconds=round(random.uniform(1.0, 3.0), 2)),)
    patience = 180.0
    steps: tuple[Step, ...] = (*menu, talk)
    if case == "complaint":
        menu = (Step("choose", key, seconds=1.0),)  # before those who are to wait for the same agent
        steps = (*menu, Step("talk", seconds=45.0))
    elif case == "abandoned_queue":
        steps = (*menu, Step("wait", seconds=round(random.uniform(12.0, 18.0), 1)))
    elif case == "message":
        steps = (
            *menu,
            Step("listen", seconds=1.2),
            Step("press", MESSAGE_KEY),
            Step("listen", seconds=1.2),
            Step("message", seconds=5.0),
        )
    elif case == "abandoned_menu":
        steps = (Step("wait", seconds=round(random.uniform(5.0, 8.0), 1)),)
    elif case == "abandoned_ring":
        patience = round(random.uniform(3.2, 3.8), 2)  # the VRU's port rings, and waits for the number
    return CallerPlan(number, round(at_s, 2), number_of(random), steps, patience, caller_id="fsk", note=case)


def number_of(random: Random) -> str:
    """A Chinese mobile number, or one of Beijing's."""
    if random.random() < 0.7:
        return random.choice(("138", "139", "150", "186")) + f"{random.randrange(10**8):08d}"
    return f"010{random.randrange(6 * 10**7, 7 * 10**7):08d}"


def demo(seed: int = 1) -> Scenario:
    """Three callers for the demonstration in real time, over within 80 seconds: one to a person, one whose first agent
    does not answer, one who speaks at length."""
    random = Random(f"tipring demo {seed}")
    staff = list(agents(2, 1))[:3]
    staff[1] = replace(staff[1], phone=PhonePlan(usual=Behaviour(answer_s=1.5, talk_s=20.0)))
    plans = []
    for number, (at_s, group) in enumerate(((4.0, "sales"), (9.0, "sales"), (14.0, "service")), start=1):
        steps = (Step("choose", KEYS[group], seconds=1.5), Step("talk", seconds=8.0))
        plans.append(CallerPlan(number, at_s, number_of(random), steps, 60.0))
    return Scenario(
        seed,
        tuple(plans),
        tuple(staff),
        trunks=4,
        vru_extensions=tuple(str(2001 + index) for index in range(30)),
        pbx=MAKES[USUAL].plan,
    )


OUTSIDE = tuple(str(66880001 + index) for index in range(4))
"""Telephones of the town that answer."""


def with_town(scenario: Scenario) -> Scenario:
    """Agents may call people of the town from their screens; 110 answers, too."""
    tolls = {"": "local", "0": "national", "00": "international"}
    return replace(
        scenario,
        agents=tuple(replace(plan, site={**plan.site, "calls": "national"}) for plan in scenario.agents),
        subscribers=tuple(SubscriberPlan(number, 3.0, 20.0) for number in (*OUTSIDE, "110")),
        site={**scenario.site, "services": {"outside": "9"}, "tolls": tolls},
    )


# With --keep: so many callers, one each six seconds.
MANY = 5000


def scenario_for(calls: int | None, seed: int, *, keep: bool = False, make: str = USUAL) -> Scenario:
    """In real time: the demonstration's three callers, a mix of so many, or one that lasts for hours."""
    if keep:
        scenario = with_town(mixed(seed, calls or MANY))
    else:
        scenario = demo(seed) if calls is None or calls == 3 else mixed(seed, calls)
    return scenario.with_make(make)
