"""`tipring check`: every fault at once, whatever faults others have; notices; a right site in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cti.commands import main

CONF = Path(__file__).parents[3] / "conf"


def written(folder: Path, name: str, *changes: tuple[str, str]) -> Path:
    text = (CONF / name).read_text("utf-8").replace("/var/lib/tipring", str(folder / "state"))
    text = text.replace("port: 7710", "port: 0").replace("port: 9110", "port: 0")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "site.yaml").write_text(text, "utf-8")
    return folder / "site.yaml"


def checked(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    status = main(["check", "-c", str(path), *options])
    return status, capsys.readouterr().out


def test_a_site_of_cards_is_right_on_an_office_pc(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, told = checked(written(tmp_path, "site-card.yaml"), capsys, "--no-cards")
    sizes = "8 fxo channels, 30 pri channels, 16 telephones, 1 mobile seat, 3 routes, 3 groups, 2 agents"
    assert status == 0 and f"right. 演示中心: {sizes}\n" in told
    assert "notice: groups[2]: no agent is in complaints" in told and told.count("notice") == 1


def test_every_fault_at_once_also_of_the_flow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = (
        ("role: supervisor", "role: boss"),
        ("name: complaints", "name: bookings"),
        ("groups: [sales]", "groups: [ball]"),
    )
    status, told = checked(written(tmp_path, "site-card.yaml", *wrong), capsys, "--no-cards")
    assert status == 1 and "agents[1].role" in told and "agents[0].groups[0]" in told
    assert "menu.keys.3.group: there is no group 'complaints'" in told and told.endswith("3 faults\n")


def test_what_is_seldom_meant_on_cards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ('emergency: ["110"]\nrecording:', "toll: none, cost: 2")
    path = written(tmp_path, "site-card.yaml", ("recording:", more[0]), ("toll: international, cost: 2", more[1]))
    status, told = checked(path, capsys, "--no-cards")
    assert status == 0 and "notice: emergency: 119, 120, 122 can be called like other numbers only" in told
    assert "notice: routes[0].toll: everybody may call over far" in told
    text = path.read_text("utf-8")
    before, _, after = text.partition("\nroutes:")
    path.write_text(before + "\n" + after[after.index("\nvru:") :], "utf-8")
    status, told = checked(path, capsys, "--no-cards", "--json")
    notices = [json.loads(line) for line in told.splitlines()]
    assert status == 0 and {one["severity"] for one in notices} == {"notice"}
    assert any("there are no routes" in one["message"] for one in notices)


def test_what_is_seldom_meant_behind_a_pbx(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (CONF / "site.yaml").read_text("utf-8").splitlines()
    [smdr] = [line.split("    #")[0].strip() for line in text if line.startswith("  smdr: ")]
    sources = "  sources: [dtmf_after_answer, callerid_on_port]\n"
    status, told = checked(written(tmp_path, "site.yaml", (sources, ""), (f"  {smdr}", "")), capsys)
    assert status == 0 and "30 VRU ports, 3 groups, 3 agents" in told, told
    assert "notice: pbx: no smdr" in told and "notice: pbx: no smdi" in told
    far = ("    zh: 销售\n", "    zh: 销售\n    calls: national\n")
    status, told = checked(written(tmp_path, "site.yaml", far), capsys)
    assert status == 0 and "notice: groups[0].calls: calls: says nothing here" in told and "pbx: tolls:" in told
    reach = ("  smdr: ", '  services: {outside: "9"}\n  tolls: {"": local, "0": national}\n  smdr: ')
    status, told = checked(written(tmp_path, "site.yaml", reach), capsys)
    assert status == 0 and "notice: pbx.tolls: any number of up to 4 digits is an extension from the screen" in told
    reach = (reach[0], reach[1].replace('"0"', '"114": local, "80": local, "0"'))
    status, told = checked(written(tmp_path, "site.yaml", reach, ('"8001"', '"8001"'), ('"8002"', '"110"')), capsys)
    assert status == 0 and "any number of up to" not in told
    assert "notice: pbx.tolls.80: 80… of up to 4 digits is an extension from the screen, for 8001 begins so" in told
    assert ".extension: 110 is an emergency number, too: from the screen it rings here" in told
    few = ("\ndesk:", '\nemergency: ["119"]\ndesk:')
    status, told = checked(written(tmp_path, "site.yaml", few), capsys)
    assert status == 0 and "notice: emergency: 110, 120, 122 can be called like other numbers only" in told
    gone = smdr.replace("/dev/ttyS0", str(tmp_path / "ttyS9"))
    status, told = checked(written(tmp_path, "site.yaml", (smdr, gone)), capsys)
    assert status == 0 and "notice: pbx.smdr.device: there is no " in told and "no smdr" not in told


def test_a_port_that_was_left_out_is_told_and_one_of_0_is_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, "site-card.yaml")
    text = path.read_text("utf-8")
    assert '", port: 0}' in text and "is another one" not in checked(path, capsys, "--no-cards")[1]
    path.write_text(text.replace('", port: 0}', '"}'), "utf-8")
    status, told = checked(path, capsys, "--no-cards")
    assert status == 0 and "notice: desk: has no port: it is another one at every start\n    write port: 7710" in told
    assert "notice: metrics: has no port" in told and "write port: 9110" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "site:\n  name: KX-TDA: site\n",
            ":2: is not YAML: mapping values are not allowed here\n    put a text",
        ),
        ("site: {name: one\ncards: []\n", "    close the { of line 1 with }, or put a text with a colon in quotes"),
        ("site: {name: a: b}\n", "    close the { of line 1 with }, or put a text with a colon in quotes"),
        ("\ngroups: [a, b\nsite: 1\n", "    close the [ of line 2 with ], or put a text with a colon in quotes"),
        ("a: [", "    close what was opened with { or ["),
        ("a: 1\nb: 'x\n", "    close the quotes of line 2"),
        ("a: @x\n", "    put the text in quotes"),
        (
            "a:\n  b: 1\n c: 2\n",
            ":3: is not YAML: expected <block end>, but found '<block mapping start>'\n    let",
        ),
        ("\ta: 1\n", "    write blanks where there is a tab"),
    ],
)
def test_what_is_not_yaml_has_a_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(text, "utf-8")
    status, said = checked(path, capsys)
    assert status == 1 and told in said


def test_what_a_site_changes_of_its_dialect_is_told_at_the_sites_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = "sources: [dtmf_after_answer, callerid_on_port]"
    path = written(tmp_path, "site.yaml", (given, "sources: [mci, mci]\n  retrieve: code"))
    at = next(n for n, line in enumerate(path.read_text("utf-8").splitlines(), 1) if "sources: [mci" in line)
    status, told = checked(path, capsys)
    assert status == 1 and "3 faults" in told
    assert f"{path}:{at}: pbx.sources: mci.columns is needed for the source mci, and is not in dialect pana" in told
    assert f"{path}:{at}: pbx.sources[1]: mci is there twice" in told
    assert f"{path}:{at + 1}: pbx.retrieve: dials a code that is not given" in told
    assert main(["run", "-c", str(path)]) == 2
    assert f"{path}:{at}: pbx.sources: mci.columns is needed" in capsys.readouterr().err


def test_a_source_without_its_line_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "site.yaml", ("sources: [dtmf_after_answer", "sources: [smdi, dtmf_after_answer"))
    status, told = checked(path, capsys)
    assert status == 0
    assert "notice: pbx.sources: no smdi, from which dialect panasonic-tda takes who calls" in told
    assert "write sources: [dtmf_after_answer, callerid_on_port]" in told


def test_a_fault_of_an_entry_hides_neither_its_others_nor_brings_some_that_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(
        """\
