"""Every source of a call's numbers in a whole centre: digits after the answer, NEC's texts, records at the ring;
damaged lines, crossed cables, and what the agent's screen says of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from cti.arrivals.callers import SILENCE_S
from cti.arrivals.port_map import PATIENCE_S, SURE
from cti.arrivals.trust import SOUND
from cti.pbx.call_rules import MciLamp
from cti.pbx.dialect import Dialect, load_dialect
from cti.pbx.mci import MciGarbage
from cti.pbx.smdi import SmdiGarbage
from cti.sides.pbx_side import SerialWire
from drivers import events as ev
from drivers.playing import Collected
from tests.cti.centre_bench import DNIS, A, B, CentreBench
from tests.cti.dummies import card

NONE = Collected("", "first_timeout")


def make(folder: Path, **options: Any) -> Iterator[CentreBench]:
    bench = CentreBench(folder, **options)
    yield bench
    bench.stop()
    assert not bench.faults(), bench.faults()


def numbers(call: Any) -> tuple[Any, ...]:
    return call.ani, call.ani_source, call.dnis, call.ani_doubt


def screen(bench: CentreBench) -> tuple[Any, ...]:
    """The last pop-up: number, certain customer, those it may be, doubt."""
    said = [said for _, method, said in bench.desks.sent if method.startswith("popup")][-1]
    perhaps = [(one["name"], one["certain"]) for one in said["candidates"]]
    return said["ani"], (said["customer"] or {}).get("name"), perhaps, said["doubt"]


class TestDigitsAfterTheAnswer:
    """HiPath's packets, no other source."""

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[CentreBench]:
        yield from make(tmp_path, pbx=load_dialect("hipath1100").with_calls({"sources": ("dtmf_after_answer",)}))

    def sends(self, bench: CentreBench, digits: str) -> None:
        for digit in digits:
            bench.port.finish("collect", Collected(digit, "max"))

    def test_it_is_answered_at_once_and_named_before_the_menu(self, bench: CentreBench) -> None:
        bench.port.ring()
        bench.run(0.1)
        (call,) = bench.calls
        assert call.state == "menu" and 5 not in call.steps
        self.sends(bench, "***3****15****11*")
        assert 5 not in call.steps and bench.port.doing == ["collect"]
        self.sends(bench, "1")
        assert numbers(call) == ("15", "dtmf", "11", None)
        assert call.steps[4].source == "dtmf" and 5 in call.steps
        bench.press("1")
        assert call.group == "sales", "the menu has its own keys"

    def test_without_digits_the_menu_begins_after_the_wait(self, bench: CentreBench) -> None:
        bench.port.ring()
        bench.run(0.1)
        bench.port.finish("collect", NONE)
        (call,) = bench.calls
        assert 5 in call.steps and 4 not in call.steps and call.ani is None

    def test_what_fits_nothing_is_taken_to_its_end_and_told(self, bench: CentreBench) -> None:
        bench.port.ring()
        bench.run(0.1)
        self.sends(bench, "77")
        bench.port.finish("collect", Collected("", "gap_timeout"))
        assert 5 in bench.calls[0].steps and bench.calls[0].ani is None
        (alarm,) = bench.records.of(None, "alarm")
        assert alarm["what"] == "in_band_unknown" and "77" in alarm["text"]

    def test_the_caller_hangs_up_in_the_middle(self, bench: CentreBench) -> None:
        bench.port.ring()
        bench.run(0.1)
        self.sends(bench, "***3")
        bench.port.tell(ev.LoopDrop)
        bench.run(0.1)
        assert bench.outcome(bench.calls[0])[0] == "abandoned_menu"

    def test_digits_that_come_after_the_wait(self, bench: CentreBench) -> None:
        bench.port.ring()
        bench.run(0.1)
        bench.port.finish("collect", NONE)
        for digit in "***3****15****11*1":
            bench.port.tell(ev.DigitBegin, digit=digit)
            bench.run(0.08)
            bench.port.tell(ev.DigitEnd, digit=digit, ms=80)
            bench.run(0.08)
        bench.run(0.3)
        assert numbers(bench.calls[0])[:3] == ("15", "dtmf", "11")
        assert bench.records.of(None, "alarm")[0]["what"] == "in_band_late"


