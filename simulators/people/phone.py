"""Agents' telephones (step 7): FXO ports on the PBX's extensions, or on the server's own seats, each with a person.

An agent without a PC dials the service port with it, and types number, PIN and commands.

It rings; after a human delay the agent lifts it, says hello, converses by turns and hangs up; or does not answer; or
the handset is off (busy). When the line goes dead, or tone comes, the agent hangs up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from twisted.internet.defer import Deferred

from drivers import events, items
from drivers.clock import Clock, DelayedCall
from drivers.port import Port
from simulators.lines.party import Sounds, ended, pause
from simulators.people.ears import Ears
from simulators.people.hearing import Ear, Voices
from simulators.people.speech import Speech
from simulators.truth import Note

HELLO = "您好，很高兴为您服务。"
SENTENCES = ("请您稍等，我查一下。", "好的，已经为您登记了。", "请问您的订单号是多少？", "明天上午可以送到。")
BYE = "感谢您的来电，再见。"
SENTENCES_OF_AGENTS = (HELLO, BYE, *SENTENCES)
NO_MORE_RINGS_S = 6.0
NEW_RING_S = 3.5  # rings of one call come 5 s apart (or 3.7 at some makes)
SERVICE_S = 15.0  # so long is waited for the service port's voice
DIAL_AGAIN_S = 8.0
FLASH_MS = 400
LONG_S = 3600.0
DIALS = 3  # so often, where it is busy or says nothing


@dataclass(frozen=True)
class ServiceCall:
    """At second `at_s` the agent dials `number`; when it speaks, `keys` are typed. A key every 0.2 s; `,` waits 2 s."""

    at_s: float
    number: str
    keys: str


@dataclass(frozen=True)
class Behaviour:
    """What the agent does at one call: `answer_s` after the ring begins (None: does not answer), talks `talk_s` at
    most, then says goodbye."""

    answer_s: float | None = 2.0
    talk_s: float = 30.0


@dataclass(frozen=True)
class PhonePlan:
    """`behaviours` for the first calls, then `usual`. `off_hook`: times (from, for) in seconds at which the handset
    lies beside the telephone."""

    usual: Behaviour = field(default_factory=Behaviour)
    behaviours: tuple[Behaviour, ...] = ()
    off_hook: tuple[tuple[float, float], ...] = ()
    dials: tuple[ServiceCall, ...] = ()
    voice: str = "cmn-latn-pinyin+f3"


class Phone:
    """`state`: idle, ringing, talking, dialling (a service call), off (handset beside it)."""

    def __init__(
        self,
        clock: Clock,
        port: Port,
        extension: str,
        plan: PhonePlan,
        random: Random,
        speech: Speech,
        note: Note,
        voices: Voices | None = None,
    ) -> None:
        self._clock, self.port, self.extension, self.plan = clock, port, extension, plan
        self._random, self._speech, self._tell = random, speech, note
        self.state = "idle"
        self.calls = 0
        self._rang_s = -NO_MORE_RINGS_S
        self.on_ring: Callable[[], None] = lambda: None
        self.on_lifted: Callable[[], None] = lambda: None
        self.on_hung_up: Callable[[], None] = lambda: None
        self.on_in_hand: Callable[[], None] = lambda: None  # lifted by its owner's own wish
        self._sounds = Sounds(port)
        self._ears = Ears(clock, port)
        self._ears.on_tone = self._tone
        self._ear = Ear(clock, port, self._sounds, f"phone {extension}", voices)
        self.patient = False  # does not hang up for a tone: waits for what comes next
        self.kept = False  # lifted to do something: hung up only by whoever lifted it
        self._script: Deferred[None] | None = None
        self._timer: DelayedCall | None = None
        self._quiet: DelayedCall | None = None
        port.listen(self._event)
        for begin, duration in plan.off_hook:
            clock.callLater(begin, self.lay_off, duration)
        for call in plan.dials:
            clock.callLater(call.at_s, self.dial, call)

    def _note(self, what: str, **data: str | int | float | bool | None) -> None:
        self._tell(None, f"phone {self.extension}", what, extension=self.extension, **data)

    def _event(self, event: events.Event) -> None:
        if isinstance(event, events.RingBegin):
            fresh = self._clock.seconds() - self._rang_s < NEW_RING_S  # so soon after the last one: another call
            self._rang_s = self._clock.seconds()
            if self.state == "ringing" and fresh:
                self._cancel(self._timer)
                self._rings()
            elif self.state == "idle":
                self._rings()
            elif self.state == "ringing":
                self._expect_more()
        elif isinstance(event, events.LoopDrop) and self.state == "talking":
            self._clock.callLater(0.5, self.hang_up, "line dead")

    def _rings(self) -> None:
        behaviours = self.plan.behaviours
        behaviour = behaviours[self.calls] if self.calls < len(behaviours) else self.plan.usual
        self.calls += 1
        self.state = "ringing"
        self.port.begin_call()
        self._note("phone rings")
        self._expect_more()
        self.on_ring()
        if behaviour.answer_s is not None:
            self._timer = self._clock.callLater(behaviour.answer_s, self._lift, behaviour)

    def _expect_more(self) -> None:
        self._cancel(self._quiet)
        self._quiet = self._clock.callLater(NO_MORE_RINGS_S, self._ring_over)

    def _ring_over(self) -> None:
        if self.state == "ringing":
            self._cancel(self._timer)
            self.state = "idle"
            self._note("phone stops ringing")
            self.on_hung_up()

    @staticmethod
    def _cancel(call: DelayedCall | None) -> None:
        if call is not None and call.active():
            call.cancel()

    def _lift(self, behaviour: Behaviour) -> None:
        self._cancel(self._quiet)
        self.state = "talking"
        self._note("phone lifted")
        self.on_lifted()
        self.port.answer().addErrback(ended)
        self._ears.open()
        self._ear.open()
        self._script = Deferred.fromCoroutine(self._talk(behaviour))
        self._script.addErrback(ended)

    async def _talk(self, behaviour: Behaviour) -> None:
        end = self._clock.seconds() + behaviour.talk_s
        await pause(self._clock, 0.4)
        if self._ear.voices is not None:
            if self._ear.voices.greeting:
                await self._say(HELLO)
            self._ear.speak()
            await pause(self._clock, behaviour.talk_s)
            self.hang_up("done")
            return
        await self._say(HELLO)
        silent = 0
        while self._clock.seconds() < end:
            left = end - self._clock.seconds()
            if await self._ears.prompt_end(0.6, min(6.0, max(0.5, left))):
                silent = 0
                await self._say(self._random.choice(SENTENCES))
            elif left > 6.0:
                silent += 1
                if silent > 3:
                    break
                await self._say(HELLO)
        await self._say(BYE)
        self.hang_up("done")

    def dial(self, call: ServiceCall, tries: int = DIALS) -> None:
        """Calls the service port; later, where the telephone is in use or the port is busy."""
        if self.state != "idle":
            self._clock.callLater(DIAL_AGAIN_S, self.dial, call, tries)
            return
        self.state = "dialling"
        self.port.begin_call()
        self.port.answer().addErrback(ended)
        self._ears.open()
        self._note("dials", number=call.number)
        self._script = Deferred.fromCoroutine(self._service(call, tries))
        self._script.addErrback(ended)

    async def _service(self, call: ServiceCall, tries: int) -> None:
        await pause(self._clock, 1.2)
        await self.port.dial(call.number)
        served = await self._ears.speech(SERVICE_S)
        if served:
            await pause(self._clock, 0.5)
            for part in call.keys.split(","):
                if part:
                    await self.port.dial(part)
                await pause(self._clock, 2.0)
        elif tries > 1:
            self._clock.callLater(DIAL_AGAIN_S, self.dial, call, tries - 1)
        self.hang_up("served" if served else "nobody there")

    async def _say(self, text: str) -> None:
        path = self._speech.say(text, voice=self.plan.voice)
        await self._sounds.say(items.Sound(path))
        await pause(self._clock, 0.2)

    def _tone(self, name: str) -> None:
        if self.state == "talking" and not self.patient and not self.kept and name in ("busy", "congestion", "dial"):
            self._clock.callLater(0.4, self.hang_up, f"{name} tone")

    def hang_up(self, why: str) -> None:
        """Puts the handset down."""
        if self.state not in ("talking", "dialling", "off"):
            return
        talked = self.state == "talking"
        self.state, self.patient, self.kept = "idle", False, False
        self._note("phone hung up", why=why)
        self._stop_talking()
        self._sounds.stop()
        self._ears.close()
        self._ear.close()
        self.port.hangup()
        if talked:
            self.on_hung_up()

    # ---- what a telephone can do by itself ---------------------------------------------------------

    def lift(self) -> None:
        """To dial, or because somebody has said so: an idle telephone is lifted; a ringing one answered."""
        if self.state == "ringing":
            self._cancel(self._timer)
            self._lift(Behaviour(0.0, LONG_S))
        elif self.state == "idle":
            self.state, self.kept = "talking", True
            self.on_in_hand()
            self.port.begin_call()
            self.port.answer().addErrback(ended)
            self._note("phone lifted")
            self._ears.open()
            self._ear.open()
            self._clock.callLater(0.4, self._speak_on)

    def flash(self) -> None:
        """The recall button."""
        if self.state == "talking":
            self._note("flash", ms=FLASH_MS)
            self.port.flash(FLASH_MS).addErrback(ended)

    def key(self, keys: str) -> Deferred[None]:
        """Types, and speaks on afterwards. `,` waits half a second."""
        self._note("keys", keys=keys)
        self._stop_talking()
        self._ear.silent()
        typed = self.port.dial(keys)
        typed.addCallbacks(lambda _: self._speak_on(), ended)
        return typed

    def _speak_on(self) -> None:
        if self.state == "talking":
            self._ear.speak()

    def stay(self) -> None:
        """The person has more to do with this call: hangs up only when told to."""
        self.patient = True
        if self._ear.voices is not None:
            self._stop_talking()
            self._speak_on()

    def _stop_talking(self) -> None:
        script, self._script = self._script, None
        if script is not None and not script.called:
            script.cancel()

    def heed_tones(self) -> None:
        """No more to do: hangs up when a tone says that the call is over, or has said so already."""
        self.patient = False
        if not self.kept and self._ears.tone is not None:
            self._tone(self._ears.tone)

    def power_fails(self) -> None:
        """The line is dead: no more rings, and whoever talks notices soon."""
        if self.state == "ringing":
            self._cancel(self._quiet)
            self._ring_over()
        self._clock.callLater(2.0, self.hang_up, "line dead")

    def stop(self) -> None:
        """The world ends."""
        if self._script is not None and not self._script.called:
            self._script.cancel()

    def lay_off(self, duration_s: float) -> None:
        """Leaves the handset off for so long, if the telephone is idle: callers find it busy."""
        if self.state == "idle":
            self.state = "off"
            self._note("handset off")
            self.port.begin_call()
            self.port.answer().addErrback(ended)
            self._clock.callLater(duration_s, self.hang_up, "handset back")
