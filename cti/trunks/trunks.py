"""The trunks of a site, opened on its cards, and what they carry, for people and for Prometheus. Serves steps 1 to 3,
and calls out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cti.config import Site
from cti.errors import TipringError
from cti.trunks.config import FxoTrunk
from cti.trunks.config import Trunk as TrunkConfig
from drivers.card import Card
from drivers.errors import EngineError
from drivers.port import Port
from drivers.signalling.analog import AnalogRules, AnalogTrunk
from drivers.signalling.interface import Trunk, TrunkCall
from drivers.tones import TonePlan


class Trunks:
    """By name, in the order of the site file."""

    def __init__(self, trunks: Mapping[str, Trunk]) -> None:
        self.by_name = dict(trunks)

    def __iter__(self) -> Iterator[Trunk]:
        return iter(self.by_name.values())

    def listen(self, offered: Callable[[TrunkCall], None]) -> None:
        """Tells every incoming call, from all trunks, as `Trunk.offered`. Until then calls are refused."""
        for trunk in self:
            trunk.offered = offered

    def close(self) -> None:
        """Ends all calls on them."""
        for trunk in self:
            trunk.offered = None
            trunk.close()

    # what they do and have done

    def status(self) -> list[dict[str, Any]]:
        """Each trunk: its channels by what they do, alarms, seizures, failures by cause, erlang."""
        return [self._status(trunk) for trunk in self]

    def _status(self, trunk: Trunk) -> dict[str, Any]:
        state, done = trunk.span.state(), trunk.span.statistics()
        return {
            "trunk": trunk.name,
            "channels": state.channels,
            "free": state.free,
            "busy": state.busy,
            "blocked": state.blocked,
            "alarmed": state.alarmed,
            "alarms": list(state.alarms),
            "in": done.seized_in,
            "out": done.seized_out,
            "refused": done.refused,
            "failures": dict(sorted(done.failures.items())),
            "erlang": round(done.erlang, 3),
            "hours": round(done.seconds / 3600, 2),
            "slots": {
                str(slot): " ".join((trunk.span.is_now(slot), *trunk.span.blocked_by(slot)))
                for slot in trunk.span.channels
            },
        }

    def channel_states(self) -> dict[tuple[str, str], float]:
        """(trunk, state) -> channels, for metrics."""
        found: dict[tuple[str, str], float] = {}
        for trunk in self:
            state = trunk.span.state()
            for name in ("free", "busy", "blocked", "alarmed"):
                found[trunk.name, name] = getattr(state, name)
        return found

    def seizures(self) -> dict[tuple[str, str], float]:
        """(trunk, in, out or refused) -> how many so far."""
        found: dict[tuple[str, str], float] = {}
        for trunk in self:
            done = trunk.span.statistics()
            found[trunk.name, "in"], found[trunk.name, "out"] = done.seized_in, done.seized_out
            found[trunk.name, "refused"] = done.refused
        return found

    def failures(self) -> dict[tuple[str, str], float]:
        """(trunk, cause) -> calls that ended before an answer."""
        return {
            (trunk.name, cause): count for trunk in self for cause, count in trunk.span.statistics().failures.items()
        }

    def busy_seconds(self) -> dict[str, float]:
        """Trunk -> seconds of seizure, summed over its channels: its rate is the traffic in erlang."""
        return {trunk.name: trunk.span.statistics().busy_s for trunk in self}

    def erlang(self) -> dict[str, float]:
        """Trunk -> mean traffic since the start."""
        return {trunk.name: trunk.span.statistics().erlang for trunk in self}


def open_trunks(
    site: Site, cards: Mapping[str, Card], tones: TonePlan, prepare: Callable[[Port], None] = lambda port: None
) -> Trunks:
    """Every trunk of the site. ``prepare`` sets the gains of a port at the begin of each call. TipringError where one
    cannot be opened."""
    made: dict[str, Trunk] = {}
    for config in site.trunks:
        ports = cards[config.card].ports[config.first : config.first + config.count]
        try:
            made[config.name] = _open(config, ports, tones, prepare)
        except EngineError as error:
            raise TipringError(f"trunk {config.name}: {error}") from error
    return Trunks(made)


def _open(config: TrunkConfig, ports: list[Port], tones: TonePlan, prepare: Callable[[Port], None]) -> Trunk:
    return AnalogTrunk(
        config.name,
        ports,
        analog_rules(config, tones),
        hunt=config.hunt,
        directions=_directions(config),
        prepare=prepare,
    )


def analog_rules(config: FxoTrunk, tones: TonePlan) -> AnalogRules:
    """The rules of analog lines, as the site has them."""
    same = {name: getattr(config, name) for name in AnalogRules.__dataclass_fields__ if hasattr(config, name)}
    return AnalogRules(**{**same, "tones": tones, "dnis": config.dnis or ""})


def _directions(config: TrunkConfig) -> dict[int, Any]:
    return {slot: config.directions.get(slot, config.direction) for slot in config.slots()}
