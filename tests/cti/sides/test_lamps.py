"""Message lamps: lit by a message, put out when the list was looked at, one order for each change; kept over a restart;
and dialled as feature codes from the last idle port, with what can go wrong there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cti.pbx import line_rules
from cti.pbx.line_rules import LineRules
from cti.sides.lamp_codes import AGAIN_S, NO_PORT_S, TRIES, LampCodes
from cti.sides.lamps import Lamps
from cti.site.config import Agent, Group
from cti.vru.line import VruLine
from drivers.clock import SteppedClock
from tests.cti.centre_bench import A, CentreBench
from tests.cti.dummies import DummyPort
from tests.cti.vru.test_line import Owner

HASH = "$argon2id$v=19$m=1024,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA"
GROUPS = (Group("sales", "销售", "Sales", lamp="8000"), Group("service", "客服", "Service"))
AGENTS = (Agent("1001", "李明", HASH, ("sales", "service")), Agent("1002", "王芳", HASH, ("service",)))


def lamps(kept: Path | None = None, **more: Any) -> tuple[Lamps, list[tuple[str, bool]]]:
    said: list[tuple[str, bool]] = []
    return Lamps(GROUPS, AGENTS, lambda number, on: said.append((number, on)), kept=kept, **more), said


def test_a_message_lights_it_and_the_list_puts_it_out() -> None:
    made, said = lamps()
    made.message_left("sales")
    made.message_left("sales")
    made.message_left("service")  # has none
    made.message_left(None)
    made.looked_at("1002")
    assert said == [("8000", True)]
    made.looked_at("1001")
    made.looked_at("1001")
    made.looked_at("nobody")
    assert said[1:] == [("8000", False)]
    made.message_left("sales")
    assert len(said) == 3


def test_after_a_start_an_old_lamp_is_put_out_too() -> None:
    made, said = lamps()
    made.looked_at("1001")
    assert said == [("8000", False)]


def test_a_pbx_without_lamp_orders_is_left_alone() -> None:
    made = Lamps(GROUPS, AGENTS, None)
    made.message_left("sales")
    made.looked_at("1001")
    made.start()


def test_lamps_are_ordered_again_after_a_restart_and_when_the_pbx_asks(tmp_path: Path) -> None:
    kept = tmp_path / "state" / "lamps.json"
    made, said = lamps(kept)
    made.start()
    made.message_left("sales")
    again, said = lamps(kept)
    again.start()
    assert said == [("8000", True)]
    again.message_left("sales")
    assert len(said) == 1
    again.looked_at("1001")
    again.refresh()
    assert said[1:] == [("8000", False), ("8000", False)]


def test_a_file_of_lamps_that_is_spoilt_or_of_another_site(tmp_path: Path) -> None:
    kept = tmp_path / "lamps.json"
    for text in ("", "[1]", '{"8000": 3}', '{"9999": true}'):
        kept.write_text(text)
        made, said = lamps(kept)
        made.start()
        assert said == []
    (tmp_path / "file").write_text("")
    made, said = lamps(tmp_path / "file" / "lamps.json")  # cannot be written
    made.message_left("sales")
    assert said == [("8000", True)]


def test_a_code_that_toggles_is_dialled_for_changes_only(tmp_path: Path) -> None:
    made, said = lamps(tmp_path / "lamps.json", toggles=True)
    made.looked_at("1001")
    assert said == [], "it may be dark, and would be lit"
    made.message_left("sales")
    made.refresh()
    made.looked_at("1001")
    assert said == [("8000", True), ("8000", False)]


class Ports:
    """Three idle lines, and the dialler of lamp codes."""

    def __init__(self, confirm: Any = "none", owner: Any = None) -> None:
        self.clock = SteppedClock()
        self.alarms: list[str] = []
        self.owner = owner or Owner()
        results = {"answer": (0.02, None), "dial": (0.5, None)}
        self.ports = [DummyPort(self.clock, index, results) for index in range(3)]
        self.lines = [
            VruLine(self.clock, port, str(2001 + port.number), 1, 1 + port.number, LineRules(), self.owner)  # type: ignore[arg-type]
            for port in self.ports
        ]
        for line in self.lines:
            line.start()
        codes = line_rules.LampCodes("*41{ext}", "*49{ext}", confirm)
        self.codes = LampCodes(self.clock, codes, self.lines, lambda name, text: self.alarms.append(f"{name}: {text}"))

    def answered(self, port: int = 2, tone: str = "dial") -> None:
        self.clock.advance(0.1)
        self.ports[port].tone(tone)

    def dialled(self, port: int = 2) -> list[str]:
        return [entry[1] for entry in self.ports[port].log if entry[0] == "dial"]

    def stop(self) -> None:
        self.codes.close()
        for line in self.lines:
            line.stop()
        self.clock.advance(0.1)
        assert not self.clock.getDelayedCalls()


def test_codes_are_dialled_from_the_last_idle_port_one_after_the_other() -> None:
    made = Ports()
    made.lines[2].block()
    made.codes.order("8000", True)
    made.codes.order("8001", True)
    made.codes.order("8001", False)  # wished otherwise before it was its turn
    made.answered(1)
    made.clock.advance(3.2)
    made.answered(0)  # the other one guards itself
    made.clock.advance(6.0)
    assert (made.dialled(1), made.dialled(0)) == (["*418000"], ["*498001"]) and made.alarms == []
    made.stop()


def test_where_every_port_has_a_call_the_lamp_waits() -> None:
    made = Ports()
    for port, line in zip(made.ports, made.lines, strict=True):
        port.ring()
        line.take()
    made.codes.order("8000", True)
    made.clock.advance(5.0)
    made.lines[0].free()
    made.clock.advance(2.0 + NO_PORT_S)
    made.answered(0)
    made.clock.advance(4.0)
    assert made.dialled(0) == ["*418000"]
    made.stop()


def test_a_lamp_that_the_pbx_refuses_is_an_alarm_and_not_tried_again() -> None:
    made = Ports("tone")
    made.codes.order("8000", True)
    made.answered()
    made.clock.advance(0.6)
    made.ports[2].tone("busy")
    made.clock.advance(60.0)
    assert made.alarms == ["lamp_refused: lamp 8000 on: busy"] and made.dialled() == ["*418000"]
    made.stop()


def test_without_dial_tone_it_is_tried_again_and_then_an_alarm() -> None:
    made = Ports()
    made.codes.order("8000", True)
    made.clock.advance((3.0 + AGAIN_S) * TRIES + 10.0)
    assert made.alarms == [f"lamp_not_set: lamp 8000 on: silence, {TRIES} times"]
    made.stop()


def test_a_caller_who_is_put_through_that_moment_is_served_and_the_lamp_lit_elsewhere(tmp_path: Path) -> None:
    bench = CentreBench(tmp_path, ports=2, line={"lamp": line_rules.LampCodes("*41{ext}", "*49{ext}")})
    bench.ports[1].results["dial"] = bench.ports[0].results["dial"] = (0.5, None)
    codes = bench.pbx.lamp_codes
    assert codes is not None
    codes.order("8000", True)
    assert bench.centre.lines[1].state == "dialling"
    bench.says(A, line=2)  # the PBX says who is on that port
    bench.ports[1].ring()
    bench.run(3.2)
    assert bench.calls[0].state == "menu" and bench.calls[0].ani == A and bench.calls[0].line is bench.centre.lines[1]
    bench.run(AGAIN_S)
    assert bench.centre.lines[0].state == "dialling"
    bench.ports[0].tone("dial")
    bench.run(4.0)
    assert ("dial", "*418000") in bench.ports[0].log
    bench.stop()
