"""What callers are offered: greeting, language, menu keys, what they may do while they wait (steps 5 and 6).

A flow is a file of conf/flows; all its faults are told at once with line, field and remedy. Whether its groups are
groups of the site is known to whoever loads both: see group_faults.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from cti.conf import checked_yaml, conf_files
from cti.conf.checked_yaml import Document
from cti.errors import Fault
from cti.vru.prompts import catalogue, pieces

Language = Literal["zh", "en"]
Key = Annotated[str, Meta(pattern="^[0-9*#]$", extra_json_schema={"description": 'a key in quotes: "1"'})]
KEYS = frozenset("0123456789*#")


class Choice(Struct, frozen=True, forbid_unknown_fields=True):
    """What a key does: one of the three."""

    group: str | None = None
    language: Language | None = None
    do: Literal["repeat", "goodbye"] | None = None

    def __post_init__(self) -> None:
        if sum(field is not None for field in (self.group, self.language, self.do)) != 1:
            raise ValueError("needs one of group, language, do")


class LanguageQuestion(Struct, frozen=True, forbid_unknown_fields=True):
    """Asked before the menu; no key within first_s leaves the site's language."""

    keys: dict[str, Language]
    first_s: Annotated[float, Meta(ge=1, le=30)] = 4.0


class Menu(Struct, frozen=True, forbid_unknown_fields=True):
    """The menu's keys and its patience."""

    keys: dict[str, Choice]
    tries: Annotated[int, Meta(ge=1, le=10)] = 3
    first_s: Annotated[float, Meta(ge=1, le=60)] = 6.0
    no_choice: Choice = Choice(do="goodbye")


class WaitingKeys(Struct, frozen=True, forbid_unknown_fields=True):
    """What a waiting caller may do."""

    message: Key | None = "2"
    leave: Key | None = "3"
    announce_least_s: Annotated[float, Meta(ge=1, le=600)] = 8.0
    music: bool = True  # between announcements; else silence


class MessageRules(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a message may be."""

    limit_s: Annotated[float, Meta(ge=5, le=600)] = 120.0
    silence_s: Annotated[float, Meta(ge=1, le=30)] = 5.0
    least_s: Annotated[float, Meta(ge=0.2, le=10)] = 1.0


class Flow(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole flow."""

    name: str
    menu: Menu
    greeting: str | None = "greeting"
    language: LanguageQuestion | None = None
    waiting: WaitingKeys = WaitingKeys()
    message: MessageRules = MessageRules()
    texts: dict[str, dict[Language, str]] = {}

    def groups(self) -> set[str]:
        """The groups that it names."""
        choices = [*self.menu.keys.values(), self.menu.no_choice]
        return {choice.group for choice in choices if choice.group is not None}


def load_flow(name: str | Path, groups: Collection[str] | None = None) -> Flow:
    """The flow of a name (in /etc/tipring/flows, then ours) or path. Raises ConfigFaults with all its faults.

    groups: those of the site, which the flow's must be among; None does not look.
    """
    return checked_yaml.check(conf_files.find("flows", name), Flow, also=lambda f, d: _faults(f, d, groups))


def flow_from_text(text: str, groups: Collection[str] | None = None) -> Flow:
    """A flow from YAML text, for tests and tools."""
    return checked_yaml.check(text, Flow, also=lambda f, d: _faults(f, d, groups))


def _faults(flow: Flow, document: Document, groups: Collection[str] | None) -> Iterable[Fault]:
    for where, keys in (("menu", flow.menu.keys), ("language", flow.language.keys if flow.language else {"1": "zh"})):
        if not keys:
            yield document.fault((where, "keys"), "has no key", 'write keys in quotes, for example "1"')
        for key in keys:
            if key not in KEYS:
                yield document.fault(
                    (where, "keys", key), "is not a key of a telephone", "one of 0-9, * and #, in quotes"
                )
    if flow.menu.no_choice.group is None and flow.menu.no_choice.do != "goodbye":
        yield document.fault(("menu", "no_choice"), "must end the menu", "write {do: goodbye} or {group: NAME}")
    if flow.waiting.message is not None and flow.waiting.message == flow.waiting.leave:
        yield document.fault(("waiting", "leave"), "is the key of message, too", "choose another key, or null")
    known = {**catalogue(), **flow.texts}
    if flow.greeting is not None and flow.greeting not in known:
        yield document.fault(
            ("greeting",), f"there is no text {flow.greeting!r}", "add it under texts, or write greeting"
        )
    for key, said in flow.texts.items():
        for language, text in said.items():
            try:
                pieces(key, text)
            except ValueError as error:
                yield document.fault(("texts", key, language), str(error), "as in cti/vru/texts.yaml")
    if groups is not None:
        yield from _group_faults(flow, document, groups)


def _group_faults(flow: Flow, document: Document, groups: Collection[str]) -> Iterable[Fault]:
    there = "groups of the site: " + ", ".join(sorted(groups)) if groups else "the site has no groups"
    if conf_files.is_shipped(document.file):
        own = f"{conf_files.SITE_FOLDER}/flows/NAME.yaml"
        there += f"; copy this file to {own}, change it there, and write vru: {{flow: NAME}}"
    for key, choice in flow.menu.keys.items():
        if choice.group is not None and choice.group not in groups:
            yield document.fault(("menu", "keys", key, "group"), f"there is no group {choice.group!r}", there)
    if flow.menu.no_choice.group is not None and flow.menu.no_choice.group not in groups:
        yield document.fault(("menu", "no_choice", "group"), f"there is no group {flow.menu.no_choice.group!r}", there)
