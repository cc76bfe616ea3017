"""What the atoms of lines that look alike seem to be: date, time, duration, extension, number, trunk (step 9).

For `tipring pbx learn`. Each guess that had another choice is noted in Form.unsure as (field, why).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from itertools import pairwise
from statistics import pstdev
from typing import Final

from cti.pbx.shapes import DIRECTIONS, Atom, as_date, is_clock, orders_of

NEAR_DAYS: Final = 7  # dates so near to the capture are read in the right order
SURE_ARRIVALS: Final = 3  # with the times of a capture, so many do
CLEAR_S: Final = {True: 2.0, False: 20.0}  # printed times are exact to the second, or to a minute only
SURE_STAMPS: Final = 10  # so many records tell whether their time is the start or the end


@dataclass
class Form:
    """Lines that look alike, and what their atoms seem to be: roles by index."""

    name: str
    rows: list[list[Atom]]
    lines: list[str]
    roles: dict[int, str] = field(default_factory=dict)
    unsure: list[tuple[str, str]] = field(default_factory=list)  # field, what else it may be
    order: str = ""
    stamp: str = "end"
    direction: str | None = None
    event: str = "end"

    def texts(self, index: int) -> list[str]:
        """What stands there in all lines."""
        return [row[index].text for row in self.rows]

    def where(self, *kinds: str) -> list[int]:
        """The atoms of these kinds that have no role yet."""
        return [i for i, atom in enumerate(self.rows[0]) if atom.kind in kinds and i not in self.roles]

    def role(self, name: str) -> int | None:
        """Where the field stands."""
        return next((index for index, role in self.roles.items() if role == name), None)

    def moments(self) -> list[tuple[int, int] | None]:
        """Printed time and duration of each line, in seconds; None where a line has not both."""
        stamp, duration6 = self.role("stamp"), self.role("duration6")
        day, time, duration = self.role("date"), self.role("time"), self.role("duration")
        found: list[tuple[int, int] | None] = []
        for row in self.rows:
            on, clock, length = None, "", None
            if stamp is not None:
                on, clock = as_date(row[stamp].text[:8], self.order), row[stamp].text[8:]
            elif day is not None and time is not None:
                on, clock = as_date(row[day].text, self.order), row[time].text
            if duration is not None:
                length = _length_s(row[duration].text)
            elif duration6 is not None:
                length = _clock_s(row[duration6].text)
            if on is None or length is None:
                found.append(None)
            else:
                found.append((on.toordinal() * 86400 + _clock_s(clock), length))
        return found


def read_times(form: Form) -> bool:
    """Finds date, time, ringing time and duration; False where the lines are no records: neither date nor time."""
    kinds = [atom.kind for atom in form.rows[0]]
    _split_compact(form)
    dates = form.where("date", "stamp", "date6")
    if dates:
        form.roles[dates[0]] = "stamp" if kinds[dates[0]] == "stamp" else "date"
    elif "hms" not in kinds and "hm" not in kinds:
        return False
    clocks = form.where("hms", "hm", "time6")
    if "stamp" not in form.roles.values() and clocks:
        at = dates[0] if dates else -1
        behind = [index for index in clocks if index > at]
        time = min(clocks, key=lambda index: (abs(index - at) > 3, index < at, abs(index - at))) if dates else behind[0]
        if dates or len(clocks) > 1:
            form.roles[time] = "time"
    rest = form.where("hms")
    if rest:
        form.roles[rest[-1]] = "duration"
        if len(rest) > 1:
            form.unsure.append(("duration", f"there are {len(rest)} times; the last is taken"))
    small = form.where("ms", "hm")
    if small and "duration" in form.roles.values():
        form.roles[small[0]] = "ring"
    elif small:
        form.roles[small[0]] = "duration"
        form.unsure.append(("duration", "minutes and seconds, or hours and minutes"))
    if "duration" not in form.roles.values():
        after = [index for index in form.where("digits") if all(is_clock(text) for text in form.texts(index))]
        stamps = [index for index, role in form.roles.items() if role in ("time", "stamp")]
        if after and stamps and after[0] - stamps[0] in (1, 2):
            form.roles[after[0]] = "duration6"
            form.unsure.append(("duration", "six digits behind the time are taken for hhmmss"))
        else:
            form.event = "other"
            form.unsure.append(("duration", "none is printed: taken for no end of a call"))
    return True


def _split_compact(form: Form) -> None:
    """Six digits and six digits, or six digits before hh:mm, may be date and time."""
    if form.where("date", "stamp"):
        return
    places = [index for index, atom in enumerate(form.rows[0]) if atom.kind not in ("gap", "newline")]
    for first, second in pairwise(places):
        if form.rows[0][first].kind != "digits" or not all(len(text) == 6 for text in form.texts(first)):
            continue
        clock = form.rows[0][second].kind in ("hm", "hms") or (
            form.rows[0][second].kind == "digits" and all(is_clock(text) for text in form.texts(second))
        )
        if clock and orders_of(form.texts(first)):
            for row in form.rows:
                row[first] = Atom("date6", row[first].text)
                if row[second].kind == "digits":
                    row[second] = Atom("time6", row[second].text)
            return


def read_digits(form: Form, extensions: Collection[str]) -> None:
    """Finds extension, number and trunk among the digits."""
    places = form.where("digits")
    before = [atom.kind for atom in form.rows[0]]
    plain = [i for i in places if not (i and before[i - 1] in ("letter", "literal", "name"))]
    if extensions:
        shares = {i: sum(row[i].text in extensions for row in form.rows) for i in places}
        best = [i for i in places if shares[i] and shares[i] == max(shares.values())]
        best = [i for i in best if i in plain] or best
        small = [form.texts(i)[0] for i in places if i not in best[:1] and 2 <= len(form.texts(i)[0]) <= 5]
        if best:
            form.roles[best[0]] = "extension"
            others = [form.texts(i)[0] for i in best[1:]] or ([] if shares[best[0]] == len(form.rows) else small)
            if others:
                form.unsure.append(("extension", f"may also be {', '.join(others)}"))
        else:
            form.unsure.append(("extension", "none of the site's extensions stands in these lines"))
    else:
        short_places = [i for i in plain if all(_like_extension(text) for text in form.texts(i))]
        if short_places:
            form.roles[short_places[0]] = "extension"
        others = [form.texts(i)[0] for i in short_places[1:]]
        also = f"may also be {', '.join(others)}; " if others else ""
        form.unsure.append(("extension", f"{also}give the site's extensions (-c) to be sure"))
    places = form.where("digits")
    places = [i for i in places if not all(text.startswith("000") for text in form.texts(i))]  # counters, nodes
    long = sorted(places, key=lambda i: (-sum(map(len, form.texts(i))), i))
    far = [i for i in long if sum(map(len, form.texts(i))) >= 6 * len(form.rows)]
    inside = [i for i in places if extensions and all(text in extensions for text in form.texts(i))]
    duration = next((i for i, role in form.roles.items() if role.startswith("duration")), 0)
    far = [i for i in far if i < duration] + [i for i in far if i > duration]  # account codes stand at the end
    if far:
        form.roles[far[0]] = "number"
        if len(far) > 1:
            form.unsure.append(("number", f"may also be {', '.join(form.texts(i)[0] for i in far[1:])}"))
        elif not all(text.isdecimal() for text in form.texts(far[0])):
            form.unsure.append(("number", "all that was dialled, codes and pauses too"))
    elif inside:
        form.roles[inside[0]] = "number"
        form.unsure.append(("number", "another extension stands there: taken for an internal call"))
    elif places:
        form.unsure.append(("number", "none is as long as a telephone number"))
    short = [i for i in form.where("digits") if all(len(text) <= 4 for text in form.texts(i)) and not _counts(form, i)]
    lettered = [i for i in short if i and before[i - 1] == "letter"]
    if short:
        form.roles[(lettered or short)[0]] = "trunk"
        form.unsure.append(("trunk", "a short number that is no extension"))


def _counts(form: Form, index: int) -> bool:
    """A number that each line has one higher, as records are numbered."""
    texts = form.texts(index)
    zeros = all(text.startswith("000") for text in texts)
    return zeros or (len(set(texts)) == len(texts) > 2 and all(before < after for before, after in pairwise(texts)))


def _like_extension(text: str) -> bool:
    return 2 <= len(text) <= 5 and text.isdecimal() and not text.startswith("0")


def read_direction(form: Form) -> None:
    """A flag of which every value is known, or a word that says it."""
    for index in form.where("flag"):
        if all(text in DIRECTIONS for text in form.texts(index)):
            form.roles[index] = "direction"
            said = ", ".join(sorted({f"{text} is {DIRECTIONS[text]}" for text in form.texts(index)}))
            form.unsure.append(("direction", f"guessed: {said}"))
            return
    for atom in form.rows[0]:
        if atom.kind in ("literal", "name", "flag") and atom.text.upper() in DIRECTIONS:
            form.direction = DIRECTIONS[atom.text.upper()]
            form.unsure.append(("direction", f"guessed from {atom.text}"))
            return
    form.unsure.append(("direction", "nothing in the line says it"))


def read_dates(forms: Sequence[Form], now: datetime) -> None:
    """The order of day, month and year, for all forms whose dates look alike."""
    alike: dict[str, list[Form]] = {}
    for form in forms:
        if "stamp" in form.roles.values():
            form.order = "ymd"
        if (index := form.role("date")) is not None:
            alike.setdefault(re.sub(r"[\d*]", "d", form.texts(index)[0]), []).append(form)
    for of in alike.values():
        texts = [text for form in of for text in form.texts(form.role("date") or 0)]
        orders = orders_of(texts)
        plain = [text for text in texts if "*" not in text]

        def distance(order: str, plain: list[str] = plain) -> float:
            days = [as_date(text, order) for text in plain]
            return sum(abs((day - now.date()).days) for day in days if day is not None)

        usual = {".": "dmy", "-": "ymd", "/": "mdy"}.get(re.sub(r"[\d*]", "", texts[0])[:1], "ymd")
        orders.sort(key=lambda order: order != usual)
        if plain and all("y" in order for order in orders):  # who captures a PBX does it today, mostly
            orders.sort(key=lambda order: distance(order) > NEAR_DAYS * len(plain))
        for form in of:
            form.order = orders[0] if orders else "mdy"
            if len(orders) != 1:
                form.unsure.append(("date", "the order may be " + " or ".join(orders or ["anything"])))


def read_stamp(forms: Sequence[Form], lines: Sequence[str], arrivals: Sequence[float | None]) -> None:
    """Records are printed as calls end. The printed time is the end if it lies before the arrival by the same amount
    whatever the duration, or (without arrivals) if it never steps back; the start if adding the duration does that."""
    place = {line: number for number, line in reversed(list(enumerate(lines)))}
    seen: list[tuple[int, int, int]] = []  # line, printed time, duration
    for form in forms:
        seen += [(place[line], *moment) for line, moment in zip(form.lines, form.moments(), strict=True) if moment]
    seen.sort()
    exact = any(at % 60 for _, at, _ in seen)
    came = [(arrival, at, length) for line, at, length in seen if (arrival := arrivals[line]) is not None]
    if len(came) >= SURE_ARRIVALS:
        as_end = pstdev([arrival - at for arrival, at, _ in came])
        as_start = pstdev([arrival - at - length for arrival, at, length in came])
        starts, sure = as_start < as_end, max(as_start, as_end) > 2 * min(as_start, as_end) + CLEAR_S[exact]
    else:
        back = sum(after[1] < before[1] for before, after in pairwise(seen))
        back_of_ends = sum(after[1] + after[2] < before[1] + before[2] for before, after in pairwise(seen))
        starts, sure = back > back_of_ends, back != back_of_ends and len(seen) >= SURE_STAMPS
    for form in forms:
        form.stamp = "start" if starts else "end"
        if not sure and form.event == "end":
            form.unsure.append(("stamp", "the printed time may be the start or the end: compare a call with the clock"))


def _clock_s(text: str) -> int:
    parts = [int(part) for part in re.findall(r"\d+", text)]
    if len(parts) == 1:
        parts = [int(text[:2]), int(text[2:4]), int(text[4:6] or 0)]
    hour = parts[0] % 12 + (12 if "p" in text.lower() else 0) if re.search("[aApP]", text) else parts[0]
    return hour * 3600 + parts[1] * 60 + (parts[2] if len(parts) > 2 else 0)


def _length_s(text: str) -> int:
    return reduce(lambda total, part: total * 60 + int(part), re.findall(r"\d+", text.split(".")[0]), 0)
