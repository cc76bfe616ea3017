"""The server in real time: composition root. Engine and cards, serial lines, desks, web, control socket, forwarder.

`serve` runs until SIGTERM or Ctrl-C; SIGHUP opens the file of --log anew. The forwarder (journal to database) is a
child process, started again when it dies. The database may be away at the start: calls are taken, look-ups say so, the
journal keeps everything. Serves all nine steps.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError, ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from cti.assemble import Parts, line_settings, make_centre, open_records, site_side, wire
from cti.cards import BackplaneLink, open_cards
from cti.customers.numbering import NumberPlan
from cti.desk.passwords import ThreadChecker
from cti.errors import JournalError, StoreError, TipringError
from cti.operations.control import SOCKET, ControlFactory
from cti.operations.disks import Disks, Wanted
from cti.operations.log import FileSink, Log
from cti.operations.metrics import Metrics
from cti.operations.operator import Operator
from cti.operations.watchdog import Watchdog, notifier, period_s
from cti.outside import ThreadedOutside
from cti.pbx.dialect import SerialSettings
from cti.pbx.serial_port import serial_opener
from cti.records.journal import Journal
from cti.records.journal_read import files
from cti.records.store import Store, open_store
from cti.sides.pbx_side import SerialWire
from cti.site.config import SerialLine, Site, WiredCard
from drivers.card import SoftwareCard
from drivers.clock import Clock, DelayedCall, ReactorClock
from drivers.engine import Engine

# The forwarder is started again so long after it died.
FORWARDER_AGAIN_S = 2.0
FORWARDER_LIVES_S = 30.0
# So long the engine has at least, and at most, after the last call has ended.
LAST_TICKS_S = 0.1
LAST_WORDS_S = 2.0
# A disk that does not say for so long how full it is does not answer.
DISK_ANSWERS_S = 10.0
# At the end it may bring over what is there for so long; what is left then comes at the next start.
FORWARDER_ENDS_S = 10.0


class ForwarderProcess(ProcessProtocol):
    """`python -m cti.records.forwarder`, kept alive; its lines go into the log. Alarms: `database_away` by its word,
    `forwarder_down` from its death until it has lived for FORWARDER_LIVES_S."""

    def __init__(
        self, reactor: Any, site_file: Path, log: Log, on_alarm: Callable[[str, bool, str], None] | None = None
    ) -> None:
        self._reactor, self._site_file, self._log = reactor, site_file, log
        self._on_alarm = on_alarm or (lambda name, raised, text: None)
        self._away = False
        self._stopping = False
        self._running = False
        self._ended: Deferred[None] = Deferred()
        self._again: DelayedCall | None = None
        self._lives: DelayedCall | None = None
        self._down = False
        self._rest = b""

    def start(self) -> None:
        """Starts the child."""
        self._again = None
        args = [sys.executable, "-m", "cti.records.forwarder", "--site", str(self._site_file)]
        self._reactor.spawnProcess(self, sys.executable, args, env=dict(os.environ))
        self._running = True
        self._lives = self._reactor.callLater(FORWARDER_LIVES_S, self._tell_down, False, "the forwarder runs again")

    def _tell_down(self, down: bool, text: str) -> None:
        if down != self._down:
            self._down = down
            self._on_alarm("forwarder_down", down, text)

    def stop(self) -> Deferred[None]:
        """It brings over what is there, and ends; fires then, or FORWARDER_ENDS_S later."""
        self._stopping = True
        for timer in (self._again, self._lives):
            if timer is not None and timer.active():
                timer.cancel()
        if not self._running:
            return succeed(None)
        process: Any = self.transport
        with suppress(ProcessExitedAlready):
            process.signalProcess("TERM")
        late = self._reactor.callLater(FORWARDER_ENDS_S, self._over)
        return self._ended.addCallback(lambda _: late.cancel() if late.active() else None)

    def _over(self) -> None:
        if not self._ended.called:
            self._ended.callback(None)

    def errReceived(self, data: bytes) -> None:
        """Its words."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()[-4096:]
        for line in lines:
            self._said(line)

    def _said(self, line: bytes) -> None:
        """A line at the level that it has; what is no JSON object (a traceback) is an error."""
        try:
            said = msgspec.json.decode(line, type=dict[str, str])
        except msgspec.DecodeError:
            said = {"level": "error", "text": line.decode("utf-8", "replace")}
        tell = {"info": self._log.info, "warning": self._log.warning}.get(said.get("level", ""), self._log.error)
        text, event = said.get("text", ""), said.get("event", "")
        tell(text, part="forwarder")
        if not self._stopping and event in ("away", "back") and self._away != (event == "away"):
            self._away = event == "away"
            self._on_alarm("database_away", self._away, text)

    def processEnded(self, reason: Failure) -> None:
        """Again, unless the server stops."""
        self._running = False
        if self._stopping:
            self._over()
            return
        if not isinstance(reason.value, ProcessDone):
            signalled = getattr(reason.value, "signal", None)
            why = f"signal {signalled}" if signalled else f"status {getattr(reason.value, 'exitCode', '?')}"
            text = f"the forwarder died ({why}); it is started again, records stay in the journal meanwhile"
            self._log.error(text, part="forwarder")
            self._tell_down(True, text)
        if self._lives is not None and self._lives.active():
            self._lives.cancel()
        self._again = self._reactor.callLater(FORWARDER_AGAIN_S, self.start)


