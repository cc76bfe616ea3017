"""What an installer wants to know of a line, measured from its port: the test behind `tipring card test`.

Rows in the order of a call: alarms, noise on-hook, off-hook, dial tone, return loss, a number dialled, a hook flash,
caller ID of a call that comes. Each says what was measured, whether it is as it should be, and what to do where it is
not. The port is on-hook in the end, whatever happens. Serves steps 1, 2 and 7, before the first call.

A flash too long for the PBX is on-hook to it, and brings a dial tone as well. So the flash is given in a call to
another VRU port, which is watched, as `tipring line learn` does (cti.install.flash).

Limits: 5 s for a line in order; dial_tone_s of the PBX but at least 5 s for each dial tone; 12 s for what comes after
dialling; those of a pair (cti.install.pair) for the flash; ring_s for a call, 8 s for its caller ID. The bounds of what
is right are ours, for lines behind a PBX; GB/T 3380 sends tones at -10 dBm0, the line takes away up to 10 dB.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twisted.internet.defer import Deferred

from cti.install.flash import FlashTrial
from cti.install.pair import Pair
from cti.pbx.line_rules import LineRules
from drivers import callerid, measure
from drivers.clock import Clock
from drivers.errors import CallerIdError, TimedOut
from drivers.events import CallerId, NotTone, RingBegin, RingEnd, ToneHeard
from drivers.items import Digits
from drivers.listener import Listener
from drivers.port import Port
from drivers.tones import TonePlan

SETTLE_S = 1.0
REST_S = 1.0
"""On-hook so much longer than the guard time between two tests: a PBX may take a second and more for a hook flash, and
hold whoever the test before had reached."""
LINE_S = 5.0
"""A card that was just opened sees battery and the end of alarms within this time."""
DIAL_TONE_S = 5.0
AFTER_DIALLING_S = 12.0
CALLER_ID_S = 8.0
LONGEST_NUMBER = 32
ON_HOOK_NOISE_DBM0 = -45.0
DIAL_TONE_DBM0 = (-28.0, -3.0)
LEAST_RETURN_LOSS_DB = 8.0
FLASH_REMEDIES = {
    "ignored": "too short for this PBX, or the extension may not flash (class of service): tipring line learn",
    "hangs up": "too long for this PBX, which takes it for on-hook: a smaller pbx.flash_ms (line learn)",
    "unclear": "tipring pbx learn-ports tells which port is which; tipring line learn tries more lengths",
}
PROGRESS = ("ringback", "busy", "congestion", "info")


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement. `ok` None: it was not made. `remedy` where it is not right, or what to give for it."""

    test: str
    zh: str
    en: str
    value: str
    ok: bool | None
    remedy: str = ""


