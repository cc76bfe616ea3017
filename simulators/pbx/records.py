"""The serial lines of the simulated PBX: SMDI or MCI towards the voice system, lamp requests back (step 4), and the
printer of call records (step 9). All of them misbehave on request.

Messages are not kept while nobody reads: they are lost. The record printer keeps up to 100 lines and then overwrites
the oldest, as small PBXs do, and empties its buffer when it is read again.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Protocol

from drivers.clock import Clock
from simulators.faults import SerialFault, Spoiler
from simulators.lines.serial_line import Speed
from simulators.pbx import smdi
from simulators.pbx.makes.nec import mci_text
from simulators.pbx.plan import MciForm, SmdiForm
from simulators.pbx.smdr import Leg, Writer
from simulators.truth import Note

if TYPE_CHECKING:
    from simulators.pbx.extension import Extension

BUFFER_LINES = 100
SHUFFLED_S = (1.0, 12.0)  # a record that is printed out of turn comes so much later
DATE = re.compile(r"\d\d/\d\d/\d\d")
STARS = "**/**/**"


class Wire(Protocol):
    """A serial line as the PBX uses it: `serial_line.Line` or `serial_line.PtyLine`."""

    noise: float
    random: Random
    reader: Speed | None

    @property
    def read(self) -> bool: ...
    def write(self, data: bytes) -> None: ...
    def listen(self, received: Callable[[bytes], None]) -> None: ...
    def watch(self, changed: Callable[[bool], None]) -> None: ...
    def unplug(self) -> bool: ...
    def plug(self) -> None: ...


class MessageLink:
    """Tells the voice system which of its lines rings, why, and who calls. `fault` may be asked for each call number;
    without an answer the line's own applies. `off`: the PBX has no power."""

    name = ""

    def __init__(
        self, clock: Clock, line: Wire, random: Random, note: Note, *, delay_s: tuple[float, float] = (0.1, 0.6)
    ) -> None:
        self._clock, self._line, self._random, self._note, self._delay_s = clock, line, random, note, delay_s
        self._spoiler = Spoiler(random)
        self.fault = SerialFault()
        self.fault_of: dict[int, SerialFault] = {}
        self.off = False
        line.listen(self._received)

    def message(self, extension: Extension, reason: str, called: str, calling: str) -> bytes:
        """The bytes of one message."""
        raise NotImplementedError

    def passed_on(self, number: str) -> str:
        """As much of a number as its messages have room for."""
        return number

    def names_another(self, extension: Extension) -> bool:
        """Do its messages name another extension than the one they are about?"""
        return False

    def call(self, number: int | None, extension: Extension, reason: str, called: str, calling: str) -> None:
        """Some time after the ring began."""
        message = self.message(extension, reason, called, calling)
        fault = self.fault_of.get(number, self.fault) if number is not None else self.fault
        delay = self._random.uniform(*self._delay_s)
        late, data, done = self._spoiler.spoil(message, fault)
        if data and self.names_another(extension):
            done = "crossed"
        told = {"extension": extension.number, "calling": self.passed_on(calling), "called": self.passed_on(called)}
        self._clock.callLater(delay + late, self._send, number, data, done, told)

    def _send(self, number: int | None, data: bytes, done: str, told: dict[str, str]) -> None:
        if self.off:
            return
        if data and not self._line.read:
            done, data = "nobody reads", b""
        if self._line.noise and data:
            done = "noise"
        self._note(number, "pbx", self.name, raw=data.decode("ascii"), fault=done)
        self._note(number, "pbx", "tells", way=self.name, fault=done, **told)
        self._line.write(data)

    def _received(self, data: bytes) -> None:
        """What the voice system sends."""


class SmdiLink(MessageLink):
    """SMDI."""

    name = "smdi"

    def __init__(
        self,
        clock: Clock,
        line: Wire,
        random: Random,
        note: Note,
        *,
        delay_s: tuple[float, float] = (0.1, 0.6),
        form: SmdiForm | None = None,
    ) -> None:
        self._form = form or SmdiForm()
        self._requests = smdi.LampRequests()
        self.on_lamp: Callable[[str, bool], str | None] = lambda number, on: None
        super().__init__(clock, line, random, note, delay_s=delay_s)

    def message(self, extension: Extension, reason: str, called: str, calling: str) -> bytes:
        desk, line = extension.desk, extension.line
        return smdi.call_message(desk, line, reason, self._form.number(called), self._form.number(calling))

    def passed_on(self, number: str) -> str:
        return number if self._form.number_max is None else number[-self._form.number_max :]

    def names_another(self, extension: Extension) -> bool:
        return extension.crossed

    def _received(self, data: bytes) -> None:
        for request in self._requests.feed(data):
            code = self.on_lamp(request.number, request.on)
            if code is not None:
                self._line.write(smdi.refusal(request.number, code))


