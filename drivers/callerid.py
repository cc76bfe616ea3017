"""Caller ID as a plain codec: GR-30 messages (sent by FSK between the first two rings) and the digit strings of
exchanges that send DTMF before the first ring.

Formats: Telcordia GR-30 single (04) and multiple data message (80) formats, used by YDN 069 in China as well; DTMF
forms `A<caller>D<redirecting>B<absence>C`, `A<caller>#` with `D1#` to `D3#` for absence, `D<caller>C`, `<caller>#`.
What stands in the place of a number and is none (a word, control characters, more than 32 digits) is told as no number.
Dates carry no year and no zone on the wire, so they stay the eight digits MMDDhhmm. Serves step 2 (ANI).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from drivers.errors import CallerIdError

SDMF, MDMF = 0x04, 0x80
_WHEN, _NUMBER, _DIALABLE, _NO_NUMBER, _NAME, _NO_NAME, _FIRST_CALLED = 0x01, 0x02, 0x03, 0x04, 0x07, 0x08, 0x12

Absence = Literal["private", "unavailable"]
_REASONS: dict[Absence, bytes] = {"private": b"P", "unavailable": b"O"}
_NUMBER_FORM = re.compile(r"[0-9*#+A-D]{1,32}")


@dataclass(frozen=True, slots=True)
class CallerIdFields:
    """What a message says. `number` None: see `absence`. `when` is MMDDhhmm, local time of the exchange."""

    number: str | None = None
    name: str | None = None
    when: str | None = None
    absence: Absence | None = None
    redirecting: str | None = None


def encode_mdmf(
    number: str | None,
    name: str | None = None,
    when: datetime | str | None = None,
    reason: Absence | None = None,
    *,
    redirecting: str | None = None,
) -> bytes:
    """A multiple data message, type to checksum. Without `number`, `reason` says why (default unavailable).
    Names are sent in GB 18030, of which ASCII is a part."""
    fields = bytearray()
    if when is not None:
        fields += _field(_WHEN, _when(when))
    if number is not None:
        fields += _field(_NUMBER, _digits(number))
    else:
        fields += _field(_NO_NUMBER, _REASONS[reason or "unavailable"])
    if redirecting is not None:
        fields += _field(_FIRST_CALLED, _digits(redirecting))
    if name is not None:
        fields += _field(_NAME, name.encode("gb18030"))
    elif number is None:
        fields += _field(_NO_NAME, _REASONS[reason or "unavailable"])
    return _message(MDMF, bytes(fields))


def encode_sdmf(number: str | None, when: datetime | str, reason: Absence | None = None) -> bytes:
    """A single data message, type to checksum: date and time, then the number, or P or O in its place."""
    return _message(SDMF, _when(when) + (_digits(number) if number is not None else _REASONS[reason or "unavailable"]))


def encode_dtmf(number: str | None, reason: Absence | None = None, *, redirecting: str | None = None) -> str:
    """The digits `A<number>C`; `B00C` unavailable, `B10C` private."""
    if number is None:
        return "B10C" if reason == "private" else "B00C"
    second = f"D{_digits(redirecting).decode()}" if redirecting is not None else ""
    return f"A{_digits(number).decode()}{second}C"


def checksum(message: bytes) -> int:
    """The two's complement of the sum, modulo 256: a whole message sums up to 0."""
    return -sum(message) & 0xFF


def decode(raw: bytes, form: Literal["fsk", "dtmf"]) -> CallerIdFields:
    """Reads what a `CallerId` event carries; CallerIdError says what is wrong with it."""
    return _decode_fsk(raw) if form == "fsk" else _decode_dtmf(raw)


