"""The PBX's clock by its records: wrong, set, drifting, read out of a buffer, and over the changes of summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from cti.pbx.pbx_clock import JUMP_S, PbxClock
from drivers.clock import SteppedClock

CHINA = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


class Bench:
    """A PBX whose clock is `slow_s` behind; it prints `printing_s` after the end of a call, to its resolution."""

    def __init__(self, zone: ZoneInfo = CHINA, start: datetime | None = None, slow_s: float = 420.0) -> None:
        self.clock = SteppedClock(start or datetime(2026, 1, 5, 1, tzinfo=UTC))
        self.zone, self.slow_s = zone, slow_s
        self.jumps: list[str] = []
        self.pbx = PbxClock(self.clock, zone, self.jumps.append)
        self.random = Random(1)

    def time(self, resolution_s: float = 60.0, ago_s: float = 0.0) -> datetime:
        """What the PBX prints for a moment so long ago."""
        local = (self.clock.now().astimezone(UTC) - timedelta(seconds=ago_s)).astimezone(self.zone).replace(tzinfo=None)
        local -= timedelta(seconds=self.slow_s)
        whole = datetime(local.year, local.month, local.day)
        return whole + timedelta(seconds=(local - whole).total_seconds() // resolution_s * resolution_s)

    def calls(self, count: int, resolution_s: float = 60.0, every_s: float = 40.0) -> None:
        for _ in range(count):
            self.clock.advance(round(self.random.uniform(0.5, 1.5) * every_s, 1))
            self.pbx.heard(self.time(resolution_s, ago_s=self.random.uniform(0.1, 2.0)), resolution_s)

    def error_s(self, resolution_s: float = 60.0, ago_s: float = 100.0) -> float:
        """How wrong a printed moment is read back."""
        found = self.pbx.moment(self.time(resolution_s, ago_s))
        assert found is not None
        return abs(found - (self.clock.seconds() - ago_s))


@pytest.mark.parametrize("slow_s", [0.0, 420.0, -420.0, 86_400.0 * 365, -3600.0])
@pytest.mark.parametrize("resolution_s", [1.0, 60.0])
def test_a_wrong_clock_is_read_right_within_its_resolution(slow_s: float, resolution_s: float) -> None:
    bench = Bench(slow_s=slow_s)
    assert bench.pbx.moment(bench.time()) is None and bench.pbx.offset_s is None
    bench.calls(3, resolution_s)
    for _ in range(50):
        bench.calls(1, resolution_s)
        assert bench.error_s(resolution_s, bench.random.uniform(0, 3000)) <= resolution_s + 3
    assert bench.pbx.offset_s == pytest.approx(slow_s, abs=resolution_s + 3) and bench.jumps == []
    assert abs((bench.pbx.now() - bench.time(1.0)).total_seconds()) <= resolution_s + 3


def test_a_buffer_that_is_emptied_does_not_move_it() -> None:
    bench = Bench()
    bench.calls(40)
    before = bench.pbx.offset_s
    bench.clock.advance(1800.0)
    for line in range(100):  # even if nothing told that they came in one breath
        bench.pbx.heard(bench.time(ago_s=1800.0 - 18 * line), 60.0)
        bench.clock.advance(0.1)
    assert bench.pbx.offset_s == pytest.approx(before, abs=30) and bench.jumps == []


@pytest.mark.parametrize(
    ("set_by_s", "way"), [(300.0, "back"), (-300.0, "forward"), (90.0, "back"), (-90.0, "forward")]
)
def test_a_clock_that_is_set_alarms_once_and_is_followed(set_by_s: float, way: str) -> None:
    bench = Bench()
    bench.calls(60)
    bench.slow_s += set_by_s
    bench.calls(40)
    (text,) = bench.jumps
    assert f"went {way} by" in text and bench.error_s() <= 65
    assert bench.pbx.offset_s == pytest.approx(420.0 + set_by_s, abs=65)


def test_a_jump_is_known_after_two_minutes() -> None:
    bench = Bench()
    bench.calls(60)
    bench.slow_s += 600.0
    began = bench.clock.seconds()
    while not bench.jumps:
        bench.calls(1)
    assert bench.clock.seconds() - began < 5 * 60 and bench.error_s() <= 65


def test_a_clock_that_drifts_is_followed_without_alarm() -> None:
    bench = Bench()
    for _ in range(400):
        bench.calls(1)
        bench.slow_s += 0.5
    assert bench.jumps == [] and bench.error_s() <= 80


def test_damaged_times_do_not_move_it() -> None:
    bench = Bench()
    for _ in range(60):
        bench.calls(1)
        if bench.random.random() < 0.3:
            bench.pbx.heard(bench.time() + timedelta(minutes=bench.random.randrange(-600, 600)), 60.0)
    assert bench.jumps == [] and bench.error_s() <= 65


def test_the_first_records_may_be_old() -> None:
    bench = Bench()
    bench.pbx.heard(bench.time(ago_s=5000.0), 60.0)
    bench.calls(3)
    assert bench.error_s() <= 65 and bench.jumps == []


def test_who_sets_the_servers_clock_does_not_move_it() -> None:
    bench = Bench()
    bench.calls(40)
    stated = bench.time(ago_s=100.0)
    bench.clock.shift_wall(3600.0)
    found = bench.pbx.moment(stated)
    assert found is not None and abs(found - (bench.clock.seconds() - 100.0)) <= 65
    assert bench.pbx.offset_s == pytest.approx(4020.0, abs=65), "against what the server's clock shows"


@pytest.mark.parametrize(
    ("start", "transition"),
    [
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), "spring"),  # 02:00 becomes 03:00 at 01:00 UTC
        (datetime(2026, 10, 24, 23, 0, tzinfo=UTC), "autumn"),  # 03:00 becomes 02:00 at 01:00 UTC
    ],
)
def test_summer_time_of_both_moves_nothing(start: datetime, transition: str) -> None:
    bench = Bench(BERLIN, start, slow_s=0.0)
    while bench.clock.seconds() < 4 * 3600:
        bench.calls(1)
        if bench.clock.seconds() > 600:
            assert bench.error_s(60.0, 30.0) <= 65, (transition, bench.clock.now())
    assert bench.jumps == []


def test_a_call_over_the_change_has_its_own_length() -> None:
    bench = Bench(BERLIN, datetime(2026, 3, 28, 23, 0, tzinfo=UTC), slow_s=0.0)
    bench.calls(150)  # to 01:40 local at least
    while bench.clock.now() < datetime(2026, 3, 29, 0, 55, tzinfo=UTC):
        bench.calls(1)
    began_s, printed = bench.clock.seconds(), bench.time()
    bench.clock.advance(1200.0)
    found = bench.pbx.moment(printed)
    assert found is not None and abs(found - began_s) <= 65


def test_a_pbx_without_summer_time_jumps_by_an_hour() -> None:
    bench = Bench(BERLIN, datetime(2026, 3, 28, 23, 0, tzinfo=UTC), slow_s=0.0)
    bench.calls(60)
    while bench.clock.now() < datetime(2026, 3, 29, 1, 0, tzinfo=UTC):
        bench.calls(1)
    bench.slow_s = 3600.0
    bench.calls(20)
    assert len(bench.jumps) == 1 and "by 60 min" in bench.jumps[0].replace("1 h 00 min", "60 min")
    assert bench.error_s() <= 65


def test_a_jump_smaller_than_a_minute_is_no_alarm() -> None:
    bench = Bench(slow_s=0.0)
    bench.calls(60, 1.0)
    bench.slow_s = JUMP_S - 10
    bench.calls(60, 1.0)
    assert bench.jumps == [] and bench.error_s(1.0) <= 5


def test_records_that_always_come_late_do_not_make_the_clock_slow() -> None:
    bench = Bench()
    for _ in range(10):
        bench.clock.advance(47.0)
        bench.pbx.heard(bench.time(1.0, ago_s=40.0), 1.0)
    assert bench.pbx.offset_s == pytest.approx(460.0, abs=2.0)
    for late_s in (40.0, 3.0, 40.5, 39.8, 40.2):  # one of them was guessed wrong
        bench.pbx.lateness.came([late_s])
    assert bench.pbx.late_s == pytest.approx(40.0, abs=1.0) and bench.error_s(1.0) <= 2.0
    assert bench.pbx.offset_s == pytest.approx(420.0, abs=2.0)
    for _ in range(31):
        bench.pbx.lateness.came([0.4])
    assert bench.pbx.late_s == 0.0


def test_lateness_that_is_no_rule_is_none() -> None:
    bench = Bench()
    for late_s in (40.0, 0.2, 12.0, 90.0, 0.3, 25.0):
        bench.pbx.lateness.came([late_s])
    assert bench.pbx.late_s == 0.0
