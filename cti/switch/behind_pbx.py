"""The PBX switches: a transfer is a hook flash, the PBX's dial tone heard, digits, and hanging up (step 7).

Evidence only from the line, and from who else knows: the PBX's record, the agent's PC. What is heard is in
cti.vru.signs, how the transfer goes in cti.switch.supervision, how the caller is fetched back in
cti.switch.retrieval; all of it by the dialect's line section. Sources: dialect files; flash and tone times of GB/T 3380
and the makers' manuals.

A flash has a window of its own at every PBX, and may miss it:

- too short, or ignored: no dial tone. We do not flash again: the caller hears us, and is asked.
- taken, and the dial tone is late: heard after the caller was asked; `transfer(flashed=True)` goes on from there, and
  the next dial tone is waited for three times as long (LONGEST_WAIT_S at most).
- too long: the PBX takes it for on-hook and the caller is gone, but a dial tone comes all the same. It is known where
  an empty line has another dial tone than a held caller makes (dial_tone of the dialect), by the PBX's record of the
  call that ended at our flash, or, fetched back, by nobody being there.

While an agent's telephone rings the agent may send the caller elsewhere, or a colleague take the call (`redirect`): the
caller is fetched back as after no answer, and the other telephone called.

A wire that is cut while the agent's telephone rings begins as a caller's hang-up does, by a loop drop; but the PBX sees
us hang up and completes the transfer. The card's alarm WIRE_S later tells; whoever hears it ends this transfer.

Limits: dial_tone_s after the flash; WIRE_S; ROUTED_S; those of supervision and retrieval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec

from cti.pbx.line_rules import Complete, LineRules
from cti.switch.interface import ON_HOOK, Caller, Transfer, TransferResult
from cti.switch.retrieval import retrieve, tone_or_gone
from cti.switch.supervision import FIRST_SIGN_S, supervise
from cti.vru.feature_code import Dialled, dial_tone
from cti.vru.signs import Signs
from drivers.clock import Clock
from drivers.errors import CallEnded, EngineError
from drivers.port import Port

LONGEST_WAIT_S = 10.0
# From the last digit of a number outside to a first sound of the far exchange: register signals take seconds a hop.
ROUTED_S = 30.0
# Battery that does not return within this time is an alarm of the card (DAHDI: battalarm 1 s), and no caller's hang-up.
WIRE_S = 1.5


class BehindPbx:
    """Transfers by hook flash."""

    def __init__(self, clock: Clock, rules: LineRules) -> None:
        self._clock = clock
        self._rules = rules
        self._dial_tone_s = rules.dial_tone_s
        self._calling: dict[str, Signs] = {}  # by the extension called

    async def transfer(
        self, port: Port, extension: str, ring_s: float, before_dial: Callable[[], None], *, flashed: bool = False
    ) -> TransferResult:
        """See interface.Switch."""
        consultation = _Consultation(self._clock, self._rules, port)
        if flashed:
            self._dial_tone_s = min(3 * self._rules.dial_tone_s, LONGEST_WAIT_S)
        self._calling[extension] = consultation.signs
        try:
            held = None if flashed else await consultation.hold(self._dial_tone_s)
            result = held or await consultation.call(extension, ring_s, before_dial)
            while result.outcome is Transfer.REDIRECTED:
                result = await self._elsewhere(consultation, result, ring_s)
            return result
        except CallEnded as ended:
            return TransferResult(Transfer.CALLER_LOST, Caller.GONE, str(ended))
        except EngineError as error:  # the card did not do it: nobody knows what the PBX has seen of it
            outcome = Transfer.REFUSED if consultation.dialled else Transfer.NO_DIAL_TONE
            return TransferResult(outcome, Caller.UNKNOWN, str(error))
        finally:
            self._over(consultation.extension or extension, consultation.signs)

    async def _elsewhere(self, consultation: _Consultation, wish: TransferResult, ring_s: float) -> TransferResult:
        """The caller is fetched back from a telephone that rings, and another one called, if one is wanted."""
        before, to = consultation.extension, wish.extension
        if self._calling.get(before) is consultation.signs:
            del self._calling[before]
        caller, lost = await consultation.fetch_back(Transfer.NO_ANSWER)
        if not to or caller is not Caller.WITH_US:
            return TransferResult(Transfer.NO_ANSWER, caller, f"refused at {before}", lost)
        consultation.extension = to
        self._calling[to] = consultation.signs
        consultation.hear_anew()
        held = await consultation.hold(self._dial_tone_s)
        result = held or await consultation.call(to, ring_s, lambda: None)
        return result if result.outcome is Transfer.REDIRECTED else replace(result, extension=to)

    async def put_out(self, port: Port, number: str) -> TransferResult:
        """As `transfer`, to a number outside: done as soon as it rings there, or anything but busy tone and refusal is
        heard, so that who is put through hears how it goes. Digits may hold pauses (,)."""
        complete: Complete = "blind" if self._rules.complete == "blind" else "ringback"
        answer = tuple(dict.fromkeys((*self._rules.answer, "voice")))
        rules = msgspec.structs.replace(self._rules, complete=complete, answer=answer)
        consultation = _Consultation(self._clock, rules, port)
        try:
            held = await consultation.hold(self._dial_tone_s)
            return held or await consultation.call(number, ROUTED_S, lambda: None, first_s=ROUTED_S)
        except CallEnded as ended:
            return TransferResult(Transfer.CALLER_LOST, Caller.GONE, str(ended))
        except EngineError as error:
            outcome = Transfer.REFUSED if consultation.dialled else Transfer.NO_DIAL_TONE
            return TransferResult(outcome, Caller.UNKNOWN, str(error))
        finally:
            consultation.signs.close()

    async def call(self, port: Port, extension: str, ring_s: float) -> Dialled:
        """Calls a telephone from an idle port, whose ears are armed, and waits until it is answered (confirmed) or
        known not to be. Raises nothing for what line or card do; may be cancelled."""
        rules, signs, dialled = self._rules, Signs(self._clock, self._rules, port), False
        self._calling[extension] = signs
        try:
            await port.answer()
            how = await dial_tone(self._clock, rules, signs)
            if how:
                return Dialled("no_dial_tone", how)
            dialled = True
            await port.dial(extension, on_ms=rules.digit_on_ms, off_ms=rules.digit_off_ms)
            signs.since_flash()
            supervised = msgspec.structs.replace(rules, complete="answer")
            outcome, how = await supervise(self._clock, supervised, signs, ring_s)
            return Dialled("confirmed" if outcome is Transfer.ANSWERED else "refused", how)
        except (CallEnded, EngineError) as error:
            return Dialled("refused" if dialled else "no_dial_tone", str(error))
        finally:
            self._over(extension, signs)

    def may_redirect(self, extension: str) -> bool:
        """Does a call ring there that this PBX lets us fetch back?"""
        back = self._rules.after_failure("no_answer")
        fetches = self._rules.complete == "answer" and back in ("flash", "flash_code", "code")
        return fetches and extension in self._calling

    def redirect(self, extension: str, to: str) -> None:
        """The call that rings at ``extension`` is to ring at ``to``, or to be let go ("": as if nobody answered)."""
        self._calling[extension].told("redirected", to)

    def _over(self, extension: str, signs: Signs) -> None:
        signs.close()
        if self._calling.get(extension) is signs:
            del self._calling[extension]

    def ring_s(self, extension: str, ring_s: float) -> float:
        """See interface.Switch."""
        return ring_s

    def agent_answered(self, extension: str, how: str) -> bool:
        """See interface.Switch."""
        signs = self._calling.get(extension)
        if signs is None or how not in self._rules.answer:
            return False
        signs.told("answered", how)
        return True

    def rings(self, extension: str) -> bool:
        """See interface.Switch."""
        signs = self._calling.get(extension)
        return signs is not None and signs.rang


class _Consultation:
    """One transfer, with all that was heard during it."""

    def __init__(self, clock: Clock, rules: LineRules, port: Port) -> None:
        self._clock, self._rules, self._port = clock, rules, port
        self.dialled = False
        self.extension = ""  # called now
        self.signs = Signs(clock, rules, port)

    async def hold(self, seconds: float) -> TransferResult | None:
        """The flash. None: the PBX asks for digits; else how it ended."""
        await self._port.flash(self._rules.flash_ms)
        heard = await tone_or_gone(self._clock, self.signs, seconds)
        if heard is None:
            return TransferResult(Transfer.NO_DIAL_TONE, Caller.UNKNOWN, "silence after the flash")
        if heard.kind == "dial_tone":
            return None
        if heard.kind == "gone":
            return TransferResult(Transfer.CALLER_LOST, Caller.GONE, heard.how)
        if heard.kind == "fresh_dial_tone":
            return TransferResult(Transfer.CALLER_LOST, Caller.GONE, ON_HOOK)
        return TransferResult(Transfer.NO_DIAL_TONE, Caller.UNKNOWN, f"{heard.how} after the flash")

    async def call(
        self, extension: str, ring_s: float, before_dial: Callable[[], None], *, first_s: float = FIRST_SIGN_S
    ) -> TransferResult:
        """The digits, and what becomes of them."""
        rules, port = self._rules, self._port
        before_dial()
        self.dialled, self.extension = True, extension
        digits = rules.transfer_prefix + extension + rules.transfer_suffix
        await port.dial(digits, on_ms=rules.digit_on_ms, off_ms=rules.digit_off_ms)
        outcome, how = await supervise(self._clock, rules, self.signs, ring_s, first_s)
        if outcome is Transfer.REDIRECTED:
            return TransferResult(outcome, Caller.HELD, "redirected", extension=how)
        if outcome in (Transfer.ANSWERED, Transfer.HANDED_OVER):
            return TransferResult(outcome, Caller.WITH_AGENT, how)
        if outcome is Transfer.CALLER_LOST:
            if how == "loop_drop" and self.signs.rang:
                await self._is_it_the_wire()
            return TransferResult(outcome, Caller.GONE, how)
        caller, lost = await self.fetch_back(outcome)
        return TransferResult(outcome, caller, how, lost)

    async def fetch_back(self, outcome: Transfer) -> tuple[Caller, str]:
        """As the dialect says for this kind of failure."""
        rules = self._rules
        return await retrieve(self._clock, rules, self._port, self.signs, rules.after_failure(outcome.value))

    def hear_anew(self) -> None:
        """Ringback that was cut short must not be missed, burst for burst, when the next telephone rings."""
        self._port.detect("dtmf", "tones", "voice", duck=True)

    async def _is_it_the_wire(self) -> None:
        ends_s = self._clock.seconds() + WIRE_S
        while await self.signs.next(ends_s) is not None:
            pass
