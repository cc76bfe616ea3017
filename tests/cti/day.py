"""A working day behind a PBX of any make, without audio: 2,000 callers, the PBX's clock seven minutes slow, its
printer's cable out for half an hour at noon and the buffer (the last 100 lines) comes afterwards all at once; records
are lost and damaged besides. Serves step 9.

    .venv/bin/python -m tests.cti.day                    every make that prints records; one table
    .venv/bin/python -m tests.cti.day --makes norstar --seeds 1-3 --power --restart --noise 1

The whole server but for the ports and the switch, which are dummies; the PBX prints with the simulated world's own
writers over its serial line. Some agents have no PC that says when a call is over; telephones also have calls that are
not ours, with and without a number. ``power``: besides, the PBX loses its power for 30 s, an hour before the cable is
out and again while it is; ``restart``: in the middle of the disconnection the server dies as by SIGKILL, and a new one
begins 20 s later with what is on the disk.

What must be true at the end is in `Result.faults`: no agent freed while talking, none stuck, no record at another's
call, every answered call with a record or marked as having none (or one that may be damaged).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from cti.customers.numbering import NumberPlan
from cti.outside import SteppedOutside
from cti.pbx.dialect import Dialect, load_dialect
from cti.records.forwarder import Forwarder
from cti.records.journal import Journal
from cti.records.records import Records
from cti.records.row import CallRow
from cti.records.store import open_store
from cti.sides.pbx_side import SerialWire
from cti.switch.interface import CUT, Caller, Transfer, TransferResult
from drivers import events as ev
from drivers.clock import DelayedCall, SteppedClock
from drivers.playing import Collected
from simulators.faults import SerialFault
from simulators.lines.serial_line import Line
from simulators.pbx.makes import MAKES, USUAL
from simulators.pbx.records import Printer
from simulators.pbx.smdr import Leg
from simulators.rig.site_dialect import site_dialect
from simulators.scenario.scenario import mixed
from tests.cti.centre_bench import DNIS, CentreBench
from tests.cti.dummies import DummyPort

CALLS: Final = 2000
DAY_S: Final = 8 * 3600.0
PORTS, AGENTS = 12, 12
OUT_AT_S, OUT_S = 4 * 3600.0, 1800.0
POWER_AT_S, POWER_S = (OUT_AT_S - 3600.0, OUT_AT_S + 500.0), 30.0
DIES_AT_S, DEAD_S = OUT_AT_S + 900.0, 20.0
SLOW: Final = timedelta(minutes=7)
TALK_LIMIT_S: Final = 1500.0  # longer than any talk
WITHOUT_PC: Final = ("1010", "1011", "1012")
STAMP_FOUND: Final[dict[str, Any]] = {"omnipcx-office": "start"}
"""What no manual says and the installer of such a site has seen: which end of a call the printed time is."""
WITH_RECORDS: Final = [name for name, make in MAKES.items() if make.records is not None]


@dataclass
class Telephone:
    """An agent's telephone: who is on it, by a number of the day, None: nobody."""

    agent: str
    extension: str
    talk: int | None = None
    free_since: float = 0.0


@dataclass
class Visitor:
    """A caller at one of our ports."""

    number: int
    ani: str
    came_s: float


@dataclass
class Result:
    """What the server did, against the truth. late_s: how long after the end of their talks agents were freed;
    records: of answered calls, by what their rows say."""

    make: str
    served: int = 0
    wrongly: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)  # calls that were given the record of another caller
    silent: list[str] = field(default_factory=list)  # calls with neither record nor mark
    late_s: list[float] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    alarms: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """What must never be."""
        return [*self.wrongly, *self.stuck, *self.others, *self.silent, *self.errors]


