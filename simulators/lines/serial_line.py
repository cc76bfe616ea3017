"""Serial lines between the PBX and the server (steps 4 and 9), at their baud.

`Line` is a line in memory for stepped runs: two ends, each with Twisted's transport interface, bytes released at the
line's speed and handed over once a tick. `PtyLine` is a real tty for paced runs: a pseudo-terminal under a stable name,
writes paced to the baud. Both put the parity into bit 7 of a 7-bit character, as the wire does: a pty does not strip it
and no pty can show parity errors or modem lines.

A side that nobody reads: `Line.read` and `PtyLine.read` say whether the far end is open; who writes must keep what it
has (a PBX has a small buffer). Bytes written while the far end is closed are lost, as on a cable pulled out.
"""

from __future__ import annotations

import json
import os
import select
import tty
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any, cast

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, IReactorFDSet, IReadDescriptor, ITransport
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]

from drivers import problems
from drivers.clock import Clock, DelayedCall

PARITIES = ("none", "even", "odd")


def with_parity(data: bytes, bits: int, parity: str) -> bytes:
    """What a line of `bits` data bits carries, seen as 8-bit characters: parity is bit 7 of a 7-bit character."""
    if bits == 8:
        return data
    out = bytearray()
    for byte in data:
        low = byte & 0x7F
        odd = low.bit_count() & 1
        top = odd if parity == "even" else 1 - odd if parity == "odd" else 0
        out.append(low | top << 7)
    return bytes(out)


def with_noise(data: bytes, speed: Speed, share: float, random: Random) -> bytes:
    """Bytes as they arrive over a bad line: of a share of them one bit is wrong, of the data bits or the parity bit. At
    7 bits with parity (bit 7 here) that is a parity error, as a UART sees it; at 8N1 nothing tells."""
    if not share:
        return data
    bits = 8 if speed.bits == 8 or speed.parity != "none" else 7
    return bytes(byte ^ 1 << random.randrange(bits) if random.random() < share else byte for byte in data)


def as_read(data: bytes, sent: Speed, read: Speed) -> bytes:
    """What a UART set to `read` makes of characters sent back to back at `sent` (both seen as 8-bit characters, see
    `with_parity`): it waits for a start bit and looks at the middle of each bit as long as it takes one to be. Where no
    stop bit stands there is a framing error: Linux hands over a NUL, and the next start bit is waited for."""
    if sent.baud == read.baud or not sent.baud or not read.baud:
        return data
    width = read.baud / sent.baud  # of a bit that was sent, in bits as they are read
    levels = [level for byte in data for level in (0, *(byte >> bit & 1 for bit in range(8)), *(1,) * sent.stop)]
    end = len(levels) * width

    def level(at: float) -> int:
        """Of the line at this time; when nothing is sent it is 1."""
        return levels[int(at / width + 1e-9)] if at < end else 1

    out, now = bytearray(), 0.0
    while now < end:
        if level(now):
            now = (int(now / width + 1e-9) + 1) * width  # to the next change that may be a start bit
        elif level(now + 0.5):
            now += 0.5  # too short for one
        else:
            byte = sum(level(now + 1.5 + bit) << bit for bit in range(8))
            out.append(byte if level(now + 9.5) else 0)
            now += 9.5
            while now < end and not level(now):
                now = (int(now / width + 1e-9) + 1) * width
    return bytes(out)


class Speed:
    """Baud and character frame; `character_s` is the time of one character. Baud 0 is a link without pacing."""

    def __init__(self, baud: int = 9600, bits: int = 8, parity: str = "none", stop: int = 1) -> None:
        if parity not in PARITIES or bits not in (7, 8) or stop not in (1, 2) or baud < 0:
            raise ValueError(f"no such serial line: {baud} baud, {bits} bits, parity {parity}, {stop} stop bits")
        self.baud, self.bits, self.parity, self.stop = baud, bits, parity, stop
        frame = 1 + bits + (0 if parity == "none" else 1) + stop
        self.character_s = frame / baud if baud else 0.0


class WireLog:
    """Bytes of one line with their times: JSON lines {"ms", "from", "hex", "text"}, one for each burst."""

    def __init__(self) -> None:
        self.bursts: list[tuple[float, str, bytes]] = []

    def add(self, at_s: float, sender: str, data: bytes) -> None:
        self.bursts.append((at_s, sender, data))

    def write(self, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="\n") as out:
            for at_s, sender, data in self.bursts:
                text = bytes(byte & 0x7F for byte in data).decode("ascii")
                row = {"ms": round(at_s * 1000, 3), "from": sender, "hex": data.hex(), "text": text}
                out.write(json.dumps(row) + "\n")


