"""The sections `trunks:` and `routes:` of the site file, and who may call whom (`calls:` of groups and agents).

A trunk is a row of card ports to one far end: analog lines (fxo), or an E1 (r2, pri). A route says for numbers that
begin with its prefixes over which trunks they go, at what hours, at what cost, and how they are written there. What no
published source says of an operator's lines is a field here, with the usual value. Serves steps 1 to 3, and calls out.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from cti.conf.fields import Extension, Name, PortCount, PortNumber
from drivers.signalling.r2_variants import TIMERS
from drivers.words import E1_SLOTS, Answer, Direction, Disconnect, Hunt

Seconds = Annotated[float, Meta(ge=0, le=600)]
Milliseconds = Annotated[int, Meta(ge=20, le=5000)]
Dialled = Annotated[
    str, Meta(pattern=r"^[0-9*#]{0,20}$", extra_json_schema={"description": 'up to 20 digits in quotes: "0"'})
]
Number = Annotated[
    str, Meta(pattern=r"^\+?[0-9]{1,20}$", extra_json_schema={"description": 'a number in quotes: "66886688"'})
]
Hours = Annotated[
    str,
    Meta(
        pattern=r"^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))? \d\d:\d\d-\d\d:\d\d$",
        extra_json_schema={"description": 'days and times: "mon-fri 08:30-18:00"'},
    ),
]
Length = Annotated[int, Meta(ge=1, le=20)]
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Toll = Literal["none", "local", "national", "international"]
"""How far somebody may call, and how far a number is: each includes those before it. 长途权限"""
TOLLS: Final[tuple[Toll, ...]] = ("none", "local", "national", "international")
Order = Literal["fixed", "cyclic", "least_used"]
"""In which order a route tries its trunks: as written, each in turn, that with the smallest part of its channels busy
first."""


Preempted = Literal["calling_out", "menu", "queue", "talk_out", "talk"]
"""Calls that an emergency call may push out: a call out not answered yet; a caller in the menu or leaving a message; a
caller who waits; a call out that was answered; a caller who talks with an agent."""


class Lines(Struct, frozen=True, forbid_unknown_fields=True):
    """What all trunks say: which ports, who may seize them, in which order."""

    name: Name
    card: Name
    first: PortNumber
    count: PortCount
    hunt: Hunt = "up"
    direction: Direction = "both"
    directions: dict[Annotated[int, Meta(ge=1, le=256)], Direction] = {}  # of single channels, by their numbers
    dnis: Extension | None = None  # the number called, where the line does not say it
    keep_signalling: Literal["all", "failed", "none"] = "all"  # in the records, for `tipring trace CALL --signalling`

    def slots(self) -> tuple[int, ...]:
        """The numbers of its channels, in the order of the ports."""
        return tuple(range(1, self.count + 1))


class FxoTrunk(Lines, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="fxo"):
    """Analog lines of an office (loop start). drivers.signalling.analog.AnalogRules says what each field means."""

    caller_id: bool = True
    id_wait_s: Seconds = 3.0
    ring_gap_s: Annotated[float, Meta(ge=2, le=30)] = 7.0
    dial_tone_s: Seconds = 5.0
    dial_pause_s: Annotated[float, Meta(ge=0, le=10)] = 0.5
    digit_on_ms: Milliseconds = 100
    digit_off_ms: Milliseconds = 100
    answer: Annotated[tuple[Answer, ...], Meta(min_length=1)] = ("polarity", "ringback_stops", "voice")
    answer_s: Annotated[float, Meta(ge=5, le=600)] = 60.0
    disconnect: Annotated[tuple[Disconnect, ...], Meta(min_length=1)] = (
        "loop_drop",
        "polarity",
        "busy_tone",
        "dial_tone",
    )
    guard_s: Annotated[float, Meta(ge=0, le=30)] = 2.0
    busy_out: bool = True


class R2Trunk(Lines, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="r2"):
    """An E1 by MFC-R2: China No.1, or ITU. The exchange's operator knows these; docs/r2.md says what each means. Ports
    are time slots 1 to 15 and 17 to 31, in this order."""

    count: Annotated[int, Meta(ge=1, le=30)]
    variant: Literal["china", "itu"] = "china"
    control: Literal["mutual", "caller", "called"] = "mutual"
    called_length: Annotated[int, Meta(ge=0, le=20)] = 0  # 0: not known
    prefixes: Annotated[dict[Annotated[str, Meta(pattern=r"^[0-9]{1,12}$")], Length], Meta(max_length=16)] = {}
    ask_caller: Literal["never", "end"] | Annotated[int, Meta(ge=1, le=20)] = "end"
    caller_max: Annotated[int, Meta(ge=0, le=20)] = 20
    ka: Annotated[int, Meta(ge=0, le=15)] = 0  # 0: the variant's
    kd: Annotated[int, Meta(ge=0, le=15)] = 0
    called_end: Annotated[int, Meta(ge=0, le=15)] | None = None
    level_dbm0: Annotated[float, Meta(ge=-40, le=0)] = -11.5
    kb: dict[Literal["free", "busy", "congestion", "vacant", "out_of_order"], Annotated[int, Meta(ge=1, le=15)]] = {}
    timers: dict[str, Annotated[int, Meta(ge=0, le=3_600_000)]] = {}  # ms

    def __post_init__(self) -> None:
        for name in self.timers:
            if name not in TIMERS:
                raise ValueError(f"there is no timer {name!r}; there are: {', '.join(TIMERS)}")

    def slots(self) -> tuple[int, ...]:
        """Time slots."""
        return E1_SLOTS[: self.count]


class Signalling(Struct, frozen=True, forbid_unknown_fields=True):
    """The D channel: a port of a card of type d, or the last one of a software card of type e1."""

    card: Name
    port: PortNumber


class PriTrunk(Lines, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="pri"):
    """An E1 by ISDN PRI (EuroISDN); drivers.signalling.pri_rules.PriRules says what each field means. Ports are time
    slots 1 to 15 and 17 to 31, in this order."""

    count: Annotated[int, Meta(ge=1, le=30)]
    signalling: Signalling
    side: Literal["user", "network"] = "user"
    timers: dict[str, Annotated[int, Meta(ge=0, le=3_600_000)]] = {}  # ms
    called_plan: Annotated[int, Meta(ge=0, le=0x7F)] = 0x00  # octet 3 of a number: 0x21 national, 0x41 subscriber
    calling_plan: Annotated[int, Meta(ge=0, le=0x7F)] = 0x00
    bearer: Literal["speech", "3.1kHz"] = "3.1kHz"
    exclusive: bool = False
    overlap: bool = False
    called_digits: Annotated[int, Meta(ge=0, le=20)] = 0
    restart: bool = False
    service: bool = False
    inband_disconnect: bool = False
    ringback: bool = False
    alarm_s: Annotated[float, Meta(ge=0, le=60)] = 3.0
    trace: Literal["none", "calls", "all"] = "calls"

    def __post_init__(self) -> None:
        from drivers.signalling.pri_rules import PriRules  # the engine: only where there is such a trunk

        PriRules(timers=self.timers)

    def slots(self) -> tuple[int, ...]:
        """Time slots."""
        return E1_SLOTS[: self.count]


Trunk = FxoTrunk | R2Trunk | PriTrunk


class Route(Struct, frozen=True, forbid_unknown_fields=True):
    """Where numbers go that begin with one of `prefixes` ("": every number). The routes with the longest prefix for a
    number are tried, the cheapest first, of these the first in the file; one with no channel free, or out of its hours,
    is passed over. Routes with a shorter prefix are for other numbers: where none is open the number is refused."""

    name: Name
    prefixes: Annotated[tuple[Dialled, ...], Meta(min_length=1)]
    trunks: Annotated[tuple[Name, ...], Meta(min_length=1)]
    toll: Toll = "local"  # who calls needs `calls:` of this much; emergency numbers need none
    cost: Annotated[float, Meta(ge=0)] = 0.0
    order: Order = "fixed"
    hours: tuple[Hours, ...] = ()  # none: always
    strip: Annotated[int, Meta(ge=0, le=20)] = 0  # so many digits in front are not sent
    add: Dialled = ""  # these are sent in front of the others
    calling: Number | None = None  # the caller's number that is shown; null: the one that the caller has
    withhold: bool = False  # ask the network to show none
    keep_free: Annotated[int, Meta(ge=0, le=30)] = 0  # so many channels of each trunk are left for emergency calls

    def __post_init__(self) -> None:
        for hours in self.hours:
            begin, end = _minutes(hours)
            if begin >= end:
                raise ValueError(f"hours {hours!r} end before they begin; write two entries for hours past midnight")

    def open(self, day: int, minute: int) -> bool:
        """Is it in use on this day (0: Monday) at this minute of the day?"""
        return not self.hours or any(_covers(hours, day, minute) for hours in self.hours)


def _minutes(hours: str) -> tuple[int, int]:
    """Minutes of the day at which it begins and ends; ValueError for 25:00."""
    found = re.findall(r"(\d\d):(\d\d)", hours)
    for hour, minute in found:
        if int(hour) * 60 + int(minute) > 24 * 60 or int(minute) > 59:
            raise ValueError(f"hours {hours!r}: {hour}:{minute} is no time of day; write 00:00 to 24:00")
    begin, end = (int(hour) * 60 + int(minute) for hour, minute in found)
    return begin, end


def _covers(hours: str, day: int, minute: int) -> bool:
    days = hours.split(" ")[0].split("-")
    first, last = DAYS.index(days[0]), DAYS.index(days[-1])
    on = first <= day <= last if first <= last else day >= first or day <= last
    begin, end = _minutes(hours)
    return on and begin <= minute < end
