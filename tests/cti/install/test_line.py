"""`tipring line learn` at the simulated PBX: tones that no plan has, and each length of flash told from hanging up."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.install.flash import FlashTried, choose
from cti.install.line import LineLearner
from cti.site.tones import load_plan
from simulators.lines.tones import CHINA, Sent
from tests.cti.install.site_world import SiteWorld, site_world


def learner(made: SiteWorld) -> LineLearner:
    ports = made.bench.ports
    return LineLearner(made.clock, ports[0], ports[1], "2002", made.bench.dialect.line)


def test_a_tone_plan_nobody_knows(tmp_path: Path) -> None:
    with site_world(tmp_path, faults=["tones=400Hz,x1.4"]) as made:
        found = made.run(learner(made).tones("cn", busy="2001", vacant="7777"))
        assert found.changes["dial"] == {"f1_hz": 400}
        assert found.changes["ringback"] == {"f1_hz": 400, "cadence_ms": (1400, 5600)}
        assert found.changes["busy"] == {"f1_hz": 400, "cadence_ms": (490, 490)}
        assert found.changes["info"] == {"f1_hz": 400, "cadence_ms": (140, 140, 140, 140, 140, 140, 560, 560)}
        assert [text.split(":")[0] for text in found.unsure] == ["congestion"]
        assert "cadence_ms: [490, 490]" in found.yaml()
        tried = made.run(learner(made).flashes(found.plan, (100, 600)))
        assert [one.outcome for one in tried] == ["flash", "flash"]


@pytest.mark.parametrize("disconnect", [(), ("loopdrop=none",)])
def test_flashes_too_short_right_and_too_long(tmp_path: Path, disconnect: tuple[str, ...]) -> None:
    with site_world(tmp_path, faults=["flash=150-500ms", *disconnect]) as made:
        tried = made.run(learner(made).flashes(load_plan("cn"), (80, 200, 300, 450, 800)))
        assert [one.outcome for one in tried] == ["ignored", "flash", "flash", "flash", "hangs up"]
        assert choose(tried, 600) == (300, "works from 200 to 450 ms")
        assert "fresh dial tone" in tried[-1].why


def test_a_flash_that_is_ignored_and_a_neighbour_that_does_not_ring(tmp_path: Path) -> None:
    with site_world(tmp_path, faults=["flash=ignored"]) as made:
        tried = made.run(learner(made).flashes(load_plan("cn"), (300,)))
        assert tried[0].outcome == "ignored" and choose(tried, 600)[0] is None
    with site_world(tmp_path, faults=["port=dead:2002"]) as made:
        tried = made.run(learner(made).flashes(load_plan("cn"), (300, 600)))
        assert [one.outcome for one in tried] == ["unclear"]  # and no other length is tried
        assert "learn-ports" in (choose(tried, 600)[1])


def test_the_length_that_is_proposed() -> None:
    def tried(**outcomes: str) -> list[FlashTried]:
        return [FlashTried(int(name[1:]), outcome, "") for name, outcome in outcomes.items()]  # type: ignore[arg-type]

    assert choose(tried(a100="flash", a300="flash", a600="flash"), 300)[0] == 300
    assert choose(tried(a100="flash", a300="flash", a600="flash"), 600)[0] == 300
    assert "little margin" in choose(tried(a100="ignored", a300="flash"), 600)[1]
    assert "try again" in choose(tried(a100="flash", a300="unclear", a600="flash"), 100)[1]


def test_congestion_and_the_tone_of_a_held_caller(tmp_path: Path) -> None:
    tones = {**CHINA, "congestion": Sent(400, cadence_ms=(250, 250)), "stutter": Sent(620, cadence_ms=(300, 200))}
    with site_world(tmp_path, plan={"tones": tones, "hold_dial": "stutter", "congested": "0"}) as made:
        line = learner(made)
        found = made.run(line.tones("cn", busy="2001", congested="0"))
        assert found.changes == {"congestion": {"f1_hz": 400, "cadence_ms": (250, 250)}}
        tried = made.run(line.flashes(found.plan, (600,)))
        assert [one.outcome for one in tried] == ["flash"] and "the plan does not know" in tried[0].why
        again = line.plan("cn")
        assert again.changes["stutter"] == {"f1_hz": 620, "cadence_ms": (300, 200)} and not again.unsure
        [known] = made.run(line.flashes(again.plan, (600,)))
        assert known.why == "dial tone, and the other end is held"


def test_a_hold_tone_that_is_the_dial_tone_is_no_tone_of_its_own(tmp_path: Path) -> None:
    with site_world(tmp_path, faults=["tones=620Hz,x1.4"], plan={"hold_dial": "stutter"}) as made:
        line = learner(made)
        found = made.run(line.tones("cn", busy="2001"))
        made.run(line.flashes(found.plan, (600,)))
        assert "stutter" not in line.plan("cn").changes  # 560/70 ms: the gaps of a dial tone


@pytest.mark.parametrize(("faults", "signs"), [((), ("loop_drop", "busy_tone")), (("loopdrop=none",), ("busy_tone",))])
def test_how_the_other_ends_hang_up_is_told(tmp_path: Path, faults: tuple[str, ...], signs: tuple[str, ...]) -> None:
    with site_world(tmp_path, faults=faults) as made:
        assert made.run(learner(made).hung_up(load_plan("cn"))).signs == signs
    with site_world(tmp_path / "dead", faults=["port=dead:2002"]) as made:
        assert "did not ring" in made.run(learner(made).hung_up(load_plan("cn"))).why


def test_a_recording_without_a_steady_tone_is_taken_again(tmp_path: Path) -> None:
    said: list[str] = []
    tones: dict[str, Sent | None] = {**CHINA, "busy": Sent(450, cadence_ms=(350, 350, 900, 120, 60, 700, 500, 1300))}
    with site_world(tmp_path, plan={"tones": tones}) as made:

        def say(text: str) -> None:
            said.append(text)
            if said.count("busy: listening to 2001 ...") == 2:
                tones["busy"] = CHINA["busy"]

        ports = made.bench.ports
        line = LineLearner(made.clock, ports[0], ports[1], "2002", made.bench.dialect.line, say)
        found = made.run(line.tones("cn", busy="2001"))
    assert said.count("busy: listening to 2001 ...") == 2 and not found.changes and not found.unsure
