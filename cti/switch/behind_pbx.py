"""The PBX switches: a transfer is a hook flash, the PBX's dial tone heard, digits, and hanging up (step 7).

Evidence only from the line: dial tone before dialling; the agent's answer by voice outside the tone plan, by a
ringback burst that is overdue, or by polarity, as far as the dialect lets them count. After a flash that brings no dial
tone we do not flash again: the caller may be on the line, or lost, and only listening tells. Every sign from the first
flash on is kept until it has been looked at, so that a loop drop while we dial is not missed. Sources: dialect files;
flash and tone times of GB/T 3380 and the makers' manuals.

Limits: dial_tone_s after the flash; FIRST_SIGN_S after the digits; the ring time handed over, from the first ringback;
RETRIEVE_LISTEN_S after the retrieving flash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cti.pbx.line_rules import LineRules
from cti.switch.interface import Caller, Transfer, TransferResult
from drivers.clock import Clock
from drivers.errors import CallEnded, EngineError, TimedOut
from drivers.events import Event, LoopDrop, NotTone, Polarity, ToneHeard, ToneOverdue
from drivers.port import Port

DIAL_TONES = frozenset({"dial", "stutter"})
BUSY_TONES = frozenset({"busy"})
REFUSALS = frozenset({"congestion", "info", "howler"})
# After the digits a PBX says something, a tone or a voice, within this time.
FIRST_SIGN_S = 10.0
# After the retrieving flash: busy or dial tone within this time means that the caller is gone.
RETRIEVE_LISTEN_S = 1.6


class BehindPbx:
    """Transfers by hook flash."""

    def __init__(self, clock: Clock, rules: LineRules) -> None:
        self._clock = clock
        self._rules = rules

    async def transfer(
        self, port: Port, extension: str, ring_s: float, before_dial: Callable[[], None]
    ) -> TransferResult:
        """See interface.Switch."""
        consultation = _Consultation(self._clock, self._rules, port)
        try:
            return await consultation.transfer(extension, ring_s, before_dial)
        except CallEnded as ended:
            return TransferResult(Transfer.CALLER_LOST, Caller.GONE, str(ended))
        except EngineError as error:  # the card did not do it: nobody knows what the PBX has seen of it
            outcome = Transfer.REFUSED if consultation.dialled else Transfer.NO_DIAL_TONE
            return TransferResult(outcome, Caller.UNKNOWN, str(error))
        finally:
            consultation.close()


class _Consultation:
    """One transfer, with all that was heard during it."""

    def __init__(self, clock: Clock, rules: LineRules, port: Port) -> None:
        self._clock, self._rules, self._port = clock, rules, port
        self.dialled = False
        self._signs: deque[Event] = deque()
        self._reversed = port.state().reversed
        self.close = port.listen(self._event)

    async def transfer(self, extension: str, ring_s: float, before_dial: Callable[[], None]) -> TransferResult:
        rules, port = self._rules, self._port
        heard = await self._flash(rules.dial_tone_s)
        if heard is None:
            return TransferResult(Transfer.NO_DIAL_TONE, Caller.UNKNOWN, "silence after the flash")
        if not isinstance(heard, ToneHeard):
            return TransferResult(Transfer.CALLER_LOST, Caller.GONE, _name(heard))
        if heard.name not in DIAL_TONES:
            return TransferResult(Transfer.NO_DIAL_TONE, Caller.UNKNOWN, f"{heard.name} after the flash")
        before_dial()
        self.dialled = True
        await port.dial(rules.transfer_prefix + extension, on_ms=rules.digit_on_ms, off_ms=rules.digit_off_ms)
        outcome, how = await self._answer(ring_s)
        if outcome in (Transfer.ANSWERED, Transfer.HANDED_OVER):
            return TransferResult(outcome, Caller.WITH_AGENT, how)
        if outcome is Transfer.CALLER_LOST:
            return TransferResult(outcome, Caller.GONE, how)
        return TransferResult(outcome, await self._retrieve(outcome), how)

    async def _flash(self, seconds: float) -> Event | None:
        """Flashes; the first tone that says something, or sign that the caller has gone, within ``seconds``."""
        await self._port.flash(self._rules.flash_ms)
        gone = [sign for sign in self._signs if self._far_end_gone(sign)]
        self._signs.clear()  # what was heard before the flash was of the call before it
        if gone:
            return gone[0]
        ends = self._clock.seconds() + seconds
        while (sign := await self._next(ends)) is not None:
            if self._far_end_gone(sign) or (
                isinstance(sign, ToneHeard) and sign.name in DIAL_TONES | BUSY_TONES | REFUSALS
            ):
                return sign
        return None

    async def _answer(self, ring_s: float) -> tuple[Transfer, str]:
        """Waits for the agent, ``ring_s`` long from the first sign of ringing."""
        ends = self._clock.seconds() + FIRST_SIGN_S
        rang = False
        while (sign := await self._next(ends)) is not None:
            answered = self._answered(sign)
            if answered:
                return Transfer.ANSWERED, answered
            if self._far_end_gone(sign):
                return Transfer.CALLER_LOST, _name(sign)
            if isinstance(sign, ToneHeard):
                if sign.name in BUSY_TONES:
                    return Transfer.BUSY, sign.name
                if sign.name in REFUSALS:
                    return Transfer.REFUSED, sign.name
                if sign.name == "ringback" and self._rules.complete == "ringback":
                    return Transfer.HANDED_OVER, "ringback"
                if sign.name == "ringback" and not rang:
                    rang = True
                    ends = self._clock.seconds() + ring_s
        return (Transfer.NO_ANSWER, f"rang {ring_s:g} s") if rang else (Transfer.REFUSED, "no tone after the digits")

    def _answered(self, sign: Event) -> str:
        """The evidence that the agent has answered, if this is one."""
        answers = self._rules.answer
        if isinstance(sign, Polarity) and "polarity" in answers and sign.reversed != self._reversed:
            return "polarity"
        if isinstance(sign, NotTone) and "voice" in answers:
            return "voice"
        if isinstance(sign, ToneOverdue) and "ringback_overdue" in answers:
            return "ringback_overdue"
        return ""

    def _far_end_gone(self, sign: Event) -> bool:
        """A sign that the caller has hung up; a reversal only where it cannot mean the agent's answer."""
        if isinstance(sign, LoopDrop):
            return "loop_drop" in self._rules.disconnect
        if isinstance(sign, Polarity):
            return "polarity" in self._rules.disconnect and "polarity" not in self._rules.answer
        return False

    async def _retrieve(self, outcome: Transfer) -> Caller:
        """Brings the caller back as the dialect says for this kind of failure."""
        way = self._rules.after_failure(outcome.value)
        if way == "onhook":
            return Caller.RECALLED
        if way == "listen":  # this PBX brings the caller back by itself
            return Caller.UNKNOWN
        return Caller.WITH_US if await self._flash(RETRIEVE_LISTEN_S) is None else Caller.GONE

    async def _next(self, ends: float) -> Event | None:
        """The next sign on the line that has not been looked at; None: none until then."""
        if not self._signs:
            left = ends - self._clock.seconds()
            if left <= 0:
                return None
            try:
                await self._port.wait_for(*SIGNS, timeout_s=left)
            except TimedOut:
                return None
        return self._signs.popleft() if self._signs else None

    def _event(self, event: Event) -> None:
        if isinstance(event, SIGNS):
            self._signs.append(event)


SIGNS = (ToneHeard, NotTone, ToneOverdue, Polarity, LoopDrop)


def _name(sign: Event) -> str:
    return "loop_drop" if isinstance(sign, LoopDrop) else "polarity"
