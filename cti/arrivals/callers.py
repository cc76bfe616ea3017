"""Who calls: every source of a call's numbers, joined (steps 2 to 4).

Messages on RS232 (SMDI, NEC's MCI, records printed at the ring), caller ID and digits in the voice path all come to
cti.arrivals.arrivals and cti.arrivals.numbers from here; what is known of the lines themselves (damaged bytes, crossed
cables) goes with them, and when it changes, the calls under way are looked at again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cti.arrivals.arrivals import Arrivals
from cti.arrivals.numbers import DnisRules, NumberRules
from cti.arrivals.port_map import PortMap
from cti.arrivals.strings import Strings
from cti.arrivals.trust import LineTrust
from cti.call import Call, Source
from cti.pbx.announcement import SERIAL, SOURCE, Announcement, from_record, from_smdi
from cti.pbx.dialect import Dialect
from cti.pbx.in_band import Gone, InBandCall, InBandReader
from cti.pbx.link import Decoder, PbxLink
from cti.pbx.mci import MciDecoder, MciItem, MciLampsLost
from cti.pbx.parity import ParityCheck
from cti.pbx.smdi import SmdiCall, SmdiDecoder, SmdiItem, SmdiLampFailure
from cti.pbx.smdr import SmdrRecord
from cti.site.config import PortUse
from cti.vru.line import LineOwner, VruLine
from cti.vru.packet import collect_packet
from drivers.events import CallerId
from drivers.words import alarm_words

if TYPE_CHECKING:
    from cti.centre import Centre
    from cti.sides.pbx_side import PbxSide, SerialWire, Wiring

# From one digit of a string to the next at the slowest PBX (160 ms on and off, and 40 ms until one is known).
SLOWEST_S = 0.36


# Calls come, and so long no message: the PBX's output is off, its cable out, or it is another PBX.
SILENCE_S = 300.0


class Callers:
    """The lines, and what is said of the calls that come on them. Is the lines' owner (cti.vru.line.LineOwner)."""

    def __init__(self, centre: Centre, side: PbxSide, dialect: Dialect, wiring: Wiring) -> None:
        site, clock, rules = centre.site, centre.clock, dialect.calls
        self._centre, self._side = centre, side
        wires: dict[Source, SerialWire | None] = {"smdi": wiring.smdi, "smdr": wiring.smdr, "mci": wiring.mci}
        self.trust = {
            name: LineTrust(name, wire is None or ParityCheck(wire.bits, wire.parity).checks, self._line_changed(name))
            for name, wire in wires.items()
        }
        self.port_map = PortMap(
            clock, self._map_changed, believed=lambda: not self._damaged("smdi"), on_doubt=self._place_doubted
        )
        self.numbers = NumberRules(rules, damaged=self._damaged, suspect=self.port_map.suspect)
        self._in_band = dialect.in_band
        self._reader = InBandReader(dialect.in_band)
        self._burst_s = dialect.in_band.gone_gap_ms / 1000
        self._gone_strings = {*dialect.in_band.gone, dialect.line.status_digits.gone} - {""}
        self._strings = Strings(self._expects_digits, self._alarm("in_band_unknown"))
        self._midst = Strings(False, self._alarm("digits_unknown"))
        self._ports = wiring.ports
        self.lines = self.lines_for("callers", self)
        heard = (SOURCE[source] for source in rules.sources)
        early = [source for source in heard if source != "dtmf" and wires.get(source, True)]
        numbers = {where.extension: where.dnis for where, _ in wiring.ports if where.dnis is not None}
        self.arrivals = Arrivals(
            clock,
            self.lines,
            centre.steps,
            side.transfers,
            ani_wait_s=site.pbx.ani_wait_s if early else 0.0,
            dnis=DnisRules(rules.dnis, desks=site.pbx.desks, ports=numbers, group=site.vru.dnis),
            port_map=self.port_map,
            alarm=centre.alarm,
            in_band=self.numbers.listens("port"),
            damaged=self._damaged,
        )
        self._collecting: set[Call] = set()
        self._dark = False  # no line had battery any more: the PBX was off, and has forgotten its lamps
        self.smdi = self._link("smdi", wiring.smdi, SmdiDecoder(dialect.smdi.msd_strip), self._smdi)
        self.mci = self._link("mci", wiring.mci, MciDecoder(dialect.mci), self._mci)

    def lines_for(self, use: PortUse, owner: LineOwner) -> list[VruLine]:
        """The ports of one use."""
        centre = self._centre
        return [
            VruLine(
                centre.clock,
                port,
                where.extension,
                where.desk,
                where.line,
                self._side.rules,
                owner,
                burst_s=self._burst_s,
                gone=self._gone_strings,
                prepare=centre.prepare_port,
                trouble=centre.alarm,
            )
            for where, port in self._ports
            if where.use == use
        ]

    def _link(
        self, name: Source, wire: SerialWire | None, decoder: Decoder[Any], item: Callable[[Any], object]
    ) -> PbxLink[Any] | None:
        if wire is None:
            return None
        return PbxLink(
            self._centre.clock,
            wire.opener,
            decoder,
            item,
            self._side.link_alarm(name),
            name=name,
            baud=wire.baud,
            parity=ParityCheck(wire.bits, wire.parity),
            on_damage=self.trust[name].damaged,
            silence_s=SILENCE_S,
        )

    def start(self) -> None:
        """Every port listens."""
        for link in (self.smdi, self.mci):
            if link is not None:
                link.start()
        for line in self.lines:
            line.start()

    def stop(self) -> None:
        """Nothing waits any more."""
        self.arrivals.close()
        for line in self.lines:
            line.stop()
        for link in (self.smdi, self.mci):
            if link is not None:
                link.stop()

    # from the serial lines

    def _smdi(self, item: SmdiItem) -> None:
        if isinstance(item, SmdiCall):
            self.trust["smdi"].sound()
            self._says(from_smdi(item))
        elif isinstance(item, SmdiLampFailure):
            self.trust["smdi"].sound()
            self._centre.event(None, "alarm", "smdi", what="lamp_refused", number=item.number, code=item.code)
        else:
            self._garbage("smdi", item.count, item.sample)

    def _mci(self, item: MciItem) -> None:
        if isinstance(item, Announcement):
            self.trust["mci"].sound()
            self._says(item)
        elif isinstance(item, MciLampsLost):
            self.trust["mci"].sound()
            self._lamps_lost("the PBX asks for them on the MCI line")
        else:
            self._garbage("mci", item.count, item.sample)

    def record_at_ring(self, record: SmdrRecord) -> None:
        """A record that the PBX printed while a station rings."""
        message = from_record(record)
        if message is None:
            self.trust["smdr"].damaged()
        else:
            self._says(message)

    def _says(self, message: Announcement) -> None:
        if self.numbers.listens(message.source) and not self._centre.telephones.pbx_says(message):
            self.arrivals.pbx_says(message)

    def _garbage(self, name: Source, count: int, sample: bytes) -> None:
        link = self.smdi if name == "smdi" else self.mci
        if link is not None:
            link.unread += 1
        self.trust[name].damaged()
        self._centre.log.warning(f"{name}: bytes that make no sense", link=name, count=count, sample=sample.hex())
        self._centre.metrics.garbage(name, count)

    # in the voice path

    @property
    def _expects_digits(self) -> bool:
        return self.numbers.listens("dtmf") and bool(self._in_band.patterns)

    async def listen_for_digits(self, call: Call) -> None:
        """What the PBX sends after our answer, before anything is said to the caller.

        A PBX that told of this call by a source that the dialect trusts more sends no digits as well. One that sends
        digits which the dialect does not know is listened to, too, lest they choose from the menu."""
        line = call.line
        self._answered(call)
        if not isinstance(line, VruLine) or not (self._strings.come or self._may_send_digits(call)):
            return
        self._collecting.add(call)
        try:
            digits = await collect_packet(line.port, self._in_band, self._reader)
        finally:
            self._collecting.discard(call)
        line.supervision.forget_digits()
        if digits:
            self._packet(call, line, digits)

    def _answered(self, call: Call) -> None:
        """What may be missing from now on: the message of a call that came without one; unknown digits."""
        for link in (self.smdi, self.mci):
            if link is not None and call.back_s is None and link.name not in call.announced_by:
                link.expect()
        for strings in (self._strings, self._midst):
            strings.plain()

    def _may_send_digits(self, call: Call) -> bool:
        return self._expects_digits and not self.numbers.trusts_more(call.announced_by, "dtmf")

    def _packet(self, call: Call, line: VruLine, digits: str) -> None:
        if digits in self._in_band.lamps_lost:
            self._lamps_lost(f"the PBX sent {digits}")
            return
        said = self._reader.read(digits) if self._expects_digits or self._reader.gone(digits) else None
        if isinstance(said, InBandCall):
            if call.back_s is None:  # of a caller whom the PBX brought back, they name the agent
                self.arrivals.pbx_sent(call, line, said.announcement())
        elif isinstance(said, Gone):
            self._centre.conduct.caller_gone(call, "digits")
        elif self._expects_digits and self._reader.begun(digits):
            self._centre.log.info("the PBX broke off its digits", call=call.id, digits=digits)
        elif len(digits) > 1 or self._expects_digits:
            self._strings.unknown(
                f"extension {line.extension}: the PBX sent {digits} after the answer, which fits no pattern of the"
                " dialect: was the PBX changed? See pbx.dialect and in_band.patterns"
            )

    # from the lines

    def line_rings(self, line: VruLine) -> None:
        """Step 3 as the port sees it."""
        if self._dark:  # the first ring says that the PBX works again
            self._dark = False
            self._lamps_lost("the PBX was without power")
        self.arrivals.line_rings(line)

    def line_stopped_ringing(self, line: VruLine) -> None:
        """No more bursts."""
        self.arrivals.line_stopped_ringing(line)

    def line_has_caller_id(self, line: VruLine, event: CallerId) -> None:
        """Step 4 in the voice band."""
        self.arrivals.line_has_caller_id(line, event)

    def line_lost_caller(self, line: VruLine, how: str) -> None:
        """The far end has hung up, or the line is out of order."""
        self.arrivals.line_lost_caller(line, how)

    def line_heard_digits(self, line: VruLine, digits: str) -> None:
        """Digits faster than people press them: the caller hung up, or a packet came after the wait for it, or the PBX
        is not the one of the dialect."""
        call = self.arrivals.call_at(line)
        if call is None:
            return
        if self._reader.gone(digits):
            self._centre.conduct.caller_gone(call, "digits")
        elif call in self._collecting:
            return
        elif self._expects_digits and self._reader.complete(digits):
            self._centre.alarm("in_band_late", f"extension {line.extension}: {digits} came after in_band.wait_s")
            self._packet(call, line, digits)
        elif self._centre.clock.seconds() - SLOWEST_S * len(digits) <= call.strings_until_s:
            self._packet(call, line, digits)
        else:
            self._midst.unknown(
                f"extension {line.extension}: {digits} came in the midst of a call, faster than people press keys: does"
                " the PBX say so that a caller has hung up? See in_band.gone"
            )

    def line_alarm(self, line: VruLine, alarms: tuple[str, ...]) -> None:
        """The card or the wire of a port is out of order, or in order again."""
        text = f"port {line.port.name}, extension {line.extension}: " + (alarm_words(alarms) or "in order again")
        self._centre.set_alarm(f"line_{line.extension}", bool(alarms), text)
        others = (one for one in self.lines if one is not line)
        self._dark = self._dark or (bool(alarms) and all(one.state == "alarm" for one in others))

    # message lamps that the PBX has forgotten

    def _lamps_lost(self, why: str) -> None:
        """All that are known are ordered again."""
        self._centre.log.info("message lamps are ordered again", why=why)
        self._side.lamps.refresh()

    def _alarm(self, name: str) -> Callable[[bool, str], None]:
        return lambda raised, text: self._centre.set_alarm(name, raised, text)

    # how far the lines may be believed

    def _damaged(self, source: Source) -> bool:
        trust = self.trust.get(source)
        return trust is not None and not trust.believed

    def _line_changed(self, name: Source) -> Callable[[bool, str], None]:
        def changed(raised: bool, text: str) -> None:
            if not self.numbers.listens(name):
                return  # its records are looked at one by one, and cti.talks.settled tells of damage
            self._centre.set_alarm(f"{name}_damaged", raised, text)
            if raised:
                self._look_again(lambda call: self.numbers.doubt(call, [name], "serial_damaged"))

        return changed

    def _map_changed(self, raised: bool, text: str) -> None:
        self._centre.set_alarm("port_map_suspect", raised, text)

        def doubt(call: Call) -> bool:
            suspect = call.hunted is not None and self.port_map.suspect(call.hunted)
            return suspect and self.numbers.doubt(call, SERIAL, "port_map")

        if raised:
            self._look_again(doubt)

    def _place_doubted(self, line: VruLine) -> None:
        self._look_again(lambda call: call.hunted is line and self.numbers.doubt(call, SERIAL, "port_map"))

    def _look_again(self, changed: Callable[[Call], bool]) -> None:
        for call in tuple(self._centre.calls.values()):
            if changed(call):
                self._centre.numbers_changed(call)
