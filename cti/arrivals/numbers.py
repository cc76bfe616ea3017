"""ANI and DNIS as they come from several sources, some late, some cut, some damaged: which of them a call has (step 2).

All that the sources said of a call is kept; which number counts, and how far it may be believed, follows from that and
from what is known of the serial lines (cti.arrivals.trust) and of the ports (cti.arrivals.port_map), in whatever order
it came:

- the source first in the dialect's order, one that is doubted behind all others;
- a whole number in place of one that the PBX cut, where it begins or ends with it;
- a source that says nothing takes nothing away; of one that says two numbers the first counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cti.call import Call, Said, Source
from cti.pbx.announcement import SERIAL, SOURCE, Announcement
from cti.pbx.call_rules import CallRules, DnisFrom
from cti.vru.line import VruLine

# Two numbers mean one subscriber when so many last digits agree (PBXs cut numbers, and prefix them with 0 or 9).
SUFFIX = 7

# Why a number that is not cut is nobody's for certain: its serial line brings damaged bytes; the message may be of
# another port; the sources name different callers; the source did not name a port, and one was guessed.
Doubt = Literal["serial_damaged", "port_map", "sources_differ", "place_guessed"]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Who calls whom, as one source says it. ``dnis_rank``: the place of the DNIS in the dialect's order."""

    ani: str | None
    dnis: str | None
    form: str  # smdi, mci, smdr, fsk, dtmf
    source: Source
    dnis_rank: int = 0
    guessed: bool = False  # the source did not say which line it means


def agree(one: str | None, other: str | None) -> bool:
    """Are both known, and the same subscriber's as far as can be told? A short one must be the other's end."""
    if not one or not other:
        return False
    length = min(len(one), len(other), SUFFIX)
    return one[-length:] == other[-length:]


class NumberRules:
    """The dialect's rules for numbers."""

    def __init__(
        self,
        rules: CallRules,
        *,
        damaged: Callable[[Source], bool] = lambda source: False,
        suspect: Callable[[VruLine], bool] = lambda line: False,
    ) -> None:
        """``damaged``: does this source's serial line bring damaged bytes now? ``suspect``: is it doubtful that this
        line is the one which the PBX means?"""
        self._rank = {SOURCE[source]: rank for rank, source in enumerate(rules.sources)}
        self._max_digits = rules.number_max or 0
        self._prefix, self._internal_max = rules.outside_prefix, rules.internal_max
        self._damaged, self._suspect = damaged, suspect

    def listens(self, source: Source) -> bool:
        """Does the dialect name this source?"""
        return source in self._rank

    def trusts_more(self, sources: Iterable[Source], than: Source) -> bool:
        """Is one of them before another one in the dialect's order?"""
        return any(source in self._rank and self._rank[source] < self._rank[than] for source in sources)

    def apply(self, call: Call, numbers: Numbers) -> bool:
        """Takes over what a source says; False where the call's numbers stay as they were."""
        changed = False
        if numbers.ani and self.listens(numbers.source) and numbers.source not in call.said:
            ani, cut = self._whole(numbers)
            call.said[numbers.source] = Said(ani, numbers.form, cut, self._doubt_now(call, numbers))
            changed = self._choose(call)
        if numbers.dnis and (call.dnis is None or numbers.dnis_rank < call.dnis_rank):
            changed = changed or numbers.dnis != call.dnis
            call.dnis, call.dnis_rank = numbers.dnis, numbers.dnis_rank
        return changed

    def doubt(self, call: Call, sources: Iterable[Source], why: Doubt) -> bool:
        """What these sources said is doubted from now on; False where that changes nothing."""
        for source in sources:
            said = call.said.get(source)
            if said is not None and said.doubt is None:
                call.said[source] = replace(said, doubt=why)
        return self._choose(call)

    def _doubt_now(self, call: Call, numbers: Numbers) -> Doubt | None:
        if numbers.guessed:
            return "place_guessed"
        if self._damaged(numbers.source):
            return "serial_damaged"
        if numbers.source in SERIAL and call.hunted is not None and self._suspect(call.hunted):
            return "port_map"
        return None

    def _choose(self, call: Call) -> bool:
        """Which of the numbers said counts; True where that, or the doubt about it, has changed."""
        if not call.said:
            return False
        before = (call.ani, call.ani_source, call.ani_truncated, call.ani_doubt)
        source = min(call.said, key=lambda one: (call.said[one].doubt is not None, self._rank[one]))
        if call.said[source].cut:
            longer = (one for one, said in call.said.items() if not said.cut and _part(call.said[source].ani, said.ani))
            source = next(longer, source)
        chosen = call.said[source]
        others = [said for one, said in call.said.items() if one != source]
        call.ani, call.ani_source, call.ani_form, call.ani_truncated = chosen.ani, source, chosen.form, chosen.cut
        call.ani_doubt = _doubt(chosen, others)
        return before != (call.ani, call.ani_source, call.ani_truncated, call.ani_doubt)

    def _whole(self, numbers: Numbers) -> tuple[str, bool]:
        """Without the outside-line code; and whether the PBX may have cut it. A longer number as caller ID on the port
        is the exchange's, which the PBX passes on as it comes."""
        ani = numbers.ani or ""
        longer = numbers.source == "port" and len(ani) > self._max_digits
        cut = bool(self._max_digits) and len(ani) >= self._max_digits and not longer
        if self._prefix and len(ani) > self._internal_max and ani.startswith(self._prefix):
            ani = ani[len(self._prefix) :]
        return ani, cut


class DnisRules:
    """The called number, from the first that gives one."""

    def __init__(
        self,
        order: Sequence[DnisFrom],
        *,
        desks: Mapping[int, str] | None = None,
        ports: Mapping[str, str] | None = None,
        group: str | None = None,
    ) -> None:
        """``desks``: by message desk; ``ports``: by extension; ``group``: of the hunt group."""
        self._order = tuple(order)
        self._desks, self._ports, self._group = desks or {}, ports or {}, group

    def of(self, message: Announcement | None, line: VruLine) -> tuple[str | None, int]:
        """The number, and its place in the order (small is better)."""
        given = {
            "forwarded_from": message.forwarded_from if message is not None and message.reason != "direct" else None,
            "desk": None if line.desk is None else self._desks.get(line.desk),
            "port": self._ports.get(line.extension),
            "group": self._group,
        }
        return next(((given[one], rank) for rank, one in enumerate(self._order) if given[one]), (None, 0))


def _doubt(chosen: Said, others: Sequence[Said]) -> str | None:
    """Two sources that say the same digits remove every doubt; there is no checksum that could."""
    if any(said.ani == chosen.ani for said in others):
        return None
    if any(said.doubt is None and not said.cut and not agree(said.ani, chosen.ani) for said in others):
        return "sources_differ"
    return chosen.doubt


def _part(cut: str, whole: str) -> bool:
    """Is one number the beginning or the end of a longer one?"""
    return len(cut) < len(whole) and (whole.startswith(cut) or whole.endswith(cut))
