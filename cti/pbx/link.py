"""One serial line to the PBX: opened, read, written, and opened again when it is lost. Serves steps 4 and 9.

The link is the same over any transport: `opener(protocol)` makes one (a serial port in production, in memory in stepped
runs) and either returns or raises OSError. What comes in goes through a decoder (cti.pbx.smdi, cti.pbx.smdr); each item
goes to `on_item`.

Lost line (device unplugged, far end closed): tried again after 1 s, 2 s, 4 s ... at most 60 s; the waiting time
starts anew when a line has been up for 10 s. A half frame at the moment of loss is flushed: what was complete counts,
the rest is reported as garbage or as an unknown line, and the decoder goes on with the next frame. Silence: after
expect() an item (garbage and lines that nobody can read are items, too) must come within `silence_s`, or an alarm is
raised; the next item clears it. Bytes alone are none: so a line is read that has another speed. Writes (lamp orders)
are paced to the line's speed and wait here while it is down: at most 4096 bytes, a newer order for the same key in
place of the older one; more than that drops the oldest orders with an alarm. An order that was being sent when the
line was lost is sent again.

Alarms, as on_alarm(name, raised, text): down, silent, writes_full, failed (our own code failed on an item; the line
goes on). A standing alarm is told once, and once more when it clears.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure

from cti.machine import Chart, Machine
from cti.pbx.parity import ParityCheck
from drivers.clock import Clock, DelayedCall

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
STEADY_S: Final = 10.0  # up so long: the next loss starts with the first wait again
QUEUE_BYTES: Final = 4096

LINK = Chart(
    "A serial line to the PBX",
    {
        ("stopped", "start"): ("opening", ("open",)),
        ("opening", "opened"): ("up", ("clear_down", "send_next")),
        ("opening", "failed"): ("waiting", ("raise_down", "retry_later")),
        ("opening", "stop"): ("stopped", ("shut",)),
        ("up", "lost"): ("waiting", ("flush", "raise_down", "retry_later")),
        ("up", "stop"): ("stopped", ("flush", "shut")),
        ("waiting", "retry"): ("opening", ("open",)),
        ("waiting", "stop"): ("stopped", ("shut",)),
    },
    initial="stopped",
    states={
        "stopped": "not wanted",
        "opening": "the device is being opened",
        "up": "bytes may come and go",
        "waiting": "lost or not to be opened; tried again after the back-off",
    },
    limits={"waiting": "60 s"},
)

ItemT = TypeVar("ItemT")
Opener = Callable[[IProtocol], object]


class Decoder(Protocol[ItemT]):
    """What a codec offers to a link."""

    def feed(self, data: bytes) -> list[ItemT]: ...

    def flush(self) -> list[ItemT]: ...


class _Wire(TwistedProtocol):
    """The link's end of one opened transport; deaf once the link has given it up."""

    def __init__(self, link: PbxLink[Any]) -> None:
        self.link: PbxLink[Any] | None = link

    def connectionMade(self) -> None:
        if self.link is not None:
            self.link._made()

    def dataReceived(self, data: bytes) -> None:
        if self.link is not None:
            self.link._received(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        if self.link is not None:
            gone = reason is None or isinstance(reason.value, ConnectionDone)
            self.link._lost("the device is gone (unplugged?)" if gone or not reason else reason.getErrorMessage())

    def give_up(self) -> None:
        self.link = None
        transport: Any = self.transport
        if transport is not None:
            transport.loseConnection()


class PbxLink(Generic[ItemT]):
    """One serial line.

    name: smdi, smdr or mci, for alarm texts. baud: pace of our writes, ten bits a byte. silence_s: None for no
    watchdog. parity: takes bytes of wrong parity out before the decoder, on_damage is told that there were some. The
    counters bytes_in, items, losses, dropped (orders), bad_parity (bytes) and unread (items of which whoever
    takes them could make nothing) only grow.
    """

    def __init__(
        self,
        clock: Clock,
        opener: Opener,
        decoder: Decoder[ItemT],
        on_item: Callable[[ItemT], object],
        on_alarm: Callable[[str, bool, str], object],
        *,
        name: str,
        baud: int = 9600,
        silence_s: float | None = None,
        parity: ParityCheck | None = None,
        on_damage: Callable[[], object] = lambda: None,
    ) -> None:
        self.name = name
        self.bytes_in = self.items = self.losses = self.dropped = self.bad_parity = self.unread = 0
        self.alarms: dict[str, str] = {}  # those that stand, with their texts
        self.machine = Machine(LINK, actions=self, name=f"link {name}")
        self._clock = clock
        self._opener = opener
        self._decoder = decoder
        self._on_item = on_item
        self._on_alarm = on_alarm
        self._byte_s = 10 / baud
        self._silence_s = silence_s
        self._parity, self._on_damage = parity, on_damage
        self._wire: _Wire | None = None
        self._opening = self._made_while_opening = False
        self._why = ""
        self._wait_s = FIRST_WAIT_S
        self._up_since = 0.0
        self._orders: dict[object, bytes] = {}  # in the order in which they will be sent
        self._sending: tuple[object, bytes] | None = None
        self._pace: DelayedCall | None = None
        self._retry: DelayedCall | None = None
        self._silence: DelayedCall | None = None

    @property
    def up(self) -> bool:
        """Bytes may come and go."""
        return self.machine.state == "up"

    def start(self) -> None:
        """Begins to open the line; returns at once whatever the device does. Again while started: nothing."""
        if self.machine.can("start"):
            self.machine.send("start")

    def stop(self) -> None:
        """Closes the line and forgets timers and orders. Standing alarms are not cleared. Again: nothing."""
        if self.machine.can("stop"):
            self.machine.send("stop")

    def expect(self) -> None:
        """Something must come from the PBX now (a call has ended): starts the watchdog if it does not run."""
        if self._silence_s is not None and self._silence is None and "silent" not in self.alarms:
            self._silence = self._clock.callLater(self._silence_s, self._silent, self.bytes_in)

    def write(self, order: bytes, key: object = None) -> None:
        """Sends an order in turn when the line allows; one that still waits under the same key is replaced."""
        key = object() if key is None else key
        self._orders.pop(key, None)
        self._orders[key] = order
        lost = 0
        while self.queued > QUEUE_BYTES:
            self._orders.pop(next(iter(self._orders)))
            lost += 1
        if lost:
            self.dropped += lost
            self._raise("writes_full", f"more than {QUEUE_BYTES} bytes wait to be sent; the oldest orders are dropped")
        if self.up:
            self.send_next()

    @property
    def queued(self) -> int:
        """Bytes that wait to be sent."""
        return sum(map(len, self._orders.values()))

    # from the transport

    def _made(self) -> None:
        if self._opening:
            self._made_while_opening = True
        else:
            self.machine.send("opened")

    def _lost(self, why: str) -> None:
        self._why = why
        self._wire = None
        if not self._opening:
            self.machine.send("lost" if self.up else "failed")

    def _received(self, data: bytes) -> None:
        self.bytes_in += len(data)
        if self._parity is not None:
            data, bad = self._parity.feed(data)
            if bad:
                self.bad_parity += bad
                self._on_damage()
        self._deliver(self._decoder.feed(data))

    def _deliver(self, items: list[ItemT]) -> None:
        if items:
            if self._silence is not None:
                self._silence.cancel()
                self._silence = None
            self._clear("silent")
        for item in items:
            self.items += 1
            try:
                self._on_item(item)
            except Exception as error:  # noqa: BLE001 - our fault must not close the PBX's line; told as an alarm
                self._raise("failed", f"{type(error).__name__}: {error} on {item!r}", again=True)

    # actions of the table

    def open(self) -> None:
        """Opens a transport; a serial port calls connectionMade before its constructor returns, or fails after it."""
        wire = self._wire = _Wire(self)
        self._opening, self._made_while_opening, self._why = True, False, ""
        try:
            self._opener(cast(IProtocol, wire))
        except OSError as error:
            self._why = str(error)
            self._wire = None
        finally:
            self._opening = False
        if self._wire is not wire:
            wire.give_up()
            self.machine.send("failed")
        elif self._made_while_opening:
            self.machine.send("opened")

    def clear_down(self) -> None:
        """The line is up."""
        self._up_since = self._clock.seconds()
        self._clear("down")

    def raise_down(self) -> None:
        """The line is lost, or cannot be opened."""
        self.losses += 1
        self._raise("down", f"{self._why or 'closed'}; tried again until it opens")

    def retry_later(self) -> None:
        """Back-off: doubles until the longest wait; anew after a steady time."""
        if self._up_since and self._clock.seconds() - self._up_since >= STEADY_S:
            self._wait_s = FIRST_WAIT_S
        self._up_since = 0.0
        self._retry = self._clock.callLater(self._wait_s, self._try_again)
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def flush(self) -> None:
        """Takes out of the decoder what was begun; an order that was being sent goes back to the front."""
        self._deliver(self._decoder.flush())
        if self._parity is not None:
            self._parity.lost()
        if self._pace is not None:
            self._pace.cancel()
            self._pace = None
        if self._sending is not None:
            key, order = self._sending
            self._sending = None
            self._orders = (
                {key: order}
                | {k: o for k, o in self._orders.items() if k != key}
                | ({key: self._orders[key]} if key in self._orders else {})
            )

    def shut(self) -> None:
        """Nothing is left open or running."""
        for timer in (self._retry, self._silence, self._pace):
            if timer is not None and timer.active():
                timer.cancel()
        self._retry = self._silence = self._pace = self._sending = None
        self._orders.clear()
        if self._wire is not None:
            self._wire.give_up()
            self._wire = None

    def send_next(self) -> None:
        """Hands the next order to the line, unless one is still on its way."""
        if self._sending is not None or not self._orders or self._wire is None:
            return
        key = next(iter(self._orders))
        order = self._orders.pop(key)
        self._sending = (key, order)
        transport: Any = self._wire.transport
        transport.write(order)
        self._pace = self._clock.callLater(len(order) * self._byte_s, self._sent)
        if self.queued <= QUEUE_BYTES // 2:
            self._clear("writes_full")

    # timers

    def _sent(self) -> None:
        self._pace = self._sending = None
        self.send_next()

    def _try_again(self) -> None:
        self._retry = None
        self.machine.send("retry")

    def _silent(self, bytes_before: int) -> None:
        self._silence = None
        came = self.bytes_in - bytes_before
        what = f"{came} bytes, but nothing whole" if came else "nothing"
        advice = ": are speed and parity right?" if came else ""
        self._raise("silent", f"{what} from the PBX for {self._silence_s:g} s while calls come and go{advice}")

    # alarms

    def _raise(self, name: str, text: str, again: bool = False) -> None:
        if name not in self.alarms or again:
            self.alarms[name] = text
            self._on_alarm(name, True, f"{self.name}: {text}")

    def _clear(self, name: str) -> None:
        if self.alarms.pop(name, None) is not None:
            self._on_alarm(name, False, f"{self.name}: in order again")
