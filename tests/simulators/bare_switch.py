"""A world around a bare switch: two cards and a few driver calls, in place of a server whose cards are the switch."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from drivers import events, items
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.port import Port
from drivers.stepped import Stepper
from drivers.tones import TonePlan
from simulators.lines.party import ended
from simulators.people.hearing import Heard
from simulators.scenario.table import read_table
from simulators.world.card_world import CardWorld
from tests.simulators.bare_vru import PLAN, Bench

BUSY = items.Tone(450, cadence_ms=(350, 350))


class CardBench(Bench):
    """A trunk that rings is answered at once, the first telephone rings, and the two are joined when it is lifted; when
    the caller has gone it gets busy tone. `trunks` and `seats` are the ports for whatever else a test wants."""

    def __init__(self, text: str, folder: Path, *, joining: bool = True) -> None:
        Bench.made.append(self)
        self.clock = SteppedClock()
        self.world_engine = Engine(self.clock, name="world")
        self.server_engine = Engine(self.clock, name="server")
        scenario = read_table(text)
        self.card_world = CardWorld(self.clock, self.world_engine, scenario, ears=folder)
        trunk_card = SoftwareCard(None, "fxo", scenario.trunks, name="co")
        seat_card = SoftwareCard(None, "fxs", len(scenario.agents), name="seats")
        self.trunks = self.server_engine.add_card(trunk_card)
        self.seats = self.server_engine.add_card(seat_card)
        self.card_world.wire(trunk_card, seat_card)
        self.stepper = Stepper(self.clock, (self.world_engine, self.server_engine))
        self.heard: list[tuple[int, events.Event]] = []
        for port in (*self.trunks, *self.seats):
            port.listen(partial(self._told, port, joining))
        self.done = self.card_world.start()
        self.ended: list[object] = []
        self.done.addBoth(self.ended.append)

    def close(self) -> None:
        for port in (*self.trunks, *self.seats):
            port.hangup()
        self.card_world.stop()
        self.stepper.run_for(0.1)
        self.clock.run_due()

    def _told(self, port: Port, joining: bool, event: events.Event) -> None:
        self.heard.append((port.number, event))
        if not joining:
            return
        match event:
            case events.RingBegin() if not port.state().off_hook:
                port.begin_call()
                port.answer().addErrback(ended)
                self.seats[0].begin_call()
                self.seats[0].ring().addErrback(ended)
            case events.OffHook() if port is self.seats[0]:
                self.join(self.trunks[0], port)
            case events.LoopDrop():
                port.hangup()
                self.seats[0].hear(None)
                self.seats[0].play(BUSY).addErrback(ended)
            case _:
                pass

    def join(self, *ports: Port) -> None:
        """Each hears all others."""
        for one in ports:
            one.hear(None)
            for other in ports:
                if other is not one:
                    one.hear(other, beside=True)

    def ears(self, party: str) -> Heard:
        """What a party has heard, once its telephone is hung up."""
        assert self.card_world.voices is not None
        return self.card_world.voices.heard[party]

    def plan(self) -> TonePlan:
        """The tones that the bare switch knows."""
        return PLAN

    def log(self) -> str:
        return "\n".join(map(str, self.card_world.truth.log))

    def happened(self, what: str, who: str = "", **data: Any) -> list[float]:
        """When it did."""
        return [
            one.at_s
            for one in self.card_world.truth.log
            if one.what == what and who in ("", one.who) and all(one.data.get(k) == v for k, v in data.items())
        ]
