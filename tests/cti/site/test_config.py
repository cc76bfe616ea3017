"""The site file: the shipped example is right, and every fault of a wrong one is told at once, with line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.errors import ConfigFaults, Fault
from cti.site.config import DahdiCard, PortRange, Site, load_site

EXAMPLE = Path(__file__).parents[3] / "conf" / "site.yaml"
HASH = "$argon2id$v=19$m=19456,t=2,p=1$dGlwcmluZy1kZW1vLTAwMDA$LZ/RvwI4LomXrbm5SRnGWnptDpcPjiB+D5t2FwMbLOs"
GOOD = f"""\
site: {{name: Test}}
cards:
  - {{name: vru, kind: software, ports: 4}}
pbx: {{dialect: my.yaml}}
vru:
  flow: flows/my.yaml
  ports:
    - {{card: vru, first: 0, count: 4, extension: "0098", desk: 1, line: 1}}
groups:
  - {{name: sales, zh: 销售, en: Sales}}
agents:
  - {{id: "1001", name: 李明, password: "{HASH}", groups: [sales], extension: "8001"}}
state_dir: state
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "my.yaml").write_text("")
    (tmp_path / "my.yaml").write_text("")
    return tmp_path


def load(folder: Path, text: str, *, machine: bool = False) -> Site:
    file = folder / "site.yaml"
    file.write_text(text, encoding="utf-8")
    return load_site(file, machine=machine)


def faults(folder: Path, text: str, *, machine: bool = False) -> list[Fault]:
    with pytest.raises(ConfigFaults) as caught:
        load(folder, text, machine=machine)
    return caught.value.faults


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def only(found: list[Fault], line: int, field: str, message: str, remedy: str) -> None:
    assert [(fault.line, fault.field) for fault in found] == [(line, field)], "\n".join(map(str, found))
    assert message in found[0].message
    assert remedy in found[0].remedy


def test_the_shipped_example_is_right() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    site = load_site(EXAMPLE)
    assert len(site.vru.all_ports()) == 30
    assert site.vru.all_ports()[29].extension == "2030" and site.vru.all_ports()[29].line is None
    assert {name for agent in site.agents for name in agent.groups} == {group.name for group in site.groups}
    # every default that it shows as a comment is the default in force
    for line in text.splitlines():
        if line.startswith("#   ") and ":" in line and not line.startswith("#   tipring") and "{" not in line:
            name, value = line[1:].split("#")[0].strip().split(": ")
            assert getattr(site.limits, name) == float(value)


def test_the_shipped_example_without_a_pbx_is_right() -> None:
    site = load_site(EXAMPLE.with_name("site-card.yaml"))
    assert site.switch == "card" and {trunk.name for trunk in site.trunks} == {"office", "pri"}
    assert [extension for row in site.seats for extension in row.extensions()][:2] == ["8001", "8002"]
    assert any(agent.role == "supervisor" for agent in site.agents)


def test_all_faults_of_the_star_codes_at_once(tmp_path: Path) -> None:
    text = EXAMPLE.with_name("site-card.yaml").read_text(encoding="utf-8")
    path = tmp_path / "site.yaml"
    path.write_text(
        text + "star_codes:\n  alternate: '*2'\n  park: '*41'\n  ready: '11'\n  dance: '*99'\n  login: null\n"
    )
    with pytest.raises(ConfigFaults) as caught:
        load_site(path)
    first = len(text.splitlines()) + 2
    told = [(fault.line - first, fault.field) for fault in caught.value.faults]
    assert told == [(1, "star_codes.park"), (2, "star_codes.ready"), (3, "star_codes.dance")]
    assert "'*41' of park is also directed_pickup" in str(caught.value)
    path.write_text(text + "star_codes: {park: '*4', alternate: '*2'}\n")
    with pytest.raises(ConfigFaults) as caught:
        load_site(path)
    assert [fault.message.partition(":")[0] for fault in caught.value.faults] == [
        "'*40' of group_pickup begins with '*4' of park",
        "'*41' of directed_pickup begins with '*4' of park",
        "'*42' of take_ringing begins with '*4' of park",
    ]
    path.write_text(text + "star_codes: {alternate: '*2'}\n")
    assert load_site(path).star_codes.table().keys() >= {"*2", "*41"}


def test_paths_are_relative_to_the_file(folder: Path) -> None:
    site = load(folder, GOOD)
    assert site.state == folder / "state"
    assert site.database_url == f"sqlite:///{folder}/state/tipring.db"
    assert Path(site.vru.flow) == folder / "flows/my.yaml"
    assert Path(site.pbx.dialect) == folder / "my.yaml"
    assert not site.state.exists()  # loading makes nothing


