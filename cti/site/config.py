"""The site file (conf/site.yaml): one call centre, described in one place. Serves all of the nine steps.

``load_site`` gives a Site or raises ConfigFaults with every fault at once: file, line, field, what is wrong, what would
be right. Each field is checked by its type below, then fields against each other (cti/site/checks.py), as far as they
can be read, even where others are wrong. Relative paths are relative to the site file's folder.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from cti.conf import checked_yaml, conf_files
from cti.conf.fields import NAME, Extension, Name, TcpPort, Text, Wait
from cti.errors import ConfigFaults, Fault
from cti.pbx.call_rules import CallRules, CallSources, DnisOrder, NumberMax, OutsidePrefix
from cti.pbx.line_rules import (
    AfterFailure,
    AnswerSigns,
    BusyOut,
    Complete,
    DialTones,
    Digits,
    DisconnectSigns,
    FeatureCode,
    Guard,
    LampCodes,
    LineRules,
    Milliseconds,
    RecallSigns,
    RecallTo,
    Refresh,
    Retrieve,
    Seconds,
    Silence,
    StatusDigits,
)
from cti.pbx.services import Services
from cti.site.recording import Listens, RecordingRules
from cti.site.seats import SeatRow
from cti.site.star_codes import StarCodes
from cti.site.trunks import Dialled, Preempted, Route, Toll, Trunk

Argon2 = Annotated[
    str,
    Meta(
        pattern=r"^\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$",
        extra_json_schema={"description": "an argon2id hash; `tipring check --password` makes one", "secret": True},
    ),
]

PortUse = Literal["callers", "agents"]


Country = Annotated[
    str, Meta(pattern=r"^[a-z]{2}$", extra_json_schema={"description": "two small Latin letters: cn, de, jp, uk, us"})
]
AreaCode = Annotated[str, Meta(pattern=r"^[0-9]{1,5}$", extra_json_schema={"description": 'digits in quotes: "021"'})]


class SiteFacts(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the centre is and what it speaks."""

    name: Text
    language: Literal["zh", "en"] = "zh"  # of prompts until the caller chooses, and of reports
    country: Country = "cn"  # the tone plan, and how numbers are written
    timezone: str = "Asia/Shanghai"
    area_code: AreaCode | None = None  # of callers who come without one: "021"


class WiredCard(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="software"):
    """A software card: ports whose wires end in another process."""

    name: Name
    ports: Annotated[int, Meta(ge=1, le=256)]
    type: Literal["fxo", "fxs", "b", "e1"] = "fxo"  # e1: the last port is the D channel, the others are B channels
    law: Literal["alaw", "ulaw"] = "alaw"
    echo_mode: Literal["on", "fax", "off"] = "on"  # of our own echo canceller on analog ports
    echo_taps: Literal[256, 512] = 256  # 256: echo up to 32 ms; 512: up to 64 ms, where a far end reflects late
    backplane: str | None = None  # the Unix socket at which the other ends of the wires are


class DahdiCard(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="dahdi"):
    """Channels of real cards, through DAHDI; its ports count up from 0 in the order of `channels`."""

    name: Name
    type: Literal["fxo", "fxs", "b", "d"]  # what the hardware is: an fxo port is signalled fxsks in system.conf
    channels: Annotated[
        str,
        Meta(
            pattern=r"^[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*$",
            extra_json_schema={"description": 'DAHDI\'s channel numbers: "1-4,6"'},
        ),
    ]
    law: Literal["alaw", "ulaw"] = "alaw"
    depth: Annotated[int, Meta(ge=2, le=16)] = 4  # blocks of 20 ms written ahead; 3 where delay matters (R2)
    rx_gain_db: Annotated[float, Meta(ge=-24, le=24)] = 0.0
    tx_gain_db: Annotated[float, Meta(ge=-24, le=24)] = 0.0
    echo_taps: Literal[0, 32, 64, 128, 256, 512, 1024] = 0  # of the driver's echo canceller; 0: none
    echo_mode: Literal["on", "fax"] = "on"

    def __post_init__(self) -> None:
        numbers: list[int] = []
        for part in self.channels.split(","):
            first, _, last = part.partition("-")
            if int(last or first) < int(first) or int(first) == 0:
                raise ValueError(f'channels {part!r} is no range; write the lower number first, from 1: "1-4"')
            numbers += range(int(first), int(last or first) + 1)
        if len(numbers) > 1024:
            raise ValueError(f"has {len(numbers)} channels; one card takes 1024, write two")
        if len(set(numbers)) < len(numbers):
            raise ValueError(f"channels {self.channels!r} names a channel twice; write each once")

    @property
    def numbers(self) -> list[int]:
        """Each channel, in the order of the ports."""
        ranges = [part.partition("-") for part in self.channels.split(",")]
        return [n for first, _, last in ranges for n in range(int(first), int(last or first) + 1)]

    @property
    def ports(self) -> int:
        """How many ports the card has."""
        return len(self.numbers)


