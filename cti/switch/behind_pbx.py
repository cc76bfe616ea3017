"""The PBX switches: a transfer is a hook flash, the PBX's dial tone heard, digits, and hanging up (step 7).

Evidence only from the line: dial tone before dialling; the agent's answer by voice outside the tone plan, by a ringback
burst that is overdue, or by polarity. After a flash that brings no dial tone we do not flash again: the caller
may be on the line, or lost, and only listening tells. Sources: dialect files; flash and tone times of GB/T 3380 and the
makers' manuals.
"""

from __future__ import annotations

from collections.abc import Callable

from cti.pbx.dialect import LineRules
from cti.switch.interface import Caller, Transfer, TransferResult
from drivers.clock import Clock
from drivers.errors import CallEnded, TimedOut
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
        try:
            return await self._transfer(port, extension, ring_s, before_dial)
        except CallEnded as ended:
            return TransferResult(Transfer.CALLER_LOST, Caller.GONE, str(ended))

    async def _transfer(
        self, port: Port, extension: str, ring_s: float, before_dial: Callable[[], None]
    ) -> TransferResult:
        rules = self._rules
        await port.flash(rules.flash_ms)
        heard = await self._next(port, rules.dial_tone_s, tones=DIAL_TONES | BUSY_TONES | REFUSALS)
        if heard is None:
            return TransferResult(Transfer.NO_DIAL_TONE, Caller.UNKNOWN, "silence after the flash")
        if isinstance(heard, LoopDrop):
            return TransferResult(Transfer.CALLER_LOST, Caller.GONE, "loop_drop")
        if not isinstance(heard, ToneHeard) or heard.name not in DIAL_TONES:
            sign = heard.name if isinstance(heard, ToneHeard) else type(heard).__name__
            return TransferResult(Transfer.NO_DIAL_TONE, Caller.UNKNOWN, f"{sign} after the flash")
        before_dial()
        await port.dial(rules.transfer_prefix + extension, on_ms=rules.digit_on_ms, off_ms=rules.digit_off_ms)
        outcome, how = await self._answer(port, ring_s)
        if outcome is Transfer.ANSWERED:
            return TransferResult(outcome, Caller.WITH_AGENT, how)
        if outcome is Transfer.CALLER_LOST:
            return TransferResult(outcome, Caller.GONE, how)
        return TransferResult(outcome, await self._retrieve(port, outcome), how)

    async def _answer(self, port: Port, ring_s: float) -> tuple[Transfer, str]:
        """Waits for the agent, ``ring_s`` long from the first sign of ringing."""
        answers = self._rules.answer
        ends = self._clock.seconds() + FIRST_SIGN_S
        rang = False
        while (left := ends - self._clock.seconds()) > 0:
            sign = await self._next(port, left, voice=True)
            if sign is None:
                break
            if isinstance(sign, LoopDrop):
                return Transfer.CALLER_LOST, "loop_drop"
            if isinstance(sign, Polarity) and "polarity" in answers:
                return Transfer.ANSWERED, "polarity"
            if isinstance(sign, NotTone) and "voice" in answers:
                return Transfer.ANSWERED, "voice"
            if isinstance(sign, ToneOverdue) and "ringback_overdue" in answers:
                return Transfer.ANSWERED, "ringback_overdue"
            if isinstance(sign, ToneHeard):
                if sign.name in BUSY_TONES:
                    return Transfer.BUSY, sign.name
                if sign.name in REFUSALS:
                    return Transfer.REFUSED, sign.name
                if sign.name == "ringback" and not rang:
                    rang = True
                    ends = self._clock.seconds() + ring_s
        return (Transfer.NO_ANSWER, f"rang {ring_s:g} s") if rang else (Transfer.REFUSED, "no tone after the digits")

    async def _retrieve(self, port: Port, outcome: Transfer) -> Caller:
        """Brings the caller back as the dialect says for this kind of failure."""
        if self._rules.after_failure(outcome.value) == "onhook":
            return Caller.RECALLED
        await port.flash(self._rules.flash_ms)
        sign = await self._next(port, RETRIEVE_LISTEN_S, tones=DIAL_TONES | BUSY_TONES | REFUSALS)
        return Caller.WITH_US if sign is None else Caller.GONE

    async def _next(
        self, port: Port, seconds: float, *, tones: frozenset[str] | None = None, voice: bool = False
    ) -> Event | None:
        """The next sign on the line: a tone (of ``tones``), its absence, voice where asked, polarity, a loop drop."""

        def wanted(event: Event) -> bool:
            if isinstance(event, ToneHeard):
                return tones is None or event.name in tones
            if isinstance(event, NotTone | ToneOverdue):
                return voice
            return isinstance(event, LoopDrop) or (voice and isinstance(event, Polarity))

        ends = self._clock.seconds() + seconds
        while (left := ends - self._clock.seconds()) > 0:
            try:
                event = await port.wait_for(ToneHeard, NotTone, ToneOverdue, Polarity, LoopDrop, timeout_s=left)
            except TimedOut:
                return None
            if wanted(event):
                return event
        return None
