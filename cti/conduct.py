"""What happens between the nine steps: callers hang up, transfers fail, agents do not answer, callers come back.

Each call is served by one coroutine in its scope, from our answer until the VRU's part is over. Whatever ends it, the
call gets its outcome and its end exactly once, the line and the agent are free again, and the record says why. What
depends on who switches (a PBX, or our cards) is asked of the centre's side (cti.sides.side).

Limits: those of the menu, the queue, the message, the switch and the side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.python.failure import Failure

from cti.call import Call, Source
from cti.machine import ActionFailed
from cti.records.outcome import Outcome
from cti.switch.interface import Caller, Transfer, TransferResult
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
    "recall": "lost_in_transfer",
    "message": "abandoned_queue",
}
# A dial tone so soon after our answer: the ringing had just ended, the PBX takes us for somebody who wants to dial.
EMPTY_LINE_S = 4.0
# Who is turned away hears so this often; whoever is still there then hangs up, or is released by the PBX.
TURNED_AWAY_TIMES = 2
# As a PBX's line, and as a trunk of the office, tell of it.
EMPTY_LINE = ("dial_tone", "16 normal clearing (dial tone)")
# Tones of a dead line so soon after a retrieve or a recall: the caller was lost in the transfer.
RETRIEVED_S = 6.0
NO_EXTENSION = TransferResult(Transfer.REFUSED, Caller.WITH_US, "the agent has no extension")


class Conduct:
    """Takes calls through the steps."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre

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
        call.scope.start(self._serve(call), "serve")

    # back from the switch

    def is_back(self, call: Call, given_to: str | None = None) -> None:
        """The switch gave the caller back: to the old place; the agent, if there was one, is free. ``given_to``: it was
        the agent who gave the caller to this group, or nobody took whom the agent had handed on."""
        call.back_s = self._centre.clock.seconds()
        agent, extension = call.agent, call.extension
        call.agent = call.extension = call.talk_s = None
        call.blind = False
        if given_to is not None:
            source: Source = "desk" if agent is not None else "switch"
            self._centre.event(call, "given_back", source, agent=agent, extension=extension, group=given_to)
            call.group, call.queued_s = given_to, call.back_s
        call.send("recalled")
        self._centre.came_back(call, agent, extension, given_to)

    def serve_again(self, call: Call, word: str = "nobody_answered") -> None:
        """A caller who is back, on a line that is ready, is told so and waits for the next agent."""
        call.scope = CallScope(self._centre.clock, f"call {call.id}", self._failed_child(call))
        call.scope.start(self._serve_recalled(call, word), "serve")

    # the caller is gone

    def caller_gone(self, call: Call, how: str) -> None:
        """The far end hung up, before or after our answer."""
        if call.ended or not call.machine.can("gone"):
            return
        if not self._with_message(call, lambda: self._gone(call, how)):
            self._gone(call, how)

    def stop(self, call: Call, why: str) -> None:
        """We end the call, whatever goes on."""
        if call.state == "talking":
            self.talk_over(call, why)
        elif not self._with_message(
            call, lambda: self.finish(call, "gone", "message" if call.message_s else "failed", why)
        ):
            self.finish(call, "gone", "failed", why)

    def _with_message(self, call: Call, then: Callable[[], None]) -> bool:
        """What was said until now is the message: ``then`` when it is closed. False: none is being left."""
        closed = self._centre.attendant.recording(call) if call.state == "message" else None
        if closed is None or call.line is None:
            return False
        closed.addCallback(lambda _: then())
        call.line.port.hangup()
        return True

    def _gone(self, call: Call, how: str) -> None:
        if call.ended or not call.machine.can("gone"):
            return
        if self._centre.side.completes_alone(call, how):
            call.talk_s, call.tried, call.blind = self._centre.clock.seconds(), call.extension, True
            self._send(call, "answered")
            return
        outcome = self._centre.side.gone_in_transfer if call.state == "transferring" else GONE[call.state]
        if call.state == "message" and call.message_s:
            outcome = "message"
        elif call.state == "menu" and how in EMPTY_LINE and self._just_answered(call):
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
        if not await self._centre.side.lifted(call):
            return
        if self._centre.turns_away():
            await self._turn_away(call)
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

    async def _turn_away(self, call: Call) -> None:
        """The server is being taken out of service (cti.operations.drain)."""
        call.turned_away = True
        for _ in range(TURNED_AWAY_TIMES):
            await self._centre.attendant.say(call, "out_of_service")
        self.finish(call, "over", "failed", "turned away: the server is being taken out of service")

    async def _serve_recalled(self, call: Call, word: str) -> None:
        if not await self._centre.side.lifted(call):
            return
        why = self._centre.side.hopeless(call)
        if why:
            await self._cannot_transfer(call, why)
            return
        await self._centre.attendant.say(call, word)
        await self._distribute(call)

    async def _distribute(self, call: Call) -> None:
        """Steps 6 to 8, again and again until an agent has answered or the call is over."""
        while call.state == "queued":
            agent = await self._centre.steps.step_6_queue(call)
            if call.state != "queued" or call.line is None:
                return  # the caller hung up: there is nobody to say good-bye to
            if agent is None:
                await self._without_agent(call)
                return
            gone = await self._centre.side.gone(call, agent)
            if gone:
                self.caller_gone(call, gone)
                return
            if call.state != "queued":
                return
            entry = self._centre.acd.entries.get(call.id)
            if entry is None or entry.agent is not agent:
                continue  # meanwhile the agent went to another telephone, or the offer was too old
            call.send("agent")
            call.agent, call.extension = agent.id, agent.extension
            call.line.watch(False)
            if agent.extension is None:
                result: TransferResult | None = NO_EXTENSION
            else:
                result = await self._centre.side.put_through(call, agent)
            if call.state != "transferring":
                return
            if result is None:
                self.finish(call, "over", "failed", "no transfer was made")
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
        more: dict[str, Any] = {"why": result.lost} if result.lost else {}
        what, caller = result.outcome, result.caller
        centre.event(call, "transfer", "port", what=what.value, how=result.how, caller=caller.value, **more)
        if caller is Caller.WITH_AGENT:
            if result.extension and result.extension != call.extension:  # somebody else took it
                other = centre.acd.at_extension(result.extension)
                call.agent, call.extension = other.id if other is not None else None, result.extension
            call.talk_s = centre.clock.seconds()
            call.tried = call.extension
            call.blind = what is Transfer.HANDED_OVER
            self._send(call, "answered")
            return
        if call.agent is not None:  # who was called last: it may have rung elsewhere in the end
            agent = centre.acd.agent(call.agent)
        centre.side.failed(call, agent, result)
        call.tried = agent.extension
        if caller is Caller.RECALLED:
            centre.not_reached(call, agent, result, aside=True)
        elif caller is not Caller.GONE or result.outcome is Transfer.NO_ANSWER:
            centre.not_reached(call, agent, result)  # of a caller who left, the agent is simply idle again
        call.agent = call.extension = None
        if caller is Caller.GONE:
            self.finish(call, "gone", centre.side.gone_in_transfer, result.lost or result.how)
        elif caller is Caller.RECALLED:
            self._send(call, "on_hook")
        elif call.line is not None:
            call.line.watch(True)
            await self._still_here(call)

    async def _still_here(self, call: Call) -> None:
        """The caller is with us again: back to the queue, unless no transfer can succeed."""
        why = self._centre.side.hopeless(call)
        if why:
            await self._cannot_transfer(call, why)
            return
        call.back_s = self._centre.clock.seconds()
        call.send("back")
        await self._centre.attendant.say(call, "nobody_answered")

    async def _cannot_transfer(self, call: Call, why: str) -> None:
        await self._centre.attendant.say(call, "cannot_transfer")
        self.finish(call, "over", "failed", why)

    # actions of the call's table

    def leave_port(self, call: Call) -> None:
        """The VRU's part is over. What still runs of it is cancelled in the next turn."""
        line, scope = call.line, call.scope
        call.line = None
        if scope is not None:
            scope.cancel(call.outcome or "left the port")
        if line is not None:
            call.left_extension = line.extension
            self._centre.side.left(call, line)

    def leave_queue(self, call: Call) -> None:
        """The queue, and an agent promised to the call, hear that it is gone."""
        self._centre.acd.remove(call.id, call.outcome or "message")

    def await_recall(self, call: Call) -> None:
        """We hung up on a failed transfer: the switch gives the caller back, or the caller is lost."""
        self._centre.side.await_recall(call)

    def watch_talk(self, call: Call) -> None:
        """The switch carries the conversation now; it may still give the caller back."""
        self._centre.side.await_recall(call)
        self._centre.talk_began(call)

    def free_agent(self, call: Call) -> None:
        """The agent's line is idle again."""
        self._centre.side.talk_over(call, call.cause)

    def write_end(self, call: Call) -> None:
        """The record's last words, once."""
        if call.written:
            return
        call.written = True
        self._centre.side.forget(call)
        self._centre.call_ended(call)

    # within

    def _just_answered(self, call: Call) -> bool:
        return call.answered_s is not None and self._centre.clock.seconds() - call.answered_s < EMPTY_LINE_S

    def _just_back(self, call: Call) -> bool:
        return call.back_s is not None and self._centre.clock.seconds() - call.back_s < RETRIEVED_S

    def _failed_child(self, call: Call) -> Callable[[str, Failure], None]:
        def failed(name: str, failure: Failure) -> None:
            self._centre.log.failure(failure, f"call {call.id}: {name}", call=call.id)
            if call.state != "talking":
                self.finish(call, "over" if call.machine.can("over") else "gone", "failed", repr(failure.value))

        return failed
