"""How an analogue extension of this PBX is used by a VRU port: a dialect's section `line` (step 7).

A transfer: the hook flash holds the caller, the PBX gives one of the tones `dial_tone`, the VRU dials prefix, extension
and suffix, learns by `answer` how it went, and hangs up when `complete` says so. A transfer that failed is taken back
as `after_...` or else `retrieve` says. Where the PBX sends DTMF in place of tones (Panasonic DTMF integration), the
table of its model is `status_digits`; where two systems of a make differ (digit 7 of KX-TD and KX-TDA), each has its
own dialect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Annotated, Literal

from msgspec import Meta, Struct

from cti.conf.checked_yaml import Document
from cti.errors import Fault

# voice: sound outside the tone plan; ringback_overdue: the next burst did not come; polarity: the battery is reversed;
# status_digit: status_digits.answered; record: a line of the PBX that says so (an SMDR record printed at the answer);
# desk: the agent's PC says that the telephone was lifted.
AnswerSign = Literal["voice", "ringback_overdue", "polarity", "status_digit", "record", "desk"]
# The first that comes ends the call; silence is for PBXs that give no other sign, and takes silence_s.
DisconnectSign = Literal["loop_drop", "polarity", "busy_tone", "dial_tone", "silence"]
Retrieve = Literal["flash", "flash_code", "code", "none"]  # none: hang up, and the PBX rings us again
# listen: the PBX gives the caller back by itself
AfterFailure = Literal["flash", "flash_code", "code", "onhook", "listen"]
# message: the PBX's message names the agent's extension or the caller; number: in-band caller ID; ring: nothing is said
RecallSign = Literal["message", "number", "ring"]
Milliseconds = Annotated[int, Meta(ge=20, le=3000)]
Seconds = Annotated[float, Meta(gt=0, le=600)]
Digits = Annotated[
    str,
    Meta(
        pattern=r"^[0-9*#A-D,]{0,20}$",
        extra_json_schema={"description": "digits 0-9 * # A-D in quotes, a comma pauses 500 ms"},
    ),
]
# As dialled by a feature: F is a hook flash, {ext} the extension meant.
FeatureCode = Annotated[
    str,
    Meta(
        pattern=r"^(?:[0-9*#A-DF,]|\{ext\}){0,30}$",
        extra_json_schema={
            "description": "digits 0-9 * # A-D in quotes, F a hook flash, a comma 500 ms, {ext} the extension"
        },
    ),
]
StatusCode = Annotated[
    str,
    Meta(pattern=r"^[0-9*#A-D]{0,4}$", extra_json_schema={"description": "up to 4 digits 0-9 * # A-D in quotes"}),
]
ToneName = Annotated[str, Meta(min_length=1, max_length=32)]
DialTones = Annotated[tuple[ToneName, ...], Meta(min_length=1)]
AnswerSigns = Annotated[tuple[AnswerSign, ...], Meta(min_length=1)]
DisconnectSigns = Annotated[tuple[DisconnectSign, ...], Meta(min_length=1)]
RecallSigns = Annotated[tuple[RecallSign, ...], Meta(min_length=1)]
Silence = Annotated[float, Meta(ge=10, le=600)]
Guard = Annotated[float, Meta(ge=0.2, le=10)]
Refresh = Annotated[float, Meta(ge=5, le=86400)]
Complete = Literal["answer", "ringback", "blind"]
BusyOut = Literal["offhook", "code", "none"]
RecallTo = Literal["port", "group"]


class StatusDigits(Struct, frozen=True, forbid_unknown_fields=True):
    """What the PBX sends by DTMF to the port that transfers, in place of tones; '' is not sent."""

    ringing: StatusCode = ""  # the destination rings
    busy: StatusCode = ""
    refused: StatusCode = ""  # no such number, or the PBX will not
    dnd: StatusCode = ""  # the destination does not want to be disturbed
    answered: StatusCode = ""
    forwarded: tuple[StatusCode, ...] = ()  # somebody else than the agent would answer: taken back as refused
    confirmed: StatusCode = ""  # a feature code was accepted
    gone: StatusCode = ""  # the caller has hung up

    def codes(self) -> Iterator[tuple[str, str]]:
        """Each code with the name of what it says."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            for code in (value,) if isinstance(value, str) else value:
                if code:
                    yield code, name


class LampCodes(Struct, frozen=True, forbid_unknown_fields=True):
    """Message lamps by a feature code dialled from a VRU port, in place of orders over SMDI.

    Confirmed by one of the line's confirm_tones, by status_digits.confirmed, or by nothing: then it is believed."""

    on: FeatureCode  # '*41{ext}'
    off: FeatureCode
    confirm: Literal["tone", "digit", "none"] = "none"


