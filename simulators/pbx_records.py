"""The serial lines of the simulated PBX: SMDI towards the voice system and lamp requests back (step 4), the call record
printer (step 9). Both misbehave on request.

SMDI is not kept while nobody reads: the message is lost. The record printer keeps up to 100 lines and then overwrites
the oldest, as small PBXs do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Protocol

from drivers.clock import Clock
from simulators import smdi
from simulators.faults import SerialFault, Spoiler
from simulators.smdr import Leg, Meridian1, Panasonic
from simulators.truth import Note

if TYPE_CHECKING:
    from simulators.pbx_extension import Extension

BUFFER_LINES = 100


class Wire(Protocol):
    """A serial line as the PBX uses it: `serial_line.Line` or `serial_line.PtyLine`."""

    @property
    def read(self) -> bool: ...
    def write(self, data: bytes) -> None: ...
    def listen(self, received: Callable[[bytes], None]) -> None: ...
    def watch(self, changed: Callable[[bool], None]) -> None: ...
    def unplug(self) -> None: ...
    def plug(self) -> None: ...


class SmdiLink:
    """`fault` may be asked for each call number; without an answer the line's own applies."""

    def __init__(
        self, clock: Clock, line: Wire, random: Random, note: Note, *, delay_s: tuple[float, float] = (0.1, 0.6)
    ) -> None:
        self._clock, self._line, self._random, self._note, self._delay_s = clock, line, random, note, delay_s
        self._spoiler = Spoiler(random)
        self._requests = smdi.LampRequests()
        self.fault = SerialFault()
        self.fault_of: dict[int, SerialFault] = {}
        self.on_lamp: Callable[[str, bool], str | None] = lambda number, on: None
        line.listen(self._received)

    def call(self, number: int | None, extension: Extension, reason: str, called: str, calling: str) -> None:
        """Tells the voice system which of its lines rings, why, and who calls, some time after the ring began."""
        message = smdi.call_message(extension.desk, extension.line, reason, called, calling)
        fault = self.fault_of.get(number, self.fault) if number is not None else self.fault
        delay = self._random.uniform(*self._delay_s)
        late, data, done = self._spoiler.spoil(message, fault)
        self._clock.callLater(delay + late, self._send, number, data, done)

    def _send(self, number: int | None, data: bytes, done: str) -> None:
        if data and not self._line.read:
            done, data = "nobody reads", b""
        self._note(number, "pbx", "smdi", raw=data.decode("ascii"), fault=done)
        self._line.write(data)

    def _received(self, data: bytes) -> None:
        for request in self._requests.feed(data):
            code = self.on_lamp(request.number, request.on)
            if code is not None:
                self._line.write(smdi.refusal(request.number, code))


class Printer:
    """Writes the record of a leg when it is over."""

    def __init__(self, clock: Clock, line: Wire, random: Random, note: Note, writer: Panasonic | Meridian1) -> None:
        self._clock, self._line, self._note, self._writer = clock, line, note, writer
        self._spoiler = Spoiler(random)
        self._kept: deque[bytes] = deque(maxlen=BUFFER_LINES)
        self.fault = SerialFault()
        self.fault_of: dict[int, SerialFault] = {}
        line.listen(lambda _: None)
        line.watch(self._changed)

    def print(self, number: int | None, leg: Leg) -> None:
        """`number` is the world's number of the call."""
        text = self._writer.write(leg)
        fault = self.fault_of.get(number, self.fault) if number is not None else self.fault
        late, data, done = self._spoiler.spoil(text.encode("ascii"), fault)
        self._note(number, "pbx", "smdr", extension=leg.extension, raw=text, fault=done)
        if data:
            self._clock.callLater(late, self._send, data)

    def _send(self, data: bytes) -> None:
        self._kept.append(data)
        if self._line.read:
            self._changed(True)

    def _changed(self, is_read: bool) -> None:
        while is_read and self._kept:
            self._line.write(self._kept.popleft())