class TestDigitsOfAnotherMake:
    """The dialect has no digits, the PBX sends some: it was exchanged overnight."""

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[CentreBench]:
        yield from make(tmp_path, pbx=load_dialect("samsung"))

    def sends(self, bench: CentreBench, digits: str) -> None:
        for digit in digits:
            bench.port.tell(ev.DigitBegin, digit=digit)
            bench.run(0.08)
            bench.port.tell(ev.DigitEnd, digit=digit, ms=80)
            bench.run(0.08)
        bench.run(0.3)

    def over(self, bench: CentreBench) -> None:
        bench.port.tell(ev.LoopDrop)
        bench.run(3.0)

    def test_from_the_second_string_on_they_are_waited_for(self, bench: CentreBench) -> None:
        for turn in range(2):
            call = bench.arrives()
            assert 5 in call.steps and bench.centre.alarms == {}
            self.sends(bench, "#6103")
            self.over(bench)
            assert bool(bench.centre.alarms) is bool(turn)
        assert "the PBX sent #6103 after the answer" in bench.centre.alarms["in_band_unknown"]
        call = bench.arrives()
        assert 5 not in call.steps and bench.port.doing == ["collect"]
        for digit in "#6103":
            bench.port.finish("collect", Collected(digit, "max"))
        bench.port.finish("collect", Collected("", "gap_timeout"))
        assert 5 in call.steps and call.ani == A
        bench.press("1")
        assert call.group == "sales"
        self.over(bench)

    def test_a_string_in_the_midst_of_calls(self, bench: CentreBench) -> None:
        for _ in range(2):
            bench.arrives()
            bench.run(6.0)
            self.sends(bench, "#9")
            self.over(bench)
        assert list(bench.centre.alarms) == ["digits_unknown"]
        assert "#9 came in the midst of a call" in bench.centre.alarms["digits_unknown"]


def test_a_message_line_on_which_nothing_comes_while_calls_do(tmp_path: Path) -> None:
    ends: list[Any] = []

    def opener(protocol: Any) -> None:
        ends.append(protocol)
        protocol.makeConnection(SimpleNamespace(loseConnection=lambda: None))

    bench = CentreBench(tmp_path, wires={"smdi": SerialWire(opener)})
    bench.run(600.0)
    assert bench.centre.alarms == {}, "nobody calls"
    bench.port.ring()
    bench.run(10.0)
    bench.port.tell(ev.LoopDrop)
    bench.run(SILENCE_S - 20.0)
    assert bench.centre.alarms == {}
    bench.run(30.0)
    assert list(bench.centre.alarms) == ["smdi_silent"]
    ends[0].dataReceived(b"\r\nMD0010001A66886688 13800138000 \r\n\x19")
    assert bench.centre.alarms == {}
    bench.run(60.0)
    bench.stop()


class TestDigitsThatSayGone:
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[CentreBench]:
        yield from make(tmp_path, pbx=load_dialect("panasonic-tda"))

    def press(self, bench: CentreBench, digits: str, gap_s: float) -> None:
        for digit in digits:
            bench.port.tell(ev.DigitBegin, digit=digit)
            bench.run(0.08)
            bench.port.tell(ev.DigitEnd, digit=digit, ms=80)
            bench.run(gap_s)

    @pytest.mark.parametrize("state", ["menu", "queued", "message"])
    def test_at_any_time_of_the_call(self, bench: CentreBench, state: str) -> None:
        call = bench.to(state)
        self.press(bench, "#9", 0.08)
        assert not call.ended
        bench.run(0.3)
        wanted = {"menu": "abandoned_menu", "queued": "abandoned_queue", "message": "message"}
        assert bench.outcome(call) == (wanted[state], "digits")

    def test_the_same_keys_pressed_by_a_person(self, bench: CentreBench) -> None:
        call = bench.to("menu")
        self.press(bench, "#9", 0.35)
        bench.run(0.3)
        assert call.state == "menu"

    def test_a_message_that_has_come_is_not_followed_by_digits(self, bench: CentreBench) -> None:
        assert 5 in bench.arrives().steps

    def test_an_announced_call_of_a_source_that_is_trusted_less_waits(self, tmp_path: Path) -> None:
        trusting = load_dialect("panasonic-tda").with_calls({"sources": ("dtmf_after_answer", "smdi")})
        bench = CentreBench(tmp_path / "other", pbx=trusting)
        call = bench.arrives()
        assert 5 not in call.steps and call.ani == A
        bench.port.finish("collect", Collected("*", "max"))
        for digit in "8105":
            bench.port.finish("collect", Collected(digit, "max"))
        bench.port.finish("collect", Collected("", "gap_timeout"))
        assert numbers(call) == ("8105", "dtmf", DNIS, "sources_differ")
        bench.stop()


def wired(name: str, **settings: Any) -> dict[str, SerialWire]:
    return {name: SerialWire(lambda protocol: protocol, **settings)}


