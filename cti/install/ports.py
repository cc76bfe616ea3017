"""Which card port and which message line belong to which extension: found by calling each (steps 3 and 4).

From one port an extension is dialled, and all others are watched: which one rings, and which line the PBX's message
names. So every crossed cable and every exchanged line of the PBX's tables shows before the first customer calls.

Limits: the dial tone is waited for dial_tone_s of the dialect, then it is dialled blindly and said so; RING_S for the
ring, TELL_S for the message. Others may call meanwhile: a port that rang before we dialled is left out, and a message
whose calling number is none of the site's extensions is not ours. What two extensions claim is tried again with thrice
the patience.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from cti.install.alone import Bench, CardPort, pause
from cti.pbx.line_rules import LineRules
from cti.pbx.link import PbxLink
from cti.pbx.smdi import SmdiCall, SmdiDecoder, SmdiItem
from cti.site.config import VruPort
from cti.site.tones import load_plan
from drivers.clock import Clock
from drivers.errors import EngineError, TimedOut
from drivers.events import Event, RingBegin, ToneHeard
from drivers.tones import TonePlan

RING_S = 8.0
TELL_S = 3.0
QUIET_S = 6.0  # a port that rang within this time before we dialled rings for somebody else
LOOK_S = 0.1
CALLERS = 3  # so many ports are tried to call from


@dataclass(frozen=True, slots=True)
class Learned:
    """One extension: the port that rings, the message line that is named (None: nobody said), and remarks."""

    extension: str
    port: CardPort | None = None
    desk: int | None = None
    line: int | None = None
    remarks: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[str, int] | None:
        """Card and port."""
        return None if self.port is None else (self.port.card, self.port.index)

    @property
    def named(self) -> tuple[int, int] | None:
        """Message desk and line."""
        return None if self.desk is None or self.line is None else (self.desk, self.line)


class PortLearner:
    """`tells`: a message line is read, and its items come to `told`."""

    def __init__(
        self,
        clock: Clock,
        ports: Sequence[CardPort],
        plan: TonePlan,
        rules: LineRules,
        *,
        tells: bool,
        say: Callable[[str], object] = lambda text: None,
    ) -> None:
        self._clock, self._ports, self._plan, self._rules = clock, list(ports), plan, rules
        self._tells, self._say = tells, say
        self._dial_tone = [name for name in rules.dial_tone if name in plan]
        self._rang: dict[CardPort, float] = {}  # last burst
        self._messages: list[SmdiCall] = []
        self._heard = ""
        self._extensions: set[str] = set()
        self._works: CardPort | None = None  # reached something, the last time

    def told(self, item: SmdiItem) -> None:
        """From the message line; an item that is no call says nothing here."""
        if isinstance(item, SmdiCall):
            self._messages.append(item)

    async def learn(self, extensions: Sequence[str], present: Sequence[VruPort] = ()) -> list[Learned]:
        """Calls each in turn. Where two are told the same place, both are called again, waited for longer."""
        believed = {one.extension: (one.card, one.port) for one in present}
        self._extensions = set(extensions)
        deaf = [one.port.listen(self._ears(one)) for one in self._ports]
        try:
            found = {}
            for extension in extensions:
                found[extension] = await self._learn(extension, believed.get(extension), 1)
                self._say(describe(found[extension]))
            for extension in twice(found.values()):
                self._say(f"{extension}: claimed twice; called again")
                found[extension] = await self._learn(extension, believed.get(extension), 3)
                self._say(describe(found[extension]))
            return list(found.values())
        finally:
            for end in deaf:
                end()

    def _ears(self, one: CardPort) -> Callable[[Event], None]:
        def hear(event: Event) -> None:
            if isinstance(event, RingBegin):
                self._rang[one] = self._clock.seconds()
            elif isinstance(event, ToneHeard):
                self._heard = event.name

        return hear

    async def _learn(self, extension: str, believed: tuple[str, int] | None, patience: int) -> Learned:
        """From up to CALLERS ports: one of them may be the extension itself, or dead."""
        tried: list[str] = []
        for caller in self._callers(believed):
            found = await self._call(extension, caller, patience)
            if found.port is not None:
                self._works = caller
                return found
            tried += found.remarks
        return Learned(extension, remarks=tuple(tried) or ("no other port to call from",))

    def _callers(self, believed: tuple[str, int] | None) -> list[CardPort]:
        """Not the one that should ring; the one that worked before first."""
        others = [one for one in self._ports if (one.card, one.index) != believed and not one.port.state().alarms]
        others.sort(key=lambda one: one is not self._works)
        return others[:CALLERS]

    async def _call(self, extension: str, caller: CardPort, patience: int) -> Learned:
        port, remarks = caller.port, []
        port.begin_call()
        port.tone_plan(self._plan)
        port.detect("tones")
        try:
            await port.answer()
            if not await self._has_dial_tone(caller):
                remarks.append(f"no dial tone that the plan {self._plan.name} knows at {caller}: dialled all the same")
            others = {one for one, at_s in self._rang.items() if at_s > self._clock.seconds() - QUIET_S}
            self._messages.clear()
            self._heard = ""
            since_s = self._clock.seconds()
            await port.dial(extension, on_ms=self._rules.digit_on_ms, off_ms=self._rules.digit_off_ms)
            rang = await self._ring(since_s, {caller, *others})
            if rang is None:
                heard = f"{self._heard} tone" if self._heard else "no ring"
                return Learned(extension, remarks=(*remarks, f"called from {caller}: {heard}"))
            await self._message(self._clock.seconds() + TELL_S * patience)
        except EngineError as error:
            return Learned(extension, remarks=(*remarks, f"called from {caller}: {error}"))
        finally:
            port.hangup()
        more = [str(one) for one, at_s in self._rang.items() if at_s >= since_s and one not in {caller, rang, *others}]
        if more:
            remarks.append(f"{', '.join(more)} rang, too")
        await pause(self._clock, self._rules.guard_s + 1.0)
        said = self._ours()
        found = Learned(extension, rang, remarks=tuple(remarks))
        if said is not None:
            return replace(found, desk=said.desk, line=said.line)
        return replace(found, remarks=(*remarks, "no message")) if self._tells else found

    async def _has_dial_tone(self, caller: CardPort) -> bool:
        if not self._dial_tone:
            await pause(self._clock, self._rules.dial_tone_s)
            return False
        try:
            await caller.port.wait_tone(self._dial_tone, self._rules.dial_tone_s)
        except TimedOut:
            return False
        return True

    async def _ring(self, since_s: float, but: set[CardPort]) -> CardPort | None:
        ends_s = self._clock.seconds() + RING_S
        while self._clock.seconds() < ends_s:
            for one, at_s in self._rang.items():
                if at_s >= since_s and one not in but:
                    return one
            if self._heard in ("busy", "congestion", "info"):
                return None
            await pause(self._clock, LOOK_S)
        return None

    async def _message(self, ends_s: float) -> None:
        while self._tells and self._clock.seconds() < ends_s and self._ours() is None:
            await pause(self._clock, LOOK_S)

    def _ours(self) -> SmdiCall | None:
        """The message of our call: a direct call from one of our extensions, or from nobody."""
        ours = (one for one in self._messages if one.calling is None or one.calling in self._extensions)
        return next(ours, None)


async def learn_site(
    bench: Bench, extensions: Sequence[str], say: Callable[[str], object] = lambda text: None
) -> list[Learned]:
    """Learns over the cards and the message line of a site."""
    site, opener = bench.site, bench.serial.get("smdi")
    plan = load_plan(site.site.country, site.tones)
    learner = PortLearner(bench.clock, bench.ports, plan, bench.dialect.line, tells=opener is not None, say=say)
    link = None
    if opener is not None:
        decoder = SmdiDecoder(bench.dialect.smdi.msd_strip)
        link = PbxLink(bench.clock, opener, decoder, learner.told, lambda _, __, text: say(text), name="smdi")
        link.start()
    try:
        return await learner.learn(extensions, site.vru.all_ports())
    finally:
        if link is not None:
            link.stop()


def numbers(text: str) -> list[str]:
    """`2001-2030,2040`, each extension once, in order; ValueError for what is none, or more than 1024."""
    found: list[str] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not (last.isdigit() and len(last) == len(first) and last >= first)):
            raise ValueError(f"{part!r} is no extension or range; write 2001 or 2001-2030")
        if dash and int(last) - int(first) >= 1024:
            raise ValueError(f"{part!r} has more than 1024 extensions")
        found += [str(n).zfill(len(first)) for n in range(int(first), int(last if dash else first) + 1)]
    return list(dict.fromkeys(found))


def twice(found: Iterable[Learned]) -> list[str]:
    """Extensions whose port or message line another one has, too."""
    found = list(found)
    ports, lines = Counter(one.place for one in found), Counter(one.named for one in found)
    return [
        one.extension
        for one in found
        if (one.place is not None and ports[one.place] > 1) or (one.named is not None and lines[one.named] > 1)
    ]


def describe(one: Learned) -> str:
    """One line of the list: extension, port, message line, remarks."""
    port = str(one.port) if one.port is not None else "-"
    named = f"desk {one.desk} line {one.line}" if one.named is not None else "-"
    return f"{one.extension:>8}  {port:<12} {named:<18} {'; '.join(one.remarks)}".rstrip()


def differences(found: Sequence[Learned], present: Sequence[VruPort]) -> list[str]:
    """What the site file says otherwise: swapped pairs first, each once, then the rest one by one."""
    was = {one.extension: one for one in present}
    crossed = _moved(found, {name: (one.card, one.port) for name, one in was.items()}, lambda one: one.place)
    lines = {name: (one.desk, one.line) for name, one in was.items() if one.desk is not None and one.line is not None}
    told = _moved(found, lines, lambda one: one.named)
    said = [f"cables of {a} and {b} are swapped" for a, b in _pairs(crossed)]
    said += [f"message lines of {a} and {b} are swapped in the PBX's tables" for a, b in _pairs(told)]
    paired = {name for moved in (crossed, told) for pair in _pairs(moved) for name in pair}
    for one in found:
        if one.extension not in was:
            said.append(f"{one.extension} is not in the site file")
        elif one.port is None:
            said.append(f"{one.extension} rang no port: {'; '.join(one.remarks)}")
        elif one.extension not in paired:
            before = was[one.extension]
            if one.extension in crossed:
                said.append(f"{one.extension} is at port {one.port}, not {before.card}:{before.port}")
            if one.extension in told:
                said.append(f"{one.extension} is desk {one.desk} line {one.line}, not {before.desk} {before.line}")
            elif one.named is not None and before.desk is None:
                said.append(f"{one.extension} is desk {one.desk} line {one.line}; the site file has none")
    reached, called = {one.place for one in found}, {one.extension for one in found}
    return said + [
        f"no extension rings port {one.card}:{one.port}"
        for one in present
        if one.extension in called and (one.card, one.port) not in reached
    ]


Places = dict[str, tuple[str, int]] | dict[str, tuple[int, int]]


def _moved(
    found: Sequence[Learned], was: Places, now: Callable[[Learned], tuple[str, int] | tuple[int, int] | None]
) -> dict[str, str | None]:
    """Extension -> the one whose place it has instead of its own (None: nobody's)."""
    owner = {place: name for name, place in was.items()}
    return {
        one.extension: owner.get(place)
        for one in found
        if (place := now(one)) is not None and one.extension in was and was[one.extension] != place
    }


def _pairs(moved: dict[str, str | None]) -> list[tuple[str, str]]:
    """Two that have each other's place."""
    return [(a, b) for a, b in moved.items() if b is not None and a < b and moved.get(b) == a]


def merged(found: Sequence[Learned], present: Sequence[VruPort]) -> list[VruPort]:
    """The ports of the site file as they are now, in the order of the cards: what was learned, the rest as it was. An
    extension that rang no port stays where it was, unless that place is another's."""
    was = {one.extension: one for one in present}
    new: dict[str, VruPort] = {}
    for one in found:
        if one.port is None:
            continue
        before = was.get(one.extension)
        desk, line = one.named or ((before.desk, before.line) if before is not None else (None, None))
        use, dnis = (before.use, before.dnis) if before is not None else ("callers", None)
        new[one.extension] = VruPort(one.port.card, one.port.index, one.extension, desk, line, use, dnis)
    taken = {(one.card, one.port) for one in new.values()}
    rest = [one for one in present if one.extension not in new and (one.card, one.port) not in taken]
    return sorted([*new.values(), *rest], key=lambda one: (one.card, one.port))


def proposal(found: Sequence[Learned], present: Sequence[VruPort]) -> str:
    """`vru.ports` of the site file, in the order of the ports. What was not told stays as it is; an extension that rang
    no port stands as a comment."""
    was = {one.extension: one for one in present}
    rows, silent = [], []
    for one in sorted(found, key=lambda one: one.place or ("", 0)):
        before = was.get(one.extension)
        if one.port is None:
            silent.append(f"    # {one.extension} rang no port")
            continue
        desk, line = one.named or ((before.desk, before.line) if before is not None else (None, None))
        named = f", desk: {desk}, line: {line}" if desk is not None else ""
        more = f", use: {before.use}" if before is not None and before.use != "callers" else ""
        more += f', dnis: "{before.dnis}"' if before is not None and before.dnis is not None else ""
        unsure = "" if one.named is not None else "    # line not told"
        rows.append(
            f"    - {{card: {one.port.card}, port: {one.port.index}, "
            f'extension: "{one.extension}"{named}{more}}}{unsure}'
        )
    return "\n".join(["vru:", "  ports:", *rows, *silent])
