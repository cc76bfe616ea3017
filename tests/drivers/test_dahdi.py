"""Real cards without a driver: what is asked wrongly, and what is not there. With the driver: tests/dahdi."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from drivers import events as ev
from drivers._engine import lib
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.dahdi import DahdiCard, DahdiPort
from drivers.engine import Engine
from drivers.errors import E_ARGUMENT, E_UNSUPPORTED, ArgumentError, CardError, Unsupported
from drivers.stepped import Stepper

without_driver = pytest.mark.skipif(Path("/dev/dahdi").exists(), reason="there is a DAHDI driver here")


@without_driver
def test_no_driver_is_one_line_with_the_remedy() -> None:
    with pytest.raises(CardError) as told:
        DahdiCard(None, [DahdiPort(1, "fxo"), DahdiPort(2, "fxo")])
    assert told.value.errno == errno.ENOENT
    assert str(told.value).startswith("DAHDI channel 1: /dev/dahdi/channel is not there")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("port", "what"),
    [
        (DahdiPort(7, "pots"), "kind 'pots' is none of fxo, fxs, b, d"),
        (DahdiPort(7, "fxo", law="alaw"), "law 'alaw' is none of a, mu"),
        (DahdiPort(7, "fxo", echo_taps=128, echo_mode="loud"), "echo_mode 'loud' is none of off, on, fax"),
    ],
)
def test_names_there_are_none_of(port: DahdiPort, what: str) -> None:
    with pytest.raises(ArgumentError, match=f"channel 7: {what}"):
        DahdiCard(None, [port])


@pytest.mark.parametrize(
    ("port", "what"),
    [
        (DahdiPort(7, "fxo", depth=17), "depth is 2 to 16 blocks"),
        (DahdiPort(7, "fxo", tx_db=30), "gains are -24 to 24 dB"),
        (DahdiPort(7, "fxo", echo_taps=100), "echo_taps is 0"),
    ],
)
def test_values_that_cannot_be_need_no_driver_to_be_told(port: DahdiPort, what: str) -> None:
    with pytest.raises(CardError, match=what) as told:
        DahdiCard(None, [port])
    assert told.value.errno == errno.EINVAL


def test_a_card_has_channels() -> None:
    with pytest.raises(CardError, match="1 to 1024 channels, not 0"):
        DahdiCard(None, [])


def test_a_port_without_echo_canceller_says_so() -> None:
    clock = SteppedClock()
    engine = Engine(clock)
    [port] = SoftwareCard(engine, "b", 1).ports
    heard: list[ev.Event] = []
    port.listen(heard.append)
    with pytest.raises(ArgumentError, match="none of off, on, fax"):
        port.echo_canceller("loud")
    with pytest.raises(Unsupported, match="no echo canceller"):
        port.echo_canceller("on")
    engine.command(lib.TR_OP_ECHO_CANCELLER, port.number, port.epoch, 1, (1,))  # nor does the engine take it
    engine.command(lib.TR_OP_ECHO_CANCELLER, port.number, port.epoch, 2, (3,))
    Stepper(clock, [engine]).run_for(0.1)
    told = [event.result for event in heard if isinstance(event, ev.CommandFailed)]
    assert told == [E_UNSUPPORTED, E_ARGUMENT]


def test_an_engine_is_closed_once_and_for_all() -> None:
    engine = Engine(SteppedClock())
    [port] = SoftwareCard(engine, "fxo", 1).ports
    engine.close()
    engine.close()
    assert engine.pump() == 0 and not engine.ports and not engine.operations()
    with pytest.raises(TypeError):
        port.state()
