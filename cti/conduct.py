"""What happens between the nine steps: callers hang up, transfers fail, agents do not answer, the PBX recalls.

Each call is served by one coroutine in its scope, from our answer until it leaves our port. Whatever ends it, the
call gets its outcome and its end exactly once, the port and the agent are free again, and the record says why.

Limits: SIGN_OF_LIFE_S after a flash without dial tone; recall_s of the dialect until the PBX brings a caller back; the
rest are those of the menu, the queue, the message and the switch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cti.call import Call
from cti.machine import ActionFailed
from cti.numbers import agree
from cti.pbx.smdi import SmdiCall
from cti.records.outcome import Outcome
from cti.switch.interface import Caller, Transfer, TransferResult
from cti.vru.line import VruLine
from drivers.clock import Clock, DelayedCall
from drivers.events import DigitBegin, Event, LoopDrop, NotTone, ToneHeard
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
# After a flash that brought no dial tone we speak to the caller and wait so long for a sign of life.
SIGN_OF_LIFE_S = 6.0
# Tones of a dead line so soon after a retrieve or a recall: the caller was lost in the transfer.
RETRIEVED_S = 6.0
# So many transfers of one call may find no dial tone before the caller is told that it cannot be done.
MAX_SILENT_FLASHES = 2
NO_EXTENSION = TransferResult(Transfer.REFUSED, Caller.WITH_US, "the agent has no extension")


class Conduct:
    """Takes calls through the steps."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._recalls: dict[Call, DelayedCall] = {}  # in recall, or talking and handed over so lately
        self._silent: dict[Call, int] = {}

    def close(self) -> None:
        """Ends what waits, when the server stops."""
        for timer in self._recalls.values():
            if timer.active():
                timer.cancel()
        self._recalls.clear()

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
        return any(call.left_extension == line.extension and self._awaited(call) for call in self._recalls)

    def recalled(self, line: VruLine, message: SmdiCall | None, number: str | None) -> Call | None:
        """The call that a ring brings back: a message names the agent's extension or, on the line which the call left,
        its number; so does in-band ID; a ring on that line without either is a recall if we hung up for one."""
        for call in self._recalls:
            here = call.left_extension == line.extension
            if message is not None:
                tried = bool(message.forwarded_from) and message.forwarded_from == call.tried and message.reason != "D"
                same = agree(message.calling, call.ani) or (
                    self._awaited(call) and (message.calling is None or call.ani is None)
                )
                if (tried and same) or (here and self._awaited(call) and agree(message.calling, call.ani)):
                    return call
            elif number is not None:
                if here and self._awaited(call) and (call.ani is None or agree(number, call.ani)):
                    return call
            elif here and call.state == "recall":
                return call
        return None

    def resume(self, call: Call, line: VruLine) -> None:
        """A ring that is the recall of a transfer which nobody took: the same call, at its old place."""
        timer = self._recalls.pop(call)
        if timer.active():
            timer.cancel()
        line.take()
        self._centre.arrivals.took(line, call)
        call.line = line
        self._centre.event(call, "transfer", "port", what="recalled", extension=line.extension)
        call.back_s = self._centre.clock.seconds()
        agent, extension = call.agent, call.extension
        call.agent = call.extension = call.talk_s = None
        call.blind = False
        call.send("recalled")
        self._centre.came_back(call, agent, extension)
        self._centre.prepare_port(line.port)
        call.scope = CallScope(self._centre.clock, f"call {call.id}", self._failed_child(call))
        call.scope.start(self._serve_recalled(call), "serve")

    def recall_stopped(self, line: VruLine) -> None:
        """It rang where we wait for a recall, and stopped before that was certain: the caller is gone."""
        call = self.recalled(line, None, None)
        if call is not None:
            self.finish(call, "gone", "lost_in_transfer", "gave up during the recall")

    # the caller is gone

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
        outcome: Outcome = GONE[call.state]
        if call.state == "message" and call.message_s:
            outcome = "message"
        elif call.state == "menu" and how == "dial_tone" and self._just_answered(call):
            outcome = "abandoned_ring"  # nobody was there any more when we lifted
        elif call.state == "queued" and self._just_back(call) and how.endswith("_tone"):
            outcome = "lost_in_transfer"
        self.finish(call, "gone", outcome, how)

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
        return True

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
            if self._centre.caller_left(call):
                self.caller_gone(call, "smdr")
                return
            call.send("agent")
            call.agent, call.extension = agent.id, agent.extension
            call.line.watch(False)
            if agent.extension is None:
                result: TransferResult | None = NO_EXTENSION
            else:
                result = await self._centre.steps.step_7_transfer(call, agent)
            if result is None:
                self.finish(call, "over", "failed", "no transfer was made")
                return
            if call.state != "transferring":
                return
            await self._after_transfer(call, agent, result)

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
        centre.event(call, "transfer", "port", what=result.outcome.value, how=result.how, caller=result.caller.value)
        if result.caller is Caller.WITH_AGENT:
            call.talk_s = centre.clock.seconds()
            call.tried = agent.extension
            call.blind = result.outcome is Transfer.HANDED_OVER
            self._send(call, "answered")
            return
        caller: Caller = result.caller
        if caller is Caller.UNKNOWN:
            caller = await self._sign_of_life(call)
            if call.state != "transferring":
                return
        call.tried = agent.extension
        if result.outcome is Transfer.NO_DIAL_TONE:
            self._silent[call] = self._silent.get(call, 0) + 1
        if caller is Caller.RECALLED:
            centre.not_reached(call, agent, result, aside=True)
        elif caller is not Caller.GONE or result.outcome is Transfer.NO_ANSWER:
            centre.not_reached(call, agent, result)  # of a caller who left, the agent is simply idle again
        call.agent = call.extension = None
        if caller is Caller.GONE:
            self.finish(call, "gone", "lost_in_transfer", result.how)
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

    async def _sign_of_life(self, call: Call) -> Caller:
        """No dial tone came: speak to the caller; a key at any time, or a voice after that, is a sign of life.

        While we speak the line returns our own voice, so that only keys count; then the ears begin anew, and the tones
        of a dead line are heard also if they sound already. A voice is sound outside the tone plan, as the agent's is.
        """
        assert call.line is not None
        port = call.line.port
        signs: list[Event] = []
        heard: Deferred[None] = Deferred()

        def listen(event: Event) -> None:
            if isinstance(event, DigitBegin | NotTone | LoopDrop | ToneHeard):
                signs.append(event)
                if not heard.called:
                    heard.callback(None)

        stop = port.listen(listen)
        try:
            port.detect("dtmf", duck=True)
            await self._centre.attendant.say(call, "are_you_there", until=heard)
            port.detect("dtmf", "tones", "voice", duck=True)
            await _wait(self._centre.clock, heard, SIGN_OF_LIFE_S)
        finally:
            stop()
        if not signs:
            return Caller.RECALLED  # on hold perhaps, out of reach: the PBX brings the caller back when we hang up
        if isinstance(signs[0], LoopDrop | ToneHeard):
            return Caller.GONE
        return Caller.WITH_US

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
            record = self._centre.talks.owe(line.extension, call, completes=completes)
            if record is not None:
                self._centre.early_record(call, record, completes)

    def leave_queue(self, call: Call) -> None:
        """The queue, and an agent promised to the call, hear that it is gone."""
        self._centre.acd.remove(call.id, call.outcome or "message")

    def await_recall(self, call: Call) -> None:
        """We hung up on a failed transfer: the PBX rings a port of ours again, or the caller is lost."""
        self._recalls[call] = self._centre.clock.callLater(self._centre.rules.recall_s, self._no_recall, call)

    def watch_talk(self, call: Call) -> None:
        """The PBX carries the conversation now; it may still give the caller back."""
        self._recalls[call] = self._centre.clock.callLater(self._centre.rules.recall_s, self._no_recall, call)
        self._centre.talk_began(call)

    def free_agent(self, call: Call) -> None:
        """The agent's line is idle again."""
        self._centre.talk_finished(call)

    def write_end(self, call: Call) -> None:
        """The record's last words, once."""
        if call.written:
            return
        call.written = True
        self._silent.pop(call, None)
        timer = self._recalls.pop(call, None)
        if timer is not None and timer.active():
            timer.cancel()
        self._centre.call_ended(call)

    # within

    def _just_answered(self, call: Call) -> bool:
        return call.answered_s is not None and self._centre.clock.seconds() - call.answered_s < EMPTY_LINE_S

    def _just_back(self, call: Call) -> bool:
        return call.back_s is not None and self._centre.clock.seconds() - call.back_s < RETRIEVED_S

    @staticmethod
    def _awaited(call: Call) -> bool:
        """The PBX may well give this caller back: we hung up before any agent had answered."""
        return call.state == "recall" or call.blind

    def _no_recall(self, call: Call) -> None:
        del self._recalls[call]
        if call.state == "recall":
            self.finish(call, "gone", "lost_in_transfer", "the PBX did not recall")

    def _failed_child(self, call: Call) -> Callable[[str, Failure], None]:
        def failed(name: str, failure: Failure) -> None:
            self._centre.log.failure(failure, f"call {call.id}: {name}", call=call.id)
            if call.state != "talking":
                self.finish(call, "over" if call.machine.can("over") else "gone", "failed", repr(failure.value))

        return failed


def _wait(clock: Clock, what: Deferred[None], seconds: float) -> Deferred[None]:
    """``what``, or ``seconds``, whichever is first. Cancelling it leaves no timer."""
    done: Deferred[None] = Deferred(lambda cancelled: timer.cancel())

    def over(result: object) -> None:
        if timer.active():
            timer.cancel()
        if not done.called:
            done.callback(None)

    timer = clock.callLater(seconds, over, None)
    if what.called:
        over(None)
    else:
        what.addBoth(over)
    return done