def test_ranges_count_up_and_keep_leading_zeros(folder: Path) -> None:
    ports = load(folder, GOOD).vru.all_ports()
    assert [(port.port, port.extension, port.line) for port in ports] == [
        (0, "0098", 1),
        (1, "0099", 2),
        (2, "0100", 3),
        (3, "0101", 4),
    ]


def test_overrides_of_the_dialect_are_only_those_given(folder: Path) -> None:
    site = load(folder, changed("{dialect: my.yaml}", "{dialect: my.yaml, flash_ms: 90, retrieve: none}"))
    assert site.pbx.line_overrides() == {"flash_ms": 90, "retrieve": "none"}


def test_all_faults_at_once(folder: Path) -> None:
    text = f"""\
site: {{name: Test, timezone: Asia/Shanghay, country: zz}}
cards:
  - {{name: vru, kind: software, ports: 4}}
  - {{name: old, kind: dialogic, ports: 4}}
pbx:
  dialect: nowhere
  smdi: {{device: /dev/ttyS0}}
  smdr: {{device: /dev/ttyS0, baud: 1201}}
vru:
  flow: flows/gone.yaml
  ports:
    - {{card: vru, first: 0, count: 3, extension: "2001", desk: 1, line: 1}}
    - {{card: vru, port: 2, extension: "2003", desk: 1, line: 9}}
    - {{card: vru, port: 7, extension: "2009", desk: 1, line: 2}}
groups:
  - {{name: sales, zh: 销售, en: Sales, ring: 15}}
  - {{name: service, zh: 客服, en: Service}}
  - {{name: service, zh: 客服, en: Service}}
agents:
  - {{id: "1001", name: 李明, password: secret, groups: [service]}}
  - {{id: "1002", name: 王芳, password: "{HASH}", groups: [], extension: "8001"}}
  - {{id: "1003", name: 张伟, password: "{HASH}", groups: [service], extension: "8001"}}
  - {{id: "1003", name: 张伟, password: "{HASH}", groups: [service], extension: "2001"}}
desk: {{listen: 127.0.0.300, port: 7710}}
metrics: {{listen: 127.0.0.1, port: 99999}}
customers: nobody.csv
"""
    found = faults(folder, text)
    places = [(fault.line, fault.field) for fault in found]
    expected = [
        (1, "site.timezone"),
        (1, "site.country"),
        (4, "cards[1].kind"),
        (6, "pbx.dialect"),
        (8, "pbx.smdr.baud"),
        (10, "vru.flow"),
        (13, "vru.ports[1]"),  # port 2
        (13, "vru.ports[1]"),  # extension 2003
        (14, "vru.ports[2].port"),  # no port 7
        (14, "vru.ports[2]"),  # line 2
        (16, "groups[0].ring"),
        (18, "groups[2].name"),
        (20, "agents[0].password"),
        (21, "agents[1].groups"),
        (22, "agents[2].extension"),
        (23, "agents[3].id"),
        (23, "agents[3].extension"),
        (24, "desk.listen"),
        (25, "metrics.port"),
        (26, "customers"),
    ]
    assert sorted(places) == sorted(expected), "\n".join(map(str, found))
    assert [fault.line for fault in found] == sorted(fault.line for fault in found)
    assert all(fault.remedy for fault in found), "\n".join(map(str, found))


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "message", "remedy"),
    [
        ("groups: [sales]", "groups: [sale]", 12, "agents[0].groups[0]", "no group 'sale'", "did you mean sales?"),
        ("count: 4", "count: 5", 8, "vru.ports[0].count", "no port 4", "the last is 3"),
        ("card: vru", "card: vrü", 8, "vru.ports[0].card", "vrü", "a short name in Latin letters"),
        ("card: vru", "card: vru2", 8, "vru.ports[0].card", "no card 'vru2'", "did you mean vru?"),
        ("first: 0, count: 4", "first: 0", 8, "vru.ports[0]", "only one of first and count", ""),
        ("first: 0, count: 4", "count: 4", 8, "vru.ports[0]", "names no port", ""),
        ("0098", "*98", 8, "vru.ports[0]", "cannot count up", ""),
        ('"8001"', "8001", 12, "agents[0].extension", "8001", 'put it in quotes: "8001"'),
        ("state_dir: state", "database: mysql://x", 13, "database", "not a database", "postgresql://"),
        ("state_dir: state", "tones: {busy: {cadence: 3}}", 13, "tones", "", "conf/tones/cn.yaml"),
        ("state_dir: state", "metrics: {port: 7710}", 13, "metrics.port", "127.0.0.1 7710 is there twice", "own port"),
        ("my.yaml}", "my.yaml, desks: {7: '400'}}", 4, "pbx.desks.7", "no port is of message desk 7", "desks are 1"),
        ("my.yaml}", "my.yaml, desks: {7: 400}}", 4, "pbx.desks.7", "400", 'put it in quotes: "400"'),
        (
            "my.yaml}",
            "my.yaml, smdi: {device: /dev/ttyS0}, mci: {device: /dev/ttyS0}}",
            4,
            "pbx.mci.device",
            "is the SMDI line's device too",
            "own serial port",
        ),
        ("my.yaml}", 'my.yaml, tolls: {"": local}}', 4, "pbx.tolls", "wants in front", 'services: {outside: "9"}'),
        ("my.yaml}", 'my.yaml, services: {outside: "9"}, tolls: {"9": far}}', 4, "pbx.tolls.9", "far", "local, "),
        ("my.yaml}", "my.yaml, sources: [sdmi]}", 4, "pbx.sources[0]", "sdmi", "one of: callerid"),
        ("{name: Test}", "{name: Test, timezone: ../etc}", 1, "site.timezone", "no time zone", "Continent/City"),
        ("{name: Test}", "{name: Test, timezone: Asia/Hangzhou}", 1, "site.timezone", "no time zone", "Asia/Shanghai"),
        ("state_dir: state", "switch: Card", 13, "switch", "is 'Card'", "one of: card, pbx"),
        ("  flow:", "\tflow:", 6, "", "not YAML", "blanks"),
        ("{name: Test}", "{name: Test, area_code: 杭州}", 1, "site.area_code", "杭州", 'digits in quotes: "021"'),
        ("name: sales, zh", "name: 预订, zh", 10, "groups[0].name", "预订", "the Chinese name goes to zh:"),
        ("state_dir: state", "state_dir: /proc/tipring", 13, "state_dir", "keeps no files", "/var/lib/tipring"),
    ],
)
def test_one_fault(folder: Path, old: str, new: str, line: int, field: str, message: str, remedy: str) -> None:
    only(faults(folder, changed(old, new), machine=field == "state_dir"), line, field, message, remedy)


