"""Every timer of a PRI span expires in stepped time, by the tick: layer 2's (Q.921 5.9), layer 3's (Q.931 table 9-2),
those of libpri and ours."""

from __future__ import annotations

import pytest

from drivers.errors import ArgumentError, PortBusy
from drivers.signalling.causes import NORMAL
from drivers.signalling.interface import Numbers
from drivers.signalling.pri_rules import TIMERS, PriRules
from tests.drivers.pri_peer import Bench, bench, closed

__all__ = ["closed"]

TICKS = 3 * 0.02
"""From our timer to the far end's ear: the tick it expires in, the line, the wire."""
SETUP, PROCEEDING, SETUP_ACK, CONNECT = 0x05, 0x02, 0x0D, 0x07
DISCONNECT, RELEASE, RELEASE_COMPLETE, RESTART, INFORMATION = 0x45, 0x4D, 0x5A, 0x46, 0x7B
OFFER = "08 02 0001 05 a1 04 03 9090a3 18 03 a98381 70 03 80 3131"
"""SETUP by the network, reference 1, channel 1, to 11."""


def calling(made: Bench, rest: str = "") -> int:
    """A call of ours has left: its reference. `rest`: what the peer answers, after the reference."""
    made.follow(made.trunk.call(Numbers("10086")))
    made.time.run_for(0.1)
    reference = int.from_bytes(made.peer.messages[-1].data[6:8])
    if rest:
        made.peer.say(f"08 02 {reference | 0x8000:04x} {rest}")
        made.time.run_for(0.1)
    return reference


def cleared(made: Bench) -> tuple[float, int, str]:
    """When the only call was told cleared, with which cause and detail."""
    [call] = made.told
    made.time.run(lambda: call.state == "cleared", 400.0)
    assert call.cause is not None
    return made.told[call][-1][1], call.cause.number, call.cause.detail


def after(first: float, wait_ms: int) -> object:
    return pytest.approx(first + wait_ms / 1000, abs=TICKS)


# ---- layer 2 ------------------------------------------------------------------------------------------


def test_t200_and_n200_when_nobody_answers() -> None:
    made = bench(up=False)
    made.peer.mute = True
    made.time.run_for(20)
    times = [frame.at_s for frame in made.peer.frames if frame.data[2] & 0xEF == 0x6F]
    # N200 + 1 SABMEs, then a pause of T200 more, then anew
    assert times[:6] == [pytest.approx(times[0] + n, abs=0.02) for n in (0, 1, 2, 3, 5, 6)] and not made.trunk.up
    with pytest.raises(PortBusy):
        made.trunk.call(Numbers("10086"))
    made.peer.mute = False
    made.time.run(lambda: made.trunk.up, 10.0)


def test_t200_asks_for_an_answer_and_n200_gives_the_link_up() -> None:
    made = bench(rules=PriRules(timers={"T303": 20_000}))
    made.peer.mute = True
    calling(made)
    sent = made.peer.times(SETUP)[0]
    made.time.run(lambda: not made.trunk.up, 10.0)
    polls = [frame.at_s for frame in made.peer.frames if frame.data[2] & 3 == 1 and frame.data[3] & 1]
    assert polls == [after(sent, n * TIMERS["T200"]) for n in (1, 2, 3)]
    assert made.now_s == after(sent, 4 * TIMERS["T200"])
    when, cause, detail = cleared(made)
    assert (cause, detail) == (27, "D channel down") and when - made.now_s < 5


def test_t203_asks_a_silent_link() -> None:
    made = bench()
    before = made.now_s
    count = len(made.peer.frames)
    made.time.run(lambda: len(made.peer.frames) > count, 20.0)
    poll = made.peer.frames[-1]
    assert poll.data[2] & 3 == 1 and poll.data[3] & 1 and poll.at_s == after(before, TIMERS["T203"])
    made.time.run_for(60)
    assert made.trunk.up


# ---- libpri's, of layer 3 --------------------------------------------------------------------------------


def test_t303_sends_setup_twice() -> None:
    made = bench()
    calling(made)
    when, cause, detail = cleared(made)
    first, second = made.peer.times(SETUP)
    assert second == after(first, TIMERS["T303"]) and when == after(second, TIMERS["T303"])
    assert (cause, detail) == (18, "T303, no answer to SETUP")
    assert made.trunk.span.state().free == 3 and made.trunk.channel.stats().calls == 0


