"""The trunks of a site, opened on its cards as the site file says. Serves steps 1 to 3, and calls out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cti.errors import TipringError
from cti.site.config import Site
from cti.site.trunks import FxoTrunk
from cti.site.trunks import PriTrunk as PriConfig
from cti.site.trunks import R2Trunk as R2Config
from cti.site.trunks import Trunk as TrunkConfig
from drivers.card import Card
from drivers.errors import EngineError
from drivers.port import Port
from drivers.signalling.analog import AnalogRules, AnalogTrunk
from drivers.signalling.interface import Trunk
from drivers.signalling.pri import PriTrunk
from drivers.signalling.pri_rules import PriRules
from drivers.signalling.r2 import R2Settings, R2Trunk
from drivers.span import Span
from drivers.tones import TonePlan


def open_trunks(
    site: Site, cards: Mapping[str, Card], tones: TonePlan, prepare: Callable[[Port], None] = lambda port: None
) -> dict[str, Trunk]:
    """Every trunk of the site by its name, in the order of the file. ``prepare`` sets the gains of a port at the begin
    of each call. Calls are refused until somebody listens (`Trunk.offered`). TipringError where one cannot be had."""
    made: dict[str, Trunk] = {}
    for config in site.trunks:
        ports = cards[config.card].ports[config.first : config.first + config.count]
        try:
            signalling = _d_channel(config, cards)
            made[config.name] = _open(config, ports, signalling, tones, prepare)
        except EngineError as error:
            raise TipringError(f"trunk {config.name}: {error}") from error
    return made


def _d_channel(config: TrunkConfig, cards: Mapping[str, Card]) -> Port | None:
    if not isinstance(config, PriConfig):
        return None
    return cards[config.signalling.card].ports[config.signalling.port]


def _open(
    config: TrunkConfig,
    ports: list[Port],
    signalling: Port | None,
    tones: TonePlan,
    prepare: Callable[[Port], None],
) -> Trunk:
    if isinstance(config, PriConfig):
        directions = _directions(config)
        span = Span(config.name, ports, config.slots(), signalling=signalling, hunt=config.hunt, directions=directions)
        return PriTrunk(span, config.side, pri_rules(config))
    if isinstance(config, R2Config):
        span = Span(config.name, ports, config.slots(), hunt=config.hunt, directions=_directions(config))
        return R2Trunk(config.name, span, r2_settings(config))
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


def r2_settings(config: R2Config) -> R2Settings:
    """What was agreed with the exchange's operator, as the site has it."""
    return R2Settings(**{name: getattr(config, name) for name in R2Settings.__dataclass_fields__})


def pri_rules(config: PriConfig) -> PriRules:
    """The same for an ISDN span."""
    return PriRules(**{name: getattr(config, name) for name in PriRules.__dataclass_fields__})


def _directions(config: TrunkConfig) -> dict[int, Any]:
    return {slot: config.directions.get(slot, config.direction) for slot in config.slots()}
