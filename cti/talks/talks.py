"""Matches the PBX's records to calls (step 9).

Once the VRU has left a call, the server does not hear it any more: it ends by the PBX's record (SMDR) of the agent's
extension. A record that can be of the conversation under way there frees the agent; every other record is history: of a
call that ended on one of our own ports, of one whose agent was freed by other evidence before, or of a call not ours.

Whether a record and a leg of a call can belong together, cti.talks.fits says, how surely, cti.talks.sureness. Among
several the one wins whose caller is known to be the same, then the one that is nearest; where two of unknown callers
are equally near the record is nobody's. What ended before the present talk began never ends it: a PBX that empties its
buffer after a reconnection writes history. Records of our own extensions and of calls between extensions end no talk at
all.

Limits: a call waits RECORD_S for its record, then it is marked as without one; one that comes later is matched all the
same, by its interval, for OWED_S. REMEMBERED legs wait; the last EARLY unmatched records are kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from cti.arrivals.numbers import agree
from cti.call import Call
from cti.pbx.pbx_clock import PbxClock
from cti.pbx.smdr import SmdrRecord
from cti.talks.evidence import Evidence
from cti.talks.fits import Fits
from cti.talks.gone import Gone
from cti.talks.leg import Early, Interval, Leg, Legs, known_caller, nobody_took
from cti.talks.margins import AT_ONCE_S, EARLY_S, NAMELESS_S, PROMPT_S, RECORD_S, START_S, SURE_S
from cti.talks.sureness import Sureness
from drivers.clock import Clock, DelayedCall

__all__ = ["EARLY_S", "NAMELESS_S", "OFTEN", "OWED_S", "RECORD_S", "Ambiguous", "Legs", "Match", "Talks"]

# The PBX may have been unplugged so long: its buffer still tells what became of a call.
OWED_S: Final = 6 * 3600.0
# So many legs of ended calls are remembered for records to come.
REMEMBERED: Final = 4096
# So many calls on one of our ports are looked at to see whether records come late.
ON_PORTS: Final = 16
# Why a record that shows nothing is doubtful all the same.
OFTEN: Final = "damage was seen in several of the last lines"
# So many records that came before we noticed the end of their call.
EARLY: Final = 64


@dataclass(frozen=True, slots=True)
class Match:
    """What a record is of: a call, and whether the conversation was still under way. talk_s: how long the agent's talk
    lasted by the record, None where the record does not say, is of another leg or doubtful. doubt: why the record may
    not say what the PBX printed, or meant. confirmed: what counts in it is known otherwise, too."""

    call: Call
    ends_talk: bool
    completes: bool = True  # False: of the VRU's leg only, the agent's is still to come
    talk_s: float | None = None
    doubt: str | None = None
    confirmed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A record that can be of any of these calls, and says nothing that would tell."""

    calls: tuple[Call, ...]


