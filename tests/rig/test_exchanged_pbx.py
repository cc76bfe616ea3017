"""The PBX was exchanged for another make overnight, and the site file is still for the one before: an alarm says which
sign told it, callers still reach agents where they can, no wrong customer is shown, no agent freed wrongly."""

from __future__ import annotations

import pytest

from simulators.faults import FaultError, parse
from simulators.rig import verdict
from simulators.rig.stepped import run
from simulators.rig.sweep import Tally
from simulators.scenario.scenario import mixed
from tests.rig.settled import look

SIGNS = {
    ("panasonic-tda", "nec-neax-bcc"): "smdr_unread",  # frames where lines were: bytes without an end
    ("nec-neax-bcc", "mitel-sx200"): "smdr_unread",  # lines where frames were
    ("generic", "shenou"): "smdr_unread",  # another speed
    ("samsung", "panasonic-tda"): "in_band_unknown",  # digits after the answer
    ("nec-neax", "definity-lsu"): "in_band_unknown",
    ("samsung", "hipath1100"): "in_band_unknown",  # no records: digits are the only sign
    ("hicom150", "panasonic-kxtd"): "digits_unknown",  # it tells a hang-up by digits
}


@pytest.mark.parametrize(("was", "make"), SIGNS)
def test_it_is_found_out(was: str, make: str) -> None:
    seen = look(mixed(2, 14).with_make(make), faults=[f"was={was}"])
    assert SIGNS[was, make] in {alarm.name for alarm in seen.run.alarms}
    assert seen.run.strangers == []
    assert seen.run.freed.wrongly == seen.run.freed.stuck == []
    assert len(seen.calls("answered")) >= 7, "callers reach agents all the same"
    lines, status = verdict.behind_pbx(seen.run, strict=False)
    assert status == 0 and any(SIGNS[was, make] in line for line in lines)


@pytest.mark.parametrize(
    ("was", "make", "sign", "text"),
    [
        ("generic", "shenou", "smdi_silent", "nothing from the PBX for 300 s"),  # it has no message line
        ("shenou", "generic", "smdr_silent", "bytes, but nothing whole"),  # four times as fast as the server reads
        ("mitel-sx200", "hipath1100", "smdr_silent", "nothing from the PBX"),  # it prints nothing
    ],
)
def test_a_line_that_has_fallen_silent(was: str, make: str, sign: str, text: str) -> None:
    """It takes five minutes of calls."""
    result = run(mixed(2, 14, every_s=30.0).with_make(make), faults=[f"was={was}"])
    assert [alarm.name for alarm in result.alarms if text in alarm.text][:1] == [sign]
    assert result.strangers == []


def test_what_is_forgiven_counts_neither_alone_nor_in_the_table() -> None:
    result = run(mixed(1, 6, every_s=26.0).with_make("hicom150"), faults=["was=panasonic-tda"])
    assert result.alarms and result.findings
    lines, status = verdict.behind_pbx(result, strict=False)
    tally = Tally("hicom150")
    tally.take(result, 1)
    assert status == 0 and lines[-1] == "the judge: 6 of 6 calls as the world saw them 核对一致"
    assert sum(line.startswith("forgiven") for line in lines) >= len(result.findings)
    assert tally.amiss == [] and tally.others == tally.unaccounted == 0
    result.alarms.clear()  # nobody was told of it: all of it counts
    tally.take(result, 1)
    lines, status = verdict.behind_pbx(result, strict=False)
    assert status == 1 and "核对不一致" in lines[-1] and tally.others == len(result.findings)


def test_a_make_that_there_is_not() -> None:
    with pytest.raises(FaultError, match="no such make") as caught:
        mixed(1, 1).with_fault(parse("was=nobody"))
    assert "usual" not in str(caught.value) and "hicom150" in str(caught.value)


def test_the_make_that_it_is() -> None:
    with pytest.raises(FaultError, match="is a hicom150 already"):
        mixed(1, 1).with_make("hicom150").with_fault(parse("was=hicom150"))
