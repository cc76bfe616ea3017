"""Callers: people at the far end of the central office's lines, who act by what they hear (steps 1, 5 and 6).

A caller follows a script of steps: listen to a prompt, press keys at its end or into it, wait, leave a message, talk to
a person, hang up. Patience runs out by itself. Whether it is a person who speaks is found out as anybody would: in the
silence after the music one says "hello?", and a person answers and then waits for the reply. Where people speak in
code (hearing.py) it is found out by the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from twisted.internet.defer import Deferred

from drivers import items
from drivers.clock import Clock
from simulators.lines.party import Line, ended, pause
from simulators.people.ears import Ears
from simulators.people.hearing import SOUNDS, Ear, Voices
from simulators.people.speech import Speech
from simulators.truth import Note

SENTENCES = (
    "你好，我想问一下我的订单。",
    "好的，我知道了。",
    "请问什么时候可以送到？",
    "嗯，没问题。",
    "我再确认一下地址。",
)
HELLO = "喂，你好？"
VOICES = ("cmn-latn-pinyin", "cmn-latn-pinyin+f2", "cmn-latn-pinyin+m3")
MESSAGE = "你好，请给我回个电话，谢谢。"
SENTENCES_OF_CALLERS = (HELLO, MESSAGE, *SENTENCES)


@dataclass(frozen=True)
class Step:
    """One step of a script. `kind`:
    listen    until speech was heard, after a press also what sounds already, and then `seconds` of silence (at most
              `limit_s`)
    press     `keys`; after `seconds` of hearing the prompt where that is not 0 (into it), else at once
    choose    as press, and the menu's choice is made with it
    wait      `seconds`
    talk      waits for a person, converses for `seconds`
    message   speaks for about `seconds`
    hang_up
    """

    kind: str
    keys: str = ""
    seconds: float = 0.0
    limit_s: float = 30.0


@dataclass(frozen=True)
class CallerPlan:
    """`number` names the call; `trunk` is the line taken (index), None any idle one; `caller_id`: fsk, dtmf, none."""

    number: int
    at_s: float
    ani: str | None
    steps: tuple[Step, ...]
    patience_s: float = 120.0
    trunk: int | None = None
    caller_id: str = "fsk"
    absence: str = "unavailable"
    note: str = ""
    dnis: str | None = None  # the number dialled, where the line can be reached by any


class Caller:
    """Runs one plan on one line. `done` fires when the caller is gone."""

    def __init__(
        self,
        clock: Clock,
        plan: CallerPlan,
        line: Line,
        random: Random,
        speech: Speech,
        note: Note,
        voices: Voices | None = None,
    ) -> None:
        self.plan, self.line = plan, line
        self._clock, self._random, self._speech, self._tell = clock, random, speech, note
        self._ears = Ears(clock, line.port)
        self._ears.on_tone = self._tone
        self._ear = Ear(clock, line.port, line.sounds, f"caller {plan.number}", voices)
        self._voice = random.choice(VOICES)
        self._ended = False
        self._script: Deferred[None] | None = None
        self._patience = clock.callLater(plan.patience_s, self._lose_patience)
        self.done: Deferred[None] = Deferred()

    def start(self) -> Deferred[None]:
        """The caller has dialled: the line rings."""
        plan = self.plan
        answered = self.line.ring(plan.number, plan.ani, plan.caller_id, plan.absence, self._released)
        answered.addCallback(self._answered)
        return self.done

    def _note(self, what: str, **data: str | int | float | bool | None) -> None:
        self._tell(self.plan.number, f"caller {self.plan.number}", what, **data)

    def _answered(self, answered: bool) -> None:
        if not answered or self._ended:
            return
        self._note("answered")
        self._ears.open()
        self._ear.open()
        self._script = Deferred.fromCoroutine(self._run())
        self._script.addErrback(ended)

    async def _run(self) -> None:
        before = ""
        for step in self.plan.steps:
            match step.kind:
                case "listen":  # what answers a key may follow the music without a gap
                    begun = before == "press"
                    heard = await self._ears.prompt_end(step.seconds or 1.0, step.limit_s, begun=begun)
                    self._note("heard a prompt" if heard else "heard nothing")
                case "press" | "choose":
                    await self._press(step)
                case "wait":
                    await pause(self._clock, step.seconds)
                case "talk":
                    await self._converse(step.seconds)
                case "message":
                    await self._leave_message(step.seconds)
                case "hang_up":
                    break
                case other:
                    raise ValueError(f"no such step: {other}")
            before = step.kind
        self.hang_up("script")

    async def _press(self, step: Step) -> None:
        if step.seconds:
            await self._ears.speech(step.limit_s)
            await pause(self._clock, step.seconds)
        for key in step.keys:
            on, off = self._random.randrange(70, 190), self._random.randrange(70, 260)
            level = self._random.uniform(-14.0, -7.0)
            self._note("presses", key=key)
            await self.line.sounds.say(items.Digits(key, on_ms=on, off_ms=off, level_dbm0=level))
        if step.kind == "choose":
            self._note("chose", keys=step.keys)

    async def _converse(self, seconds: float) -> None:
        """Patience limits the wait for a person, not the conversation."""
        if self._ear.voices is not None:
            await self._in_code(seconds)
            return
        while True:
            await self._ears.quiet(1.6, 3600.0)
            if await self._answered_to(HELLO) and await self._answered_to(SENTENCES[0]):
                break
            await self._until_sound()
        self._talks()
        end = self._clock.seconds() + seconds
        while self._clock.seconds() < end:
            await self._say(self._random.choice(SENTENCES))
            await self._ears.prompt_end(0.8, min(10.0, max(0.5, end - self._clock.seconds())))

    def _talks(self, hears: str | None = None) -> None:
        self._note("talks", hears=hears)
        if self._patience.active():
            self._patience.cancel()

    async def _in_code(self, seconds: float) -> None:
        """The same in code: speaks until somebody else's is heard, and so long afterwards."""
        self._ear.speak()
        while not (found := sorted(word for word in await self._ear.now() if word not in SOUNDS)):
            await pause(self._clock, 0.3)
        self._talks(found[0])
        await pause(self._clock, seconds)

    async def _answered_to(self, text: str) -> bool:
        """Says something: a person answers soon, and then waits for the reply. One announcement can come by chance at
        the right moment, two do not."""
        await self._say(text)
        return await self._ears.speech(3.0) and await self._ears.quiet(0.9, 10.0)

    async def _until_sound(self) -> None:
        """Nobody answered: waits until there is something to hear, asking again each 8 s."""
        if not self._ears.voice:
            await self._ears.next("voice", within_s=8.0)

    async def _leave_message(self, seconds: float) -> None:
        began = self._clock.seconds()
        self._note("message")
        if self._ear.voices is not None:
            self._ear.speak()
            await pause(self._clock, seconds)
            self._ear.silent()
        while self._clock.seconds() - began < seconds:
            await self._say(MESSAGE)
            await pause(self._clock, 0.3)
        self._note("message spoken", seconds=round(self._clock.seconds() - began, 2))

    async def _say(self, text: str) -> None:
        path = self._speech.say(text, voice=self._voice)
        self._note("says", text=text)
        await self.line.sounds.say(items.Sound(path))
        await pause(self._clock, 0.2)

    # ---- the end --------------------------------------------------------------------------------

    def _tone(self, name: str) -> None:
        if name in ("busy", "congestion"):
            self._note("hears busy tone")
            self._clock.callLater(0.0, self.hang_up, "busy tone")

    def _lose_patience(self) -> None:
        self.hang_up("patience")

    def hang_up(self, why: str) -> None:
        """Puts the handset down, whatever goes on."""
        if not self._ended:
            self._note("caller hangs up", why=why)
            self._end()
            self.line.hang_up()

    def _released(self) -> None:
        if not self._ended:
            self._note("caller released")
            self._end()

    def stop(self) -> None:
        """The world ends."""
        self._ended = True
        if self._script is not None and not self._script.called:
            self._script.cancel()

    def _end(self) -> None:
        self._ended = True
        if self._patience.active():
            self._patience.cancel()
        if self._script is not None and not self._script.called:
            self._script.cancel()
        self.line.sounds.stop()
        self._ears.close()
        self._ear.close()
        self._note("caller gone")
        self._clock.callLater(0.0, self.done.callback, None)
