"""Puts a centre together from its site file: records, voice, desks, switch. Serves all nine steps.

Real time (cti.service) and simulated time (`assemble_stepped`) differ only in what is handed over: the clock, the
ports, the serial lines, how the journal is synced and how outside things are asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from twisted.internet.defer import Deferred

from cti.acd.centre import Acd
from cti.cards import cancel_echoes, seat_ports, vru_ports
from cti.centre import Centre
from cti.customers.numbering import NumberPlan
from cti.desk.history import DeskHistory
from cti.desk.passwords import Checker, InlineChecker
from cti.desk.server import DeskServer
from cti.desk.telephone import Telephones
from cti.errors import StoreError
from cti.operations.log import Lines, Log
from cti.operations.metrics import Metrics
from cti.outside import Outside, SteppedOutside
from cti.pbx.dialect import SerialSettings
from cti.pbx.link import Opener
from cti.recordings.rights import messages_of
from cti.recordings.sounds import MessageSounds
from cti.records.forwarder import Forwarder
from cti.records.journal import Journal
from cti.records.records import Records
from cti.records.store import Store, open_store
from cti.sides.card_side import CardSide, CardWiring
from cti.sides.pbx_side import PbxSide, SerialWire, Wiring
from cti.sides.side import Side
from cti.site.config import DahdiCard, SerialLine, Site, WiredCard
from cti.site.pbx_dialect import site_dialect
from cti.site.tones import ears, load_plan
from cti.trunks.routes import Routes
from cti.trunks.trunks import open_trunks
from cti.vru.flow import load_flow
from cti.vru.prompts import Prompts
from drivers.card import Card
from drivers.clock import Clock, DelayedCall, SteppedClock
from drivers.tones import TonePlan

# A disk has so long for a piece of a message's sound.
SOUND_S = 5.0
# Stepped: the journal goes to the database so often.
FORWARD_S = 2.0


@dataclass
class Parts:
    """What a centre stands on, and what has to be closed."""

    site: Site
    store: Store
    journal: Journal
    outside: Outside
    records: Records
    metrics: Metrics
    log: Log


def open_records(
    site: Site,
    journal: Journal,
    store: Store,
    outside: Outside,
    clock: Clock,
    alarm: Callable[[str, bool, str], None],
) -> Records:
    """The records; calls that an earlier run left open are ended."""
    records = Records(clock, journal, store, outside, last_calls=site.limits.last_calls, on_alarm=alarm)
    try:
        records.recover(store.open_calls(journal.boot), store.position())
    except StoreError:  # the database is away: the journal alone says it
        records.recover()
    return records


def make_centre(
    clock: Clock,
    parts: Parts,
    side: Callable[[Centre], Side],
    tones: TonePlan,
    *,
    prompts: Path,
    checker: Checker,
    random_bytes: Callable[[int], bytes],
) -> Centre:
    """All parts joined; ``prompts`` is the cache of what the VRU says, filled here where something is missing."""
    site = parts.site
    flow = load_flow(site.vru.flow, [group.name for group in site.groups])
    own = Path(site.vru.prompts) if site.vru.prompts is not None else None
    names = {group.name: {"zh": group.zh, "en": group.en} for group in site.groups}
    voice = Prompts(
        prompts,
        site_folder=own,
        texts={key: {str(name): text for name, text in said.items()} for key, said in flow.texts.items()},
        groups=names,
    )
    voice.prepare()
    site.messages.mkdir(parents=True, exist_ok=True)
    history = DeskHistory(parts.outside, parts.store, {agent.id: agent.groups for agent in site.agents})

    sounds = MessageSounds(
        clock,
        parts.outside,
        parts.outside.apart(SOUND_S),
        parts.store,
        site.messages,
        {agent.id: messages_of(agent) for agent in site.agents},
    )

    def durable() -> Deferred[None]:
        return parts.records.durable(parts.journal.serial)

    def desks(acd: Acd) -> DeskServer:
        return DeskServer(
            clock,
            site.agents,
            acd,
            checker,
            random_bytes,
            history=history,
            sounds=sounds,
            durable=durable,
            metrics=parts.metrics,
            log=parts.log,
        )

    def telephones(centre: Centre) -> Telephones:
        return Telephones(
            clock,
            site.agents,
            centre.acd,
            checker,
            voice,
            site.site.language,
            centre.tones,
            durable=durable,
            kept=site.state / "telephones.json",
            on_alarm=centre.set_alarm,
            on_failure=parts.log.failure,
        )

    return Centre(clock, site, side, tones, parts.records, flow, voice, desks, telephones, parts.metrics, parts.log)


SerialWires = Callable[[str, SerialLine | None, SerialSettings], SerialWire | None]
"""The serial line of this name (smdi, smdr, mci), as the site and the dialect describe it."""


def site_side(
    clock: Clock, site: Site, cards: Mapping[str, tuple[WiredCard | DahdiCard, Card]], wires: SerialWires
) -> tuple[Callable[[Centre], Side], TonePlan]:
    """What stands between the callers and us at this site, and the tones that the ears of a call listen for."""
    plan = load_plan(site.site.country, site.tones)
    if site.switch == "card":
        trunks = open_trunks(site, {name: card for name, (_, card) in cards.items()}, plan)
        wired = CardWiring(list(trunks.values()), Routes(clock, site, trunks), seat_ports(site, cards), plan)
        return (lambda centre: CardSide(centre, wired)), plan
    dialect = site_dialect(site)
    serial, pbx = dialect.serial, site.pbx
    wiring = Wiring(
        vru_ports(site, cards),
        wires("smdi", pbx.smdi, serial.smdi),
        wires("smdr", pbx.smdr, serial.smdr),
        wires("mci", pbx.mci, serial.mci),
    )
    return (lambda centre: PbxSide(centre, dialect, wiring)), ears(dialect.line, plan)


def line_settings(line: SerialLine | None, usual: SerialSettings) -> SerialSettings:
    """The dialect's settings of a serial line, with those of the site in place of them."""
    given = {name: getattr(line, name, None) for name in SerialSettings.__struct_fields__}
    return msgspec.structs.replace(usual, **{name: value for name, value in given.items() if value is not None})


