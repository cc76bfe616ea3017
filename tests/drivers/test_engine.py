"""The engine and its stepper: ABI, stub, determinism, cost of idle time, limits; and one engine in real time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred

from drivers import errors, items, outdated
from drivers import events as ev
from drivers._engine import ffi, lib
from drivers.build_engine import declarations, stub
from drivers.card import SoftwareCard
from drivers.clock import ReactorClock, SteppedClock
from drivers.decode import MAKE, RECORD
from drivers.engine import Engine
from drivers.errors import Limit
from drivers.items import Tone
from drivers.operations import quietly
from drivers.stepped import Stepper

ROOT = Path(__file__).parents[2]


def test_abi() -> None:
    assert lib.tr_abi() == lib.TR_ABI == 1
    assert ffi.sizeof("struct tr_event") == lib.TR_EVENT_SIZE == RECORD.size
    assert ffi.sizeof("struct tr_command") == lib.TR_COMMAND_SIZE


def test_a_computed_result() -> None:
    codes = ffi.new("uint8_t[]", 3)
    lib.tr_g711_encode(lib.TR_LAW_A, ffi.new("int16_t[]", [0, 32767, -32768]), codes, 3)
    assert bytes(ffi.buffer(codes)) == b"\xd5\xaa\x2a"  # ITU-T G.711, A-law with even bits inverted


def test_the_checked_in_stub_is_what_was_compiled() -> None:
    assert (ROOT / "drivers" / "_engine.pyi").read_text(encoding="utf-8") == stub(), (
        "python -m drivers.build_engine --stub"
    )


def test_an_engine_compiled_from_another_header_is_told(tmp_path: Path) -> None:
    header = tmp_path / "engine.h"
    assert outdated(lib, ROOT / "csrc" / "engine.h") is None
    assert outdated(lib, header) is None  # an installed package
    header.write_bytes((ROOT / "csrc" / "engine.h").read_bytes() + b"/* one field more */\n")
    assert "make setup" in str(outdated(lib, header))
    assert "make setup" in str(outdated(object(), header))  # one of before it said what it was compiled from


def test_results_and_play_kinds_are_the_engines() -> None:
    for name in ("FULL", "NO_PORT", "STALE", "UNSUPPORTED", "STATE", "ARGUMENT", "SYSTEM", "NO_MEMORY", "TOO_LONG"):
        assert getattr(lib, f"TR_E_{name}") == getattr(errors, f"E_{name}")
    for name in ("FILE", "TONE", "DTMF", "MF_R1", "MF_R2F", "MF_R2B", "FSK_ID", "SILENCE", "SAMPLES"):
        assert getattr(lib, f"TR_PLAY_{name}") == getattr(items, f"PLAY_{name}")
    assert lib.TR_SIDE_MAX == items.SIDE_MAX


def test_every_event_kind_of_the_header_is_decoded() -> None:
    kinds = {name for name in dir(lib) if name.startswith("TR_EV_")} - {"TR_EV_NONE"}
    assert {getattr(lib, name) for name in kinds} == set(MAKE)
    assert all(name in declarations() for name in kinds)


@pytest.mark.parametrize("result", range(-12, 0))
def test_every_result_is_an_error_of_the_tree(result: int) -> None:
    with pytest.raises(errors.EngineError):
        errors.check(result, "trying", 28)


def world(ports: int) -> tuple[SteppedClock, Stepper, list[Engine], list[SoftwareCard]]:
    clock = SteppedClock()
    pbx, vru = Engine(clock, name="pbx", max_ports=64), Engine(clock, name="vru", max_ports=64)
    fxs, fxo = SoftwareCard(pbx, "fxs", ports, name="pbx"), SoftwareCard(vru, "fxo", ports, name="vru")
    for at in range(ports):
        fxo.wire(at, fxs, at)
    return clock, Stepper(clock, [pbx, vru]), [pbx, vru], [fxs, fxo]


def one_run(ports: int) -> list[str]:
    """A few calls on several ports; everything told, in order."""
    clock, stepper, _, (fxs, fxo) = world(ports)
    told: list[str] = []
    for port in (*fxs.ports, *fxo.ports):
        port.listen(lambda event: told.append(f"{clock.ticks} {event}"))
    for at in range(ports):
        fxo.faults(at, noise_dbm0=-50, seed=at)

    async def call(at: int) -> str:
        near, far = fxo.ports[at], fxs.ports[at]
        near.begin_call()
        far.begin_call()
        ringing = far.ring((400, 600))
        await near.wait_for(ev.RingEnd)
        await near.answer()
        await ringing
        collected = far.collect(4, 5, 2)
        await near.dial(f"{at}234")
        digits = (await collected).text
        await near.flash(300)
        near.hangup()
        await far.wait_for(ev.OnHook)
        return digits

    calls = [Deferred.fromCoroutine(call(at)) for at in range(ports)]
    told += [str(stepper.run(deferred, 30)) for deferred in calls]
    return told


def test_the_same_run_twice_is_the_same() -> None:
    first = one_run(6)
    assert first[-6:] == [f"{at}234" for at in range(6)]
    assert first == one_run(6)


def test_idle_time_costs_no_python(monkeypatch: pytest.MonkeyPatch) -> None:
    _, stepper, engines, _ = world(4)
    steps = 0
    original = lib.tr_engines_step

    def counted(handles: list[Any], ticks: int) -> int:
        nonlocal steps
        steps += 1
        return int(original(ffi.new("tr_engine *[]", handles), len(handles), ticks))

    stepper._step = counted
    stepper.run_for(0.2)  # what the wires have to tell at first
    steps = 0
    stepper.run_for(3600)
    assert steps == 1 and engines[0].stats().tick == 3600 * 50 + 10


def test_a_run_that_does_not_end_reaches_its_limit() -> None:
    clock, stepper, _, _ = world(1)
    with pytest.raises(Limit):
        stepper.run(Deferred(), 2)
    assert clock.seconds() == 2
    with pytest.raises(Limit):
        stepper.run(lambda: False, 1)
    assert clock.seconds() == 3


def test_a_function_is_asked_after_every_tick() -> None:
    clock, stepper, _, _ = world(1)
    stepper.run(lambda: clock.ticks >= 77, 10)
    assert clock.ticks == 77


def test_a_coroutine_and_its_failure() -> None:
    clock, stepper, _, (fxs, _) = world(1)

    async def talks() -> str:
        await fxs.ports[0].play(Tone(450, ms=500))
        return "played"

    async def fails() -> None:
        await fxs.ports[0].wait_for(ev.OffHook, timeout_s=1)

    assert stepper.run(talks()) == "played"
    assert 0.5 <= clock.seconds() <= 0.6
    with pytest.raises(errors.TimedOut):
        stepper.run(fails())


def test_without_engines_only_the_clock_moves() -> None:
    clock = SteppedClock()
    ran: list[float] = []
    clock.callLater(5, lambda: ran.append(clock.seconds()))
    Stepper(clock).run_for(10)
    assert ran == [5.0] and clock.seconds() == 10


def test_times_of_events_are_on_the_clock() -> None:
    clock, stepper, _, (fxs, fxo) = world(1)
    Stepper(clock).run_for(100)  # the clock was ahead when the engines began
    heard: list[ev.Event] = []
    fxs.ports[0].listen(heard.append)
    quietly(fxo.ports[0].answer())
    stepper.run_for(1)
    assert heard[0].time_s == pytest.approx(100.02, abs=0.021)


# ---- in real time --------------------------------------------------------------------------------


@pytest.fixture
def reactor() -> Iterator[Any]:
    """A reactor of our own: the global one cannot be run twice."""
    import asyncio

    loop = asyncio.new_event_loop()
    reactor = AsyncioSelectorReactor(loop)
    yield reactor
    loop.close()


@pytest.mark.paced
def test_a_paced_engine_wakes_the_reactor(reactor: Any) -> None:
    clock = ReactorClock(reactor)
    engine = Engine(clock, paced=True, reactor=reactor, max_ports=4)
    [far], [near] = SoftwareCard(engine, "fxs", 1).ports, SoftwareCard(engine, "fxo", 1).ports
    near_card = engine.cards[1]
    assert isinstance(near_card, SoftwareCard) and isinstance(engine.cards[0], SoftwareCard)
    near_card.wire(0, engine.cards[0], 0)
    results: list[object] = []

    async def call() -> str:
        ringing = far.ring((200, 400))
        await near.wait_for(ev.RingEnd, timeout_s=3)
        await near.answer()
        await ringing
        near.begin_call()
        far.begin_call()
        collected = far.collect(2, 3, 1)
        await near.dial("42", 60, 60)
        return (await collected).text

    def begin() -> None:
        engine.startService()
        Deferred.fromCoroutine(call()).addBoth(results.append).addBoth(lambda _: end())

    def end() -> None:
        near.hangup()
        far.hangup()
        reactor.callLater(0.1, stop)

    def stop() -> None:
        engine.stopService()
        reactor.stop()

    reactor.callWhenRunning(begin)
    reactor.callLater(8, stop)
    reactor.run(installSignalHandlers=False)
    assert results == ["42"]
    assert engine.stats().tick > 20 and engine not in reactor.getReaders()
    for call_later in reactor.getDelayedCalls():
        call_later.cancel()
