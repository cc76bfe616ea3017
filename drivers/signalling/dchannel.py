"""A D channel that speaks DSS1 in the engine: what it can be told, and the numbers that it tells, as plain values.

The protocol itself (libpri, csrc/pri.h) runs in the media thread; this hands verbs to it. What it tells comes as
`PriTold` and `PriFrame` events of the port. Numbers: EN 300 403-1 section 4.5. Serves steps 1 and 3, where the trunk is
ISDN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from drivers._engine import ffi, lib
from drivers.errors import ArgumentError, check
from drivers.port import Port
from drivers.signalling.interface import MAX_DIGITS, Numbers

Side = Literal["user", "network"]
"""Who we are: the user's end (a PBX, this server) or the network's (the office)."""
Trace = Literal["none", "calls", "all"]

ENGINE_TIMERS: Final = ("T200", "T203", "N200", "K", "T303", "T305", "T308", "T309", "T313", "T316", "N316")
"""Kept in the engine, in the order of enum tr_pri_timer."""
INTERNATIONAL: Final = 0x11
"""Octet 3 of a number: international, ISDN numbering plan (E.164). Others: 0x21 national, 0x41 subscriber, 0x00 unknown
in an unknown plan, 0x01 unknown in the ISDN plan."""
_RESTRICTED: Final = 0x20
_USER_USER_MAX: Final = 35
"""Octets that a network has to carry (EN 300 286, implicit service 1); libpri sends no more."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who calls whom in a SETUP. `faults`: what cannot be: digits that no number has, too many of them."""

    numbers: Numbers
    bearer: int
    exclusive: bool
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DChannelStats:
    """Of a D channel since it was opened. `memory`, `memory_most`: bytes of its arena in use, and at most;
    `memory_refused`, `renewed`: allocations refused, and times it was begun anew for it. `refused`: SETUPs answered by
    the engine itself; `malformed`: frames cut or dropped; `unsent`: no room in the card; `notes`: remarks of libpri."""

    open: bool
    up: bool
    calls: int
    memory: int
    memory_most: int
    memory_refused: int
    refused: int
    malformed: int
    unsent: int
    renewed: int
    notes: int


