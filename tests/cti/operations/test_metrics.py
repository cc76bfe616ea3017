"""The exposition text is what Prometheus reads: parsed back by the client library's own parser, and by hand."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from cti.acd.centre import Acd
from cti.operations.metrics import ENGINE_FIGURES, GAUGES, Metrics
from drivers.clock import SteppedClock
from tests.cti.acd.acd_site import GroupOf, ProfileOf


class Stats:
    """Looks like the engine's."""

    def __init__(self, tick: int) -> None:
        for name in ENGINE_FIGURES:
            setattr(self, name, 0)
        self.tick = tick
        self.tick_ns_total = 3_000_000_000
        self.tick_ns_max = 2_000_000
        self.memory_bytes = 65536
        self.clock_ppb = -41_500
        self.realtime = True


def figures(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = metrics.exposition().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_happens_is_counted() -> None:
    metrics = Metrics()
    metrics.call_ended("answered")
    metrics.call_ended("answered")
    metrics.step(7, 4.2)
    metrics.garbage("smdi", 12)
    metrics.wrong_password()
    metrics.desk_fault("slow")
    metrics.desk_login("ok")
    metrics.popped_up(0.003)
    found = figures(metrics)
    assert found["tipring_calls_ended_total", (("outcome", "answered"),)] == 2
    assert found["tipring_calls_ended_total", (("outcome", "abandoned_queue"),)] == 0
    assert found["tipring_step_seconds_bucket", (("le", "5.0"), ("step", "7"))] == 1
    assert found["tipring_step_seconds_bucket", (("le", "3.0"), ("step", "7"))] == 0
    assert found["tipring_step_seconds_sum", (("step", "7"),)] == 4.2
    assert found["tipring_serial_garbage_total", (("link", "smdi"),)] == 12
    assert found["tipring_desk_wrong_passwords_total", ()] == 1
    assert found["tipring_desk_faults_total", (("reason", "slow"),)] == 1
    assert found["tipring_desk_logins_total", (("result", "ok"),)] == 1
    assert found["tipring_popup_seconds_count", ()] == 1


def test_standing_alarms_are_counted_once() -> None:
    metrics = Metrics()
    metrics.standing_alarm("smdi_silent", True)
    metrics.standing_alarm("smdi_silent", True)
    metrics.alarm("unknown_line")
    metrics.standing_alarm("smdr_closed", True)
    metrics.standing_alarm("smdr_closed", False)
    found = figures(metrics)
    assert found["tipring_alarm", (("name", "smdi_silent"),)] == 1
    assert found["tipring_alarm", (("name", "smdr_closed"),)] == 0
    assert found["tipring_alarms_total", (("name", "smdi_silent"),)] == 1
    assert found["tipring_alarms_total", (("name", "unknown_line"),)] == 1


def test_what_is_is_asked_at_the_scrape() -> None:
    metrics = Metrics()
    acd = Acd(SteppedClock(), [GroupOf("sales")], [ProfileOf("li", ["sales"], "8001")], lambda *event: None)
    metrics.watch("queue", acd.waiting)
    metrics.watch("longest_wait", acd.longest_wait_s)
    metrics.watch("agents", lambda: acd.tally)
    ports = {"idle": 29, "busy": 1}
    metrics.watch("ports", lambda: ports)
    metrics.watch("links", lambda: {"smdi": True, "smdr": False})
    metrics.watch("journal", lambda: {"disk": 0, "database": 7})
    metrics.watch_engines(lambda: {"vru": Stats(500)})
    acd.enqueue("c1", "sales")
    found = figures(metrics)
    assert found["tipring_queue_callers", (("group", "sales"),)] == 1
    assert found["tipring_agents", (("declared", "logged_off"), ("line", "idle"), ("work", "none"))] == 1
    assert found["tipring_ports", (("state", "idle"),)] == 29
    assert found["tipring_serial_up", (("link", "smdr"),)] == 0
    assert found["tipring_journal_lag_events", (("stage", "database"),)] == 7
    assert found["tipring_engine_ticks_total", (("engine", "vru"),)] == 500
    assert found["tipring_engine_tick_seconds_total", (("engine", "vru"),)] == 3
    assert found["tipring_engine_clock_ppm", (("engine", "vru"),)] == -41.5
    assert found["tipring_engine_realtime", (("engine", "vru"),)] == 1
    ports["idle"] = 28
    assert figures(metrics)["tipring_ports", (("state", "idle"),)] == 28
    acd.close()


def test_a_part_that_cannot_tell_spoils_nothing_else() -> None:
    metrics = Metrics()

    def broken() -> dict[str, float]:
        raise OSError("disk")

    metrics.watch("journal", broken)
    metrics.watch("ports", lambda: {"idle": 1})
    metrics.watch_engines(lambda: broken())
    found = figures(metrics)
    assert found["tipring_ports", (("state", "idle"),)] == 1
    assert found["tipring_scrape_fault", (("source", "journal: OSError: disk"),)] == 1
    assert found["tipring_scrape_fault", (("source", "engines: OSError: disk"),)] == 1
    with pytest.raises(ValueError, match="none of"):
        metrics.watch("weather", dict)


def test_two_centres_in_one_process_do_not_mix() -> None:
    one, two = Metrics(), Metrics()
    one.call_ended("answered")
    assert figures(one)["tipring_calls_ended_total", (("outcome", "answered"),)] == 1
    assert figures(two)["tipring_calls_ended_total", (("outcome", "answered"),)] == 0


def test_names_and_text_follow_the_rules_of_prometheus() -> None:
    metrics = Metrics()
    for what in GAUGES:
        labels = GAUGES[what][2]
        metrics.watch(what, lambda labels=labels: {('中"\\\n',) * len(labels): 1.5})  # type: ignore[misc]
    text = metrics.exposition().decode()
    assert text.endswith("\n")
    sample = re.compile(r'^[a-z_]+(\{([a-z]+="([^"\\\n]|\\["\\n])*",?)*\})? [0-9.e+-]+$')
    for line in text.splitlines():
        assert line.startswith(("# HELP ", "# TYPE ")) or sample.match(line), line
    helped = set(re.findall(r"^# HELP (\S+) ", text, re.M))
    assert helped == set(re.findall(r"^# TYPE (\S+) ", text, re.M))
    assert all(name.startswith("tipring_") for name in helped)


def fetch(site: Any, request: bytes) -> tuple[int, bytes, bytes]:
    protocol = site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
    transport = cast(Any, StringTransport)()
    protocol.makeConnection(transport)
    protocol.dataReceived(request)
    head, _, body = transport.value().partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


def test_http() -> None:
    metrics = Metrics()
    metrics.call_ended("answered")
    state: dict[str, object] = {"ok": True, "calls": 3}
    site = metrics.site(lambda: state, reactor=Clock())
    status, head, body = fetch(site, b"GET /metrics HTTP/1.0\r\n\r\n")
    assert status == 200
    assert b"text/plain; version=0.0.4" in head
    assert list(text_string_to_metric_families(body.decode()))
    status, _, body = fetch(site, b"GET /healthz HTTP/1.0\r\n\r\n")
    assert (status, json.loads(body)) == (200, {"ok": True, "calls": 3})
    state["ok"] = False
    assert fetch(site, b"GET /healthz HTTP/1.0\r\n\r\n")[0] == 503
    assert fetch(site, b"GET /else HTTP/1.0\r\n\r\n")[0] == 404
    assert fetch(site, b"POST /metrics HTTP/1.0\r\n\r\n")[0] == 405
