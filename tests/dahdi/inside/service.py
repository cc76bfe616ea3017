"""What a card must bear in service, on the real driver: a span that fails and comes back, being opened again and again,
and everything that can be wrong with a channel, told in one line before anything rings."""

from __future__ import annotations

import ctypes
import fcntl
import gc
import os
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from drivers import events as ev
from drivers.clock import SteppedClock
from drivers.dahdi import DahdiCard, DahdiPort
from drivers.engine import Engine
from drivers.errors import CardError
from drivers.items import Tone
from drivers.operations import quietly
from tests.dahdi.inside.rig import FXO, FXS, SETTLED_S, Pair

DYNAMIC_CREATE = 0xC048DA50
"""_IOWR(0xda, 80, struct dahdi_dynamic_span): char driver[20], addr[40]; int channels, timing, span."""
DYNAMIC_DESTROY = 0x4048DA51
AFTER_ALARM_S = 6.0
"""The driver looks after its dynamic spans once a second, and waits before it calls one sound."""
OPENINGS = 1000
GROWN_KB = 2000
"""By 500 openings of two cards: less than what one page forgotten at each would be."""


def dynamic_span(request: int, address: str, channels: int) -> None:
    """Makes or destroys a virtual span, as pulling the far end's cable out does."""
    with open("/dev/dahdi/ctl", "rb", buffering=0) as control:
        fcntl.ioctl(control, request, bytearray(struct.pack("20s40s3i", b"loc", address.encode(), channels, 0, 0)))


def test_a_span_in_alarm_is_told_and_comes_back() -> None:
    pair = Pair([DahdiPort(n, "fxo") for n in FXO], [DahdiPort(n, "fxs") for n in FXS])
    try:
        told: list[ev.Event] = []
        ours = pair.near.ports[0]
        ours.listen(told.append)
        pair.time.run_for(SETTLED_S)
        playing = quietly(ours.play(Tone(450)))
        pair.time.remove(pair.engines[0])
        pair.engines[0].close()
        dynamic_span(DYNAMIC_DESTROY, "1:0", 6)
        pair.time.run_for(AFTER_ALARM_S)
        assert [event.alarms for event in told if isinstance(event, ev.Alarm)] == [("red",)]
        assert ours.state().alarms == ("red",)
        dynamic_span(DYNAMIC_CREATE, "1:0", 6)
        pair.time.run_for(AFTER_ALARM_S)
        assert [event.alarms for event in told if isinstance(event, ev.Alarm)][-1] == ()
        assert ours.state().alarms == ()
        playing.cancel()
    finally:
        for engine in pair.engines[1:]:
            engine.close()
        os.system("/opt/dahdi/dahdi_cfg")  # the new span's channels are configured anew


def opened_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def memory_kb(of: str) -> int:
    """A line of /proc/self/status or /proc/meminfo."""
    for file in ("/proc/self/status", "/proc/meminfo"):
        for line in Path(file).read_text().splitlines():
            if line.startswith(f"{of}:"):
                return int(line.split()[1])
    raise KeyError(of)


def test_opened_and_closed_a_thousand_times() -> None:
    ports = [*(DahdiPort(n, "fxs") for n in FXS), *(DahdiPort(n, "fxo") for n in FXO)]
    pair = Pair(ports[2:], ports[:2])
    pair.time.run_for(0.1)
    pair.close()

    def open_and_close(times: int) -> None:
        for _ in range(times):
            made = Pair(ports[2:], ports[:2])
            made.time.run_for(0.04)
            made.close()
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what is free is given back, so that only what is kept is seen

    open_and_close(OPENINGS // 2)
    files, ours, kernel = opened_files(), memory_kb("VmRSS"), memory_kb("SUnreclaim")
    open_and_close(OPENINGS // 2)
    assert opened_files() == files
    assert memory_kb("VmRSS") - ours < GROWN_KB
    assert memory_kb("SUnreclaim") - kernel < GROWN_KB


# ---- what can be wrong ---------------------------------------------------------------------------


def refused(ports: Sequence[DahdiPort]) -> str:
    """The one clear line."""
    files = opened_files()
    with pytest.raises(CardError) as error:
        DahdiCard(None, ports)
    assert opened_files() == files  # those before the faulty one are closed again
    text = str(error.value)
    assert "\n" not in text and text.count(f"channel {ports[-1].channel}") == 1
    return text


@pytest.mark.parametrize(
    ("channel", "kind", "words"),
    [
        (99, "fxo", ("does not exist", "tipring detect")),
        (6, "fxs", ("not configured", "fxoks=6", "system.conf")),
        (7, "fxs", ("fxsks", "fxs")),
        (1, "fxo", ("fxoks", "fxo")),
        (1, "b", ("fxoks", "bchan")),
        (7, "d", ("fxsks", "dchan")),
    ],
)
def test_a_channel_that_is_not_what_it_should_be(channel: int, kind: str, words: tuple[str, ...]) -> None:
    text = refused([DahdiPort(2, "fxs"), DahdiPort(channel, kind)])
    assert all(word in text for word in words), text


def test_a_channel_in_use() -> None:
    card = DahdiCard(Engine(SteppedClock()), [DahdiPort(8, "fxo")])
    assert "in use" in refused([DahdiPort(7, "fxo"), DahdiPort(8, "fxo")])
    assert card.engine is not None
    card.engine.close()


def test_a_user_who_may_not() -> None:
    os.chmod("/dev/dahdi/channel", 0o600)
    os.seteuid(65534)
    try:
        assert "may not be opened" in refused([DahdiPort(7, "fxo")])
    finally:
        os.seteuid(0)