def serial_wire(reactor: Any, line: SerialLine | None, usual: SerialSettings) -> SerialWire | None:
    """A serial line of the site with the dialect's settings where the site says nothing."""
    if line is None:
        return None
    settings = line_settings(line, usual)
    return wire(serial_opener(reactor, line.device, settings), settings)


class Server:
    """Everything of one running server."""

    def __init__(self, reactor: Any, site: Site, site_file: Path, log: Log) -> None:
        """Opens files, cards and prompts. TipringError where something cannot be opened."""
        self.reactor, self.site, self.log = reactor, site, log
        self.clock = clock = ReactorClock(reactor)
        try:
            site.state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TipringError(
                f"state_dir {site.state}: {error.strerror}; make it for the server's user, or name another folder"
            ) from error
        self.metrics = Metrics()
        store = self._store()
        self.journal = Journal(
            clock,
            site.journal,
            "thread",
            from_thread=reactor.callFromThread,
            on_alarm=self._alarm,
            boot_after=boot_after(store, site.journal, clock.now()),
        )
        self.outside = ThreadedOutside(clock, reactor.callFromThread)
        records = open_records(site, self.journal, store, self.outside, clock, self._alarm)
        parts = Parts(site, store, self.journal, self.outside, records, self.metrics, log)
        self.engine = Engine(
            clock, paced=True, reactor=reactor, max_ports=max(64, sum(card.ports for card in site.cards)), realtime=True
        )
        self.cards = open_cards(self.engine, site)
        self.backplanes = {
            name: BackplaneLink(clock, name, card.backplane, card.ports, self._alarm)
            for name, (card, _) in self.cards.items()
            if isinstance(card, WiredCard) and card.backplane is not None
        }
        side, heard = site_side(clock, site, self.cards, lambda name, line, usual: serial_wire(reactor, line, usual))
        self.checker = ThreadChecker(reactor)
        self.centre = make_centre(
            clock,
            parts,
            side,
            heard,
            prompts=site.state / "prompts",
            checker=self.checker,
            random_bytes=os.urandom,
        )
        self.operator = Operator(self.centre, self.engine, self.backplanes)
        self.operator.watch(self.metrics, self.journal)
        self.forwarder = ForwarderProcess(reactor, site_file, log, self._alarm)
        self.watchdog = Watchdog(
            clock,
            notifier(os.environ),
            lambda: self.engine.stats().tick,
            self.operator.summary,
            self._alarm,
            every_s=period_s(os.environ),
        )
        wanted = {site.state: Wanted(site.limits.free_gb)}
        if site.switch == "card" and site.recording.calls != "none":
            wanted[site.recordings] = Wanted(site.limits.free_gb, 2 * site.recording.min_free_gb)
        self.disks = Disks(clock, self.engine.stats, wanted, self.outside.apart(DISK_ANSWERS_S), self._alarm)
        self.metrics.watch("disk_free", self.disks.free)
        self._listening: list[Any] = []

    def start(self) -> None:
        """Listens, opens the lines, takes calls."""
        site, reactor = self.site, self.reactor
        control = site.state / SOCKET
        health = self.metrics.site(self.operator.health, reactor)
        requests = ControlFactory(self.operator.requests())
        desk = self._listen(
            "desk", reactor.listenTCP, site.desk.port, self.centre.desks.factory, interface=site.desk.listen
        )
        web = self._listen("metrics", reactor.listenTCP, site.metrics.port, health, interface=site.metrics.listen)
        control.unlink(missing_ok=True)
        self._listen("state_dir", reactor.listenUNIX, str(control), requests, mode=0o600)
        self.operator.addresses = {"desk": desk.getHost().port, "metrics": web.getHost().port}
        self.checker.start()
        self.engine.startService()
        for name, link in self.backplanes.items():
            wired = self.cards[name][1]
            if isinstance(wired, SoftwareCard):
                link.start(wired)
        self.centre.start()
        self.forwarder.start()
        self.watchdog.start()
        self.disks.start()
        self.log.info(
            "the server runs",
            site=site.site.name,
            boot=self.journal.boot,
            ports=len(self.centre.lines),
            desk_port=desk.getHost().port,
            metrics_port=web.getHost().port,
            realtime=bool(self.engine.stats().realtime),
        )

    def _listen(self, field: str, listen: Callable[..., Any], where: int | str, factory: Any, **how: Any) -> Any:
        """Listens there; a TipringError names the field of the site file and what to do."""
        try:
            port = listen(where, factory, **how)
        except CannotListenError as error:
            why = getattr(error.socketError, "strerror", None) or str(error.socketError)
            if isinstance(where, str):
                raise TipringError(
                    f"{field}: the socket {where} cannot be made: {why}; a path has at most 107 bytes, the "
                    f"folder must be the server's"
                ) from error
            raise TipringError(
                f"{field}: {how['interface']} port {where} cannot be listened on: {why}; end the program that has it "
                f"(ss -ltnp shows it), or set {field}.port to another number"
            ) from error
        self._listening.append(port)
        return port

    def stop(self) -> Deferred[None]:
        """Calls get their end in the record; everything is closed; fires when the forwarder has brought it over."""
        self.watchdog.stop()
        self.disks.stop()
        for port in self._listening:
            port.stopListening()
        stopped = maybeDeferred(self.centre.stop).addErrback(lambda failure: self.log.failure(failure, "stopping"))
        said = stopped.addCallback(lambda _: last_words(self.clock, self._busy) if self.engine.running else None)
        return said.addCallback(lambda _: self._close())

    def _busy(self) -> bool:
        """Are there files that are not closed and put away, calls without an end, or of which more is to be written?"""
        return bool(self.engine.operations() or self.centre.calls or self.centre.side.unfinished())

    def _close(self) -> Deferred[None]:
        for link in self.backplanes.values():
            link.stop()
        self.engine.stopService()
        self.checker.stop()
        self.centre.side.flush()
        try:
            self.journal.close()
        except JournalError as error:
            self.log.error(str(error))
        self.log.info("the server stops")
        ended = self.forwarder.stop()
        self.outside.close()
        return ended

    def _store(self) -> Store:
        plan = NumberPlan(self.site.site.country, self.site.site.area_code)
        try:
            return open_store(self.site.database_url, plan)
        except StoreError as error:
            self.log.error(f"{error}; the journal keeps the records until the database is back")
            return Store(self.site.database_url, plan)

    def _alarm(self, name: str, raised: bool, text: str) -> None:
        centre = getattr(self, "centre", None)
        if centre is None:
            self.log.warning(text, alarm=name, raised=raised)
        else:
            centre.set_alarm(name, raised, text)


