"""The simulated PBX against a bare VRU: calls come in, are transferred or not, in stepped time on wires."""

import pytest

from drivers import events
from drivers.errors import TimedOut
from drivers.port import Port
from tests.simulators.bare_vru import Bench, sound

ONE = "1.0 | caller 1 | 13800138000 by fsk: listen 0.8; choose 1; wait 60"
PATIENT = "1.0 | caller 1 | 13800138000 by fsk: wait 100"


def arrived(text: str = PATIENT, *, answering: bool = True) -> tuple[Bench, Port]:
    """A bench whose first caller is connected with VRU port 0."""
    bench = Bench(text, answering=answering)
    bench.until("through", limit_s=20)
    bench.run(0.5)
    return bench, bench.vru[0]


def test_a_call_comes_in_with_its_numbers() -> None:
    bench, port = arrived(ONE)
    assert bench.saw("caller id", number="13800138000", form="fsk", ok=True)
    assert bench.smdi.data == b"\r\nMD0010001A66886688 13800138000 \r\n\x19"
    got = bench.wait(port.collect(1, 8.0, 2.0, prompt=[sound()]), 20)
    assert got.text == "1"
    port.hangup()
    bench.finish()
    assert bench.saw("caller released")
    assert bench.world.truth.calls[1].outcome == "released"
    assert b"13800138000" in bench.smdr.data and b"2001 01 <I>" in bench.smdr.data


@pytest.mark.parametrize("form", ["dtmf", "none"])
def test_other_forms_of_caller_id(form: str) -> None:
    bench = Bench(f"1.0 | caller 1 | 01062345678 by {form}: wait 100")
    bench.until("through", limit_s=20)
    number = b"01062345678" if form == "dtmf" else b""
    bench.run(1.5)
    assert bench.smdi.data == b"\r\nMD0010001A66886688 " + number + b" \r\n\x19"


def test_transfer_after_the_agent_has_answered() -> None:
    bench, port = arrived("1.0 | caller 1 | 13800138000 by fsk: talk 8")
    bench.wait(bench.transfer(port, "8001"))
    bench.wait(port.wait_tone(["ringback"], 8.0))
    assert bench.saw("hold") and bench.saw("dials", digits="8001")
    assert bench.world.truth.calls[1].all("flash")[0].data["ms"] == pytest.approx(600, abs=1)
    answered = bench.until("answers", extension="8001")
    port.detect("tones", "voice")
    bench.wait(lambda: any(event.time_s > answered for event in bench.heard_on(events.NotTone)), 5.0)
    port.hangup()
    bench.until("through", kind="agent")
    bench.until("talks", limit_s=40)
    bench.finish()
    truth = bench.world.truth.calls[1]
    assert truth.outcome == "answered" and truth.agent_extension == "8001"
    legs = [happening.data["extension"] for happening in truth.all("smdr")]
    assert legs == ["2001", "8001"]
    assert b" TR\r\n" in bench.smdr.data
    assert bench.world.phones["8001"].state == "idle"


def test_transfer_before_the_agent_has_answered() -> None:
    bench, port = arrived("1.0 | caller 1 | 13800138000 by fsk: talk 5")
    bench.wait(bench.transfer(port, "8001"))
    bench.run(0.5)
    port.hangup()
    bench.until("through", kind="agent", limit_s=10)
    bench.finish()
    assert bench.world.truth.calls[1].outcome == "answered"


def test_busy_extension_and_retrieve() -> None:
    bench, port = arrived("0.5 | phone 8001 | off-hook for 60\n" + PATIENT)
    bench.wait(bench.transfer(port, "8001"))
    bench.wait(port.wait_tone(["busy"], 5.0))
    bench.wait(port.flash(500))
    bench.run(0.3)
    assert bench.saw("refused", why="busy") and bench.saw("retrieve")
    caller = bench.world.callers[0]
    caller._ears.voice = False
    bench.wait(port.play(sound()))
    assert bench.world.pbx.trunks[0].peer is bench.world.pbx.extensions["2001"]


def test_vacant_number() -> None:
    bench, port = arrived()
    bench.wait(bench.transfer(port, "77"))
    bench.wait(port.wait_tone(["vacant"], 8.0))
    assert bench.saw("refused", why="no such number")


