"""What an agent dials at a telephone of this PBX to hold, park, pick up, ...: a dialect's section `services` (step 7).

The server does by itself what it can through its own ports (cti.switch.pbx_verbs). All else only the agent's telephone
can do: there the agent is told what to dial. A code that no published source gives for a make is not in its dialect;
the numbering plan of most PBXs can be changed, and the site file has the codes in force under `pbx: services:`.

In a code F is the recall button (拍叉簧) or the transfer key of a system telephone, H on-hook, {to} the number meant.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from cti.pbx.line_rules import Digits, LineRules

TelephoneCode = Annotated[
    str,
    Meta(
        pattern=r"^(?:[0-9*#A-DFH]|\{to\}){1,30}$",
        extra_json_schema={
            "description": "digits 0-9 * # A-D in quotes, F the recall button, H on-hook, {to} the number meant"
        },
    ),
]
Language = Literal["zh", "en"]


class Services(Struct, frozen=True, forbid_unknown_fields=True):
    """By the verbs of the desk protocol; null: not known of this make."""

    outside: Digits | None = None  # before a number outside: '9'
    hunt_group: Digits | None = None  # the number of the VRU's ports: who calls it reaches an idle one
    hold: TelephoneCode | None = None
    retrieve: TelephoneCode | None = None
    alternate: TelephoneCode | None = None
    consult: TelephoneCode | None = None
    transfer: TelephoneCode | None = None
    blind_transfer: TelephoneCode | None = None
    three_way: TelephoneCode | None = None
    conference: TelephoneCode | None = None
    park: TelephoneCode | None = None
    pick_up: TelephoneCode | None = None
    camp_on: TelephoneCode | None = None
    group_pickup: TelephoneCode | None = None
    directed_pickup: TelephoneCode | None = None  # of one telephone: group_pickup with a number, take_ringing
    monitor: TelephoneCode | None = None
    whisper: TelephoneCode | None = None
    barge_in: TelephoneCode | None = None
    forced_release: TelephoneCode | None = None
    take_over: TelephoneCode | None = None


def changed(base: Services, given: Services | None) -> Services:
    """Those of the dialect with what the site file says."""
    if given is None:
        return base
    kept: dict[str, Any] = {name: value for name, value in msgspec.structs.asdict(given).items() if value is not None}
    return msgspec.structs.replace(base, **kept)


def code(services: Services, line: LineRules, verb: str, to: str | None) -> str | None:
    """What does a verb at an analogue telephone of this PBX: its own code, or what follows from the line section, by
    which our ports do the same. None: nothing is known. A code that wants a number has {to} in it still where none is
    given."""
    name = verb
    if verb == "take_ringing" or (verb == "group_pickup" and to):
        name = "directed_pickup"
    found: str | None = getattr(services, name, None) or _usual(line).get(verb)
    return found.replace("{to}", to) if found is not None and to else found


def _usual(line: LineRules) -> dict[str, str]:
    called = f"F{line.transfer_prefix}{{to}}{line.transfer_suffix}".replace(",", "")
    usual = {"hold": "F", "consult": called, "transfer": "H", "blind_transfer": f"{called}H", "hang_up": "H"}
    back = {"flash": "F", "flash_code": f"F{line.retrieve_code}", "code": line.retrieve_code}.get(line.retrieve)
    return usual | ({"retrieve": back.replace(",", "")} if back else {})


WORDS: Final[dict[Language, dict[str, str]]] = {
    "zh": {"begin": "请在话机上操作：", "F": "按拍叉键（转接键）", "H": "挂机", "dial": "拨 {}", "join": "，"},
    "en": {
        "begin": "on your telephone: ",
        "F": "press recall (or transfer)",
        "H": "hang up",
        "dial": "dial {}",
        "join": ", ",
    },
}


def say(dialled: str, language: Language) -> str:
    """A code as a sentence: what to press, dial and put down."""
    words, parts, digits = WORDS[language], list[str](), ""
    for sign in f"{dialled} ":
        if sign in "FH " and digits:
            parts.append(words["dial"].format(digits))
            digits = ""
        if sign in "FH":
            parts.append(words[sign])
        elif sign != " ":
            digits += sign
    return words["begin"] + words["join"].join(parts)