class Talks:
    """Conversations by the agents' extensions, and legs that still wait for their record.

    pbx: the PBX's clock, None where it tells no time. own: our ports' extensions. on_overdue(call): RECORD_S have
    passed without a record of a call that is over. on_port(extension): the call that is on one of our ports now.
    """

    def __init__(
        self,
        clock: Clock,
        legs: Legs = "per_leg",
        pbx: PbxClock | None = None,
        own: Iterable[str] = (),
        on_overdue: Callable[[Call], object] = lambda call: None,
        on_port: Callable[[str], Call | None] = lambda extension: None,
    ) -> None:
        self._clock, self._pbx = clock, pbx
        self._own = frozenset(own)
        self._evidence = Evidence(clock, legs, pbx, self._own)
        self._fits, self._gone = Fits(self._evidence), Gone(self._evidence)
        self._sureness = Sureness(self._evidence)
        self._on_overdue = on_overdue
        self._on_port = on_port
        self._talks: dict[str, Leg] = {}
        self._owed: dict[str, list[Leg]] = {}
        self._passed: dict[str, Leg] = {}  # our port -> the last call that went on from there, where nothing is owed
        self._on_ports: dict[str, deque[Leg]] = {}  # the last calls on each of our ports, with or without a record
        self._order: deque[Leg] = deque()  # of all that are owed, by their end
        self._waiting: deque[Leg] = deque()  # those not yet overdue
        self._timer: DelayedCall | None = None
        self._last: SmdrRecord | None = None  # the record before
        self._early: deque[Early] = deque(maxlen=EARLY)

    def __len__(self) -> int:
        return len(self._talks)

    def split_at_flash(self) -> bool:
        """The PBX prints a record at every hook flash, whatever its dialect says. False: that was known."""
        known, self._evidence.legs = self._evidence.legs == "split_at_flash", "split_at_flash"
        return not known

    def begin(self, extension: str, call: Call) -> Call | None:
        """The agent at ``extension`` answered. Returns a call that was there before and cannot be any more."""
        old = self._talks.get(extension)
        began_s = call.talk_s if call.talk_s is not None else self._clock.seconds()
        self._talks[extension] = Leg(extension, call, began_s, agents=True, called_s=_called_s(call, began_s))
        for leg in self._owed.get(extension, ()):
            leg.over_s = began_s if leg.over_s is None else leg.over_s
        return old.call if old is not None else None

    def at(self, extension: str) -> Call | None:
        """The call under way there."""
        leg = self._talks.get(extension)
        return leg.call if leg is not None else None

    def end(self, extension: str, call: Call) -> bool:
        """The conversation is over, by whatever evidence."""
        leg = self._talks.get(extension)
        if leg is None or leg.call is not call:
            return False
        del self._talks[extension]
        return True

    def owe(
        self, extension: str, call: Call, *, completes: bool = True, agents: bool = False, guessed: bool = False
    ) -> SmdrRecord | None:
        """The call has left this extension: a record of it will come, or is the one returned, which came before and was
        nobody's. agents: it is an agent's, else our port's; guessed: so a limit says, nobody knows."""
        now = self._clock.seconds()
        began_s = call.talk_s if agents else call.answered_s
        leg = Leg(extension, call, call.began_s if began_s is None else began_s, agents, completes, now, guessed)
        if agents:
            leg.called_s = _called_s(call, leg.began_s)
        elif began_s is not None:
            self._on_ports.setdefault(extension, deque(maxlen=ON_PORTS)).append(leg)
        in_vain = self._as_if_late(now)
        early = [
            one
            for one in self._early
            if one.record.extension == extension
            and now - one.came_s <= EARLY_S
            and self._fits.fits_early(call, leg.began_s, agents, one, in_vain)
        ]
        if early:
            found = min(early, key=lambda one: self._evidence.rank(leg, one.record, None))
            self._early.remove(found)
            return found.record
        if not completes and self._evidence.legs == "whole_call":
            self._passed[extension] = leg
            return None  # the agent's extension will be named
        self._owed.setdefault(extension, []).append(leg)
        self._order.append(leg)
        if completes:
            self._waiting.append(leg)
            self._watch()
        self._forget(now)
        return None

    def remember(self, legs: Iterable[Leg]) -> None:
        """Legs of calls that ended before we began, and have no record yet; nothing else is owed. They are marked
        already."""
        for leg in sorted(legs, key=lambda leg: leg.until(0.0)):
            self._owed.setdefault(leg.extension, []).append(leg)
            self._order.append(leg)

    def gone_already(self, extension: str, call: Call, key_s: float = 0.0) -> bool:
        """Has a record come that can be of this call, which is still on our port, by its number and its length? Not one
        that came before the caller's last key: it was another's, who rang there before."""
        now = self._clock.seconds()
        since = max(now - EARLY_S, key_s)
        only = not any(_still_waits(leg, now) for leg in self._owed.get(extension, ()))
        in_vain = self._as_if_late(now)
        return any(
            one.record.extension == extension and self._gone.says_gone(one, call, only, in_vain)
            for one in self._early
            if one.came_s >= since
        )

    def match(self, record: SmdrRecord, alone: bool = True, believed: bool = True) -> Match | Ambiguous | None:
        """The call that a record is of; None: none of ours, as far as can be said now. alone: it did not come in one
        breath with the record before it. believed: its line shows no damage again and again."""
        extension, now = record.extension or "", self._clock.seconds()
        self._forget(now)
        if not alone and self._early and self._early[-1].record is self._last:
            self._early[-1] = replace(self._early[-1], alone=False)
        self._last = record
        self._is_it_late(record, alone)
        fits, when = self._fits, self._evidence.interval(record, now if alone else None)
        found = [leg for leg in self._of(extension) if fits.fits(leg, record, when, alone)]
        leg = fits.nearest(found, record, when, alone)
        if leg is None and (calls := self._left_lately(extension, record, now)):
            return Ambiguous(calls)
        in_vain = self._in_vain(leg, record, alone)
        if leg is None and in_vain:
            return Ambiguous(tuple(in_vain))
        if leg is None or self._of_the_call_there(record, leg, when):
            self._early.append(Early(now, record, alone, believed and record.doubt is None))
            return None
        if others := self._as_near(leg, found, record, when, alone) or in_vain:
            return Ambiguous((leg.call, *others))
        damaged = record.doubt is not None or not believed
        if leg.ended_s is None and damaged and not self._sureness.as_long(leg, record):
            return Ambiguous((leg.call,))  # it ends no talk that it does not know
        if not leg.completes and not self._sure(leg, record, alone):
            self._drop(leg)
            return Ambiguous((leg.call,))  # of our port's part, which settles nothing, and maybe not even that
        self._evidence.name_callers = self._evidence.name_callers or agree(leg.call.ani, record.number)
        doubt = self._sureness.doubt(leg, record, when, alone)
        confirmed = self._sureness.confirmed(leg, record, when)
        if doubt is None and not believed and not confirmed and leg.completes:
            doubt = OFTEN
        leg.matched = True
        if leg.ended_s is not None and (leg.completes or self._evidence.legs != "split_at_flash"):
            self._drop(leg)
        if doubt is None and leg.call.trunk is None and self._sure(leg, record, alone):
            leg.call.trunk = record.trunk
        talked = self._sureness.talked(leg, record) if doubt is None else None
        return Match(leg.call, leg.ended_s is None, leg.completes, talked, doubt, confirmed)

    def interval(self, record: SmdrRecord, came_s: float | None = None) -> Interval | None:
        """When the record says it was, on our clock; None where that is not known. came_s: it came by itself then."""
        return self._evidence.interval(record, came_s)

    def _as_near(
        self, leg: Leg, found: list[Leg], record: SmdrRecord, when: Interval | None, alone: bool
    ) -> list[Call]:
        """The other calls that a record without a known caller can be of just as well."""
        fits = self._fits
        if known_caller(leg.call, record):
            return []

        def far(one: Leg) -> float:  # out of a buffer: nothing tells but what is printed, however it was rounded
            return self._evidence.far(one, record, when, at_least=not alone)

        near, every = far(leg) + (max(SURE_S, record.duration_step_s) if alone else SURE_S), list(found)
        if not self._sure(leg, record, alone):
            every += [one for one in self._of(leg.extension) if one not in found and fits.overlaps(one, record, when)]
            every += [one for one in self._not_settled(leg.extension) if self._evidence.same(one.call, record)]
        return list(dict.fromkeys(one.call for one in every if one.call is not leg.call and far(one) < near))

    def _as_if_late(self, now: float) -> bool:
        """Do calls wait for their records that were over a while ago, and it is not known whether records come late?"""
        if self._pbx is None or self._pbx.lateness.at_once or self._evidence.late_s:
            return False
        for leg in reversed(self._order):
            waits_s = now - leg.until(now)
            if waits_s > RECORD_S:
                break
            if waits_s > PROMPT_S and not leg.matched:
                return True
        return False

    def _is_it_late(self, record: SmdrRecord, alone: bool) -> None:
        """What our own ears know of our ports tells whether records come long after the end of their calls."""
        if self._pbx is None or not alone or record.extension not in self._own or nobody_took(record):
            return
        legs, there = list(self._on_ports.get(record.extension, ())), self._on_port(record.extension)
        if there is not None and there.answered_s is not None:
            legs.append(Leg(record.extension, there, there.answered_s, agents=False))
        self._pbx.lateness.came(self._fits.waited_on_its_way(legs, record))

    def _in_vain(self, leg: Leg | None, record: SmdrRecord, alone: bool) -> list[Call]:
        """Of a record without a known caller: the calls that were over long before and have none yet. Records that come
        late would free the agents of those who came after."""
        there = self._on_port(record.extension or "")
        at_once = self._pbx is not None and self._pbx.lateness.at_once  # then no record is late
        if at_once or (leg is not None and self._sure(leg, record, alone)):
            return []
        frees = leg is not None and leg.agents and leg.ended_s is None
        if not alone and not (frees and record.duration_s is None):  # no length: nothing but its coming speaks for it
            return []
        if there is not None and self._of_who_is_there(there, record):
            return []
        owed = self._owed.get(record.extension or "", ())
        silent = leg is None and record.duration_s is None  # of the call that is there now, or an agent's
        return [
            one.call
            for one in owed
            if one is not leg and (one.agents or not silent) and self._fits.may_be_late_for(one, record)
        ]

    def _of_who_is_there(self, there: Call, record: SmdrRecord) -> bool:
        """Does it name the caller on our port, or is as long as that call is now, at a PBX whose records come at once?
        The PBX has seen the end before us."""
        if self._evidence.late_s:
            return False
        return known_caller(there, record) or self._gone.looks_like(record, there, self._clock.seconds())

    def _not_settled(self, extension: str) -> Iterator[Leg]:
        """What a record without a known caller may be of as well though it settles nothing there: the talk under way,
        which no record out of a buffer ends, and of whose call the PBX may print the whole, against its dialect; the
        call on our port now, whose end the PBX may have seen before us; the part at our port of a call that just went
        on to an agent, whose own record will count the whole call (or so the dialect says)."""
        now, talk, passed = self._clock.seconds(), self._talks.get(extension), self._passed.get(extension)
        if talk is not None:
            yield from (talk, replace(talk, began_s=talk.call.began_s))
        if passed is not None and now - passed.until(0.0) <= AT_ONCE_S:
            yield passed
        there = self._on_port(extension)
        if there is not None:
            yield Leg(extension, there, now if there.answered_s is None else there.answered_s, agents=False)

    def _left_lately(self, extension: str, record: SmdrRecord, now: float) -> tuple[Call, ...]:
        """A record that says only that somebody hung up at our port, where a call is now: those that left it shortly
        before, and have no record yet; it may be theirs and late."""
        there = self._on_port(extension)
        if there is None or record.number or record.duration_s is not None:
            return ()
        legs = self._owed.get(extension, ())
        late = [leg.call for leg in legs if _still_waits(leg, now)]
        return (*late, there) if late else ()

    def _sure(self, leg: Leg, record: SmdrRecord, alone: bool) -> bool:
        """Is the record the leg's beyond doubt: by the caller, or as it came at once when we hung up?"""
        if known_caller(leg.call, record):
            return True
        own, now = not leg.agents and leg.ended_s is not None, self._clock.seconds()
        if self._as_if_late(now) or (record.duration_s is None and self._others_wait(leg.call, record)):
            return False
        due = now - self._evidence.late_s
        return own and alone and abs(due - leg.until(0.0)) <= AT_ONCE_S

    def _others_wait(self, call: Call, record: SmdrRecord) -> bool:
        """Does another call that left the extension a while ago wait for a record? This one may be late, and its."""
        now = self._clock.seconds()
        waiting = (leg for leg in self._owed.get(record.extension or "", ()) if _still_waits(leg, now, START_S))
        return any(leg.call is not call and self._evidence.same(leg.call, record) for leg in waiting)

    def _of_the_call_there(self, record: SmdrRecord, leg: Leg, when: Interval | None) -> bool:
        there = self._on_port(record.extension or "")
        return there is not None and self._gone.of_the_call_there(record, there, leg, when)

    def close(self) -> list[Call]:
        """The server stops: the calls that still wait for a record."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        left = [leg.call for leg in self._waiting if not leg.matched]
        self._waiting.clear()
        return left

    # which legs can it be?

    def _of(self, extension: str) -> Iterator[Leg]:
        yield from self._owed.get(extension, ())
        talk = self._talks.get(extension)
        if talk is not None and extension not in self._own:
            yield talk

    # those that wait

    def _drop(self, leg: Leg) -> None:
        legs = self._owed.get(leg.extension, [])
        if leg in legs:
            legs.remove(leg)
        if not legs:
            self._owed.pop(leg.extension, None)

    def _forget(self, now: float) -> None:
        while self._order and (len(self._order) > REMEMBERED or now - self._order[0].until(now) > OWED_S):
            self._drop(self._order.popleft())

    def _watch(self) -> None:
        if self._timer is None and self._waiting:
            now = self._clock.seconds()
            due = self._waiting[0].until(now) + RECORD_S
            self._timer = self._clock.callLater(max(due - now, 0.0), self._overdue, due)

    def _overdue(self, due: float) -> None:
        self._timer = None
        while self._waiting and (self._waiting[0].matched or self._waiting[0].until(due) + RECORD_S <= due):
            leg = self._waiting.popleft()
            if not leg.matched:
                self._on_overdue(leg.call)
        self._watch()


def _called_s(call: Call, began_s: float) -> float | None:
    """When the transfer began that led to a talk; None: by another way."""
    return call.flashed_s if call.flashed_s is not None and call.flashed_s <= began_s else None


def _still_waits(leg: Leg, now: float, for_s: float = NAMELESS_S) -> bool:
    """May a record that says only that somebody hung up be of this leg? Not of who was gone when we lifted: for the PBX
    that call was over before."""
    return not leg.matched and now - leg.until(now) <= for_s and leg.call.outcome != "abandoned_ring"