def test_nobody_answers_and_a_second_flash_takes_the_caller_back() -> None:
    bench, port = arrived()
    bench.wait(bench.transfer(port, "8002"))
    bench.run(6.0)
    bench.wait(port.flash(500))
    bench.run(0.5)
    assert bench.saw("retrieve")
    assert bench.world.pbx.extensions["8002"].state.value in ("resting", "idle")
    bench.run(7.0)
    assert bench.world.phones["8002"].state == "idle"


def test_nobody_answers_and_the_pbx_gives_the_caller_back() -> None:
    bench, port = arrived()
    bench.wait(bench.transfer(port, "8002"))
    bench.until("retrieve", limit_s=30)
    assert bench.saw("no answer", extension="8002")


def test_recall_of_a_transferred_call() -> None:
    bench, port = arrived("setup | pbx | no_answer_s=12\n" + PATIENT)
    bench.wait(bench.transfer(port, "8002"))
    bench.run(1.0)
    port.hangup()
    bench.until("recall", limit_s=20)
    bench.until("answers", extension="2001")
    bench.wait(lambda: len(bench.world.truth.calls[1].all("through")) == 2, 10)
    bench.run(1.0)
    assert bench.smdi.data.endswith(b"\r\nMD0010001N8002 13800138000 \r\n\x19")


def test_recall_finds_the_vru_busy_and_cuts_the_caller_off() -> None:
    second = "3.0 | caller 2 | 13900139000 by fsk: wait 100"
    bench, port = arrived(
        "setup | pbx | no_answer_s=12\nsetup | world | vru_extensions=2001\n" + PATIENT + "\n" + second
    )
    bench.wait(bench.transfer(port, "8002"))
    port.hangup()
    bench.until("through", 2, limit_s=20)
    bench.until("cut off", limit_s=20)
    assert bench.world.truth.calls[1].outcome in ("lost_in_transfer", "unfinished")
    bench.until("caller released", limit_s=5)
    assert bench.world.truth.calls[1].outcome == "lost_in_transfer"


def test_the_caller_hangs_up_during_the_consultation() -> None:
    bench, port = arrived("1.0 | caller 1 | 13800138000 by fsk: wait 12")
    bench.wait(bench.transfer(port, "8002"))
    bench.until("caller hangs up", limit_s=20)
    bench.wait(port.wait_tone(["busy"], 8.0))
    assert bench.world.pbx.extensions["8002"].state.value in ("resting", "idle")
    assert bench.heard_on(events.LoopDrop)
    port.hangup()
    bench.run(2.0)
    assert bench.world.pbx.extensions["2001"].state.value == "idle"


def test_on_hook_without_transfer_rings_back() -> None:
    bench, port = arrived()
    bench.wait(port.flash(500))
    bench.wait(port.wait_tone(["dial"], 3.0))
    port.hangup()
    bench.until("recall", limit_s=5)
    bench.wait(lambda: len(bench.world.truth.calls[1].all("through")) == 2, 10)


@pytest.mark.parametrize(("ms", "what"), [(60, None), (79, None), (80, "flash"), (999, "flash"), (1100, "on-hook")])
def test_exact_flash_windows(ms: int, what: str | None) -> None:
    bench, port = arrived()
    bench.wait(port.flash(ms))
    bench.run(1.5)
    seen = [happening.what for happening in bench.world.truth.calls[1].happenings if happening.who == "ext 2001"]
    assert ("flash" in seen) is (what == "flash")
    assert ("on-hook" in seen) is (what == "on-hook")


@pytest.mark.parametrize("fault", ["none", "-60dB", "350+440"])
def test_dial_tone_that_is_not_one(fault: str) -> None:
    bench, port = arrived(f"setup | fault | dialtone={fault}\n" + PATIENT)
    bench.wait(port.flash(600))
    with pytest.raises(TimedOut):
        bench.wait(port.wait_tone(["dial"], 3.0))
    assert bench.saw("flash")


@pytest.mark.parametrize("disconnect", ["loop_drop", "tone"])
def test_the_caller_hangs_up(disconnect: str) -> None:
    bench, port = arrived(f"setup | pbx | disconnect={disconnect}\n1.0 | caller 1 | 13800138000 by fsk: wait 5")
    bench.until("caller hangs up", limit_s=20)
    bench.wait(port.wait_tone(["busy"], 8.0))
    assert bool(bench.heard_on(events.LoopDrop)) is (disconnect == "loop_drop")


