"""Digits in columns, learned without a word of punctuation: what each make prints in a day with its own dialect hidden,
and PBXs that nobody knows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from cti.pbx.column_shapes import columns_of, cut_out, widened
from cti.pbx.dialect import dialect_from_text, load_dialect
from cti.pbx.learn import Proposal, learn, read_by
from cti.pbx.smdr import SmdrDecoder, SmdrRecord
from simulators.pbx.makes import MAKES
from simulators.pbx.smdr import Leg

OURS = ("8001", "8002", "8003", "8004", "8005")
OTHERS = ("8101", "8102", "8117")  # telephones of the PBX that are none of the site's
BEGAN = datetime(2026, 1, 5, 8, 53)
IN_COLUMNS = ("definity-printer", "definity-teleseer", "definity-lsu", "definity-int", "nec-neax", "nec-neax-bcc")


def legs(calls: int = 80) -> Iterator[Leg]:
    """A morning, in the order in which the calls end."""
    rng = random.Random(3)
    free = dict.fromkeys(OURS + OTHERS, BEGAN)
    found = []
    for number in range(calls):
        extension = rng.choice([one for one in free if free[one] <= BEGAN + timedelta(seconds=100 * number)] or [*free])
        start = max(free[extension], BEGAN + timedelta(seconds=100 * number)) + timedelta(seconds=rng.randrange(5, 60))
        length = rng.randrange(8, 900)
        free[extension] = start + timedelta(seconds=length)
        caller = f"1380013{rng.randrange(8000, 9000)}"
        found.append(Leg(free[extension], extension, rng.randrange(1, 25), caller, 7.0, length, started=start))
    yield from sorted(found, key=lambda leg: leg.ended)


def day(make: str) -> tuple[bytes, list[tuple[int, float]]]:
    """What this make prints of them, and when its lines came (a clock 7 minutes slow)."""
    printer = MAKES[make].records
    assert printer is not None
    writer, data, times = printer(), b"", []
    for leg in legs():
        text = writer.write(leg).encode("latin-1")
        times.append((len(data), (leg.ended - BEGAN).total_seconds() + 420))
        data += text
    return data, times


def learned(make: str, extensions: tuple[str, ...] = OURS) -> tuple[Proposal, bytes]:
    data, times = day(make)
    return learn(data, datetime(2026, 1, 5, 9), extensions, but={make}, anew=True, times=times), data


def own(make: str, data: bytes) -> list[SmdrRecord]:
    dialect = load_dialect(make)
    decoder = SmdrDecoder(dialect, lambda: BEGAN, strip_bit7=False)
    return [item for item in decoder.feed(data) + decoder.flush() if isinstance(item, SmdrRecord)]


@pytest.mark.parametrize("make", [make for make in IN_COLUMNS if not make.startswith("nec")])
def test_a_day_of_calls_is_read_as_its_own_dialect_does(make: str) -> None:
    proposal, data = learned(make)
    wanted = [record for record in own(make, data) if record.event == "end"]
    found = [record for record in read_by(proposal, data, BEGAN) if record.event != "date"]
    assert len(wanted) == len(found) == 80 and proposal.unread == []
    doubts = {what for unsure in proposal.unsure.values() for what, _ in unsure}
    for right, got in zip(wanted, found, strict=True):
        assert got.raw == right.raw
        assert (got.extension, got.trunk) == (right.extension, right.trunk)
        assert got.duration_s == right.duration_s
        if "stamp" not in doubts:
            assert (got.start, got.end) == (right.start, right.end)
    has_clock = make in ("definity-printer", "definity-teleseer")
    assert ("time" in doubts) == (not has_clock)  # nothing to be found there
    assert "extension" not in doubts


@pytest.mark.parametrize("make", ["nec-neax", "nec-neax-bcc"])
def test_a_record_that_no_published_dialect_reads(make: str) -> None:
    """NEC's KE, an incoming call: start and end in digits, the extension in the middle of others."""
    proposal, data = learned(make)
    records = read_by(proposal, data, BEGAN)
    assert len(records) == 80 and proposal.unread == []
    assert proposal.dialect.smdr.terminators[0] == ("stx_etx_bcc" if make.endswith("bcc") else "crlf")
    for leg, record in zip(legs(), records, strict=True):
        assert (record.extension, record.start, record.end) == (leg.extension, leg.begin, leg.ended)
    assert "extension" not in dict(proposal.unsure["columns-1"])


@pytest.mark.parametrize("make", IN_COLUMNS)
def test_without_the_sites_extensions_each_guess_is_said(make: str) -> None:
    proposal, data = learned(make, ())
    said = {what for unsure in proposal.unsure.values() for what, _ in unsure}
    assert "extension" in said and "give the site's extensions (-c)" in proposal.text
    for leg, record in zip(legs(), (r for r in read_by(proposal, data, BEGAN) if r.event == "end"), strict=False):
        assert record.extension in (leg.extension, None) or "extension" in said


