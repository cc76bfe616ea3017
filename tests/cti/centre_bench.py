"""A whole centre on dummies: ports that do what a test says, a switch whose transfers the test decides, lists for
records and desks. The machines, the ACD, the arrivals and the attendant between them are the real ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, succeed

from cti.call import Call
from cti.centre import Centre
from cti.desk.passwords import InlineChecker
from cti.desk.telephone import Telephones
from cti.operations.log import Lines, Log
from cti.operations.metrics import Metrics
from cti.outside import SteppedOutside
from cti.pbx.dialect import Dialect, load_dialect
from cti.pbx.smdi import SmdiCall
from cti.pbx.smdr import SmdrRecord
from cti.sides.pbx_side import PbxSide, SerialWire, Wiring
from cti.site.config import Site
from cti.site.tones import ears, load_plan
from cti.switch.interface import Caller, Transfer, TransferResult
from cti.vru.flow import load_flow
from cti.vru.keys import PACE_S
from drivers import events as ev
from drivers.clock import SteppedClock
from drivers.operations import quietly
from drivers.playing import Collected, PlayEnd
from tests.cti.dummies import DummyDesks, DummyPort, DummyPrompts, DummyRecords

A, B, DNIS = "13800138000", "01062345678", "66886688"
PLAYED = PlayEnd("finished", 1000)
HASH = "$argon2id$v=19$m=1024,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA"


@cache
def dialect() -> Dialect:
    return load_dialect("panasonic-tda").with_calls({"sources": ("smdi", "callerid_on_port")})


def site(
    folder: Path, ports: int, agents: int, *, card: str = "fxo", limits: dict[str, Any] | None = None, **group: Any
) -> Site:
    return msgspec.convert(
        {
            "site": {"name": "test"},
            "state_dir": str(folder),
            "cards": [{"name": "vru", "kind": "software", "ports": ports, "type": card}],
            "pbx": {"dialect": "panasonic-tda"},
            "limits": limits or {},
            "vru": {
                "flow": "welcome",
                "ports": [{"card": "vru", "first": 0, "count": ports, "extension": "2001", "desk": 1, "line": 1}],
            },
            "groups": [
                {"name": name, "zh": name, "en": name, "ring_s": 12, "wrap_up_s": 5, **group}
                for name in ("sales", "service", "complaints")
            ],
            "agents": [
                {
                    "id": str(1001 + n),
                    "name": str(n),
                    "password": HASH,
                    "groups": ["sales"],
                    "extension": str(8001 + n),
                }
                for n in range(agents)
            ],
        },
        Site,
    )


class ScriptedSwitch:
    """Each transfer waits for its result."""

    def __init__(self) -> None:
        self.under_way: list[tuple[DummyPort, str, float, Callable[[], None], Deferred[TransferResult]]] = []
        self.flashed: list[bool] = []
        self.ringing: set[str] = set()
        self.told: list[tuple[str, str]] = []

    def rings(self, extension: str) -> bool:
        return extension in self.ringing

    def ring_s(self, extension: str, ring_s: float) -> float:
        return ring_s

    def agent_answered(self, extension: str, how: str) -> bool:
        self.told.append((extension, how))
        return any(entry[1] == extension for entry in self.under_way)

    async def transfer(
        self, port: DummyPort, extension: str, ring_s: float, before_dial: Callable[[], None], *, flashed: bool = False
    ) -> TransferResult:
        self.flashed.append(flashed)
        result: Deferred[TransferResult] = Deferred()
        entry = (port, extension, ring_s, before_dial, result)
        self.under_way.append(entry)
        try:
            return await result
        finally:
            self.under_way.remove(entry)

    def dials(self) -> None:
        """The first one's dial tone was heard."""
        self.under_way[0][3]()

    def ends(self, outcome: Transfer, caller: Caller, how: str = "test", index: int = 0) -> None:
        self.under_way[index][4].callback(TransferResult(outcome, caller, how))


