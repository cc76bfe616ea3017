"""What the rest of the server sees of the records: write an event, get a call's id, ask who calls (steps 8 and 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cti.customers.book import Customer
from cti.errors import OutsideError, StoreError
from cti.outside import Cancellable, Outside
from cti.records.events import Entry, Event, Source
from cti.records.journal import Journal
from cti.records.journal_read import files, first_serial, read
from cti.records.row import CallRow, reduce
from cti.records.store import Store

PROBE_S = 30.0
"""While customers are not found the database is asked so often."""
RECOVERED_FILES = 2
"""So many of the newest journal files, and all that the store has not had yet, are looked through for calls that never
ended; older ones the store knows."""

OWED = timedelta(hours=6)
"""Of calls that ended so long before the server began, or later, the PBX may still print the record."""


class Clock(Protocol):
    """The part of drivers.clock.Clock that is needed here."""

    def now(self) -> datetime: ...
    def callLater(self, delay: float, f: Callable[..., object], /, *args: object) -> Cancellable: ...


class CustomerCard(msgspec.Struct, frozen=True):
    """Who is calling, for the pop-up.

    customer: found by the full number, or the only one whose number ends as a cut ANI does; confirmed is True only in
    the first case. candidates: all that a cut ANI may mean. unknown: why nothing could be looked up, empty if it could.
    """

    customer: Customer | None = None
    confirmed: bool = False
    candidates: tuple[Customer, ...] = ()
    last_calls: tuple[CallRow, ...] = ()
    unknown: str = ""


class Records:
    """The facade. One a server."""

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        store: Store,
        outside: Outside,
        *,
        last_calls: int = 5,
        on_alarm: Callable[[str, bool, str], None] | None = None,
    ) -> None:
        """store: migrated, or not reachable now (look-ups then say so). on_alarm(name, raised, text): lookup_failed."""
        self.journal = journal
        self.store = store
        self._clock = clock
        self.outside = outside
        self._last_calls = last_calls
        self._on_alarm = on_alarm or (lambda name, raised, text: None)
        self._failing = False
        self._probe: Cancellable | None = None
        self._calls = 0
        self.owed: list[CallRow] = []  # answered calls of the run before that have no record of the PBX

    def new_call_id(self) -> str:
        """The id of a new call: boot number and a count, "12-000034". Unique for as long as the records are kept."""
        self._calls += 1
        return f"{self.journal.boot}-{self._calls:06d}"

    def event(
        self,
        call: str | None,
        kind: str,
        source: Source,
        /,
        *,
        agent: str | None = None,
        port: int | None = None,
        t: datetime | None = None,
        **data: Any,
    ) -> int:
        """Writes an event into the journal, as of now or of t (aware); returns its serial number."""
        return self.journal.append(Event(call, kind, t or self._clock.now(), source, agent, port, data))

    def durable(self, serial: int) -> Deferred[None]:
        """Fires when the event is on the disk; see Journal.durable."""
        return self.journal.durable(serial)

    async def lookup(self, ani: str | None, *, truncated: bool = False, call: str | None = None) -> CustomerCard:
        """Who calls from this number, and their last calls (but not ``call``). Never fails: a card can be empty.

        Takes what the database takes, at most cti.outside.LATE_S.
        """
        if not ani:
            return CustomerCard()
        try:
            card = await self.outside.ask(look_up, self.store, ani, truncated, call, self._last_calls)
        except (OutsideError, StoreError) as error:
            self._failed(str(error))
            return CustomerCard(unknown=str(error))
        self._found_again(None)
        return card

    def stop(self) -> None:
        """No more calls come."""
        if self._probe is not None:
            self._probe.cancel()
            self._probe = None

    def recover(self, known_open: Iterable[str] = (), position: int | None = None) -> list[str]:
        """Ends, in the records, the calls that an earlier run of the server left open; returns their ids.

        known_open: those that the store has (Store.open_calls(journal.boot)), position: how far it has come
        (Store.position()); both left out while it is away. To be called once, before the first call. Those of the last
        OWED that the PBX has printed no record of yet are in `owed` from then on.
        """
        late: dict[str, list[Entry]] = {}
        since = self._clock.now() - OWED

        def seen(entry: Entry) -> None:
            if entry.event.call is not None and entry.event.t >= since:
                late.setdefault(entry.event.call, []).append(entry)

        ids = unfinished(self.journal.path, self.journal.boot, known_open, position, seen)
        rows = (reduce(None, entries) for entries in late.values())
        self.owed = [row for row in rows if row is not None and _owed(row)]
        for call in ids:
            self.event(call, "outcome", "server", outcome="failed", cause="the server stopped during the call")
            self.event(call, "ended", "server")
        return ids

    def _failed(self, why: str) -> None:
        if not self._failing:
            self._failing = True
            self._on_alarm("lookup_failed", True, f"customers are not found: {why}")
            self._probe = self._clock.callLater(PROBE_S, self._look_again)

    def _look_again(self) -> None:
        """Between calls, too: an alarm that stands is one that is true."""
        self._probe = self._clock.callLater(PROBE_S, self._look_again)
        self.outside.ask(self.store.position).addCallbacks(self._found_again, self._not_yet)

    def _not_yet(self, failure: Failure) -> None:
        if not isinstance(failure.value, OutsideError | StoreError):
            failure.raiseException()

    def _found_again(self, _: object) -> None:
        if self._failing:
            self._failing = False
            self.stop()
            self._on_alarm("lookup_failed", False, "customers are found again")


def look_up(store: Store, ani: str, truncated: bool, call: str | None, last: int) -> CustomerCard:
    """The card, asked of the database; short SQL, fit for a thread."""
    calls = [row for row in store.last_calls(ani, last + 1, truncated=truncated) if row.id != call] if last else []
    if truncated:
        candidates = tuple(store.customers.ending(ani))
        only = candidates[0] if len(candidates) == 1 else None
        return CustomerCard(only, False, candidates, tuple(calls[:last]))
    customer = store.customers.find(ani)
    return CustomerCard(customer, customer is not None, (), tuple(calls[:last]))


def _owed(row: CallRow) -> bool:
    return row.kind == "inward" and row.answered_at is not None and row.recorded in (None, "missing")


def unfinished(
    path: Path,
    boot: int,
    known_open: Iterable[str] = (),
    position: int | None = None,
    seen: Callable[[Entry], object] = lambda entry: None,
) -> list[str]:
    """Calls of boots before this one that have no ``ended`` in the newest journal files, in order of appearance.
    ``seen`` is given every event of theirs on the way."""
    listing = files(path)
    first = max(0, len(listing) - RECOVERED_FILES)
    if position is not None:  # a call that the store has as open may have ended behind its position
        begun = [index for index, file in enumerate(listing) if first_serial(file) <= position + 1]
        first = min(first, begun[-1] if begun else 0)
    open_calls = dict.fromkeys(known_open)
    done: set[str] = set()
    for file in listing[first:]:
        for entry in read(file, on_damage=lambda damage: None):
            call = entry.event.call
            if call is None or entry.boot >= boot:
                continue
            seen(entry)
            if entry.event.kind == "ended":
                done.add(call)
                open_calls.pop(call, None)
            elif call not in done:
                open_calls.setdefault(call)
    return list(open_calls)
