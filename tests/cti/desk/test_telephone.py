"""Agents without a PC, at a real port: they dial, type number and PIN, and press keys."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from cti.acd.centre import Acd
from cti.desk.passwords import InlineChecker, hash_password
from cti.desk.telephone import SAID_S, Telephones
from cti.pbx.announcement import from_smdi
from cti.pbx.line_rules import LineRules
from cti.pbx.smdi import SmdiCall
from cti.site.config import Agent, Group
from cti.site.tones import load_plan
from cti.vru.line import VruLine
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.items import PlayItem, Silence
from drivers.stepped import Stepper

PIN = hash_password("4711", b"telephone tests.")
SALES = Group("sales", "销售", "Sales")


class Said:
    """What is said, by its key; each takes a second."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def say(self, key: str, language: str, /, **values: Any) -> list[PlayItem]:
        self.keys.append(key + "".join(f" {value}" for value in values.values()))
        return [Silence(1000)]


class Booth:
    """A telephone (the PBX's end of a line), and the service port at the other."""

    def __init__(self, kept: Path | None = None) -> None:
        self.clock = clock = SteppedClock()
        pbx, server = Engine(clock, name="pbx", max_ports=2), Engine(clock, name="server", max_ports=2)
        fxs, fxo = SoftwareCard(pbx, "fxs", 1), SoftwareCard(server, "fxo", 1)
        fxo.wire(0, fxs, 0)
        self.phone, self.stepper = fxs.ports[0], Stepper(clock, [pbx, server])
        self.events: list[tuple[str, dict[str, object]]] = []
        self.alarms: list[tuple[str, bool]] = []
        agents = [
            Agent("1001", "陈晨", PIN, ("sales",), pin=PIN),
            Agent("1002", "李莉", PIN, ("sales",), extension="8002", pin=PIN),
            Agent("1003", "No Pin", PIN, ("sales",)),
        ]
        self.acd = Acd(clock, [SALES], agents, self._acd_event)
        self.said = Said()
        self.safe: list[Deferred[None]] = []
        self.failures: list[str] = []
        self.desk = Telephones(
            clock,
            agents,
            self.acd,
            InlineChecker(),
            self.said,  # type: ignore[arg-type]
            "zh",
            load_plan("cn"),
            durable=lambda: self.safe.pop(0) if self.safe else succeed(None),
            kept=kept,
            on_alarm=lambda name, raised, text: self.alarms.append((name, raised)),
            on_failure=lambda failure, text: self.failures.append(text),
        )
        line = VruLine(clock, fxo.ports[0], "2099", 1, 99, LineRules(), self.desk)
        self.desk.lines = [line]
        self.line = line
        self.desk.start()
        self.stepper.run_for(0.2)

    def _acd_event(self, kind: str, call: str | None, agent: str | None, source: str, data: dict[str, object]) -> None:
        """As the centre has it."""
        self.events.append((kind, data))
        if kind == "agent_state" and agent is not None:
            self.desk.agent_changed(self.acd.agent(agent))

    def call(self, digits: str = "", extension: str | None = None) -> None:
        """Rings, with the PBX's message, and types when it was answered."""
        self.phone.begin_call()
        ringing = self.phone.ring()
        if extension is not None:
            self.desk.pbx_says(from_smdi(SmdiCall(1, 99, "D", None, extension)))
        self.stepper.run(ringing, limit_s=10)
        self.press(digits)

    def press(self, digits: str) -> None:
        """Types, each entry when the one before was understood."""
        for digit in digits:
            self.stepper.run(self.phone.dial(digit))
            self.stepper.run_for(0.3)

    def hang_up(self) -> None:
        self.phone.loop_open(600)
        self.stepper.run_for(4.0)

    def close(self) -> None:
        self.desk.close()
        self.acd.close()
        self.phone.hangup()
        self.stepper.run_for(1.0)


@pytest.fixture
def booth() -> Any:
    booth = Booth()
    yield booth
    booth.close()
    assert booth.failures == []


def refused(booth: Booth, times: int) -> bool:
    return booth.said.keys.count("service_wrong") >= times


def truth(booth: Booth, agent: str) -> tuple[str, str | None, str]:
    found = booth.acd.agent(agent)
    return found.declared, found.extension, found.reason


