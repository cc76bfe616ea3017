"""Engines on the channels of two spans that the driver joins: one stands for the exchange, the other for us.

Both are stepped, and each step of each waits for the driver's next block, so the tests of the software card run
unchanged, by the card's clock. The channels are those of `tests/dahdi/spans/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from drivers.clock import SteppedClock
from drivers.dahdi import DahdiCard, DahdiPort
from drivers.engine import Engine
from drivers.stepped import Stepper
from tests.drivers.card_rig import Rig
from tests.drivers.test_software_card import settled

RESULTS = Path("/tmp/results")
"""Kept beside the run's other results when the machine stops."""
FXS, FXO = (1, 2), (7, 8)
SETTLED_S = 2.2
"""The driver hears no ringing in the first two seconds after a line was opened or hung up."""
PRECISION_MS = 30.0
"""Of line events: a tick, and the 8 ms in which the driver looks at ringing and hook."""


class Pair:
    """Two engines in lock step, each with one card; `near` is our end, `far` the exchange's."""

    def __init__(self, near: Sequence[DahdiPort], far: Sequence[DahdiPort]) -> None:
        self.clock = SteppedClock()
        self.engines = [Engine(self.clock, name=name, max_ports=64) for name in ("far", "near")]
        self.far, self.near = (
            DahdiCard(engine, ports, name=engine.label) for engine, ports in zip(self.engines, (far, near), strict=True)
        )
        self.time = Stepper(self.clock, self.engines)

    def close(self) -> None:
        """Closes all channels, whatever the test left behind."""
        for engine in self.engines:
            engine.close()


@contextmanager
def pair(near: Sequence[DahdiPort], far: Sequence[DahdiPort]) -> Iterator[Pair]:
    """A pair, closed in the end."""
    made = Pair(near, far)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def analog_rig(test: str) -> Iterator[Rig]:
    """What `CardTests` asks for, on FXO and FXS channels; what its ports were told goes to the event log."""
    near, far = [DahdiPort(n, "fxo") for n in FXO], [DahdiPort(n, "fxs") for n in FXS]
    with pair(near, far) as made:
        ports = (made.near.ports[0], made.far.ports[0], made.near.ports[1], made.far.ports[1])
        rig = Rig(made.time, *ports, precision_ms=PRECISION_MS, tells_lengths=False)
        rig.time.run_for(SETTLED_S)
        try:
            yield rig
        finally:
            log_events(test, rig)
            settled(rig)


def log_events(test: str, rig: Rig) -> None:
    """Appends the events of all ports to the event log, in the order of their time."""
    told = [(event.at, port.name, event) for port, events in rig.heard.items() for event in events]
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "events.jsonl").open("a", encoding="utf-8") as log:
        for at, port, event in sorted(told, key=lambda entry: entry[0]):
            row = {"test": test, "ms": at / 8, "port": port, "event": type(event).__name__, **asdict(event)}
            log.write(json.dumps(row, ensure_ascii=False, default=repr) + "\n")
