"""The sections `trunks:` and `routes:`: what they say, and every fault of wrong ones at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.site.trunks import FxoTrunk, PriTrunk, R2Trunk, Route
from tests.cti.site.test_config import GOOD, faults, folder, load  # noqa: F401 - the fixture folder

CARDS = GOOD.replace(
    "  - {name: vru, kind: software, ports: 4}\n",
    "  - {name: vru, kind: software, ports: 4}\n"
    "  - {name: co, kind: software, ports: 8}\n"
    "  - {name: e1, kind: software, type: b, ports: 30}\n",
)
TRUNKS = """\
trunks:
  - {name: office, kind: fxo, card: co, first: 0, count: 4, dnis: "66886688"}
  - {name: toll, kind: fxo, card: co, first: 4, count: 4, hunt: round_robin, direction: out, directions: {2: in}}
"""
ROUTES = """\
routes:
  - {name: mobile, prefixes: ["91"], trunks: [toll, office], strip: 1, add: "0", toll: national, order: cyclic}
  - {name: abroad, prefixes: ["900"], trunks: [toll], strip: 1, toll: international, cost: 2.5, calling: "66886688"}
  - name: evening
    prefixes: ["900"]
    trunks: [office]
    strip: 1
    toll: international
    cost: 1
    hours: [mon-fri 18:00-24:00, sat-sun 00:00-24:00]
  - {name: local, prefixes: ["9"], trunks: [office], strip: 1}
"""


def test_what_a_site_says(folder: Path) -> None:  # noqa: F811
    site = load(folder, CARDS + TRUNKS + ROUTES)
    office, toll = site.trunks
    assert isinstance(office, FxoTrunk) and office.dnis == "66886688" and office.slots() == (1, 2, 3, 4)
    assert toll.hunt == "round_robin" and toll.directions == {2: "in"}
    assert [route.name for route in site.routes] == ["mobile", "abroad", "evening", "local"]
    assert site.emergency is None


def test_no_trunks_is_no_fault(folder: Path) -> None:  # noqa: F811
    site = load(folder, GOOD)
    assert site.trunks == () and site.routes == ()


def test_all_faults_at_once(folder: Path) -> None:  # noqa: F811
    found = faults(
        folder,
        CARDS
        + """\
trunks:
  - {name: office, kind: fxo, card: co, first: 0, count: 9}
  - {name: office, kind: fxo, card: e1, first: 0, count: 4}
  - {name: third, kind: fxo, card: ca, first: 0, count: 1}
  - {name: vru, kind: fxo, card: vru, first: 3, count: 1}
  - {name: in, kind: fxo, card: co, first: 5, count: 1, direction: in, directions: {7: in}}
routes:
  - {name: a, prefixes: ["9", "9"], trunks: [office, offce, in]}
  - {name: a, prefixes: ["9"], trunks: [office, office], toll: national}
""",
    )
    assert [(fault.line, fault.field) for fault in found] == [
        (17, "trunks[0].count"),
        (18, "trunks[1].name"),
        (18, "trunks[1].card"),
        (19, "trunks[2].card"),
        (20, "trunks[3]"),
        (21, "trunks[4]"),
        (21, "trunks[4].directions.7"),
        (23, "routes[0].trunks[1]"),
        (23, "routes[0].trunks[2]"),
        (23, "routes[0].prefixes[1]"),
        (24, "routes[1].name"),
        (24, "routes[1].trunks[1]"),
        (24, "routes[1].prefixes[0]"),
    ], "\n".join(map(str, found))
    text = "\n".join(map(str, found))
    for words in (
        "card 'co' has 8 ports, no port 8; ports count from 0: the last is 7",
        "card 'e1' is of type b, a trunk of kind fxo needs fxo; name a card of type fxo: co, vru",
        "there is no card 'ca'; there are: co, e1, vru",
        "port vru 3 is taken by the entry on line 10",
        "port co 5 is taken by the entry on line 17",
        "trunk in has no channel 7; channels are 1 to 1",
        "there is no trunk 'offce'; did you mean office?",
        "numbers with '9' are local by route a on line 23, here national",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("hunt: round_robin", "hunt: sideways", 18, "one of: down, least_used, round_robin, up"),
        ("strip: 1, add", 'strip: "1", add', 20, "a whole number from 0 to 20"),
        ("mon-fri 18:00-24:00", "mon-fri 18:00-17:00", 22, "end before they begin"),
        ("mon-fri 18:00-24:00", "mon-fri 18:00-25:00", 22, "25:00 is no time of day"),
        ("mon-fri 18:00-24:00", "weekdays 18:00-24:00", 28, 'days and times: "mon-fri 08:30-18:00"'),
        ("toll: national", "toll: mobile", 20, "one of: international, local, national, none"),
        ('prefixes: ["91"]', "prefixes: []", 20, "1 or more"),
    ],
)
def test_one_fault(folder: Path, old: str, new: str, line: int, message: str) -> None:  # noqa: F811
    text = CARDS + TRUNKS + ROUTES
    assert old in text
    [found] = faults(folder, text.replace(old, new, 1))
    assert found.line == line and message in str(found)


def test_hours() -> None:
    route = Route("x", ("",), ("t",), hours=("fri-mon 22:00-24:00", "wed 08:30-09:00"))
    assert [route.open(day, 22 * 60) for day in range(7)] == [True, False, False, False, True, True, True]
    assert route.open(2, 8 * 60 + 30) and not route.open(2, 9 * 60) and not route.open(2, 8 * 60 + 29)
    assert Route("x", ("",), ("t",)).open(3, 0)


def test_the_shipped_emergency_numbers_are_of_every_country_with_tones() -> None:
    from cti.conf.conf_files import names
    from cti.site.emergency import emergency

    assert emergency("cn") == ("110", "119", "120", "122")
    assert all(emergency(country) for country in names("tones"))
    assert emergency("xx") == ()


E1 = """\
trunks:
  - name: r2
    kind: r2
    card: e1
    first: 0
    count: 30
    hunt: down
    variant: china
    prefixes: {"1": 11, "6": 8}
    ask_caller: 1
    kb: {free: 6}
    timers: {ack: 1000}
    directions: {17: in}
  - {name: pri, kind: pri, card: span, first: 0, count: 30, signalling: {card: span, port: 30}, timers: {T303: 5000}}
