"""What operations ask of a running server: its state on one page, ports blocked, unblocked and captured, health,
metrics.

Serves `tipring status` and `tipring port` (cti.operations.control), `/healthz` and the gauges of `/metrics`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from cti.cards import BackplaneLink
from cti.operations.control import Answer, ControlError, Request
from cti.operations.drain import SERVE_S, Drain
from cti.operations.metrics import Metrics
from cti.records.journal import Journal
from cti.sides.side import Line
from cti.trunks import figures
from drivers.engine import Engine
from drivers.errors import EngineError
from drivers.recording import RecordEnd
from drivers.signalling.interface import Trunk

if TYPE_CHECKING:
    from cti.centre import Centre

CAPTURE_S = (1.0, 600.0)


class Operator:
    """Requests of the control socket, over one centre."""

    def __init__(self, centre: Centre, engine: Engine, backplanes: Mapping[str, BackplaneLink]) -> None:
        self._centre, self._engine, self._backplanes = centre, engine, backplanes
        self.addresses: dict[str, int] = {}
        self._drain = Drain(centre.clock, centre.every_line, lambda: centre.calls, centre.set_alarm)
        centre.turns_away = lambda: self._drain.turns_away

    def requests(self) -> Mapping[str, Callable[[Request], Answer | Deferred[Answer]]]:
        """What may be asked, by name."""
        return {
            "status": self.status,
            "port.block": self.block,
            "port.unblock": self.unblock,
            "port.call": self.call,
            "port.capture": self.capture,
            "spans": self.spans,
            "span.block": self.span_block,
            "span.unblock": self.span_unblock,
            "drain": self.drain,
            "drain.wait": self.drain_wait,
            "drain.undo": self.drain_undo,
        }

    # requests

    def status(self, request: Request) -> Answer:
        """Everything on one page."""
        centre, stats = self._centre, self._engine.stats()
        waiting, longest = centre.acd.waiting(), centre.acd.longest_wait_s()
        return {
            "addresses": self.addresses,
            **centre.side.status(),
            "ports": [self._port(line) for line in centre.every_line],
            "agents": [
                {
                    "agent": agent.id,
                    "name": agent.name,
                    "extension": agent.extension,
                    "declared": agent.declared,
                    "line": agent.line,
                    "work": agent.work,
                    "call": agent.call,
                    "reason": agent.reason,
                }
                for agent in centre.acd.agents.values()
            ],
            "queues": [
                {"group": name, "waiting": count, "longest_s": round(longest.get(name, 0.0), 1)}
                for name, count in waiting.items()
            ],
            "calls": [
                {"call": call.id, "state": call.state, "ani": call.ani, "group": call.group, "agent": call.agent}
                for call in centre.calls.values()
            ],
            "alarms": [{"alarm": name, "text": text} for name, text in sorted(centre.alarms.items())],
            "engine": {
                **asdict(stats),
                **{f"backplane_{name}": dict(link.stats()) for name, link in self._backplanes.items()},
            },
        }

    def block(self, request: Request) -> Answer:
        """Out of service, at once or after the call."""
        line = self._line(request)
        now = line.block()
        self._had_done(request, extension=line.extension, now=now)
        return {"text": f"port {line.extension}: " + ("blocked" if now else f"{line.state}; blocked after its call")}

    def unblock(self, request: Request) -> Answer:
        """Back in service."""
        line = self._line(request)
        line.unblock()
        self._had_done(request, extension=line.extension)
        return {"text": f"port {line.extension}: {line.state}"}

    def call(self, request: Request) -> Deferred[Answer]:
        """Calls a port from another one; answers when that is over."""
        line = self._line(request)
        answer = self._centre.side.call_port(line)
        self._had_done(request, extension=line.extension)
        return answer.addCallback(lambda text: {"text": text})

    def capture(self, request: Request) -> Deferred[Answer]:
        """Records both directions of a port for some seconds; answers when the file is there."""
        line = self._line(request)
        seconds, path = float(request.get("seconds", 30.0)), Path(str(request.get("path", "")))
        if not CAPTURE_S[0] <= seconds <= CAPTURE_S[1]:
            raise ControlError(f"a capture lasts {CAPTURE_S[0]:g} to {CAPTURE_S[1]:g} s")
        if not path.is_absolute():
            raise ControlError("a capture needs an absolute path")
        try:
            recording = line.port.capture(path, what="stereo", limit_s=seconds)
        except EngineError as error:
            raise ControlError(str(error)) from error
        self._had_done(request, extension=line.extension, path=str(path), seconds=seconds)

        def captured(end: RecordEnd) -> Answer:
            if end.problem and end.why != "overrun":
                raise ControlError(f"{path}: {end.problem}; the server writes it, as its own user")
            return {"text": f"port {line.extension}: {end.ms / 1000:.1f} s in {path} ({end.why})"}

        return recording.ended.addCallback(captured)

    def spans(self, request: Request) -> Answer:
        """Our trunks: channels, alarms, what they carried."""
        return {"trunks": figures.status(self._centre.side.trunks)}

    def span_block(self, request: Request) -> Answer:
        """A channel out of service, at once or after its call."""
        trunk, slot = self._channel(request)
        busy = trunk.span.is_now(slot) == "busy"
        trunk.block(slot)
        self._had_done(request, trunk=trunk.name, slot=slot)
        return {"text": f"trunk {trunk.name}, channel {slot}: " + ("blocked after its call" if busy else "blocked")}

    def span_unblock(self, request: Request) -> Answer:
        """Back in service, as far as we are concerned."""
        trunk, slot = self._channel(request)
        trunk.unblock(slot)
        self._had_done(request, trunk=trunk.name, slot=slot)
        by_far = "far" in trunk.span.blocked_by(slot)
        state = "blocked by the far end" if by_far else trunk.span.is_now(slot)
        return {"text": f"trunk {trunk.name}, channel {slot}: {state}"}

    def drain(self, request: Request) -> Answer:
        """No new calls from now on; ``serve_s``: those that come all the same are served for so long."""
        serve_s = request.get("serve_s", SERVE_S)
        if not isinstance(serve_s, int | float) or not 0 <= serve_s <= 86400:
            raise ControlError(f"serve_s {serve_s}: write 0 to 86400 seconds")
        self._drain.begin(float(serve_s))
        self._had_done(request, serve_s=float(serve_s))
        return self._drain_answer()

    def drain_wait(self, request: Request) -> Deferred[Answer]:
        """Answers when no call is left, or after so many seconds."""
        waited = self._drain.wait(float(request.get("seconds", 1.0)))
        return waited.addCallback(lambda _: self._drain_answer())

    def drain_undo(self, request: Request) -> Answer:
        """Calls are taken again."""
        was = self._drain.draining
        self._drain.undo()
        self._had_done(request, was=was)
        return {"text": "calls are taken again" if was else "the server does not drain; nothing was changed"}

    def summary(self) -> str:
        """One line, for `systemctl status`."""
        centre = self._centre
        waiting = sum(centre.acd.waiting().values())
        text = f"{len(centre.lines)} ports, {len(centre.calls)} calls, {waiting} waiting"
        return text + (", draining" if self._drain.draining else "")

    def _drain_answer(self) -> Answer:
        return {**self._drain.progress(), "done": self._drain.done}

    def health(self) -> dict[str, object]:
        """For /healthz: not well while an alarm stands."""
        return {"ok": not self._centre.alarms, "alarms": dict(self._centre.alarms)}

    # figures

    def watch(self, metrics: Metrics, journal: Journal) -> None:
        """What /metrics asks at each scrape."""
        centre = self._centre
        metrics.watch("queue", centre.acd.waiting)
        metrics.watch("longest_wait", centre.acd.longest_wait_s)
        metrics.watch("agents", lambda: {truths: count for truths, count in centre.acd.tally.items() if count})
        metrics.watch("ports", lambda: Counter(line.state for line in centre.every_line))
        metrics.watch("calls", lambda: Counter(call.state for call in centre.calls.values()))
        metrics.watch("desks", centre.desks.counts)
        metrics.watch("journal", lambda: {"unsynced": journal.serial - journal.safe, "held": journal.held})
        metrics.watch("links", lambda: {name: float(up) for name, up in centre.side.links_up().items()})
        metrics.watch("pbx_clock", self._pbx_clock)
        metrics.watch("trunk_channels", lambda: figures.channels(centre.side.trunks))
        metrics.watch("trunk_erlang", lambda: figures.erlang(centre.side.trunks))
        metrics.watch("trunk_seizures", lambda: figures.seizures(centre.side.trunks))
        metrics.watch("trunk_failures", lambda: figures.failures(centre.side.trunks))
        metrics.watch("trunk_busy", lambda: figures.busy_seconds(centre.side.trunks))
        metrics.watch_engines(lambda: {"server": self._engine.stats()})

    # within

    def _had_done(self, request: Request, **what: Any) -> None:
        """Into the journal: somebody had this done, which explains later why a port took no calls."""
        by = str(request.get("by", ""))[:64]
        self._centre.records.event(None, "operator", "server", do=str(request.get("do", "")), by=by, **what)

    def _pbx_clock(self) -> dict[str, float]:
        slow_s = self._centre.side.status().get("pbx_clock_s")
        return {} if slow_s is None else {"smdr": slow_s}

    def _channel(self, request: Request) -> tuple[Trunk, int]:
        trunks = {trunk.name: trunk for trunk in self._centre.side.trunks}
        trunk = trunks.get(str(request.get("trunk", "")))
        if trunk is None:
            raise ControlError(f"no trunk {request.get('trunk')!r}; there are {', '.join(trunks) or 'none'}")
        slot = request.get("slot")
        if slot not in trunk.span.channels:
            there = spans([str(number) for number in trunk.span.channels])
            raise ControlError(f"trunk {trunk.name} has no channel {slot}; there are {there}")
        return trunk, int(slot)

    def _line(self, request: Request) -> Line:
        wanted = str(request.get("port", ""))
        for line in self._centre.every_line:
            if wanted in (line.extension, str(line.port.number)):
                return line
        raise ControlError(
            f"no port {wanted!r}; there are {spans([line.extension for line in self._centre.every_line])}"
        )

    def _port(self, line: Line) -> dict[str, Any]:
        call = self._centre.side.call_at(line)
        return {
            "port": line.port.number,
            "extension": line.extension,
            "smdi": None if line.desk is None else f"{line.desk}/{line.line}",
            "state": line.state,
            "call": call.id if call is not None else None,
            "blocked": "wanted" if line.block_wanted and line.state != "blocked" else None,
        }


def spans(numbers: Sequence[str]) -> str:
    """Extensions as people write them: 2001-2030, 2100."""
    found: list[list[str]] = []
    for number in numbers:
        last = found[-1][-1] if found else ""
        if last.isdigit() and number.isdigit() and len(last) == len(number) and int(number) == int(last) + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in found)
