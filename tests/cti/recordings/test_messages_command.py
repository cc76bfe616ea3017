"""`tipring messages`, run as the command line runs it: who hears which message that a caller left."""

from __future__ import annotations

import os
from array import array
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from cti.commands import messages
from cti.errors import TipringError
from cti.recordings import rights
from cti.records.events import BOOT_SPAN, Entry, Event
from cti.records.store import open_store
from cti.site.config import load_site
from drivers import wav
from tests.cti.recordings.test_command import SITE
from tests.cti.records.conftest import START
from tests.cti.records.test_records_commands import run

LEFT = {"1-000001": "sales", "1-000002": "service", "1-000003": "complaints"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Three messages, one a group, and a call without one."""
    file = tmp_path / "site.yaml"
    file.write_text(SITE, encoding="utf-8")
    found = load_site(file)
    found.messages.mkdir()
    (tmp_path / "password").write_text("secret\n")
    store, serial = open_store(found.database_url), BOOT_SPAN
    for n, (call, group) in enumerate([*LEFT.items(), ("1-000004", "sales")]):
        path = found.messages / f"{call}.wav"
        told: list[tuple[str, dict[str, object]]] = [
            ("ani", {"ani": f"1380013800{n}", "dnis": "66886688"}),
            ("queued", {"group": group, "place": 1}),
        ]
        if call in LEFT:
            wav.write(path, [array("h", [100] * 8000)])
            told.append(("message", {"path": f"/elsewhere/{path.name}", "seconds": 1.0}))
            told.append(("outcome", {"outcome": "message"}))
        told.append(("ended", {}))
        for kind, data in told:
            serial += 1
            at = START + timedelta(minutes=n)
            store.forward([Entry(serial, 1.0, Event(call, kind, at, "vru", None, None, data))])
    store.close()
    return file


def listed(site: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert run(messages, "list", *words, "-c", str(site), "--json") == 0
    return [msgspec.json.decode(line)["call"] for line in capsys.readouterr().out.splitlines()]


def test_list(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(messages, "list", "-c", str(site)) == 0
    out = capsys.readouterr().out
    assert "3 messages" in out and "13800138001" in out and out.index("1-000003") < out.index("1-000001")
    for words, calls in (
        (["--group", "sales"], ["1-000001"]),
        (["--ani", "13800138001"], ["1-000002"]),
        (["--since", (START + timedelta(seconds=90)).isoformat()], ["1-000003"]),
        (["--limit", "1"], ["1-000003"]),
        (["1-000002", "1-000004"], ["1-000002"]),
    ):
        assert listed(site, capsys, *words) == calls


@pytest.mark.parametrize(
    "who, calls",
    [
        ("1002", ["1-000001"]),  # of sales; hears no recordings, but what was left for the group
        ("1003", ["1-000002", "1-000001"]),
        ("1004", ["1-000003", "1-000002", "1-000001"]),  # recordings: all
    ],
)
def test_an_agent_hears_what_was_left_for_the_groups(
    site: Path, who: str, calls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(site, capsys, "--as", who, "--password-file", str(site.parent / "password")) == calls


def test_the_desk_is_told_of_the_same(site: Path) -> None:
    store = open_store(load_site(site).database_url)
    assert [row.id for row in store.messages(groups=["sales", "service"])] == ["1-000002", "1-000001"]
    assert store.messages(groups=[]) == []
    store.close()


@pytest.mark.parametrize(
    "words, says",
    [
        (["list", "--as", "1002", "--group", "service"], "not in group service"),
        (["list", "--group", "nobody"], "there are sales, service, complaints"),
        (["play", "1-000002", "--as", "1002"], "none that you may hear"),
        (["play"], "hears one"),
        (["export"], "needs --to"),
        (["play", "1-000004"], "call 1-000004 left no message; "),
        (["hold", "1-000004", "--why", "court"], "call 1-000004 left no message; "),
        (
            ["export", "--to", "out", "--group", "sales", "--ani", "999"],
            "no message for sales within --ani",
        ),
        (["list", "--as", "9999"], "password is wrong"),
    ],
)
def test_what_cannot_be_done(site: Path, words: list[str], says: str) -> None:
    with pytest.raises(TipringError, match=says):
        run(messages, *words, "-c", str(site), "--password-file", str(site.parent / "password"))
    assert not (site.parent / "messages" / rights.ACCESS).exists()


def test_a_message_is_played_and_noted(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    player = tmp_path / "bin" / "aplay"
    player.parent.mkdir()
    player.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/played\n')
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{player.parent}:{os.environ['PATH']}")
    as_agent = ["--as", "1002", "--password-file", str(tmp_path / "password")]
    assert run(messages, "play", "1-000001", "-c", str(site), *as_agent) == 0
    assert (tmp_path / "played").read_text().endswith("messages/1-000001.wav\n")
    noted = msgspec.json.decode((tmp_path / "messages" / rights.ACCESS).read_bytes())
    assert (noted["who"], noted["did"], noted["file"]) == ("agent 1002", "play", "1-000001.wav")


def test_export(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(messages, "export", "-c", str(site), "--to", str(out)) == 0
    assert "3 exported" in capsys.readouterr().out
    index = [msgspec.json.decode(line) for line in (out / "index.jsonl").read_bytes().splitlines()]
    assert [(line["call"], line["group"]) for line in index] == list(LEFT.items())[::-1]
    assert all((out / line["copy"]).read_bytes()[:4] == b"RIFF" for line in index)
    (tmp_path / "messages" / "1-000001.wav").unlink()
    with pytest.raises(TipringError, match="is not there"):
        run(messages, "export", "-c", str(site), "--to", str(out))


def test_what_goes_and_what_is_held(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Removed after a day: the oldest is overdue, one is held, the newest stays."""
    site.write_text(site.read_text() + "limits: {messages_keep_days: 1}\n", encoding="utf-8")
    old = load_site(site).messages
    for call in ("1-000001", "1-000002"):
        os.utime(old / f"{call}.wav", (0, 0))
    assert listed(site, capsys, "--going") == ["1-000002", "1-000001"]
    assert run(messages, "hold", "1-000001", "-c", str(site), "--why", "complaint 17") == 0
    assert "1 under hold" in capsys.readouterr().out
    assert listed(site, capsys, "--going") == ["1-000002"]
    assert run(messages, "list", "-c", str(site)) == 0
    out = capsys.readouterr().out
    assert "held 保全: complaint 17" in out and "1970-01-03" in out
    noted = msgspec.json.decode((old / rights.ACCESS).read_bytes())
    assert (noted["did"], noted["file"]) == ("hold", "1-000001.wav")
    assert run(messages, "release", "1-000001", "-c", str(site)) == 0
    capsys.readouterr()
    assert listed(site, capsys, "--going") == ["1-000002", "1-000001"]
    (old / "1-000002.wav").unlink()
    assert listed(site, capsys, "--going") == ["1-000001"]
    assert run(messages, "list", "-c", str(site), "--json") == 0
    lines = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["call"]: line["removed"] for line in lines}["1-000002"] is True


@pytest.mark.parametrize(
    "words, says",
    [
        (["hold", "--why", "x"], "needs to know which"),
        (["hold", "1-000001"], "needs a reason"),
        (["release", "1-000001", "--as", "1004"], "only the server's user may release"),
    ],
)
def test_who_may_hold(site: Path, words: list[str], says: str) -> None:
    with pytest.raises(TipringError, match=says):
        run(messages, *words, "-c", str(site), "--password-file", str(site.parent / "password"))
