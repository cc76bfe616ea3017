"""What ports do while this process hangs: set and refused here, done by the engine (tests/csrc/test_fallback.c). And a
process which has nothing to say tells the engine all the same that it lives."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers import events as ev
from drivers._engine import lib
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.decode import decode
from drivers.engine import ALIVE_S, Engine
from drivers.errors import ArgumentError, PortStateError
from drivers.stepped import Stepper


class NoReactor:
    """Takes a reader and never reads it."""

    def addReader(self, reader: object) -> None:
        self.reader: object = reader

    def removeReader(self, reader: object) -> None:
        assert reader is self.reader


def test_what_may_be_wanted_of_a_port() -> None:
    clock = SteppedClock()
    engine = Engine(clock, max_ports=4)
    [fxo], [b] = SoftwareCard(engine, "fxo", 1).ports, SoftwareCard(engine, "b", 1).ports
    stepper = Stepper(clock, [engine])
    refused: list[ev.Event] = []
    for port in (fxo, b):
        port.listen(lambda event: refused.append(event) if isinstance(event, ev.CommandFailed) else None)
    for what in ("busy", "on_hook", "leave"):
        fxo.setting("fallback", what)
    stepper.run_for(60)  # nothing is said for a minute, but whoever steps is alive
    assert refused == [] and fxo.state().fallback == "leave" and not fxo.state().off_hook
    b.setting("fallback", "busy")
    stepper.run_for(0.1)
    assert [event.result for event in refused if isinstance(event, ev.CommandFailed)] == [lib.TR_E_UNSUPPORTED]
    for name, value in (("fallback", "answer"), ("law", "busy"), ("guard_ms", "busy")):
        with pytest.raises(ArgumentError):
            fxo.setting(name, value)


def test_the_event_of_it() -> None:
    fields = (lib.TR_EV_FALLBACK, 3, 7, 0, 8000, 50, lib.TR_FALLBACK_BUSY, 0, 0, 0, 0, 0, 0)
    event = decode(fields, 100.0, b"", str)
    assert event == ev.Fallback(3, 7, 8000, 101.0, what="busy")


def test_an_idle_process_says_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteppedClock()
    engine = Engine(clock, paced=True, reactor=NoReactor(), max_ports=4)
    words: list[float] = []
    monkeypatch.setattr(engine, "pump", lambda: words.append(clock.seconds()))
    engine.startService()
    begun = clock.seconds()
    clock.advance(3.5 * ALIVE_S)
    engine.stopService()
    clock.advance(3.0)
    assert [round(at - begun, 3) for at in words] == [ALIVE_S, 2 * ALIVE_S, 3 * ALIVE_S]


def test_a_paced_engine_is_not_tapped(tmp_path: Path) -> None:
    """Its media thread must not touch the disk."""
    engine = Engine(SteppedClock(), paced=True, reactor=NoReactor(), max_ports=4)
    card, far = SoftwareCard(engine, "fxo", 1), SoftwareCard(engine, "fxs", 1)
    card.wire(0, far, 0)
    with pytest.raises(PortStateError):
        card.tap(0, tmp_path / "line")
    assert not list(tmp_path.iterdir())
