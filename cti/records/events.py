"""The event: what happened, to which call, agent or port, when, and from whom we know it.

Everything that the records say is computed from events; the journal keeps them in the order in which they happened
(the order is the serial number, never the wall clock). Serves steps 1 to 9.

Kinds and what their data hold (more keys are allowed and kept):

==============  ====================================================================================================
step            n (1-9): a step began; with: the earlier step with which it began, where it was told only later; ago:
                so many seconds ago (a trunk is seized, its numbers come, the call is told)
ani             ani, dnis, form (smdi, smdr, mci, digits, fsk, dtmf), truncated, doubt (serial_damaged, port_map,
                sources_differ, place_guessed), late
port            extension, desk, line: where the call stands in front of us (the event's port is the card port)
answered        the VRU answered (off-hook)
menu            choice, group, language
queued          group, place
place           place
offered         agent, extension: the agent's telephone is being called
no_answer       the agent offered last did not answer
busy            the extension of the agent offered last was busy
transfer        what: answered, handed_over, no_answer, busy, refused, no_dial_tone, caller_lost, recalled; how: the
                evidence; caller: where the caller is then; why: of a caller who is gone, or of a flash that was not
                taken; among: so many callers could be the one who was recalled
own             kind (outward, internal), to, extension, agent: the first event of a call that an agent makes, or of a
                consultation; connected, talk_ended, outcome and ended follow as for a caller
connection      event (CSTA's name), device, conversation, cause: where our own cards are the switch
verb            verb, to, device, by (desk, telephone): what an agent had done with the call
given_back      agent, extension, group: the agent gave the caller back, or (source switch) nobody took whom the
                agent had handed on: to wait in this group's queue
connected       agent: caller and agent talk
talk_ended      they ended
message         path, seconds: the caller left a message
recording       what: begun (conversation, port, ani, dnis, group), joined (the event's agent speaks in it), ended
                (seconds, why); file: in the recordings' folder
smdr            raw, fields: the record that the PBX sent; leg: vru, where it is of our port's part of a call that an
                agent took; talk_s, instead_of: the talk's length by a late record, and what had been measured;
                doubt: why it may not say what the PBX printed; between: calls of which it can be, none of which has it
doubted         why: the line has shown damage since the call's record came: it may not say what the PBX printed
unrecorded      why: no record of the call came in time (it may come later: step 9)
signalling      trunk, slot, incoming, called, calling, cause, text, reached, steps: what was said on the trunk
                (cti/trunks/signals.py)
alarm           what: something that a person should look at
outcome         outcome (cti/records/outcome.py), cause
ended           the call is over
==============  ====================================================================================================

Events without a call: those of an agent (login, logout, ready, not_ready, wrap_up ...), those of the system (alarm,
boot, journal_lost; recordings_removed: files, by their age; messages_removed: calls, whose message went by its age;
operator: do, what an operator had done), recordings of conversations without a caller, records of calls not ours
(smdr), and lines of the PBX that no form reads (smdr_unread: raw, reason, line).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, cast

import msgspec

Source = Literal["port", "smdi", "smdr", "mci", "dtmf", "desk", "inferred", "vru", "acd", "server", "trunk", "switch"]

_UNDER_WAY = ("step", "ani", "port", "answered", "menu", "queued", "place", "offered", "no_answer", "busy", "transfer")
_SWITCHED = ("own", "connection", "verb", "recording", "given_back")
_RECORDED = ("smdr", "doubted", "unrecorded")
CALL_KINDS = frozenset(
    (*_UNDER_WAY, *_SWITCHED, "connected", "talk_ended", "message", *_RECORDED, "alarm", "outcome", "ended")
)

BOOT_SPAN = 10**12
"""Serial numbers of boot b are b * BOOT_SPAN + 1 and up: in decimal the boot can be read off, and a number that a
power cut took away is never given to another event."""


class Event(msgspec.Struct, frozen=True):
    """One thing that happened. t is aware UTC; port is the number of our card port; data must be encodable as JSON."""

    call: str | None
    kind: str
    t: datetime
    source: Source
    agent: str | None = None
    port: int | None = None
    data: dict[str, Any] = {}


class Entry(msgspec.Struct, frozen=True):
    """An event with its serial number and the monotonic time at which the journal took it.

    Durations come from ``seconds`` (it counts from some instant of the same boot), never from the wall clock ``t``.
    """

    serial: int
    seconds: float
    event: Event

    @property
    def boot(self) -> int:
        """The number of the server's start in which the event was written."""
        return self.serial // BOOT_SPAN


class _Row(msgspec.Struct, frozen=True, array_like=True):
    serial: int
    seconds: float
    call: str | None
    kind: str
    t: datetime
    source: str  # a newer Tipring may have written one that this one has no word for
    agent: str | None = None
    port: int | None = None
    data: dict[str, Any] = {}


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Row).decode
MAX_PAYLOAD = 1 << 20
"""Bytes of one event in JSON. A longer one is kept as its first 1000 characters, marked too_long."""


def encode(serial: int, seconds: float, event: Event) -> bytes:
    """The event as one JSON array. Never fails on data: what JSON cannot hold is kept as its ASCII representation."""
    if event.t.tzinfo is None:
        raise ValueError(f"naive time in event {event.kind}")
    head = (serial, seconds, event.call, event.kind, event.t, event.source, event.agent, event.port)
    try:
        payload = _encode((*head, event.data))
    except (TypeError, ValueError, OverflowError, RecursionError):
        text = ascii(event.data)
        payload = _encode((*(_plain(item) for item in head), {"unencodable": text[:1000], "length": len(text)}))
    if len(payload) > MAX_PAYLOAD:
        text = ascii(event.data)
        payload = _encode((*(_plain(item) for item in head), {"too_long": text[:1000], "length": len(text)}))
    return payload


def decode(payload: bytes) -> Entry:
    """The reverse of encode. Raises msgspec.DecodeError on anything else."""
    row = _decode(payload)
    t = row.t if row.t.tzinfo is not None else row.t.replace(tzinfo=UTC)
    source = cast(Source, row.source)
    return Entry(row.serial, row.seconds, Event(row.call, row.kind, t, source, row.agent, row.port, row.data))


def _plain(item: Any) -> Any:
    return item.encode("ascii", "backslashreplace").decode()[:1000] if isinstance(item, str) else item
