"""Records that all come forty seconds late, and say neither who called nor when it was nor how long: what our own ports
know of the ends of their calls tells how late they are, and so whose each is. Until that is known they are nobody's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from cti.call import Call
from cti.pbx.smdr import SmdrRecord
from cti.talks.talks import Ambiguous, Match
from tests.cti.talks.test_talks import record as any_record
from tests.cti.talks.test_talks_by_time import A, B, Pbx

LATE_S = 40.0


class LatePbx(Pbx):
    """Its records come LATE_S after the end of their calls."""

    def __init__(self) -> None:
        super().__init__(known=False)
        self.there: dict[str, Call] = {}
        self.talks._on_port = self.there.get

    def comes(self, extension: str, **more: object) -> object:
        return self.talks.match(replace(any_record(extension, None, trunk=None), **more))

    def on_port(self, seconds: float, ani: str | None = None, extension: str = "2001") -> tuple[Call, float]:
        """A caller whom nobody answered; and when that call was over."""
        call = self.call(ani)
        self.there[extension] = call
        self.clock.advance(seconds)
        del self.there[extension]
        assert self.talks.owe(extension, call) is None
        return call, self.clock.seconds()

    def learn(self) -> None:
        """The records of some calls have come."""
        for seconds in (11.0, 19.0, 15.0, 25.0, 31.0, 17.0):
            _, over_s = self.on_port(seconds)
            self.until(over_s + LATE_S)
            self.comes("2001")
        assert self.pbx.late_s == pytest.approx(LATE_S, abs=1.0)

    def until(self, at_s: float) -> None:
        self.clock.advance(at_s - self.clock.seconds())


@pytest.fixture
def late() -> Iterator[LatePbx]:
    made = LatePbx()
    yield made
    made.talks.close()


def test_the_call_on_our_port_is_not_over_by_the_record_of_the_one_before(late: LatePbx) -> None:
    """Neither while it is not known yet that records are late, since a call waits for its record, nor when it is."""
    for known in (False, True):
        if known:
            late.learn()
            late.clock.advance(200.0)
        first, over_s = late.on_port(10.0)
        there = late.call()
        late.there["2001"] = there
        late.until(over_s + LATE_S)
        found = late.comes("2001")
        assert not late.talks.gone_already("2001", there)
        assert found == Match(first, False) if known else not isinstance(found, Match)
        late.clock.advance(1.0)
        del late.there["2001"]
        assert late.talks.owe("2001", there) is None, "it is not the record of this call"
        late.clock.advance(300.0)


def test_a_call_that_ended_just_now_has_not_the_record_of_one_before(late: LatePbx) -> None:
    """It came as we hung up, by chance."""
    first, over_s = late.on_port(10.0)
    late.until(over_s + LATE_S - 20.0)
    second, _ = late.on_port(18.0)
    late.until(over_s + LATE_S)
    assert late.comes("2001") == Ambiguous((second, first))


def test_an_agent_is_freed_by_the_record_of_this_talk_alone(late: LatePbx) -> None:
    late.learn()
    first = late.talk(None, 30.0)
    over_s = late.clock.seconds()
    late.clock.advance(4.0)
    late.over(first)
    second = late.talk(None, 10.0)
    late.until(over_s + LATE_S)
    assert late.comes("8001") == Match(first, False)
    assert late.talks.at("8001") is second
    over_s = late.clock.seconds()
    late.until(over_s + LATE_S)
    found = late.comes("8001")
    assert isinstance(found, Match) and found.call is second and found.ends_talk


@pytest.mark.parametrize("doubt", ["place_guessed", "serial_damaged"])
def test_a_doubted_number_that_the_records_have_said_themselves_is_no_evidence(late: LatePbx, doubt: str) -> None:
    """The line that was printed at the ring of the first came as the second rang."""
    _, over_s = late.on_port(10.0)
    late.until(over_s + LATE_S - 10.0)
    second = late.call(B)
    second.ani_source, second.ani_doubt = "smdr", doubt
    late.there["2001"] = second
    late.until(over_s + LATE_S)
    record: SmdrRecord = any_record("2001", B, trunk=None)
    assert not isinstance(late.talks.match(record), Match)
    late.clock.advance(1.0)
    assert late.talks.owe("2001", second) is None
    second.ani_doubt = None
    assert late.talks._evidence.same(second, replace(record, number=A)) is False
