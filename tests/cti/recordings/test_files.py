"""Files of recordings: names, repair after a crash, removal by age."""

from __future__ import annotations

from array import array
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cti.recordings import files
from drivers import wav

AT = datetime(2026, 1, 5, 9, 30, 15, tzinfo=UTC)


def open_file(folder: Path, call: str, frames: int) -> Path:
    """As the engine leaves it when the power goes: samples are there, the header tells of fewer."""
    path = folder / "open" / files.open_name(AT, call, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = array("h", range(frames))
    wav.write(path, [sound, sound])
    data = bytearray(path.read_bytes())
    data[4:8] = (36).to_bytes(4, "little")
    data[40:44] = bytes(4)
    path.write_bytes(bytes(data) + b"\x01\x02\x03")  # and a frame that was not whole
    return path


def test_names() -> None:
    assert files.open_name(AT, "12-000034", 1) == "2026-01-05_093015-12-000034.wav"
    assert files.kept_name(files.open_name(AT, "12-v7", 2)) == "2026-01-05/093015-12-v7.2.wav"


def test_what_was_open_at_a_crash_is_mended(tmp_path: Path) -> None:
    open_file(tmp_path, "12-000034", 8000)
    open_file(tmp_path, "12-v3", 80)
    empty = tmp_path / "open" / files.open_name(AT, "12-000035", 2)
    empty.write_bytes(b"RIFF")
    (tmp_path / "open" / "notes.txt").write_text("not ours")
    found = list(files.repair(tmp_path))
    assert found == [
        files.Repaired("2026-01-05/093015-12-000034.wav", "12-000034", 1.0),
        files.Repaired("2026-01-05/093015-12-000035.2.wav", "12-000035", 0.0),
        files.Repaired("2026-01-05/093015-12-v3.wav", None, 0.01),
    ]
    mended = wav.read(tmp_path / found[0].name)
    assert [list(side) for side in mended.channels] == [list(range(8000))] * 2
    size = (tmp_path / found[0].name).stat().st_size
    assert (tmp_path / found[0].name).read_bytes()[40:44] == (size - 44).to_bytes(4, "little")
    assert sorted(path.name for path in (tmp_path / "open").iterdir()) == ["notes.txt"]
    assert list(files.repair(tmp_path)) == []
    assert list(files.repair(tmp_path / "nowhere")) == []


def test_old_days_are_removed_a_few_files_at_a_time(tmp_path: Path) -> None:
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        (tmp_path / day).mkdir()
        for n in range(3):
            (tmp_path / day / f"{n}.wav").write_bytes(b"")
    (tmp_path / "open").mkdir()
    (tmp_path / "access.jsonl").write_text("")
    gone, done = files.remove_before(tmp_path, date(2026, 1, 3), 4)
    assert (len(gone), done) == (4, False) and {f"2026-01-01/{n}.wav" for n in range(3)} < set(gone)
    assert len(list((tmp_path / "2026-01-02").iterdir())) == 2
    more, done = files.remove_before(tmp_path, date(2026, 1, 3), 4)
    assert (len(more), done) == (2, True) and not set(more) & set(gone)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2026-01-03", "access.jsonl", "open"]
    assert files.remove_before(tmp_path / "nowhere", date(2026, 1, 3), 4) == ([], True)


def test_room_on_the_disk(tmp_path: Path) -> None:
    room = files.room_of(tmp_path)
    assert 0 < room.free < room.size
    with pytest.raises(FileNotFoundError):
        files.room_of(tmp_path / "nowhere")
