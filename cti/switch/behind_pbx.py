"""The PBX switches: a transfer is a hook flash, the PBX's dial tone heard, digits, and hanging up (step 7).

Evidence only from the line, and from who else knows: the PBX's record, the agent's PC. What is heard is in
cti.switch.signs, how the transfer goes in cti.switch.supervision, how the caller is fetched back in
cti.switch.retrieval; all of it by the dialect's line section. Sources: dialect files; flash and tone times of GB/T 3380
and the makers' manuals.

A flash has a window of its own at every PBX, and may miss it:

- too short, or ignored: no dial tone. We do not flash again: the caller hears us, and is asked.
- taken, and the dial tone is late: heard after the caller was asked; `transfer(flashed=True)` goes on from there, and
  the next dial tone is waited for three times as long (LONGEST_WAIT_S at most).
- too long: the PBX takes it for on-hook and the caller is gone, but a dial tone comes all the same. It is known where
  an empty line has another dial tone than a held caller makes (dial_tone of the dialect), by the PBX's record of the
  call that ended at our flash, or, fetched back, by nobody being there.

A wire that is cut while the agent's telephone rings begins as a caller's hang-up does, by a loop drop; but the PBX sees
us hang up and completes the transfer. The card's alarm WIRE_S later tells; whoever hears it ends this transfer.

Limits: dial_tone_s after the flash; WIRE_S; those of supervision and retrieval.
"""

from __future__ import annotations

from collections.abc import Callable

from cti.pbx.line_rules import LineRules
from cti.switch.interface import ON_HOOK, Caller, Transfer, TransferResult
from cti.switch.retrieval import retrieve, tone_or_gone
from cti.switch.signs import Signs
from cti.switch.supervision import supervise
from drivers.clock import Clock
from drivers.errors import CallEnded, EngineError
from drivers.port import Port

LONGEST_WAIT_S = 10.0
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
            return held or await consultation.call(extension, ring_s, before_dial)
        except CallEnded as ended:
            return TransferResult(Transfer.CALLER_LOST, Caller.GONE, str(ended))
        except EngineError as error:  # the card did not do it: nobody knows what the PBX has seen of it
            outcome = Transfer.REFUSED if consultation.dialled else Transfer.NO_DIAL_TONE
            return TransferResult(outcome, Caller.UNKNOWN, str(error))
        finally:
            consultation.signs.close()
            if self._calling.get(extension) is consultation.signs:
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

    async def call(self, extension: str, ring_s: float, before_dial: Callable[[], None]) -> TransferResult:
        """The digits, and what becomes of them."""
        rules, port = self._rules, self._port
        before_dial()
        self.dialled = True
        digits = rules.transfer_prefix + extension + rules.transfer_suffix
        await port.dial(digits, on_ms=rules.digit_on_ms, off_ms=rules.digit_off_ms)
        outcome, how = await supervise(self._clock, rules, self.signs, ring_s)
        if outcome in (Transfer.ANSWERED, Transfer.HANDED_OVER):
            return TransferResult(outcome, Caller.WITH_AGENT, how)
        if outcome is Transfer.CALLER_LOST:
            if how == "loop_drop" and self.signs.rang:
                await self._is_it_the_wire()
            return TransferResult(outcome, Caller.GONE, how)
        caller, lost = await retrieve(self._clock, rules, port, self.signs, rules.after_failure(outcome.value))
        return TransferResult(outcome, caller, how, lost)

    async def _is_it_the_wire(self) -> None:
        ends_s = self._clock.seconds() + WIRE_S
        while await self.signs.next(ends_s) is not None:
            pass
