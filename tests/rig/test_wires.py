"""What `--wires` writes is enough for anyone to check the transfers, without Tipring: a loop opening of the dialect's
length, dial tone heard, and only then the agent's extension dialled."""

from __future__ import annotations

import functools
import re
import tempfile
from pathlib import Path

import pytest

from simulators.rig.stepped import Run, run
from simulators.scenario.scenario import mixed
from tests.rig.wire_files import Opening, PortFiles, keys_by_stranger, serial, used_ports

FLASH_MS, DIAL_TONE_MS = 600, 850


@functools.cache
def _written() -> tuple[Run, tempfile.TemporaryDirectory[str]]:
    """Seven callers: answered, no answer or busy and then the next, SMDI late and lost, a spoilt record."""
    folder = tempfile.TemporaryDirectory(prefix="tipring-wires-")
    return run(mixed(7, 7, vru_ports=8), wires=Path(folder.name)), folder


@pytest.fixture
def written() -> tuple[Run, Path]:
    result, folder = _written()
    return result, Path(folder.name)


def flashes(port: PortFiles) -> list[Opening]:
    return [opening for opening in port.openings if opening.ms < 1500]


def transfers(port: PortFiles) -> list[tuple[Opening, float, str]]:
    """Each opening after which something was dialled: it, ms of the first digit, the digits."""
    found = []
    for opening in flashes(port):
        keys = port.keys_sent(*port.after(opening))
        if keys:
            found.append((opening, keys[0][0], "".join(key for _, key in keys)))
    return found


def test_every_opening_is_a_flash_of_the_dialects_length(written: tuple[Run, Path]) -> None:
    _, folder = written
    count = 0
    for port in used_ports(folder):
        for opening in flashes(port):
            assert opening.ms == pytest.approx(FLASH_MS, abs=1)
            count += 1
    assert count >= 9  # one a transfer, one more to take a caller back


def test_dial_tone_was_heard_before_anything_was_dialled(written: tuple[Run, Path]) -> None:
    _, folder = written
    checked = 0
    for port in used_ports(folder):
        for opening, first_digit, _ in transfers(port):
            assert opening.end is not None
            assert port.longest_tone(opening.end, first_digit) >= DIAL_TONE_MS
            assert first_digit - opening.end >= DIAL_TONE_MS
            checked += 1
    assert checked >= 7


def test_what_was_dialled_are_the_agents_extensions(written: tuple[Run, Path]) -> None:
    result, folder = written
    world = [
        (int(str(one.data["extension"])) - 2001, str(one.data["digits"]))
        for one in result.world.truth.log
        if one.what == "dials"
    ]
    dialled = []
    for port in used_ports(folder):
        number = int(port.path.stem.removeprefix("vru-")) - 2001
        dialled += [(number, digits) for _, _, digits in transfers(port)]
    assert sorted(dialled) == sorted(world)
    for call in result.calls:
        if call["outcome"] == "answered":
            assert (call["port"], call["agent_extension"]) in dialled


def test_a_stranger_hears_those_digits_and_no_others(written: tuple[Run, Path]) -> None:
    _, folder = written
    for port in used_ports(folder):
        assert keys_by_stranger(port.path) == "".join(digits for _, _, digits in transfers(port))


def test_the_server_says_the_same_times(written: tuple[Run, Path]) -> None:
    """Step 7 is the opening of the loop, to the tick; step 8 comes before the first digit."""
    result, folder = written
    ports = {port.path.stem: port for port in used_ports(folder)}
    for call in result.calls:
        if call["outcome"] != "answered" or call["offers"] != 1:
            continue
        port = ports[f"vru-{call['extension']}"]
        near = [entry for entry in transfers(port) if abs(entry[0].begin / 1000 - call["steps"]["7"]) < 0.1]
        assert len(near) == 1
        assert call["steps"]["8"] * 1000 <= near[0][1] + 20


def test_serial_lines_are_written_at_their_baud(written: tuple[Run, Path]) -> None:
    result, folder = written
    for name in ("smdi", "smdr"):
        bursts = [burst for burst in serial(folder, name) if burst["from"] == "pbx"]
        assert bursts
        free_at = 0.0
        for burst in bursts:
            data = bytes.fromhex(burst["hex"])
            assert bytes(byte & 0x7F for byte in data).decode("ascii") == burst["text"]
            assert burst["ms"] >= free_at - 0.001, "bytes do not overlap on a wire"
            free_at = burst["ms"] + len(data) * 10 * 1000 / 9600  # both lines: ten bits a character
    smdi = [bytes.fromhex(burst["hex"]) for burst in serial(folder, "smdi")]
    assert all(byte.bit_count() % 2 == 0 for data in smdi for byte in data), "even parity"
    text = "".join(burst["text"] for burst in serial(folder, "smdi"))
    told = re.findall(r"\r\nMD001(\d{4})A66886688 (\d+) \r\n\x19", text)
    known = {(f"{call['port'] + 1:04d}", call["ani"]) for call in result.calls}
    assert len(told) >= 5 and set(told) <= known


def test_the_records_of_answered_calls_stand_in_the_file(written: tuple[Run, Path]) -> None:
    result, folder = written
    text = "".join(burst["text"] for burst in serial(folder, "smdr"))
    for call in result.calls:
        if call["smdr"] is not None:
            assert call["smdr"] in text
