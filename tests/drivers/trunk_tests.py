"""What any trunk must do, whatever signals on it: written against the trunk interface and the far end's acts.

`TrunkTests` runs over analog lines, PRI and R2: a subclass provides the fixture `trunks` (`Trunks`). Where the far end
is a trunk, too, `TrunkFarEnd` is its hand; the far end of an analog line is an exchange's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from drivers.errors import ArgumentError, PortBusy
from drivers.items import Digits, Tone
from drivers.operations import quietly
from drivers.port import Port
from drivers.signalling.causes import BUSY, NORMAL, REJECTED, Cause
from drivers.signalling.interface import ORDER, Numbers, Trunk, TrunkCall, What
from tests.conftest import LoggedFailures
from tests.drivers.card_rig import Time

THEIRS = Numbers("66886688", "01062001234")
OURS = Numbers("02162005678", "66886688")


class FarCall(ABC):
    """A call as the far end sees it. `heard`: what it was told of ours: alerting, answered, cleared."""

    def __init__(self, port: Port, numbers: Numbers) -> None:
        self.port = port
        self.numbers = numbers
        self.heard: list[str] = []
        self.cause: Cause | None = None

    @abstractmethod
    def alerting(self) -> None: ...

    @abstractmethod
    def answer(self) -> None: ...

    @abstractmethod
    def clear(self, cause: Cause = NORMAL) -> None: ...


class FarEnd(ABC):
    """The far end of the trunk. `calls`: those of ours that have come there, their numbers complete."""

    def __init__(self) -> None:
        self.calls: list[FarCall] = []

    @abstractmethod
    def call(self, numbers: Numbers, slot: int) -> FarCall:
        """Calls us on this channel."""

    @abstractmethod
    def idle(self) -> bool:
        """Are all its channels free?"""

    @abstractmethod
    def close(self) -> None:
        """Ends all calls, and everything that was begun."""


class TrunkFarEnd(FarEnd):
    """A far end that is a trunk."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk
        trunk.offered = self._offered

    def _offered(self, call: TrunkCall) -> None:
        if call.numbers.complete:
            self.calls.append(_FarTrunkCall(call))
            return

        def digits(call: TrunkCall, what: What) -> None:
            if what == "digits" and call.numbers.complete:
                deaf()
                self.calls.append(_FarTrunkCall(call))

        deaf = call.listen(digits)

    def call(self, numbers: Numbers, slot: int) -> FarCall:
        return _FarTrunkCall(self.trunk.call(numbers, slot=slot))

    def idle(self) -> bool:
        state = self.trunk.span.state()
        return state.free == state.channels

    def close(self) -> None:
        self.trunk.close()


class _FarTrunkCall(FarCall):
    def __init__(self, call: TrunkCall) -> None:
        super().__init__(call.port, call.numbers)
        self._call = call
        call.listen(self._told)

    def _told(self, call: TrunkCall, what: What) -> None:
        self.heard.append(what)
        self.numbers, self.cause = call.numbers, call.cause
        if what == "suspended":
            call.clear()  # who called puts down the handset, too

    def alerting(self) -> None:
        self._call.alerting()

    def answer(self) -> None:
        self._call.answer()

    def clear(self, cause: Cause = NORMAL) -> None:
        self._call.clear(cause)


