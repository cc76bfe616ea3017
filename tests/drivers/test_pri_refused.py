"""SETUPs that are refused before anybody takes the call: each is told, with its cause and what it said, and counted."""

from __future__ import annotations

import pytest

from drivers.signalling.causes import Cause
from drivers.signalling.interface import TrunkCall
from drivers.signalling.pri_rules import PriRules
from tests.drivers.pri_peer import Bench, bench, closed

__all__ = ["closed"]

NUMBERS = "6c 06 0080 31303031 70 05 80 36363838"


def watched(made: Bench) -> list[TrunkCall]:
    failed: list[TrunkCall] = []
    made.trunk.failed = failed.append
    return failed


def setup(made: Bench, elements: str, reference: int = 1) -> None:
    made.peer.say(f"08 02 {reference:04x} 05 {elements}")
    made.time.run_for(0.2)


@pytest.mark.parametrize(
    ("elements", "cause", "slot"),
    [
        (f"a1 04 03 9090a3 18 03 a9839f {NUMBERS}", Cause(82, "channel 31"), 31),
        (f"a1 04 03 9090a3 18 03 a98382 {NUMBERS}", Cause(44, "channel 2"), 2),  # out of service
        (f"a1 04 02 8890 18 03 a98381 {NUMBERS}", Cause(65, "bearer 0x08"), 1),
    ],
)
def test_what_our_rules_refuse(elements: str, cause: Cause, slot: int) -> None:
    made = bench()
    made.trunk.span.block(2)
    failed = watched(made)
    setup(made, elements)
    made.peer.say("08 02 0001 4d")
    made.time.run_for(0.2)
    [gone] = failed
    assert gone.cause == cause and (gone.numbers.called, gone.numbers.calling) == ("6688", "1001")
    assert gone.slot == slot and not gone.offered and gone.state == "cleared" and not made.offered
    words = [step.code for step in gone.signalling()]
    assert words[0] == "SETUP" and words[-1] in ("RELEASE COMPLETE", "RELEASE"), words
    assert sum(made.trunk.span.statistics().failures.values()) == 1
    assert made.trunk.span.state().busy == 0 and made.trunk.channel.stats().calls == 0


@pytest.mark.parametrize("trace", ["calls", "none"])
def test_a_setup_that_lacks_what_it_must_have(trace: str) -> None:
    """No bearer capability: libpri answers by RELEASE COMPLETE, cause 96."""
    made = bench(rules=PriRules(trace=trace))  # type: ignore[arg-type]
    failed = watched(made)
    setup(made, f"a1 18 03 a98381 {NUMBERS}")
    [gone] = failed
    assert gone.cause == Cause(96, "refused by the D channel") and gone.slot == 1
    assert (gone.numbers.called, gone.numbers.calling) == ("6688", "1001")
    words = [step.code for step in gone.signalling()]
    assert words == (["SETUP", "RELEASE COMPLETE"] if trace == "calls" else [])
    assert made.trunk.span.statistics().failures == {"96 mandatory information missing": 1}
    assert made.trunk.channel.stats().calls == 0


def test_numbers_that_cannot_be_are_left_out() -> None:
    made = bench()
    failed = watched(made)
    setup(made, "a1 18 03 a98381 6c 04 0080 613b 70 01 80")
    [gone] = failed
    assert (gone.numbers.called, gone.numbers.calling) == ("", "")


def test_every_setup_of_a_flood_is_told() -> None:
    made = bench("network")
    failed = watched(made)
    for n in range(120):  # the peer numbers 127 messages
        made.peer.say(f"08 02 {n + 1:04x} 05 a1 04 03 9090a3 {NUMBERS}")
        if n % 8 == 7:
            made.time.run_for(0.02)
    made.time.run_for(2)
    assert len(made.offered) == 3 and len(failed) == 117
    assert {gone.cause.number for gone in failed if gone.cause} == {34}
    assert made.trunk.span.statistics().failures == {"34 no channel available": 117}


def test_a_call_that_gave_up_before_its_first_digit() -> None:
    made = bench(rules=PriRules(overlap=True))
    failed = watched(made)
    setup(made, "04 03 9090a3 18 03 a98381")
    made.peer.say("08 02 0001 45 08 02 8090")
    made.time.run_for(0.2)
    [gone] = failed
    assert gone.cause == Cause(16) and gone.slot == 1 and gone.numbers.called == ""
    assert made.trunk.span.statistics().failures == {"16 normal clearing": 1}