class DChannel:
    """The signalling channel of a span."""

    def __init__(
        self,
        port: Port,
        side: Side,
        timers: Mapping[str, int],
        *,
        trace: Trace = "calls",
        service: bool = False,
        inband_disconnect: bool = False,
    ) -> None:
        """`timers`: of ENGINE_TIMERS, in ms (N200, K, N316 are counts); absent: libpri's own value. ArgumentError for
        values that it cannot have, Unsupported where the port is no D channel."""
        config = ffi.new("struct tr_pri_config *")
        config.side = lib.TR_PRI_NETWORK if side == "network" else lib.TR_PRI_USER
        config.trace = ("none", "calls", "all").index(trace)
        config.service, config.inband_disconnect = int(service), int(inband_disconnect)
        for at, name in enumerate(ENGINE_TIMERS):
            config.timer[at] = timers.get(name, -1)
        self.port = port
        self._config = config
        self.open()

    def open(self) -> None:
        """Begins layer 2; again after `close`. PortStateError while it is open."""
        check(lib.tr_pri_open(self.port.engine.handle, self.port.number, self._config), f"{self.port.name}: PRI")

    def close(self) -> None:
        """Refuses calls that come, and falls silent once none is left: the far end then notices by its timers."""
        self._do(lib.TR_PRI_CLOSE)

    def tell(self) -> None:
        """Events were lost: has the state of the channel and of all calls told."""
        self._do(lib.TR_PRI_TELL)

    def stats(self) -> DChannelStats:
        """As of the last tick."""
        out = ffi.new("struct tr_pri_stats *")
        check(lib.tr_pri_stats(self.port.engine.handle, self.port.number, out), f"{self.port.name}: PRI")
        return DChannelStats(
            bool(out.open),
            bool(out.up),
            out.calls,
            out.memory,
            out.memory_most,
            out.memory_refused,
            out.refused,
            out.malformed,
            out.unsent,
            out.renewed,
            out.notes,
        )

    # ---- calls -------------------------------------------------------------------------------

    def setup(
        self,
        call: int,
        slot: int,
        numbers: Numbers,
        *,
        exclusive: bool,
        bearer: int,
        called_plan: int,
        calling_plan: int,
    ) -> None:
        """SETUP; "+" in front of a number makes it international. Its name goes towards users only (EN 300 403-1
        4.5.16), user-user information as far as text of 35 octets."""
        party = ffi.new("struct tr_pri_party *")
        party.called, party.called_plan = _number(numbers.called, called_plan)
        party.calling, party.calling_plan = _number(numbers.calling, calling_plan)
        party.redirecting, party.redirecting_plan = _number(numbers.redirecting, calling_plan)
        party.calling_presentation = _RESTRICTED if numbers.restricted else 0
        party.name = numbers.name.encode("latin-1", "replace")[: lib.TR_PRI_NUMBER - 1]
        party.user_user = numbers.user_user.split(b"\0")[0][:_USER_USER_MAX]
        party.bearer, party.complete, party.exclusive = bearer, int(numbers.complete), int(exclusive)
        self._do(lib.TR_PRI_SETUP, call, slot, side=bytes(ffi.buffer(party)))

    def digits(self, call: int, digits: str) -> None:
        """INFORMATION, one for each digit."""
        self._do(lib.TR_PRI_DIGITS, call, side=digits.encode("ascii"))

    def want_more(self, call: int, slot: int) -> None:
        """SETUP ACKNOWLEDGE."""
        self._do(lib.TR_PRI_SETUP_ACK, call, slot)

    def proceeding(self, call: int, slot: int) -> None:
        """CALL PROCEEDING."""
        self._do(lib.TR_PRI_PROCEED, call, slot)

    def alerting(self, call: int, slot: int, tones: bool) -> None:
        """ALERTING; `tones`: with progress indicator 8, we send ringback ourselves."""
        self._do(lib.TR_PRI_ALERT, call, slot, int(tones))

    def progress(self, call: int, slot: int) -> None:
        """PROGRESS with indicator 8: an announcement can be heard."""
        self._do(lib.TR_PRI_PROGRESS, call, slot)

    def answer(self, call: int, slot: int) -> None:
        """CONNECT."""
        self._do(lib.TR_PRI_ANSWER, call, slot)

    def clear(self, call: int, cause: int) -> None:
        """DISCONNECT; before any answer, CALL PROCEEDING and DISCONNECT, or RELEASE COMPLETE for causes that say that
        nothing was begun (1, 34, 44, 82, 88)."""
        self._do(lib.TR_PRI_CLEAR, call, 0, cause)

    # ---- channels ----------------------------------------------------------------------------

    def restart(self, slot: int) -> None:
        """RESTART of one channel; one at a time."""
        self._do(lib.TR_PRI_RESTART, 0, slot)

    def service(self, slot: int, status: int) -> None:
        """SERVICE: 0 in service, 2 out of service."""
        self._do(lib.TR_PRI_SERVICE, 0, slot, status)

    # ---- what is told ------------------------------------------------------------------------

    def party(self, data: bytes) -> Party:
        """The numbers of a SETUP that came."""
        told: Any = ffi.from_buffer("struct tr_pri_party *", data)
        faults: list[str] = []

        def number(which: str, field: Any, plan: int) -> str:
            digits = ffi.string(field).decode("latin-1")
            if len(digits) > MAX_DIGITS or any(digit not in "0123456789*#ABCD" for digit in digits):
                faults.append(f"{which} number {digits!r}")
                return ""
            return f"+{digits}" if plan == INTERNATIONAL and digits and len(digits) < MAX_DIGITS else digits

        presentation = told.calling_presentation
        numbers = Numbers(
            called=number("called", told.called, told.called_plan),
            calling=number("calling", told.calling, told.calling_plan),
            restricted=presentation & 0x60 == _RESTRICTED,
            redirecting=number("redirecting", told.redirecting, told.redirecting_plan),
            name=ffi.string(told.name).decode("latin-1"),
            user_user=ffi.string(told.user_user),
            complete=bool(told.complete),
        )
        return Party(numbers, told.bearer, bool(told.exclusive), tuple(faults))

    def _do(self, verb: int, call: int = 0, slot: int = 0, value: int = 0, side: bytes = b"") -> None:
        port = self.port
        port.engine.command(
            lib.TR_OP_PRI, port.number, port.epoch, port.engine.next_id(), (verb, call, slot, value), side
        )


def _number(digits: str, plan: int) -> tuple[bytes, int]:
    if len(digits) > MAX_DIGITS:
        raise ArgumentError(f"number {digits}: at most {MAX_DIGITS} digits")
    if digits.startswith("+"):
        return digits[1:].encode("ascii"), INTERNATIONAL
    return digits.encode("ascii"), plan