Card = WiredCard | DahdiCard


class SerialLine(Struct, frozen=True, forbid_unknown_fields=True):
    """One RS232 line; what is not given is the dialect's."""

    device: Text
    baud: Literal[300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] | None = None
    bits: Literal[7, 8] | None = None
    parity: Literal["none", "even", "odd"] | None = None
    stop: Literal[1, 2] | None = None
    rtscts: bool | None = None


class Pbx(Struct, frozen=True, forbid_unknown_fields=True):
    """The PBX: its dialect, its serial lines, and where it differs from the dialect."""

    dialect: Text
    smdi: SerialLine | None = None
    smdr: SerialLine | None = None
    mci: SerialLine | None = None  # NEC's message centre interface
    desks: dict[Annotated[int, Meta(ge=0, le=999)], Extension] = {}  # message desk -> the number called there (DNIS)
    # Where this site differs from its dialect's calls section (cti/pbx/call_rules.py says what each means).
    sources: CallSources | None = None
    dnis: DnisOrder | None = None
    number_max: NumberMax | None = None
    outside_prefix: OutsidePrefix | None = None
    ani_wait_s: Annotated[float, Meta(ge=0, le=30)] = 3.0  # from the start of ringing; then answered without ANI
    # Where this PBX differs from its dialect's line section (cti/pbx/line_rules.py says what each means).
    flash_ms: Milliseconds | None = None
    dial_tone_s: Seconds | None = None
    dial_tone: DialTones | None = None
    transfer_prefix: Digits | None = None
    transfer_suffix: Digits | None = None
    complete: Complete | None = None
    answer: AnswerSigns | None = None
    status_digits: StatusDigits | None = None
    no_answer_s: Seconds | None = None
    retrieve: Retrieve | None = None
    retrieve_code: Digits | None = None
    retrieve_flash_ms: Milliseconds | None = None
    after_busy: AfterFailure | None = None
    after_no_answer: AfterFailure | None = None
    after_refused: AfterFailure | None = None
    recall_s: Seconds | None = None
    recall_to: RecallTo | None = None
    recall_by: RecallSigns | None = None
    disconnect: DisconnectSigns | None = None
    silence_s: Silence | None = None
    guard_s: Guard | None = None
    lamp: LampCodes | None = None
    busy_out: BusyOut | None = None
    busy_out_code: FeatureCode | None = None
    in_service_code: FeatureCode | None = None
    busy_out_refresh_s: Refresh | None = None
    services: Services | None = None  # what is dialled at agents' telephones, where it is not the dialect's
    # How far numbers outside are, by how they begin: then agents may call them from the screen, as far as `calls:` of
    # their groups lets them (cti/switch/pbx_outside.py); the code in front is services: outside.
    tolls: dict[Dialled, Toll] = {}

    def call_overrides(self) -> dict[str, Any]:
        """The fields given here that replace those of the dialect's calls section (Dialect.with_calls)."""
        values = {name: getattr(self, name) for name in CallRules.__struct_fields__ if hasattr(self, name)}
        return {name: value for name, value in values.items() if value is not None}

    def line_overrides(self) -> dict[str, Any]:
        """The fields given here that replace those of the dialect's line section (Dialect.with_line)."""
        values = {name: getattr(self, name) for name in LineRules.__struct_fields__ if hasattr(self, name)}
        return {name: value for name, value in values.items() if value is not None}


NO_PBX = Pbx("none")
"""Where our own cards are the switch."""


