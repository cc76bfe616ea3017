"""How a PRI span behaves: its timers, and what the operator and we agreed on. All of it is the site's to set.

Timers in milliseconds, with the values of ITU-T Q.921 5.9 and Q.931 table 9-2 (user side; 9-1 network), or of libpri
where the Recommendations give a range. Serves steps 1 and 3, where the trunk is ISDN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.errors import ArgumentError
from drivers.signalling.dchannel import ENGINE_TIMERS, Side, Trace

TIMERS: Final[Mapping[str, int]] = {
    "T200": 1_000,  # Q.921 5.9.1: an answer of layer 2
    "N200": 3,  # Q.921 5.9.2: tries
    "K": 7,  # Q.921 5.9.5: messages sent and not yet acknowledged
    "T203": 10_000,  # Q.921 5.9.8: silence after which layer 2 is asked
    "T301": 180_000,  # ALERTING to CONNECT: at least 3 minutes; then cause 19
    "T302": 15_000,  # overlap receiving: between two digits
    "T303": 4_000,  # SETUP to its first answer; sent twice, then cause 18
    "T304": 30_000,  # overlap sending: from a digit to the far end's next word
    "T305": 30_000,  # DISCONNECT to RELEASE
    "T308": 4_000,  # RELEASE to RELEASE COMPLETE; sent twice
    "T309": 6_000,  # conversations outlive the D channel for so long (6 to 90 s); then cause 27
    "T310": 60_000,  # CALL PROCEEDING to ALERTING: user 30 to 120 s, network 10 s; then cause 102
    "T313": 4_000,  # user: CONNECT to CONNECT ACKNOWLEDGE
    "T316": 120_000,  # RESTART to RESTART ACKNOWLEDGE
    "N316": 2,  # tries
}
NETWORK_TIMERS: Final[Mapping[str, int]] = {**TIMERS, "T310": 10_000}
LONGEST_MS: Final = 3_600_000

Bearer = Literal["speech", "3.1kHz"]
BEARERS: Final[Mapping[Bearer, int]] = {"speech": 0x00, "3.1kHz": 0x10}
"""Information transfer capability (Q.931 table 4-6)."""


@dataclass(frozen=True, slots=True)
class PriRules:
    """`timers`: those that differ from TIMERS. Plans: octet 3 of a number sent without "+": 0x00 unknown (what most
    Chinese operators want), 0x21 national, 0x41 subscriber, 0x01 unknown in the ISDN plan."""

    timers: Mapping[str, int] = field(default_factory=dict)
    called_plan: int = 0x00
    calling_plan: int = 0x00
    bearer: Bearer = "3.1kHz"
    exclusive: bool = False
    """We take the channel we ask for or none; else the far end may choose another one."""
    overlap: bool = False
    """Incoming: digits come one after the other, unless SETUP says that it has them all."""
    called_digits: int = 0
    """Overlap receiving: so many digits are a whole number; 0: the far end says so, or T302 does."""
    restart: bool = False
    """Each channel is restarted when layer 2 comes up first. Some exchanges dislike it: off."""
    service: bool = False
    """Channels out of service are told by SERVICE messages: not EuroISDN, some exchanges have them."""
    inband_disconnect: bool = False
    """The far end's announcement after its DISCONNECT is heard to the end."""
    ringback: bool = False
    """Incoming: we send ringback ourselves, and say so in ALERTING."""
    alarm_s: float = 3.0
    """A call on a channel with an alarm ends after so long (calls outlive short slips of the line)."""
    trace: Trace = "calls"

    def __post_init__(self) -> None:
        for name, value in self.timers.items():
            if name not in TIMERS:
                raise ArgumentError(f"timer {name!r} is none of {', '.join(TIMERS)}")
            if not 0 <= value <= LONGEST_MS or (name == "K" and not 1 <= value <= 127):
                raise ArgumentError(f"timer {name}: {value} is not from 0 to {LONGEST_MS} ms")
        for name in ("called_plan", "calling_plan"):
            if not 0 <= getattr(self, name) <= 0x7F:
                raise ArgumentError(f"{name}: {getattr(self, name):#x} is not from 0x00 to 0x7f")
        if self.bearer not in BEARERS:
            raise ArgumentError(f"bearer {self.bearer!r} is none of {', '.join(BEARERS)}")

    def timer(self, name: str, side: Side) -> int:
        """Milliseconds, or a count."""
        return self.timers.get(name, (NETWORK_TIMERS if side == "network" else TIMERS)[name])

    def engine_timers(self, side: Side) -> dict[str, int]:
        """Those that the D channel keeps itself."""
        return {name: self.timer(name, side) for name in ENGINE_TIMERS}
