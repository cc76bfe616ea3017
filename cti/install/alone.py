"""An installer's command has cards and serial lines to itself: opened as the server would, with the server stopped.

`work` is a coroutine over a `Bench`; it ends by itself, by an error or by Ctrl-C, and in each case every port is
on-hook and every device closed afterwards.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from cti.assemble import line_settings
from cti.cards import LOOK_S, BackplaneLink, open_cards
from cti.errors import TipringError
from cti.operations.control import SOCKET
from cti.pbx.dialect import Dialect
from cti.site.config import Card, Site, WiredCard
from drivers.card import Card as EngineCard
from drivers.card import SoftwareCard
from drivers.clock import Clock
from drivers.port import Port
from drivers.problems import is_a

T = TypeVar("T")
# Wires of a software card must be there so soon.
WIRES_S = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class CardPort:
    """A port by its card and its place there, as the site file writes it."""

    card: str
    index: int
    port: Port

    def __str__(self) -> str:
        return f"{self.card}:{self.index}"


@dataclass
class Bench:
    """What an installer's command works with. `serial` has an opener (cti.pbx.link) for each line of the site."""

    clock: Clock
    site: Site
    dialect: Dialect
    ports: list[CardPort]
    serial: dict[str, Any] = field(default_factory=dict)


def pause(clock: Clock, seconds: float) -> Deferred[None]:
    """Fires after so long; can be cancelled."""
    done: Deferred[None] = Deferred(lambda _: timer.cancel())
    timer = clock.callLater(seconds, done.callback, None)
    return done


def check_dialled(option: str, number: str | None) -> None:
    """TipringError where an option's number is none that can be dialled."""
    if number is not None and not re.fullmatch(r"[0-9*#,A-Da-d]{1,32}", number):
        raise TipringError(f"{option} {number!r}: write 1 to 32 of 0-9 * # A-D, and ',' for half a second")


def refuse_beside_server(site: Site) -> None:
    """TipringError where a server of this site runs: cards and serial lines are its own."""
    path = site.state / SOCKET
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(2.0)
        try:
            link.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return
        except OSError:  # nobody else's socket is there: a server runs, as another user or too busy to answer
            pass
    raise TipringError(
        f"the server runs on {site.state_dir} and has the cards; stop it first (服务运行中，请先停止): "
        "systemctl stop tipring"
    )


def run_alone(site: Site, work: Callable[[Bench], Coroutine[Any, Any, T]]) -> T:
    """Opens everything, does the work, closes everything. TipringError where something cannot be opened, or on
    Ctrl-C."""
    from cti.pbx.serial_port import serial_opener
    from cti.reactor import install
    from cti.site.pbx_dialect import site_dialect
    from drivers.clock import ReactorClock
    from drivers.engine import Engine

    refuse_beside_server(site)
    reactor: Any = install()
    clock = ReactorClock(reactor)
    dialect = site_dialect(site)
    engine = Engine(clock, paced=True, reactor=reactor, max_ports=max(64, sum(card.ports for card in site.cards)))
    cards = open_cards(engine, site)
    ports = [
        CardPort(name, port.index, port)
        for name, (_, card) in cards.items()
        for port in card.ports
        if port.kind == "fxo"
    ]
    serial = {
        name: serial_opener(reactor, line.device, line_settings(line, getattr(dialect.serial, name)))
        for name in ("smdi", "smdr", "mci")
        if (line := getattr(site.pbx, name)) is not None
    }
    bench = Bench(clock, site, dialect, ports, serial)
    links, away = _links(clock, cards)
    results: list[T | Failure] = []
    doing: Deferred[Any] | None = None
    stopping: list[bool] = []

    async def all_of_it() -> T:
        for name, link in links.items():
            card = cards[name][1]
            assert isinstance(card, SoftwareCard)
            link.start(card)
        await _wired(clock, links, away)
        return await work(bench)

    def begin() -> None:
        nonlocal doing
        engine.startService()
        doing = Deferred.fromCoroutine(all_of_it())
        doing.addBoth(results.append)
        doing.addBoth(lambda _: reactor.callLater(0.1, reactor.stop) if reactor.running and not stopping else None)

    def end() -> None:
        stopping.append(True)
        if doing is not None and not results:
            doing.cancel()
        for one in ports:
            one.port.hangup()
        for link in links.values():
            link.stop()
        engine.stopService()

    reactor.callWhenRunning(begin)
    reactor.addSystemEventTrigger("before", "shutdown", end)
    reactor.run()
    result = results[0] if results else None
    if isinstance(result, Failure) and not is_a(result, CancelledError):
        result.raiseException()
    if result is None or isinstance(result, Failure):
        raise TipringError("interrupted; nothing was written")
    return result


def _links(
    clock: Clock, cards: Mapping[str, tuple[Card, EngineCard]]
) -> tuple[dict[str, BackplaneLink], dict[str, str]]:
    """The wires of software cards; and, for as long as they are not there, why."""
    away: dict[str, str] = {}

    def told(alarm: str, raised: bool, text: str) -> None:
        name = alarm.removeprefix("card_")
        away.pop(name, None)
        if raised:
            away[name] = text

    links = {
        name: BackplaneLink(clock, name, card.backplane, card.ports, told)
        for name, (card, _) in cards.items()
        if isinstance(card, WiredCard) and card.backplane is not None
    }
    return links, away


async def _wired(clock: Clock, links: dict[str, BackplaneLink], away: dict[str, str]) -> None:
    """The wires of software cards are there; ``away`` says of each why not."""
    ends_s = clock.seconds() + WIRES_S
    for name, link in links.items():
        while not (stats := link.stats()) or stats["alarm"]:
            if clock.seconds() > ends_s:
                silent = f"card {name}: {link.path} says nothing; start it again: tipring sim"
                raise TipringError(away.get(name, silent))
            await pause(clock, LOOK_S / 4)