class PortRange(Struct, frozen=True, forbid_unknown_fields=True):
    """One port (port), or several in a row (first, count), for which extension and line count up."""

    card: Name
    extension: Extension
    desk: Annotated[int, Meta(ge=0, le=999)] | None = None  # with line: how SMDI names the port
    line: Annotated[int, Meta(ge=0, le=9999)] | None = None
    port: Annotated[int, Meta(ge=0, le=255)] | None = None
    first: Annotated[int, Meta(ge=0, le=255)] | None = None
    count: Annotated[int, Meta(ge=1, le=256)] | None = None
    use: PortUse = "callers"  # agents: a service port, where agents without a PC sign in
    dnis: Extension | None = None  # the number that is called where a call comes to this port

    def __post_init__(self) -> None:
        if (self.port is None) == (self.first is None):
            raise ValueError("names no port, or two ways; write either port: N, or first: N with count: N")
        if (self.first is None) != (self.count is None):
            raise ValueError("has only one of first and count; write both, or port: N for a single one")
        if self.count is not None and self.count > 1 and not self.extension.isdigit():
            raise ValueError(f"extension {self.extension!r} cannot count up; write digits only")
        if (self.desk is None) != (self.line is None):
            raise ValueError("has only one of desk and line; write both, or neither where no SMDI names the ports")

    def ports(self) -> Iterator[VruPort]:
        """Each port of the range."""
        first, count = (self.port, 1) if self.port is not None else (self.first or 0, self.count or 1)
        for i in range(count):
            extension = self.extension
            if i:
                extension = str(int(extension) + i).zfill(len(extension))
            line = None if self.line is None else self.line + i
            yield VruPort(self.card, first + i, extension, self.desk, line, self.use, self.dnis)


class VruPort(Struct, frozen=True):
    """A VRU port: card port, and the extension and (message desk, line) by which the PBX calls it (None: no source
    names it so)."""

    card: str
    port: int
    extension: str
    desk: int | None
    line: int | None
    use: PortUse = "callers"
    dnis: str | None = None


class Vru(Struct, frozen=True, forbid_unknown_fields=True):
    """The voice response unit: what it says, and on which ports."""

    flow: Text
    ports: tuple[PortRange, ...] = ()  # none where our cards switch: it answers on the trunks
    prompts: str | None = None
    dnis: Extension | None = None  # the hunt group's number, where the PBX says none

    def all_ports(self) -> list[VruPort]:
        """Every VRU port, in the order of the file."""
        return [port for entry in self.ports for port in entry.ports()]


GroupName = Annotated[
    str,
    Meta(
        pattern=NAME,
        extra_json_schema={"description": "a short name in Latin letters, as sales; the Chinese name goes to zh:"},
    ),
]


class Group(Struct, frozen=True, forbid_unknown_fields=True):
    """A group of agents and its queue."""

    name: GroupName
    zh: Text
    en: Text
    ring_s: Annotated[float, Meta(ge=3, le=120)] = 15.0  # an agent's telephone rings so long, then the next agent's
    wrap_up_s: Wait = 5.0
    max_wait_s: Wait = 600.0
    announce_s: Annotated[float, Meta(ge=5, le=3600)] = 30.0
    max_queue: Annotated[int, Meta(ge=0, le=100_000)] = 100
    number: Extension | None = None  # by which agents name it where they give a caller to its queue
    lamp: Extension | None = None  # the telephone whose lamp shows that there are messages
    calls: Toll = "none"  # how far its agents may call outside
    agent_number: bool = False  # callers are told the agent's number (工号播报): at the answer; behind a PBX before it


class Agent(Struct, frozen=True, forbid_unknown_fields=True):
    """A person who answers calls."""

    id: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}$", extra_json_schema={"description": 'a text in quotes: "1001"'})
    ]
    name: Text
    password: Argon2
    groups: tuple[Name, ...]
    extension: Extension | None = None  # null: said at each login
    pin: Argon2 | None = None  # for the service port: digits, hashed like a password
    role: Literal["agent", "supervisor"] = "agent"  # who may listen to, interrupt and take others' calls
    calls: Toll | None = None  # how far he may call outside; null: as far as the groups he is in
    recordings: Listens = "none"  # whose recorded conversations he may find and hear (tipring recordings --as)


