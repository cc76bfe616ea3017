"""What is learned from each make's golden lines without its own dialect: right, or said to be unsure."""

from __future__ import annotations

import argparse
import json
import random
import time
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.commands import pbx
from cti.errors import TipringError
from cti.install.serial_watch import Saved, saved_times
from cti.pbx.dialect import dialect_from_text, dialect_names, load_dialect
from cti.pbx.fitting import fits
from cti.pbx.learn import Proposal, learn, read_by
from cti.pbx.shapes import atoms, orders_of, words_in_common
from cti.pbx.smdr import SmdrRecord
from cti.pbx.smdr_rules import fields_of

GOLDEN = Path(__file__).parents[2] / "golden" / "pbx"
NOW = datetime(2026, 1, 5, 12)
ALL = {path.stem for path in (Path(__file__).parents[3] / "conf" / "pbx").glob("*.yaml")}
MAKES = sorted({path.stem for path in GOLDEN.glob("*.txt")})


def printed(make: str) -> bytes:
    return (GOLDEN / f"{make}.txt").read_bytes().replace(b"\n", b"\r\n")


def golden(make: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (GOLDEN / f"{make}.jsonl").read_text("utf-8").splitlines()]


@cache
def learned(make: str, known: bool = True) -> Proposal:
    extensions = {row["extension"] for row in golden(make) if row["extension"]} if known else set()
    return learn(printed(make), NOW, extensions, but={make}, anew=True)


def day_of(start: Any, end: Any, stamp: str) -> date | None:
    moment = start if stamp == "start" else end
    return datetime.fromisoformat(str(moment)).date() if moment else None


def compared(make: str, known: bool = True) -> tuple[int, list[str], list[str]]:
    """How many fields are right, which are wrong but said to be unsure, which are wrong. A line that the proposal lists
    as not read is not wrong."""
    proposal = learned(make, known)
    got = {record.line_no: record for record in read_by(proposal, printed(make), NOW)}
    right, unsure, wrong = 0, [], []
    for row in golden(make):
        if row["event"] != "end":
            continue
        record: SmdrRecord | None = got.get(row["line_no"])
        if record is None:
            assert row["raw"] in proposal.unread
            continue
        doubts = {what for what, _ in proposal.unsure[record.form]}
        doubts |= {"date"} if "time" in doubts else set()
        pairs = {
            "extension": (row["extension"], record.extension),
            "number": (row["number"], record.number),
            "duration": (row["duration_s"], record.duration_s),
            "date": (
                day_of(row["start"], row["end"], row.get("stamp", "end")),
                day_of(record.start, record.end, record.stamp),
            ),
        }
        for what, (wanted, found) in pairs.items():
            text = f"line {row['line_no']}: {what} is {wanted}, learned {found}"
            if wanted is None or wanted == found:
                right += 1
            elif what in doubts:
                unsure.append(text)
            else:
                wrong.append(text)
    return right, unsure, wrong


@pytest.mark.parametrize("make", MAKES)
def test_each_make_is_learned_from_its_lines_and_the_sites_extensions(make: str) -> None:
    right, unsure, wrong = compared(make)
    assert wrong == []
    doubtful = {
        "mitel-sx200": ["line 3: number is 2777, learned *94300#2777"],
        "shenou": ["line 2: number is 13800138000, learned 66886688"],  # the caller stands elsewhere in such records
        "panasonic-tda": ["line 4: extension is *123, learned None", "line 9: number is 1235, learned None"],
        # Digits in columns: two or three lines tell neither a duration nor a time without a date beside it; and nothing
        # says that the first digit of a number may stand elsewhere. A day of calls tells more: test_learn_columns.
        "definity-lsu": ["line 2: duration is 90.0, learned None", "line 3: extension is 58001, learned 8001",
                         "line 3: duration is 132.0, learned None", "line 4: duration is 5430.0, learned None"],
        "definity-printer": ["line 2: duration is 90.0, learned None", "line 2: date is 2026-01-05, learned None",
                             "line 3: duration is 5430.0, learned None", "line 3: date is 2026-01-05, learned None",
                             "line 4: duration is 12.0, learned None", "line 4: date is 2026-01-05, learned None"],
        "definity-teleseer": ["line 2: duration is 90.0, learned None", "line 2: date is 2026-01-05, learned None",
                              "line 3: duration is 5430.0, learned None", "line 3: date is 2026-01-05, learned None"],
    }  # fmt: skip
    assert unsure == doubtful.get(make, [])
    assert right >= 4


