"""Calls that come on our trunks: they open a record, and are answered when the network has said who calls whom.

Overlap dialling and caller ID between rings bring the numbers later; a trunk that never says that they are complete is
answered after NUMBERS_S all the same. A withheld number is nobody's.

A call that the line lost before its numbers were here has a record of one step, with its cause: `failed`, or
`abandoned_ring` where the caller hung up; at most FAILED_A_MINUTE a trunk and minute (a far end that seizes again and
again), then an alarm, and the span's statistics alone count on. Serves steps 1 to 4.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from cti.arrivals.numbers import Numbers
from cti.call import Call, Said
from cti.records.outcome import Outcome
from cti.switch.device import TrunkEnd
from cti.trunks.signals import why
from drivers.clock import DelayedCall
from drivers.signalling.causes import NORMAL
from drivers.signalling.interface import TrunkCall, What

if TYPE_CHECKING:
    from cti.centre import Centre
    from cti.switch.on_card import OnCard
    from cti.trunks.signals import Signals

NUMBERS_S: Final = 10.0
FAILED_A_MINUTE: Final = 120
MINUTE_S: Final = 60.0
HUNG_UP: Final = (16, 31)
"""Causes of a caller who thought better of it."""


class TrunkArrivals:
    """Of one centre. ``offered`` is told every incoming call of every trunk."""

    def __init__(self, centre: Centre, switch: OnCard, signals: Signals) -> None:
        self._centre, self._switch, self._signals = centre, switch, signals
        self._waiting: dict[TrunkEnd, DelayedCall] = {}
        self._failures: dict[str, tuple[float, int]] = {}  # by trunk: since when, how many

    def close(self) -> None:
        """Nobody is waited for any more."""
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()

    def offered(self, offered: TrunkCall) -> None:
        """A call is on a trunk's channel."""
        centre = self._centre
        call = centre.steps.step_1_call_arrives("trunk", centre.clock.seconds() - offered.begun_s)
        if call is None:
            offered.clear()
            return
        self._signals.follow(offered, partial(centre.event, call, "signalling", "trunk"))
        end = self._switch.caller(offered, call, self._told)
        call.trunk = end.name
        call.rang_s = centre.clock.seconds()
        centre.steps.step_3_hunted_to(call, end, "switch")
        if offered.numbers.complete:
            self._complete(end, call)
        else:
            self._waiting[end] = centre.clock.callLater(NUMBERS_S, self._complete, end, call)

    def failed(self, gone: TrunkCall) -> None:
        """A call was over before its numbers were here."""
        centre, cause = self._centre, gone.cause or NORMAL
        if self._too_many(gone.trunk.name):
            return
        call = centre.steps.step_1_call_arrives("trunk", centre.clock.seconds() - gone.begun_s)
        if call is None:
            return
        call.trunk = f"{gone.trunk.name}/{gone.slot}" if gone.slot else gone.trunk.name
        centre.event(call, "port", "trunk", extension=call.trunk)
        numbers = gone.numbers
        if numbers.complete and (numbers.called or numbers.calling):  # half a number is nobody's
            calling = None if numbers.restricted else numbers.calling or None
            centre.steps.step_2_numbers(call, Numbers(calling, numbers.called or None, "trunk", "trunk"))
        self._signals.over(gone, partial(centre.event, call, "signalling", "trunk"))
        outcome: Outcome = "abandoned_ring" if cause.number in HUNG_UP else "failed"
        centre.conduct.finish(call, "gone", outcome, why(gone))

    def _too_many(self, trunk: str) -> bool:
        now = self._centre.clock.seconds()
        since, count = self._failures.get(trunk, (now, 0))
        since, count = (since, count + 1) if now - since < MINUTE_S else (now, 1)
        self._failures[trunk] = since, count
        if count == FAILED_A_MINUTE + 1:
            text = f"trunk {trunk}: more than {FAILED_A_MINUTE} calls a minute fail before they have come"
            self._centre.alarm("trunk_failing", text, "trunk")
        return count > FAILED_A_MINUTE

    def learned(self, call: Call, numbers: Numbers) -> bool:
        """The signalling says it once; True: the call's numbers changed."""
        changed = (numbers.ani or call.ani, numbers.dnis or call.dnis) != (call.ani, call.dnis)
        if numbers.ani:
            call.ani, call.ani_source, call.ani_form = numbers.ani, numbers.source, numbers.form
            call.said[numbers.source] = Said(numbers.ani, numbers.form)
        call.dnis = numbers.dnis or call.dnis
        return changed

    def _complete(self, end: TrunkEnd, call: Call) -> None:
        """Nothing more is to be learnt of the caller: answered."""
        self._waiting.pop(end, None)
        numbers = end.call.numbers
        calling = None if numbers.restricted else numbers.calling or None
        for connection in end.connections:
            connection.conversation.calling = calling
        steps = self._centre.steps
        steps.step_2_numbers(call, Numbers(calling, numbers.called or None, "trunk", "trunk"))
        steps.step_4_pbx_tells(call, "switch")
        if call.state == "arriving" and call.line is end:
            end.call.alerting()
            self._centre.conduct.answer(call)

    def _told(self, end: TrunkEnd, what: What) -> None:
        timer = self._waiting.get(end)
        if what == "cleared":
            if timer is not None:
                timer.cancel()
                del self._waiting[end]
            self._switch.trunk_cleared(end)
        elif what in ("suspended", "resumed"):
            self._hung_up(end, what == "suspended")
        elif what == "digits" and timer is not None and end.call.numbers.complete:
            timer.cancel()
            if end.record is not None:
                self._complete(end, end.record)

    def _hung_up(self, end: TrunkEnd, away: bool) -> None:
        """The caller has hung up where the called party ends calls (R2, called control; 110 and 119 keep their callers
        so): with the VRU, or waiting, the call is over; who talks hears it, and ends it."""
        present = end.present
        partners = present.conversation.partners(present) if present is not None else ()
        talks = any(one.state in ("connected", "hold") and one.device.kind == "seat" for one in partners)
        if present is not None and present.state == "connected" and (talks or not away):
            self._switch.went_away(present, away)
        elif away:
            end.released()