def test_a_day_at_the_telephone(booth: Booth) -> None:
    booth.call("1001#4711#13", "8105")
    assert truth(booth, "1001") == ("ready", "8105", "")  # free seating: the telephone that called
    assert booth.said.keys[-3:] == ["service_signed_in 8105", "service_ready", "service_menu"]
    booth.press("42")
    assert truth(booth, "1001") == ("not_ready", "8105", "meal")
    booth.hang_up()
    assert booth.line.state == "idle"
    booth.call("1001#4711#2", "8105")
    assert truth(booth, "1001")[0] == "logged_off"


def test_after_a_restart_agents_are_at_their_telephones_again_and_not_ready(tmp_path: Path) -> None:
    kept = tmp_path / "state" / "telephones.json"
    before = Booth(kept)
    before.call("1001#4711#13", "8105")
    before.hang_up()
    before.call("1002#4711#13", "8106")
    before.press("2")
    before.close()  # or SIGKILL: the file is written as it happens
    after = Booth(kept)
    assert truth(after, "1001") == ("not_ready", "8105", "login")
    assert truth(after, "1002")[0] == "logged_off"
    after.call("1001#4711#3", "8105")
    assert truth(after, "1001")[:2] == ("ready", "8105")
    after.close()


def test_who_signed_out_or_went_elsewhere_at_a_pc_does_not_come_back(tmp_path: Path) -> None:
    kept = tmp_path / "telephones.json"
    before = Booth(kept)
    for agent, extension in (("1001", "8105"), ("1002", "8106")):
        before.call(f"{agent}#4711#1", extension)
        before.hang_up()
    before.acd.logout("1001")
    before.acd.login("1002", "8107")
    before.close()
    after = Booth(kept)
    assert [truth(after, agent)[0] for agent in ("1001", "1002")] == ["logged_off"] * 2
    after.close()


@pytest.mark.parametrize("text", ["", "[]", '{"1001": 5}', "{"])
def test_a_file_of_telephones_that_cannot_be_read_says_nothing(tmp_path: Path, text: str) -> None:
    kept = tmp_path / "telephones.json"
    kept.write_text(text)
    booth = Booth(kept)
    assert truth(booth, "1001")[0] == "logged_off"
    booth.call("1001#4711#1", "8105")
    booth.close()
    assert b'"8105"' in kept.read_bytes()


def test_nobody_comes_back_from_another_shift_or_without_a_pin_or_to_a_telephone_that_is_taken(tmp_path: Path) -> None:
    kept = tmp_path / "telephones.json"
    first = Booth(kept)
    now = first.clock.now()
    first.close()
    old, new = (now - timedelta(hours=17)).isoformat(), (now - timedelta(hours=1)).isoformat()
    for seats in (
        f'{{"1001": {{"extension": "8105", "since": "{old}"}}}}',
        f'{{"1003": {{"extension": "8105", "since": "{new}"}}, "gone": {{"extension": "8106", "since": "{new}"}}}}',
    ):
        kept.write_text(seats)
        booth = Booth(kept)
        assert [truth(booth, agent)[0] for agent in ("1001", "1002", "1003")] == ["logged_off"] * 3
        booth.close()
    kept.write_text(
        f'{{"1001": {{"extension": "8105", "since": "{new}"}}, "1002": {{"extension": "8105", "since": "{new}"}}}}'
    )
    booth = Booth(kept)
    assert [truth(booth, agent)[0] for agent in ("1001", "1002")] == ["not_ready", "logged_off"]
    booth.close()


def test_what_is_said(booth: Booth) -> None:
    booth.call(extension="8105")
    booth.stepper.run_for(2.5)
    assert booth.said.keys == ["service_greeting", "service_number"]
    booth.press("1002#")
    booth.press("4711#")
    assert booth.said.keys[2:] == ["service_pin", "service_signed_out", "service_menu"]
    booth.press("3")
    assert booth.said.keys[5:] == ["service_sign_in_first", "service_signed_out", "service_menu"]
    booth.press("1")
    assert booth.said.keys[8:] == ["service_signed_in 8105", "service_not_ready", "service_menu"]
    booth.press("4")
    assert booth.said.keys[11:] == ["reason_break 1", "reason_meal 2", "reason_training 3", "reason_meeting 4"]
    booth.press("9")
    assert booth.said.keys[15] == "invalid_key"
    assert truth(booth, "1002") == ("not_ready", "8105", "login")


