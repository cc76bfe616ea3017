"""Transfers by hook flash as the conduct of a call needs them: tried again, doubted, recalled (steps 7 and 9).

One transfer is cti.switch.behind_pbx. Here is what stands around it behind a PBX: who is there after a flash without
dial tone (cti.sides.sign_of_life), whom the PBX brings back (cti.arrivals.recalls), what the PBX's record or the
agent's PC says about a transfer under way, and the alarms where flash or dial tone do not suit this PBX.

Limits: those of the switch, the sign of life and the recall.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from cti.arrivals.numbers import Numbers
from cti.arrivals.recalls import Recalls
from cti.call import Call
from cti.pbx.announcement import Announcement
from cti.pbx.line_rules import LineRules
from cti.pbx.smdr import SmdrRecord
from cti.sides.sign_of_life import sign_of_life
from cti.switch.interface import AT_FLASH, CUT, LATE, NOT_TAKEN, ON_HOOK, Caller, Transfer, TransferResult
from cti.vru.line import VruLine

if TYPE_CHECKING:
    from cti.acd.agent import Agent
    from cti.centre import Centre
    from cti.sides.pbx_side import PbxSide

# So many transfers of one call may find no dial tone before the caller is told that it cannot be done.
MAX_SILENT_FLASHES = 2
# A PBX that refuses so many transfers in a row may have nobody on hold: the caller is asked.
REFUSED_AGAIN = 2
# So many transfers in a row that the PBX refused, or gave no dial tone for: it is not used as it wants to be.
IN_VAIN = 5
# Then only one caller in so long a time is tried, lest the PBX loses every one of them.
TRY_AGAIN_S = 60.0
NOT_TRIED = "not tried: this PBX puts nobody through"
# A call whose record is as long as it was until our flash ended then; records print whole seconds.
AT_FLASH_S = 2.0
# Whom the PBX held rings again so soon after it has printed that record; nobody hangs up, redials and comes through to
# the same port so fast.
BROUGHT_BACK_S = 5.0


class PbxTransfers:
    """Of one centre behind a PBX. Is the arrivals' service for rings that may be recalls."""

    def __init__(self, centre: Centre, side: PbxSide, rules: LineRules) -> None:
        self._centre, self._side, self._rules = centre, side, rules
        self._recalls = Recalls(centre.clock, rules, self._no_recall)
        self._silent: dict[Call, int] = {}
        self._refused: dict[Call, int] = {}  # transfers in a row
        self._guess: Call | None = None  # the last one who was recalled, if that is not certain
        self._at_flash = 0  # so many calls in a row ended at our flash
        self._in_vain = 0  # transfers in a row, of whatever calls
        self._vain: set[Call] = set()  # those whose last transfer was one of them
        self._tried_s = float("-inf")
        self._ended_there: dict[str, tuple[Call, float]] = {}  # the last one, by our extension, and when

    def close(self) -> None:
        """Ends what waits, when the server stops."""
        self._recalls.close()

    def forget(self, call: Call) -> None:
        """The call is over."""
        self._vain.discard(call)
        self._silent.pop(call, None)
        self._refused.pop(call, None)
        self._recalls.forget(call)

    # arrivals (cti.arrivals.arrivals.Service)

    def answer(self, call: Call) -> None:
        """A call that nobody recalls."""
        self._was_it_held(call)
        self._centre.conduct.answer(call)

    def caller_gone(self, call: Call, how: str) -> None:
        """The far end hung up."""
        self._centre.conduct.caller_gone(call, how)

    def recall_expected(self, line: VruLine) -> bool:
        """May a ring on this line bring back a call of ours?"""
        return self._recalls.may_ring(line)

    def recalled(self, line: VruLine, message: Announcement | None, number: str | None) -> Call | None:
        """The call that a ring with this message, or this in-band number, or neither, brings back."""
        found = self._recalls.find(line, message, number)
        if found is None:
            return None
        found.call.recalled_among = found.among
        self._guess = found.call if found.guessed else None
        return found.call

    def resume(self, call: Call, line: VruLine) -> None:
        """A ring that is the recall of a transfer which nobody took: the same call, at its old place."""
        given_to = self._recalls.forget(call) or None
        line.take()
        self._side.arrivals.took(line, call)
        several = call.recalled_among if len(call.recalled_among) > 1 else ()
        among: dict[str, Any] = {"among": len(several)} if several else {}
        call.line = line
        self._centre.event(call, "transfer", "port", what="recalled", extension=line.extension, **among)
        self._centre.conduct.is_back(call, given_to)
        for one in several:  # any of them may be another: nobody's customer is shown as certain
            if self._side.callers.numbers.doubt(one, tuple(one.said), "place_guessed"):
                self._centre.numbers_changed(one)
        if self._guess is call and self._side.callers.numbers.doubt(call, tuple(call.said), "place_guessed"):
            self._centre.numbers_changed(call)
        call.recalled_among = ()
        self._centre.conduct.serve_again(call, "given_back" if given_to is not None else "nobody_answered")

    def recall_stopped(self, line: VruLine) -> bool:
        """It rang where we wait for a recall, and stopped before that was certain: the caller is gone. False: nobody is
        brought back by a mere ring there."""
        call = self.recalled(line, None, None)
        if call is not None:
            self._centre.conduct.finish(call, "gone", "lost_in_transfer", "gave up during the recall")
        return call is not None

    def expect_recall(self, call: Call) -> None:
        """The PBX rings a port of ours again, or the caller is lost; or it may still give back whom an agent has."""
        self._recalls.expect(call)

    def gives_back(self, call: Call, extension: str, group: str, port: str) -> None:
        """The agent at this extension will transfer the caller to this port of ours, to wait for this group; "": to
        any."""
        self._recalls.given_back(call, extension, group, port)

    def given_now(self, call: Call, over: Callable[[], object]) -> bool:
        """The PBX's record of the agent's part has come: the caller is brought back at once, or ``over``."""
        return self._recalls.given_now(call, over)

    def _no_recall(self, call: Call) -> None:
        if call.state == "recall":
            self._centre.conduct.finish(call, "gone", "lost_in_transfer", "the PBX did not recall")

    # what others say of a transfer under way

    def agent_lifted(self, extension: str, how: str) -> bool:
        """The PBX's record, or the agent's PC, says that the telephone there was answered. True: that was news."""
        if self._centre.switch.agent_answered(extension, how):
            return True
        for call in self._centre.calls.values():
            if call.state == "talking" and call.blind and call.extension == extension:
                call.blind = False
                self._centre.event(call, "transfer", "smdr" if how == "record" else "desk", what="answered", how=how)
                return True
        return False

    def record_says_gone(self, call: Call, record: SmdrRecord) -> None:
        """During a transfer the PBX printed the end of this call: the caller hung up on hold, or our flash was taken
        for on-hook. The second time in a row that it ended at the flash is no accident."""
        how, now = "smdr", self._centre.clock.seconds()
        if call.flashed_s is not None and call.answered_s is not None:
            off = now - call.flashed_s  # of a record without a length its coming tells
            if record.duration_s is not None:
                off = abs(record.duration_s - (call.flashed_s - call.answered_s))
            if off <= AT_FLASH_S:
                how = AT_FLASH
                self._ended_there[record.extension or ""] = call, now
                self._at_flash += 1
                if self._at_flash > 1:
                    self._flash_too_long()
        self.caller_gone(call, how)

    def _was_it_held(self, call: Call) -> None:
        """One whose call ended at our flash by the PBX's record rings again at once: the caller was on hold, and this
        PBX prints a record at every flash. From now on such a record ends no call."""
        line = call.line
        before, ended_s = self._ended_there.pop(line.extension, (None, 0.0)) if line is not None else (None, 0.0)
        if before is None or call.began_s - ended_s > BROUGHT_BACK_S:
            return
        if before.ani is None or before.ani != call.ani:
            return
        if before.dnis is not None and call.dnis is None:  # of whom it brings back the PBX does not say it again
            numbers = Numbers(None, before.dnis, call.ani_form, "inferred", before.dnis_rank)
            self._centre.steps.step_2_numbers(call, numbers)
        self._at_flash = 0
        if not self._side.talks.split_at_flash():
            return
        text = "the PBX prints a record at every hook flash; set legs: split_at_flash in the dialect's section smdr"
        self._centre.alarm("records_at_flash", text)

    def completes_alone(self, call: Call, how: str) -> bool:
        """Our wire was cut while the agent's telephone rang: for the PBX we hung up, as when an agent answers. The
        PBX's record says how it went."""
        if how != "alarm" or call.state != "transferring" or not self._centre.switch.rings(call.extension or ""):
            return False
        self._centre.event(call, "transfer", "inferred", what=Transfer.HANDED_OVER.value, how=CUT)
        return True

    # one transfer

    async def heard_lately(self, call: Call) -> bool:
        """Where only silence tells a hang-up, and music covers it in the queue: who was not heard for so long is asked
        before an agent is called for nobody."""
        rules, line, clock = self._rules, call.line, self._centre.clock
        if not isinstance(line, VruLine) or "silence" not in rules.disconnect:
            return True
        if clock.seconds() - line.supervision.heard_s < rules.silence_s:
            return True
        found = await sign_of_life(clock, rules, line.port, self._question(call), flashed=False)
        return found.caller is Caller.WITH_US

    async def put_through(self, call: Call, agent: Agent) -> TransferResult | None:
        """Step 7. Where it is not known who is on the line, the caller is asked; where the dial tone comes only then,
        the transfer goes on from there. Of a PBX that puts nobody through, only some are tried."""
        now = self._centre.clock.seconds()
        if self._in_vain >= IN_VAIN and now - self._tried_s < TRY_AGAIN_S:
            self._vain.add(call)
            return TransferResult(Transfer.REFUSED, Caller.WITH_US, NOT_TRIED)
        self._tried_s = now
        result = await self._centre.steps.step_7_transfer(call, agent)
        while result is not None and result.caller is Caller.UNKNOWN and call.state == "transferring":
            assert call.line is not None
            flashed = result.outcome is Transfer.NO_DIAL_TONE
            found = await sign_of_life(
                self._centre.clock, self._rules, call.line.port, self._question(call), flashed=flashed
            )
            if call.state != "transferring":
                break
            if found.caller is not Caller.HELD:
                return replace(result, caller=found.caller, lost=found.how)
            self._centre.event(call, "transfer", "port", what=result.outcome.value, how=LATE, caller=Caller.HELD.value)
            limit_s = self._rules.dial_tone_s
            self._centre.alarm("dial_tone_late", f"it came after more than dial_tone_s, {limit_s:g} s: raise it")
            result = await self._centre.steps.step_7_transfer(call, agent, flashed=True)
        if result is not None and result.caller is Caller.WITH_AGENT:
            self._at_flash = 0
        if result is not None:
            self._count(call, result)
        return await self._refused_again(call, result)

    def _count(self, call: Call, result: TransferResult) -> None:
        """Does this PBX put anybody through, the way we ask it to?"""
        self._vain.discard(call)
        if result.outcome in (Transfer.REFUSED, Transfer.NO_DIAL_TONE):
            self._vain.add(call)
            self._in_vain += 1
            if self._in_vain == IN_VAIN:
                text = (
                    f"{IN_VAIN} transfers in a row came to nothing, the last one: {result.how}. Was the PBX changed?"
                    " See pbx.dialect, transfer_prefix, flash_ms, the agents' extensions; tipring line learn tries them"
                )
                self._centre.set_alarm("transfers_fail", True, text)
        elif result.outcome is not Transfer.CALLER_LOST:
            if self._in_vain >= IN_VAIN:
                self._centre.set_alarm("transfers_fail", False, "the PBX transfers again")
            self._in_vain = 0

    async def _refused_again(self, call: Call, result: TransferResult | None) -> TransferResult | None:
        """Some PBXs give the dial tone to a flash after the caller has gone, refuse what is dialled, and are silent
        when it is taken back: that would go on as long as there are agents."""
        if result is None or result.outcome is not Transfer.REFUSED or result.caller is not Caller.WITH_US:
            self._refused.pop(call, None)
            return result
        self._refused[call] = self._refused.get(call, 0) + 1
        if self._refused[call] < REFUSED_AGAIN or call.line is None or call.state != "transferring":
            return result
        self._refused[call] = 0
        port = call.line.port
        found = await sign_of_life(self._centre.clock, self._rules, port, self._question(call), flashed=False)
        return replace(result, caller=found.caller, lost="" if found.caller is Caller.WITH_US else found.how)

    def failed(self, call: Call, result: TransferResult) -> None:
        """What a failure says about flash and dial tone of this PBX."""
        if result.caller is Caller.GONE and ON_HOOK in (result.how, result.lost):
            self._flash_too_long()
        elif result.caller is Caller.WITH_US and result.lost == NOT_TAKEN:
            flash_ms = self._rules.flash_ms
            self._centre.alarm("flash_not_taken", f"{flash_ms} ms were no flash for this PBX: nobody is put through")
        if result.outcome is Transfer.NO_DIAL_TONE:
            self._silent[call] = self._silent.get(call, 0) + 1

    def hopeless(self, call: Call) -> str:
        """This PBX gives no dial tone at all, or transfers nobody."""
        flashes = self._silent.get(call, 0)
        if flashes < MAX_SILENT_FLASHES and self._in_vain >= IN_VAIN and call in self._vain:
            return f"{self._in_vain} transfers in a row came to nothing"
        return f"no dial tone after {flashes} flashes" if flashes >= MAX_SILENT_FLASHES else ""

    def _flash_too_long(self) -> None:
        flash_ms = self._rules.flash_ms
        text = f"{flash_ms} ms are on-hook for this PBX: callers are lost; shorten flash_ms"
        self._centre.alarm("flash_too_long", text)

    def _question(self, call: Call) -> Callable[[Deferred[None]], Awaitable[None]]:
        return lambda until: self._centre.attendant.say(call, "are_you_there", until=until)