def test_t305_and_t308_end_a_call_that_the_far_end_does_not_end() -> None:
    made = bench()
    calling(made, "07 18 03 a98381")
    [call] = made.told
    assert call.state == "answered"
    call.clear(NORMAL)
    when, cause, _ = cleared(made)
    [disconnect] = made.peer.times(DISCONNECT)
    first, second = made.peer.times(RELEASE)
    assert first == after(disconnect, TIMERS["T305"]) and second == after(first, TIMERS["T308"])
    assert when == after(second, TIMERS["T308"]) and cause == 16
    assert made.trunk.span.state().free == 3 and made.trunk.channel.stats().calls == 0


@pytest.mark.parametrize("t309", [6_000, 30_000])
def test_t309_ends_conversations_when_layer_2_stays_down(t309: int) -> None:
    made = bench(rules=PriRules(timers={"T309": t309}))
    calling(made, "07 18 03 a98381")
    made.peer.mute = True
    made.time.run(lambda: not made.trunk.up, 30.0)
    [call] = made.told
    assert call.state == "answered"
    down_s = made.now_s
    when, cause, detail = cleared(made)
    # libpri counts from the moment in which SABME was given up, N200 times T200 after it noticed.
    assert down_s + t309 / 1000 <= when <= down_s + t309 / 1000 + 5
    assert (cause, detail) == (27, "D channel down")


def test_t313_ends_a_call_whose_answer_is_not_acknowledged() -> None:
    made = bench()
    made.peer.say(OFFER)
    made.time.run(lambda: bool(made.offered), 1.0)
    made.offered[0].answer()
    made.time.run(lambda: DISCONNECT in made.peer.types(), 10.0)
    [connect], [disconnect] = made.peer.times(CONNECT), made.peer.times(DISCONNECT)
    assert disconnect == after(connect, TIMERS["T313"])
    made.peer.say("08 02 0001 4d 08 02 8190")
    assert cleared(made)[1] == 16


def test_t316_and_n316_repeat_a_restart() -> None:
    made = bench()
    made.trunk.restart(2)
    assert made.trunk.span.is_now(2) == "blocked"
    made.time.run_for(300)
    first, second = made.peer.times(RESTART)
    assert second == after(first, TIMERS["T316"])
    assert made.trunk.span.blocked_by(2) == ("far",)
    made.trunk.restart(2)
    made.time.run_for(1)
    assert len(made.peer.times(RESTART)) == 3
    made.peer.say("08 02 8000 4e 18 03 a98382 79 01 80")
    made.time.run_for(1)
    assert made.trunk.span.is_now(2) == "free"


def test_a_channel_that_the_far_end_restarts_is_not_restarted_again_under_its_next_call() -> None:
    """Both ends restart their channels one after the other when the line comes up."""
    made = bench()
    made.trunk.restart(1, 2)
    made.time.run_for(0.2)
    assert len(made.peer.times(RESTART)) == 1
    for slot in (1, 2):
        made.peer.say(f"08 02 0000 46 18 03 a9838{slot} 79 01 80")
    made.time.run_for(0.2)
    assert made.trunk.span.is_now(2) == "free"
    assert made.trunk.span.is_now(1) == "blocked"  # ours has not been answered
    made.peer.say("08 02 0001 05 a1 04 03 9090a3 18 03 a98382 70 03 80 3131")
    made.time.run(lambda: bool(made.offered), 1.0)
    made.peer.say("08 02 8000 4e 18 03 a98381 79 01 80")
    made.time.run_for(1)
    assert len(made.peer.times(RESTART)) == 1 and made.trunk.span.is_now(1) == "free"
    assert made.offered[0].slot == 2 and made.offered[0].state != "cleared"


def test_a_restart_that_crosses_the_far_ends_and_is_not_answered() -> None:
    made = bench()
    made.trunk.restart(1)
    made.time.run_for(0.2)
    made.peer.say("08 02 0000 46 18 03 a98381 79 01 80")
    made.time.run_for(1)
    assert made.trunk.span.is_now(1) == "blocked"
    made.time.run_for(300)
    assert made.trunk.span.is_now(1) == "free"


# ---- ours ---------------------------------------------------------------------------------------------


def test_t301_ends_a_call_that_nobody_answers() -> None:
    made = bench()
    calling(made, "01 18 03 a98381")
    alerted = made.now_s
    made.time.run(lambda: bool(made.peer.times(DISCONNECT)), 200.0)
    assert made.peer.times(DISCONNECT)[0] == pytest.approx(alerted + 180, abs=0.2)
    assert made.peer.messages[-1].message[-1] & 0x7F == 19