def test_a_password_is_never_shown(folder: Path) -> None:
    text = changed(HASH, "Hunter2").replace('extension: "8001"', 'extension: "8001", pin: 4711')
    found = faults(folder, text)
    assert [fault.field for fault in found] == ["agents[0].password", "agents[0].pin"]
    assert not any(word in str(fault) for fault in found for word in ("Hunter2", "4711"))
    assert all("--password" in fault.remedy for fault in found)
    assert {fault.message for fault in found} == {"is not a hash"}


def test_a_tab_is_named(folder: Path) -> None:
    [fault] = faults(folder, changed("  - {name: vru", "\t- {name: vru"))
    assert fault.line == 3 and "blanks" in fault.remedy


def test_the_socket_of_the_server_must_fit(folder: Path) -> None:
    text = changed("state_dir: state", f"state_dir: {'s' * 110}")
    only(faults(folder, text, machine=True), 13, "state_dir", "too long for the socket", "bytes")


@pytest.mark.parametrize(
    "name", ["x" * 5000 + "/a.yaml", '"\\0/a.yaml"', '"\\e[2J\\n/a.yaml"'], ids=["long", "nul", "escape"]
)
@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("dialect: my.yaml", "dialect: {name}", "pbx.dialect"),
        ("flow: flows/my.yaml", "flow: {name}", "vru.flow"),
        ("flow: flows/my.yaml", "flow: flows/my.yaml\n  prompts: {name}", "vru.prompts"),
        ("state_dir: state", "state_dir: state\ncustomers: {name}", "customers"),
        ("state_dir: state", "state_dir: {name}", "state_dir"),
    ],
)
def test_what_can_be_no_file(folder: Path, old: str, new: str, field: str, name: str) -> None:
    found = faults(folder, changed(old, new.format(name=name)), machine=True)
    assert {fault.field for fault in found} == {field}
    assert all(str(fault).isprintable() for fault in found)