class MciLink(MessageLink):
    """NEC's texts; nothing is read back but lamp texts, which this PBX takes no notice of."""

    name = "mci"

    def __init__(
        self,
        clock: Clock,
        line: Wire,
        random: Random,
        note: Note,
        form: MciForm,
        *,
        delay_s: tuple[float, float] = (0.1, 0.6),
    ) -> None:
        self._form = form
        super().__init__(clock, line, random, note, delay_s=delay_s)

    def message(self, extension: Extension, reason: str, called: str, calling: str) -> bytes:
        return mci_text(self._form, extension.number, called, calling).encode("ascii")


class Printer:
    """Writes the record of a leg when it is over, and for some makes more lines before. `offline`: the printer's cable
    is out at the PBX's end, which nobody at the other end can see. `stars`: the share of dates not known. `other_end`:
    times are those of the other end of the call than this make prints."""

    def __init__(self, clock: Clock, line: Wire, random: Random, note: Note, writer: Writer) -> None:
        self._clock, self._line, self._note, self._writer, self._random = clock, line, note, writer, random
        self._spoiler = Spoiler(random)
        self._kept: deque[bytes] = deque(maxlen=BUFFER_LINES)
        self.fault = SerialFault()
        self.fault_of: dict[int, SerialFault] = {}
        self.stars, self.other_end = 0.0, False
        self._offline = self._unended = False
        line.listen(lambda _: None)
        line.watch(self._changed)

    def print(self, number: int | None, leg: Leg, event: str = "end") -> None:
        """`number` is the world's number of the call; `event`: ring, answer, end, internal."""
        if self.other_end:
            leg = replace(leg, ended=leg.begin, started=leg.ended)
        match event:
            case "ring":
                text = self._writer.rings(leg)
            case "answer":
                text = self._writer.answers(leg)
            case "internal":
                text = self._writer.internal(leg)
            case "outward":
                text = self._writer.outward(leg)
            case _:
                text = self._writer.write(leg)
        if not text:
            return
        if self.stars and self._random.random() < self.stars:
            text = DATE.sub(STARS, text)
        fault = self.fault_of.get(number, self.fault) if number is not None else self.fault
        late, data, done = self._spoiler.spoil(text.encode("ascii"), fault)
        if fault.shuffled and self._random.random() < fault.shuffled:
            late, done = late + self._random.uniform(*SHUFFLED_S), done or "shuffled"
        if self._line.noise and not done:
            done = "noise"
        if self._unended and not done:
            done = "neighbour"  # the line before lost its end, and this one runs on from it
        if (self._offline or not self._line.read) and not done:
            done = "kept"
        self._unended = bool(data) and not data.endswith(text[-2:].encode("ascii"))
        said = {"extension": leg.extension, "duration_s": leg.duration_s}
        self._note(number, "pbx", "smdr", raw=text, fault=done, event=event, **said)
        if event == "ring":
            called = leg.called if self._writer.names_called else ""
            told = {"extension": leg.extension, "calling": leg.number, "called": called}
            tells = partial(self._note, number, "pbx", "tells", way="smdr", fault=done, **told)
            self._clock.callLater(late, tells) if late else tells()
        if data:
            self._clock.callLater(late, self._send, data)

    def _send(self, data: bytes) -> None:
        self._kept.append(data)
        self._changed(self._line.read)

    def _changed(self, is_read: bool) -> None:
        while is_read and self._kept and not self._offline:
            self._line.write(self._kept.popleft())

    def offline(self, is_off: bool) -> None:
        """The cable is pulled at the PBX, or put back: what was kept comes all at once."""
        self._offline = is_off
        self._note(None, "pbx", "printer offline" if is_off else "printer online", kept=len(self._kept))
        self._changed(self._line.read)

    def forget(self) -> None:
        """The PBX has lost its power: the buffer is empty."""
        self._kept.clear()
