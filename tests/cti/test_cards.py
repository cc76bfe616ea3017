"""Cards of the site file, and a backplane that is plugged in, pulled out and plugged in again, on real sockets."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cti.cards import LOOK_S, BackplaneLink, open_cards, vru_ports
from cti.errors import TipringError
from cti.site.config import DahdiCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from tests.cti.centre_bench import site


class Plane:
    """What a card's backplane was told."""

    def __init__(self, fd: int) -> None:
        self.fds = [fd]
        self.alarm = 0
        self.far_version = 2

    def stats(self) -> dict[str, int]:
        far = self.far_version
        return {"alarm": self.alarm, "slips": 3, "version": 2, "far_version": far, "refused": int(far != 2)}

    def reconnect(self, fd: int) -> None:
        self.fds.append(fd)
        self.alarm = 0

    def close(self) -> None:
        for fd in self.fds:
            socket.socket(fileno=fd).close()


class Bench:
    def __init__(self, folder: Path) -> None:
        self.clock = SteppedClock()
        self.path = str(folder / "backplane.sock")
        self.told: list[tuple[str, bool]] = []
        self.planes: list[Plane] = []
        self.listener: socket.socket | None = None
        self.link = BackplaneLink(self.clock, "vru", self.path, 30, lambda name, on, text: self.told.append((name, on)))

    def backplane(self, first: int, count: int, fd: int, *, paced: bool) -> Plane:
        assert (first, count, paced) == (0, 30, True)
        self.planes.append(Plane(fd))
        return self.planes[-1]

    def listen(self, backlog: int = 8) -> None:
        Path(self.path).unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(backlog)

    def look(self) -> None:
        self.clock.advance(LOOK_S)

    def close(self) -> None:
        self.link.stop()
        for plane in self.planes:
            plane.close()
        if self.listener is not None:
            self.listener.close()


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    made = Bench(tmp_path)
    yield made
    made.close()
    assert not made.clock.getDelayedCalls()


def test_the_far_end_comes_later(bench: Bench) -> None:
    bench.link.start(bench)  # type: ignore[arg-type]
    assert bench.told == [("card_vru", True)] and bench.link.stats() == {}
    bench.look()
    assert len(bench.told) == 1  # not said again
    bench.listen()
    bench.look()
    bench.look()
    assert bench.told == [("card_vru", True), ("card_vru", False)] and len(bench.planes) == 1
    assert bench.link.stats()["slips"] == 3


def test_pulled_out_and_plugged_in_again(bench: Bench) -> None:
    bench.listen()
    bench.link.start(bench)  # type: ignore[arg-type]
    bench.look()
    assert bench.told == []
    assert bench.listener is not None
    bench.listener.close()
    bench.planes[0].alarm = 1
    bench.look()
    assert bench.told == [("card_vru", True)]
    bench.listen()
    bench.look()
    bench.look()
    assert bench.told == [("card_vru", True), ("card_vru", False)] and len(bench.planes[0].fds) == 2
    assert len(bench.planes) == 1


def test_a_far_end_of_another_version_is_said_to_be_one(bench: Bench) -> None:
    bench.listen()
    texts: list[str] = []
    bench.link._on_alarm = lambda name, on, text: texts.append(text)
    bench.link.start(bench)  # type: ignore[arg-type]
    bench.planes[0].alarm, bench.planes[0].far_version = 1, 1
    bench.look()
    assert texts == [f"card vru: {bench.path} speaks version 1 of the wires, we speak 2: update the older"]


def test_a_far_end_that_accepts_nobody_does_not_stop_the_server(bench: Bench) -> None:
    """A listener whose queue is full makes a blocking connect wait for ever."""
    bench.listen(0)
    waiting = []
    while True:
        one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        one.setblocking(False)
        waiting.append(one)
        if one.connect_ex(bench.path):
            break
    bench.link.start(bench)  # type: ignore[arg-type]
    assert bench.told == [("card_vru", True)] and not bench.planes
    for one in waiting:
        one.close()


def test_no_descriptors_left(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr("cti.cards.socket.socket", none_left)
    bench.link.start(bench)  # type: ignore[arg-type]
    assert bench.told == [("card_vru", True)]


def test_cards_and_vru_ports_of_the_site(tmp_path: Path) -> None:
    made = site(tmp_path, 4, 0)
    engine = Engine(SteppedClock())
    cards = open_cards(engine, made)
    pairs = vru_ports(made, cards)
    assert [(where.extension, where.line, port.index, port.kind) for where, port in pairs] == [
        ("2001", 1, 0, "fxo"), ("2002", 2, 1, "fxo"), ("2003", 3, 2, "fxo"), ("2004", 4, 3, "fxo")
    ]  # fmt: skip
    other = site(tmp_path, 4, 0, card="fxs")
    with pytest.raises(TipringError, match="must be fxo"):
        vru_ports(other, open_cards(Engine(SteppedClock()), other))


def test_a_real_card_without_its_driver_is_one_clear_line(tmp_path: Path) -> None:
    if Path("/dev/dahdi/channel").exists():
        pytest.skip("there is a DAHDI driver here")
    made = msgspec.structs.replace(site(tmp_path, 1, 1), cards=(DahdiCard("pci", "fxo", "1-4"),))
    with pytest.raises(TipringError) as told:
        open_cards(Engine(SteppedClock()), made)
    line = str(told.value)
    assert line.startswith("card pci: DAHDI channel 1: /dev/dahdi/channel is not there") and "modprobe dahdi" in line
    assert "\n" not in line
