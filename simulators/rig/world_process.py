"""The simulated world in real time, in its own process: what `tipring sim` runs.

It makes the far ends of the server's wires: a Unix socket for the backplane of each card (none where the lines lead
over real cards), pseudo-terminals for the serial lines; its desks connect to the server's desk port over TCP. The
server does not know it from a real PBX, or from a real office and telephones. Happenings are printed as JSON lines; the
process ends when the last caller has gone and the records are printed, unless told to keep on.
"""

from __future__ import annotations

import fcntl
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from cti.errors import TipringError
from cti.operations.control import ControlError, ask
from cti.reactor import install
from cti.site.config import load_site
from drivers.card import Card, SoftwareCard
from drivers.clock import DelayedCall, ReactorClock
from drivers.engine import Engine
from simulators.lines.serial_line import PtyLine
from simulators.office.log import OfficeLog
from simulators.scenario.scenario import Scenario
from simulators.truth import Happening
from simulators.world.card_world import CardWorld
from simulators.world.own_traffic import OwnTraffic
from simulators.world.surroundings import Surroundings
from simulators.world.world import World, lines_of

MAX_PORTS = 1024
# The world waits so long for the server's wires and desks before the first caller sets out.
READY_S = 0.5
# So often it looks for a server that plugs its cables in.
LOOK_S = 0.05
# After the last caller: the record is printed, the agents' wrap-up is over.
SETTLE_S = 6.0


def run_world(folder: Path, scenario: Scenario, *, keep: bool, traffic: bool = False) -> int:
    """Runs until the callers are through (or for ever); status 1 where the server could not be reached. `traffic`: the
    PBX has calls of its own until a server is there."""
    lock = only_world(folder)
    reactor: Any = install()
    process = WorldProcess(reactor, folder, scenario, keep, traffic=traffic)
    reactor.callWhenRunning(process.start)
    reactor.addSystemEventTrigger("before", "shutdown", process.stop)
    reactor.run()
    lock.close()
    return process.status


def only_world(folder: Path) -> IO[str]:
    """Locks the folder for one world, as long as the file is open: a second one would take its wires away."""
    try:
        lock = (folder / ".tipring-world").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise TipringError(f"{folder}: another simulated world runs there") from error
    except OSError as error:
        raise TipringError(f"{folder}: cannot be written: {error.strerror}") from error
    return lock


class Cable:
    """The socket at which the wires of one of the server's cards can be plugged in."""

    def __init__(self, card: SoftwareCard, count: int, path: Path) -> None:
        self.name, self._path = path.stem, path
        self._backplane = card.backplane(0, count, -1, paced=True)
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def lay(self) -> None:
        """Puts the socket there."""
        self._path.unlink(missing_ok=True)
        self._listening.bind(str(self._path))
        self._listening.listen(1)
        self._listening.setblocking(False)

    def plugged_in(self) -> bool:
        """Takes a server that has connected since, in the place of any before."""
        try:
            far, _ = self._listening.accept()
        except BlockingIOError:
            return False
        self._backplane.reconnect(far.detach())
        return True

    def take_up(self) -> None:
        """Takes the socket away."""
        self._listening.close()
        self._path.unlink(missing_ok=True)


class WorldProcess:
    """The world and its ends of the wires; ``vru_lines`` are the PBX's ends of lines over real cards."""

    def __init__(
        self,
        reactor: Any,
        folder: Path,
        scenario: Scenario,
        keep: bool,
        *,
        vru_lines: Card | None = None,
        traffic: bool = False,
    ) -> None:
        self.reactor, self.folder, self.scenario, self.keep = reactor, folder, scenario, keep
        self.status = 0
        self.clock = ReactorClock(reactor)
        self.engine = Engine(self.clock, paced=True, reactor=reactor, max_ports=MAX_PORTS, name="world")
        self.wires: dict[str, PtyLine] = {}
        self.world = self._world(vru_lines)
        self.world.truth.watch(self._told)
        self._office = OfficeLog(self.world.truth, folder / "office.jsonl")
        cables = {} if vru_lines is not None else self.world.cables
        self._cables = [Cable(card, count, folder / f"{name}.sock") for name, (card, count) in cables.items()]
        self._unplugged = set(self._cables)
        self._looks: DelayedCall | None = None
        self._traffic = OwnTraffic(self.world) if traffic and isinstance(self.world, World) else None

    def _world(self, vru_lines: Card | None) -> Surroundings:
        """The one that the scenario's switch wants, with its serial lines."""
        scenario = self.scenario
        if scenario.switch == "card":
            return CardWorld(self.clock, self.engine, scenario)
        speeds = lines_of(scenario)
        self.wires = {name: PtyLine(self.clock, self.reactor, self.folder / name, speeds[name]) for name in speeds}
        return World(self.clock, self.engine, scenario, wires=self.wires, vru_lines=vru_lines)

    def start(self) -> None:
        """The socket is there before anything else, so that a server can connect at once."""
        for cable in self._cables:
            cable.lay()
        self.engine.startService()
        self._say("world ready", callers=len(self.scenario.callers), lines=len(self.world.lines))
        if self._traffic is not None:
            self._traffic.begin()
        if self._cables:
            self._accept()
        else:
            self._find_desks()

    def stop(self) -> None:
        """Takes its ends away, and looks for no server any more."""
        if self._looks is not None and self._looks.active():
            self._looks.cancel()
        self._office.close()
        for desk in self.world.desks.values():
            desk.close()
        self.engine.stopService()
        for line in self.wires.values():
            line.close()
        for cable in self._cables:
            cable.take_up()

    def _accept(self) -> None:
        """A server plugs its cables in, the first time or again; when it has plugged in all, the desks can begin."""
        for cable in self._cables:
            if cable.plugged_in():
                self._say("backplane connected", cable=cable.name)
                if self._unplugged:
                    self._unplugged.discard(cable)
                    if not self._unplugged:
                        if self._traffic is not None:
                            self._traffic.plugged()
                        self._find_desks()
        self._looks = self.reactor.callLater(LOOK_S, self._accept)

    def _find_desks(self) -> None:
        """The server says where its desk port is."""
        try:
            answer = ask(load_site(self.folder / "site.yaml").state, {"do": "status"})
        except ControlError:
            self.reactor.callLater(0.2, self._find_desks)
            return
        if self._traffic is not None:
            self._traffic.end()
        self._desk_port = int(answer["addresses"]["desk"])
        self.world.open_desks(self._desk)
        self.reactor.callLater(READY_S, self._callers)

    def _desk(self, agent: str) -> Callable[..., object]:
        from twisted.internet import endpoints

        def opener(protocol: Any) -> Any:
            connect: Any = endpoints.connectProtocol
            endpoint = endpoints.TCP4ClientEndpoint(self.reactor, "127.0.0.1", self._desk_port)
            return connect(endpoint, protocol)  # a refused PC says so in the world's log, and tries again

        return opener

    def _callers(self) -> None:
        self.world.start().addCallback(lambda _: self.reactor.callLater(SETTLE_S, self._through))

    def _through(self) -> None:
        self._say("callers are through")
        if not self.keep:
            self.reactor.stop()

    def _told(self, happening: Happening) -> None:
        self._say(happening.what, who=happening.who, caller=happening.call, **happening.data)

    def _say(self, what: str, **data: object) -> None:
        row = {"at_s": round(self.clock.seconds(), 3), "what": what, **data}
        sys.stdout.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
        sys.stdout.flush()
