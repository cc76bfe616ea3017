"""What the makes' dialects say beside their records: in-band strings, status digits, frames, what is not known."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from cti.commands import check
from cti.pbx.dialect import dialect_names, load_dialect
from cti.pbx.digit_pattern import DigitPattern
from cti.pbx.smdr import SmdrDecoder, SmdrRecord, SmdrUnknown

GOLDEN = Path(__file__).parents[2] / "golden" / "pbx"


def told(make: str, digits: str) -> tuple[str, dict[str, str]] | None:
    """The reason and the groups of the first pattern that fits."""
    for form in load_dialect(make).in_band.patterns:
        found = DigitPattern(form.pattern).match(digits)
        if found is not None:
            groups = {name: text.lstrip("*") for name, text in found.items() if text.lstrip("*")}
            origin = form.origins.get(groups.get("origin", ""), form.origin)
            return form.reason, {**groups, **({"origin": origin} if origin else {})}
    return None


@pytest.mark.parametrize(
    ("make", "digits", "wanted"),
    [
        ("panasonic-tda", "#6102", ("unknown", {"called": "102"})),  # group in AA mode, forwarded
        ("panasonic-tda", "102", ("unknown", {"called": "102"})),  # group in VM mode
        ("panasonic-tda", "#8", ("direct", {})),
        ("panasonic-tda", "#6*102", ("message_key", {"calling": "102", "origin": "internal"})),
        ("panasonic-tda", "*102", ("message_key", {"calling": "102", "origin": "internal"})),
        ("panasonic-tda", "1", None),  # a caller's key
        ("panasonic-kxtd", "#6102", ("unknown", {"called": "102"})),
        ("definity-printer", "#00#8001##", ("direct", {"calling": "8001", "origin": "internal"})),
        ("definity-printer", "#01#702##", ("direct", {"trunk": "702", "origin": "external"})),
        (
            "definity-lsu",
            "#02#8001#8002#",
            ("no_answer", {"calling": "8001", "called": "8002", "origin": "internal"}),
        ),
        ("definity-int", "#03##8002#", ("no_answer", {"called": "8002", "origin": "external"})),
        ("definity-teleseer", "#06###", ("unknown", {})),
        ("hipath1100", "***3****15****11*1", ("unknown", {"calling": "15", "called": "11", "origin": "internal"})),
        ("hipath1100", "***4****11****15*1", ("unknown", {"calling": "11", "called": "15", "origin": "internal"})),
        ("hipath1100", "***3**********11*3", ("unknown", {"called": "11", "origin": "external"})),
        ("hipath1100", "***4**********12*4", ("unknown", {"called": "12", "origin": "external"})),
        ("hipath1100", "***1***16*1", ("direct", {"calling": "16", "origin": "internal"})),  # as the manual prints it
        ("hipath1100", "***1****16*1", ("direct", {"calling": "16", "origin": "internal"})),  # by its rule
    ],
)
def test_in_band_strings_as_the_makers_print_them(
    make: str, digits: str, wanted: tuple[str, dict[str, str]] | None
) -> None:
    assert told(make, digits) == wanted


def test_the_same_digit_means_different_things_by_family() -> None:
    tda, kxtd = (load_dialect(name).line.status_digits for name in ("panasonic-tda", "panasonic-kxtd"))
    assert (tda.forwarded, kxtd.forwarded) == (("6", "7", "8"), ("7",))
    assert tda.answered == kxtd.answered == "5"


def test_the_norstar_is_asked_for_its_caller_by_a_code() -> None:
    line = load_dialect("norstar").line
    assert (line.flash_ms, line.transfer_prefix, line.after_failure("busy"), line.retrieve_code) == (
        450,
        "*70",
        "flash_code",
        "2",
    )
    assert load_dialect("norstar-realtime").line == line


def test_a_frame_of_a_neax_that_was_damaged_is_not_read() -> None:
    frame = (GOLDEN / "nec-neax-bcc.txt").read_bytes().splitlines()[0]
    for at in range(1, len(frame)):
        one = SmdrDecoder(load_dialect("nec-neax-bcc"), lambda: datetime(2026, 1, 5))
        items = one.feed(frame[:at] + bytes([frame[at] ^ 0x04]) + frame[at + 1 :]) + one.flush()
        assert not any(isinstance(item, SmdrRecord) for item in items), at
        assert any(isinstance(item, SmdrUnknown) for item in items), at


def test_a_norstar_block_behind_a_lost_empty_line() -> None:
    one = SmdrDecoder(load_dialect("norstar"), lambda: datetime(2026, 1, 5))
    block = (GOLDEN / "norstar.txt").read_bytes().strip() + b"\n"
    items = one.feed(b"noise\n" + block + block.replace(b"0003", b"0004"))
    assert [item.trunk for item in items if isinstance(item, SmdrRecord)] == ["0003", "0004"]
    assert [item.raw for item in items if isinstance(item, SmdrUnknown)] == ["noise"]


def test_what_is_not_known_is_said_and_nothing_else_is_missing() -> None:
    lacking = {name for name in dialect_names() if load_dialect(name).lack_of_records()}
    assert lacking == {"hipath1100", "aastra"}
    assert all(load_dialect(name).to_learn for name in lacking)


SITE = Path(__file__).parents[3] / "conf" / "site.yaml"


def site_of(make: str, tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    text = SITE.read_text("utf-8").replace("dialect: panasonic-tda ", f"dialect: {make} ")
    path.write_text(text.replace("/var/lib/tipring", str(tmp_path)).replace("/run/tipring", str(tmp_path)), "utf-8")
    return path


def test_check_says_what_must_be_seen_on_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check._still_to_learn(site_of("mitel-sx200", tmp_path))
    assert "dialect mitel-sx200: to be seen on site: where ANI and DNIS stand" in capsys.readouterr().out


@pytest.mark.parametrize(("make", "what"), [("hipath1100", "has no form of records yet"), ("aastra", "the extension")])
def test_check_refuses_an_smdr_line_that_could_free_nobody(make: str, what: str, tmp_path: Path) -> None:
    faults, _ = check.find_faults(site_of(make, tmp_path))
    (fault,) = [fault for fault in faults if fault.field == "pbx.smdr"]
    assert what in fault.message and fault.line > 1
    assert "tipring pbx learn" in fault.remedy