def last_words(clock: Clock, busy: Callable[[], bool]) -> Deferred[None]:
    """Fires when the engine had the ticks to say what the end of the calls makes it say (on-hook, clear-forward,
    RELEASE) and to close its files: LAST_TICKS_S, more while ``busy``, at most LAST_WORDS_S."""
    said: Deferred[None] = Deferred()
    until_s = clock.seconds() + LAST_WORDS_S

    def look() -> None:
        if busy() and clock.seconds() < until_s:
            clock.callLater(LAST_TICKS_S, look)
        else:
            said.callback(None)

    clock.callLater(LAST_TICKS_S, look)
    return said


def boot_after(store: Store, journal: Path, now: datetime) -> int:
    """The boot number above which the journal goes on.

    The database knows, for a folder that was lost. Where both are away, the number of hours since 1970: more than any
    server has been started. Numbers that begin anew would be taken for old events, and never reach the database."""
    try:
        return store.last_boot()
    except StoreError:
        return 0 if (journal / "boot").exists() or files(journal) else int(now.timestamp() // 3600)


def serve(site: Site, site_file: str | Path, *, log_file: str | None, level: str) -> int:
    """Runs until stopped; returns the exit status."""
    from twisted.internet import reactor

    os.umask(os.umask(0o077) | 0o027)  # whose calls these are is nobody else's business
    clock = ReactorClock(reactor)
    try:
        sink = FileSink(log_file)
    except OSError as error:
        raise TipringError(f"--log {log_file}: cannot be written: {error.strerror}") from error
    log = Log(clock, sink, level)
    unroute = log.route_twisted()
    server = Server(reactor, site, Path(site_file).absolute(), log)
    status = 0

    def start() -> None:
        nonlocal status
        status = 1  # of what nobody foresaw: it is in the log, and half a server does not go on
        try:
            server.start()
            status = 0
        except TipringError as error:
            log.error(str(error))
            print(f"tipring run: {error}", file=sys.stderr)
            status = 2
        finally:
            if status:
                loop.stop()

    def reopen() -> None:
        try:
            sink.reopen()
        except OSError as error:
            log.error(f"--log {log_file}: not opened again: {error.strerror}")

    loop: Any = reactor

    def hang_up() -> None:
        """A rotation moved the log away, or somebody asks for a reload, which has nothing else to do; only who started
        the server at a terminal ends it by closing that."""
        if log_file is None and sys.stderr.isatty():
            loop.stop()
        else:
            reopen()

    signal.signal(signal.SIGHUP, lambda number, frame: loop.callFromThread(hang_up))
    loop.callWhenRunning(start)
    loop.addSystemEventTrigger("before", "shutdown", server.stop)
    try:
        loop.run()
    finally:
        unroute()
    return status