class TestDamagedLines:
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[CentreBench]:
        for made in make(tmp_path, wires=wired("smdi", bits=7, parity="even")):
            made.records.cards = {A: card("王先生"), B: card("李女士")}
            yield made

    def damage(self, bench: CentreBench) -> None:
        bench.pbx.callers._smdi(SmdiGarbage(3, b"xyz"))

    def test_a_sound_line_names_customers(self, bench: CentreBench) -> None:
        bench.transferring()
        assert screen(bench) == (A, "王先生", [], None)

    def test_what_a_damaged_line_says_is_perhaps(self, bench: CentreBench) -> None:
        self.damage(bench)
        bench.port.ring()
        bench.says()
        assert bench.calls[0].state == "arriving", "the caller ID may confirm it"
        bench.run(3.1)
        call = bench.calls[0]
        assert call.state == "menu" and call.ani_doubt == "serial_damaged"
        bench.press("1")
        bench.switch.dials()
        assert screen(bench) == (A, None, [("王先生", False)], "serial_damaged")
        assert bench.records.of(call.id, "ani")[-1]["doubt"] == "serial_damaged"

    def test_the_caller_id_confirms_it(self, bench: CentreBench) -> None:
        self.damage(bench)
        bench.port.ring()
        bench.says()
        bench.port.caller_id(A)
        bench.run(0.1)
        bench.press("1")
        bench.switch.dials()
        assert screen(bench) == (A, "王先生", [], None)

    def test_the_caller_id_is_another_number(self, bench: CentreBench) -> None:
        self.damage(bench)
        bench.port.ring()
        bench.says(A)
        bench.port.caller_id(B)
        bench.run(0.1)
        bench.press("1")
        bench.switch.dials()
        assert screen(bench) == (B, "李女士", [], None), "it has a checksum"

    def test_damage_doubts_what_is_on_the_screen(self, bench: CentreBench) -> None:
        bench.transferring()
        self.damage(bench)
        assert screen(bench) == (A, None, [("王先生", False)], "serial_damaged")
        assert "smdi_damaged" in bench.centre.alarms
        for _ in range(SOUND):
            bench.pbx.callers.trust["smdi"].sound()
        assert "smdi_damaged" not in bench.centre.alarms
        assert screen(bench)[3] == "serial_damaged", "what was said then is not better now"

    def test_a_message_of_a_damaged_line_opens_no_call(self, bench: CentreBench) -> None:
        self.damage(bench)
        bench.says()
        assert bench.calls == []
        bench.port.ring()
        bench.run(3.1)
        assert numbers(bench.calls[0]) == (A, "smdi", DNIS, "serial_damaged")


class TestPortMap:
    """The cables of 2001 and 2002 are crossed."""

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[CentreBench]:
        for made in make(tmp_path, wires=wired("smdi", bits=7, parity="even")):
            made.records.cards = {A: card("王先生"), B: card("李女士")}
            yield made

    def test_pop_ups_say_unconfirmed_until_it_is_right_again(self, bench: CentreBench) -> None:
        bench.port.ring()
        bench.says(A, line=2)
        bench.run(PATIENCE_S + 0.1)
        assert "2001 and 2002" in bench.centre.alarms["port_map_suspect"]
        first, ghost = bench.calls
        assert first.ani is None and ghost.ani_doubt == "port_map"
        bench.ports[1].ring()  # somebody else, under the first one's number
        bench.run(3.1)
        bench.press("1", 1)
        bench.switch.dials()
        assert screen(bench) == (A, None, [("王先生", False)], "port_map")
        for index, line in ((0, 1), (1, 2)) * SURE:
            for call in bench.calls:
                bench.centre.conduct.caller_gone(call, "test")
            bench.run(3.0)
            bench.ports[index].ring()
            bench.says(B, line=line)
            bench.run(3.1)
        assert "port_map_suspect" not in bench.centre.alarms
        assert bench.calls[-2].ani_doubt == "port_map", "it was said while that stood"
        for call in bench.calls:
            bench.centre.conduct.caller_gone(call, "test")
        bench.run(3.0)
        bench.ports[1].ring()
        bench.says(B, line=2)
        assert bench.calls[-1].ani_doubt is None

    def test_in_band_id_is_of_the_port_itself(self, bench: CentreBench) -> None:
        bench.port.ring()
        bench.says(B, line=2)
        bench.run(PATIENCE_S + 0.1)
        bench.ports[1].ring()
        bench.ports[1].caller_id(A)
        assert numbers(bench.calls[1])[:2] == (A, "port") and bench.calls[1].ani_doubt is None


def neax() -> Dialect:
    base = load_dialect("nec-neax")
    mci = msgspec.structs.replace(base.mci, columns={"station": (3, 8), "calling": (9, 24), "called": (25, 32)})
    return msgspec.structs.replace(base, mci=mci).with_calls({"sources": ("mci",)})