@dataclass
class Trunks:
    """Our trunk and its far end. `fail` breaks all its lines until `mend`. `tells_called`: an incoming call says whom
    it calls; else `dnis` is put in its place. `tells_calling`: an outgoing call says who calls. `tells_withheld`: that
    the caller wants not to be shown, instead of just not showing. `crosses`: causes that
    the far end's clearing before the answer carries to us, and ours to it. `rings_on`: a call that we refuse is not
    over until the far end gives up. `alarm_is_drop`: a cut line looks like a far end that hangs up. `slot`: a channel
    that both ends may seize. `settle_s`: all is quiet so long after."""

    time: Time
    near: Trunk
    far: FarEnd
    fail: Callable[[], None]
    mend: Callable[[], None]
    slot: int = 1
    tells_called: bool = True
    tells_calling: bool = True
    tells_withheld: bool = True
    dnis: str = ""
    crosses: tuple[int, ...] = (16, 17)
    rings_on: bool = False
    alarm_is_drop: bool = False
    settle_s: float = 12.0

    def __post_init__(self) -> None:
        self.offered: list[TrunkCall] = []
        self.told: dict[TrunkCall, list[What]] = {}
        self.near.offered = self._offered

    def _offered(self, call: TrunkCall) -> None:
        self.offered.append(call)
        self.follow(call)

    def follow(self, call: TrunkCall) -> None:
        """Notes what the call is told; where the called party hangs up first, we follow."""
        said = self.told[call] = []

        def told(call: TrunkCall, what: What) -> None:
            said.append(what)
            if what == "suspended":
                call.clear()

        call.listen(told)

    def incoming(self, numbers: Numbers = THEIRS, slot: int = 0) -> tuple[TrunkCall, FarCall]:
        """A call of the far end, offered to us, its numbers complete."""
        before = len(self.offered)
        far = self.far.call(numbers, slot or self.slot)
        self.time.run(lambda: len(self.offered) > before and self.offered[before].numbers.complete, 30.0)
        return self.offered[before], far

    def outgoing(self, numbers: Numbers = OURS, slot: int = 0) -> tuple[TrunkCall, FarCall]:
        """A call of ours that has come to the far end."""
        before = len(self.far.calls)
        call = self.near.call(numbers, slot=slot or self.slot)
        self.follow(call)
        self.time.run(lambda: len(self.far.calls) > before, 30.0)
        return call, self.far.calls[before]

    def talking(self, outgoing: bool = False) -> tuple[TrunkCall, FarCall]:
        """A conversation."""
        if outgoing:
            call, far = self.outgoing()
            far.alerting()
            self.until(call, "alerting")
            far.answer()
            self.until(call, "answered")
        else:
            call, far = self.incoming()
            call.alerting()
            call.answer()
            self.time.run(lambda: "answered" in far.heard, 10.0)
        return call, far

    def until(self, call: TrunkCall, what: What, limit_s: float = 60.0) -> None:
        self.time.run(lambda: what in self.told[call], limit_s)

    def free(self) -> bool:
        """Is every channel free, at both ends?"""
        state = self.near.span.state()
        return state.free == state.channels and self.far.idle()

    def close(self) -> None:
        """Leaves nothing behind; for the fixture's end."""
        self.near.close()
        self.far.close()
        self.time.run_for(3)

    def all_free(self) -> None:
        """Nothing is stuck."""
        self.time.run(self.free, 60.0)
        assert not [text for port in self.near.span.channels.values() for text in port.operations]


