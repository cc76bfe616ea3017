"""Faults by name, and what they do to serial messages."""

from random import Random

import pytest

from simulators.faults import TARGETS, Fault, FaultError, SerialFault, Spoiler, parse
from simulators.lines.tones import Sent
from simulators.scenario.scenario import mixed
from simulators.scenario.wrong import dial_tone


@pytest.mark.parametrize(
    "spec",
    [
        "dialtone=none",
        "dialtone=-60dB",
        "dialtone=350+440",
        "noise=-45dBm0",
        "returnloss=8dB",
        "loopdrop=none",
        "smdi=late:2s",
        "smdi=lost:10%",
        "smdr=damaged:10%",
        "cut=3@12.5",
        "unplug=smdi@10:5s",
        "flash=80-300ms",
        "flash=ignored",
        "transfer=lost",
        "callerid=none",
        "callers=alike:100%",
        "callers=withheld:100%",
        "slips=6/min",
        "clip=-6dBm0",
        "loss=10dB",
        "dialtone=400Hz",
    ],
)
def test_every_kind_of_fault_changes_the_scenario(spec: str) -> None:
    before = mixed(1, 3)
    assert before.with_fault(parse(spec)) != before


OUT_OF_RANGE = [
    *("noise=50dBm0", "returnloss=5dB", "loss=-1dB", "clip=9dBm0", "slips=-1/min", "flash=300-80ms", "flash=0-9999ms"),
    *("smdi=lost:300%", "smdr=late:-1s", "cut=0@-3", "unplug=smdi@-3", "dialtone=9000Hz", "dialtone=5dB"),
]


@pytest.mark.parametrize("spec", OUT_OF_RANGE)
def test_a_number_that_cannot_be_is_refused_with_what_may_be(spec: str) -> None:
    with pytest.raises(FaultError, match=spec.partition("=")[0]):
        parse(spec)


@pytest.mark.parametrize("spec", ["dialtone", "dialtone=loud", "smdi=lost:10", "nonsense=1", "cut=99@1", ""])
def test_a_wrong_fault_says_what_there_is(spec: str) -> None:
    with pytest.raises(FaultError) as error:
        mixed(1, 3).with_fault(parse(spec))
    assert any(name in str(error.value) for name in TARGETS)


def test_number_of_a_fault() -> None:
    assert Fault("noise", ("-45",), "").number == -45.0


def test_dial_tones() -> None:
    assert dial_tone("none") is None
    assert dial_tone("-60") == Sent(450, level_dbm0=-60.0)
    assert dial_tone("350+440") == Sent(350, 440, -13.0)
    assert dial_tone("400") == Sent(400)


MESSAGE = b"\r\nMD0010007A66886688 13800138000 \r\n\x19"


def test_messages_are_spoilt_the_same_way_from_the_same_seed() -> None:
    for fault in (SerialFault(damaged=0.5), SerialFault(reordered=1.0), SerialFault(lost=0.3, late_s=2.0)):
        first, second = Spoiler(Random("a")), Spoiler(Random("a"))
        runs = [[spoiler.spoil(MESSAGE, fault) for _ in range(50)] for spoiler in (first, second)]
        assert runs[0] == runs[1]
        assert any(data != MESSAGE for _, data, _ in runs[0])


def test_shares_are_kept_to() -> None:
    spoiler = Spoiler(Random("b"))
    lost = sum(spoiler.spoil(MESSAGE, SerialFault(lost=0.1))[2] == "lost" for _ in range(2000))
    assert 150 < lost < 250
    assert spoiler.spoil(MESSAGE, SerialFault()) == (0.0, MESSAGE, "")
