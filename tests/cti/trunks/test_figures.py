"""What trunks tell of themselves: to Prometheus, to the control socket, to people."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cti.commands.span import lines
from cti.operations.control import ControlError
from cti.operations.metrics import Metrics
from cti.operations.operator import Operator
from cti.trunks import figures
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.errors import PortBusy
from drivers.signalling.interface import Numbers
from tests.cti.trunks.lines import Lines


class Site:
    """A trunk of four channels after a quarter of an hour: one call answered, one that failed, one under way."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        engine = Engine(self.clock)
        self.card = SoftwareCard(engine, "b", 4, name="e1")
        self.trunk = trunk = Lines("e1", self.card.ports)
        call = trunk.call(Numbers("10086"))
        call.told("answered")
        self.clock.advance(180)
        trunk.span.free(call.port)
        failed = trunk.call(Numbers("10086"))
        trunk.span.free(failed.port, "17 user busy")
        trunk.call(Numbers("10086"), slot=3)
        trunk.span.block(4)
        trunk.span.block(2, by="far")
        trunk.call(Numbers("10086"), slot=1)
        with pytest.raises(PortBusy):
            trunk.call(Numbers("10086"))
        self.clock.advance(720)
        self.written: list[tuple[Any, ...]] = []
        records = SimpleNamespace(event=lambda *what, **data: self.written.append((*what, data)))
        centre: Any = SimpleNamespace(side=SimpleNamespace(trunks=[trunk]), clock=self.clock, records=records)
        self.operator = Operator.__new__(Operator)
        self.operator._centre = centre


def test_the_status_of_a_trunk() -> None:
    [told] = figures.status([Site().trunk])  # type: ignore[list-item]
    slots = told.pop("slots")
    assert told == {
        "trunk": "e1",
        "channels": 4,
        "free": 0,
        "busy": 2,
        "blocked": 2,
        "alarmed": 0,
        "alarms": [],
        "in": 0,
        "out": 4,
        "refused": 1,
        "failures": {"17 user busy": 1},
        "erlang": 1.8,
        "hours": 0.25,
    }
    assert slots["2"] == {"state": "blocked", "blocked_by": ["far"], "direction": "both", "alarms": []}
    assert slots["3"]["state"] == "busy" and slots["4"]["blocked_by"] == ["us"]


def test_what_people_read() -> None:
    [told] = figures.status([Site().trunk])  # type: ignore[list-item]
    assert lines(told, channels=True) == [
        "e1  4 channels  free 0  busy 2  blocked 2  alarmed 0  alarms none",
        "  seized in 0, out 4, refused 1; 1.80 erlang over 0.2 h",
        "  failed      1  17 user busy",
        "     1  busy",
        "     2  blocked by far",
        "     3  busy",
        "     4  blocked by us",
    ]
    assert len(lines(told, channels=False)) == 3


def test_channels_are_blocked_and_brought_back() -> None:
    site = Site()
    ask = site.operator.requests()
    assert ask["span.block"]({"trunk": "e1", "slot": 3}) == {"text": "trunk e1, channel 3: blocked after its call"}
    assert ask["span.unblock"]({"trunk": "e1", "slot": 4}) == {"text": "trunk e1, channel 4: free"}
    assert ask["span.unblock"]({"trunk": "e1", "slot": 2}) == {"text": "trunk e1, channel 2: blocked by the far end"}
    assert ask["span.block"]({"trunk": "e1", "slot": 4}) == {"text": "trunk e1, channel 4: blocked"}
    told = ask["spans"]({})
    assert isinstance(told, dict) and told["trunks"][0]["blocked"] == 3
    assert len(site.written) == 4 and {what for _, what, *_ in site.written} == {"operator"}
    with pytest.raises(ControlError, match="there are e1"):
        ask["span.block"]({"trunk": "e2", "slot": 3})
    for slot in (16, "3", None):
        with pytest.raises(ControlError, match="there are 1-4"):
            ask["span.block"]({"trunk": "e1", "slot": slot})


def test_prometheus() -> None:
    trunks: Any = [Site().trunk]
    metrics = Metrics()
    metrics.watch("trunk_channels", lambda: figures.channels(trunks))
    metrics.watch("trunk_erlang", lambda: figures.erlang(trunks))
    metrics.watch("trunk_seizures", lambda: figures.seizures(trunks))
    metrics.watch("trunk_failures", lambda: figures.failures(trunks))
    metrics.watch("trunk_busy", lambda: figures.busy_seconds(trunks))
    text = metrics.exposition().decode()
    for line in (
        'tipring_trunk_channels{state="blocked",trunk="e1"} 2.0',
        'tipring_trunk_channels{state="busy",trunk="e1"} 2.0',
        'tipring_trunk_erlang{trunk="e1"} 1.8',
        'tipring_trunk_seizures_total{direction="out",trunk="e1"} 4.0',
        'tipring_trunk_seizures_total{direction="refused",trunk="e1"} 1.0',
        'tipring_trunk_failures_total{cause="17 user busy",trunk="e1"} 1.0',
        'tipring_trunk_busy_seconds_total{trunk="e1"} 1620.0',
    ):
        assert line in text, text
    assert "tipring_scrape_fault{" not in text
