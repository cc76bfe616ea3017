"""The ends of conversations: a caller's or a called party's trunk channel, and an agent's telephone (step 7).

A device has a part in several conversations at most one of which it is in at a time; the others it has on hold. What it
does by itself (is lifted, hangs up, flashes, types; the far end clears) it tells its owner, the switch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from drivers.port import Port
from drivers.signalling.causes import NORMAL, Cause
from drivers.signalling.interface import TrunkCall, What

if TYPE_CHECKING:
    from cti.call import Call
    from cti.switch.connection import Connection

PRESENT = ("initiated", "connected", "queued", "failed")
"""States in which a device is in a conversation."""


class Device(ABC):
    """``name``: a seat's extension, or trunk and channel (``office/3``)."""

    kind: Literal["seat", "trunk"]

    def __init__(self, name: str) -> None:
        self.name = name
        self.connections: list[Connection] = []  # live ones, in the order in which they began

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"

    @property
    @abstractmethod
    def port(self) -> Port | None:
        """Where it is heard and speaks; None: nowhere now (a mobile seat that is not called)."""

    def takes_s(self, ring_s: float) -> float:
        """How long it takes to let it ring for ``ring_s``."""
        return ring_s

    @property
    def present(self) -> Connection | None:
        """The conversation it is in."""
        return next((one for one in self.connections if one.state in PRESENT and not one.camped), None)

    def present_but(self, connection: Connection) -> Connection | None:
        """The conversation it is in, this one aside."""
        return next((one for one in self.connections if one.state in PRESENT and one is not connection), None)

    @property
    def alerting(self) -> Connection | None:
        """The one it rings for."""
        return next((one for one in self.connections if one.state == "alerting"), None)

    @property
    def held(self) -> list[Connection]:
        """Those it has put aside, the latest last."""
        return [one for one in self.connections if one.state == "hold"]

    @property
    def idle(self) -> bool:
        """May be called."""
        return not self.connections

    @abstractmethod
    def released(self, cause: Cause) -> None:
        """Its last part is over, and not by itself: a trunk is cleared; a telephone has to hang up."""


class TrunkEnd(Device):
    """One call on a trunk. ``on_told(end, what)``: told every step of it. Is a Line for the VRU (cti.sides.side)."""

    kind = "trunk"
    desk = None
    line = None
    block_wanted = False

    def __init__(self, call: TrunkCall, on_told: Callable[[TrunkEnd, What], None]) -> None:
        super().__init__(f"{call.trunk.name}/{call.slot}")
        self.record: Call | None = None  # of a caller
        self._on_told = on_told
        self._unlisten: Callable[[], None] = lambda: None
        self.carry(call)

    @property
    def port(self) -> Port:
        """Of the channel."""
        return self.call.port

    @property
    def extension(self) -> str:
        """Trunk and channel."""
        return self.name

    @property
    def state(self) -> str:
        """In the words of a line."""
        return {"offered": "ringing", "cleared": "idle"}.get(self.call.state, "busy")

    def carry(self, call: TrunkCall, clears: Callable[[Cause], None] | None = None) -> None:
        """Its call, or the one on another channel that is tried instead. ``clears``: who ends it for us."""
        self._unlisten()
        self.call = call
        self.name = f"{call.trunk.name}/{call.slot}"
        self._clears = clears or call.clear
        self._unlisten = call.listen(lambda _, what: self._on_told(self, what))

    def clears(self, how: Callable[[Cause], None]) -> None:
        """Who ends it for us from now on."""
        self._clears = how

    def take(self) -> None:
        """Answered by us: the trunk says so when the VRU is ready."""

    def watch(self, on: bool) -> None:
        """The signalling watches."""

    def block(self) -> bool:
        """Whole channels are blocked, not calls."""
        return False

    def unblock(self) -> None:
        """Likewise."""

    def released(self, cause: Cause = NORMAL) -> None:
        """The channel is cleared."""
        self._clears(cause)

    def forget(self) -> None:
        """It is cleared: nothing more is to be heard of it."""
        self._unlisten()