@pytest.mark.parametrize("make", MAKES)
def test_without_extensions_each_wrong_guess_is_said_to_be_unsure(make: str) -> None:
    assert compared(make, known=False)[2] == []


@pytest.mark.parametrize("make", MAKES)
def test_what_is_proposed_is_a_dialect_that_proves_itself(make: str) -> None:
    proposal = learned(make)
    assert dialect_from_text(proposal.text) == proposal.dialect
    assert all(form.examples for form in proposal.dialect.smdr.records)
    lines = [line for form in proposal.dialect.smdr.records for line in form.examples]
    assert lines
    for unread in proposal.unread:
        assert f"# {unread.splitlines()[0]}" in proposal.text


def test_a_known_dialect_that_reads_every_line_is_proposed_as_it_is() -> None:
    proposal = learn(printed("mitel-sx200"), NOW, name="ours")
    assert proposal.known[0].name == "mitel-sx200" and proposal.known[0].whole
    assert "base: mitel-sx200" in proposal.text
    assert "#   mitel-sx200 (Mitel SX-200 / SX-2000 / 3300) reads 5 of 5" in proposal.text
    assert (proposal.dialect.name, proposal.unread) == ("ours", [])


@pytest.mark.parametrize("order", ["%Y-%m-%d", "%d.%m.%Y", "%Y%m%d", "%d/%m/%y", "%m%d%y"])
def test_what_was_learned_one_day_reads_the_records_of_all_others(order: str) -> None:
    data = day(False, order)
    first = b"\r\n".join(data.splitlines()[2:32]) + b"\r\n"
    proposal = learn(first, datetime(2026, 1, 3, 12), {"8001", "8002", "8003"}, but=ALL, anew=True)
    assert len(read_by(proposal, data, NOW)) == 60


def spoilt(data: bytes) -> bytes:
    """Three lines with a wrong letter somewhere in their figures."""
    rows = data.split(b"\r\n")
    for at, place in ((20, 4), (40, 29), (60, 40)):
        rows[at] = rows[at][:place] + b"p" + rows[at][place + 1 :]
    return b"\r\n".join(rows)


def test_a_known_dialect_is_proposed_in_spite_of_damage() -> None:
    rows = [line for line in printed("definity-printer").splitlines() if line.strip()]
    data = b"\r\n".join(rows * 5 + [b"o?900 0p01 9", b""])
    proposal = learn(data, NOW)
    assert "base: definity-printer" in proposal.text and proposal.unread == ["o?900 0p01 9"]
    assert "# Not read (1), the first of them:\n# o?900 0p01 9" in proposal.text


def test_two_dialects_that_read_as_much_are_both_named() -> None:
    line = b"01/05/26 09:00AM  2002 02 <I>15071814663            0'02 00:00'11            TR\r\n"
    proposal = learn(line * 3, NOW)
    assert "# unsure: panasonic-tda reads as much: which PBX is it?" in proposal.text
    assert "base: panasonic-kxtd" in proposal.text


