"""Analog lines as a trunk, against an exchange's end of them: what every trunk does, and what only these do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from drivers import events as ev
from drivers.callerid import encode_dtmf, encode_mdmf
from drivers.card import USUAL, SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.errors import ArgumentError, PortBusy
from drivers.items import Digits, Silence, Tone
from drivers.operations import quietly
from drivers.port import Port
from drivers.signalling.analog import AnalogRules, AnalogTrunk
from drivers.signalling.causes import BUSY, CONGESTION, NORMAL, UNALLOCATED, Cause
from drivers.signalling.interface import Numbers
from drivers.stepped import Stepper
from drivers.tones import Tone as PlanTone
from drivers.tones import TonePlan
from tests.conftest import LoggedFailures
from tests.drivers.card_rig import voice
from tests.drivers.trunk_tests import FarCall, FarEnd, Trunks, TrunkTests

LINES = 3
PLAN = TonePlan(
    "GB/T 3380",
    (
        PlanTone("dial", 450, min_ms=850, bridge_ms=100),
        PlanTone("ringback", 450, cadence_ms=(1000, 4000), min_cycles=1, watch_overdue=True),
        PlanTone("busy", 450, cadence_ms=(350, 350), min_cycles=3),
        PlanTone("congestion", 450, cadence_ms=(700, 700), min_cycles=2),
        PlanTone("info", 450, cadence_ms=(100, 100, 100, 100, 100, 100, 400, 400), min_cycles=2),
    ),
)
TONES: dict[str, Tone] = {
    "dial": Tone(450),
    "ringback": Tone(450, cadence_ms=(1000, 4000)),
    "busy": Tone(450, cadence_ms=(350, 350)),
    "congestion": Tone(450, cadence_ms=(700, 700)),
    "info": Tone(450, cadence_ms=(100, 100, 100, 100, 100, 100, 400, 400)),
}
OF_CAUSE = {17: "busy", 42: "congestion", 1: "info"}


class OfficeCall(FarCall):
    """A call on one line of the exchange."""

    def __init__(self, office: Office, port: Port, numbers: Numbers) -> None:
        super().__init__(port, numbers)
        self.office = office
        self.state = "rings"
        self._ringing: Deferred[None] | None = None
        port.begin_call()

    def rings(self, form: str) -> None:
        number, absence = self.numbers.calling or None, "private" if self.numbers.restricted else "unavailable"
        message: bytes | str | None = None
        if form == "fsk":
            message = encode_mdmf(number, "", "01050900", reason=absence)  # type: ignore[arg-type]
        elif form == "dtmf":
            message = encode_dtmf(number, absence)  # type: ignore[arg-type]
        self._ringing = self.port.ring((1000, 4000), message)
        quietly(self._ringing)

    def answered(self) -> None:
        """The FXO port closed its loop."""
        self.state = "talks"
        self.heard.append("answered")

    async def takes_digits(self) -> None:
        """Off-hook without a call: dial tone, digits, and the number is complete when no more come."""
        self.state = "dials"
        if self.office.register:
            quietly(self.port.play(TONES[self.office.register]))
        got = await self.port.collect(20, 20, 1.0, end="")
        if self.port.player is None and self.office.register == "dial":
            self.numbers = Numbers(called=got.text)
            self.state = "called"
            self.office.calls.append(self)

    def alerting(self) -> None:
        if self.state == "called":
            self.plays(TONES["ringback"])

    def answer(self) -> None:
        if self.state == "called":
            self.state = "talks"
            self.plays(Silence(1))
            if self.office.polarity:
                self.port.polarity(True)

    def plays(self, item: Any) -> None:
        if self.port.player is not None:
            self.port.player.deferred.cancel()
        quietly(self.port.play(item))

    def clear(self, cause: Cause = NORMAL) -> None:
        if self.state == "over":
            return
        if self.state == "rings":
            if self._ringing is not None:
                self._ringing.cancel()
            self.over()
        elif self.state == "talks" and self.office.drops:
            self.port.polarity(False)
            quietly(self.port.loop_open(600))
        elif self.state != "dials":
            self.plays(TONES[OF_CAUSE.get(cause.number, "busy")])

    def on_hook(self) -> None:
        self.heard.append("cleared")
        self.over()

    def over(self) -> None:
        self.state = "over"
        self.port.polarity(False)
        self.port.begin_call()
        if self.port.player is not None:
            self.port.player.deferred.cancel()
        self.office.on_line.pop(self.port, None)


class Office(FarEnd):
    """The exchange: `register` is what a line gives that goes off-hook; `form` of the caller ID; `drops` the loop when
    its subscriber hangs up, `polarity` reverses at the answer."""

    def __init__(self, ports: Sequence[Port]) -> None:
        super().__init__()
        self.ports = list(ports)
        self.on_line: dict[Port, OfficeCall] = {}
        self.register, self.form, self.drops, self.polarity = "dial", "fsk", True, True
        for port in ports:
            port.setting("flash_max_ms", 200)
            port.listen(lambda event, port=port: self._event(port, event))  # type: ignore[misc]

    def _event(self, port: Port, event: ev.Event) -> None:
        call = self.on_line.get(port)
        if isinstance(event, ev.OffHook):
            if call is not None and call.state == "rings":
                call.answered()
            elif call is None:
                call = self.on_line[port] = OfficeCall(self, port, Numbers())
                quietly(Deferred.fromCoroutine(call.takes_digits()))
        elif isinstance(event, ev.OnHook) and call is not None:
            call.on_hook()

    def call(self, numbers: Numbers, slot: int) -> OfficeCall:
        port = self.ports[slot - 1]
        if port in self.on_line:
            raise PortBusy(port.name)
        call = self.on_line[port] = OfficeCall(self, port, numbers)
        call.rings(self.form)
        return call

    def close(self) -> None:
        for port in self.ports:
            port.begin_call()

    def idle(self) -> bool:
        return not self.on_line and not any(port.state().off_hook for port in self.ports)


class Lines(Trunks):
    """With what only analog lines have."""

    far: Office
    near: AnalogTrunk
    cards: tuple[SoftwareCard, SoftwareCard]


def join(rules: AnalogRules | None = None, capabilities: tuple[str, ...] = USUAL) -> Lines:
    clock = SteppedClock()
    engines = [Engine(clock, name=name) for name in ("office", "server")]
    far = SoftwareCard(engines[0], "fxs", LINES, name="office")
    near = SoftwareCard(engines[1], "fxo", LINES, capabilities=capabilities, name="co")
    for index in range(LINES):
        near.wire(index, far, index)
    time = Stepper(clock, engines)
    trunk = AnalogTrunk("office", near.ports, rules or AnalogRules(tones=PLAN, dnis="66886688"))
    office = Office(far.ports)

    def cut(on: int) -> None:
        for index in range(LINES):
            near.faults(index, cut=on)

    made = Lines(
        time,
        trunk,
        office,
        lambda: cut(1),
        lambda: cut(0),
        tells_called=False,
        tells_calling=False,
        dnis="66886688",
        rings_on=True,
        alarm_is_drop=True,
    )
    made.cards = (near, far)
    time.run_for(1)
    return made


Make = Callable[..., Lines]


@pytest.fixture
def lines() -> Iterator[Make]:
    """Makes lines as `join` does, and closes them."""
    made: list[Lines] = []

    def make(*args: Any, **options: Any) -> Lines:
        made.append(join(*args, **options))
        return made[-1]

    yield make
    for trunks in made:
        trunks.close()


class TestAnalogTrunk(TrunkTests):
    @pytest.fixture
    def trunks(self, lines: Make) -> Trunks:
        return lines()


class TestEndsOfRingingOnly(TrunkTests):
    """A card that tells a burst of ringing only when it is over."""

    @pytest.fixture
    def trunks(self, lines: Make) -> Trunks:
        return lines(capabilities=tuple(name for name in USUAL if name != "reports_ring_begin"))


def test_the_ring_offers_and_the_caller_id_completes(lines: Make) -> None:
    trunks = lines()
    far = trunks.far.call(Numbers("66886688", "01062001234"), 1)
    trunks.time.run(lambda: bool(trunks.offered), 2.0)
    [call] = trunks.offered
    assert not call.numbers.complete and call.numbers.called == "66886688"
    trunks.until(call, "digits", 4.0)
    assert call.numbers == Numbers("66886688", "01062001234")
    assert "answered" not in far.heard


def test_digits_before_the_first_ring_are_the_caller_at_once(lines: Make) -> None:
    trunks = lines()
    trunks.far.form = "dtmf"
    trunks.far.call(Numbers("66886688", "13800138000"), 1)
    trunks.time.run(lambda: bool(trunks.offered), 10.0)
    assert trunks.offered[0].numbers == Numbers("66886688", "13800138000")


def test_a_line_that_is_told_its_caller_is_not_seized(lines: Make) -> None:
    """Lifted in the middle of the digits before the first ring, it would have answered the caller, and have waited for
    dial tone."""
    trunks = lines()
    trunks.far.form = "dtmf"
    trunks.far.call(Numbers("66886688", "13800138000"), 1)
    trunks.time.run_for(0.5)
    assert not trunks.offered
    with pytest.raises(PortBusy, match="line 1 is about to ring"):
        trunks.near.call(Numbers("02162005678"), slot=1)
    ours = trunks.near.call(Numbers("02162005678"))
    assert ours.slot == 2
    trunks.time.run(lambda: bool(trunks.offered), 10.0)
    assert trunks.offered[0].slot == 1 and trunks.offered[0].numbers == Numbers("66886688", "13800138000")
    ours.clear()
    trunks.offered[0].answer()
    trunks.time.run_for(1)
    collected = trunks.offered[0].port.collect(5, 3, 1)
    quietly(trunks.far.on_line[trunks.far.ports[0]].port.play(Digits("357")))
    got = trunks.time.run(collected)
    assert got is not None and got.text == "357", "what the office sent was not typed by the caller"


def test_digits_that_nobody_rings_after_block_a_line_for_two_seconds(lines: Make) -> None:
    trunks = lines()
    trunks.far.ports[0].begin_call()
    quietly(trunks.far.ports[0].ring((1000, 4000), "13800138000"))
    trunks.time.run_for(0.5)
    trunks.far.ports[0].begin_call()  # the caller gives up, or it was noise
    trunks.time.run_for(1.0)
    with pytest.raises(PortBusy):
        trunks.near.call(Numbers("02162005678"), slot=1)
    trunks.time.run_for(1.5)
    ours = trunks.near.call(Numbers("02162005678"), slot=1)
    trunks.follow(ours)
    trunks.until(ours, "proceeding")
    ours.clear()


def test_without_caller_id_the_numbers_are_complete_when_none_can_come(lines: Make) -> None:
    trunks = lines()
    trunks.far.form = "none"
    trunks.far.call(Numbers("66886688"), 1)
    trunks.time.run(lambda: bool(trunks.offered), 2.0)
    began = trunks.time.clock.seconds()  # type: ignore[attr-defined]
    trunks.until(trunks.offered[0], "digits", 6.0)
    assert 3.5 < trunks.time.clock.seconds() - began < 4.5  # type: ignore[attr-defined]
    assert trunks.offered[0].numbers == Numbers("66886688")


def test_lines_without_caller_id_do_not_wait(lines: Make) -> None:
    for trunks in (
        lines(AnalogRules(tones=PLAN, caller_id=False)),
        lines(capabilities=tuple(name for name in USUAL if name != "hears_on_hook")),
    ):
        trunks.far.call(Numbers("", "13800138000"), 1)
        trunks.time.run_for(2)
        assert trunks.offered[0].numbers.complete and not trunks.offered[0].numbers.calling


def test_a_damaged_caller_id_leaves_the_caller_unknown(lines: Make) -> None:
    trunks = lines()
    near, _ = trunks.cards
    near.faults(0, noise_dbm0=-12.0, loss_db=20.0)
    trunks.far.call(Numbers("66886688", "01062001234"), 1)
    trunks.time.run(lambda: bool(trunks.offered) and trunks.offered[0].numbers.complete, 10.0)
    assert trunks.offered[0].numbers.calling == ""


@pytest.mark.parametrize(("cause", "number"), [(BUSY, 17), (CONGESTION, 42), (UNALLOCATED, 1)])
def test_tones_are_causes(lines: Make, cause: Cause, number: int) -> None:
    trunks = lines()
    call, far = trunks.outgoing()
    far.clear(cause)
    trunks.until(call, "cleared")
    assert call.cause is not None and call.cause.number == number and "tone" in call.cause.detail


@pytest.mark.parametrize("how", ["polarity", "ringback_stops", "voice"])
def test_an_answer_as_the_line_tells_it(lines: Make, how: str) -> None:
    trunks = lines(AnalogRules(tones=PLAN, answer=(how,)))  # type: ignore[arg-type]
    trunks.far.polarity = how == "polarity"
    call, far = trunks.outgoing()
    far.alerting()
    trunks.until(call, "alerting")
    trunks.time.run_for(2)
    far.answer()
    if how == "voice":
        trunks.time.run_for(1)
        assert call.state == "alerting"
        quietly(far.port.play(voice(3)))
    trunks.until(call, "answered", 6.0)
    far.clear()
    trunks.until(call, "cleared")
    trunks.all_free()


def test_an_announcement_before_ringback_is_no_answer(lines: Make) -> None:
    trunks = lines()
    trunks.far.polarity = False
    call, far = trunks.outgoing()
    assert isinstance(far, OfficeCall)
    far.plays(voice(5))
    trunks.until(call, "progress", 6.0)
    assert call.state == "proceeding"
    call.clear()
    trunks.all_free()


def test_nobody_answers(lines: Make) -> None:
    trunks = lines(AnalogRules(tones=PLAN, answer_s=20))
    call, far = trunks.outgoing()
    far.alerting()
    trunks.until(call, "cleared")
    assert call.cause == Cause(19, "time-out")
    trunks.all_free()


@pytest.mark.parametrize(("register", "number"), [("", 41), ("busy", 42), ("congestion", 42)])
def test_no_dial_tone(lines: Make, register: str, number: int) -> None:
    trunks = lines()
    trunks.far.register = register
    call = trunks.near.call(Numbers("10086"))
    trunks.follow(call)
    trunks.until(call, "cleared", 10.0)
    assert call.cause is not None and call.cause.number == number and "dial tone" in call.cause.detail
    trunks.all_free()


def test_dialling_without_dial_tone_where_the_line_has_none(lines: Make) -> None:
    trunks = lines(AnalogRules(tones=PLAN, dial_tone_s=0, dial_pause_s=1.0))
    call, far = trunks.outgoing(Numbers("120"))
    assert far.numbers.called == "120"
    call.clear()
    trunks.all_free()


def test_further_digits_are_dialled_behind(lines: Make) -> None:
    trunks = lines()
    call = trunks.near.call(Numbers("0216", complete=False))
    trunks.time.run_for(3.1)
    call.more("2005")
    call.more("678")
    trunks.time.run(lambda: bool(trunks.far.calls), 10.0)
    assert trunks.far.calls[0].numbers.called == "02162005678"
    assert call.numbers.called == "02162005678"
    call.clear()
    trunks.all_free()


def test_a_number_that_cannot_be_dialled_seizes_nothing(lines: Make) -> None:
    trunks = lines()
    with pytest.raises(ArgumentError):
        trunks.near.call(Numbers("+862162005678"))
    assert trunks.free()


@pytest.mark.parametrize("how", ["polarity", "busy_tone"])
def test_the_far_end_hangs_up_on_a_line_without_loop_drop(lines: Make, how: str) -> None:
    trunks = lines()
    trunks.far.drops = False
    trunks.far.polarity = how == "polarity"
    call, far = trunks.talking(outgoing=True)
    trunks.time.run_for(3)
    if how == "polarity":
        far.port.polarity(False)
    else:
        far.clear()
    trunks.until(call, "cleared", 10.0)
    assert call.cause is not None and call.cause.detail == how.replace("_", " ")
    trunks.all_free()


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.04])
def test_seizing_a_line_that_rings_takes_its_caller(lines: Make, after_s: float) -> None:
    trunks = lines()
    trunks.near.call(Numbers("10086"), slot=1).clear()
    trunks.all_free()
    before = trunks.near.call(Numbers("10086"), slot=1)  # the line gives dial tone
    trunks.time.run_for(2)
    before.clear()
    trunks.all_free()
    far = trunks.far.call(Numbers("66886688", "01062001234"), 1)
    trunks.time.run_for(after_s)
    ours = trunks.near.call(Numbers("02162005678"), slot=1)
    trunks.follow(ours)
    trunks.until(ours, "cleared")
    assert ours.cause is not None and ours.cause.number == 44
    [theirs] = trunks.offered
    theirs.answer()
    trunks.time.run_for(0.5)
    assert "answered" in far.heard
    collected = theirs.port.collect(3, 5, 2)
    quietly(far.port.play(Digits("357")))
    got = trunks.time.run(collected)
    assert got is not None and got.text == "357"
    counted = trunks.near.span.statistics()
    assert (counted.seized_out, counted.seized_in) == (3, 1)
    assert counted.failures["44 requested channel not available"] == 1
    far.clear()
    trunks.until(theirs, "cleared")
    trunks.all_free()


def test_a_refused_call_rings_on_and_holds_its_line(lines: Make) -> None:
    trunks = lines()
    call, far = trunks.incoming()
    call.clear()
    trunks.until(call, "cleared")
    trunks.time.run_for(20)
    assert trunks.near.span.is_now(1) == "busy" and len(trunks.offered) == 1 and far.heard == []
    far.clear()
    trunks.all_free()


def test_a_blocked_line_is_held_off_hook_and_lets_go(lines: Make) -> None:
    trunks = lines()
    trunks.near.block(2)
    trunks.time.run_for(1)
    assert trunks.far.ports[1].state().off_hook
    trunks.near.unblock(2)
    trunks.time.run_for(4)
    trunks.all_free()


def test_a_line_that_is_for_incoming_calls_only(lines: Make) -> None:
    trunks = lines()
    trunks.near.span.directions.update({1: "in", 2: "out", 3: "both"})
    assert trunks.near.call(Numbers("10086")).slot == 2
    assert trunks.near.call(Numbers("10086")).slot == 3
    with pytest.raises(PortBusy):
        trunks.near.call(Numbers("10086"))
    far = trunks.far.call(Numbers("66886688", "01062001234"), 1)
    trunks.time.run(lambda: len(trunks.offered) == 1, 5.0)
    far.clear()


def test_whoever_hangs_the_port_up_ends_the_call(lines: Make) -> None:
    trunks = lines()
    call, _ = trunks.talking()
    call.port.hangup()
    trunks.until(call, "cleared")
    assert call.cause is not None
    trunks.all_free()


def test_a_call_that_cannot_be_taken_harms_nobody(lines: Make, logged_failures: LoggedFailures) -> None:
    trunks = lines()

    def wrong(call: object) -> None:
        raise KeyError(call)

    trunks.near.offered = wrong
    far = trunks.far.call(Numbers("66886688", "01062001234"), 1)
    trunks.time.run_for(8)
    far.clear()
    trunks.all_free()
    assert [type(value) for value in logged_failures.flush()] == [KeyError]