class TrunkTests:
    # ---- incoming ------------------------------------------------------------------------------------

    def test_a_call_is_offered_with_its_numbers(self, trunks: Trunks) -> None:
        call, far = trunks.incoming()
        assert call.incoming and call.state == "offered" and call.slot == trunks.slot
        assert call.numbers.called == ("66886688" if trunks.tells_called else trunks.dnis)
        assert call.numbers.calling == "01062001234" and not call.numbers.restricted
        assert call.port is trunks.near.span.channels[trunks.slot]
        far.clear()
        trunks.until(call, "cleared")
        trunks.all_free()

    @pytest.mark.parametrize("digits", [1, 3, 7, 8, 11, 15, 19, 20])
    def test_numbers_of_any_length(self, trunks: Trunks, digits: int) -> None:
        number = "13800138000987654321"[:digits]
        call, far = trunks.incoming(Numbers("66886688", number))
        assert call.numbers.calling == number
        far.clear()
        trunks.until(call, "cleared")
        trunks.all_free()
        if trunks.tells_called:
            assert trunks.outgoing(Numbers(number, "66886688"))[1].numbers.called == number

    def test_a_withheld_number_is_told_as_such(self, trunks: Trunks) -> None:
        call, _ = trunks.incoming(Numbers("66886688", "", restricted=True))
        assert call.numbers.calling == "" and call.numbers.restricted == trunks.tells_withheld

    def test_sound_crosses_after_the_answer(self, trunks: Trunks) -> None:
        call, far = trunks.talking()
        self.digits_cross(trunks, call, far)

    def digits_cross(self, trunks: Trunks, call: TrunkCall, far: FarCall) -> None:
        for sender, hearer in ((far.port, call.port), (call.port, far.port)):
            collected = hearer.collect(4, 5, 2)
            quietly(sender.play(Digits("1590")))
            got = trunks.time.run(collected)
            assert got is not None and got.text == "1590"

    def test_the_far_end_hangs_up(self, trunks: Trunks) -> None:
        call, far = trunks.talking()
        far.clear()
        trunks.until(call, "cleared")
        assert call.state == "cleared" and call.cause is not None and call.cause.number == 16
        trunks.all_free()

    def test_we_hang_up_first(self, trunks: Trunks) -> None:
        call, far = trunks.talking()
        call.clear()
        call.clear(BUSY)
        trunks.until(call, "cleared")
        assert call.cause == NORMAL and trunks.told[call].count("cleared") == 1
        trunks.time.run(lambda: "cleared" in far.heard, 30.0)
        trunks.all_free()

    def test_both_hang_up_at_once(self, trunks: Trunks) -> None:
        for outgoing in (False, True):
            call, far = trunks.talking(outgoing)
            call.clear()
            far.clear()
            trunks.until(call, "cleared")
            trunks.all_free()
            assert trunks.told[call].count("cleared") == 1

    def test_a_caller_gives_up_before_the_answer(self, trunks: Trunks) -> None:
        call, far = trunks.incoming()
        call.alerting()
        far.clear()
        trunks.until(call, "cleared")
        call.answer()
        assert call.state == "cleared"
        trunks.all_free()

    def test_a_call_is_refused(self, trunks: Trunks) -> None:
        call, far = trunks.incoming()
        call.clear(BUSY)
        trunks.until(call, "cleared")
        assert call.cause == BUSY
        if trunks.rings_on:
            trunks.time.run_for(3)
            far.clear()
        else:
            trunks.time.run(lambda: "cleared" in far.heard, 30.0)
            if 17 in trunks.crosses:
                assert far.cause is not None and far.cause.number == 17
        trunks.all_free()

    def test_without_anybody_who_listens_calls_are_refused(self, trunks: Trunks) -> None:
        trunks.near.offered = None
        far = trunks.far.call(Numbers("66886688", "01062001234"), trunks.slot)
        trunks.time.run_for(15)
        if trunks.rings_on:
            assert "answered" not in far.heard
            far.clear()
        else:
            assert "cleared" in far.heard
        trunks.all_free()

    # ---- outgoing ------------------------------------------------------------------------------------

    def test_a_call_goes_out(self, trunks: Trunks) -> None:
        call, far = trunks.outgoing()
        assert far.numbers.called == "02162005678"
        if trunks.tells_calling:
            assert far.numbers.calling == "66886688"
        far.alerting()
        trunks.until(call, "alerting")
        assert call.state == "alerting"
        trunks.time.run_for(6)
        assert call.state == "alerting"
        far.answer()
        trunks.until(call, "answered")
        trunks.time.run_for(2)
        self.digits_cross(trunks, call, far)
        steps = [what for what in trunks.told[call] if what in ORDER]
        assert steps == sorted(steps, key=ORDER.index)
        far.clear()
        trunks.until(call, "cleared")
        assert call.cause is not None and call.cause.number == 16
        trunks.all_free()

    def test_the_called_party_is_busy(self, trunks: Trunks) -> None:
        call, far = trunks.outgoing()
        far.clear(BUSY)
        trunks.until(call, "cleared")
        assert call.cause is not None and call.cause.number == 17
        trunks.all_free()
        assert sum(trunks.near.span.statistics().failures.values()) == 1

    def test_we_give_up_while_it_rings(self, trunks: Trunks) -> None:
        call, far = trunks.outgoing()
        far.alerting()
        trunks.until(call, "alerting")
        call.clear()
        trunks.until(call, "cleared")
        trunks.time.run(lambda: "cleared" in far.heard, 30.0)
        trunks.all_free()

    @pytest.mark.parametrize("after_s", [0.0, 0.02, 0.1, 0.5, 1.0, 2.0, 3.0, 4.5])
    def test_we_give_up_at_any_moment(self, trunks: Trunks, after_s: float) -> None:
        call = trunks.near.call(Numbers("02162005678", "66886688"), slot=trunks.slot)
        trunks.follow(call)
        trunks.time.run_for(after_s)
        call.clear()
        trunks.until(call, "cleared")
        assert call.cause == NORMAL
        trunks.all_free()

    @pytest.mark.parametrize("after_s", [0.02, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0])
    def test_a_caller_gives_up_at_any_moment(self, trunks: Trunks, after_s: float) -> None:
        far = trunks.far.call(Numbers("66886688", "01062001234"), trunks.slot)
        trunks.time.run_for(after_s)
        far.clear()
        trunks.all_free()
        assert all(call.state == "cleared" for call in trunks.offered)

    # ---- channels ------------------------------------------------------------------------------------

    def test_busy_channels_are_skipped(self, trunks: Trunks) -> None:
        span = trunks.near.span
        calls = []
        while span.state().free:
            calls.append(trunks.near.call(Numbers("10086")))
            trunks.follow(calls[-1])
            trunks.time.run_for(0.5)
        assert len({call.slot for call in calls}) == span.state().channels
        with pytest.raises(PortBusy):
            trunks.near.call(Numbers("10086"))
        assert span.statistics().refused == 1
        for call in calls:
            call.clear()
        trunks.all_free()
        again = trunks.near.call(Numbers("10086"))
        again.clear()
        trunks.all_free()

    def test_a_blocked_channel_is_not_seized(self, trunks: Trunks) -> None:
        trunks.near.block(trunks.slot)
        trunks.time.run_for(2)
        with pytest.raises(PortBusy):
            trunks.near.call(Numbers("10086"), slot=trunks.slot)
        assert trunks.near.call(Numbers("10086")).slot != trunks.slot
        trunks.near.unblock(trunks.slot)
        trunks.time.run_for(trunks.settle_s)
        call, far = trunks.incoming()
        far.clear()
        trunks.until(call, "cleared")

    def test_blocking_waits_for_the_call(self, trunks: Trunks) -> None:
        call, far = trunks.talking()
        trunks.near.block(trunks.slot)
        trunks.time.run_for(5)
        assert call.state == "answered"
        self.digits_cross(trunks, call, far)
        far.clear()
        trunks.until(call, "cleared")
        trunks.time.run_for(trunks.settle_s)
        assert trunks.near.span.is_now(trunks.slot) == "blocked"
        trunks.near.unblock(trunks.slot)
        trunks.all_free()

    @pytest.mark.parametrize("outgoing", [False, True])
    def test_an_alarm_in_the_middle_of_a_call(self, trunks: Trunks, outgoing: bool) -> None:
        call, far = trunks.talking(outgoing)
        trunks.fail()
        trunks.until(call, "cleared", 30.0)
        assert call.cause is not None and (trunks.alarm_is_drop or call.cause.number != 16)
        with pytest.raises(PortBusy):
            trunks.near.call(Numbers("10086"), slot=trunks.slot)
        trunks.mend()
        trunks.time.run_for(trunks.settle_s)
        far.clear()
        trunks.all_free()
        call, far = trunks.talking()
        far.clear()
        trunks.until(call, "cleared")
        trunks.all_free()

    @pytest.mark.parametrize("after_s", [0.0, 0.04, 0.2, 0.6])
    def test_glare(self, trunks: Trunks, after_s: float) -> None:
        """Both ends seize one channel: at most one call lives on, and the channel is free when it is over."""
        far = trunks.far.call(Numbers("66886688", "01062001234"), trunks.slot)
        trunks.time.run_for(after_s)
        try:
            ours = trunks.near.call(Numbers("02162005678"), slot=trunks.slot)
            trunks.follow(ours)
        except PortBusy:
            pass  # the far end's seizure was here already
        trunks.time.run_for(8)
        living = [call for call in trunks.told if call.state != "cleared"]
        assert len(living) <= 1
        for call in living:
            call.clear()
        for there in (far, *trunks.far.calls):
            there.clear()
        trunks.all_free()

    # ---- the interface -------------------------------------------------------------------------------

    def test_a_listener_that_fails_stops_no_other(self, trunks: Trunks, logged_failures: LoggedFailures) -> None:
        call, far = trunks.talking()

        def wrong(call: TrunkCall, what: What) -> None:
            raise KeyError(what)

        call.listen(wrong)
        said: list[str] = []
        call.listen(lambda _, what: said.append(what))
        far.clear()
        trunks.until(call, "cleared")
        assert said[-1] == "cleared" and len(logged_failures.flush()) == len(said)

    def test_only_the_far_end_answers_our_calls(self, trunks: Trunks) -> None:
        call, _ = trunks.outgoing()
        with pytest.raises(ArgumentError):
            call.answer()

    def test_calls_are_counted(self, trunks: Trunks) -> None:
        call, far = trunks.talking()
        trunks.time.run_for(10)
        far.clear()
        trunks.until(call, "cleared")
        trunks.all_free()
        call, far = trunks.talking(outgoing=True)
        trunks.time.run_for(10)
        call.clear()
        trunks.all_free()
        counted = trunks.near.span.statistics()
        assert (counted.seized_in, counted.seized_out, counted.refused, dict(counted.failures)) == (1, 1, 0, {})
        assert 20 < counted.busy_s < 60 and 0 < counted.erlang < 1

    def test_closing_ends_all_calls(self, trunks: Trunks) -> None:
        call, far = trunks.talking()
        other = next(slot for slot in trunks.near.span.channels if slot != trunks.slot)
        waiting, _ = trunks.incoming(slot=other)
        trunks.near.close()
        trunks.time.run_for(10)
        assert call.state == waiting.state == "cleared"
        assert not [text for port in trunks.near.span.channels.values() for text in port.operations]
        trunks.time.run(lambda: bool({"cleared", "suspended"} & set(far.heard)), 30.0)

    def test_many_calls_one_after_the_other_leave_nothing(self, trunks: Trunks) -> None:
        for number in range(6):
            call, far = trunks.talking(outgoing=bool(number % 2))
            trunks.time.run_for(0.5)
            (far if number % 3 else call).clear()
            trunks.until(call, "cleared")
            trunks.all_free()
        assert not trunks.near.span.statistics().failures

    def test_music_goes_on_from_alerting_to_the_end(self, trunks: Trunks) -> None:
        """What the port plays is ours, not the signalling's; it ends with the call."""
        call, _ = trunks.talking()
        quietly(call.port.play(Tone(1000)))
        trunks.time.run_for(1)
        assert call.port.operations
        call.clear(REJECTED)
        trunks.all_free()
