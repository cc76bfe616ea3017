"""What each make prints and tells, byte by byte: lines of the manuals where there are any, else by their tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from simulators.pbx.makes import MAKES, listing, nec
from simulators.pbx.makes.alcatel import Listing
from simulators.pbx.makes.china import Uso
from simulators.pbx.makes.definity import IntDirect, Lsu, Printer, Teleseer, tenths
from simulators.pbx.makes.korean import Aria, Dcs
from simulators.pbx.makes.mitel import Sx200
from simulators.pbx.makes.nortel import Norstar, NorstarRealTime
from simulators.pbx.makes.panasonic import KxTd, PatternA
from simulators.pbx.makes.siemens import HIPATH1100, Compressed
from simulators.pbx.makes.toshiba import Ctx
from simulators.pbx.numbering import MORE, VACANT, Meaning, Numbering
from simulators.pbx.plan import PbxPlan, SmdiForm
from simulators.pbx.smdr import Leg, Writer

LEG = Leg(
    datetime(2026, 1, 5, 9, 3, 27),
    "8001",
    7,
    "13800138000",
    4.0,
    65.0,
    started=datetime(2026, 1, 5, 9, 2, 22),
    called="66886688",
)
LAST = replace(LEG, leg="last", before=("2001",))
UNANSWERED = replace(LEG, answered=False, duration_s=0.0, ring_s=12.0)


def cut(text: str, first: int, last: int) -> str:
    """Columns from 1, both included, as manuals print them."""
    return text[first - 1 : last]


def test_panasonic_pattern_a() -> None:
    heading, ruler, text, rest = PatternA().write(LEG).split("\r\n")
    assert heading.split() == ["Date", "Time", "Ext", "CO", "Dial", "Number", "Ring", "Duration", "ACC", "Code", "CD"]
    assert ruler == "-" * 80 and rest == ""
    assert text == "01/05/26 09:03AM  8001 07 <I>13800138000            0'04 00:01'05"
    assert (
        cut(text, 18, 22) == " 8001"
        and cut(text, 27, 51).rstrip() == "<I>13800138000"
        and cut(text, 58, 65) == "00:01'05"
    )
    internal = PatternA(page_lines=1).internal(replace(LEG, consulted_by="2001", number="", ring_s=None))
    assert internal.split("\r\n")[2] == "01/05/26 09:03AM  2001    EXT8001                        00:01'05"


def test_panasonic_kxtd_has_twenty_columns_for_the_number() -> None:
    text = KxTd().write(replace(LEG, leg="first")).split("\r\n")[2]
    assert cut(text, 27, 46).rstrip() == "<I>13800138000" and cut(text, 53, 60) == "00:01'05" and text.endswith(" TR")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0000"), (5.9, "0000"), (65, "0010"), (3725, "1020"), (72, "0012")])
def test_definity_duration_is_in_tenths_of_a_minute(seconds: float, text: str) -> None:
    assert "".join(tenths(seconds)) == text


def test_definity_teleseer() -> None:
    writer = Teleseer()
    date, text = writer.write(LEG).split("\r\n\0", 1)
    assert date == "0105"
    assert text.endswith("\r\n\0\0\0") and text.index("\r\n") == 76
    assert cut(text, 4, 7) == "0903" and cut(text, 8, 12) == "00109"
    assert cut(text, 19, 33).strip() == "8001" and cut(text, 34, 38).strip() == "9" and cut(text, 56, 58) == "007"
    assert writer.write(LEG).startswith("   0903"), "the date once a day"
    assert writer.write(replace(LEG, ended=datetime(2026, 1, 6, 0, 0, 1))).startswith("0106\r\n\0   0000")


def test_definity_printer() -> None:
    date, text = Printer().write(LEG).split("\r\n\0\0\0", 1)
    assert date == "01 05"
    assert cut(text, 1, 9) == "0903 0010" and cut(text, 21, 35).strip() == "8001" and cut(text, 74, 76) == "007"


def test_definity_lsu_and_int() -> None:
    text = Lsu().write(LEG).split("\r\n\0", 1)[1]
    assert text.index("\r\n") == 54 and text.endswith("\r\n\0\0\0")
    assert cut(text, 1, 4) == "0010" and cut(text, 12, 26).strip() == "8001" and cut(text, 47, 48) == "07"
    text = IntDirect().write(LEG).split("\r\n\0", 1)[1]
    assert text.index("\r\n") == 78 and cut(text, 27, 44).strip() == "8001" and cut(text, 74, 75) == "07"


def test_nec_text_and_frame() -> None:
    text = nec.Neax().write(LEG)
    assert text.startswith("0!KE ") and text.endswith("\r\n")
    assert text[14:20] == "8001  " and text[20:30] == "0105090222" and text[30:40] == "0105090327"
    assert text[8:11] == "007" and text[53] == "0" and text[116:120] == "2626"
    frame = nec.NeaxFramed().write(LEG)
    assert frame[0] == "\x02" and frame[-2] == "\x03" and frame[1:-2] == text[:-2]
    check = 0
    for sign in frame[1:]:
        check ^= ord(sign)
    assert check == 0, "XOR from SA to ETX and BCC is nothing"


def test_bcc_is_the_one_of_the_lamp_message() -> None:
    """lamp on 2000: 02 31 21 4C 31 33 31 31 31 32 30 30 30 20 20 03 6E"""
    assert nec.bcc(bytes.fromhex("31214c3133313131323030302020" + "03").decode()) == chr(0x6E)


def test_nec_mci_is_a_template() -> None:
    text = nec.mci_text(nec.MCI, "2001", "66886688", "13800138000")
    assert text[:3] == "\x020!" and text[-1] == "\x03" and len(text) == nec.MCI.length + 2
    assert [text[first : last + 1].strip() for first, last in nec.MCI.columns.values()] == [
        "2001",
        "66886688",
        "13800138000",
        "1",
    ]
    assert nec.mci_text(nec.MCI, "2001", "", "")[41] == "0"


def test_mitel_prints_the_whole_call() -> None:
    assert Sx200().write(LEG).split() == ["01/05", "09:02", "00:01:05", "T007", "004", "8001"]
    assert Sx200().write(LAST).split()[-3:] == ["2001", "T", "8001"]
    assert Sx200().write(UNANSWERED).split()[4] == "***"
    assert Sx200().write(replace(LEG, duration_s=301.0))[0] == "-"


def test_norstar() -> None:
    assert Norstar().write(LEG) == (
        "-------- 01/05/26 09:02:22 LINE = 0007 STN = 8001\r\n\n"
        "00:00:00 INCOMING CALL\r\n\n00:01:05 CALL RELEASED\r\n\n"
    )


def test_norstar_real_time_has_the_columns_of_the_example() -> None:
    """*030198 154615 0019      6137635114 John Doe U G"""
    ring = NorstarRealTime().rings(replace(LEG, number="6137635114"))
    assert ring.split() == ["*010526", "090327", "0007", "8001", "6137635114", "U", "G"]
    assert ring.index("6137635114") == "*030198 154615 0019      6137635114 John Doe U G".index("6137635114")
    events = [NorstarRealTime().answers(LEG), NorstarRealTime().write(LEG), NorstarRealTime().write(UNANSWERED)]
    assert [text.split()[-1] for text in events] == ["A", "R", "N"]
    assert NorstarRealTime().write(replace(LEG, leg="first")).split()[-1] == "T"


def test_hicom_runs_together() -> None:
    """22.02.1923:11:43  3    4800:4100:10:030248873711 at the end, no ring time and no duration at the ring."""
    leg = replace(LEG, extension="48", trunk=3, ring_s=41.0, duration_s=603.0, number="0248873711")
    leg = replace(leg, ended=datetime(2019, 2, 22, 23, 11, 43))
    text = Compressed().write(leg)
    assert text.startswith("22.02.1923:11:43  3    4800:4100:10:030248873711 ") and text.index("\r\n") == 112
    assert cut(text, 75, 76) == " 1" and cut(text, 88, 98).strip() == "66886688"
    ring = Compressed().rings(leg)
    assert ring.startswith("22.02.1923:11:43  3    48             0248873711") and cut(ring, 75, 76) == " 0"


def test_hipath_1100_digits() -> None:
    """***3**********11*3: outside analogue call for 11, forwarded."""
    form = HIPATH1100.follow_on
    assert form is not None and form.outside.format(called="11", calling="", trunk=1) == "***3**********11*3"


def test_korean_makes() -> None:
    lines = Aria().write(replace(LEG, extension="100", trunk=1, duration_s=20.0)).split("\r\n")
    assert lines[1] == "0001 100 001 00:00:20 05/01/26 09:02 R100 RING 00:04"
    lines = Dcs().write(replace(LAST, extension="201", trunk=1, number="13055559748", duration_s=4.0)).split("\r\n")
    assert lines[1] == "201 701 01/05 09:02:22 00:00:04 IT 13055559748"
    assert Dcs().write(UNANSWERED).split("\r\n")[1] == "707 01/05 09:02:22 00:00:00 A 13800138000"


def test_toshiba_in_two_lines() -> None:
    first, second, _ = Ctx().write(LEG).split("\r\n")
    assert len(first) == 91 and first[0] == "N" and cut(first, 24, 32).strip() == "8001"
    assert cut(first, 34, 47) == "01/05 09:03:27" and cut(first, 49, 58) == "00:01:05.0"
    assert second[1] == "&" and cut(second, 3, 19).strip() == "13800138000" and cut(second, 40, 46) == "6886688"


def test_alcatel_and_shenou() -> None:
    assert Listing().write(LEG) == "8001 <-- L07 05/01/26 09:02 00:01:05 13800138000\r\n"
    text = Uso().write(replace(LEG, started=datetime(2005, 9, 20, 8, 34, 28), duration_s=204.0))
    assert len(text) == 84 and text.startswith("T20050920083428 000324 13800138000     8001    66886688 ")
    assert text[71:74] == "12 "


@pytest.mark.parametrize("name", [name for name, make in MAKES.items() if make.records is not None])
def test_every_make_prints_every_kind_of_call(name: str) -> None:
    records = MAKES[name].records
    assert records is not None
    writer: Writer = records()
    for leg in (LEG, UNANSWERED, LAST, replace(LEG, leg="first"), replace(LEG, leg="middle"), replace(LEG, number="")):
        for text in (writer.rings(leg), writer.answers(leg), writer.write(leg)):
            text.encode("ascii")
            assert not text or text[-1] in "\n\0" or text[-2] == "\x03"
    assert name in listing() or name == "usual"


def test_numbers_in_smdi_are_padded_and_cut() -> None:
    form = SmdiForm(pad=7, number_max=9)
    assert [form.number(text) for text in ("8001", "13800138000", "")] == ["0008001", "800138000", ""]


def test_numbering_of_a_norstar_adapter() -> None:
    plan = MAKES["norstar"].plan
    held = Numbering(plan, ("8001", "2001"), holding=True)
    assert [held.meaning(text) for text in ("*", "*70800", "8", "2")] == [MORE, MORE, VACANT, Meaning("retrieve")]
    assert held.meaning("*708001") == Meaning("extension", "8001")
    idle = Numbering(plan, ("8001", "2001"), holding=False)
    assert idle.meaning("*18001") == Meaning("lamp_on", "8001") and idle.meaning("#12001") == Meaning(
        "lamp_off", "2001"
    )
    assert idle.meaning("2001") == Meaning("extension", "2001")
    assert Numbering(PbxPlan(), ("8001",), holding=True).meaning("80") == MORE