def test_no_form_is_made_of_a_damaged_line() -> None:
    data = spoilt(day(False))
    proposal = learn(data, NOW, {"8001", "8002", "8003"}, but=ALL, anew=True)
    assert len(proposal.dialect.smdr.records) == 1 and len(proposal.unread) == 3
    assert all(len(record.number or "") == 11 for record in read_by(proposal, data, NOW))
    few = b"\r\n".join(data.split(b"\r\n")[18:23])  # of so few lines nothing can be said
    assert len(learn(few, NOW, {"8001", "8002", "8003"}, but=ALL, anew=True).dialect.smdr.records) == 2


def day(start_is_printed: bool, order: str = "%d/%m/%y") -> bytes:
    """60 calls of three extensions, printed as they end."""
    rng = random.Random(5)
    calls = []
    for number in range(60):
        began = datetime(2026, 1, 3 + number // 30, 9, 0).timestamp() + (number % 30) * 300
        length = rng.randrange(20, 1500)
        calls.append((began + length, began, length, rng.choice(["8001", "8002", "8003"])))
    rows = ["  Date     Time   Ext  Trk Number       Duration", "-" * 50]
    for ended, began, length, extension in sorted(calls):
        at = datetime.fromtimestamp(began if start_is_printed else ended)
        duration = f"{length // 3600:02}:{length // 60 % 60:02}:{length % 60:02}"
        trunk, dialled = f"0{rng.randrange(1, 9)}", f"1380013{rng.randrange(8000, 9000)}"
        rows.append(f"{at:{order}} {at:%H:%M:%S} {extension} {trunk} {dialled} {duration}")
    return "\r\n".join([*rows, ""]).encode()


@pytest.mark.parametrize("start_is_printed", [True, False])
def test_a_day_of_calls_tells_whether_the_time_is_the_start_and_how_the_date_is_written(start_is_printed: bool) -> None:
    data = day(start_is_printed)
    proposal = learn(data, NOW, but={"generic"})
    (form,) = proposal.dialect.smdr.records
    assert (form.stamp, form.date_order) == ("start" if start_is_printed else "end", "dmy")
    assert "stamp" not in dict(proposal.unsure[form.name])
    records = read_by(proposal, data, NOW)
    assert (len(records), proposal.unread) == (60, [])
    assert {record.extension for record in records} == {"8001", "8002", "8003"}
    assert all(record.number and record.number.startswith("1380013") for record in records)
    assert proposal.dialect.smdr.skip  # header and ruler


@pytest.mark.parametrize("start_is_printed", [True, False])
def test_the_times_of_a_capture_tell_it_from_a_few_calls(start_is_printed: bool, tmp_path: Path) -> None:
    capture = tmp_path / "smdr.raw"
    saved = Saved(capture, datetime(2026, 1, 5, 9), "/dev/ttyS1")
    for began, length in ((100, 30), (700, 400), (1500, 90), (4000, 1200)):
        printed_s = began if start_is_printed else began + length
        at = datetime(2026, 1, 5, 8, 53) + timedelta(seconds=printed_s)  # the PBX's clock is 7 minutes slow
        line = f"{at:%d/%m/%y %H:%M} 8001 01 13800138000 00:{length // 60:02}:{length % 60:02}\r\n"
        saved.add(line.encode(), began + length + 2)
    saved.close()
    began_at, times = saved_times(capture)
    assert began_at == datetime(2026, 1, 5, 9)
    proposal = learn(capture.read_bytes(), began_at, {"8001"}, but=ALL, times=times)
    (form,) = proposal.dialect.smdr.records
    assert (form.stamp, form.date_order) == ("start" if start_is_printed else "end", "dmy")
    assert "stamp" not in dict(proposal.unsure[form.name])


@pytest.mark.parametrize("start_is_printed", [True, False])
def test_short_calls_tell_it_too_where_the_seconds_are_printed(start_is_printed: bool, tmp_path: Path) -> None:
    capture = tmp_path / "smdr.raw"
    saved = Saved(capture, datetime(2026, 1, 5, 9), "/dev/ttyS1")
    for began, length in ((100, 3), (120, 28), (163, 12), (170, 25), (201, 0), (230, 17)):
        at = datetime(2026, 1, 5, 8, 53) + timedelta(seconds=began if start_is_printed else began + length)
        line = f"{at:%Y-%m-%d %H:%M:%S} 8001 01 13800138000 00:00:{length:02}\r\n"
        saved.add(line.encode(), began + length + 0.3)
    saved.add(b"2026-01-05 08:5", 300.0)  # Ctrl-C came in the middle of a line
    saved.close()
    began_at, times = saved_times(capture)
    assert began_at is not None
    proposal = learn(capture.read_bytes(), began_at, {"8001"}, but=ALL, times=times)
    (form,) = proposal.dialect.smdr.records
    assert form.stamp == ("start" if start_is_printed else "end")
    assert "stamp" not in dict(proposal.unsure[form.name])
    assert proposal.unread == []


def test_a_date_without_a_year_may_be_either_and_that_is_said() -> None:
    data = b"".join(b"03/0%d 10:00:00 8001 01 13800138000 00:01:00\r\n" % number for number in range(1, 8))
    proposal = learn(data, NOW, {"8001"}, anew=True)
    assert ("date", "the order may be md or dm") in proposal.unsure["form-1"]
    data += b"03/28 10:00:00 8001 01 13800138000 00:01:00\r\n"
    assert "date" not in dict(learn(data, NOW, {"8001"}, anew=True).unsure["form-1"])


def test_parity_and_frames_are_found() -> None:
    plain = day(False)
    parity = bytes(byte | (0x80 if byte.bit_count() % 2 else 0) for byte in plain)
    proposal = learn(parity, NOW, but={"generic"})
    assert proposal.dialect.serial.smdr.bits == 7
    assert len(read_by(proposal, parity, NOW)) == 60
    framed = b"".join(b"\x02" + line + b"\x03" for line in plain.splitlines()[2:])
    proposal = learn(framed, NOW)
    assert proposal.dialect.smdr.terminators == ("stx_etx",)
    assert len(read_by(proposal, framed, NOW)) == 60


def test_chinese_names_are_kept() -> None:
    data = "2026-01-05 09:30:00 8001 王芳 02 13800138000 00:01:05\r\n"
    data += "2026-01-05 09:31:00 8002 张伟 02 13800138001 00:00:07\r\n"
    proposal = learn(data.encode("gbk"), NOW, {"8001", "8002"})
    assert proposal.dialect.smdr.encoding == "gbk"
    records = read_by(proposal, data.encode("gbk"), NOW)
    assert [(record.extension, record.fields["name"]) for record in records] == [("8001", "王芳"), ("8002", "张伟")]


soup = st.lists(
    st.sampled_from(
        ["01/02/26", "31.12.25", "10:03AM", "10:03", "25:61:99", "00:01'05", "8001", "T010", "<I>", "1380013800",
         "NAME", "\x01", "\x02", "\x03", ":", "'", '"', "#", "{x}", "-", "\\", "(", "[", "  ", " ", "\r\n", "\n\n", "é",
         "中"]
    ),
    max_size=120,
)  # fmt: skip


@given(soup, st.booleans())
@settings(max_examples=60, deadline=None)
def test_whatever_was_printed_a_right_dialect_comes_out(parts: list[str], known: bool) -> None:
    data = "".join(parts).encode("gbk", "replace")
    proposal = learn(data, NOW, {"8001"} if known else (), but=ALL, anew=True)
    assert dialect_from_text(proposal.text) == proposal.dialect


@given(st.binary(max_size=1500))
@settings(max_examples=40, deadline=None)
def test_random_bytes(data: bytes) -> None:
    proposal = learn(data, NOW, but=ALL, anew=True)
    assert dialect_from_text(proposal.text) == proposal.dialect


def test_hostile_lines_do_not_take_long() -> None:
    lines = [
        "01/02/26 10:03 " + "word  " * 80,
        "01/02/26 10:03 " + "a b " * 120 + "1",
        "01/02/26 10:03 " + "1 " * 240,
        "01/02/26 10:03 " + "A-1 " * 110 + "!",
    ]
    data = "\r\n".join(lines * 20).encode()
    began = time.process_time()
    learn(data, NOW, but=ALL, anew=True)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("22.02.1923:11:43  3    4800:4100:10:030248873711", "date hms digits digits hm hms digits"),
        ("T20050920083428 000324 8012", "literal stamp digits digits"),
        (
            "01/02/02 01:07PM  1234 01 <D>CDE9876<I>Q COMPANY",
            "date hm digits digits literal name digits literal literal name",
        ),
        ("S 025 00 T010 016 6101", "flag digits digits letter digits digits digits"),
    ],
)
def test_what_is_seen_in_a_line(line: str, wanted: str) -> None:
    found = atoms(line, words_in_common([line]))
    assert " ".join(atom.kind for atom in found if atom.kind != "gap") == wanted
    assert "".join(atom.text for atom in found) == line


