"""`tipring check`, `calls` and `trace`, run as the command line runs them."""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import msgspec
import pytest
from argon2 import PasswordHasher

from cti.commands import calls, check, pbx, trace
from cti.errors import ConfigFaults, StoreError, TipringError
from cti.records.events import Entry, Event
from cti.records.row import reduce
from cti.records.store import Store, open_store
from cti.site.config import load_site
from tests.cti.records.calls import ANSWERED, Line, entries
from tests.cti.records.conftest import START

HASH = "$argon2id$v=19$m=19456,t=2,p=1$dGlwcmluZy1kZW1vLTAwMDA$LZ/RvwI4LomXrbm5SRnGWnptDpcPjiB+D5t2FwMbLOs"
SITE = f"""\
site: {{name: Test}}
cards: [{{name: vru, kind: software, ports: 4}}]
pbx: {{dialect: panasonic-tda}}
vru: {{flow: welcome, ports: [{{card: vru, port: 0, extension: "2001", desk: 1, line: 1}}]}}
groups:
  - {{name: sales, zh: 销售, en: Sales}}
  - {{name: service, zh: 客服, en: Service}}
  - {{name: complaints, zh: 投诉, en: Complaints}}
agents: [{{id: "1001", name: 李明, password: "{HASH}", groups: [sales]}}]
state_dir: .
"""