@implementer(IAddress)
class LineAddress:
    """The name of a line in place of an address."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"LineAddress({self.name!r})"


@implementer(ITransport)
class End:
    """One end of a `Line`. Open between `connect` and the loss of the connection."""

    disconnecting = False

    def __init__(self, line: Line, name: str) -> None:
        self._line, self.name = line, name
        self.protocol: Protocol | None = None
        self.far: End = self
        self._out: deque[tuple[float, bytes]] = deque()
        self._free_at = 0.0
        self._due: DelayedCall | None = None

    @property
    def sending(self) -> bool:
        """Are characters under way?"""
        return bool(self._out)

    def connect(self, protocol: Protocol) -> End:
        """Opens this end for `protocol`. Raises OSError when the line is unplugged or the end is open already."""
        if self._line.unplugged:
            raise OSError(6, f"no such device: {self._line.name}")
        if self.protocol is not None:
            raise OSError(16, f"device busy: {self._line.name}")
        self.protocol = protocol
        cast(Any, protocol).makeConnection(self)
        self._line.opened(self)
        return self

    def write(self, data: bytes) -> None:
        if self.protocol is None or not data:
            return
        speed, clock = self._line.speed, self._line.clock
        sent = with_parity(bytes(data), speed.bits, speed.parity)
        sent = with_noise(sent, speed, self._line.noise, self._line.random)
        start = max(self._free_at, clock.seconds())
        self._line.log.add(start, self.name, sent)
        if self.far.protocol is None:
            return
        if speed.character_s:
            read = as_read(sent, speed, self._line.reader or speed) if self is self._line.pbx else sent
            step = speed.character_s * len(sent) / max(len(read), 1)
            for byte in read:
                start += step
                self._out.append((start, bytes([byte])))
        else:
            self._out.append((start, sent))
        self._free_at = start
        self._wait()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Closes this end after what was written has left."""
        if self.protocol is not None and not self.disconnecting:
            self.disconnecting = True
            if not self._out:
                self._line.clock.callLater(0.0, self.lost, ConnectionDone())

    def abortConnection(self) -> None:
        self._out.clear()
        if self.disconnecting:
            self._line.clock.callLater(0.0, self.lost, ConnectionDone())
        self.loseConnection()

    def getPeer(self) -> LineAddress:
        return LineAddress(f"{self._line.name}/{self.far.name}")

    def getHost(self) -> LineAddress:
        return LineAddress(f"{self._line.name}/{self.name}")

    def lost(self, reason: Exception) -> None:
        protocol, self.protocol = self.protocol, None
        self.disconnecting = False
        self._out.clear()
        if self._due is not None and self._due.active():
            self._due.cancel()
        if protocol is not None:
            protocol.connectionLost(problems.failure(reason))
            self._line.closed(self)

    def _wait(self) -> None:
        if self._due is None or not self._due.active():
            self._due = self._line.clock.callLater(max(0.0, self._out[0][0] - self._line.clock.seconds()), self._arrive)

    def _arrive(self) -> None:
        now = self._line.clock.seconds() + 1e-9
        data = b""
        while self._out and self._out[0][0] <= now:
            data += self._out.popleft()[1]
        if self._out:
            self._wait()
        if data and self.far.protocol is not None:
            self.far.protocol.dataReceived(data)
        if self.disconnecting and not self._out:
            self.lost(ConnectionDone())


class Line:
    """A line in memory. `pbx` and `server` are its ends; `opener` is what the server's link is given. `network` makes
    it a LAN link instead: no baud, and one end closing closes the other. `noise`: share of bytes that come wrong.
    `reader`: the speed to which the server's end is set, where that is another."""

    def __init__(self, clock: Clock, name: str, speed: Speed | None = None, *, network: bool = False) -> None:
        self.clock, self.name = clock, name
        self.speed = speed or Speed()
        self.network = network
        self.log = WireLog()
        self.noise, self.random = 0.0, Random(name)
        self.reader: Speed | None = None
        self.unplugged = False
        self.pbx, self.server = End(self, "pbx"), End(self, "server")
        self.pbx.far, self.server.far = self.server, self.pbx
        self._watchers: list[Callable[[bool], None]] = []

    @property
    def read(self) -> bool:
        """Is the server's end open?"""
        return self.server.protocol is not None

    def watch(self, changed: Callable[[bool], None]) -> None:
        """Calls `changed(True)` when the server opens its end and `changed(False)` when it closes it."""
        self._watchers.append(changed)

    def opener(self, protocol: Protocol) -> End:
        return self.server.connect(protocol)

    def write(self, data: bytes) -> None:
        self.pbx.write(data)

    def listen(self, received: Callable[[bytes], None]) -> None:
        """The PBX's side: opens its end and passes on what comes."""
        self.pbx.connect(Passing(received))

    def unplug(self) -> bool:
        """The cable or converter is pulled: the server's end is lost and cannot be opened until `plug`. True: in the
        midst of something."""
        cut = self.pbx.sending
        self.unplugged = True
        self.server.lost(ConnectionLost("device removed"))
        return cut

    def plug(self) -> None:
        self.unplugged = False

    def opened(self, end: End) -> None:
        if end is self.server:
            for changed in self._watchers:
                changed(True)

    def closed(self, end: End) -> None:
        if end is self.server:
            for changed in self._watchers:
                changed(False)
        if self.network and end.far.protocol is not None:
            end.far.lost(ConnectionDone())