class LineTest:
    """The tests of one FXO port that nothing else uses. `tell(row)` is called as each is done. pair: this port and
    another one to which the PBX can put a call from it; None: the flash is not tested."""

    def __init__(
        self,
        clock: Clock,
        port: Port,
        plan: TonePlan,
        rules: LineRules,
        tell: Callable[[Row], object] = lambda row: None,
        *,
        dial: str | None = None,
        ring_s: float = 0.0,
        pair: Pair | None = None,
    ) -> None:
        self.rows: list[Row] = []
        self.done = False
        self._clock, self._port, self._plan, self._rules = clock, port, plan, rules
        self._tell, self._number, self._ring_s, self._pair = tell, dial, ring_s, pair
        self._dial_tones = [name for name in rules.dial_tone if name in plan]

    async def run(self) -> list[Row]:
        """All of them; EngineError where the card fails in the middle."""
        port = self._port
        try:
            self._fresh()
            await self._settled()
            if not self._alarms():
                self.done = True
                return self.rows
            await self._noise()
            await self._off_hook()
            if await self._dial_tone("dial_tone", "拨号音", "dial tone"):
                await self._echo()
                await self._dial()
                port.hangup()
                await self._flash()
            port.hangup()
            await self._caller_id()
            self.done = True
            return self.rows
        finally:
            port.hangup()

    def _fresh(self) -> None:
        """A call of the port's own for each part: nothing of the former is left."""
        self._port.hangup()
        self._port.begin_call()
        self._port.tone_plan(self._plan)

    async def _settled(self) -> None:
        """A card just opened may need a moment to see its line."""
        for _ in range(round(LINE_S / SETTLE_S)):
            await _pause(self._clock, SETTLE_S)
            state = self._port.state()
            if state.battery and not state.alarms:
                return

    def _row(self, test: str, zh: str, en: str, value: str, ok: bool | None, remedy: str = "") -> None:
        row = Row(test, zh, en, value, ok, "" if ok else remedy)
        self.rows.append(row)
        self._tell(row)

    def _alarms(self) -> bool:
        state = self._port.state()
        told = [*state.alarms, *([] if state.battery else ["no battery"])]
        remedy = "is the line plugged in, is the PBX on? measure 20 to 60 V between tip and ring"
        self._row("alarms", "告警、馈电", "alarms, battery", ", ".join(told) or "none", not told, remedy)
        return not told

    async def _noise(self) -> None:
        if "hears_on_hook" not in self._port.capabilities:
            self._row("noise", "挂机噪声", "noise on-hook", "this card hears nothing on-hook", None)
            return
        heard = await measure.listen(self._port)
        remedy = "hum or crosstalk: keep the cable away from mains, earth the PC, change the pair"
        ok = heard.dbm0 <= ON_HOOK_NOISE_DBM0
        self._row("noise", "挂机噪声", "noise on-hook", f"{heard.dbm0:.0f} dBm0", ok, remedy)

    async def _off_hook(self) -> None:
        await self._port.answer()
        self._row("off_hook", "摘机", "off-hook", "loop closed", True)

    async def _dial_tone(self, test: str, zh: str, en: str) -> bool:
        try:
            heard = await self._port.wait_tone(self._dial_tones, max(DIAL_TONE_S, self._rules.dial_tone_s))
        except TimedOut:
            sound = await measure.listen(self._port, 2.0)
            self._row(test, zh, en, _described(sound), False, self._no_dial_tone(sound))
            return False
        sound = await measure.listen(self._port)
        low, high = DIAL_TONE_DBM0
        value = f"{heard.name}: {_described(sound)}"
        remedy = f"{low:g} to {high:g} dBm0 are usual: set rx_gain_db of the card"
        self._row(test, zh, en, value, low <= sound.dbm0 <= high, remedy)
        return True

    def _no_dial_tone(self, sound: measure.Heard) -> str:
        if sound.dbm0 < -40:
            return "nothing is heard: wrong pair, a dead extension, or one that is barred"
        if sound.partials and sound.purity >= 0.8:
            hz = ", ".join(f"f{n}_hz: {partial.hz:.0f}" for n, partial in enumerate(sound.partials, 1))
            return f"this PBX has a tone of its own: write into the site file  tones: {{dial: {{{hz}}}}}"
        return "no steady tone: somebody speaks, or the PBX interrupts it; listen with: tipring port capture"

    async def _echo(self) -> None:
        found = await measure.echo(self._port)
        name = ("return_loss", "回波损耗", "return loss")
        if found.loss_db is None:
            self._row(*name, f"over {found.over_db:.0f} dB", True)
            return
        value = f"{found.loss_db:.0f} dB after {found.delay_ms:.0f} ms"
        remedy = "much echo: echo_taps: 128 and a canceller in system.conf; FXO cards: opermode=CHINA, fxotune"
        self._row(*name, value, found.loss_db >= LEAST_RETURN_LOSS_DB, remedy)

    async def _flash(self) -> None:
        name = ("flash", "拍叉簧", "hook flash")
        if self._pair is None:
            self._row(*name, "not tested", None, "it needs another port of vru.ports, to which a call can be made")
            return
        if any(row.test == "dial_tone" and not row.ok for row in self.rows):
            self._row(*name, "not tested", None, "the dial tone first: a line that is too weak carries no call")
            return
        await _pause(self._clock, self._rules.guard_s + REST_S)
        ms = self._rules.flash_ms
        [tried] = await FlashTrial(self._pair, self._rules).run(self._plan, [ms])
        self._row(*name, f"{ms} ms: {tried.why}", tried.outcome == "flash", FLASH_REMEDIES.get(tried.outcome, ""))

    async def _dial(self) -> None:
        """From a new dial tone: noise may have been taken for a digit."""
        number = self._number
        if number is None:
            self._row("dial", "拨号", "dialling", "not tested", None, "--dial NUMBER: one that may ring")
            return
        self._fresh()
        await _pause(self._clock, self._rules.guard_s + REST_S)
        await self._port.answer()
        if not await self._dial_tone("second_dial_tone", "再次拨号音", "dial tone of the next call"):
            return
        digits = Digits(number, on_ms=self._rules.digit_on_ms, off_ms=self._rules.digit_off_ms)
        seconds = min(30.0, 0.5 + len(number) * (digits.on_ms + digits.off_ms) / 1000)
        received, _ = await measure.record(self._port, seconds, digits)
        echoed = "".join(heard.value for heard in Listener(caller_id=False).feed(received) if heard.kind == "dtmf")
        value = f"{number}; heard back on the line: {echoed or 'none'}"
        self._row("digits", "双音频回听", "DTMF loop", value, None if not echoed else echoed in number, "")
        await self._progress()

    async def _progress(self) -> None:
        tones = [name for name in PROGRESS if name in self._plan]
        name = ("dial", "拨号结果", "after dialling")
        try:
            heard = await self._tone_or_voice(tones)
        except TimedOut:
            remedy = "no tone and no voice: does the PBX take DTMF? is the number one that rings?"
            self._row(*name, "silence", False, remedy)
            return
        remedy = "the PBX refused the number, or did not understand the digits: digit_on_ms, tx_gain_db"
        good = isinstance(heard, NotTone) or heard.name == "ringback"
        self._row(*name, "voice" if isinstance(heard, NotTone) else heard.name, good, remedy)

    async def _tone_or_voice(self, tones: Sequence[str]) -> ToneHeard | NotTone:
        self._port.detect("tones")
        while True:
            event = await self._port.wait_for(ToneHeard, NotTone, timeout_s=AFTER_DIALLING_S)
            if isinstance(event, NotTone) or (isinstance(event, ToneHeard) and event.name in tones):
                return event

    async def _caller_id(self) -> None:
        name = ("caller_id", "来电显示", "caller ID")
        if self._ring_s <= 0:
            self._row(*name, "not tested", None, "--ring SECONDS, and call the port from another telephone")
            return
        self._fresh()
        told: list[CallerId] = []
        edges = self._port.state().ring_edges
        self._port.detect("fsk_id", "dtmf_id")
        forget = self._port.listen(lambda event: told.append(event) if isinstance(event, CallerId) else None)
        try:
            await self._port.wait_for(RingBegin, RingEnd, timeout_s=self._ring_s)
            if not told:
                await self._port.wait_for(CallerId, timeout_s=CALLER_ID_S)
        except TimedOut:
            rang = self._port.state().ring_edges != edges
            remedy = "not subscribed for this line, or sent by SMDI alone" if rang else "no ring: call its number"
            self._row(*name, "rang, none" if rang else f"no ring within {self._ring_s:g} s", False, remedy)
            return
        finally:
            forget()
        event = told[0]
        try:
            fields = callerid.decode(event.raw, event.form)
        except CallerIdError as error:
            self._row(*name, f"{event.form}, damaged", False, f"{error}: levels, noise?")
        else:
            self._row(*name, f"{fields.number or fields.absence} by {event.form}", event.ok, "damaged: levels, noise?")


def _described(sound: measure.Heard) -> str:
    tones = " + ".join(f"{partial.hz:.0f}" for partial in sound.partials) if sound.purity >= 0.5 else ""
    return f"{sound.dbm0:.0f} dBm0" + (f", {tones} Hz" if tones else "")


def _pause(clock: Clock, seconds: float) -> Deferred[None]:
    """Time passes; cancelling leaves no timer."""
    over: Deferred[None] = Deferred(lambda _: timer.cancel())
    timer = clock.callLater(seconds, over.callback, None)
    return over
