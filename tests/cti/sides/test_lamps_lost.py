"""A PBX that has lost its memory of message lamps gets them again: it asks for them, or was without power."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from cti.assemble import Assembly
from cti.sides.pbx_side import PbxSide
from drivers.clock import SteppedClock
from drivers.events import Alarm
from simulators.rig.stepped import run
from simulators.scenario.table import read_table
from simulators.world.world import World

TABLE = """
setup  | world      | vru_extensions=2001,2002
setup  | agent 1001 | sales 8001 answers after 2 talks 60
4.0    | caller 1   | 13800138000 by fsk: choose 1 after 1.5; talk 40
12.0   | caller 2   | 13900139000 by fsk: choose 1 after 1.5; listen 1.2; press 2; listen 1.2; message 6
90.0   | caller 3   | 13700137000 by fsk: wait 3
"""


def lamps(happens: Callable[[PbxSide], object], at_s: float = 70.0) -> list[float]:
    """When lamp orders came to the PBX in a run in which something happens."""

    def change(server: Assembly, world: World, clock: SteppedClock) -> None:
        side = server.centre.side
        assert isinstance(side, PbxSide)
        clock.callLater(at_s, happens, side)

    seen = run(read_table(TABLE), change=change)
    return [one.at_s for one in seen.world.truth.log if one.what == "lamp" and one.data["on"]]


def alarm(side: PbxSide, ports: int, alarms: tuple[str, ...]) -> None:
    for line in side.lines[:ports]:
        line._event(Alarm(line.port.number, line.port.epoch, 0, 0.0, alarms))  # as the card tells it


def test_after_a_power_cut_of_the_pbx() -> None:
    def off_and_on(side: PbxSide, ports: int) -> None:
        alarm(side, ports, ("red",))
        side._centre.clock.callLater(5.0, alarm, side, ports, ())

    first, again = lamps(lambda side: off_and_on(side, 2))
    assert first < 60 and again > 90  # with the first ring: the PBX works again
    assert len(lamps(lambda side: off_and_on(side, 1))) == 1  # a single wire was out


def test_when_digits_ask_for_them() -> None:
    """Here the PBX sends its string for calls from outside; a system of that family has another one for its lamps."""
    asked: list[float] = []

    def change(server: Assembly, world: World, clock: SteppedClock) -> None:
        side = server.centre.side
        assert isinstance(side, PbxSide)
        rules = replace(side.callers._in_band, lamps_lost=(f"#03##{world.scenario.dnis[0]}#",))
        side.callers._in_band = rules
        side.lamps.refresh = lambda: asked.append(clock.seconds())  # type: ignore[method-assign]

    run(read_table("setup  | make       | definity-printer\n" + TABLE.lstrip()), change=change)
    assert len(asked) == 1 + 2  # at the start, and with each call but the last, who hung up before all digits came
