"""A trunk without signalling: calls that end as a test says."""

from __future__ import annotations

from drivers.port import Port
from drivers.signalling.causes import Cause
from drivers.signalling.interface import Numbers, TrunkCall
from drivers.span import Span


class Call(TrunkCall):
    """A call of which nothing goes over a line."""

    def _say_proceeding(self) -> None: ...
    def _say_alerting(self) -> None: ...
    def _say_answer(self) -> None: ...
    def _say_more(self, digits: str) -> None: ...

    def _say_clear(self, cause: Cause) -> None:
        self.ends(None)

    def ends(self, cause: Cause | None) -> None:
        self.trunk.span.free(self.port)
        self.told("cleared", cause=cause)


class Lines:
    """A trunk without signalling."""

    def __init__(self, name: str, ports: list[Port]) -> None:
        self.name, self.offered, self.failed = name, None, None
        self.span = Span(name, ports)
        self.calls: list[Call] = []

    def call(self, numbers: Numbers, *, slot: int | None = None) -> Call:
        port = self.span.seize(slot)
        self.calls.append(Call(self, port, self.span.slot_of(port), numbers, incoming=False))  # type: ignore[arg-type]
        return self.calls[-1]

    def block(self, slot: int) -> None:
        self.span.block(slot)

    def unblock(self, slot: int) -> None:
        self.span.unblock(slot)

    def close(self) -> None:
        self.span.close()
