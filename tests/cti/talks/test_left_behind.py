"""A server that died, and the PBX's printer that kept its lines meanwhile: records find the calls of the run before."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cti.customers.numbering import NumberPlan
from cti.outside import SteppedOutside
from cti.records.forwarder import Forwarder
from cti.records.journal import Journal
from cti.records.records import Records
from cti.records.row import CallRow
from cti.records.store import open_store
from cti.sides.pbx_side import SerialWire
from drivers.clock import SteppedClock
from tests.cti.centre_bench import A, B, CentreBench
from tests.cti.day import MortalClock


class Life:
    """One run of the server on the files in a folder; what it leaves when it dies is on the disk alone."""

    def __init__(self, folder: Path, world: SteppedClock) -> None:
        clock = self.clock = MortalClock(world)
        self.store = open_store(f"sqlite:///{folder / 'records.db'}", NumberPlan("cn", "010"))
        self.journal = Journal(clock, folder / "journal", "none", boot_after=self.store.last_boot())
        records = Records(clock, self.journal, self.store, SteppedOutside(clock))
        records.recover(self.store.open_calls(self.journal.boot), self.store.position())
        wires = {"smdr": SerialWire(lambda protocol: None)}
        self.bench = CentreBench(folder, wires=wires, clock=clock, world=world, records=records)
        self.world = world

    def prints(self, began_s: float, ended_s: float, number: str | None = A, **more: Any) -> None:
        """A record of the agent's telephone, by the PBX's clock, which is right; seconds ago of the clock."""
        end = self.clock.now().astimezone(self.bench.site.zone).replace(tzinfo=None)
        end -= timedelta(seconds=self.clock.seconds() - ended_s)
        lasted = ended_s - began_s
        fields = {"start": end - timedelta(seconds=lasted), "end": end, "duration_s": lasted, "resolution_s": 1, **more}
        self.bench.record("8001", number, **fields)
        self.world.advance(5.0)

    def rows(self) -> dict[str, CallRow]:
        Forwarder(self.store, self.journal.path).forward_once()
        return {row.id: row for row in self.store.calls()}

    def dies(self) -> None:
        self.journal.close()
        self.clock.die()
        self.store.close()


def test_records_kept_by_the_printer_find_the_calls_of_the_run_before(tmp_path: Path) -> None:
    """One had ended when the server died, one was under way and went on; one is told of by no record, and marked."""
    clock = SteppedClock()
    first = Life(tmp_path, clock)
    for seconds in (10.0, 20.0, 30.0):  # its clock is learned
        first.prints(clock.seconds() - seconds, clock.seconds(), number="99")
    talks = []
    for number in (A, B, A):
        call = first.bench.talking(number)
        clock.advance(40.0)
        talks.append((call, clock.seconds() - 40.0, clock.seconds()))
        if len(talks) < 3:
            first.bench.centre.acd.call_ended("1001")
            clock.advance(20.0)
            first.bench.centre.acd.ready("1001")
    over, silent, under_way = talks
    first.dies()
    clock.advance(60.0)

    second = Life(tmp_path, clock)
    assert {row.recorded for row in second.rows().values()} == {"missing"}, "marked at once"
    second.prints(over[1], over[2])
    second.prints(under_way[1], clock.seconds())
    rows = second.rows()
    assert rows[over[0].id].recorded == rows[under_way[0].id].recorded == "smdr"
    assert rows[silent[0].id].recorded == "missing" and rows[silent[0].id].outcome == "answered"
    assert rows[under_way[0].id].smdr_raw is not None and rows[under_way[0].id].outcome == "answered"
    second.dies()


@pytest.mark.parametrize("away_s", [2.0, 6.0, 20.0])
def test_a_record_that_comes_as_a_talk_ends_is_not_of_the_same_callers_call_before_the_cut(
    tmp_path: Path, away_s: float
) -> None:
    """Cut off in a talk, the caller rings again and has the same agent; times are printed in minutes. So long as the
    server was not there the former talk was by chance as long as the new one is."""
    clock = SteppedClock()
    first = Life(tmp_path, clock)
    first.bench.talking(A)
    clock.advance(14.0)
    first.dies()
    clock.advance(away_s)

    second = Life(tmp_path, clock)
    call = second.bench.talking(A)
    clock.advance(21.5)
    end = second.clock.now().astimezone(second.bench.site.zone).replace(tzinfo=None, second=0, microsecond=0)
    second.bench.record("8001", A, end=end, start=end - timedelta(seconds=20), duration_s=20.0, resolution_s=60)
    clock.advance(5.0)
    rows = second.rows()
    assert rows[call.id].recorded == "smdr" and second.bench.agent()[1] == "idle"
    assert [row.recorded for row in rows.values() if row.id != call.id] == ["missing"]
    second.dies()