site: {name: Test}
switch: card
cards:
  - {name: office, kind: software, ports: 8, type: fxo, law: blaw}
  - {name: seats, kind: software, ports: 4, type: fxs}
vru: {flow: welcome}
trunks:
  - {name: office, kind: fxo, card: offices, first: 0, count: 8, direction: sideways}
routes:
  - {name: town, prefixes: [1, "2", "2"], trunks: [office], toll: far}
  - {name: far, prefixes: ["2"], trunks: [office], toll: national}
seats:
  - {card: seat, first: 0, count: 4, extension: 8001}
groups:
  - {name: 销售, zh: 销售, en: Sales, max_queue: -1}
  - {name: service, zh: 客服, en: Service}
agents:
  - {id: "1001", name: 李明, password: secret, groups: [service, service], extension: "8001", pin: 12}
  - {id: "1001", name: 王芳, password: other, groups: [], role: boss}
state_dir: state
""",
        "utf-8",
    )
    status, told = checked(path, capsys)
    fields = [line.split(" ")[1].rstrip(":") for line in told.splitlines() if line.startswith(str(path))]
    assert status == 1
    assert fields == [
        *("cards[0].law", "trunks[0].direction", "trunks[0].card", "routes[0].prefixes[0]", "routes[0].toll"),
        *("routes[0].prefixes[2]", "seats[0].extension", "seats[0].card", "groups[0].name", "groups[0].max_queue"),
        *("agents[0].password", "agents[0].pin", "agents[0].groups[1]"),
        *("agents[1].password", "agents[1].role", "agents[1].id", "agents[1].groups"),
    ]
    assert "name at least one: service\n" in told, "a name that cannot be read is not offered"
