"""The serial line in memory: pacing, parity, unplugging."""

from pathlib import Path

import pytest
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from drivers.clock import SteppedClock
from simulators.lines.serial_line import Line, Speed, as_read, with_parity


class Heard(Protocol):
    def __init__(self, clock: SteppedClock) -> None:
        self.clock = clock
        self.bytes: list[tuple[int, float]] = []
        self.lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.bytes += [(byte, self.clock.seconds()) for byte in data]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


def run(clock: SteppedClock, seconds: float) -> None:
    for _ in range(round(seconds * 50)):
        clock.advance()


def test_bytes_come_at_the_speed_of_the_line() -> None:
    clock = SteppedClock()
    line = Line(clock, "smdi", Speed(1200, 7, "even", 1))
    heard = Heard(clock)
    line.opener(heard)
    line.listen(lambda data: None)
    line.write(b"U" * 120)
    run(clock, 0.5)
    assert 55 <= len(heard.bytes) <= 60
    run(clock, 0.6)
    assert len(heard.bytes) == 120
    assert heard.bytes[-1][1] == pytest.approx(1.0, abs=0.021)


def test_parity_is_bit_seven() -> None:
    assert with_parity(b"\x41\x43", 7, "even") == b"\x41\xc3"
    assert with_parity(b"\x41\x43", 7, "odd") == b"\xc1\x43"
    assert with_parity(b"\xff", 8, "none") == b"\xff"
    with pytest.raises(ValueError, match="parity mark"):
        Speed(9600, 7, "mark")


def test_unplugged_and_back() -> None:
    clock = SteppedClock()
    line = Line(clock, "smdi")
    line.listen(lambda data: None)
    seen: list[bool] = []
    line.watch(seen.append)
    heard = Heard(clock)
    transport = line.opener(heard)
    assert seen == [True]
    with pytest.raises(OSError, match="busy"):
        line.opener(Heard(clock))
    line.unplug()
    assert heard.lost is not None and seen == [True, False]
    transport.write(b"late")
    line.write(b"lost")
    with pytest.raises(OSError, match="no such device"):
        line.opener(Heard(clock))
    line.plug()
    again = Heard(clock)
    line.opener(again)
    line.write(b"new")
    run(clock, 0.1)
    assert bytes(byte for byte, _ in again.bytes) == b"new"
    assert seen == [True, False, True]
    assert not clock.getDelayedCalls()


def test_both_ways_and_closing_after_what_was_written() -> None:
    clock = SteppedClock()
    line = Line(clock, "smdi", Speed(300))
    got: list[bytes] = []
    line.listen(got.append)
    heard = Heard(clock)
    transport = line.opener(heard)
    transport.writeSequence([b"OP:MWI ", b"8001!\x04"])
    transport.loseConnection()
    run(clock, 1.0)
    assert b"".join(got) == b"OP:MWI 8001!\x04"
    assert heard.lost is not None


def test_wire_log(tmp_path: Path) -> None:
    clock = SteppedClock()
    line = Line(clock, "smdi", Speed(9600, 7, "even"))
    line.listen(lambda data: None)
    line.opener(Heard(clock))
    line.write(b"\r\nMD\x19")
    run(clock, 0.1)
    line.log.write(tmp_path / "smdi.jsonl")
    assert (tmp_path / "smdi.jsonl").read_text() == (
        '{"ms": 0.0, "from": "pbx", "hex": "8d0a4d4499", "text": "\\r\\nMD\\u0019"}\n'
    )


def test_a_network_link_closes_at_both_ends() -> None:
    clock = SteppedClock()
    line = Line(clock, "desk", Speed(0), network=True)
    server, client = Heard(clock), Heard(clock)
    line.server.connect(server)
    line.pbx.connect(client)
    line.pbx.write(b"{}\n")
    run(clock, 0.04)
    assert bytes(byte for byte, _ in server.bytes) == b"{}\n"
    line.pbx.loseConnection()
    run(clock, 0.04)
    assert server.lost is not None and client.lost is not None


def test_a_line_read_at_another_speed() -> None:
    """A UART at the same speed reads what was sent; at another one, what a real one would."""
    text = b"T20260105090000 000012\r\n"
    slow, fast = Speed(2400, 8, "none", 2), Speed(9600)
    assert as_read(text, fast, Speed(9600)) == text
    assert as_read(text, Speed(9600), Speed(9700)) == text, "one per cent apart is near enough"
    quick = as_read(text, slow, fast)
    assert len(quick) > len(text) and b"2026" not in quick and b"\r\n" not in quick
    assert as_read(b"U", Speed(2400), Speed(4800)) == b"\x00\xe6", "00 1100 1100 has no stop bit; then 0011001111"
    assert 0 < len(as_read(text, fast, slow)) < len(text)