def _decode_fsk(raw: bytes) -> CallerIdFields:
    if len(raw) < 3:
        raise CallerIdError(f"{len(raw)} bytes are no message")
    kind, length = raw[0], raw[1]
    if len(raw) < length + 3:
        raise CallerIdError(f"message of {length} bytes is cut off after {len(raw) - 3}")
    if checksum(raw[: length + 2]) != raw[length + 2]:
        raise CallerIdError(f"checksum {raw[length + 2]:02X}, expected {checksum(raw[: length + 2]):02X}")
    body = raw[2 : 2 + length]
    if kind == SDMF:
        if len(body) < 9:
            raise CallerIdError("single message without a number")
        number, absence = _number(_text(body[8:]))
        return CallerIdFields(number=number, when=_text(body[:8]), absence=absence)
    if kind != MDMF:
        raise CallerIdError(f"message type {kind:02X} carries no caller")
    found: dict[int, bytes] = {}
    at = 0
    while at < len(body):
        if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
            raise CallerIdError(f"field {body[at]:02X} is cut off")
        found.setdefault(body[at], body[at + 2 : at + 2 + body[at + 1]])
        at += 2 + body[at + 1]
    shown = found.get(_NUMBER) or found.get(_DIALABLE)
    number, absence = _number(_text(shown)) if shown else (None, None)
    if number is None and absence is None:
        absence = "private" if found.get(_NO_NUMBER, b"O")[:1] in (b"P", b"p") else "unavailable"
    redirecting = found.get(_FIRST_CALLED)
    return CallerIdFields(
        number=number,
        name=_printable(found[_NAME].decode("gb18030", "replace")) or None if _NAME in found else None,
        when=_text(found[_WHEN]) if _WHEN in found else None,
        absence=absence,
        redirecting=_dialable(_text(redirecting)) if redirecting else None,
    )


def _decode_dtmf(raw: bytes) -> CallerIdFields:
    text = _text(raw).upper()
    if match := re.fullmatch(r"D([123])#", text):
        return CallerIdFields(absence="private" if match[1] == "1" else "unavailable")
    if match := re.fullmatch(r"D([0-9*]+)[C#]", text):
        return _told(match[1])  # Taiwan, Kuwait: D alone is the caller
    if match := re.fullmatch(r"([0-9*]+)#", text):
        return _told(match[1])
    if match := re.fullmatch(r"(?:A([0-9*]*))?(?:D([0-9*]+))?(?:B([0-9]+))?[C#]?", text):
        caller, redirecting, special = match[1], match[2], match[3]
        if caller or redirecting or special:
            absence: Absence | None = None
            if not caller:
                absence = "private" if special == "10" else "unavailable"
            told = _told(caller) if caller else CallerIdFields(absence=absence)
            return replace(told, redirecting=_dialable(redirecting or ""))
    raise CallerIdError(f"digits {text!r} are no caller ID")


def _told(digits: str) -> CallerIdFields:
    number = _dialable(digits)
    return CallerIdFields(number=number, absence=None if number is not None else "unavailable")


def _field(kind: int, data: bytes) -> bytes:
    return bytes((kind, len(data))) + data


def _message(kind: int, body: bytes) -> bytes:
    if len(body) > 255:
        raise CallerIdError(f"{len(body)} bytes do not fit a message of 255")
    message = bytes((kind, len(body))) + body
    return message + bytes((checksum(message),))


def _when(when: datetime | str) -> bytes:
    text = when.strftime("%m%d%H%M") if isinstance(when, datetime) else when
    if not re.fullmatch(r"\d{8}", text):
        raise CallerIdError(f"date {text!r} is not MMDDhhmm")
    return text.encode()


def _digits(number: str) -> bytes:
    if not _NUMBER_FORM.fullmatch(number):
        raise CallerIdError(f"{number!r} cannot be sent as a number")
    return number.encode()


def _number(text: str) -> tuple[str | None, Absence | None]:
    if text.upper() == "P":
        return None, "private"
    number = _dialable(text)
    return number, None if number is not None else "unavailable"


def _dialable(text: str) -> str | None:
    """As it is written on the line, perhaps with spaces and hyphens; None for what is no number."""
    digits = re.sub(r"[ ()-]", "", text)
    return digits if _NUMBER_FORM.fullmatch(digits) else None


def _printable(name: str) -> str:
    return "".join(char for char in name if unicodedata.category(char) not in ("Cc", "Cf", "Zl", "Zp")).strip()


def _text(data: bytes) -> str:
    return bytes(byte & 0x7F for byte in data).decode("ascii").strip()