def test_a_missing_group_is_not_blamed_on_the_agents(folder: Path) -> None:
    """A group that cannot be read is told once, not once for each of its agents."""
    only(faults(folder, changed("en: Sales}", "en: 5}")), 10, "groups[0].en", "5", 'put it in quotes: "5"')


def test_faults_of_this_computer_only_when_asked(folder: Path) -> None:
    text = GOOD.replace("state_dir: state", "state_dir: my.yaml/state\ndesk: {listen: 192.0.2.7, port: 7710}")
    load(folder, text)
    found = faults(folder, text, machine=True)
    assert [(fault.line, fault.field) for fault in found] == [(13, "state_dir"), (14, "desk.listen")]
    assert "127.0.0.1" in found[1].remedy


def test_overlap_is_one_fault_for_a_pair_of_ranges(folder: Path) -> None:
    more = '    - {card: vru, first: 1, count: 3, extension: "3000", desk: 1, line: 100}\ngroups:\n'
    only(
        faults(folder, changed("groups:\n", more)), 9, "vru.ports[1]", "port vru 1 is taken by the entry on line 8", ""
    )


def test_a_range_says_its_ports() -> None:
    entry = PortRange(card="vru", port=3, extension="#9", desk=0, line=0)
    assert [port.port for port in entry.ports()] == [3]


SERVICE = """\
    - {card: vru, first: 0, count: 3, extension: "0098", desk: 1, line: 1}
    - {card: vru, port: 3, extension: "0199", desk: 1, line: 4, use: agents}"""
RANGE = '    - {card: vru, first: 0, count: 4, extension: "0098", desk: 1, line: 1}'


def test_a_service_port_for_agents_without_a_pc(folder: Path) -> None:
    text = changed(RANGE, SERVICE).replace('extension: "8001"', f'extension: "8001", pin: "{HASH}"')
    site = load(folder, text)
    assert [port.use for port in site.vru.all_ports()] == ["callers", "callers", "callers", "agents"]


def test_service_ports_and_pins_go_together(folder: Path) -> None:
    only(faults(folder, changed(RANGE, SERVICE)), 9, "vru.ports[1].use", "no agent has a pin", "--password")
    named = changed('extension: "8001"', f'pin: "{HASH}"').replace('id: "1001"', "id: chen")
    only(faults(folder, named), 12, "agents[0].pin", "cannot be typed", "digits")
    all_service = changed(RANGE, RANGE.replace("line: 1", "line: 1, use: agents"))
    assert any("every port is for agents" in fault.message for fault in faults(folder, all_service))


REAL = "- {name: vru, kind: software, ports: 4}"


def test_a_real_card(folder: Path) -> None:
    text = changed(REAL, '- {name: vru, kind: dahdi, type: fxo, channels: "1-3,7", echo_taps: 128, rx_gain_db: -3}')
    [card] = load(folder, text).cards
    assert isinstance(card, DahdiCard) and card.numbers == [1, 2, 3, 7] and card.ports == 4
    assert (card.law, card.depth, card.rx_gain_db, card.tx_gain_db, card.echo_mode) == ("alaw", 4, -3.0, 0.0, "on")


@pytest.mark.parametrize(
    ("card", "field", "message", "remedy"),
    [
        ("{name: vru, kind: dahdy, ports: 4}", "cards[0].kind", "is 'dahdy'", "did you mean dahdi"),
        ("{name: vru, ports: 4}", "cards[0].kind", "is missing", "software, dahdi"),
        (
            '{name: vru, kind: dahdi, type: fxo, channels: "4-1"}',
            "cards[0]",
            "no range; write the lower number first",
            "",
        ),
        (
            '{name: vru, kind: dahdi, type: fxo, channels: "0-3"}',
            "cards[0]",
            "no range; write the lower number first, from 1",
            "",
        ),
        ('{name: vru, kind: dahdi, type: fxo, channels: "1-4,2"}', "cards[0]", "twice; write each once", ""),
        (
            '{name: vru, kind: dahdi, type: fxo, channels: "1-2000"}',
            "cards[0]",
            "2000 channels; one card takes 1024, write two",
            "",
        ),
        ('{name: vru, kind: dahdi, type: fxo, channels: "1;4"}', "cards[0].channels", "'1;4'", '"1-4,6"'),
        ("{name: vru, kind: dahdi, type: fxo, channels: 4}", "cards[0].channels", "'4'", "in quotes"),
        ('{name: vru, kind: dahdi, channels: "1-4"}', "cards[0].type", "is missing", "fxo"),
        ('{name: vru, kind: dahdi, type: fxo, channels: "1-4", depth: 1}', "cards[0].depth", "'1'", "from 2 to 16"),
        ('{name: vru, kind: dahdi, type: fxo, channels: "1-4", echo_taps: 100}', "cards[0].echo_taps", "'100'", "128"),
        ('{name: vru, kind: dahdi, type: fxo, channels: "1-4", ports: 4}', "cards[0].ports", "not known", "known here"),
        ('{name: vru, kind: dahdi, type: fxo, channels: "1-3"}', "vru.ports[0].count", "has 3 ports", "the last is 2"),
    ],
)
def test_faulty_real_cards(folder: Path, card: str, field: str, message: str, remedy: str) -> None:
    found = faults(folder, changed(REAL, f"- {card}"))
    only(found, 8 if field.startswith("vru") else 3, field, message, remedy)


