"""`tipring card test`: what an installer measures on a line, on site: a table with ok or not, and what to do.

Serves the time before the first call, and the morning on which a line sounds wrong.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cti.install.line_test import LineTest, Row
    from cti.site.config import Card, Site, VruPort
    from drivers.engine import Engine
    from drivers.port import Port

NAME = "card"
HELP = "test a line of a card: dial tone, levels, echo, hook flash, dialling, caller ID"
LONGEST_RING_S = 600.0

EXAMPLES = """\
The server must be stopped, since it holds the card's channels: tipring drain, then systemctl stop tipring. The command
opens the port itself, takes it off-hook, measures for about 30 s and hangs up. PORT is the extension, or CARD:PORT as
in the site file. Nothing is dialled but --dial, and for the flash the next port of vru.ports, which answers; --ring
waits for a call to this port.

  alarms        alarms of the driver, and whether there is battery on the line               告警、馈电
  noise         what is heard on-hook                                                        挂机噪声
  dial tone     name, level (dBm0), frequencies                                              拨号音
  return loss   how much of what we send comes back (white noise; 8 dB at least)             回波损耗
  DTMF loop     our digits, as the line's echo brings them back (with --dial)                双音频
  dialling      what the PBX answers with: ringback, voice, busy, ...                        拨号
  hook flash    what pbx.flash_ms does in a call to the next VRU port: holds it, nothing,     拍叉簧
                or cuts it off (too long: a fresh dial tone then proves nothing)
  caller ID     number and form (FSK, DTMF) of a call that comes                             来电显示

Status 0 when all that was tested is as it should be, 1 otherwise.

