"""The menu: what the caller hears after the answer, and the key that says which group suits them (step 5).

The caller may press into the prompt, and ahead of it. A wrong key and a silence each cost one of the flow's tries;
choosing a language or hearing the menu again costs none, but a caller who does only that is led out after
MOST_ROUNDS. A hang-up ends it with drivers.errors.CallEnded or by cancelling, as any operation of the port.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from cti.vru.flow import Choice, Flow, Language
from cti.vru.keys import Keys
from cti.vru.prompts import Prompts
from drivers.items import PlayItem

MOST_ROUNDS: Final = 20  # of the menu in one call, whatever the caller presses


@dataclass(frozen=True, slots=True)
class MenuResult:
    """What the caller chose: a group (None: none, the call is to end), the key pressed, the language from now on.

    why: chosen; no_key or wrong_key (the last of the tries was one, the flow's no_choice applies); goodbye (asked for).
    """

    group: str | None
    choice: str | None
    language: Language
    why: Literal["chosen", "no_key", "wrong_key", "goodbye"]


async def run_menu(
    keys: Keys,
    flow: Flow,
    prompts: Prompts,
    language: Language,
    spoken: Callable[[Language], object] = lambda language: None,
    *,
    notice: str | None = None,
) -> MenuResult:
    """Greets, asks for the language where the flow does, and plays the menu until there is a result.

    spoken is told each language that the caller chooses, at once, so that it is known also of a caller who hangs up.
    A result without a group has been told good-bye. notice: a text that follows the greeting (this call is recorded).
    """
    opening: list[PlayItem] = prompts.say(flow.greeting, language) if flow.greeting is not None else []
    if notice is not None:
        opening += prompts.say(notice, language)
    if flow.language is not None:
        language = await _ask_language(keys, flow, prompts, language, opening)
        spoken(language)
        opening = []
    tries = flow.menu.tries
    pressed: str | None = None
    why: Literal["no_key", "wrong_key"] = "no_key"
    for _ in range(MOST_ROUNDS):
        prompt = [*opening, *menu_prompt(flow, prompts, language)]
        pressed = await keys.one(flow.menu.first_s, prompt) or None
        choice = flow.menu.keys.get(pressed) if pressed is not None else None
        if choice is not None:
            if choice.group is not None:
                return MenuResult(choice.group, pressed, language, "chosen")
            if choice.do == "goodbye":
                await keys.port.play(*prompts.say("goodbye", language))
                return MenuResult(None, pressed, language, "goodbye")
            if choice.language is not None:
                language = choice.language
                spoken(language)
            opening = []
            continue
        why = "no_key" if pressed is None else "wrong_key"
        tries -= 1
        if tries <= 0:
            break
        opening = prompts.say("no_key" if pressed is None else "invalid_key", language)
    if flow.menu.no_choice.group is None:
        await keys.port.play(*prompts.say("goodbye", language))
    return MenuResult(flow.menu.no_choice.group, pressed, language, why)


def menu_prompt(flow: Flow, prompts: Prompts, language: Language) -> list[PlayItem]:
    """The menu as it is spoken: each key in the order of the flow; a choice of language in that language."""
    items: list[PlayItem] = []
    for key, choice in flow.menu.keys.items():
        items += _entry(key, choice, prompts, language)
    return items


def _entry(key: str, choice: Choice, prompts: Prompts, language: Language) -> list[PlayItem]:
    if choice.group is not None:
        return prompts.say("menu_entry", language, group=f"group.{choice.group}", key=key)
    if choice.language is not None:
        return prompts.say("language_entry", choice.language, key=key) if choice.language != language else []
    return prompts.say("menu_repeat", language, key=key) if choice.do == "repeat" else []


async def _ask_language(
    keys: Keys, flow: Flow, prompts: Prompts, language: Language, opening: list[PlayItem]
) -> Language:
    assert flow.language is not None
    prompt = list(opening)
    for key, offered in flow.language.keys.items():
        prompt += prompts.say("language_entry", offered, key=key)
    return flow.language.keys.get(await keys.one(flow.language.first_s, prompt), language)