def test_a_channel_belongs_to_one_card(folder: Path) -> None:
    two = """- {name: vru, kind: dahdi, type: fxo, channels: "1-4"}
  - {name: agents, kind: dahdi, type: fxs, channels: "4-6"}"""
    only(faults(folder, changed(REAL, two)), 4, "cards[1].channels", "DAHDI channel 4 is there twice", "one card")


def test_numbers_of_desks_ports_and_the_group(folder: Path) -> None:
    text = changed("my.yaml}", "my.yaml, desks: {1: '400123'}, sources: [mci], number_max: 9, dnis: [port, group]}")
    site = load(folder, text.replace("line: 1}", "line: 1, dnis: '400'}\n  dnis: '66886688'"))
    assert site.pbx.desks == {1: "400123"} and site.vru.dnis == "66886688"
    assert {port.dnis for port in site.vru.all_ports()} == {"400"}
    assert site.pbx.call_overrides() == {"sources": ("mci",), "dnis": ("port", "group"), "number_max": 9}
    assert site.pbx.line_overrides() == {}


def test_only_smdi_needs_desk_and_line(folder: Path) -> None:
    text = changed(", desk: 1, line: 1", "")
    assert {(port.desk, port.line) for port in load(folder, text).vru.all_ports()} == {(None, None)}
    smdi = text.replace("my.yaml}", "my.yaml, smdi: {device: /dev/ttyS0}}")
    only(faults(folder, smdi), 8, "vru.ports[0]", "names its ports over SMDI", "tipring pbx learn-ports")
    only(faults(folder, changed(", line: 1", "")), 8, "vru.ports[0]", "only one of desk and line", "")


def test_ports_behind_a_pbx_are_lines(folder: Path) -> None:
    fxs = changed("kind: software, ports: 4", "kind: software, type: fxs, ports: 4")
    only(faults(folder, fxs), 8, "vru.ports[0].card", "of type fxs, a VRU port behind a PBX needs fxo", "type: fxo")


def test_one_server_on_all_networks_takes_the_port_from_the_other(folder: Path) -> None:
    text = GOOD + 'desk: {listen: "0.0.0.0", port: 9110}\nmetrics: {listen: 127.0.0.1, port: 9110}\n'
    only(faults(folder, text), 15, "metrics.port", "9110 is there twice", "own port")
    load(folder, text.replace("0.0.0.0", "127.0.0.1").replace("port: 9110}\nmetrics", "port: 7710}\nmetrics"))


def test_a_serial_line_by_its_name_elsewhere(folder: Path) -> None:
    text = changed("my.yaml}", "my.yaml, smdr: {device: COM2}}")
    only(faults(folder, text), 4, "pbx.smdr.device", "COM2 is no device here", "/dev/ttyS1")


@pytest.mark.parametrize(
    ("extension", "emergency", "said"),
    [
        ("110", "", "dials the emergency number 110"),
        ("11", "", "dials the emergency number 110"),
        ("112", 'emergency: ["112"]\n', "dials the emergency number 112"),
        ("9", "", "dials 91 for route mobile"),
    ],
)
def test_a_telephone_stands_before_no_number_outside(folder: Path, extension: str, emergency: str, said: str) -> None:
    text = EXAMPLE.with_name("site-card.yaml").read_text(encoding="utf-8") + emergency
    text = text.replace(
        "{name: far,", '{name: mobile, prefixes: ["91"], trunks: [pri], toll: national}\n  - {name: far,'
    )
    load(folder, text)
    row = f'\nseats:\n  - {{extension: "{extension}", numbers: ["13800138000"]}}\n#'
    [fault] = faults(folder, text.replace("\nseats:", row))
    assert fault.field == "seats[0].extension" and said in fault.message