examples:
  tipring card test 2001 -c site.yaml
  tipring card test vru:0 -c site.yaml --dial 8001 --ring 30
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-command test."""
    parser.epilog = EXAMPLES
    subs = parser.add_subparsers(dest="do", metavar="test", required=True)
    test = subs.add_parser(
        "test", help=HELP, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter, description=HELP
    )
    test.add_argument("port", help="extension, or CARD:PORT of the site file")
    test.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file (conf/site.yaml)")
    test.add_argument("--dial", metavar="NUMBER", help="dial this number; somebody's telephone may ring")
    test.add_argument("--ring", type=float, default=0.0, metavar="SECONDS", help="wait so long for a call to this port")
    test.add_argument("--json", action="store_true", help="one JSON object a measurement")


def run(args: argparse.Namespace) -> int:
    """Opens the port, measures, tells."""
    from cti.errors import TipringError
    from cti.install.alone import check_dialled
    from cti.reactor import install
    from cti.site.config import load_site

    check_dialled("--dial", args.dial)
    if not 0 <= args.ring <= LONGEST_RING_S:
        raise TipringError(f"--ring {args.ring:g}: write 0 to {LONGEST_RING_S:g} seconds")
    site = load_site(args.config)
    card, index = _port(site, args.port)
    _no_server(site, args.port)
    rows = _measure(install(), site, card, index, args)
    return 0 if rows and all(row.ok is not False for row in rows) else 1


def _port(site: Site, wanted: str) -> tuple[Card, int]:
    """The card and the port on it."""
    from cti.errors import TipringError

    cards = {card.name: card for card in site.cards}
    for port in site.vru.all_ports():
        if wanted in (port.extension, f"{port.card}:{port.port}"):
            return cards[port.card], port.port
    name, _, number = wanted.partition(":")
    card = cards.get(name)
    if card is None or not number.isdigit() or int(number) >= card.ports:
        there = ", ".join(f"{card.name}:0-{card.ports - 1}" for card in site.cards)
        raise TipringError(f"no port {wanted!r}; write an extension of vru.ports, or one of {there}")
    if card.type != "fxo":
        raise TipringError(
            f"port {wanted} is {card.type}: lines of FXO ports can be tested; `tipring detect` tells a span's alarms"
        )
    return card, int(number)


def _no_server(site: Site, port: str) -> None:
    """TipringError where a server holds the card."""
    from cti.errors import TipringError
    from cti.operations.control import ControlError, ask

    try:
        ask(site.state, {"do": "status"})
    except ControlError as error:
        if "no server runs" in str(error):
            return
        raise
    raise TipringError(
        f"the server runs and holds port {port}: let its calls end (tipring drain) and stop it (systemctl stop "
        "tipring), then test; while it runs: tipring port capture"
    )


def _measure(reactor: Any, site: Site, card: Card, index: int, args: argparse.Namespace) -> list[Row]:
    """Runs the reactor for as long as the test takes."""
    from twisted.python.failure import Failure

    from cti.errors import TipringError
    from cti.install.alone import CardPort
    from cti.install.line_test import LineTest
    from cti.install.pair import Pair
    from cti.site.pbx_dialect import site_dialect
    from cti.site.tones import load_plan
    from drivers.clock import ReactorClock
    from drivers.engine import Engine
    from drivers.errors import EngineError

    clock = ReactorClock(reactor)
    engine = Engine(clock, paced=True, reactor=reactor, max_ports=card.ports, realtime=True, name="test")
    failed: list[Failure] = []
    try:
        rules = site_dialect(site).line
        beside = _beside(site, card, index)
        ports = _open(engine, card, [index] if beside is None else [index, beside.port])
        near, *far = [CardPort(card.name, number, port) for number, port in ports.items()]
        test = LineTest(
            clock,
            near.port,
            load_plan(site.site.country, site.tones),
            rules,
            lambda row: _tell(row, json=args.json),
            dial=args.dial,
            ring_s=args.ring,
            pair=Pair(clock, near, far[0], beside.extension, rules) if beside is not None else None,
        )
        reactor.callWhenRunning(lambda: _begin(reactor, engine, test, failed))
        reactor.run()
    except EngineError as error:
        raise TipringError(f"card {card.name}: {error}") from error
    finally:
        if engine.running:
            engine.stopService()
        engine.close()
    if failed and isinstance(failed[0].value, BrokenPipeError):
        failed[0].raiseException()
    if failed:
        raise TipringError(f"port {args.port}: the test ended early: {failed[0].getErrorMessage()}")
    if not test.done:
        raise TipringError(f"port {args.port}: interrupted; the port is on-hook")
    return test.rows


def _begin(reactor: Any, engine: Engine, test: LineTest, failed: list[Any]) -> None:
    from twisted.internet.defer import Deferred

    engine.startService()
    running = Deferred.fromCoroutine(test.run())
    running.addErrback(failed.append)
    running.addBoth(lambda _: reactor.stop())


def _beside(site: Site, card: Card, index: int) -> VruPort | None:
    """Another port of the same card that the PBX can call: the next one, or the first."""
    there = sorted((one for one in site.vru.all_ports() if one.card == card.name), key=lambda one: one.port)
    others = [one for one in there if one.port > index] + [one for one in there if one.port < index]
    return others[0] if others else None


def _open(engine: Engine, card: Card, numbers: list[int]) -> dict[int, Port]:
    """These channels of a real card; of a software card all ports, whose wires lead to the far end of its backplane."""
    from cti.cards import LAWS, connect, nothing_at
    from cti.errors import TipringError
    from cti.site.config import DahdiCard
    from drivers.card import SoftwareCard
    from drivers.dahdi import DahdiCard as Channels
    from drivers.dahdi import DahdiPort

    if isinstance(card, DahdiCard):
        channels = [
            DahdiPort(
                card.numbers[number],
                card.type,
                law=LAWS[card.law],
                depth=card.depth,
                rx_db=card.rx_gain_db,
                tx_db=card.tx_gain_db,
            )
            for number in numbers
        ]
        return dict(zip(numbers, Channels(engine, channels, name=card.name).ports, strict=True))
    software = SoftwareCard(engine, card.type, card.ports, law=LAWS[card.law], name=card.name)
    if card.backplane is None:
        raise TipringError(f"card {card.name} is a software card without a backplane: its lines lead nowhere")
    try:
        software.backplane(0, card.ports, connect(card.backplane), paced=True)
    except OSError as error:
        raise TipringError(f"card {card.name}: {nothing_at(card.backplane, error)}") from error
    return {number: software.ports[number] for number in numbers}


def _tell(row: Row, *, json: bool) -> None:
    """A line of the table, as soon as it is measured."""
    if json:
        import msgspec

        print(msgspec.json.encode(row).decode(), flush=True)
        return
    from rich.cells import cell_len

    mark = {True: "ok 正常", False: "NOT OK 异常", None: "-"}[row.ok]
    head = f"{row.en} {row.zh}"
    print(f"{head}{' ' * (40 - cell_len(head))}{mark}{' ' * (14 - cell_len(mark))}{row.value}", flush=True)
    if row.remedy:
        print(f"{'':40}{row.remedy}", flush=True)
