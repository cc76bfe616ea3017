r"""How this PBX tells who calls: a dialect's sections `calls`, `smdi`, `in_band` and `mci` (steps 2 to 4).

`calls` names the sources and their order of trust; the other sections say how each of them speaks. What is not known of
a make (the digits, the positions of a text) is left out of its dialect and filled in on site.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from cti.conf.checked_yaml import Document
from cti.errors import Fault
from cti.pbx.columns import Columns, column_faults
from cti.pbx.digit_pattern import DigitPattern, PatternFault

CallSource = Literal["smdi", "dtmf_after_answer", "callerid_on_port", "smdr_at_ring", "mci"]
DnisFrom = Literal["forwarded_from", "desk", "port", "group"]
Reason = Literal["direct", "all", "busy", "no_answer", "dnd", "overflow", "recall", "message_key", "unknown"]
Origin = Literal["internal", "external"]
CallSources = tuple[CallSource, ...]
DnisOrder = tuple[DnisFrom, ...]
NumberMax = Annotated[int, Meta(ge=3, le=20)]
OutsidePrefix = Annotated[str, Meta(pattern=r"^[0-9]{0,3}$")]

# What a pattern of digits may name, and what columns of an MCI text may.
IN_BAND_FIELDS = frozenset({"called", "calling", "trunk", "reason", "origin"})
MCI_FIELDS = frozenset({"station", "called", "calling", "trunk", "reason", "calling_given"})


class CallRules(Struct, frozen=True, forbid_unknown_fields=True):
    """Where ANI and DNIS come from."""

    # In this order of trust: what a source says is replaced by one further to the left, never by one further right.
    # smdi: messages on RS232; dtmf_after_answer: digits that the PBX sends when the VRU answers (section in_band);
    # callerid_on_port: FSK or DTMF caller ID towards the extension; smdr_at_ring: records printed while it rings (forms
    # with event: ring); mci: NEC's message line (section mci). Who is not named here is not listened to.
    sources: CallSources = ("smdi", "callerid_on_port")
    # The first that gives one: the called number in the message; the site's number for the message desk (pbx.desks),
    # for the VRU port (vru.ports[].dnis), for the hunt group (vru.dnis). []: never.
    dnis: DnisOrder = ("forwarded_from", "desk", "port", "group")
    # The PBX passes on so many digits at most: a calling number of this length may be cut: nobody's for certain.
    number_max: NumberMax | None = None
    # Digits that the PBX puts before an outside caller's number (its outside-line code), taken off every calling number
    # that begins with them and has more than internal_max digits; up to so many it is an extension.
    outside_prefix: OutsidePrefix = ""
    internal_max: Annotated[int, Meta(ge=1, le=10)] = 6


class SmdiRules(Struct, frozen=True, forbid_unknown_fields=True):
    """What this PBX does with SMDI."""

    msd_strip: Annotated[int, Meta(ge=0, le=9)] = 0  # padding digits before each number, dropped; zeros added for lamps
    lamp: bool = True  # takes lamp orders on the SMDI line


class InBandPattern(Struct, frozen=True, forbid_unknown_fields=True):
    r"""One form of the digits: a regular expression (see cti.pbx.digit_pattern) that the whole string fits.

    Named groups: called, calling (both may be empty), trunk, reason, origin. `*` to the left of a number is padding.
    """

    pattern: Annotated[str, Meta(min_length=1, max_length=200)]
    reason: Reason = "unknown"  # where the pattern says it; else reasons of group reason
    origin: Origin | None = None
    reasons: dict[str, Reason] = {}  # digits of group reason -> what they mean
    origins: dict[str, Origin] = {}


class InBandRules(Struct, frozen=True, forbid_unknown_fields=True):
    """Digits in the voice path after our answer (dtmf_after_answer), and those that say that the caller hung up."""

    wait_s: Annotated[float, Meta(ge=0.1, le=10)] = 2.5  # from our answer to the first digit; then the menu begins
    gap_ms: Annotated[int, Meta(ge=40, le=2000)] = 500  # longest silence between two digits of one string
    patterns: tuple[InBandPattern, ...] = ()  # the first that fits counts; put the special ones first
    # Strings that mean at any time in the call: the caller hung up. The PBX sends them faster than people press keys:
    # between two of their digits lies at most gone_gap_ms of silence, and after them comes no further digit.
    gone: tuple[Annotated[str, Meta(pattern=r"^[0-9*#A-D]{1,16}$")], ...] = ()
    # Strings in place of a caller that say that the PBX has lost its message lamps (Avaya's "refresh MW lamp"):
    # they are ordered again.
    lamps_lost: tuple[Annotated[str, Meta(pattern=r"^[0-9*#A-D]{1,16}$")], ...] = ()
    gone_gap_ms: Annotated[int, Meta(ge=40, le=1000)] = 200


class MciLamp(Struct, frozen=True, forbid_unknown_fields=True):
    """The lamp text of NEC's MCI (NEAX 2400 IMX, variable format): STX 0 ! identifier {type length data}... ETX."""

    identifier: Annotated[str, Meta(pattern=r"^[A-Z]{1,2}$")]  # printed as "A / B" in the manual: ask the PBX's maker
    on: Annotated[str, Meta(pattern=r"^[0-9]$")] = "2"
    off: Annotated[str, Meta(pattern=r"^[0-9]$")] = "6"
    tenant: Annotated[str, Meta(pattern=r"^[0-9]{1,6}$")] | None = None