class TestNec:
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[CentreBench]:
        yield from make(tmp_path, pbx=neax(), wires=wired("mci", bits=7, parity="even"))

    def says(self, bench: CentreBench, station: str, calling: str, called: str) -> None:
        assert bench.pbx.mci is not None
        bench.pbx.mci._received(f"\x020!{station:<6}{calling:<16}{called:<8}\x03".encode())

    def test_a_text_names_the_caller_of_a_port(self, bench: CentreBench) -> None:
        bench.port.ring()
        self.says(bench, "2001", A, DNIS)
        call = bench.calls[0]
        assert numbers(call) == (A, "mci", DNIS, None) and call.state == "menu"
        assert call.steps[4].source == "mci"

    def test_texts_of_other_stations_are_not_ours(self, bench: CentreBench) -> None:
        self.says(bench, "3500", A, DNIS)
        bench.run(60.0)
        assert bench.calls == [] and bench.records.of(None, "alarm") == []

    def test_a_broken_text(self, bench: CentreBench) -> None:
        self.says(bench, "2001", "138x0138000", DNIS)
        assert "mci_damaged" in bench.centre.alarms and bench.calls == []
        bench.pbx.callers._mci(MciGarbage(1, b"x"))
        bench.port.ring()
        self.says(bench, "2001", A, DNIS)
        assert bench.calls[0].ani_doubt == "serial_damaged"


class TestRecordsAtTheRing:
    def bench_of(self, folder: Path, name: str) -> Iterator[CentreBench]:
        dialect = load_dialect(name).with_calls({"sources": ("smdr_at_ring",)})
        yield from make(folder, pbx=dialect, wires=wired("smdr", bits=7, parity="even"))

    @pytest.fixture
    def hipath(self, tmp_path: Path) -> Iterator[CentreBench]:
        yield from self.bench_of(tmp_path, "hicom150")

    @pytest.fixture
    def norstar(self, tmp_path: Path) -> Iterator[CentreBench]:
        yield from self.bench_of(tmp_path, "norstar-realtime")

    def rings(self, bench: CentreBench, **said: Any) -> None:
        bench.record(**{"event": "ring", "form": "ring", "answered": None, **said})

    def test_the_record_names_caller_and_station(self, hipath: CentreBench) -> None:
        hipath.port.ring()
        self.rings(hipath, extension="2002", number=B, fields={})  # of the other port, whose ring follows
        self.rings(hipath, extension="48", number="555", fields={})  # of a telephone that is none of ours
        self.rings(hipath, extension="2001", number=A, fields={"msn": DNIS})
        assert numbers(hipath.calls[0]) == (A, "smdr", DNIS, None)
        assert hipath.calls[0].steps[4].source == "smdr"
        hipath.ports[1].ring()
        assert numbers(hipath.calls[1])[:2] == (B, "smdr")

    def test_a_record_with_a_broken_number_names_nobody(self, hipath: CentreBench) -> None:
        hipath.port.ring()
        self.rings(hipath, extension="2001", number=A, fields={"msn": "6{886688"})
        assert hipath.calls[0].ani is None and "smdr_damaged" in hipath.centre.alarms

    def test_a_record_without_a_station_is_a_guess(self, norstar: CentreBench) -> None:
        norstar.port.ring()
        self.rings(norstar, extension=None, number=A, fields={})
        assert numbers(norstar.calls[0]) == (A, "smdr", None, "place_guessed")
        norstar.ports[1].ring()
        self.rings(norstar, extension=None, number=B, fields={})
        assert norstar.calls[1].ani == B, "the other call has its record"

    def test_where_two_ring_nobody_is_guessed(self, norstar: CentreBench) -> None:
        norstar.port.ring()
        norstar.ports[1].ring()
        self.rings(norstar, extension=None, number=A, fields={})
        assert [call.ani for call in norstar.calls] == [None, None]


class TestCalledNumbers:
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[CentreBench]:
        yield from make(tmp_path, desks={1: "400123"}, vru={"dnis": "400000"})

    def test_the_message_is_better_than_the_desk(self, bench: CentreBench) -> None:
        bench.port.ring()
        assert bench.calls[0].dnis == "400123"
        bench.says()
        assert bench.calls[0].dnis == DNIS

    def test_a_direct_call_is_for_the_desk(self, bench: CentreBench) -> None:
        bench.port.ring()
        bench.says("8001", None, "D")
        assert numbers(bench.calls[0]) == ("8001", "smdi", "400123", None)


def test_lamps_over_necs_message_line(tmp_path: Path) -> None:
    written: list[bytes] = []

    class Transport:
        def write(self, data: bytes) -> None:
            written.append(data)

        def loseConnection(self) -> None: ...

    def opener(protocol: Any) -> Transport:
        transport = Transport()
        protocol.makeConnection(transport)
        return transport

    base = neax()
    dialect = msgspec.structs.replace(base, mci=msgspec.structs.replace(base.mci, lamp=MciLamp("L")))
    bench = CentreBench(tmp_path, pbx=dialect, wires={"mci": SerialWire(opener)}, lamp="8000")
    bench.pbx.lamps.message_left("sales")
    bench.run(1.0)
    assert b"\x020!L0101202048000\x03" in written
    bench.stop()