class MortalClock:
    """The clock of one life of the server: when it dies, nothing of it is ever due again."""

    def __init__(self, clock: SteppedClock) -> None:
        self._clock, self._over = clock, False

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kw: object) -> DelayedCall:
        return self._clock.callLater(delay, self._run, callable, args, kw)

    def seconds(self) -> float:
        return self._clock.seconds()

    def now(self) -> Any:
        return self._clock.now()

    def die(self) -> None:
        self._over = True
        for call in self._clock.getDelayedCalls():
            if call.func == self._run:
                call.cancel()

    def _run(self, callable: Callable[..., object], args: Any, kw: Any) -> None:
        if not self._over:
            callable(*args, **kw)


class Day:
    """The world, and the server that it is played to."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        make: str = USUAL,
        *,
        power: bool = False,
        restart: bool = False,
        noise: float = 0.0,
        calls: int = CALLS,
    ) -> None:
        self.random, self.folder, self.calls = Random(seed), folder, calls
        self.power, self.restart = power, restart
        self.make, self.plan = MAKES[make], MAKES[make].plan
        self.dialect = self._dialect(make, seed)
        self.at_ring = "smdr_at_ring" in self.dialect.calls.sources
        self.clock = SteppedClock()
        self.result = Result(make)
        self.number = self.busies = self.epoch = 0
        self.visitors: dict[int, Visitor] = {}  # by port
        self.of_call: dict[str, int] = {}  # the server's call -> visitor's number
        self.talk_of: dict[str, int] = {}  # the server's call -> talk
        self.over: dict[int, float] = {}  # talk -> when it ended
        self.printed: dict[str, set[int]] = {}  # a record's text -> visitors' numbers
        self.dark = self.dead = False
        speed = self.make.smdr_speed
        self.line = Line(self.clock, "smdr", speed)
        self.line.noise = noise
        assert self.make.records is not None
        self.printer = Printer(self.clock, self.line, Random(7), self._printed, self.make.records())
        self.printer.fault = SerialFault(lost=0.01, damaged=0.01)
        self.wire = SerialWire(self.line.opener, speed.baud, speed.bits, speed.parity)  # type: ignore[arg-type]
        self._begin_server()
        self.telephones = {agent.extension: Telephone(agent.id, agent.extension or "") for agent in self.site.agents}
        for agent in self.centre.acd.agents:
            self.centre.acd.ready(agent)

    def _dialect(self, make: str, seed: int) -> Dialect:
        """As the installer of such a site has it; who calls is told by messages, or by the record at the ring."""
        dialect = load_dialect(site_dialect(mixed(seed, 1).with_make(make), self.folder))
        at_ring = tuple(source for source in dialect.calls.sources if source == "smdr_at_ring")
        dialect = dialect.with_calls({"sources": (*at_ring, "smdi", "callerid_on_port")})
        stamp = STAMP_FOUND.get(make)
        if stamp is None:
            return dialect
        forms = tuple(replace(form, stamp=stamp) for form in dialect.smdr.records)
        return replace(dialect, smdr=replace(dialect.smdr, records=forms))

    # the server's lives

    def _begin_server(self) -> None:
        life = self.life = MortalClock(self.clock)
        self.store = open_store(f"sqlite:///{self.folder / 'records.db'}", NumberPlan("cn", "010"))
        self.journal = Journal(life, self.folder / "journal", "none", boot_after=self.store.last_boot())
        records = Records(life, self.journal, self.store, SteppedOutside(life))
        records.recover(self.store.open_calls(self.journal.boot), self.store.position())
        self.bench = CentreBench(
            self.folder,
            ports=PORTS,
            agents=AGENTS,
            say_s=0.5,
            ready=False,
            pbx=self.dialect,
            wires={"smdr": self.wire},
            limits={"talk_s": TALK_LIMIT_S},
            clock=life,
            world=self.clock,
            records=records,
        )
        self.centre, self.pbx, self.site = self.bench.centre, self.bench.pbx, self.bench.site
        self.centre.switch = self  # type: ignore[assignment]
        event = records.event

        def seen(call: str | None, kind: str, /, *given: Any, **data: Any) -> int:
            self._seen(call, kind, data)
            return event(call, kind, *given, **data)

        records.event = seen  # type: ignore[method-assign]
        for agent in self.centre.acd.agents:
            self.centre.acd.login(agent)

    def _dies(self) -> None:
        """As by SIGKILL: nothing more is written, the ports fall on-hook, the serial device is closed."""
        self.journal.close()  # all of it is in its file; what a dead server's timers would do is cancelled below
        self.life.die()
        self.epoch += 1
        self.dead = True
        self.result.errors += self.bench.faults()
        for call in self.centre.calls.values():
            if call.scope is not None:
                call.scope._children.clear()  # nobody will ever resume them
        end = self.line.server
        end.protocol = None
        end.abortConnection()
        self.line.closed(end)
        self.store.close()
        for index in list(self.visitors):
            self._leaves(index)

    def _again(self) -> None:
        """Agents sign in again, and are ready when they have nobody on the telephone."""
        self.dead = False
        self._begin_server()
        for telephone in self.telephones.values():
            self._ready_again(telephone)

    def _ready_again(self, telephone: Telephone) -> None:
        if telephone.talk is None:
            self.centre.acd.ready(telephone.agent)
        else:
            self.clock.callLater(5.0, self._ready_again, telephone)

    def _seen(self, call: str | None, kind: str, data: dict[str, Any]) -> None:
        if kind == "alarm":
            self.result.alarms.add(str(data["what"]))
        if call is None:
            return
        if kind == "smdr":
            whose = self.printed.get(bare(data["raw"])) if data.get("doubt") is None else None
            if whose is not None and self.of_call.get(call) not in whose:
                self.result.others.append(f"{self.clock.seconds():.1f} s: {call}: {data['raw']}")
        elif kind == "talk_ended":
            self._freed(call, str(data["cause"]))

    # the switch

    def rings(self, extension: str) -> bool:
        return False

    def ring_s(self, extension: str, ring_s: float) -> float:
        return ring_s

    def agent_answered(self, extension: str, how: str) -> bool:
        return False

    async def transfer(
        self, port: DummyPort, extension: str, ring_s: float, before_dial: Callable[[], None], *, flashed: bool = False
    ) -> TransferResult:
        """Dial tone after a second; busy, no answer, or answered after some rings."""
        done: Deferred[TransferResult] = Deferred()
        telephone, epoch = self.telephones[extension], self.epoch

        def ends(outcome: Transfer, caller: Caller, how: str) -> None:
            if self.epoch == epoch and not done.called:
                done.callback(TransferResult(outcome, caller, how))

        def dial() -> None:
            if self.epoch != epoch or self.dark:
                ends(Transfer.CALLER_LOST, Caller.GONE, CUT)
                return
            before_dial()
            if telephone.talk is not None:
                self.busies += 1
                self.clock.callLater(1.0, ends, Transfer.BUSY, Caller.WITH_US, "busy")
            elif self.random.random() < 0.03:
                self.clock.callLater(12.0, ends, Transfer.NO_ANSWER, Caller.WITH_US, "time")
            else:
                self.clock.callLater(self.random.uniform(1, 6), answer)

        def answer() -> None:
            if self.epoch != epoch or self.dark or port.index not in self.visitors:
                ends(Transfer.CALLER_LOST, Caller.GONE, CUT)
            elif telephone.talk is not None:
                ends(Transfer.BUSY, Caller.WITH_US, "busy")
            else:
                visitor = self.visitors.pop(port.index)
                call = self.pbx.arrivals.call_at(self.pbx.lines[port.index])
                assert call is not None
                self.talk_of[call.id] = self._put_through(port.index, visitor, telephone)
                ends(Transfer.ANSWERED, Caller.WITH_AGENT, "voice")

        self.clock.callLater(1.0, dial)
        return await done

    # the world

    def _put_through(self, port: int, visitor: Visitor, telephone: Telephone) -> int:
        self.result.served += 1
        own = f"{2001 + port}"
        whole = self.plan.legs == "whole_call"
        if not whole:
            self._print(own, visitor.number, visitor.ani, self.clock.seconds() - visitor.came_s, "first")
        about_s = self.random.choice((4, 8, 20, 45, 90, 200, 600))
        before = (own,) if whole else ()
        began = visitor.came_s if whole else self.clock.seconds()
        return self._talks(telephone, visitor.number, visitor.ani, about_s, began, before, ours=True)

    def _talks(
        self,
        telephone: Telephone,
        number: int,
        ani: str,
        about_s: float,
        began_s: float,
        before: tuple[str, ...] = (),
        *,
        ours: bool,
    ) -> int:
        self.number += 1
        talk = telephone.talk = self.number
        epoch = self.epoch
        self._print(telephone.extension, number, ani, 0.0, "only", "answer")

        def over() -> None:
            if telephone.talk != talk:
                return  # the power has ended it
            self._hung_up(telephone)
            lasted = self.clock.seconds() - began_s
            self._print(telephone.extension, number, ani, lasted, "last" if ours else "only", before=before)
            if ours and telephone.agent not in WITHOUT_PC:
                self.clock.callLater(5.0, self._looks_at_the_screen, telephone, talk, epoch)

        self.clock.callLater(about_s * self.random.uniform(0.7, 1.3), over)
        return talk

    def _hung_up(self, telephone: Telephone) -> None:
        assert telephone.talk is not None
        self.over[telephone.talk] = telephone.free_since = self.clock.seconds()
        telephone.talk = None

    def _looks_at_the_screen(self, telephone: Telephone, talk: int, epoch: int) -> None:
        """The agent looks at a screen that says so, and no new call has come."""
        if epoch != self.epoch or self.dead:
            return
        agent = self.centre.acd.agent(telephone.agent)
        if telephone.talk is None and telephone.free_since == self.over[talk] and agent.line == "talking":
            self.centre.acd.call_ended(telephone.agent)

    def _print(
        self,
        extension: str,
        number: int,
        ani: str,
        duration_s: float,
        leg: str,
        event: str = "end",
        *,
        answered: bool = True,
        before: tuple[str, ...] = (),
    ) -> None:
        if self.dark:
            return
        ended = self.clock.now().astimezone(self.site.zone).replace(tzinfo=None) - SLOW
        started = ended - timedelta(seconds=duration_s)
        trunk = number % 30 + 1
        text = Leg(
            ended, extension, trunk, self._cut(ani), 3.0, duration_s, leg, answered, started, called=DNIS, before=before
        )
        self.printer.print(number, text, event)

    def _printed(self, number: int | None, who: str, what: str, **data: Any) -> None:
        """The world's note of what the printer was given."""
        if what == "smdr" and number is not None:
            self.printed.setdefault(bare(data["raw"]), set()).add(number)

    def _cut(self, ani: str) -> str:
        return ani if self.plan.number_max is None else ani[-self.plan.number_max :]

    def _calls(self) -> None:
        """A caller to the VRU, at the first idle port; nobody answers where there is none."""
        lines = self.centre.lines
        index = next((i for i in range(PORTS) if lines[i].state == "idle" and i not in self.visitors), None)
        if index is None or self.dark or self.dead:
            return
        self.number += 1
        ani = "" if self.random.random() < 0.15 else f"138{self.random.randrange(10**8):08d}"
        if self.random.random() < 0.2 and self.of_call:
            ani = "13900000000"  # one who calls all day
        visitor = self.visitors[index] = Visitor(self.number, ani, self.clock.seconds())
        port = self.bench.ports[index]
        port.ring()
        call = self.pbx.arrivals.call_at(self.pbx.lines[index])
        assert call is not None
        self.of_call[call.id] = visitor.number
        if self.at_ring:
            self._print(f"{2001 + index}", visitor.number, ani, 0.0, "only", "ring")
        else:
            self.bench.says(self._cut(ani) or None, line=index + 1)
        self.clock.callLater(self.random.uniform(2, 9), self._presses, port, visitor)

    def _presses(self, port: DummyPort, visitor: Visitor) -> None:
        if self.visitors.get(port.index) is not visitor:
            return
        if not port.off_hook or "answer" in port.doing:  # it rings still
            self.clock.callLater(2.0, self._presses, port, visitor)
        elif "collect" in port.doing and self.random.random() < 0.95:
            port.finish("collect", Collected("1", "max"))
            self.clock.callLater(self.random.uniform(60, 400), self._loses_patience, port, visitor)
        else:
            self._hangs_up(port, visitor)

    def _loses_patience(self, port: DummyPort, visitor: Visitor) -> None:
        if self.visitors.get(port.index) is visitor and not self._ringing(port):
            self._hangs_up(port, visitor)

    def _ringing(self, port: DummyPort) -> bool:
        call = self.pbx.arrivals.call_at(self.pbx.lines[port.index])
        return call is not None and call.state == "transferring"

    def _hangs_up(self, port: DummyPort, visitor: Visitor) -> None:
        self._leaves(port.index)
        port.tell(ev.LoopDrop)

    def _leaves(self, index: int) -> None:
        """Whoever is at the port is there no more, and the PBX prints it."""
        visitor = self.visitors.pop(index)
        answered = self.bench.ports[index].off_hook
        lasted = self.clock.seconds() - visitor.came_s if answered else 0.0
        self._print(f"{2001 + index}", visitor.number, visitor.ani, lasted, "only", answered=answered)

    def _another_call(self) -> None:
        """A call at an agent's telephone that is not ours."""
        telephone = self.random.choice(list(self.telephones.values()))
        if self.dark or self.dead:
            return
        if telephone.talk is None and self.centre.acd.agent(telephone.agent).line == "idle":
            ani = self.random.choice(("", "13900000000", f"010{self.random.randrange(10**8):08d}"))
            self.number += 1
            self._talks(telephone, self.number, ani, 40.0, self.clock.seconds(), ours=False)

    def _power(self, on: bool) -> None:
        """All calls are gone, nothing is printed of them, and what the printer had kept is lost."""
        self.dark = not on
        if on:
            return
        self.printer.forget()
        for telephone in self.telephones.values():
            if telephone.talk is not None:
                talk = telephone.talk
                self._hung_up(telephone)
                if telephone.agent not in WITHOUT_PC:
                    self.clock.callLater(5.0, self._looks_at_the_screen, telephone, talk, self.epoch)
        for index in list(self.visitors):
            del self.visitors[index]
            if not self._ringing(self.bench.ports[index]):
                self.bench.ports[index].tell(ev.LoopDrop)

    def _freed(self, name: str, cause: str) -> None:
        talk, result = self.talk_of[name], self.result
        result.causes[cause] += 1
        if talk not in self.over:
            result.wrongly.append(f"{self.clock.seconds():.1f} s: call {name}: freed while talking, by {cause}")
        else:
            result.late_s.append(self.clock.seconds() - self.over[talk])

    def run(self) -> Result:
        """To the end of the day, and until the last talk is over."""
        every = DAY_S / CALLS
        at = 30.0
        for _ in range(self.calls):
            at += every * self.random.uniform(0.5, 1.5)
            self.clock.callLater(at, self._calls)
            if self.random.random() < 0.15:
                self.clock.callLater(at + self.random.uniform(0, 14), self._another_call)
        self.clock.callLater(OUT_AT_S, self.printer.offline, True)
        self.clock.callLater(OUT_AT_S + OUT_S, self.printer.offline, False)
        for dark_s in POWER_AT_S if self.power else ():
            self.clock.callLater(dark_s, self._power, False)
            self.clock.callLater(dark_s + POWER_S, self._power, True)
        if self.restart:
            self.clock.callLater(DIES_AT_S, self._dies)
            self.clock.callLater(DIES_AT_S + DEAD_S, self._again)
        self.clock.advance(at + TALK_LIMIT_S + 1000.0)
        return self._ends()

    def _ends(self) -> Result:
        result = self.result
        for agent in self.centre.acd.agents.values():
            if agent.truths != ("ready", "idle", "none"):
                result.stuck.append(f"agent {agent.id} is {agent.truths}, since {agent.since_s:.0f} s: {agent.cause}")
        if len(self.pbx.talks) or self.centre.calls:
            result.stuck.append(f"{len(self.pbx.talks)} talks and {len(self.centre.calls)} calls are not over")
        if result.late_s and max(result.late_s) > TALK_LIMIT_S + 60.0:
            result.stuck.append(f"an agent was freed {max(result.late_s):.0f} s after the end")
        self.offset_s = self.pbx.settled.pbx.offset_s
        self.centre.stop()
        result.errors += self.bench.faults()
        Forwarder(self.store, self.journal.path).forward_once()
        for row in self.rows():
            if row.answered_at is not None:
                result.records[row.recorded or "none"] += 1
                if row.recorded is None:
                    result.silent.append(f"call {row.id} has no record, and is not marked: {row.outcome}, {row.cause}")
        self.journal.close()
        self.store.close()
        return result

    def rows(self) -> list[CallRow]:
        """Every call from outside."""
        return list(self.store.calls(limit=2 * self.calls))