class MciRules(Struct, frozen=True, forbid_unknown_fields=True):
    """NEC's message centre interface: texts STX SA UA ... ETX, which nobody acknowledges.

    The positions of the fields are in no manual that could be read: the site counts them in what
    its PBX sends (`tipring serial watch`).
    """

    header: Annotated[str, Meta(pattern=r"^[ -~]{1,8}$")] = "0!"  # SA and UA; texts that begin otherwise are not ours
    # Columns of the text between STX and ETX, counted from 1 (SA is 1), both included: station (our extension, to which
    # the call goes; needed), calling, called (first forwarded station), trunk, reason, calling_given.
    columns: Columns = {}
    reasons: dict[str, Reason] = {}  # text of column reason -> what it means
    not_given: str = "0"  # text of column calling_given: no calling number is known
    lamp: MciLamp | None = None
    # How the text begins (SA and UA included) that asks for all lamps anew, after a reset of the PBX; as seen on site.
    lamps_lost: Annotated[str, Meta(min_length=3, max_length=64)] | None = None


def contradictions(
    calls: CallRules, in_band: InBandRules, mci: MciRules, rings: bool
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """What the sections contradict each other in: path, what is wrong, remedy. Each source is named once and described;
    ``rings``: a record form has event: ring."""
    if not calls.sources:
        yield ("calls", "sources"), "names no source", "name at least one: " + ", ".join(get_args(CallSource))
    for index, source in enumerate(calls.sources):
        if source in calls.sources[:index]:
            yield ("calls", "sources", index), f"{source} is there twice", "name it once"
    needed: dict[CallSource, tuple[bool, tuple[str, str], str]] = {
        "dtmf_after_answer": (
            bool(in_band.patterns),
            ("in_band", "patterns"),
            "describe the digits that the PBX sends",
        ),
        "smdr_at_ring": (rings, ("smdr", "records"), "mark the form of records printed at the ring with event: ring"),
        "mci": ("station" in mci.columns, ("mci", "columns"), "say where the text names our extension: station"),
    }
    for source, (there, where, remedy) in needed.items():
        if source in calls.sources and not there:
            yield where, f"is needed for the source {source}", remedy


def faults(calls: CallRules, in_band: InBandRules, mci: MciRules, rings: bool, document: Document) -> Iterable[Fault]:
    """What types cannot say: contradictions, patterns that are none, columns."""
    for path, text, remedy in contradictions(calls, in_band, mci, rings):
        yield document.fault(path, text, remedy)
    for index, form in enumerate(in_band.patterns):
        yield from _pattern_faults(form, ("in_band", "patterns", index), document)
    yield from column_faults(mci.columns, ("mci", "columns"), document, known=MCI_FIELDS)


def _pattern_faults(form: InBandPattern, here: tuple[str | int, ...], document: Document) -> Iterable[Fault]:
    known = ", ".join(sorted(IN_BAND_FIELDS))
    try:
        pattern = DigitPattern(form.pattern)
    except PatternFault as fault:
        yield document.fault(
            (*here, "pattern"), f"is no pattern of digits: {fault}", "write digits, \\d, \\*, sets, groups"
        )
        return
    for name in sorted(pattern.groups - IN_BAND_FIELDS):
        yield document.fault((*here, "pattern"), f"names a group {name}", f"groups are {known}")
    for name, table in (("reason", form.reasons), ("origin", form.origins)):
        if table and name not in pattern.groups:
            remedy = f"put (?P<{name}>...) where the pattern has it"
            yield document.fault((*here, f"{name}s"), f"has no group {name} to read", remedy)
