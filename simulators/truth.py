"""What really happened in the world, as the world itself saw it: the measure that the server's records are held to.

Every actor notes what it does or suffers (`note`); a call's number is the place of its caller in the scenario. Nothing
here comes from the server. Times are seconds of the world's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from drivers.clock import Clock

NORMAL, OUT_OF_ORDER = 16, 38
"""Normal call clearing; network out of order, an alarm (Q.850)."""
Note = Callable[..., None]
Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Happening:
    """One line of the world's log. `call` None: it belongs to no call."""

    at_s: float
    call: int | None
    who: str
    what: str
    data: dict[str, Any]

    def __str__(self) -> str:
        more = " ".join(f"{key}={_shown(value)}" for key, value in self.data.items())
        name = "-" if self.call is None else str(self.call)
        return f"{self.at_s:9.2f}  {name:>4}  {self.who:<14} {self.what} {more}".rstrip()


def _shown(value: object) -> str:
    """Bytes of serial lines with their control characters visible."""
    return value if isinstance(value, str) and value.isprintable() else repr(value)


@dataclass
class CallTruth:
    """One call, from the happenings of its number."""

    number: int
    ani: str | None
    dnis: str
    happenings: list[Happening] = field(default_factory=list)

    def first(self, what: str, /, **data: Scalar) -> Happening | None:
        """The first happening of that kind whose data hold these values."""
        for happening in self.happenings:
            if happening.what == what and all(happening.data.get(key) == value for key, value in data.items()):
                return happening
        return None

    def all(self, what: str) -> list[Happening]:
        return [happening for happening in self.happenings if happening.what == what]

    def at(self, what: str) -> float | None:
        found = self.first(what)
        return None if found is None else found.at_s

    @property
    def agent_extension(self) -> str | None:
        """The extension with which the caller was put through, None if with none."""
        talks = [happening for happening in self.all("through") if happening.data["kind"] == "agent"]
        return str(talks[-1].data["extension"]) if talks else None

    @property
    def rang(self) -> str | None:
        """The first extension that rang for it."""
        first = next((one for one in self.all("rings") if "extension" in one.data), None)
        return str(first.data["extension"]) if first is not None else None

    @property
    def vru_extensions(self) -> list[str]:
        return [
            str(happening.data["extension"]) for happening in self.all("through") if happening.data["kind"] == "vru"
        ]

    @property
    def cut_by_line(self) -> bool:
        """Did the office's line end it, by an alarm or a time-out? To the far end that is a caller who has gone. The
        end that sees the alarm alone clears the line in good order when it is over."""
        cleared, gone = self.first("trunk cleared"), self.first("far end gone")
        seen = gone is not None and str(gone.data.get("how")).startswith(f"{OUT_OF_ORDER} ")
        return seen or (cleared is not None and cleared.data["cause"] not in (0, NORMAL))

    @property
    def outcome(self) -> str:
        """In the server's words where the world can tell: answered, message, abandoned_ring, abandoned_menu,
        abandoned_queue, lost_in_transfer; else released (the caller was hung up on), cut_by_power or unfinished."""
        if self.agent_extension is not None:
            return "answered"
        if self.first("power cut") is not None:
            return "cut_by_power"
        if self.first("message") is not None:
            return "message"
        end = self.first("caller hangs up") or self.first("caller released")
        if end is None:
            return "unfinished"
        if not self.vru_extensions:
            return "abandoned_ring"
        if self.first("cut off") is not None:
            return "lost_in_transfer"
        if end.what == "caller released" and not self.cut_by_line:
            return "released"
        held = [happening for happening in self.happenings if happening.what in ("hold", "retrieve")]
        if held and held[-1].what == "hold":
            return "lost_in_transfer"
        return "abandoned_queue" if self.first("chose") is not None else "abandoned_menu"


class Truth:
    """The log of a run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.log: list[Happening] = []
        self.calls: dict[int, CallTruth] = {}
        self._listeners: list[Callable[[Happening], None]] = []

    def begin(self, number: int, ani: str | None, dnis: str) -> None:
        """A call with this number sets out."""
        self.calls[number] = CallTruth(number, ani, dnis)

    def note(self, call: int | None, who: str, what: str, /, **data: Scalar) -> None:
        happening = Happening(round(self._clock.seconds(), 3), call, who, what, data)
        self.log.append(happening)
        if call is not None and call in self.calls:
            self.calls[call].happenings.append(happening)
        for listener in self._listeners:
            listener(happening)

    def watch(self, listener: Callable[[Happening], None]) -> None:
        """Calls `listener` with every happening from now on."""
        self._listeners.append(listener)
