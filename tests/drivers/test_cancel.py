"""The caller may hang up during anything: every operation, ended at every tick, in every way, leaves nothing behind.

For each operation (of both ends of a line), each tick of its life and each way of ending it: afterwards there is no
timer, no armed detector, nothing playing, nothing ringing, no recording and no open file."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from drivers import events as ev
from drivers.callerid import encode_dtmf, encode_sdmf
from drivers.card import USUAL
from drivers.clock import SteppedClock
from drivers.errors import CallEnded, TimedOut
from drivers.items import Digits, PlayItem, Sound, Tone
from drivers.operations import quietly
from drivers.port import Port
from tests.drivers.card_rig import DIAL_ONLY, Rig, write_wav
from tests.drivers.test_software_card import software_rig

Begin = Callable[[Port, Path], "Deferred[Any]"]
MESSAGE = encode_sdmf("8001", "11050930")


@dataclass(frozen=True)
class Case:
    """An operation: at which end, on an answered line or an idle one, over how many ticks, what the other end does."""

    begin: Begin
    side: str = "near"
    connected: bool = True
    ticks: int = 30
    other: tuple[PlayItem, ...] = ()


def prompt(folder: Path) -> tuple[PlayItem, ...]:
    return (
        Sound(folder / "prompt.wav"),
        Tone(450, ms=100),
        Digits("1", on_ms=60, off_ms=60),
        Sound(folder / "prompt.wav"),
    )


KEYS = (Digits("12", on_ms=80, off_ms=80),)
CASES: dict[str, Case] = {
    "answer": Case(lambda port, folder: port.answer(), connected=False, ticks=4),
    "flash": Case(lambda port, folder: port.flash(200), ticks=14),
    "play": Case(lambda port, folder: port.play(*prompt(folder)), ticks=40),
    "play endless": Case(lambda port, folder: port.play(Sound(folder / "prompt.wav", repeat=True)), ticks=25),
    "play until digit": Case(lambda port, folder: port.play(*prompt(folder), stop_on_digit=True), ticks=15, other=KEYS),
    "collect": Case(lambda port, folder: port.collect(2, 0.3, 0.3, prompt=prompt(folder)), ticks=25, other=KEYS),
    "collect times out": Case(lambda port, folder: port.collect(2, 0.3, 0.3, prompt=[Tone(450, ms=100)]), ticks=25),
    "dial": Case(lambda port, folder: port.dial("12", 60, 60), ticks=16),
    "record": Case(lambda port, folder: port.record(folder / "message.wav", limit_s=0.4).ended, ticks=25),
    "record stereo": Case(lambda port, folder: port.record(folder / "talk.wav", what="stereo").ended, ticks=15),
    "wait_tone": Case(lambda port, folder: port.wait_tone(["dial"], 0.5), ticks=28),
    "wait_tone that comes": Case(lambda port, folder: port.wait_tone(["dial"], 3), ticks=55, other=(Tone(450),)),
    "wait_for": Case(lambda port, folder: port.wait_for(ev.LoopDrop, timeout_s=0.3), ticks=18),
    "ring": Case(lambda port, folder: port.ring((200, 200)), "far", False, 25),
    "ring with FSK": Case(lambda port, folder: port.ring((200, 2000), MESSAGE), "far", False, 80),
    "ring with DTMF": Case(lambda port, folder: port.ring((200, 200), encode_dtmf("12")), "far", False, 60),
    "loop_open": Case(lambda port, folder: port.loop_open(200), "far", True, 14),
    "exchange plays": Case(lambda port, folder: port.play(Tone(450)), "far", True, 12),
    "exchange collects": Case(
        lambda port, folder: port.collect(2, 0.3, 0.3, prompt=[Tone(450)]), "far", True, 20, KEYS
    ),
    "exchange dials": Case(lambda port, folder: port.dial("12", 60, 60), "far", True, 16),
    "exchange records": Case(lambda port, folder: port.record(folder / "trunk.wav").ended, "far", True, 12),
}


class Life:
    """One operation's life: begun, run for so many ticks, ended in one way or another."""

    def __init__(self, rig: Rig, case: Case, folder: Path) -> None:
        self.rig, self.case, self.folder = rig, case, folder
        self.port, self.peer = (rig.near, rig.far) if case.side == "near" else (rig.far, rig.near)
        self.results: list[object] = []
        if case.connected:
            rig.connect()
        else:
            rig.near.begin_call()
            rig.far.begin_call()
            rig.time.run_for(0.1)
        self.port.tone_plan(DIAL_ONLY)
        self.operation: Deferred[Any] = case.begin(self.port, folder)
        self.operation.addBoth(self._told)
        self.others: Deferred[Any] = quietly(self.peer.play(*case.other))

    def _told(self, result: object) -> None:
        self.results.append(result)
        self.operation.cancel()  # again, during cleanup

    def run(self, ticks: int) -> None:
        self.rig.time.run_for(ticks / 50)

    def stop(self, how: str) -> None:
        if how == "cancel":
            self.operation.cancel()
            self.operation.cancel()
        elif how == "hangup":
            self.port.hangup()
        elif how == "new call":
            self.port.begin_call()
        elif how == "cancel, then hangup":
            self.operation.cancel()
            self.port.hangup()
            self.port.hangup()
        elif how == "hangup, then cancel":
            self.port.hangup()
            self.operation.cancel()

    def is_over(self) -> None:
        rig = self.rig
        self.others.cancel()
        rig.time.run_for(0.3)
        assert len(self.results) == 1, self.results
        if isinstance(self.results[0], Failure):
            assert isinstance(self.results[0].value, (CancelledError, CallEnded, TimedOut))
        for port in (rig.near, rig.far):
            state = port.state()
            left = (state.detectors, state.playing, state.play_queue, state.recording)
            assert left == ((), 0, 0, 0), f"{port.name}: {left}"
            assert port.kind != "fxs" or not state.ringing
            assert port.operations == [] and port.player is None and port.recorder is None
        clock = rig.near.engine.clock
        assert isinstance(clock, SteppedClock) and clock.getDelayedCalls() == []
        assert open_files(self.folder) == []
        for port in (rig.near, rig.far):
            port.hangup()
        rig.time.run_for(1.3)  # longer than a flash: the line is idle again


