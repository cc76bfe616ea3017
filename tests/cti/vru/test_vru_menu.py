"""The menu on a line with sound: keys pressed into it, ahead of it, after it, wrong ones, none, and hanging up."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from twisted.internet.defer import CancelledError, Deferred

from cti.vru.flow import Choice, LanguageQuestion
from cti.vru.keys import Keys
from cti.vru.menu import MenuResult, menu_prompt, run_menu
from drivers.errors import CallEnded

from .conftest import World


def test_a_key_pressed_into_the_greeting(world: World) -> None:
    world.press(0.3, "1")
    began = world.clock.seconds()
    result = world.run(run_menu(Keys(world.port), world.flow, world.prompts, "zh"))
    assert result == MenuResult("sales", "1", "zh", "chosen")
    assert world.clock.seconds() - began < 0.6


def test_a_notice_follows_the_greeting(world: World, saying) -> None:  # type: ignore[no-untyped-def]
    heard = world.prompts.say("greeting", "zh") + world.prompts.say("recording_notice", "zh")
    world.press(world.seconds_of(heard) + 0.5, "1")
    world.run(run_menu(Keys(world.port), world.flow, world.prompts, "zh", notice="recording_notice"))
    asked = [key for key in saying() if key in ("greeting/zh", "recording_notice/zh")]
    assert asked[-2:] == ["greeting/zh", "recording_notice/zh"]


def test_a_key_pressed_ahead(world: World) -> None:
    world.press(0.02, "2")
    world.stepper.run_for(0.5)
    assert world.run(run_menu(Keys(world.port), world.flow, world.prompts, "zh")).group == "service"


def test_a_key_after_the_whole_menu(world: World) -> None:
    heard = world.prompts.say("greeting", "zh") + menu_prompt(world.flow, world.prompts, "zh")
    world.press(world.seconds_of(heard) + 3.0, "3")
    assert world.run(run_menu(Keys(world.port), world.flow, world.prompts, "zh")) == MenuResult(
        "complaints", "3", "zh", "chosen"
    )


def test_english_is_a_key_of_the_menu(world: World, saying) -> None:  # type: ignore[no-untyped-def]
    spoken: list[str] = []
    world.press(0.5, "8")
    world.press(3.0, "2")
    result = world.run(run_menu(Keys(world.port), world.flow, world.prompts, "zh", spoken.append))
    assert result == MenuResult("service", "2", "en", "chosen")
    assert spoken == ["en"]
    asked = saying()
    assert asked[:3] == ["greeting/zh", "menu_entry/zh {'group': 'group.sales', 'key': '1'}", "group.sales/zh"]
    assert "language_entry/en {'key': '8'}" in asked
    assert asked[asked.index("language_entry/en {'key': '8'}") + 2] == (
        "menu_entry/en {'group': 'group.sales', 'key': '1'}"
    )
    assert asked.count("greeting/zh") == 1


def test_a_question_for_the_language(world: World) -> None:
    flow = replace(world.flow, language=LanguageQuestion({"1": "zh", "2": "en"}, first_s=2.0))
    world.press(0.2, "2")
    world.press(2.0, "1")
    assert world.run(run_menu(Keys(world.port), flow, world.prompts, "zh")) == MenuResult("sales", "1", "en", "chosen")
    world.press(12.0, "1")  # no answer to the question: the site's language
    assert world.run(run_menu(Keys(world.port), flow, world.prompts, "zh")).language == "zh"


def test_wrong_keys_and_silence_cost_the_tries(world: World, saying) -> None:  # type: ignore[no-untyped-def]
    world.press(0.3, "5")
    result = world.run(run_menu(Keys(world.port), world.flow, world.prompts, "zh"))
    assert result == MenuResult(None, None, "zh", "no_key")
    asked = [key for key in saying() if key in ("invalid_key/zh", "no_key/zh", "goodbye/zh")]
    assert asked == ["invalid_key/zh", "no_key/zh", "goodbye/zh"]


def test_no_choice_may_lead_to_a_group(world: World) -> None:
    menu = replace(world.flow.menu, tries=1, first_s=1.0, no_choice=Choice(group="service"))
    result = world.run(run_menu(Keys(world.port), replace(world.flow, menu=menu), world.prompts, "zh"))
    assert result == MenuResult("service", None, "zh", "no_key")
    world.press(0.3, "7")
    result = world.run(run_menu(Keys(world.port), replace(world.flow, menu=menu), world.prompts, "zh"))
    assert result == MenuResult("service", "7", "zh", "wrong_key")


def test_whoever_only_repeats_is_led_out(world: World) -> None:
    for turn in range(25):
        world.press(0.3 + turn * 0.5, "9")
    result = world.run(run_menu(Keys(world.port), world.flow, world.prompts, "zh"))
    assert result.group is None
    assert world.clock.seconds() < 20
    world.stepper.run_for(10.0)


def test_goodbye_by_key(world: World) -> None:
    menu = replace(world.flow.menu, keys={**world.flow.menu.keys, "0": Choice(do="goodbye")})
    world.press(0.3, "0")
    assert world.run(run_menu(Keys(world.port), replace(world.flow, menu=menu), world.prompts, "zh")) == MenuResult(
        None, "0", "zh", "goodbye"
    )


@pytest.mark.parametrize("at_s", [0.02, 0.5, 2.0, 5.0, 9.0, 14.0])
def test_hanging_up_at_any_time(world: World, at_s: float) -> None:
    world.hang_up(at_s)
    with pytest.raises(CallEnded):
        world.run(run_menu(Keys(world.port), world.flow, world.prompts, "zh"))
    assert world.port.operations == []


@pytest.mark.parametrize("at_s", [0.02, 0.5, 2.0, 9.0])
def test_cancelling_at_any_time(world: World, at_s: float) -> None:
    running = Deferred.fromCoroutine(run_menu(Keys(world.port), world.flow, world.prompts, "zh"))
    world.clock.callLater(at_s, running.cancel)
    with pytest.raises(CancelledError):
        world.run(running)
    assert world.port.operations == []