@pytest.mark.parametrize(
    ("disconnect", "how"), [("polarity", "polarity"), ("none", "busy"), ("loop_drop", "loop_drop")]
)
def test_how_the_office_tells_that_the_caller_has_gone(disconnect: str, how: str) -> None:
    bench, _ = arrived(f"setup | office | disconnect={disconnect}\n1.0 | caller 1 | 13800138000 by fsk: wait 5")
    bench.until("far end gone", how=how, limit_s=20)
    bench.run(12.0)
    assert bench.world.lines[0].free


def test_all_vru_ports_busy_then_the_waiting_caller_gets_the_next() -> None:
    two = "2.0 | caller 2 | 13900139000 by fsk: wait 60"
    bench, port = arrived("setup | world | vru_extensions=2001\n" + PATIENT + "\n" + two)
    bench.until("all VRU ports busy", 2, limit_s=10)
    port.hangup()
    bench.until("through", 2, limit_s=10)
    bench.run(1.0)
    assert bench.smdi.data.count(b"\x19") == 2


def test_hunting_goes_round() -> None:
    rows = "\n".join(f"{at}.0 | caller {n} | 1380000000{n} by fsk: wait 60" for n, at in ((1, 1), (2, 12)))
    bench = Bench("setup | pbx | hunting=cyclic\n" + rows)
    bench.until("through", 1, limit_s=20)
    bench.vru[0].hangup()
    bench.until("through", 2, limit_s=30)
    assert bench.world.truth.calls[2].vru_extensions == ["2002"]


def test_a_vru_port_that_does_not_answer_is_passed_over() -> None:
    bench = Bench("setup | pbx | hunt_no_answer_s=10\n" + PATIENT, answering=False)
    bench.until("rings", extension="2002", limit_s=30)
    assert bench.saw("no answer", extension="2001")
    assert bench.smdi.data.count(b"\x19") == 1
    bench.run(1.0)
    assert b"MD0010002A" in bench.smdi.data


def test_in_band_caller_id_on_the_vru_extension() -> None:
    bench = Bench("setup | pbx | in_band=fsk\n0 | smdi 1 | lost\n" + PATIENT, answering=False)
    for port in bench.vru:
        port.detect("fsk_id")
    bench.wait(lambda: bool(bench.heard_on(events.CallerId)), 20)
    heard = bench.heard_on(events.CallerId)[0]
    assert heard.ok and b"13800138000" in heard.raw
    assert bench.smdi.data == b""


def test_polarity_tells_the_answer() -> None:
    bench, port = arrived("setup | pbx | polarity_on_answer=yes\n" + PATIENT)
    bench.wait(bench.transfer(port, "8001"))
    bench.until("answers", extension="8001", limit_s=10)
    bench.run(0.1)
    assert [event.reversed for event in bench.heard_on(events.Polarity)] == [True]


def test_message_lamps() -> None:
    bench = Bench("setup | pbx | in_band=none")
    bench.smdi_transport.write(b"OP:MWI 8001!\x04OP:MWI 7777!\x04")
    bench.run(0.5)
    assert bench.smdi.data == b"\r\nMWI7777 INV\r\n\x7f\x7f\x19"
    assert [happening.data["refused"] for happening in bench.world.truth.log if happening.what == "lamp"] == [
        None,
        "INV",
    ]


def test_the_record_printer_keeps_lines_while_nobody_reads() -> None:
    bench, port = arrived("1.0 | caller 1 | 13800138000 by fsk: wait 5")
    bench.smdr_line.unplug()
    bench.finish()
    assert bench.smdr.data == b""
    bench.smdr_line.plug()
    bench.smdr_line.opener(bench.smdr)
    bench.run(0.5)
    assert b"<I>13800138000 " in bench.smdr.data
    port.hangup()


def test_a_caller_who_gives_up_while_it_rings() -> None:
    bench = Bench("1.0 | caller 1 | 13800138000 by fsk: wait 60; patience 1.5")
    bench.finish()
    bench.run(6.0)
    truth = bench.world.truth.calls[1]
    assert truth.outcome == "abandoned_ring" and not bench.saw("rings", extension="2001")
    assert bench.world.pbx.trunks[0].state == "idle"


def test_the_same_run_twice() -> None:
    logs = []
    for _ in range(2):
        bench, port = arrived("1.0 | caller 1 | 13800138000 by fsk: talk 5")
        bench.wait(bench.transfer(port, "8001"))
        bench.run(1.0)
        port.hangup()
        bench.finish()
        logs.append(([str(happening) for happening in bench.world.truth.log], bench.smdi_line.log.bursts))
    assert logs[0] == logs[1]
    assert len(logs[0][0]) > 25