@pytest.mark.parametrize(
    ("texts", "orders"),
    [
        (["13/01/26"], ["dmy", "ymd"]),
        (["01/02/26", "01/13/26"], ["mdy"]),
        (["970416"], ["ymd"]),
        (["2026-01-02"], ["ymd"]),
        (["12/31", "**/**"], ["md"]),
        (["40/40"], []),
    ],
)
def test_orders_of_dates(texts: list[str], orders: list[str]) -> None:
    assert orders_of(texts) == orders


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    pbx.add_arguments(parser)
    return pbx.run(parser.parse_args(["learn", *arguments]))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture, own = tmp_path / "smdr.raw", tmp_path / "ours.yaml"
    capture.write_bytes(day(True) + b"what is this?\r\n")
    arguments = ["--name", "ours", "--extensions", "8001,8002,8003", "--date", "2026-01-05", "--new", str(capture)]
    assert command(*arguments) == 1  # one line is not read
    out = capsys.readouterr().out
    assert "# what is this?" in out
    own.write_text(out, "utf-8")
    decode = argparse.ArgumentParser()
    pbx.add_arguments(decode)
    capture.write_bytes(day(True))
    assert pbx.run(decode.parse_args(["decode", "--dialect", str(own), str(capture)])) == 0
    assert len(capsys.readouterr().out.splitlines()) == 60
    capture.write_bytes(b" \r\n")
    with pytest.raises(TipringError, match="nothing was printed"):
        command(str(capture))
    with pytest.raises(TipringError, match="YYYY-MM-DD"):
        command("--date", "soon", str(capture))


def test_the_sites_extensions_are_the_surest_sign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = tmp_path / "smdr.raw"
    capture.write_bytes(printed("aastra").replace(b"21168", b"08001"))
    site = Path(__file__).parents[3] / "conf" / "site.yaml"
    text = site.read_text("utf-8").replace('extension: "8001"', 'extension: "08001"')
    (tmp_path / "site.yaml").write_text(text, "utf-8")
    assert command("-c", str(tmp_path / "site.yaml"), "--new", str(capture)) == 0
    assert r"^ *\d{4,6} +(?P<extension>\d{4,6}) +" in capsys.readouterr().out


def test_a_days_lines_are_tried_once_by_each_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for a record at the end of each of the lines of another make took most of a minute for 2,500 of them."""
    tries = 0

    def counted(*arguments: Any) -> Any:
        nonlocal tries
        tries += 1
        return fields_of(*arguments)

    monkeypatch.setattr("cti.pbx.smdr.fields_of", counted)
    data = b"".join(b"%05d 8001 %02d 13800138000 %02d:10 0:00:12\r\n" % (n, n % 30, n % 24) for n in range(100))
    fits(data, NOW)
    forms = sum(len(load_dialect(name).smdr.records) for name in dialect_names())
    assert tries <= 101 * forms
