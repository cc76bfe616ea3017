"""A caller's message reaches the agent's PC over the desk link: whole, by right, noted, one piece at a time."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cti.commands import agent as terminal
from cti.desk import wire
from cti.errors import OutsideError
from cti.outside import SteppedOutside
from cti.recordings.rights import ACCESS
from cti.recordings.sounds import PIECE, MessageSounds
from tests.cti.desk.desk_links import Desk, Office

SOUND = hashlib.shake_256(b"a message").digest(3 * PIECE + 1000)


class Left:
    """Which group each call left a message for."""

    def messages(self, *, calls: list[str], groups: Collection[str] | None, limit: int) -> list[str]:
        left = {"1-000001": "sales", "1-000002": "help", "1-000003": "sales"}
        return [call for call in calls if call in left and (groups is None or left[call] in groups)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for call in ("1-000001", "1-000002"):
        (tmp_path / f"{call}.wav").write_bytes(SOUND)
    return tmp_path


@pytest.fixture
def office(folder: Path) -> Iterator[Office]:
    made: list[Any] = [None]

    class Late:
        """Made before the clock is."""

        def piece(self, *args: Any) -> Any:
            return made[0].piece(*args)

    office = Office(sounds=Late())
    asked = SteppedOutside(office.clock)
    groups = {"li": ["sales"], "wang": None}
    made[0] = MessageSounds(office.clock, asked, asked, Left(), folder, groups)  # type: ignore[arg-type]
    yield office
    office.close()


def fetch(office: Office, desk: Desk, call: str, begin: int = 0) -> dict[str, Any]:
    wanted = desk.send("message.fetch", call=call, begin=begin)
    office.clock.advance(0.5)
    (answer,) = [message for message in desk.read() if message.get("id") == wanted]
    found = answer.get("result", answer.get("error"))
    assert isinstance(found, dict)
    return found


def noted(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / ACCESS).read_bytes().splitlines() if (folder / ACCESS).exists() else []
    return [(line["who"], line["file"]) for line in map(msgspec.json.decode, lines)]


def test_a_message_comes_whole_and_is_noted_once(office: Office, folder: Path) -> None:
    desk = Desk(office)
    desk.login()
    got, more = b"", True
    while more:
        piece = fetch(office, desk, "1-000001", len(got))
        assert (piece["bytes"], piece["begin"]) == (len(SOUND), len(got))
        got, more = got + base64.b64decode(piece["data"]), piece["more"]
    assert got == SOUND
    assert noted(folder) == [("agent li", "1-000001.wav")]
    assert len(msgspec.json.encode(piece)) < wire.MAX_MESSAGE


def test_who_may_hear_what(office: Office, folder: Path) -> None:
    desk = Desk(office)
    desk.login()
    for call, begin, says in (
        ("1-000002", 0, "left no message that you may hear"),  # another group's
        ("1-000009", 0, "left no message that you may hear"),
        ("../../etc/passwd", 0, "left no message that you may hear"),
        ("1-000001", PIECE, "from its beginning"),
        ("1-000003", 0, "not there any more"),
    ):
        refused = fetch(office, desk, call, begin)
        assert (refused["code"], says in refused["message"]) == (wire.NOT_POSSIBLE, True)
    assert noted(folder) == []
    fetch(office, desk, "1-000001")
    assert fetch(office, desk, "1-000002")["code"] == wire.NOT_POSSIBLE
    assert fetch(office, desk, "1-000001", PIECE)["code"] == wire.NOT_POSSIBLE  # the other one was begun instead
    supervisor = Desk(office)
    supervisor.login("wang")
    assert fetch(office, supervisor, "1-000002")["more"]  # recordings: all
    assert noted(folder) == [("agent li", "1-000001.wav"), ("agent wang", "1-000002.wav")]


def test_nothing_is_heard_that_cannot_be_noted(office: Office, folder: Path) -> None:
    (folder / ACCESS).mkdir()
    desk = Desk(office)
    desk.login()
    assert "not noted there" in fetch(office, desk, "1-000001")["message"]
    assert "from its beginning" in fetch(office, desk, "1-000001", PIECE)["message"]


def test_a_disk_that_does_not_answer_is_busy(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(path: Path, begin: int) -> tuple[bytes, int]:
        raise OutsideError("no answer within 5 s")

    monkeypatch.setattr("cti.recordings.sounds._read", hangs)
    desk = Desk(office)
    desk.login()
    assert fetch(office, desk, "1-000001")["code"] == wire.BUSY


def test_a_site_without_messages() -> None:
    office = Office()
    desk = Desk(office)
    desk.login()
    assert desk.ask("message.fetch", call="1-000001")["code"] == wire.UNSUPPORTED
    office.close()


def test_the_terminal_writes_a_message_into_a_file(office: Office, tmp_path: Path) -> None:
    """What is typed and answered, over a desk's link."""
    said: list[str] = []
    desk = Desk(office)
    desk.login()
    line = terminal.Desk("li", "secret", None, False, lambda *lines: said.extend(lines))
    file = tmp_path / "heard.wav"
    request = line.typed(f"听留言 1-000001 {file}")
    assert line.typed("hear 1-000002") == b"" and "one after the other" in said[-1]
    while request:
        desk.link.dataReceived(request)
        office.clock.advance(0.5)
        answers = [message for message in desk.read() if "id" in message]
        request = b"".join(line.heard(msgspec.json.encode(answer)) for answer in answers)
    assert file.read_bytes() == SOUND and said[-1].endswith(str(file))
    assert "File exists" in terminal.sound_out(b"", str(file))  # nothing is written over
    desk.link.dataReceived(line.typed("hear 1-000009"))
    office.clock.advance(0.5)
    for answer in desk.read():
        line.heard(msgspec.json.encode(answer))
    assert "you may hear" in said[-1] and line.typed("hear 1-000001")


def test_the_terminal_plays_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no aplay" in terminal.sound_out(b"RIFF", None)
    player = tmp_path / "aplay"
    player.write_text("#!/bin/sh\nexit 0\n")
    player.chmod(0o755)
    assert "playing" in terminal.sound_out(b"RIFF", None)
