"""`tipring recordings`, run as the command line runs it: who may find, hear and copy what."""

from __future__ import annotations

import os
from array import array
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from cti.commands import recordings
from cti.desk.passwords import hash_password
from cti.errors import ConfigFaults, TipringError
from cti.recordings import rights
from cti.records.events import BOOT_SPAN, Entry, Event
from cti.records.store import open_store
from cti.site.config import load_site
from drivers import wav
from tests.cti.records.conftest import START
from tests.cti.records.test_records_commands import run

HASH = hash_password("secret", b"0123456789abcdef")
SITE = f"""\
site: {{name: Test}}
switch: card
cards:
  - {{name: co, kind: software, ports: 4}}
  - {{name: seats, kind: software, ports: 4, type: fxs}}
trunks: [{{name: office, kind: fxo, card: co, first: 0, count: 4, dnis: "66886688"}}]
seats: [{{card: seats, first: 0, count: 4, extension: "8001"}}]
vru: {{flow: welcome}}
groups:
  - {{name: sales, zh: 销售, en: Sales}}
  - {{name: service, zh: 客服, en: Service}}
  - {{name: complaints, zh: 投诉, en: Complaints}}
agents:
  - {{id: "1001", name: 李明, password: "{HASH}", groups: [sales], recordings: own}}
  - {{id: "1002", name: 王芳, password: "{HASH}", groups: [sales]}}
  - {{id: "1003", name: 张伟, password: "{HASH}", groups: [service, sales], recordings: groups}}
  - {{id: "1004", name: 赵云, password: "{HASH}", groups: [service], recordings: all}}
state_dir: .
"""
SPOKE = {"1-000001": ("1001",), "1-000002": ("1002", "1001"), "1-000003": ("1004",)}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Three recorded calls, one after the other, and one whose file was removed."""
    file = tmp_path / "site.yaml"
    file.write_text(SITE, encoding="utf-8")
    store, serial = open_store(load_site(file).database_url), BOOT_SPAN
    for n, (call, agents) in enumerate(SPOKE.items()):
        name = f"2026-01-05/09000{n}-{call}.wav"
        path = tmp_path / "recordings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        wav.write(path, [array("h", [100 * n] * 8000), array("h", [1] * 8000)])
        at = START + timedelta(minutes=n)
        told: list[tuple[str | None, dict[str, object]]] = [
            (None, {"what": "begun", "file": name, "ani": f"1380013800{n}", "port": 1}),
        ]
        told += [(agent, {"what": "joined", "file": name}) for agent in agents]
        told.append((None, {"what": "ended", "file": name, "seconds": 1.0, "why": "stopped"}))
        for agent, data in told:
            serial += 1
            store.forward([Entry(serial, 1.0, Event(call, "recording", at, "switch", agent, None, data))])
    gone = {"what": "ended", "file": "2025-01-01/090000-1-000000.wav", "seconds": 3.0, "why": "stopped"}
    then = START - timedelta(days=369)
    store.forward([Entry(serial + 1, 1.0, Event("1-000000", "recording", then, "switch", None, None, gone))])
    removed = {"before": "2025-06-01", "files": 1}
    store.forward([Entry(serial + 2, 1.0, Event(None, "recordings_removed", START, "server", None, None, removed))])
    store.close()
    return file


def found(out: str) -> list[str]:
    return [msgspec.json.decode(line)["call"] for line in out.splitlines()]


def test_find(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(recordings, "find", "-c", str(site)) == 0
    out = capsys.readouterr().out
    assert "4 recordings" in out and "removed" in out and out.index("1-000003") < out.index("1-000001")
    for words, calls in (
        (["--agent", "1001"], ["1-000002", "1-000001"]),
        (["--ani", "13800138002"], ["1-000003"]),
        (["--since", (START + timedelta(seconds=90)).isoformat()], ["1-000003"]),
        (["--limit", "1"], ["1-000003"]),
        (["1-000002"], ["1-000002"]),
        (["2026-01-05/090000-1-000001.wav", "1-000003"], ["1-000001", "1-000003"]),
        (["1-999999"], []),
    ):
        assert run(recordings, "find", *words, "-c", str(site), "--json") == 0
        assert found(capsys.readouterr().out) == calls


@pytest.mark.parametrize(
    "who, calls",
    [
        ("1001", ["1-000002", "1-000001"]),
        ("1003", ["1-000003", "1-000002", "1-000001"]),
        ("1004", ["1-000003", "1-000002", "1-000001", "1-000000"]),
    ],
)
def test_agents_find_what_they_may(
    site: Path, who: str, calls: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text("secret\n")
    words = ["-c", str(site), "--as", who, "--password-file", str(tmp_path / "password"), "--json"]
    assert run(recordings, "find", *words) == 0
    assert found(capsys.readouterr().out) == calls


@pytest.mark.parametrize(
    "who, password, more, says",
    [
        ("1002", "secret", [], "may not listen"),
        ("1001", "wrong", [], "password is wrong"),
        ("9999", "secret", [], "password is wrong"),
        ("1001", "secret", ["--agent", "1004"], "may not hear agent 1004"),
    ],
)
def test_others_may_not(site: Path, who: str, password: str, more: list[str], says: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(password)
    with pytest.raises(rights.NotAllowed, match=says):
        run(recordings, "find", "-c", str(site), "--as", who, "--password-file", str(tmp_path / "password"), *more)


def test_one_of_another_is_not_exported(site: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    words = ["1-000003", "-c", str(site), "--as", "1001", "--password-file", str(tmp_path / "password")]
    with pytest.raises(TipringError, match="none that you may hear"):
        run(recordings, "export", *words, "--to", str(tmp_path / "out"))
    assert not (tmp_path / "recordings" / rights.ACCESS).exists()


def test_without_a_password_only_the_server_s_user(tmp_path: Path) -> None:
    assert rights.on_the_server(tmp_path, 0).agents is None
    assert rights.on_the_server(tmp_path, os.stat(tmp_path).st_uid).agents is None
    with pytest.raises(rights.NotAllowed, match="--as AGENT"):
        rights.on_the_server(tmp_path, os.stat(tmp_path).st_uid + 12345)


def test_export(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(recordings, "export", "-c", str(site), "--agent", "1001", "--to", str(out)) == 0
    assert "2 exported" in capsys.readouterr().out
    names = ["2026-01-05_090000-1-000001.wav", "2026-01-05_090001-1-000002.wav"]
    assert sorted(path.name for path in out.iterdir()) == [*names, "index.jsonl"]
    assert len(wav.read(out / names[0]).channels) == 2
    assert run(recordings, "export", "1-000002", "-c", str(site), "--mono", "--to", str(out)) == 0
    (mono,) = wav.read(out / names[1]).channels
    assert list(mono[:2]) == [101, 101] and len(mono) == 8000
    index = [msgspec.json.decode(line) for line in (out / "index.jsonl").read_bytes().splitlines()]
    assert [(line["call"], line["copy"]) for line in index] == [
        ("1-000002", names[1]), ("1-000001", names[0]), ("1-000002", names[1]),
    ]  # fmt: skip
    noted = (tmp_path / "recordings" / rights.ACCESS).read_text().splitlines()
    assert len(noted) == 3 and '"did":"export"' in noted[0] and '"who":"user ' in noted[0]


def test_play(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    player = tmp_path / "bin" / "aplay"
    player.parent.mkdir()
    player.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/played\n')
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{player.parent}:{os.environ['PATH']}")
    assert run(recordings, "play", "1-000001", "-c", str(site)) == 0
    assert (tmp_path / "played").read_text().endswith("recordings/2026-01-05/090000-1-000001.wav\n")
    assert '"did":"play"' in (tmp_path / "recordings" / rights.ACCESS).read_text()
    (tmp_path / "recordings" / rights.ACCESS).unlink()
    (tmp_path / "recordings" / rights.ACCESS).mkdir()  # nothing is heard that is not noted
    with pytest.raises(TipringError, match="not noted"):
        run(recordings, "play", "1-000001", "-c", str(site))
    assert (tmp_path / "played").read_text().count("\n") == 1
    player.write_text("#!/bin/sh\necho ALSA lib conf.c:1 >&2\necho 'aplay: main:831: audio open error' >&2\nexit 1\n")
    (tmp_path / "recordings" / rights.ACCESS).rmdir()
    with pytest.raises(
        TipringError, match=r"could not play .*\(aplay: main:831: audio open error\); without a sound card"
    ):
        run(recordings, "play", "1-000001", "-c", str(site))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TipringError, match="alsa-utils"):
        run(recordings, "play", "1-000001", "-c", str(site))


@pytest.mark.parametrize(
    "words, says",
    [
        (["play"], "hears one"),
        (["play", "1-000001", "1-000002"], "hears one"),
        (["export", "1-000001"], "needs --to"),
        (["play", "1-999999"], "nothing is recorded of 1-999999"),
        (["play", "1-000000"], "removed by its age"),
        (["find", "--limit", "0"], "--limit 0"),
        (["find", "--since", "yesterday"], "yesterday"),
    ],
)
def test_what_cannot_be_done(site: Path, words: list[str], says: str) -> None:
    with pytest.raises(TipringError, match=says):
        run(recordings, *words, "-c", str(site))


def test_a_file_that_is_gone(site: Path, tmp_path: Path) -> None:
    (tmp_path / "recordings" / "2026-01-05" / "090000-1-000001.wav").unlink()
    with pytest.raises(TipringError, match="is not there"):
        run(recordings, "export", "1-000001", "-c", str(site), "--to", str(tmp_path / "out"))


@pytest.mark.parametrize(
    "change, says",
    [
        (("switch: card\n", "switch: card\nrecording: {calls: some}\n"), "recording.calls"),
        (("switch: card\n", "switch: card\nrecording: {keep_days: 0}\n"), "recording.keep_days"),
        (("switch: card\n", "switch: card\nrecording: {calls: none, notice: true}\n"), "not made"),
    ],
)
def test_faults_of_the_section(site: Path, change: tuple[str, str], says: str) -> None:
    site.write_text(SITE.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigFaults, match=says):
        load_site(site)


def test_behind_a_pbx_nothing_is_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.cti.records.test_records_commands import SITE as PBX_SITE

    file = tmp_path / "site.yaml"
    file.write_text(PBX_SITE + "recording: {keep_days: 30}\n", encoding="utf-8")
    with pytest.raises(ConfigFaults, match="no port of ours hears them"):
        load_site(file)
    file.write_text(PBX_SITE, encoding="utf-8")
    open_store(load_site(file).database_url).close()
    assert run(recordings, "find", "-c", str(file)) == 0
    assert "nothing is recorded behind a PBX" in capsys.readouterr().out


def test_a_recording_is_held_and_released(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text(site.read_text() + "recording: {keep_days: 30}\n", encoding="utf-8")
    assert run(recordings, "find", "--going", "--json", "-c", str(site)) == 0
    assert found(capsys.readouterr().out) == ["1-000003", "1-000002", "1-000001"]
    assert run(recordings, "hold", "1-000002", "--why", "court", "-c", str(site)) == 0
    capsys.readouterr()
    assert run(recordings, "find", "--going", "--json", "-c", str(site)) == 0
    assert found(capsys.readouterr().out) == ["1-000003", "1-000001"]
    assert run(recordings, "find", "-c", str(site)) == 0
    out = capsys.readouterr().out
    assert "call 通话编号" in out and "held 保全: court" in out and "2026-02-05" in out and "removed 已删除" in out
    assert run(recordings, "release", "2026-01-05/090001-1-000002.wav", "-c", str(site)) == 0
    assert "1 released" in capsys.readouterr().out


def test_a_second_hold_and_a_release_of_what_is_not_held(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for why in ("court", "complaint"):
        assert run(recordings, "hold", "1-000002", "--why", why, "-c", str(site)) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "1 under hold 保全" and second.startswith("1 under hold 保全; 1 held before")
    assert run(recordings, "release", "1-000002", "-c", str(site)) == 0
    assert run(recordings, "release", "1-000002", "-c", str(site)) == 0
    assert capsys.readouterr().out.splitlines()[1] == "0 released 解除保全; 1 not under hold 未保全"
    noted = (load_site(site).recordings / rights.ACCESS).read_bytes().splitlines()
    said = [msgspec.json.decode(line) for line in noted]
    assert [(one["did"], one.get("why")) for one in said] == [
        ("hold", "court"),
        ("hold", "complaint"),
        ("release", None),
    ]
