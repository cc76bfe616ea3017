"""The desk protocol's bytes: newline-delimited JSON-RPC 2.0 (step 8). No I/O; docs/desk-protocol.md has every message.

A message is one JSON object on one line, UTF-8, at most 64 KiB with its newline; CR before LF and empty lines are
ignored. Whatever comes in ends in a Call or a Fault with a JSON-RPC error code; nothing that a peer sends raises, and
at most one message is kept in memory. What is longer is refused once and skipped up to its newline. Batches and
parameters by position, which JSON-RPC would allow, are refused as invalid.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

MAX_MESSAGE = 65536
"""Bytes of one message with its newline, in either direction."""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
UNKNOWN_METHOD = -32601
INVALID_PARAMS = -32602
INTERNAL = -32603
BUSY = -32000
NOT_LOGGED_IN = -32001
WRONG_PASSWORD = -32002
TOO_LARGE = -32003
UNKNOWN_SESSION = -32004
TOO_SOON = -32005
NOT_POSSIBLE = -32006
EXTENSION = -32007
UNSUPPORTED = -32008
NOT_RECORDED = -32009
REFUSED = -32010

CODES = {
    PARSE_ERROR: "not JSON",
    INVALID_REQUEST: "JSON, but not a JSON-RPC 2.0 request of this protocol",
    UNKNOWN_METHOD: "no such method",
    INVALID_PARAMS: "the parameters are not those of the method; the message names the field",
    INTERNAL: "a fault of the server; its log has the details",
    BUSY: "too much to do, try again: data.retry_after_s",
    NOT_LOGGED_IN: "log in first",
    WRONG_PASSWORD: "agent or password wrong; answered late on purpose",
    TOO_LARGE: "a message of more than 64 KiB; it was skipped",
    UNKNOWN_SESSION: "the token is of no session, or of one that has ended: log in",
    TOO_SOON: "wrong passwords before: try again after data.retry_after_s",
    NOT_POSSIBLE: "not possible in the present state",
    EXTENSION: "the extension belongs to another agent, or none was named",
    UNSUPPORTED: "this site cannot do that",
    NOT_RECORDED: "done, but not yet safe on the disk",
    REFUSED: "a verb of call control was not done, and nothing was changed: data.error says why",
}
"""Every error code and what it means."""

MALFORMED = frozenset((PARSE_ERROR, INVALID_REQUEST, TOO_LARGE))
"""Three of these in a row close the link."""


class Params(Struct, forbid_unknown_fields=True):
    """Parameters of a method: by name, and no others."""


class Nothing(Params):
    """No parameters."""


Word = Annotated[str, Meta(min_length=1, max_length=64)]


class Login(Params):
    """agent: the id in the site file; extension: where the agent sits today, if not at the one of the site file."""

    agent: Word
    password: Annotated[str, Meta(max_length=1024)]
    extension: Annotated[str, Meta(pattern=r"^[0-9*#]{1,20}$(?!\n)")] | None = None


class Resume(Params):
    """token: from the answer to login."""

    token: Word


class NotReady(Params):
    """reason: shown in the agent's state and kept in the records."""

    reason: Word = "other"


