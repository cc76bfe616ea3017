"""What happens between the nine steps: callers hang up, transfers fail, agents do not answer, the PBX recalls.

Each call is served by one coroutine in its scope, from our answer until it leaves our port. Whatever ends it, the
call gets its outcome and its end exactly once, the port and the agent are free again, and the record says why.

Who is there after a flash without dial tone is found out in cti.sign_of_life, whom the PBX brings back in cti.recalls.

Limits: those of the menu, the queue, the message, the switch, the sign of life and the recall.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cti.call import Call
from cti.machine import ActionFailed
from cti.pbx.announcement import Announcement
from cti.pbx.smdr import SmdrRecord
from cti.recalls import Recalls
from cti.records.outcome import Outcome
from cti.sign_of_life import sign_of_life
from cti.switch.interface import AT_FLASH, CUT, LATE, NOT_TAKEN, ON_HOOK, Caller, Transfer, TransferResult
from cti.vru.line import VruLine
from drivers.problems import failure as _failure
from drivers.scope import CallScope

if TYPE_CHECKING:
    from cti.acd.agent import Agent
    from cti.centre import Centre

# Where the caller was when they went away.
GONE: dict[str, Outcome] = {
    "arriving": "abandoned_ring",
    "menu": "abandoned_menu",
    "queued": "abandoned_queue",
    "transferring": "lost_in_transfer",
    "recall": "lost_in_transfer",
    "message": "abandoned_queue",
}
# A dial tone so soon after our answer: the ringing had just ended, the PBX takes us for somebody who wants to dial.
EMPTY_LINE_S = 4.0
# Tones of a dead line so soon after a retrieve or a recall: the caller was lost in the transfer.
RETRIEVED_S = 6.0
# So many transfers of one call may find no dial tone before the caller is told that it cannot be done.
MAX_SILENT_FLASHES = 2
# A call whose record is as long as it was until our flash ended then; records print whole seconds.
AT_FLASH_S = 2.0
NO_EXTENSION = TransferResult(Transfer.REFUSED, Caller.WITH_US, "the agent has no extension")


class Conduct:
    """Takes calls through the steps."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._recalls = Recalls(centre.clock, centre.rules, self._no_recall)
        self._silent: dict[Call, int] = {}
        self._at_flash = 0  # so many calls in a row ended at our flash

    def close(self) -> None:
        """Ends what waits, when the server stops."""
        self._recalls.close()

    # answering

    def answer(self, call: Call) -> None:
        """Takes the call off the ringing port and serves it."""
        line = call.line
        assert line is not None
        line.take()
        call.answered_s = self._centre.clock.seconds()
        call.scope = CallScope(self._centre.clock, f"call {call.id}", self._failed_child(call))
        call.send("answer")
        self._centre.event(call, "answered", "port")
        self._centre.prepare_port(line.port)
        call.scope.start(self._serve(call), "serve")

    # recalls

    def recall_expected(self, line: VruLine) -> bool:
        """May a ring on this line bring back a call of ours?"""
        return self._recalls.may_ring(line)

    def recalled(self, line: VruLine, message: Announcement | None, number: str | None) -> Call | None:
        """The call that a ring with this message, or this in-band number, or neither, brings back."""
        found = self._recalls.find(line, message, number)
        if found is None:
            return None
        found.call.recalled_among = found.among
        return found.call

    def resume(self, call: Call, line: VruLine) -> None:
        """A ring that is the recall of a transfer which nobody took: the same call, at its old place."""
        self._recalls.forget(call)
        line.take()
        self._centre.arrivals.took(line, call)
        call.line = line
        several = call.recalled_among if len(call.recalled_among) > 1 else ()
        among: dict[str, Any] = {"among": len(several)} if several else {}
        self._centre.event(call, "transfer", "port", what="recalled", extension=line.extension, **among)
        call.back_s = self._centre.clock.seconds()
        agent, extension = call.agent, call.extension
        call.agent = call.extension = call.talk_s = None
        call.blind = False
        call.send("recalled")
        self._centre.came_back(call, agent, extension)
        for one in several:  # any of them may be another: nobody's customer is shown as certain
            if self._centre.callers.numbers.doubt(one, tuple(one.said), "place_guessed"):
                self._centre.numbers_changed(one)
        call.recalled_among = ()
        self._centre.prepare_port(line.port)
        call.scope = CallScope(self._centre.clock, f"call {call.id}", self._failed_child(call))
        call.scope.start(self._serve_recalled(call), "serve")

    def recall_stopped(self, line: VruLine) -> None:
        """It rang where we wait for a recall, and stopped before that was certain: the caller is gone."""
        call = self.recalled(line, None, None)
        if call is not None:
            self.finish(call, "gone", "lost_in_transfer", "gave up during the recall")

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

    # the caller is gone

    def record_says_gone(self, call: Call, record: SmdrRecord) -> None:
        """During a transfer the PBX printed the end of this call: the caller hung up on hold, or our flash was taken
        for on-hook. The second time in a row that it ended at the flash is no accident."""
        how = "smdr"
        if record.duration_s is not None and call.flashed_s is not None and call.answered_s is not None:
            until_flash = call.flashed_s - call.answered_s
            if abs(record.duration_s - until_flash) <= AT_FLASH_S:
                how = AT_FLASH
                self._at_flash += 1
                if self._at_flash > 1:
                    self._flash_too_long(call)
        self.caller_gone(call, how)

    def _flash_too_long(self, call: Call) -> None:
        flash_ms = self._centre.rules.flash_ms
        text = f"{flash_ms} ms are on-hook for this PBX: callers are lost; shorten flash_ms"
        self._centre.alarm("flash_too_long", text)

    def caller_gone(self, call: Call, how: str) -> None:
        """The far end hung up, before or after our answer."""
        if call.ended or not call.machine.can("gone"):
            return
        closed = self._centre.attendant.recording(call) if call.state == "message" else None
        if closed is not None and call.line is not None:  # what was said until now is the message
            closed.addCallback(lambda _: self._gone(call, how))
            call.line.port.hangup()
            return
        self._gone(call, how)

    def _gone(self, call: Call, how: str) -> None:
        if call.ended or not call.machine.can("gone"):
            return
        if how == "alarm" and call.state == "transferring" and self._centre.switch.rings(call.extension or ""):
            self._completed_without_us(call)
            return
        outcome: Outcome = GONE[call.state]
        if call.state == "message" and call.message_s:
            outcome = "message"
        elif call.state == "menu" and how == "dial_tone" and self._just_answered(call):
            outcome = "abandoned_ring"  # nobody was there any more when we lifted
        elif call.state == "queued" and self._just_back(call) and how.endswith("_tone"):
            outcome = "lost_in_transfer"
        self.finish(call, "gone", outcome, how)

    def _completed_without_us(self, call: Call) -> None:
        """Our wire was cut while the agent's telephone rang: for the PBX we hung up, as when an agent answers. The
        PBX's record says how it went."""
        self._centre.event(call, "transfer", "inferred", what=Transfer.HANDED_OVER.value, how=CUT)
        call.talk_s, call.tried, call.blind = self._centre.clock.seconds(), call.extension, True
        self._send(call, "answered")

    def finish(self, call: Call, event: str, outcome: Outcome, cause: str = "") -> None:
        """Ends a call that is not talking to an agent: the machine's actions free port, queue and agent.

        Does nothing where the call is not in a state for it: somebody else was quicker."""
        if call.ended or not call.machine.can(event):
            return
        call.outcome, call.cause = outcome, cause
        self._send(call, event)

    def talk_over(self, call: Call, cause: str) -> None:
        """The conversation with the agent is over; the ACD has it from the record, the desk, or a limit."""
        if call.state != "talking":
            return
        call.outcome, call.cause = ("abandoned_queue" if call.unanswered else "answered"), cause
        if call.unmarked and cause != "smdr":  # and no record of the agent's telephone came
            call.outcome = "lost_in_transfer"
        self._send(call, "over")

    def _send(self, call: Call, event: str) -> None:
        """An action that fails does not stop the others: the call ends all the same, and the log says why."""
        try:
            call.send(event)
        except ActionFailed as error:
            self._centre.log.failure(_failure(error), f"call {call.id}", call=call.id)
            self._clear_up(call, error)

    def _clear_up(self, call: Call, error: ActionFailed) -> None:
        if not call.ended:
            call.outcome, call.cause = "failed", str(error)
            self._send(call, "over" if call.machine.can("over") else "gone")
            return
        if call.written:
            return
        for action in (self.leave_queue, self.leave_port, self.write_end):
            try:
                action(call)
            except Exception as again:  # noqa: BLE001 - what can be cleared up is; logged
                self._centre.log.failure(_failure(again), f"call {call.id}: {action.__name__}", call=call.id)

    # serving

    async def _serve(self, call: Call) -> None:
        if not await self._lifted(call):
            return
        choice = await self._centre.steps.step_5_menu(call)
        if choice is None or choice.group is None:
            self.finish(call, "over", "no_choice", choice.why if choice is not None else "no menu was played")
            return
        call.group, call.choice, call.language = choice.group, choice.choice, choice.language
        self._centre.event(call, "menu", "vru", choice=choice.choice, group=choice.group, language=choice.language)
        call.queued_s = self._centre.clock.seconds()
        call.send("chosen")
        await self._distribute(call)

    async def _lifted(self, call: Call) -> bool:
        """Off-hook, and the caller's hang-up watched for."""
        line = call.line
        if line is None:
            return False
        await line.port.answer()
        if call.line is not line:
            return False
        line.watch(True)
        await self._centre.callers.listen_for_digits(call)
        return call.line is line

    async def _serve_recalled(self, call: Call) -> None:
        if not await self._lifted(call):
            return
        if self._silent.get(call, 0) >= MAX_SILENT_FLASHES:
            await self._cannot_transfer(call)
            return
        await self._centre.attendant.say(call, "nobody_answered")
        await self._distribute(call)

    async def _distribute(self, call: Call) -> None:
        """Steps 6 to 8, again and again until an agent has answered or the call is over."""
        while call.state == "queued":
            agent = await self._centre.steps.step_6_queue(call)
            if agent is None:
                await self._without_agent(call)
                return
            if call.state != "queued" or call.line is None:
                return
            if self._centre.settled.caller_left(call):
                self.caller_gone(call, "smdr")
                return
            if not await self._heard_lately(call):
                self.caller_gone(call, "silence")
                return
            if call.state != "queued":
                return
            call.send("agent")
            call.agent, call.extension = agent.id, agent.extension
            call.line.watch(False)
            if agent.extension is None:
                result: TransferResult | None = NO_EXTENSION
            else:
                result = await self._transfer(call, agent)
            if call.state != "transferring":
                return
            if result is None:
                self.finish(call, "over", "failed", "no transfer was made")
                return
            await self._after_transfer(call, agent, result)

    async def _heard_lately(self, call: Call) -> bool:
        """Where only silence tells a hang-up, and music covers it in the queue: who was not heard for so long is asked
        before an agent is called for nobody."""
        rules, line, clock = self._centre.rules, call.line, self._centre.clock
        if line is None or "silence" not in rules.disconnect or clock.seconds() - line.heard_s < rules.silence_s:
            return True
        found = await sign_of_life(clock, rules, line.port, self._question(call), flashed=False)
        return found.caller is Caller.WITH_US

    def _question(self, call: Call) -> Callable[[Deferred[None]], Awaitable[None]]:
        return lambda until: self._centre.attendant.say(call, "are_you_there", until=until)

    async def _transfer(self, call: Call, agent: Agent) -> TransferResult | None:
        """Step 7. Where it is not known who is on the line, the caller is asked; where the dial tone comes only then,
        the transfer goes on from there."""
        result = await self._centre.steps.step_7_transfer(call, agent)
        while result is not None and result.caller is Caller.UNKNOWN and call.state == "transferring":
            assert call.line is not None
            flashed = result.outcome is Transfer.NO_DIAL_TONE
            found = await sign_of_life(
                self._centre.clock,
                self._centre.rules,
                call.line.port,
                self._question(call),
                flashed=flashed,
            )
            if call.state != "transferring":
                break
            if found.caller is not Caller.HELD:
                return replace(result, caller=found.caller, lost=found.how)
            self._centre.event(call, "transfer", "port", what=result.outcome.value, how=LATE, caller=Caller.HELD.value)
            limit_s = self._centre.rules.dial_tone_s
            self._centre.alarm("dial_tone_late", f"it came after more than dial_tone_s, {limit_s:g} s: raise it")
            result = await self._centre.steps.step_7_transfer(call, agent, flashed=True)
        return result

    async def _without_agent(self, call: Call) -> None:
        """The queue ended without an agent: a message, or good-bye."""
        waiting = self._centre.attendant.ended(call)
        if waiting.wants_message:
            call.send("leave_message")
            await self._centre.attendant.take_message(call)
            outcome, cause = waiting.outcome, waiting.cause
            if call.message_failed:
                outcome, cause = "failed", f"the message could not be recorded: {call.message_failed}"
            self.finish(call, "over", "message" if call.message_s else outcome, cause)
            return
        await self._centre.attendant.say(call, waiting.farewell)
        self.finish(call, "over", waiting.outcome, waiting.cause)

    async def _after_transfer(self, call: Call, agent: Agent, result: TransferResult) -> None:
        centre = self._centre
        more: dict[str, Any] = {"why": result.lost} if result.lost else {}
        what, caller = result.outcome, result.caller
        centre.event(call, "transfer", "port", what=what.value, how=result.how, caller=caller.value, **more)
        if caller is Caller.WITH_AGENT:
            self._at_flash = 0
            call.talk_s = centre.clock.seconds()
            call.tried = agent.extension
            call.blind = what is Transfer.HANDED_OVER
            self._send(call, "answered")
            return
        if caller is Caller.GONE and ON_HOOK in (result.how, result.lost):
            self._flash_too_long(call)
        elif caller is Caller.WITH_US and result.lost == NOT_TAKEN:
            flash_ms = centre.rules.flash_ms
            centre.alarm("flash_not_taken", f"{flash_ms} ms were no flash for this PBX: nobody is put through")
        call.tried = agent.extension
        if what is Transfer.NO_DIAL_TONE:
            self._silent[call] = self._silent.get(call, 0) + 1
        if caller is Caller.RECALLED:
            centre.not_reached(call, agent, result, aside=True)
        elif caller is not Caller.GONE or result.outcome is Transfer.NO_ANSWER:
            centre.not_reached(call, agent, result)  # of a caller who left, the agent is simply idle again
        call.agent = call.extension = None
        if caller is Caller.GONE:
            self.finish(call, "gone", "lost_in_transfer", result.lost or result.how)
        elif caller is Caller.RECALLED:
            self._send(call, "on_hook")
        elif call.line is not None:
            call.line.watch(True)
            await self._still_here(call, result)

    async def _still_here(self, call: Call, result: TransferResult) -> None:
        """The caller is with us again: back to the queue, unless this PBX gives no dial tone at all."""
        if self._silent.get(call, 0) >= MAX_SILENT_FLASHES:
            await self._cannot_transfer(call)
            return
        call.back_s = self._centre.clock.seconds()
        call.send("back")
        await self._centre.attendant.say(call, "nobody_answered")

    async def _cannot_transfer(self, call: Call) -> None:
        await self._centre.attendant.say(call, "cannot_transfer")
        self.finish(call, "over", "failed", f"no dial tone after {self._silent.get(call, 0)} flashes")

    # actions of the call's table

    def leave_port(self, call: Call) -> None:
        """On-hook; the line guards itself and is idle again. What still runs is cancelled in the next turn."""
        line, scope = call.line, call.scope
        call.line = None
        if scope is not None:
            scope.cancel(call.outcome or "left the port")
        if line is not None:
            here = self._centre.arrivals.left(line, call)
            call.left_extension = line.extension
            if here and line.state in ("busy", "alarm"):
                line.free()
            completes = call.state == "ended"
            self._centre.settled.left_port(line.extension, call, completes=completes)

    def leave_queue(self, call: Call) -> None:
        """The queue, and an agent promised to the call, hear that it is gone."""
        self._centre.acd.remove(call.id, call.outcome or "message")

    def await_recall(self, call: Call) -> None:
        """We hung up on a failed transfer: the PBX rings a port of ours again, or the caller is lost."""
        self._recalls.expect(call)

    def watch_talk(self, call: Call) -> None:
        """The PBX carries the conversation now; it may still give the caller back."""
        self._recalls.expect(call)
        self._centre.talk_began(call)

    def free_agent(self, call: Call) -> None:
        """The agent's line is idle again."""
        self._centre.settled.talk_over(call, call.cause)

    def write_end(self, call: Call) -> None:
        """The record's last words, once."""
        if call.written:
            return
        call.written = True
        self._silent.pop(call, None)
        self._recalls.forget(call)
        self._centre.call_ended(call)

    # within

    def _just_answered(self, call: Call) -> bool:
        return call.answered_s is not None and self._centre.clock.seconds() - call.answered_s < EMPTY_LINE_S

    def _just_back(self, call: Call) -> bool:
        return call.back_s is not None and self._centre.clock.seconds() - call.back_s < RETRIEVED_S

    def _no_recall(self, call: Call) -> None:
        if call.state == "recall":
            self.finish(call, "gone", "lost_in_transfer", "the PBX did not recall")

    def _failed_child(self, call: Call) -> Callable[[str, Failure], None]:
        def failed(name: str, failure: Failure) -> None:
            self._centre.log.failure(failure, f"call {call.id}: {name}", call=call.id)
            if call.state != "talking":
                self.finish(call, "over" if call.machine.can("over") else "gone", "failed", repr(failure.value))

        return failed
