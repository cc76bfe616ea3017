"""A trunk's channel as a line of the VRU, for operations: its state, blocked and taken back (steps 1 and 3)."""

from __future__ import annotations

from collections.abc import Mapping

from cti.switch.device import TrunkEnd
from drivers.port import Port
from drivers.signalling.interface import Trunk


class ChannelLine:
    """See cti.sides.side.Line. ``ends``: the calls on our trunks now, by port."""

    desk = None
    line = None

    def __init__(self, trunk: Trunk, slot: int, port: Port, ends: Mapping[Port, TrunkEnd]) -> None:
        self.port, self.extension = port, f"{trunk.name}/{slot}"
        self._trunk, self._slot, self._ends = trunk, slot, ends
        self.block_wanted = False

    @property
    def end(self) -> TrunkEnd | None:
        """The call that is on it."""
        return self._ends.get(self.port)

    @property
    def state(self) -> str:
        """busy with a call, blocked, in alarm, or idle."""
        if self.end is not None:
            return self.end.state
        if self.block_wanted:
            return "blocked"
        return "alarm" if self.port.state().alarms else "idle"

    def take(self) -> None:
        """Calls are taken by their trunk."""

    def watch(self, on: bool) -> None:
        """The signalling watches."""

    def block(self) -> bool:
        """The far end is told, where it can be; a call that is on it goes on."""
        self.block_wanted = True
        self._trunk.block(self._slot)
        return self.end is None

    def unblock(self) -> None:
        """Takes calls again."""
        self.block_wanted = False
        self._trunk.unblock(self._slot)