class Limit(Params):
    """limit: at most so many rows, the newest first."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class Fetch(Params):
    """call: whose message; begin: from which byte of its sound on, the first time 0."""

    call: Word
    begin: Annotated[int, Meta(ge=0, le=2**32)] = 0


class Target(Params):
    """to: an extension, a number, a slot, digits; which of them, if any, the verb says."""

    to: Annotated[str, Meta(pattern=r"^[0-9*#A-D]{1,64}$(?!\n)")] | None = None


VERBS = (
    "make",
    "answer",
    "hang_up",
    "hold",
    "retrieve",
    "alternate",
    "consult",
    "transfer",
    "blind_transfer",
    "three_way",
    "conference",
    "park",
    "pick_up",
    "camp_on",
    "deflect",
    "give_back",
    "send_dtmf",
    "monitor",
    "whisper",
    "barge_in",
    "forced_release",
    "group_pickup",
    "take_ringing",
    "take_over",
)
"""Call control from the desk; what each does is in cti.switch.verbs, and in docs/desk-protocol.md."""

METHODS: dict[str, type[Params]] = {
    "login": Login,
    "resume": Resume,
    "ping": Nothing,
    "logout": Nothing,
    "ready": Nothing,
    "not_ready": NotReady,
    "wrap_up_done": Nothing,
    "answered": Nothing,
    "call_ended": Nothing,
    "still_talking": Nothing,
    "state": Nothing,
    "calls": Limit,
    "message.list": Limit,
    "message.fetch": Fetch,
    **dict.fromkeys(VERBS, Target),
}
"""What a desk may ask."""

NOTIFICATIONS = {
    "popup": "a call for this agent; comes as the telephone is called, and again after resume",
    "popup.update": "the call on the screen is better known, or doubted: number, customer",
    "state": "the agent's three truths",
    "ended": "the call on the screen is over, or went to another agent",
    "connection": "something changed in a conversation that this agent's telephone has a part in",
    "verb": "what became of a verb that takes its time: make, behind a PBX",
    "ask": "no call record came: is the agent still talking? Answer still_talking or call_ended",
    "message": "a caller left a message",
    "alarm": "the agent's telephone is left off-hook or out of order, or no longer",
    "taken_over": "the agent logged in elsewhere; this link is closed",
    "heartbeat": "the server is there",
}
"""What the server tells a desk."""

Id = int | str | None


class Call(Struct, frozen=True):
    """A request, or with reply False a notification (to which there is no answer, not even an error)."""

    id: Id
    method: str
    params: Params
    reply: bool


class Fault(Struct, frozen=True):
    """What came in and is to be answered by an error (where reply is True)."""

    id: Id
    code: int
    message: str
    reply: bool = True

    @property
    def malformed(self) -> bool:
        """Whether it was no message at all."""
        return self.code in MALFORMED


class _Envelope(Struct):
    jsonrpc: Literal["2.0"]
    method: str
    id: Annotated[int, Meta(ge=-(2**53), le=2**53)] | Annotated[str, Meta(max_length=256)] | UnsetType | None = UNSET
    params: Raw = Raw(b"{}")


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_params = {method: msgspec.json.Decoder(params).decode for method, params in METHODS.items()}
_encode = msgspec.json.Encoder(enc_hook=str).encode


def decode(line: bytes) -> Call | Fault:
    """One message without its newline."""
    try:
        envelope = _decode_envelope(line)
    except msgspec.ValidationError as error:
        return Fault(None, INVALID_REQUEST, str(error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Fault(None, PARSE_ERROR, str(error))
    except RecursionError:
        return Fault(None, PARSE_ERROR, "nested too deeply")
    reply = envelope.id is not UNSET
    call_id: Id = None if isinstance(envelope.id, UnsetType) else envelope.id
    decoder = _decode_params.get(envelope.method)
    if decoder is None:
        return Fault(call_id, UNKNOWN_METHOD, f"no method {envelope.method[:64]!r}", reply)
    try:
        return Call(call_id, envelope.method, decoder(envelope.params), reply)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Fault(call_id, INVALID_PARAMS, str(error), reply)
    except RecursionError:
        return Fault(call_id, INVALID_PARAMS, "nested too deeply", reply)


class Decoder:
    """Bytes as they come, in any pieces, to calls and faults."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[Call | Fault]:
        """What is complete with these bytes."""
        found: list[Call | Fault] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._add(data[start:end], found)
            line, start = bytes(self._rest).strip(b" \t\r"), end + 1
            self._rest.clear()
            if self._skipping:
                self._skipping = False
            elif line:
                found.append(decode(line))
        self._add(data[start:], found)
        return found

    def _add(self, piece: bytes, found: list[Call | Fault]) -> None:
        if self._skipping:
            return
        if len(self._rest) + len(piece) >= MAX_MESSAGE:
            self._rest.clear()
            self._skipping = True
            found.append(Fault(None, TOO_LARGE, f"a message has at most {MAX_MESSAGE} bytes"))
            return
        self._rest += piece


def result(call_id: Id, value: object) -> bytes:
    """The answer to a request."""
    return _encode({"jsonrpc": "2.0", "id": call_id, "result": value}) + b"\n"


def error(call_id: Id, code: int, message: str, data: object = None) -> bytes:
    """The error in answer to a request."""
    body: dict[str, object] = {"code": code, "message": message[:500]}
    if data is not None:
        body["data"] = data
    return _encode({"jsonrpc": "2.0", "id": call_id, "error": body}) + b"\n"


def notification(method: str, params: object) -> bytes:
    """What the server tells a desk."""
    return _encode({"jsonrpc": "2.0", "method": method, "params": params}) + b"\n"