def wire(opener: Opener | None, settings: SerialSettings) -> SerialWire | None:
    """A serial line that is opened by `opener`; None without one."""
    return SerialWire(opener, settings.baud, settings.bits, settings.parity) if opener is not None else None


class Assembly:
    """A centre in simulated time, in one process with its world."""

    def __init__(self, clock: SteppedClock, parts: Parts, centre: Centre, forwarder: Forwarder) -> None:
        self.clock, self.parts, self.centre, self.forwarder = clock, parts, centre, forwarder
        self.store = parts.store
        self._timer: DelayedCall | None = None

    def start(self) -> None:
        """Opens the lines; the journal goes to the database every two seconds."""
        self.centre.start()
        self._timer = self.clock.callLater(FORWARD_S, self._forward)

    def stop(self) -> None:
        """Every call gets its end; nothing goes on."""
        self.centre.stop()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def close(self) -> None:
        """Closes the files."""
        self.centre.side.flush()
        self.parts.journal.close()
        self.parts.outside.close()
        self.store.close()

    def _forward(self) -> None:
        self.forwarder.forward_once()
        self._timer = self.clock.callLater(FORWARD_S, self._forward)


def assemble_stepped(
    clock: SteppedClock,
    site: Site,
    cards: Mapping[str, Card],
    *,
    smdi: Opener | None = None,
    smdr: Opener | None = None,
    mci: Opener | None = None,
    prompts: Path,
    seed: int = 1,
) -> Assembly:
    """A centre whose cards are open and whose serial lines are in memory."""
    site.state.mkdir(parents=True, exist_ok=True)
    log, metrics = Log(clock, Lines()), Metrics()
    store = open_store(site.database_url, NumberPlan(site.site.country, site.site.area_code))
    if site.customers is not None:
        store.import_customers(Path(site.customers))
    made: list[Centre] = []

    def alarm(name: str, raised: bool, text: str) -> None:
        if made:
            made[0].set_alarm(name, raised, text)
        else:
            log.warning(text, alarm=name, raised=raised)

    journal = Journal(clock, site.journal, "none", on_alarm=alarm, boot_after=store.last_boot())
    outside = SteppedOutside(clock)
    records = open_records(site, journal, store, outside, clock, alarm)
    parts = Parts(site, store, journal, outside, records, metrics, log)
    by_name = {card.name: (card, cards[card.name]) for card in site.cards}
    cancel_echoes(by_name)
    openers = {"smdi": smdi, "smdr": smdr, "mci": mci}
    side, heard = site_side(
        clock, site, by_name, lambda name, line, usual: wire(openers[name], line_settings(line, usual))
    )
    source = random.Random(f"tipring desk tokens {seed}")
    centre = make_centre(
        clock, parts, side, heard, prompts=prompts, checker=InlineChecker(), random_bytes=source.randbytes
    )
    made.append(centre)
    return Assembly(clock, parts, centre, Forwarder(store, site.journal))
