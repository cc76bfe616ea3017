"""Leaving a message: what is in the file, and how it ends: hash key, silence, limit, hanging up, a full disk."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import pytest
from msgspec.structs import replace
from twisted.internet.defer import CancelledError, Deferred

from cti.vru.flow import MessageRules
from cti.vru.message import Message, leave_message
from drivers.errors import CallEnded
from drivers.items import Sound
from drivers.operations import quietly

from .conftest import World, murmur

RULES = MessageRules()


def speak(world: World, after_s: float, seconds: float, folder: Path) -> None:
    """The caller says something."""
    path = folder / f"speech{seconds}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(murmur("x" * round(seconds * 25), "zh").tobytes())
    world.clock.callLater(after_s, lambda: quietly(world.caller.play(Sound(path))))


def begin(world: World, path: Path, rules: MessageRules = RULES) -> tuple[Deferred[Message], list[Message], float]:
    """Starts; returns the Deferred, what was kept, and the seconds until the recording begins."""
    kept: list[Message] = []
    running = Deferred.fromCoroutine(leave_message(world.port, world.prompts, "zh", path, rules, kept.append))
    return running, kept, world.seconds_of(world.prompts.say("leave_message", "zh")) + 0.5


def length(path: Path) -> float:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels()) == (8000, 1)
        return float(file.getnframes()) / 8000


def test_until_the_hash_key(world: World, tmp_path: Path, saying) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "a.wav"
    running, kept, recording_s = begin(world, path)
    speak(world, recording_s + 0.5, 4.0, tmp_path)
    world.press(recording_s + 5.0, "#")
    message = world.run(running)
    assert kept == [message]
    assert 4.5 <= message.seconds <= 5.5
    assert abs(length(path) - message.seconds) < 0.1
    assert saying()[-1] == "message_saved/zh"


def test_until_silence(world: World, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    running, _, recording_s = begin(world, path, replace(RULES, silence_s=2.0))
    speak(world, recording_s + 0.2, 3.0, tmp_path)
    message = world.run(running)
    assert message.why == "silence"
    assert 2.5 <= message.seconds <= 4.0


def test_until_the_limit(world: World, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    running, _, recording_s = begin(world, path, replace(RULES, limit_s=5.0))
    speak(world, recording_s + 0.1, 8.0, tmp_path)
    message = world.run(running)
    assert (message.why, round(message.seconds, 1)) == ("limit", 5.0)


def test_a_key_into_the_prompt_begins_at_once_and_hash_too(world: World, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    running, _, _ = begin(world, path)
    world.press(0.3, "#")
    speak(world, 1.8, 3.0, tmp_path)
    world.press(5.5, "#")
    message = world.run(running)
    assert message.seconds >= 3.0


def test_nothing_said(world: World, tmp_path: Path, saying) -> None:  # type: ignore[no-untyped-def]
    running, kept, _ = begin(world, tmp_path / "a.wav")
    message = world.run(running)
    assert message.seconds < RULES.least_s
    assert kept == [message]
    assert saying()[-1] == "message_empty/zh"


@pytest.mark.parametrize("cancel", [False, True])
def test_hanging_up_keeps_what_was_said(world: World, tmp_path: Path, cancel: bool) -> None:
    path = tmp_path / "a.wav"
    running, kept, recording_s = begin(world, path)
    speak(world, recording_s + 0.1, 8.0, tmp_path)
    if cancel:
        world.clock.callLater(recording_s + 3.0, running.cancel)
    else:
        world.hang_up(recording_s + 3.0)
    with pytest.raises((CancelledError, CallEnded)):
        world.run(running)
    world.stepper.run_for(1.0)
    (message,) = kept
    assert 2.5 <= message.seconds <= 3.2
    assert abs(length(path) - message.seconds) < 0.1
    assert world.port.operations == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_disk_that_is_full(world: World, tmp_path: Path, saying) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "a.wav"
    path.symlink_to("/dev/full")
    running, kept, recording_s = begin(world, path)
    speak(world, recording_s, 4.0, tmp_path)
    world.press(recording_s + 5.0, "#")
    message = world.run(running)
    assert message.why == "failed"
    assert kept == [message]
    assert saying()[-1] == "message_empty/zh"
    world.stepper.run_for(10.0)
