"""SMDI as the simulated PBX speaks it (step 4): call messages and lamp refusals out, lamp requests in.

Typed from the message layouts of the DMS-100 guide: CR LF MD ggg mmmm a n... SP y... SP CR LF ^Y. No checksum, no
acknowledgement; a lamp request that is obeyed gets no reply.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

END = b"\x19"
REQUEST = re.compile(rb"(OP|RMV):MWI ([0-9A-Za-z*#]{1,20})!\x04")
LONGEST_REQUEST = 64


def call_message(desk: int, line: int, reason: str, forwarded_from: str, calling: str) -> bytes:
    """`reason` D direct, A all calls forwarded, B busy, N no answer ...; an unknown number is empty."""
    head = f"\r\nMD{desk:03d}{line:04d}{reason}"
    if reason == "D" and not forwarded_from:
        return f"{head} {calling} \r\n".encode("ascii") + END
    return f"{head}{forwarded_from} {calling} \r\n".encode("ascii") + END


def refusal(number: str, code: str) -> bytes:
    """A lamp request refused: `INV` no such number, `BLK` not now."""
    return f"\r\nMWI{number} {code}\r\n".encode("ascii") + b"\x7f\x7f" + END


@dataclass(frozen=True)
class LampRequest:
    number: str
    on: bool


class LampRequests:
    """Finds lamp requests in what the voice system sends. Bit 7 is parity and is dropped; noise is skipped; what
    grows past 64 bytes without being a request is forgotten."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> list[LampRequest]:
        self._kept += bytes(byte & 0x7F for byte in data)
        found = []
        end = 0
        for match in REQUEST.finditer(self._kept):
            found.append(LampRequest(match[2].decode("ascii"), match[1] == b"OP"))
            end = match.end()
        self._kept = self._kept[end:][-LONGEST_REQUEST:]
        return found