def bare(text: object) -> str:
    """A record without white space and control characters."""
    return "".join(sign for sign in str(text) if sign.isprintable() and not sign.isspace())


def run(make: str, seed: int, **wrong: Any) -> Result:
    """One day."""
    with tempfile.TemporaryDirectory(prefix="tipring-day-") as folder:
        return Day(Path(folder), seed, make, **wrong).run()


def main() -> int:
    """One table; status 1: something was that must never be."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(prog="python -m tests.cti.day", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--makes", default=",".join(WITH_RECORDS), help="of PBX (tipring demo --pbx list)")
    parser.add_argument("--seeds", default="1", help="such as 1 or 1-3")
    parser.add_argument("--power", action="store_true", help="the PBX loses its power twice")
    parser.add_argument("--restart", action="store_true", help="the server dies while the cable is out")
    parser.add_argument("--noise", type=float, default=0.0, metavar="%", help="bytes of the printer with a wrong bit")
    parser.add_argument("--verbose", action="store_true", help="tell each fault")
    args = parser.parse_args()
    first, _, last = args.seeds.partition("-")
    page = Table(title="A day of 2,000 calls", title_justify="left")
    for head in (
        "make",
        "seed",
        "served",
        "wrongly",
        "stuck",
        "another's",
        "silent",
        "errors",
        "freed s: median",
        "99 %",
    ):
        page.add_column(head, justify="left" if head == "make" else "right")
    page.add_column("records")
    bad = 0
    for make in args.makes.split(","):
        for seed in range(int(first), int(last or first) + 1):
            day = run(make, seed, power=args.power, restart=args.restart, noise=args.noise / 100)
            bad += bool(day.faults)
            late = sorted(day.late_s)
            counts = (day.served, *(len(one) for one in (day.wrongly, day.stuck, day.others, day.silent, day.errors)))
            times = (f"{late[len(late) // 2]:.1f}", f"{late[len(late) * 99 // 100]:.1f}")
            told = ", ".join(f"{count} {word}" for word, count in sorted(day.records.items()))
            page.add_row(make, str(seed), *map(str, counts), *times, told)
            if args.verbose:
                print(*(f"{make}, seed {seed}: {fault}" for fault in day.faults[:40]), sep="\n", flush=True)
    Console(width=160).print(page)
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