"""
SPANS = CARDS.replace(
    "  - {name: e1, kind: software, type: b, ports: 30}\n",
    "  - {name: e1, kind: software, type: b, ports: 30}\n  - {name: span, kind: software, type: e1, ports: 31}\n",
)


def test_e1_trunks(folder: Path) -> None:  # noqa: F811
    from cti.trunks.trunks import pri_rules, r2_settings

    r2, pri = load(folder, SPANS + E1).trunks
    assert isinstance(r2, R2Trunk) and isinstance(pri, PriTrunk)
    assert r2.slots() == (*range(1, 16), *range(17, 32)) == pri.slots()
    settings, rules = r2_settings(r2), pri_rules(pri)
    assert settings.ask_caller == 1 and settings.prefixes == {"1": 11, "6": 8} and settings.kb == {"free": 6}
    assert rules.timers == {"T303": 5000} and rules.bearer == "3.1kHz"


@pytest.mark.parametrize(
    ("old", "new", "field", "message"),
    [
        ("kind: r2", "kind: isdn", "trunks[0].kind", "one of: fxo, r2, pri"),
        ("ask_caller: 1", "ask_caller: sometimes", "trunks[0].ask_caller", "never"),
        ("timers: {ack: 1000}", "timers: {acknowledge: 1000}", "trunks[0]", "there is no timer 'acknowledge'"),
        ("directions: {17: in}", "directions: {16: in}", "trunks[0].directions.16", "has no channel 16"),
        ("card: e1\n", "card: co\n", "trunks[0].card", "a trunk of kind r2 needs b or e1"),
        ("timers: {T303: 5000}", "timers: {T999: 5000}", "trunks[1]", "timer 'T999' is none of T200"),
        ("port: 30}, timers", "port: 29}, timers", "trunks[1].signalling.port", "its D channel is the last one, 30"),
        ("card: span, port: 30}", "card: e1, port: 3}", "trunks[1].signalling.card", "a D channel needs d or e1"),
        ("signalling: {card: span, port: 30}, ", "", "trunks[1].signalling", "is missing"),
    ],
)
def test_faults_of_e1_trunks(folder: Path, old: str, new: str, field: str, message: str) -> None:  # noqa: F811
    text = SPANS + E1
    assert old in text
    found = faults(folder, text.replace(old, new, 1))
    assert any(fault.field == field and message in str(fault) for fault in found), "\n".join(map(str, found))


PREEMPT = "preempt: [calling_out, talk, calling_out]\n"


def test_whose_call_an_emergency_call_may_push_out(folder: Path) -> None:  # noqa: F811
    kept = ROUTES.replace('strip: 1, add: "0"', 'strip: 1, keep_free: 4, add: "0"')
    found = faults(folder, CARDS + TRUNKS + kept + PREEMPT)
    assert [fault.message for fault in found] == [
        "route mobile keeps 4 channels free, trunk toll has 4",
        "route mobile keeps 4 channels free, trunk office has 4",
        "calling_out is there twice",
        "calls can be pushed out only where our own cards switch",
    ]
    wrong = faults(folder, CARDS + TRUNKS + ROUTES + "preempt: [talks]\n")
    assert any("preempt" in str(fault) and "talk_out" in str(fault) for fault in wrong), wrong


@pytest.mark.parametrize("kind", ["r2", "pri"])
def test_the_d_channel_of_an_e1_is_none_of_its_b_channels(folder: Path, kind: str) -> None:  # noqa: F811
    """What the server could not start with, `tipring check` tells."""
    card = "  - {name: span, kind: software, type: e1, ports: 30}\n"
    text = GOOD.replace("pbx:", card + "pbx:", 1)
    more = ", signalling: {card: span, port: 29}" if kind == "pri" else ""
    trunk = f"trunks:\n  - {{name: line, kind: {kind}, card: span, first: 0, count: 30{more}}}\n"
    found = faults(folder, text + trunk)
    assert found[0].field == "trunks[0].count" and "29 B channels" in found[0].message, found
    assert "ports: 31" in found[0].remedy
    right = trunk.replace("count: 30", "count: 29, directions: {16: in}")
    [fault] = [fault for fault in faults(folder, text + right) if "slot" in fault.remedy]
    assert fault.remedy == "channels are 1 to 15 and 17 to 30; slot 16 carries the signalling"
    load(folder, text.replace("ports: 30", "ports: 31") + trunk.replace("port: 29", "port: 30"))
