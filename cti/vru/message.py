"""Leaving a message: prompt, tone, recording until the hash key, silence, or the limit (step 6).

The file is a WAV of what the caller said (8 kHz mono). A caller who hangs up has left what was said until then: the
recording is closed by the port, and `kept` is told its length in either case, also when this coroutine is cancelled.
Disk full while recording: what was written stays, and the end says failed with the reason. A disk that does not answer
keeps no caller: the recording is given up after drivers.recording.CLOSES_S.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cti.vru.flow import Language, MessageRules
from cti.vru.prompts import Prompts
from drivers.errors import CallEnded
from drivers.events import DigitEnd, Event
from drivers.items import Tone
from drivers.port import Port
from drivers.recording import RecordEnd

BEEP: Final = Tone(950, level_dbm0=-12, ms=400)  # the record tone of GB/T 3380
END_KEY: Final = "#"


@dataclass(frozen=True, slots=True)
class Message:
    """What was recorded. seconds: speech and pauses, without the silence or key that ended it as far as it is known.

    why: stopped (hash key, or the call's end), silence, limit, or as the driver says. problem: what went wrong.
    """

    path: str
    seconds: float
    why: str
    problem: str = ""


async def leave_message(
    port: Port,
    prompts: Prompts,
    language: Language,
    path: Path,
    rules: MessageRules,
    kept: Callable[[Message], None] = lambda message: None,
) -> Message:
    """Asks for a message, records it, and says whether it was kept.

    A message shorter than least_s is not one: the caller is told so, and the file is left to whoever asked. Raises what
    the port raises; kept is told once whatever happens after the recording began.
    """
    if (await port.play(*prompts.say("leave_message", language), stop_on_digit=True)).why == "digit":
        await port.collect(1, 1.0, 1.0, end="")  # the key that cut the prompt short does not end the message, too
    await port.play(BEEP)
    recording = port.record(path, what="rx", limit_s=rules.limit_s, silence_s=rules.silence_s)
    closed: Deferred[Message] = Deferred(lambda cancelled: stop())
    asked = False

    def stop() -> None:
        nonlocal asked
        asked = True
        recording.stop().addErrback(lambda failure: None)  # told by `ended`

    def ended(result: RecordEnd | Failure) -> None:
        if isinstance(result, Failure):
            message = Message(str(path), 0.0, "failed", "the recording failed")
        else:
            seconds = result.ms / 1000 - (rules.silence_s if result.why == "silence" else 0.0)
            message = Message(str(path), max(seconds, 0.0), result.why, result.problem)
        stop_listening()
        kept(message)
        if not closed.called:
            closed.callback(message)

    def key(event: Event) -> None:
        if isinstance(event, DigitEnd) and event.digit == END_KEY:
            stop()

    stop_listening = port.listen(key)
    recording.ended.addBoth(ended)
    message = await closed
    if message.why == "stopped" and not asked:
        raise CallEnded(f"{port.name}: the call ended during a message")
    said = "message_saved" if message.seconds >= rules.least_s and not message.problem else "message_empty"
    await port.play(*prompts.say(said, language))
    return message