class LineRules(Struct, frozen=True, forbid_unknown_fields=True):
    """How an analogue extension of this PBX is used by a VRU port."""

    # hold and dial
    flash_ms: Milliseconds = 600
    dial_tone_s: Seconds = 3.0  # after a flash the dial tone is waited for so long
    # Tones that allow dialling after a flash. Where a held caller makes another one than an empty line has ([stutter]),
    # that one (dial) says that the PBX took the flash for on-hook: the caller is gone, and nobody is called.
    dial_tone: DialTones = ("dial", "stutter")
    transfer_prefix: Digits = ""  # dialled before the extension: '*70' of the Norstar ATA
    transfer_suffix: Digits = ""  # and after it: '#' where the PBX waits for the end of the number
    digit_on_ms: Milliseconds = 100
    digit_off_ms: Milliseconds = 100

    # how it goes
    complete: Complete = "answer"  # we hang up at the answer, at ringback, after dialling
    answer: AnswerSigns = ("voice", "ringback_overdue")
    status_digits: StatusDigits = StatusDigits()
    no_answer_s: Seconds = 25.0  # the PBX's own limit is longer: we give up first

    # taken back
    retrieve: Retrieve = "flash"
    retrieve_code: Digits = ""  # dialled after the flash (flash_code) or alone (code): '2' of the Norstar ATA
    retrieve_flash_ms: Milliseconds | None = None  # null: as flash_ms; some PBXs want a longer one out of busy tone
    after_busy: AfterFailure | None = None  # null: as retrieve says
    after_no_answer: AfterFailure | None = None
    after_refused: AfterFailure | None = None

    # given back by the PBX
    recall_s: Seconds = 60.0  # a ring so soon after our on-hook may be the caller whom we transferred
    recall_to: RecallTo = "port"  # it rings at the port that transferred, or at any of the hunt group
    recall_by: RecallSigns = ("message", "number", "ring")

    # the caller's hang-up
    disconnect: DisconnectSigns = ("loop_drop", "busy_tone", "dial_tone")
    busy_cycles: Annotated[int, Meta(ge=2, le=8)] = 4
    silence_s: Silence = 60.0  # with sign silence: no sound at all for so long
    guard_s: Guard = 2.0  # on-hook at least so long between calls

    # feature codes
    lamp: LampCodes | None = None
    confirm_tones: tuple[ToneName, ...] = ("confirmation", "dial", "stutter")  # heard after a code that was accepted
    # A port that takes no calls: held off-hook, or logged out of the hunt group by a code, or the PBX is not told.
    busy_out: BusyOut = "offhook"
    busy_out_code: FeatureCode = ""
    in_service_code: FeatureCode = ""
    # Off-hook ports are locked out by many PBXs, and some raise an alarm or put the port out of service for good: after
    # so long off-hook it goes on-hook for guard_s and off-hook again. null: it stays locked out; hunting passes it by.
    busy_out_refresh_s: Refresh | None = None

    def after_failure(self, kind: str) -> AfterFailure:
        """What we do when a transfer ended in kind: busy, no_answer, refused, no_dial_tone.

        After no dial tone never a second flash: the first may have been taken, so we listen.
        """
        chosen = {"busy": self.after_busy, "no_answer": self.after_no_answer, "refused": self.after_refused}
        if kind == "no_dial_tone":
            return "listen"
        return chosen.get(kind) or ("onhook" if self.retrieve == "none" else self.retrieve)


def faults(rules: LineRules, document: Document) -> Iterable[Fault]:
    """What types cannot say, with the lines of a dialect's file."""
    for path, message, remedy in contradictions(rules):
        yield document.fault(("line", *path), message, remedy)


def contradictions(rules: LineRules) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Fields that do not fit each other, as (path, what is wrong, remedy): codes that are named are there, and no
    status digit hides another."""
    for name in ("retrieve", "after_busy", "after_no_answer", "after_refused"):
        if getattr(rules, name) in ("flash_code", "code") and not rules.retrieve_code:
            yield (name,), "dials a code that is not given", "add retrieve_code: '…'"
    if rules.busy_out == "code":
        for name in ("busy_out_code", "in_service_code"):
            if not getattr(rules, name):
                yield (name,), "is missing: busy_out is code", f"add {name}: '…', or busy_out: offhook"
    if rules.answer == ("status_digit",) and not rules.status_digits.answered and rules.complete == "answer":
        yield ("answer",), "no digit says answered", "add status_digits: {answered: '…'}"
    yield from _lamp(rules)
    codes = sorted(rules.status_digits.codes())
    for (one, first), (other, second) in pairwise(codes):
        if other.startswith(one):
            text = f"{other!r} ({second}) begins with {one!r} ({first}): it would never be heard"
            yield ("status_digits", second), text, "write the codes of this model; '' is not sent"


def _lamp(rules: LineRules) -> Iterator[tuple[tuple[str, ...], str, str]]:
    lamp = rules.lamp
    if lamp is None:
        return
    for name in ("on", "off"):
        if "{ext}" not in getattr(lamp, name):
            yield ("lamp", name), "names no extension", "write where it is dialled: '*41{ext}'"
    if lamp.confirm == "digit" and not rules.status_digits.confirmed:
        yield ("lamp", "confirm"), "no digit says confirmed", "add status_digits: {confirmed: '…'}, or write tone"
    if lamp.confirm == "tone" and not rules.confirm_tones:
        yield ("lamp", "confirm"), "no tone confirms", "name tones in confirm_tones"