class CentreBench:
    """``calls`` in the order of their ids. Prompts take ``say_s``; keys are pressed by `press`. ``limits``: of the
    site."""

    def __init__(
        self,
        folder: Path,
        *,
        ports: int = 2,
        agents: int = 2,
        say_s: float = 1.0,
        line: dict[str, Any] | None = None,
        ready: bool = True,
        pbx: Dialect | None = None,
        wires: dict[str, SerialWire] | None = None,
        vru: dict[str, Any] | None = None,
        desks: dict[int, str] | None = None,
        limits: dict[str, Any] | None = None,
        clock: Any = None,
        world: SteppedClock | None = None,
        records: Any = None,
        **group: Any,
    ) -> None:
        """``pbx``: another dialect; ``wires``: serial lines smdi, smdr, mci; ``vru``, ``desks``: as in a site file;
        ``world``, ``records``: in place of its own;
        ``clock``: of the world, as the server sees it."""
        self.world = world or SteppedClock()
        self.clock: SteppedClock = clock or self.world
        self.desks = DummyDesks()
        self.records: Any = records or DummyRecords()
        if records is None:
            self.records.outside = SteppedOutside(self.clock)
        self.site = site(folder, ports, agents, limits=limits, **group)
        replace = msgspec.structs.replace
        self.site = replace(
            self.site, vru=replace(self.site.vru, **(vru or {})), pbx=replace(self.site.pbx, desks=desks or {})
        )
        results = {"answer": (0.02, None), "play": (say_s, PLAYED)}
        self.ports = [DummyPort(self.clock, index, results) for index in range(ports)]
        lines = wires or {}
        wiring = Wiring(
            list(zip(self.site.vru.all_ports(), self.ports, strict=True)),  # type: ignore[arg-type]
            lines.get("smdi"),
            lines.get("smdr"),
            lines.get("mci"),
        )
        spoken = (pbx or dialect()).with_line(line or {})

        def side(centre: Centre) -> PbxSide:
            self.pbx = PbxSide(centre, spoken, wiring)
            return self.pbx

        self.log = Lines()
        self.centre = Centre(
            self.clock,
            self.site,
            side,
            ears(spoken.line, load_plan("cn")),
            self.records,  # type: ignore[arg-type]
            load_flow("welcome", ["sales", "service", "complaints"]),
            DummyPrompts(),  # type: ignore[arg-type]
            lambda acd: self.desks,  # type: ignore[arg-type, return-value]
            self._telephones,
            Metrics(),
            Log(self.clock, self.log),
        )
        self.switch = ScriptedSwitch()
        self.centre.switch = self.switch  # type: ignore[assignment]
        self.calls: list[Call] = []
        new_call = self.centre.new_call

        def noted(ago_s: float = 0.0) -> Call:
            self.calls.append(new_call(ago_s))
            return self.calls[-1]

        self.centre.new_call = noted  # type: ignore[method-assign]
        self.centre.start()
        self.port, self.line = self.ports[0], self.pbx.lines[0]
        if ready:
            for agent in self.centre.acd.agents:
                self.centre.acd.login(agent)
                self.centre.acd.ready(agent)

    def _telephones(self, centre: Centre) -> Telephones:
        return Telephones(
            self.clock, self.site.agents, centre.acd, InlineChecker(), DummyPrompts(), "zh", centre.tones,  # type: ignore[arg-type]
            durable=lambda: succeed(None), on_alarm=centre.set_alarm, on_failure=centre.log.failure,
        )  # fmt: skip

    # the world

    def run(self, seconds: float) -> None:
        self.world.advance(seconds)

    def says(self, calling: str | None = A, called: str | None = DNIS, reason: str = "A", line: int = 1) -> None:
        self.pbx.callers._smdi(SmdiCall(1, line, reason, called, calling))

    def arrives(self, calling: str | None = A, port: int = 0) -> Call:
        """A call rings, is announced, and answered."""
        self.ports[port].ring()
        self.says(calling, line=port + 1)
        self.run(0.1)
        return self.calls[-1]

    def press(self, key: str, port: int = 0) -> None:
        """A key, or none in time; behind a PBX a first one is believed a moment later (cti.vru.keys)."""
        self.ports[port].finish("collect", Collected(key, "max" if key else "first_timeout"))
        if "wait_for" in self.ports[port].doing:
            self.run(PACE_S + 0.02)

    def queued(self, calling: str | None = A, port: int = 0) -> Call:
        """A call that has chosen sales."""
        call = self.arrives(calling, port)
        self.press("1", port)
        return call

    def transferring(self, calling: str | None = A, port: int = 0) -> Call:
        call = self.queued(calling, port)
        assert call.state == "transferring"
        self.switch.under_way[-1][3]()
        return call

    def talking(self, calling: str | None = A, port: int = 0) -> Call:
        call = self.transferring(calling, port)
        self.switch.ends(Transfer.ANSWERED, Caller.WITH_AGENT, "voice", -1)
        return call

    def record(self, extension: str = "8001", number: str | None = A, **more: Any) -> None:
        """The PBX's record."""
        fields: dict[str, Any] = {
            "form": "call", "start": None, "end": None, "resolution_s": 60, "duration_s": None, "extension": extension,
            "trunk": "01", "number": number, "direction": "in", "answered": True, "ring_s": None, "transferred": False,
            "event": "end", "raw": "raw", "line_no": 1,
        }  # fmt: skip
        self.pbx.settled.take(SmdrRecord(**{**fields, **more}))

    def to_message(self, calling: str | None = A) -> Call:
        """A call whose message is being recorded; no agent may be free."""
        call = self.queued(calling)
        self.run(1.1)
        self.press("2")
        self.run(1.0 + 1.0 + 0.1)  # the prompt and the tone
        return call

    def to(self, state: str) -> Call:
        """A call in this state."""
        if state == "arriving":
            self.port.ring()
            return self.calls[-1]
        if state == "menu":
            return self.arrives()
        if state == "queued":
            self.centre.acd.not_ready("1001", "test")
            self.centre.acd.not_ready("1002", "test")
            return self.queued()
        if state == "message":
            self.centre.acd.not_ready("1001", "test")
            self.centre.acd.not_ready("1002", "test")
            return self.to_message()
        if state == "transferring":
            return self.transferring()
        if state == "recall":
            call = self.transferring()
            self.switch.ends(Transfer.BUSY, Caller.RECALLED, "busy")
            return call
        return self.talking()

    # what must be true

    def outcome(self, call: Call) -> tuple[str, str]:
        """Ended, and said so once."""
        kinds = self.records.kinds(call.id)
        assert kinds.count("outcome") == 1 and kinds.count("ended") == 1, kinds
        (said,) = self.records.of(call.id, "outcome")
        assert call.ended and call.id not in self.centre.calls
        return said["outcome"], said["cause"]

    def agent(self, name: str = "1001") -> tuple[str, str, str]:
        return self.centre.acd.agent(name).truths

    def stop(self) -> None:
        """Nothing is left over, and every call has its end."""
        self.centre.stop()
        self.run(0.1)
        for call in self.calls:
            self.outcome(call)
        assert not self.centre.calls
        assert not self.clock.getDelayedCalls()
        for port in self.ports:
            assert not port.ops and not port.off_hook, port.ops
        assert not self.switch.under_way

    def faults(self) -> list[str]:
        """Errors in the log."""
        return [line.decode() for line in self.log.lines if b'"error"' in line]


__all__ = ["DNIS", "A", "B", "CentreBench", "ev", "quietly"]