def open_files(folder: Path) -> list[str]:
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            continue  # listdir's own
        if target.startswith(str(folder)) and not target.endswith("prompt.wav"):
            found.append(target)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_wav(tmp_path / "prompt.wav", 0.25)
    return tmp_path


@pytest.mark.parametrize("how", ["cancel", "hangup", "new call", "cancel, then hangup", "hangup, then cancel"])
@pytest.mark.parametrize("name", CASES)
def test_ended_at_every_tick(name: str, how: str, folder: Path) -> None:
    case = CASES[name]
    rig = software_rig(USUAL)
    for tick in range(case.ticks):
        life = Life(rig, case, folder)
        life.run(tick)
        life.stop(how)
        life.is_over()


@pytest.mark.parametrize("how", ["cancel", "hangup", "new call"])
@pytest.mark.parametrize("name", CASES)
def test_ended_from_within_every_event(name: str, how: str, folder: Path) -> None:
    """The first, second, third .. event that the port tells ends the operation, from within its own delivery."""
    case = CASES[name]
    rig = software_rig(USUAL)
    for number in range(6):
        life = Life(rig, case, folder)
        count = 0

        def told(event: ev.Event, life: Life = life, number: int = number) -> None:
            nonlocal count
            count += 1
            if count == number + 1:
                life.stop(how)

        forget = life.port.listen(told)
        life.run(case.ticks)
        forget()
        life.stop(how)
        life.is_over()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.connected])
def test_the_far_end_hangs_up_at_every_tick(name: str, folder: Path) -> None:
    """As it happens: the exchange drops the loop (or the extension its own), the control half hears it and hangs up."""
    case = CASES[name]
    rig = software_rig(USUAL)
    for tick in range(0, case.ticks, 3):
        life = Life(rig, case, folder)

        def told(event: ev.Event, life: Life = life) -> None:
            if isinstance(event, (ev.LoopDrop, ev.OnHook)):
                life.port.hangup()

        forget = life.port.listen(told)
        life.run(tick)
        if case.side == "near":
            quietly(rig.far.loop_open(400))
        else:
            rig.near.hangup()
        life.run(80)
        forget()
        life.stop("hangup")
        life.is_over()


def test_an_operation_ended_by_hangup_tells_it_in_the_next_turn(folder: Path) -> None:
    rig = software_rig(USUAL)
    rig.connect()
    told: list[Failure] = []
    rig.near.play(Tone(450)).addErrback(told.append)
    rig.near.hangup()
    assert told == []  # not on the stack of whoever hung up
    rig.time.run_for(0)
    assert isinstance(told[0].value, CallEnded)


def test_a_second_operation_may_follow_in_the_same_turn(folder: Path) -> None:
    rig = software_rig(USUAL)
    rig.connect()
    first = quietly(rig.near.play(Sound(folder / "prompt.wav", repeat=True)))
    rig.time.run_for(0.2)
    first.cancel()
    second = rig.near.play(Tone(450, ms=200))
    assert rig.run(second).ms == 200
