"""A real centre whose own cards switch, with the world of lines and telephones around it, in stepped time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from cti.assemble import assemble_stepped
from cti.sides.card_side import CardSide
from cti.site.config import Site, load_site
from drivers.card import SoftwareCard
from simulators.office.offices import OFFICES
from simulators.people.hearing import Heard
from simulators.people.phone import Phone
from simulators.rig.site import write_site
from simulators.rig.stage import Stage, prompt_cache
from simulators.scenario.table import read_table
from simulators.world.card_world import SEATS, TRUNKS, CardWorld

HEADER = "setup | world | switch=card\n"


class CardBench:
    """``text`` is a scenario table. Everybody speaks in a tone of their own; `heard` says who heard whom."""

    def __init__(
        self,
        text: str,
        folder: Path,
        change: Callable[[dict[str, Any]], None] | None = None,
        *,
        before: Callable[[Site], object] = lambda site: None,
    ) -> None:
        """``change`` of the site file; ``before(site)``: is called before the server begins."""
        self.stage = Stage()
        self.clock = self.stage.clock
        self.scenario = read_table(HEADER + text)
        ears = folder / "ears"
        ears.mkdir(parents=True)
        self.world = CardWorld(self.clock, self.stage.outside, self.scenario, ears=ears)
        site_file = write_site(self.scenario, folder / "site")
        if change is not None:
            yaml = YAML(typ="safe", pure=True)
            written = yaml.load(site_file)
            change(written)
            yaml.dump(written, site_file)
        self.site = load_site(site_file)
        before(self.site)
        cards = {
            TRUNKS: OFFICES[self.scenario.trunk].far_card(self.scenario.trunks),
            SEATS: SoftwareCard(None, "fxs", len(self.scenario.agents), name=SEATS),
        }
        for card in cards.values():
            self.stage.inside.add_card(card)
        self.world.wire(cards[TRUNKS], cards[SEATS])
        self.server = assemble_stepped(self.clock, self.site, cards, prompts=prompt_cache())
        self.centre = self.server.centre
        assert isinstance(self.centre.side, CardSide)
        self.side, self.switch = self.centre.side, self.centre.side.switch
        self.stopped = False
        self.events: list[tuple[str | None, str, dict[str, Any]]] = []
        event = self.centre.records.event

        def noted(call: str | None, kind: str, source: Any, /, **data: Any) -> int:
            self.events.append((call, kind, {**data, "source": source}))
            return event(call, kind, source, **data)

        self.centre.records.event = noted  # type: ignore[method-assign]
        self.server.start()
        self.world.open_desks(self.stage._lan(self.server))
        self.done: list[None] = []
        self.world.start().addCallback(lambda _: self.done.append(None))

    def run(self, seconds: float) -> None:
        """Lets time pass."""
        self.stage.stepper.run_for(seconds)

    def until(self, true: Callable[[], bool], limit_s: float = 60.0) -> float:
        """Until it is true; the time then."""
        self.stage.stepper.run(true, limit_s)
        return self.clock.seconds()

    def talking(self, limit_s: float = 60.0) -> float:
        """Until a caller and an agent talk."""
        return self.until(lambda: any(call.state == "talking" for call in self.centre.calls.values()), limit_s)

    def phone(self, extension: str) -> Phone:
        """An agent's telephone."""
        return self.world.phones[extension]

    def stop(self) -> None:
        """The world and the server end; nothing may be left over. Again: nothing."""
        if self.stopped:
            return
        self.stopped = True
        self.world.stop()
        self.server.stop()
        self.run(15.0)
        self.server.forwarder.forward_once()
        self.rows = sorted(self.server.store.calls(limit=1000), key=lambda row: row.id)
        self.server.close()

    def heard(self, party: str, from_s: float, to_s: float) -> set[frozenset[str]]:
        """What a party (`caller 1`, `phone 8001`) heard throughout; after its telephone is hung up."""
        assert self.world.voices is not None
        heard = self.world.voices.heard.get(party, Heard(party))
        return {moment.words for moment in heard.between(from_s, to_s)}

    def connections(self) -> list[tuple[str, str]]:
        """The events of call control so far: CSTA's name and device."""
        return [(data["event"], data["device"]) for _, kind, data in self.events if kind == "connection"]

    def happened(self, what: str, who: str = "") -> list[float]:
        """When it did, in the world."""
        return [one.at_s for one in self.world.truth.log if one.what == what and who in ("", one.who)]

    def faults(self) -> list[str]:
        """Calls that a fault of the server ended, once it has stopped."""
        return [f"{row.id}: {row.cause}" for row in self.rows if row.outcome == "failed"]

    def log(self) -> str:
        """What happened in the world."""
        return "\n".join(map(str, self.world.truth.log))
