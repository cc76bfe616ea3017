"""The serial line in stepped time: back-off, alarms, nothing lost, silence, bounded and paced writes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, cast

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure

from cti.pbx.link import QUEUE_BYTES, PbxLink
from cti.pbx.parity import ParityCheck
from cti.pbx.smdi import SmdiCall, SmdiDecoder, SmdiGarbage, SmdiItem, lamp
from drivers.clock import SteppedClock
from simulators.lines.serial_line import with_parity

FRAME = b"\r\nMD0010007D 3500 \r\n\x19"
CALL = SmdiCall(1, 7, "D", None, "3500")


class Line:
    """A device that can be pulled out and put back; it is its own transport."""

    def __init__(self, clock: SteppedClock) -> None:
        self.clock = clock
        self.present = True
        self.fails_after_made = False
        self.later = False
        self.protocol: Any = None
        self.opened: list[float] = []
        self.written: list[tuple[float, bytes]] = []
        self.closed = 0

    def open(self, protocol: IProtocol) -> None:
        self.opened.append(round(self.clock.seconds(), 2))
        if not self.present:
            raise FileNotFoundError(2, "No such file or directory", "/dev/ttyUSB0")
        self.protocol = cast(Any, protocol)
        if self.later:
            self.clock.callLater(0.5, self.protocol.makeConnection, self)
            return
        self.protocol.makeConnection(self)
        if self.fails_after_made:
            raise OSError(5, "Input/output error")

    def write(self, data: bytes) -> None:
        self.written.append((round(self.clock.seconds(), 2), data))

    def loseConnection(self) -> None:
        self.closed += 1

    def pull(self) -> None:
        self.present = False
        protocol, self.protocol = self.protocol, None
        protocol.connectionLost(closed())


def closed() -> Failure:
    return Failure(ConnectionDone())  # type: ignore[no-untyped-call]


class Site:
    """A link with everything it tells."""

    def __init__(self, silence_s: float | None = None, parity: ParityCheck | None = None) -> None:
        self.clock = SteppedClock()
        self.line = Line(self.clock)
        self.items: list[SmdiItem] = []
        self.alarms: list[tuple[float, str, bool]] = []
        self.link: PbxLink[SmdiItem] = PbxLink(
            self.clock,
            self.line.open,
            SmdiDecoder(),
            self.item,
            self.alarm,
            name="smdi",
            silence_s=silence_s,
            parity=parity,
            on_damage=lambda: self.damaged.append(round(self.clock.seconds(), 2)),
        )
        self.damaged: list[float] = []
        self.fail = False

    def item(self, item: SmdiItem) -> None:
        self.items.append(item)
        if self.fail:
            raise KeyError("ours")

    def alarm(self, name: str, raised: bool, text: str) -> None:
        assert text.startswith("smdi: ")
        self.alarms.append((round(self.clock.seconds(), 2), name, raised))

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 50)):
            self.clock.advance()

    def says(self, data: bytes) -> None:
        self.line.protocol.dataReceived(data)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.link.stop()
    assert made.clock.getDelayedCalls() == []


def test_items_and_counters(site: Site) -> None:
    site.link.start()
    assert site.link.up
    for byte in FRAME * 3:
        site.says(bytes([byte]))
    assert site.items == [CALL] * 3
    assert (site.link.bytes_in, site.link.items, site.link.losses, site.alarms) == (3 * len(FRAME), 3, 0, [])


def test_back_off_doubles_to_a_minute_and_starts_anew(site: Site) -> None:
    site.line.present = False
    site.link.start()
    site.run(300)
    assert site.line.opened == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 123.0, 183.0, 243.0]
    assert site.alarms == [(0.0, "down", True)]
    assert "No such file" in site.link.alarms["down"]
    site.line.present = True
    site.run(10)
    assert site.alarms == [(0.0, "down", True), (303.0, "down", False)]
    site.run(20)  # steady
    site.line.pull()
    site.run(1.02)
    assert site.line.opened[-1] == site.alarms[-1][0] + 1.0


def test_a_line_that_is_lost_at_once_again_is_not_steady(site: Site) -> None:
    site.link.start()
    for _ in range(5):
        site.line.present = True
        while not site.link.up:
            site.run(0.02)
        site.line.pull()
    gaps = [b - a for a, b in pairwise(site.line.opened)]
    assert gaps == [1.0, 2.0, 4.0, 8.0]


def test_unplugged_in_the_middle_of_a_message(site: Site) -> None:
    site.link.start()
    site.says(FRAME + FRAME[:12])
    site.line.pull()
    assert site.items == [CALL, SmdiGarbage(10, FRAME[2:12])]
    assert site.link.machine.state != "up"
    site.line.present = True
    site.run(1.02)
    site.says(FRAME)
    assert site.items[2:] == [CALL]
    assert [(name, raised) for _, name, raised in site.alarms] == [("down", True), ("down", False)]


def test_unplugged_after_a_whole_message_without_its_last_byte(site: Site) -> None:
    site.link.start()
    site.says(FRAME[:-1])
    site.line.pull()
    assert site.items == [CALL]


def test_a_device_that_fails_after_telling_that_it_is_up(site: Site) -> None:
    site.line.fails_after_made = True
    site.link.start()
    assert site.link.machine.state != "up"
    assert site.line.closed == 1
    old = site.line.protocol
    site.line.fails_after_made = False
    site.run(1.02)
    assert site.link.up
    old.dataReceived(FRAME)  # deaf
    old.connectionLost(closed())
    assert site.link.up
    assert site.items == []


def test_a_transport_that_is_made_later(site: Site) -> None:
    site.line.later = True
    site.link.start()
    assert site.link.machine.state != "up"
    site.run(0.6)
    assert site.link.up


def test_our_own_fault_on_an_item_closes_nothing(site: Site) -> None:
    site.link.start()
    site.fail = True
    site.says(FRAME)
    site.fail = False
    site.says(FRAME)
    assert site.link.up
    assert len(site.items) == 2
    assert site.alarms == [(0.0, "failed", True)]


def test_silence_is_told_only_while_calls_end() -> None:
    site = Site(silence_s=30.0)
    site.link.start()
    site.run(100)
    assert site.alarms == []
    site.link.expect()
    site.run(20)
    site.link.expect()  # does not put the alarm off
    site.run(11)
    assert site.alarms == [(130.0, "silent", True)]
    site.link.expect()
    site.run(100)
    site.says(b"x")
    assert len(site.alarms) == 1, "a byte is nothing: at a wrong speed there are many"
    site.says(FRAME)
    assert site.alarms[1:] == [(231.0, "silent", False)]
    site.link.expect()
    site.says(FRAME)
    site.run(100)
    assert len(site.alarms) == 2
    site.link.stop()
    assert site.clock.getDelayedCalls() == []


def test_writes_are_paced_to_the_line(site: Site) -> None:
    site.link.start()
    order = lamp("8001", True)
    for number in ("8001", "8002", "8003"):
        site.link.write(lamp(number, True), number)
    site.run(1)
    assert [data for _, data in site.line.written] == [lamp(n, True) for n in ("8001", "8002", "8003")]
    times = [at for at, _ in site.line.written]
    assert all(b - a >= len(order) * 10 / 9600 for a, b in pairwise(times))


def test_a_newer_order_replaces_the_older_one_and_all_wait_for_the_line(site: Site) -> None:
    site.line.present = False
    site.link.start()
    site.link.write(lamp("8001", True), "8001")
    site.link.write(lamp("8002", True), "8002")
    site.link.write(lamp("8001", False), "8001")
    assert site.link.queued == len(lamp("8002", True)) + len(lamp("8001", False))
    site.line.present = True
    site.run(2)
    assert [data for _, data in site.line.written] == [lamp("8002", True), lamp("8001", False)]
    assert site.link.queued == 0


def test_an_order_cut_off_by_the_loss_is_sent_again(site: Site) -> None:
    site.link.start()
    site.link.write(lamp("8001", True), "8001")
    site.link.write(lamp("8002", True), "8002")
    site.line.pull()
    site.line.present = True
    site.run(2)
    assert [data for _, data in site.line.written] == [lamp(n, True) for n in ("8001", "8001", "8002")]


def test_an_order_cut_off_by_the_loss_gives_way_to_a_newer_one(site: Site) -> None:
    site.link.start()
    site.link.write(lamp("8001", True), "8001")
    site.link.write(lamp("8001", False), "8001")
    site.line.pull()
    site.line.present = True
    site.run(2)
    assert [data for _, data in site.line.written][1:] == [lamp("8001", False)]


def test_more_than_4_kib_of_orders(site: Site) -> None:
    site.line.present = False
    site.link.start()
    for number in range(1000, 2000):
        site.link.write(lamp(str(number), True), str(number))
    size = len(lamp("1000", True))
    kept = QUEUE_BYTES // size
    assert site.link.queued == kept * size
    assert site.link.dropped == 1000 - kept
    assert site.alarms == [(0.0, "down", True), (0.0, "writes_full", True)]
    site.line.present = True
    site.run(20)
    assert [data for _, data in site.line.written] == [lamp(str(n), True) for n in range(2000 - kept, 2000)]
    assert [(name, raised) for _, name, raised in site.alarms[2:]] == [("down", False), ("writes_full", False)]


def test_stopping_and_starting_again(site: Site) -> None:
    site.link.start()
    site.link.start()
    assert site.line.opened == [0.0]
    site.link.stop()
    site.link.stop()
    assert site.line.closed == 1
    site.line.protocol.connectionLost(closed())
    site.run(100)
    assert site.line.opened == [0.0]
    assert site.alarms == []
    site.link.start()
    assert site.link.up


def test_a_byte_of_wrong_parity_is_told_and_spoils_its_message() -> None:
    site = Site(parity=ParityCheck(7, "even"))
    site.link.start()
    whole = with_parity(FRAME, 7, "even")
    digit = FRAME.index(b"3500") + 2
    site.says(whole)
    site.says(whole[:digit] + bytes([whole[digit] ^ 0x04]) + whole[digit + 1 :])
    assert [type(item) for item in site.items] == [SmdiCall, SmdiGarbage]
    assert site.link.bad_parity == 1 and len(site.damaged) == 1
    site.line.pull()
    site.line.present = True
    site.run(2.0)
    site.says(FRAME)  # another converter, which strips the parity
    assert isinstance(site.items[-1], SmdiCall) and site.link.bad_parity == 1
    site.link.stop()
