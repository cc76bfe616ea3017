"""A PBX that speaks another make's language since last night: an alarm that names the dialect that would read it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from twisted.internet.defer import Deferred, fail

from cti.errors import OutsideError
from cti.outside import SteppedOutside
from cti.pbx.fitting import fits
from cti.pbx.smdr import SmdrUnknown
from cti.pbx.unread import KEPT, ROW, UnreadLines
from drivers.clock import SteppedClock
from tests.cti.centre_bench import CentreBench

GOLDEN = Path(__file__).parents[2] / "golden" / "pbx"
NOW = datetime(2026, 1, 5)


def printed(name: str) -> list[str]:
    return [line for line in (GOLDEN / f"{name}.txt").read_text("utf-8").splitlines() if line]


class Lines:
    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.told: list[tuple[bool, str]] = []
        self.lines = UnreadLines(
            "panasonic-tda",
            SteppedOutside(self.clock),
            lambda: NOW,
            lambda raised, text: self.told.append((raised, text)),
        )


def test_the_dialect_that_would_read_the_lines_is_named() -> None:
    one = Lines()
    for line in printed("meridian1")[: ROW - 1]:
        one.lines.unread(line)
    assert one.told == []
    one.lines.unread(printed("meridian1")[ROW - 1])
    assert one.told[0][1].startswith("5 lines in a row fit no form of the dialect panasonic-tda")
    one.clock.advance(60)
    raised, text = one.told[-1]
    assert raised
    assert "meridian1 (Nortel Meridian 1 / CS1000) reads 5 of 5 of the last lines" in text
    assert "Set pbx.dialect: meridian1" in text
    one.lines.read()
    assert one.told[-1] == (False, "records fit the dialect panasonic-tda again")
    one.lines.unread("noise")
    assert len(one.told) == 3


def test_damage_between_records_is_no_alarm() -> None:
    one = Lines()
    for _ in range(100):
        one.lines.unread("x" * 80)
        one.lines.read()
    one.clock.advance(60)
    assert one.told == []


def test_lines_that_nobody_reads_are_to_be_learned_and_are_tried_again_seldom() -> None:
    one = Lines()
    for count in range(400):
        one.lines.unread(f"what is this {count}")
        one.clock.advance(1)
    assert len(one.lines._lines) == KEPT
    assert [text.split(" ")[0] for _, text in one.told if "tipring pbx learn" in text] != []
    assert len(one.told) == 5  # at 5 lines, at 20, 80 and 320, and the first look itself
    assert one.told[-1][1].endswith("tipring pbx unread --raw >FILE; tipring pbx learn -c SITE FILE")


def test_records_while_the_dialects_are_tried_take_the_alarm_back_for_good() -> None:
    one = Lines()
    for line in printed("samsung")[2:] * 3:
        one.lines.unread(line)
    one.lines.read()
    one.clock.advance(60)
    assert [raised for raised, _ in one.told] == [True, False]


def test_an_outside_that_cannot_be_asked_leaves_the_alarm_and_is_asked_again() -> None:
    class Busy:
        def ask(self, *_: object, **__: object) -> Deferred[object]:
            return fail(OutsideError("200 questions wait already"))

        def close(self) -> None: ...

    told: list[str] = []
    lines = UnreadLines("panasonic-tda", Busy(), lambda: NOW, lambda raised, text: told.append(text))  # type: ignore[arg-type]
    for _ in range(20):
        lines.unread("?")
    assert [text.endswith("could not be tried: 200 questions wait already") for text in told] == [False, True, True]


def test_every_make_is_found_by_its_own_lines() -> None:
    for path in sorted(GOLDEN.glob("*.txt")):
        data = path.read_bytes().replace(b"\n", b"\r\n")
        best = fits(data, NOW)
        assert best, path.stem
        same = [fit.name for fit in best if (fit.unread, fit.read) == (best[0].unread, best[0].read)]
        assert path.stem in same, (path.stem, list(map(str, best[:3])))


def test_the_alarm_of_a_whole_centre(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path)
    for number, line in enumerate(printed("mitel-sx200"), 1):
        bench.pbx.settled.take(SmdrUnknown(line, number, "fits no form of the dialect"))
    bench.clock.advance(60)
    assert "Set pbx.dialect: mitel-sx200" in bench.centre.alarms["smdr_unread"]
    bench.record()
    assert "smdr_unread" not in bench.centre.alarms


def test_bytes_without_an_end_are_told_at_once() -> None:
    """NEC's frames at a dialect of lines: nothing ever ends one."""
    one = Lines()
    frames = (GOLDEN / "nec-neax-bcc.txt").read_text("latin-1")
    one.lines.unread((frames * 9)[:512], endless=True)
    one.clock.advance(60)
    assert one.told[0][1].startswith("bytes without an end fit no form of the dialect panasonic-tda")
    assert one.told[-1][0] is True


def test_bytes_of_another_speed_are_not_looked_for_among_the_dialects() -> None:
    one = Lines()
    one.lines.unread("\x00\x80\x00\xf8" * 128, endless=True)
    one.clock.advance(60)
    assert "are speed and parity right?" in one.told[-1][1]


def test_what_was_cut_out_of_such_a_line_is_no_record_of_ours(tmp_path: Path) -> None:
    """Columns find digits anywhere: only one of a telephone that there is says that the dialect reads the line."""
    bench = CentreBench(tmp_path)
    for number in range(ROW):
        bench.pbx.settled.take(SmdrUnknown("0!", number, "is not ended, and stands before a record", True))
        bench.record("90033", mended=True, doubt="the line before it was not ended")
    bench.clock.advance(60)
    assert "smdr_unread" in bench.centre.alarms
    bench.record("8001", mended=True, doubt="the line before it was not ended")
    assert "smdr_unread" not in bench.centre.alarms