class Listen(Struct, frozen=True, forbid_unknown_fields=True):
    """A TCP address to listen on; port 0: any free one."""

    listen: Text = "127.0.0.1"
    port: TcpPort = 0


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """How much and how long, with the values that suit most sites."""

    talk_s: Annotated[float, Meta(ge=60, le=86400)] = 7200.0  # a conversation without a sign of its end
    misses: Annotated[int, Meta(ge=1, le=100)] | None = None  # unanswered in a row: the agent is set to not ready
    journal_files: Annotated[int, Meta(ge=2, le=100_000)] = 64  # of 16 MiB, kept after they are in the database
    last_calls: Annotated[int, Meta(ge=0, le=50)] = 5  # on the pop-up
    messages_keep_days: Annotated[int, Meta(ge=1, le=36500)] | None = None  # then they are removed; null: never
    free_gb: Annotated[float, Meta(ge=0, le=10_000)] = 5.0  # less on a disk, or than a tenth of it: alarm disk_low


class Site(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole site file."""

    site: SiteFacts
    cards: Annotated[tuple[Card, ...], Meta(min_length=1)]
    vru: Vru
    groups: Annotated[tuple[Group, ...], Meta(min_length=1)]
    switch: Literal["pbx", "card"] = "pbx"  # who connects calls: the PBX that we stand behind, or our own cards
    pbx: Pbx = NO_PBX
    agents: Annotated[tuple[Agent, ...], Meta(max_length=100_000)] = ()
    state_dir: Text = "/var/lib/tipring"
    database: str | None = None
    desk: Listen = Listen(port=7710)
    metrics: Listen = Listen(port=9110)
    customers: str | None = None
    limits: Limits = Limits()
    recording: RecordingRules = RecordingRules()
    trunks: tuple[Trunk, ...] = ()
    routes: tuple[Route, ...] = ()
    seats: tuple[SeatRow, ...] = ()
    star_codes: StarCodes = StarCodes()
    emergency: tuple[Extension, ...] | None = None  # numbers that everybody may always call; null: the country's
    preempt: tuple[Preempted, ...] = ()  # whose calls an emergency call may push out, in this order; none: nobody's
    tones: dict[str, dict[str, Any]] = {}  # changes to the country's tone plan: name -> fields, as in conf/tones

    @property
    def state(self) -> Path:
        """The folder for journal, database, messages, recordings, prompts cache, control socket."""
        return Path(self.state_dir)

    @property
    def recordings(self) -> Path:
        """The folder of recorded conversations."""
        return Path(self.recording.folder) if self.recording.folder else self.state / "recordings"

    @property
    def messages(self) -> Path:
        """The folder of the messages that callers left."""
        return self.state / "messages"

    @property
    def journal(self) -> Path:
        """The journal's folder."""
        return self.state / "journal"

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database or f"sqlite:///{self.state / 'tipring.db'}"

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone, for what people read."""
        return ZoneInfo(self.site.timezone)

    def group(self, name: str) -> Group | None:
        """The group of this name."""
        return next((group for group in self.groups if group.name == name), None)


NO_SITE = "-c FILE names the site file; that of a service is /etc/tipring/site.yaml"


def load_site(path: Path | str, *, machine: bool = False) -> Site:
    """Reads and checks a site file. Raises ConfigFaults with all of its faults.

    machine: also check it against this computer (addresses that can be listened on, a state folder that can be
    written); ``tipring check`` and ``tipring run`` ask for it, tools that only read records do not.
    """
    from cti.site.checks import check_site

    path = Path(path)
    if not os.path.lexists(path):
        raise ConfigFaults([Fault(str(path), 0, "", "there is no such file", NO_SITE)])
    document = checked_yaml.read(path)
    site, faults = checked_yaml.convert(document, Site)
    faults += check_site(document, path.absolute().parent, machine=machine)
    if faults or site is None:
        raise ConfigFaults(faults)
    return _absolute(site, path.absolute().parent)


def _absolute(site: Site, folder: Path) -> Site:
    """The site with its relative paths made absolute."""

    def at(value: str | None) -> str | None:
        return None if value is None else str(folder / value)

    def by_name(kind: str, value: str) -> str:
        return str(folder / value) if conf_files.is_path(value) else value

    replace = msgspec.structs.replace
    vru = replace(site.vru, flow=by_name("flows", site.vru.flow), prompts=at(site.vru.prompts))
    pbx = replace(site.pbx, dialect=by_name("pbx", site.pbx.dialect))
    cards = tuple(
        replace(card, backplane=at(card.backplane)) if isinstance(card, WiredCard) else card for card in site.cards
    )
    state, customers = str(folder / site.state_dir), at(site.customers)
    kept = replace(site.recording, folder=at(site.recording.folder))
    return replace(site, vru=vru, pbx=pbx, cards=cards, state_dir=state, customers=customers, recording=kept)