def test_without_a_message_the_own_extension_counts_or_it_is_asked_for(booth: Booth) -> None:
    booth.call("1002#4711#1")
    assert truth(booth, "1002")[:2] == ("not_ready", "8002")
    booth.hang_up()
    booth.call("1001#4711#1")
    assert booth.said.keys[-1] == "service_extension"
    booth.press("8107#")
    assert truth(booth, "1001")[:2] == ("not_ready", "8107")


def test_a_telephone_that_another_agent_has(booth: Booth) -> None:
    booth.acd.login("1002", "8105")
    booth.call("1001#4711#1", "8105")
    assert truth(booth, "1001")[0] == "logged_off"
    assert "service_extension_taken" in booth.said.keys


@pytest.mark.parametrize("entry", ["1001#4712#", "1003#4711#", "7777#4711#", "##"])
def test_wrong_entries_end_the_call_and_cost_time(booth: Booth, entry: str) -> None:
    booth.call(entry, "8105")
    for tries in (1, 2, 3):
        heard = partial(refused, booth, tries)
        booth.stepper.run(heard, limit_s=60)
        if tries < 3:
            booth.press(entry)
    booth.stepper.run(lambda: booth.line.state != "busy", limit_s=10)
    assert booth.said.keys.count("service_wrong") == 3
    assert booth.line.state == "guard"
    assert truth(booth, "1001")[0] == "logged_off"


def test_a_wrong_pin_is_refused_faster_than_it_can_be_guessed(booth: Booth) -> None:
    for _ in range(2):
        booth.call("", "8105")
        for tries in range(1, 4):
            booth.press("1001#0000#")
            booth.stepper.run(partial(refused, booth, tries), limit_s=60)
        booth.stepper.run(lambda: booth.line.state == "idle", limit_s=60)
        booth.said.keys.clear()
    booth.call("1001#0000#", "8105")
    booth.hang_up()
    booth.call("1001#4711#", "8105")  # the right one, from any telephone, while the delay runs
    booth.stepper.run(lambda: "service_wrong" in booth.said.keys, limit_s=60)
    assert "service_menu" not in booth.said.keys


def test_hung_up_in_the_middle(booth: Booth) -> None:
    booth.call("1001#47", "8105")
    booth.hang_up()
    assert booth.line.state == "idle"
    booth.phone.begin_call()
    ringing = booth.phone.ring()
    booth.stepper.run_for(0.5)
    ringing.addErrback(lambda failure: None)
    ringing.cancel()
    booth.stepper.run(lambda: booth.line.state == "busy", limit_s=10)  # answered, and nobody there
    booth.stepper.run(lambda: booth.line.state == "idle", limit_s=90)


def test_told_when_it_is_safe(booth: Booth) -> None:
    safe: Deferred[None] = Deferred()
    booth.safe.append(safe)
    booth.call("1001#4711#1", "8105")
    assert "service_signed_in 8105" not in booth.said.keys
    safe.callback(None)
    assert "service_signed_in 8105" in booth.said.keys


def test_nobody_presses_anything(booth: Booth) -> None:
    booth.call("1001#4711#", "8105")
    booth.stepper.run(lambda: booth.line.state == "idle", limit_s=90)
    assert booth.said.keys[-1] == "service_goodbye"


def test_messages_of_other_lines_are_not_ours(booth: Booth) -> None:
    assert not booth.desk.pbx_says(from_smdi(SmdiCall(1, 1, "D", None, "8105")))
    assert booth.desk.pbx_says(from_smdi(SmdiCall(1, 99, "D", None, "13800138000")))  # an outside caller
    booth.call("1001#4711#1")
    assert booth.said.keys[-1] == "service_extension"


def late(booth: Booth, extension: str) -> None:
    booth.desk.pbx_says(from_smdi(SmdiCall(1, 99, "D", None, extension)))


def test_a_message_said_again_after_the_call_is_not_the_next_agents(booth: Booth) -> None:
    """Whoever calls next, and is announced, sits at the telephone that is announced."""
    booth.call(extension="8005")
    booth.hang_up()
    late(booth, "8005")
    booth.call("1001#4711#1", extension="8006")
    assert booth.acd.agents["1001"].extension == "8006"
    booth.hang_up()


def test_a_message_without_a_ring_is_forgotten(booth: Booth) -> None:
    late(booth, "8005")
    booth.stepper.run_for(SAID_S + 1.0)
    booth.call("1002#4711#1")
    assert booth.acd.agents["1002"].extension == "8002", "the agent's own telephone"
    booth.hang_up()