def test_t302_takes_the_digits_that_there_are() -> None:
    made = bench(rules=PriRules(overlap=True))
    made.peer.say("08 02 0001 05 04 03 9090a3 18 03 a98381 70 03 80 3131")
    made.time.run_for(0.1)
    [call] = made.offered
    assert made.peer.types() == [SETUP_ACK] and not call.numbers.complete
    asked = made.peer.times(SETUP_ACK)[0]
    made.time.run_for(10)
    made.peer.say("08 02 0001 7b 70 02 80 36")
    made.time.run_for(0.1)
    assert call.numbers.called == "116" and not call.numbers.complete
    made.time.run(lambda: call.numbers.complete, 20.0)
    assert made.now_s == pytest.approx(asked + 10 + 15, abs=0.2)
    call.clear()
    made.time.run_for(0.1)
    assert made.peer.types() == [SETUP_ACK, PROCEEDING, DISCONNECT]


def test_t302_without_any_digit() -> None:
    made = bench(rules=PriRules(overlap=True))
    made.peer.say("08 02 0001 05 04 03 9090a3 18 03 a98381")
    made.time.run_for(20)
    assert not made.offered and made.peer.types() == [SETUP_ACK, DISCONNECT]
    assert made.peer.messages[-1].message[-1] & 0x7F == 28
    assert made.peer.times(DISCONNECT)[0] == after(made.peer.times(SETUP_ACK)[0], TIMERS["T302"])
    made.peer.say("08 02 0001 4d")
    made.time.run_for(0.2)
    assert made.peer.types()[-1] == RELEASE_COMPLETE and made.trunk.span.state().free == 3


def test_t304_ends_a_call_whose_digits_lead_nowhere() -> None:
    made = bench()
    call = made.follow(made.trunk.call(Numbers("010", complete=False)))
    call.more("1")
    made.time.run_for(0.1)
    reference = int.from_bytes(made.peer.messages[-1].data[6:8])
    assert made.peer.types() == [SETUP]
    made.peer.say(f"08 02 {reference | 0x8000:04x} 0d 18 03 a98381")
    made.time.run_for(10)
    assert made.peer.types() == [SETUP, INFORMATION]
    call.more("2")
    made.time.run(lambda: DISCONNECT in made.peer.types(), 60.0)
    assert made.peer.times(DISCONNECT)[0] == after(made.peer.times(INFORMATION)[1], TIMERS["T304"])
    assert call.cause is not None and (call.cause.number, call.cause.detail) == (102, "T304")


@pytest.mark.parametrize(("side", "t310_s"), [("user", 60), ("network", 10)])
def test_t310_ends_a_call_that_goes_no_further(side: str, t310_s: int) -> None:
    made = bench("user" if side == "user" else "network")
    calling(made, "02 18 03 a98381")
    proceeding = made.now_s
    made.time.run(lambda: bool(made.peer.times(DISCONNECT)), 200.0)
    assert made.peer.times(DISCONNECT)[0] == pytest.approx(proceeding + t310_s, abs=0.2)
    [call] = made.told
    assert call.cause is not None and (call.cause.number, call.cause.detail) == (102, "T310")
    assert made.peer.messages[-1].message[-1] & 0x7F == 102


def test_tones_end_t310() -> None:
    made = bench()
    calling(made, "02 18 03 a98381 1e 02 8288")
    made.time.run_for(100)
    [call] = made.told
    assert call.state == "proceeding" and made.whats(call) == ["proceeding", "progress"]


# ---- settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"timers": {"T999": 1}},
        {"timers": {"T303": -1}},
        {"timers": {"T303": 3_600_001}},
        {"timers": {"K": 0}},
        {"timers": {"K": 128}},
        {"called_plan": 0x80},
        {"bearer": "fax"},
    ],
)
def test_rules_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ArgumentError):
        PriRules(**wrong)  # type: ignore[arg-type]


def test_timers_are_the_sites_to_set() -> None:
    made = bench(rules=PriRules(timers={"T303": 1_500, "T200": 400, "T203": 2_000}))
    calling(made)
    when, _, _ = cleared(made)
    first, second = made.peer.times(SETUP)
    assert second == after(first, 1_500) and when == after(second, 1_500)
