"""The installer's test of a line, against the simulated PBX in stepped time: a good line, and lines with faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from cti.install.alone import CardPort
from cti.install.line_test import LineTest, Row
from cti.install.pair import Pair
from cti.pbx.line_rules import LineRules
from cti.site.tones import load_plan
from drivers.card import SoftwareCard
from tests.simulators.bare_vru import Bench

LATER = "300.0 | caller 1 | 13800138000 by fsk: wait 20"
SOON = "25.0 | caller 1 | 13800138000 by fsk: wait 20"


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(LATER, answering=False)
    yield made
    made.close()


def tested(bench: Bench, rules: LineRules | None = None, plan: Any = None, **options: Any) -> dict[str, Row]:
    """The rows by their names; the port is on-hook and idle afterwards."""
    told: list[Row] = []
    port = bench.vru[0]
    rules = rules or LineRules()
    near, far = CardPort("vru", 0, port), CardPort("vru", 1, bench.vru[1])
    pair = Pair(bench.clock, near, far, "2002", rules)
    test = LineTest(bench.clock, port, plan or load_plan("cn"), rules, told.append, **{"pair": pair} | options)
    rows = bench.wait(test.run(), 200.0)
    assert not bench.vru[1].state().off_hook
    assert rows == told and port.operations == []
    bench.run(0.1)
    assert not port.state().off_hook
    return {row.test: row for row in rows}


def faults(bench: Bench, **changes: float) -> None:
    cast(SoftwareCard, bench.vru_engine.cards[0]).faults(0, **changes)


def not_ok(rows: dict[str, Row]) -> set[str]:
    wrong = {name for name, row in rows.items() if row.ok is False}
    assert all(rows[name].remedy for name in wrong)
    return wrong


def test_a_good_line(bench: Bench) -> None:
    rows = tested(bench, dial="8002")
    assert not_ok(rows) == set()
    assert rows["dial_tone"].value == "dial: -10 dBm0, 450 Hz"
    assert rows["digits"].value.endswith("002")  # the first was covered by the dial tone
    assert rows["dial"].value == "ringback"
    assert rows["flash"].value == "600 ms: dial tone, and the other end is held"
    assert rows["caller_id"].ok is None and "--ring" in rows["caller_id"].remedy


def test_nothing_is_dialled_unless_asked(bench: Bench) -> None:
    rows = tested(bench)
    assert rows["dial"].ok is None and "digits" not in rows and bench.world.phones["8001"].state == "idle"


def test_a_busy_number(bench: Bench) -> None:
    rows = tested(bench, dial="7999")
    assert not_ok(rows) == {"dial"} and rows["dial"].value != "ringback"


def test_no_test_is_a_flash_to_the_one_before(bench: Bench) -> None:
    """9 takes a line out; a second on-hook behind it was a flash to this PBX, and the line on hold spoilt the next."""
    rows = tested(bench, dial="9999")
    flashes = [one.data["ms"] for one in bench.world.truth.log if one.what == "flash"]
    assert flashes == [600]
    assert not_ok(rows) == {"dial"} and rows["dial"].value != "ringback"


@pytest.mark.parametrize("return_loss_db", [6.0, 15.0, 25.0])
def test_the_return_loss_of_the_hybrid(bench: Bench, return_loss_db: float) -> None:
    faults(bench, return_loss_db=return_loss_db)
    row = tested(bench)["return_loss"]
    assert float(row.value.split()[0]) == pytest.approx(return_loss_db, abs=1.5)
    assert row.ok is (return_loss_db > 8)


def test_a_weak_line(bench: Bench) -> None:
    faults(bench, loss_db=22.0, noise_dbm0=-60.0)
    rows = tested(bench)
    assert not_ok(rows) == {"dial_tone"}
    assert "rx_gain_db" in rows["dial_tone"].remedy and rows["flash"].ok is None


def test_a_line_that_is_cut(bench: Bench) -> None:
    faults(bench, cut=1)
    rows = tested(bench)
    assert not_ok(rows) == {"alarms"} and list(rows) == ["alarms"]


def test_a_dial_tone_that_the_plan_does_not_know(bench: Bench) -> None:
    rows = tested(bench, plan=load_plan("cn").retuned({450: 350}))
    assert not_ok(rows) == {"dial_tone"}
    assert "dial: {f1_hz: 450}" in rows["dial_tone"].remedy


def test_a_flash_too_short_for_the_pbx(bench: Bench) -> None:
    rows = tested(bench, rules=LineRules(flash_ms=60))
    assert not_ok(rows) == {"flash"} and rows["flash"].remedy.startswith("too short for this PBX")


def test_a_flash_too_long_for_the_pbx_brings_a_dial_tone_too(bench: Bench) -> None:
    rows = tested(bench, rules=LineRules(flash_ms=1500))
    assert not_ok(rows) == {"flash"} and rows["flash"].remedy.startswith("too long for this PBX")
    assert "a fresh dial tone" in rows["flash"].value


def test_no_flash_is_tested_without_another_port(bench: Bench) -> None:
    rows = tested(bench, pair=None)
    assert rows["flash"].ok is None and "another port" in rows["flash"].remedy


@pytest.mark.parametrize(("in_band", "value"), [("fsk", "13800138000 by fsk"), ("dtmf", "13800138000 by dtmf")])
def test_caller_id(in_band: str, value: str) -> None:
    bench = Bench(f"setup | pbx | in_band={in_band}\n{SOON}", answering=False)
    assert tested(bench, ring_s=30.0)["caller_id"].value == value
    bench.close()


@pytest.mark.parametrize(("text", "value"), [(SOON, "rang, none"), (LATER, "no ring within 30 s")])
def test_no_caller_id(text: str, value: str) -> None:
    bench = Bench(f"setup | pbx | in_band=none\n{text}", answering=False)
    rows = tested(bench, ring_s=30.0)
    assert not_ok(rows) == {"caller_id"} and rows["caller_id"].value == value
    bench.close()
