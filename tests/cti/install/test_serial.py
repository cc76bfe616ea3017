"""Watching a serial line: speed and parity found from what a UART reads, rows for people, a file for learning."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.install.serial_guess import SPEEDS, Trial, parity_of, score, unmark
from cti.install.serial_watch import Saved, Watch, rows

NOW = datetime(2026, 1, 5, tzinfo=UTC)

RECORD = b"01/02/02 10:03AM  1200 01 <I>12345678901234567890   5'15 00:00'00\r\n"
SMDI = b"\r\nMD0010007D 3500 \r\n\x19"


def even(data: bytes) -> bytes:
    return bytes(byte | (0x80 if byte.bit_count() % 2 else 0) for byte in data)


def odd(data: bytes) -> bytes:
    return bytes(byte | (0 if byte.bit_count() % 2 else 0x80) for byte in data)


def uart(data: bytes, sent_bd: int, read_bd: int, *, parity: str = "none") -> tuple[bytes, int]:
    """What a UART set to 8N1 at another speed reads: the line sampled at the middles of its own bits."""
    line: list[int] = [1] * 4
    for byte in data:
        bits = [0, *(byte >> i & 1 for i in range(8 if parity == "none" else 7))]
        if parity != "none":
            bits.append((sum(bits) + (parity == "odd")) % 2)
        line += [*bits, 1]
    line += [1] * 12
    at, read, errors, step = 0.0, bytearray(), 0, sent_bd / read_bd
    while at < len(line) - 1:
        if line[int(at)]:
            at += step / 4
            continue
        samples = [line[min(len(line) - 1, int(at + step * (bit + 0.5)))] for bit in range(10)]
        read.append(sum(bit << i for i, bit in enumerate(samples[1:9])))
        errors += not samples[9]
        at += step * 9.6
    return bytes(read), errors


def test_the_uart_of_this_test_reads_its_own_speed() -> None:
    assert uart(RECORD, 9600, 9600) == (RECORD, 0)
    assert uart(RECORD, 1200, 1200, parity="even") == (even(RECORD), 0)


@pytest.mark.parametrize("parity", ["none", "even", "odd"])
@pytest.mark.parametrize("baud", SPEEDS)
def test_speed_and_parity_are_found(baud: int, parity: str) -> None:
    trial = Trial()
    for _ in range(5 * len(SPEEDS)):
        trial.burst(*uart(RECORD, baud, trial.baud, parity=parity))
    guess = trial.guess()
    assert (guess.baud, guess.parity, guess.bits) == (baud, parity, 8 if parity == "none" else 7)
    assert guess.sure > 0.9


def test_short_messages_decide_together() -> None:
    trial = Trial()
    for _ in range(12):
        trial.burst(*uart(SMDI, 1200, trial.baud, parity="even"))
    assert str(trial.guess()) == "1200 7E1"


def test_a_fixed_speed_stays_and_a_device_without_speed_is_said_to_be_one() -> None:
    trial = Trial(fixed=2400)
    assert not trial.burst(b"\x00\xf8\x80\x00" * 10, 20)
    assert trial.guess().sure < 0.5 and trial.baud == 2400
    pseudo = Trial(has_speed=False)
    pseudo.burst(RECORD, 0)
    assert pseudo.guess().sure == 0.0 and "no speed" in pseudo.guess().why


def test_chinese_text_is_plausible() -> None:
    assert score("2026-01-05 09:30 8001 来电 王芳\r\n".encode("gbk"), 0) > 0.95


@given(st.binary(max_size=64), st.integers(0, 64))
def test_marks_of_the_kernel_cut_anywhere(data: bytes, cut: int) -> None:
    marked = data.replace(b"\xff", b"\xff\xff")
    first, errors, rest = unmark(marked[:cut])
    second, more, left = unmark(rest + marked[cut:])
    assert (first + second, errors + more, left) == (data, 0, b"")


def test_an_error_is_marked_and_counted() -> None:
    assert unmark(b"A\xff\x00BC\xff\xff\xff\x00") == (b"ABC\xff", 1, b"\xff\x00")
    assert parity_of(even(RECORD)) == ("even", 7) and parity_of(odd(RECORD)) == ("odd", 7)


def test_a_damaged_character_is_no_other_setting(tmp_path: Path) -> None:
    spoilt = bytearray(even(RECORD) * 3)
    spoilt[7] ^= 0x10
    assert parity_of(bytes(spoilt)) == ("even", 7)
    assert parity_of(RECORD[:30] + b"\xb7" + RECORD[30:]) == ("none", 8)
    watch = Watch("", Trial(fixed=9600), lambda text: None, lambda baud: None, Saved(tmp_path / "a", NOW, "/dev/x"))
    for at, piece in enumerate((even(RECORD), bytes(spoilt), bytes([even(b"8")[0] ^ 1]) + even(b"001\r\n"))):
        watch.received(piece.replace(b"\xff", b"\xff\xff"), float(at), "")
        watch.paused()
    watch.close()
    saved = (tmp_path / "a").read_bytes()
    assert all(byte < 0x80 for byte in saved) and saved.endswith(b"9001\r\n")


def test_rows_end_with_lines() -> None:
    assert [row[49:] for row in rows(SMDI)] == ["··", "MD0010007D 3500 ", "··", "·"]


def test_a_watch_shows_saves_and_changes_the_speed(tmp_path: Path) -> None:
    shown: list[str] = []
    speeds: list[int] = []
    saved = Saved(tmp_path / "cap", NOW, "/dev/ttyS1")
    watch = Watch("", Trial(), shown.append, speeds.append, saved)
    wrong = uart(even(SMDI) * 3, 1200, 9600)[0].replace(b"\xff", b"\xff\xff")
    watch.received(wrong, 1.0, "09:00:01.000")
    watch.paused()
    assert speeds == [1200] and any("9600 Bd does not fit" in line for line in shown)
    begin = saved.bytes
    watch.received(even(RECORD)[:20], 5.0, "09:00:05.000")
    watch.received(even(RECORD)[20:], 5.1, "09:00:05.100")
    watch.paused()
    assert "1200 7E1" in watch.close()
    assert (tmp_path / "cap").read_bytes()[begin:] == RECORD
    times = (tmp_path / "cap.times").read_text().splitlines()
    assert times[0] == "# tipring serial watch /dev/ttyS1 2026-01-05T00:00:00+00:00"
    assert f"{begin} 5.000" in times and f"{begin + 20} 5.100" in times
    with pytest.raises(FileExistsError):
        Saved(tmp_path / "cap", NOW, "")


@pytest.mark.paced
def test_the_command_on_a_real_pty(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    main = "import sys; from cti.commands import main; sys.exit(main())"
    save = str(tmp_path / "cap")
    command = [sys.executable, "-c", main, "serial", "watch", path, "--save", save, "--seconds", "30"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None and process.stdout is not None
        assert "watching" in process.stderr.readline()
        os.write(master, RECORD)
        lines = [process.stdout.readline() for _ in range(5)]
        process.terminate()
        rest, errors = process.communicate(timeout=60)
    os.close(master)
    os.close(slave)
    assert process.returncode == 0, errors
    assert "30 31 2f 30 32" in lines[0] and "01/02/02 10:03AM" in lines[0]
    assert "no speed" in rest
    assert (tmp_path / "cap").read_bytes() == RECORD


def test_wrong_usage_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from cti.commands import main

    (tmp_path / "file").write_text("no device")
    for arguments, said in (
        (["/dev/nothing"], "/dev/nothing: No such file"),
        ([str(tmp_path / "file")], "not a serial device"),
        (["a", "b", "c"], "one or two devices"),
        (["/dev/ttyS0", "--baud", "1000"], "--baud 1000: one of 300, 1200"),
        (["/dev/ttyS0", "--seconds", "0"], "--seconds 0"),
    ):
        assert main(["serial", "watch", *arguments]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1, error