class Passing(Protocol):
    """Hands every byte received to a function."""

    def __init__(self, received: Callable[[bytes], None]) -> None:
        self._received = received

    def dataReceived(self, data: bytes) -> None:
        self._received(data)


@implementer(IReadDescriptor)
class PtyLine:
    """A pseudo-terminal named by a symbolic link at `path`; the server opens it like any serial device.

    Whether anybody has it open is asked every 50 ms (poll: POLLHUP). After an opening the line waits 200 ms before it
    sends, since opening a serial port throws away what has come so far.
    """

    OPEN_CHECK_S = 0.05
    SETTLE_S = 0.2
    BURST_S = 0.02

    def __init__(self, clock: Clock, reactor: IReactorFDSet, path: Path, speed: Speed) -> None:
        self.clock, self.speed, self.path = clock, speed, path
        self.name = path.name
        self.log = WireLog()
        self.noise, self.random = 0.0, Random(self.name)
        self.reader: Speed | None = None
        self._reactor: Any = reactor
        self._watchers: list[Callable[[bool], None]] = []
        self._received: Callable[[bytes], None] | None = None
        self._out: deque[int] = deque()
        self._sending: DelayedCall | None = None
        self._credit = 0.0
        self.read = False
        self._open_master()
        self._checking = clock.callLater(0.0, self._check)

    def _open_master(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self._master, False)
        temporary = self.path.with_name(self.path.name + ".new")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(os.ttyname(slave))
        temporary.replace(self.path)
        os.close(slave)
        self._poll = select.poll()
        self._poll.register(self._master, 0)

    def watch(self, changed: Callable[[bool], None]) -> None:
        self._watchers.append(changed)

    def listen(self, received: Callable[[bytes], None]) -> None:
        self._received = received

    def write(self, data: bytes) -> None:
        if not self.read:
            return
        sent = with_parity(data, self.speed.bits, self.speed.parity)
        sent = with_noise(sent, self.speed, self.noise, self.random)
        self.log.add(self.clock.seconds(), "pbx", sent)
        self._out.extend(as_read(sent, self.speed, self.reader or self.speed))
        if self._sending is None:
            self._sending = self.clock.callLater(self.BURST_S, self._send)

    def _send(self) -> None:
        self._sending = None
        if not self.read:
            return
        self._credit += self.BURST_S / self.speed.character_s if self.speed.character_s else len(self._out)
        count = min(int(self._credit), len(self._out))
        self._credit -= count
        data = bytes(self._out.popleft() for _ in range(count))
        try:
            os.write(self._master, data)
        except BlockingIOError:
            self._out.extendleft(reversed(data))  # nobody reads: the PBX waits for the line, as by its CTS
        except OSError:
            self._out.clear()  # the far end has just closed; the next check tells the PBX
        if self._out:
            self._sending = self.clock.callLater(self.BURST_S, self._send)
        else:
            self._credit = 0.0

    def _check(self) -> None:
        hung_up = any(mask & select.POLLHUP for _, mask in self._poll.poll(0))
        if hung_up == self.read:
            self._changed(not hung_up)
        self._checking = self.clock.callLater(self.OPEN_CHECK_S, self._check)

    def _changed(self, is_open: bool) -> None:
        if is_open:
            self._reactor.addReader(self)
            self.clock.callLater(self.SETTLE_S, self._settled)
            self.read = True
        else:
            self._reactor.removeReader(self)
            self._out.clear()
            self.read = False
            for changed in self._watchers:
                changed(False)

    def _settled(self) -> None:
        if self.read:
            for changed in self._watchers:
                changed(True)

    def fileno(self) -> int:
        return self._master

    def logPrefix(self) -> str:
        return f"pty {self.name}"

    def doRead(self) -> None:
        try:
            data = os.read(self._master, 4096)
        except BlockingIOError:
            return
        except OSError:
            self._changed(False)
            return
        self.log.add(self.clock.seconds(), "server", data)
        if self._received is not None:
            self._received(data)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor dropped the descriptor: the far end has closed, or the reactor stops."""
        if self.read:
            self._changed(False)

    def unplug(self) -> bool:
        """The converter is pulled: the device and its name are gone until `plug`. True: in the midst of something."""
        cut = bool(self._out)
        if self._master < 0:
            return cut
        if self._checking.active():
            self._checking.cancel()
        if self._sending is not None and self._sending.active():
            self._sending.cancel()
        self._sending = None
        if self.read:
            self._changed(False)
        self.path.unlink(missing_ok=True)
        os.close(self._master)
        self._master = -1
        return cut

    def plug(self) -> None:
        """It is back: another device under the same name."""
        if self._master < 0:
            self._open_master()
            self._checking = self.clock.callLater(0.0, self._check)

    def close(self) -> None:
        """Removes the link and the device for good."""
        self._watchers.clear()
        self.unplug()