def run(command: ModuleType, *words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return int(command.run(parser.parse_args(words)))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    file = tmp_path / "site.yaml"
    file.write_text(SITE, encoding="utf-8")
    return file


def test_lines_that_could_not_be_read(site: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(pbx, "unread", "-c", str(site)) == 0 and capsys.readouterr().out == ""
    first = store.position() + 1
    for number, raw in enumerate(("01/0?/26 rubbish", "\\x81 noise")):
        data = {"raw": raw, "reason": "fits no form of the dialect", "line": 7 + number}
        event = Event(None, "smdr_unread", START + timedelta(minutes=number), "smdr", data=data)
        store.forward([Entry(first + number, 100.0 + number, event)])
    assert run(pbx, "unread", "-c", str(site)) == 1
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "2026-01-05 09:00:00  fits no form of the dialect: 01/0?/26 rubbish",
        "2026-01-05 09:01:00  fits no form of the dialect: \\x81 noise",
    ]
    since = str((START + timedelta(seconds=30)).isoformat())
    assert run(pbx, "unread", "-c", str(site), "--raw", "--since", since) == 1
    assert capsys.readouterr().out == "\\x81 noise\n"
    assert run(pbx, "unread", "-c", str(site), "--limit", "1", "--raw") == 1
    assert capsys.readouterr().out == "\\x81 noise\n"
    for words in (["--limit", "0"], ["--since", "yesterday"]):
        with pytest.raises(TipringError):
            run(pbx, "unread", "-c", str(site), *words)


@pytest.fixture
def store(site: Path) -> Iterator[Store]:
    store = open_store(load_site(site).database_url)
    store.forward(entries())
    lost = [*ANSWERED[:13], (30.0, "outcome", "vru", {"outcome": "failed", "cause": "no dial tone"})]
    store.forward(entries(lost, call="1-000002", first=store.position() + 1, start=START + timedelta(hours=2)))
    yield store
    store.close()


def test_check_of_a_right_site(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(check, "-c", str(site)) == 0
    assert "1 VRU port, 3 groups, 1 agent" in capsys.readouterr().out


def test_check_tells_the_faults_of_all_files_at_once(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = site.parent
    (folder / "pbx.yaml").write_text("name: my\ntitle: My\nsmdr: {records: [{name: one}]}\n")
    (folder / "flow.yaml").write_text('name: my\nmenu: {keys: {"x": {group: sales}}}\n')
    (folder / "c.csv").write_text("号码,姓名\n,王\n")
    text = (
        SITE.replace("panasonic-tda", "pbx.yaml").replace("welcome", "flow.yaml").replace("name: sales", "name: sals")
    )
    site.write_text(text + "customers: c.csv\nspeed: 5\n", encoding="utf-8")
    assert run(check, "-c", str(site)) == 1
    out = capsys.readouterr().out
    for line in (
        "site.yaml:12: speed: is not known",
        "site.yaml:9: agents[0].groups[0]: there is no group 'sales'",
        "    did you mean sals?",
        "pbx.yaml:3: smdr.records[0]: needs either pattern or columns",
        "flow.yaml:2: menu.keys.x: is not a key of a telephone",
        "c.csv:2: number: is empty",
    ):
        assert line in out, out
    assert out.endswith("6 faults\n")  # of the flow also that there is no group sales
    assert run(check, "-c", str(site), "--json") == 1
    faults = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    assert len(faults) == 6 and set(faults[0]) == {"file", "line", "field", "message", "remedy", "severity"}


def test_check_of_groups_in_the_flow(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.write_text(SITE.replace("  - {name: complaints, zh: 投诉, en: Complaints}\n", ""), encoding="utf-8")
    assert run(check, "-c", str(site)) == 1
    assert "there is no group 'complaints'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "fault"), [("a: [", "is not YAML"), ("", "site"), ("[]", "is a list"), ("\0", "YAML")]
)
def test_check_of_what_is_no_site_file(site: Path, capsys: pytest.CaptureFixture[str], text: str, fault: str) -> None:
    site.write_text(text)
    assert run(check, "-c", str(site)) == 1
    assert fault in capsys.readouterr().out
    site.unlink()
    assert run(check, "-c", str(site)) == 1


def test_a_password_s_hash(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, site: Path) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    assert run(check, "--password") == 0
    made = capsys.readouterr().out.strip()
    assert PasswordHasher().verify(made, "secret")
    site.write_text(SITE.replace(HASH, made), encoding="utf-8")
    load_site(site)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run(check, "--password") == 1


def test_calls_as_a_table(site: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(calls, "-c", str(site)) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in lines if line.strip().startswith("1-")]
    assert rows[0][:7] == ["1-000002", "呼入", "2026-01-05", "11:00:00", "13800138000", "2000", "sales"]
    assert rows[1] == [
        *["1-000001", "呼入", "2026-01-05", "09:00:00", "13800138000", "2000", "sales", "1002"],
        *["answered", "20.0", "60.2", "123456789"],
    ]
    assert rows[0][-1] == "1234567··" and rows[0][8] == "failed"
    assert lines[-1] == "2 calls"


def test_calls_say_why_their_record_is_doubtful_or_missing(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    why: tuple[Line, Line] = (
        (90.0, "smdr", "smdr", {"raw": "x", "doubt": "account holds 'b k'"}),
        (90.0, "unrecorded", "inferred", {"why": "the line is down"}),
    )
    for n, more in enumerate(why, 3):
        lines = [line for line in ANSWERED if line[1] != "smdr" and line[3] != {"n": 9}]
        store.forward(entries([*lines, more], call=f"1-00000{n}", first=store.position() + 1))
    assert run(calls, "-c", str(site)) == 0
    out = capsys.readouterr().out
    for n, told in (3, "doubtful: account holds 'b k'"), (4, "missing: the line is down"):
        (line,) = (line for line in out.splitlines() if line.strip().startswith(f"1-00000{n}"))
        assert line.rstrip().endswith(f"12345678·   {told}")
        assert run(trace, "-c", str(site), f"1-00000{n}") == 0
        assert capsys.readouterr().out.splitlines()[3] == f"record 话单: {told}"
    assert run(calls, "-c", str(site), "--json", "--recorded", "missing") == 0
    (found,) = map(msgspec.json.decode, capsys.readouterr().out.splitlines())
    assert (found["call"], found["recorded_why"]) == ("1-000004", "the line is down")


def test_calls_as_json_and_by_filter(site: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    def ids(*words: str) -> list[str]:
        assert run(calls, "-c", str(site), "--json", *words) == 0
        return [msgspec.json.decode(line)["call"] for line in capsys.readouterr().out.splitlines()]

    assert ids() == ["1-000002", "1-000001"]
    assert ids("--outcome", "answered") == ["1-000001"]
    assert ids("--since", "2026-01-05T10:00") == ["1-000002"]  # the site's time
    assert ids("--ani", "8000", "--limit", "1") == ["1-000002"]
    assert run(calls, "-c", str(site), "--json", "--outcome", "answered") == 0
    row = msgspec.json.decode(capsys.readouterr().out)
    assert row["steps"]["7"] == {"at": "2026-01-05T01:00:06.500000Z", "source": "vru"}
    assert row["smdr"] == {"duration_s": 60, "extension": "8002"} and row["talk_s"] == 60.25
    with pytest.raises(TipringError, match="--since soon"):
        run(calls, "-c", str(site), "--since", "soon")


def test_moments() -> None:
    now = datetime(2026, 1, 5, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert calls.moment("today", now) == now.replace(hour=0, minute=0)
    assert calls.moment("90m", now) == now.replace(hour=8, minute=0)
    assert calls.moment("2d", now) == now.replace(day=3)
    assert calls.moment("2026-01-05", now) == now.replace(hour=0, minute=0)
    assert calls.moment("2026-01-05T01:00:00Z", now) == now.replace(hour=9, minute=0)


def test_trace_shows_nine_steps_and_every_event(site: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(trace, "1-000001", "-c", str(site)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "call 1-000001  2026-01-05 09:00:00  ANI 13800138000  DNIS 2000"
    assert lines[1].startswith("answered:") and lines[2] == "agent 1002  waited 20.0 s  talked 60.2 s"
    steps = [line.split()[:5] for line in lines if line.startswith("  ") and line.split()[0] in "123456789"]
    assert [step[0] for step in steps] == list("123456789")
    assert steps[6] == ["7", "09:00:06.500", "+6.50", "s", "vru"]
    assert len([line for line in lines if line.startswith(("      +", "     +"))]) == len(ANSWERED)
    assert any("offered" in line and '"agent":"1001"' in line and "port 3" in line for line in lines)


def test_trace_of_a_call_that_came_not_far(site: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(trace, "1-000002", "-c", str(site)) == 0
    out = capsys.readouterr().out
    assert "failed: failed 失败 (no dial tone)" in out
    assert "  9             -" in out
    assert run(trace, "1-000002", "-c", str(site), "--json") == 0
    shown = msgspec.json.decode(capsys.readouterr().out)
    assert len(shown["events"]) == 14 and shown["events"][0]["event"]["kind"] == "step"


def test_reading_makes_no_database(site: Path) -> None:
    for command, *args in ((calls,), (trace, "1-000001")):
        with pytest.raises(StoreError, match="no records yet"):
            run(command, *args, "-c", str(site))
    assert not (load_site(site).state / "tipring.db").exists()


def test_trace_of_an_unknown_call(site: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(trace, "9-000009", "-c", str(site)) == 1
    assert "there is no call 9-000009" in capsys.readouterr().err
    site.write_text("")
    with pytest.raises(ConfigFaults):
        run(trace, "9-000009", "-c", str(site))


def test_a_step_told_later_is_shown_with_the_step_it_began_with() -> None:
    """The PBX takes the numbers before it hunts; we hear of them afterwards."""
    t = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
    told = [({"n": 1}, 10.0), ({"n": 3}, 10.0), ({"n": 2, "with": 1}, 10.4), ({"n": 4}, 10.4)]
    events = [
        Entry(number, seconds, Event("1-000001", "step", t, "inferred", data=data))
        for number, (data, seconds) in enumerate(told, 1)
    ]
    row = reduce(None, events)
    assert row is not None
    after = [line.split()[2] for line in trace.steps(row, events, UTC)[:4]]
    assert after == ["+0.00", "+0.00", "+0.00", "+0.40"]