def unknown(seed: int, rows: int = 120, damage: float = 0.0) -> tuple[bytes, list[tuple[int, float]], list[Leg]]:
    """A PBX of no make: trunk, extension, dialled number or caller (they touch), date, time, length, and an account on
    some."""
    rng = random.Random(seed)
    data, times, kept = b"", [], []
    for leg in list(legs(rows)):
        outward = rng.random() < 0.4
        account = f"{rng.randrange(10**6):06}" if outward and rng.random() < 0.5 else ""
        called = f"{'9' if outward else ''}{leg.number}"
        length = int(leg.duration_s)
        hms = f"{length // 3600:02}{length // 60 % 60:02}{length % 60:02}"
        line = f"{leg.trunk:03d} {leg.extension}{called:<14}{leg.begin:%y%m%d %H%M%S}  {hms} {account:>8}".rstrip()
        raw = bytearray(line.encode() + b"\r\n")
        for at in range(len(raw)):
            if rng.random() < damage:
                raw[at] ^= 1 << rng.randrange(7)
        times.append((len(data), (leg.ended - BEGAN).total_seconds()))
        data += bytes(raw)
        kept.append(leg)
    return data, times, kept


@pytest.mark.parametrize("seed", range(3))
def test_a_pbx_that_nobody_knows(seed: int) -> None:
    data, times, calls = unknown(seed)
    proposal = learn(data, datetime(2026, 1, 5, 12), OURS, times=times, anew=True)
    (form,) = proposal.dialect.smdr.records
    doubts = dict(proposal.unsure[form.name])
    assert form.stamp == "start" and not {"stamp", "date", "duration", "extension"} & doubts.keys()
    records = read_by(proposal, data, BEGAN)
    assert len(records) == len(calls)
    for leg, record in zip(calls, records, strict=True):
        assert (record.extension, record.trunk) == (leg.extension, f"{leg.trunk:03d}")
        assert record.number is not None and record.number.endswith(leg.number)
        assert (record.start, record.duration_s) == (leg.begin, leg.duration_s)


def test_damage_neither_hides_the_columns_nor_makes_any() -> None:
    data, times, calls = unknown(1, damage=0.005)
    proposal = learn(data, datetime(2026, 1, 5, 12), OURS, times=times, anew=True)
    (form,) = proposal.dialect.smdr.records
    assert {"extension", "number", "date", "time", "trunk"} <= form.columns.keys()
    sound = {(leg.begin, leg.extension, f"{leg.trunk:03d}") for leg in calls}
    right = sum((record.start, record.extension, record.trunk) in sound for record in read_by(proposal, data, BEGAN))
    assert right > 0.8 * len(calls)


def both_ways() -> bytes:
    """The number dialled stands where an incoming call has its extension, as Definity has it."""
    rng = random.Random(9)
    rows = []
    for number in range(40):
        at = BEGAN + timedelta(seconds=150 * number)
        ours = rng.choice(OURS)
        dialled, calling = (ours, "9") if number % 2 else (f"1390{rng.randrange(10**7):07}", ours)
        rows.append(
            f"{at:%m%d%H%M} {rng.randrange(60):02}{rng.randrange(60):02} {dialled:>15} {calling:>5}   {number % 8 + 11}"
        )
    return ("\r\n".join(rows) + "\r\n").encode()


def test_the_column_of_the_number_dialled_tells_incoming_from_outgoing() -> None:
    proposal = learn(both_ways(), datetime(2026, 1, 5, 12), OURS, anew=True)
    records = read_by(proposal, both_ways(), BEGAN)
    assert [record.direction for record in records[:4]] == ["out", "in", "out", "in"]
    assert all(record.extension in OURS for record in records)
    assert [record.number for record in records[1::2]] == [None] * 20
    assert all(len(record.number or "") == 11 for record in records[::2])
    assert all("direction" in dict(unsure) for unsure in proposal.unsure.values())


def test_nothing_is_made_of_digits_that_say_nothing() -> None:
    rng = random.Random(4)
    data = "\r\n".join(f"{rng.randrange(10**20):020}" for _ in range(60)).encode()
    proposal = learn(data, datetime(2026, 1, 5, 12), OURS, anew=True)
    assert proposal.dialect.smdr.records == () and len(proposal.unread) == 60
    assert "count the columns in the PBX's manual" in proposal.text


def test_a_proposal_of_columns_is_a_dialect_that_proves_itself() -> None:
    for make in IN_COLUMNS:
        proposal, _ = learned(make)
        assert dialect_from_text(proposal.text) == proposal.dialect
        assert all(form.examples for form in proposal.dialect.smdr.records)


@pytest.mark.parametrize(
    ("lines", "columns"),
    [
        (["12 345", " 2  45"], [(1, 2), (4, 6)]),
        (["1380013 8001", "1390013 8002"], [(1, 7), (9, 12)]),
        (["13800138000  8001", "    8002        9"], [(1, 11), (14, 17)]),
        (["138001380008001", "    80020    17"], [(1, 9), (10, 15)]),
        (["abc"], [(1, 3)]),
        ([], []),
    ],
)
def test_where_columns_end(lines: list[str], columns: list[tuple[int, int]]) -> None:
    assert columns_of(lines) == columns


def test_a_column_is_widened_into_its_own_blanks() -> None:
    lines = ["12345    8001  7", "123      8001 17"]
    assert columns_of(lines) == [(1, 5), (10, 13), (15, 16)]
    assert widened(columns_of(lines), lines) == [(1, 8), (10, 13), (15, 16)]
    assert cut_out([(1, 8), (10, 13)], 3, 5) == [(1, 2), (3, 5), (6, 8), (10, 13)]
