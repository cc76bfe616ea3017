"""Figures for Prometheus, and whether the server is well: `/metrics` and `/healthz` over HTTP.

One object, handed around; its registry is its own, so that two centres in one process (tests) do not mix. What happens
is counted as it happens (1 µs); what is (queues, agents, ports, links) is asked for at the scrape, from the parts that
know it, by the functions given to `watch`. A part that cannot tell is missing from that scrape and named in
`tipring_scrape_fault`; the others are told all the same. Serves all of the nine steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from cti.records.outcome import OUTCOMES

if TYPE_CHECKING:
    from twisted.web.server import Site

STEP_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200)
"""Seconds from the start of a call to the start of a step."""
DELAY_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
"""Seconds inside the server."""

ENGINE_FIGURES = {
    "tick": ("tipring_engine_ticks", "Ticks of 20 ms that ran."),
    "late_ticks": ("tipring_engine_late_ticks", "Ticks that began more than one tick late."),
    "events": ("tipring_engine_events", "Events from the cards."),
    "events_lost": ("tipring_engine_overruns", "Events lost to a full ring; the state was reconciled."),
    "commands": ("tipring_engine_commands", "Commands to the cards."),
    "commands_failed": ("tipring_engine_commands_failed", "Commands that a card refused."),
    "slips": ("tipring_engine_slips", "Blocks lost or repeated between clocks."),
    "io_underruns": ("tipring_engine_io_underruns", "Blocks of silence because the disk came late."),
    "io_overruns": ("tipring_engine_io_overruns", "Blocks that a recording lost."),
    "clock_losses": ("tipring_engine_clock_losses", "Times that a card's clock stopped."),
    "bad_frames": ("tipring_engine_bad_frames", "HDLC frames that came damaged."),
}
"""Counters of the engine: attribute of its stats, name, help."""

GAUGES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "queue": ("tipring_queue_callers", "Callers waiting.", ("group",)),
    "longest_wait": ("tipring_queue_longest_wait_seconds", "Wait of the caller at the head.", ("group",)),
    "agents": ("tipring_agents", "Agents by their three truths.", ("declared", "line", "work")),
    "ports": ("tipring_ports", "Card ports by state.", ("state",)),
    "links": ("tipring_serial_up", "1 where the serial line is open and speaks.", ("link",)),
    "desks": ("tipring_desk_sessions", "Agents' sessions by state of their link.", ("state",)),
    "journal": ("tipring_journal_lag_events", "Events not yet on the disk, or in the database.", ("stage",)),
    "calls": ("tipring_calls", "Calls under way by state.", ("state",)),
    "trunk_channels": ("tipring_trunk_channels", "Channels of trunks by state.", ("trunk", "state")),
    "trunk_erlang": ("tipring_trunk_erlang", "Mean traffic of trunks since the start.", ("trunk",)),
    "disk_free": ("tipring_disk_free_bytes", "What is left on the disk of a folder.", ("folder",)),
    "pbx_clock": ("tipring_pbx_clock_slow_seconds", "How far the PBX's clock is behind ours.", ("link",)),
}
"""What `watch` takes: source, name, help, labels."""

COUNTERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "trunk_seizures": ("tipring_trunk_seizures", "Channels seized: in, out, refused.", ("trunk", "direction")),
    "trunk_failures": ("tipring_trunk_failures", "Calls that ended before an answer.", ("trunk", "cause")),
    "trunk_busy": ("tipring_trunk_busy_seconds", "Seconds of seizure; the rate is erlang.", ("trunk",)),
}
"""And this, of what somebody else has counted."""

Labels = str | tuple[str, ...]
Source = Callable[[], Mapping[Any, float]]


class Metrics:
    """The figures of one centre."""

    def __init__(self, registry: CollectorRegistry | None = None, outcomes: tuple[str, ...] = OUTCOMES) -> None:
        """outcomes: those that are shown as 0 before the first of them."""
        self.registry = registry if registry is not None else CollectorRegistry()
        self._sources: dict[str, Source] = {}
        self._engines: Callable[[], Mapping[str, object]] = dict
        self._calls = self._counter("tipring_calls_ended", "Calls by outcome.", "outcome")
        for outcome in outcomes:
            self._calls.labels(outcome)
        self._steps = Histogram(
            "tipring_step_seconds",
            "From the start of a call to each of the nine steps.",
            ["step"],
            buckets=STEP_BUCKETS,
            registry=self.registry,
        )
        self._pop_up = Histogram(
            "tipring_popup_seconds",
            "From the decision to call an agent to the pop-up on its way to the desk.",
            buckets=DELAY_BUCKETS,
            registry=self.registry,
        )
        self._garbage = self._counter("tipring_serial_garbage", "Bytes or lines that made no sense.", "link")
        self._unrecorded = Counter(
            "tipring_calls_unrecorded", "Calls of which no record of the PBX came in time.", registry=self.registry
        )
        self._alarms = self._counter("tipring_alarms", "Alarms raised.", "name")
        self._wrong_passwords = Counter(
            "tipring_desk_wrong_passwords", "Wrong passwords of agents.", registry=self.registry
        )
        self._desk_faults = self._counter("tipring_desk_faults", "Desk links closed or refused, by reason.", "reason")
        self._desk_logins = self._counter("tipring_desk_logins", "Log-ins by result.", "result")
        self._standing: dict[str, int] = {}
        self.registry.register(_Live(self))

    def _counter(self, name: str, text: str, label: str) -> Counter:
        return Counter(name, text, [label], registry=self.registry)

    # What happens

    def call_ended(self, outcome: str) -> None:
        """A call is over."""
        self._calls.labels(outcome).inc()

    def step(self, step: int, seconds: float) -> None:
        """One of the nine steps began, so long after the start of the call."""
        self._steps.labels(str(step)).observe(seconds)

    def popped_up(self, seconds: float) -> None:
        """A pop-up was handed to the desk's link, so long after the decision."""
        self._pop_up.observe(seconds)

    def garbage(self, link: str, count: int) -> None:
        """A serial line brought bytes that make no sense."""
        self._garbage.labels(link).inc(count)

    def unrecorded(self) -> None:
        """No record of a call came in time."""
        self._unrecorded.inc()

    def alarm(self, name: str) -> None:
        """Something a person should look at."""
        self._alarms.labels(name).inc()

    def standing_alarm(self, name: str, raised: bool) -> None:
        """A lasting alarm comes (counted too) or goes."""
        if raised and not self._standing.get(name):
            self.alarm(name)
        self._standing[name] = int(raised)

    def wrong_password(self) -> None:
        """An agent's password was wrong."""
        self._wrong_passwords.inc()

    def desk_fault(self, reason: str) -> None:
        """A desk link was closed or refused: malformed, oversized, slow, silent, no_login, too_many."""
        self._desk_faults.labels(reason).inc()

    def desk_login(self, result: str) -> None:
        """ok, wrong, delayed, busy, taken_over, resumed."""
        self._desk_logins.labels(result).inc()

    # What is

    def watch(self, what: str, source: Source) -> None:
        """Ask source at every scrape for what (a key of GAUGES or COUNTERS); it gives label value(s) -> figure."""
        if what not in GAUGES and what not in COUNTERS:
            raise ValueError(f"{what!r} is none of {', '.join([*GAUGES, *COUNTERS])}")
        self._sources[what] = source

    def watch_engines(self, stats: Callable[[], Mapping[str, object]]) -> None:
        """Ask at every scrape for the stats of each engine (drivers.engine.EngineStats), by the engine's name."""
        self._engines = stats

    def collect(self) -> Iterator[Metric]:
        """The figures asked for at a scrape."""
        faults = GaugeMetricFamily("tipring_scrape_fault", "1 where a part could not be asked.", labels=["source"])
        for what, source in self._sources.items():
            name, text, labels = GAUGES[what] if what in GAUGES else COUNTERS[what]
            make = GaugeMetricFamily if what in GAUGES else CounterMetricFamily
            family = make(name, text, labels=labels)
            try:
                figures = source()
                for values, figure in figures.items():
                    family.add_metric([values] if isinstance(values, str) else list(values), figure)
            except Exception as error:  # noqa: BLE001 told in the answer itself
                faults.add_metric([f"{what}: {type(error).__name__}: {error}"], 1)
                continue
            yield family
        standing = GaugeMetricFamily("tipring_alarm", "1 while the alarm stands.", labels=["name"])
        for alarm, raised in sorted(self._standing.items()):
            standing.add_metric([alarm], raised)
        yield standing
        yield from self._collect_engines(faults)
        yield faults

    def _collect_engines(self, faults: GaugeMetricFamily) -> Iterator[Metric]:
        try:
            engines = dict(self._engines())
        except Exception as error:  # noqa: BLE001 told in the answer itself
            faults.add_metric([f"engines: {type(error).__name__}: {error}"], 1)
            return
        for attribute, (name, text) in ENGINE_FIGURES.items():
            counter = CounterMetricFamily(name, text, labels=["engine"])
            for engine, stats in engines.items():
                counter.add_metric([engine], float(getattr(stats, attribute)))
            yield counter
        busy = CounterMetricFamily("tipring_engine_tick_seconds", "Time spent in ticks.", labels=["engine"])
        worst = GaugeMetricFamily("tipring_engine_tick_max_seconds", "The longest tick.", labels=["engine"])
        disk = GaugeMetricFamily(
            "tipring_engine_disk_seconds", "The disk work under way lasts so long.", labels=["engine", "of"]
        )
        memory = GaugeMetricFamily("tipring_engine_memory_bytes", "Engine and ports.", labels=["engine"])
        clock = GaugeMetricFamily(
            "tipring_engine_clock_ppm", "The card's clock against the system's; above 0 it is fast.", labels=["engine"]
        )
        realtime = GaugeMetricFamily(
            "tipring_engine_realtime", "1 where the media thread has real-time priority.", labels=["engine"]
        )
        for engine, stats in engines.items():
            clock.add_metric([engine], float(getattr(stats, "clock_ppb", 0)) / 1e3)
            realtime.add_metric([engine], float(getattr(stats, "realtime", False)))
            busy.add_metric([engine], float(getattr(stats, "tick_ns_total", 0)) / 1e9)
            worst.add_metric([engine], float(getattr(stats, "tick_ns_max", 0)) / 1e9)
            memory.add_metric([engine], float(getattr(stats, "memory_bytes", 0)))
            for of in ("player", "recorder"):
                disk.add_metric([engine, of], float(getattr(stats, f"{of}_io_ms", 0)) / 1e3)
        yield from (busy, worst, disk, memory, clock, realtime)

    def exposition(self) -> bytes:
        """All figures in Prometheus's text format 0.0.4."""
        return generate_latest(self.registry)

    # HTTP

    def site(self, health: Callable[[], Mapping[str, object]], reactor: object = None) -> Site:
        """A web site with /metrics and /healthz, to be listened with.

        health gives {"ok": bool, ...}; /healthz answers it as JSON, with status 200 or 503.
        """
        from twisted.web.resource import Resource
        from twisted.web.server import Request, Site

        def figures(request: Any) -> bytes:
            request.setHeader(b"content-type", CONTENT_TYPE_PLAIN_0_0_4.encode())
            return self.exposition()

        def well(request: Any) -> bytes:
            state = health()
            request.setResponseCode(200 if state.get("ok") else 503)
            request.setHeader(b"content-type", b"application/json; charset=utf-8")
            return msgspec.json.encode(state, enc_hook=str) + b"\n"

        def nothing(request: Any) -> bytes:
            request.setResponseCode(404)
            request.setHeader(b"content-type", b"text/plain")
            return b"here are /metrics and /healthz\n"

        pages = {b"/metrics": figures, b"/healthz": well}

        class Pages(Resource):
            """Both pages; GET and HEAD only (Twisted answers 405 to others)."""

            isLeaf = True

            def render_GET(self, request: Request) -> bytes:
                return pages.get(request.path, nothing)(request)

        make_site, make_pages = cast(Any, Site), cast(Any, Pages)
        site = make_site(make_pages(), reactor=reactor, timeout=30)
        site.displayTracebacks = False
        site.noisy = False
        site.log = lambda request: None  # a scrape every few seconds is not news
        return cast("Site", site)


class _Live:
    """What the registry asks at a scrape; nothing is asked at registration."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def describe(self) -> list[Metric]:
        """Nothing: the names are made sure by GAUGES, COUNTERS and ENGINE_FIGURES."""
        return []

    def collect(self) -> Iterator[Metric]:
        """See Metrics.collect."""
        return self._metrics.collect()
