"""Anything at any moment: agents, supervisors and callers do whatever comes to their minds, with desks and telephones.
Nothing raises, nobody is stuck, and nothing is left over when all have hung up."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from cti.switch.errors import VerbRefused
from cti.switch.verbs import VERBS
from tests.conftest import LoggedFailures
from tests.cti.switch.card_bench import CardBench

EXTENSIONS = ("8001", "8002", "8003", "8004")
OUTSIDE = "66880001"
STAFF = "".join(f"setup | agent 100{n} | sales 800{n} answers after 2 talks 300\n" for n in range(1, 5)) + (
    "setup | rights | national\n"
    "setup | role 1004 | supervisor\n"
    "setup | subscriber 66880001 | answers after 2 talks 12\n"
)
SECONDS = 240


def callers(random: Random) -> str:
    return "".join(
        f"{4.0 + 7 * n} | caller {n + 1} | 1380013{n:04d} by fsk: choose 1 after 1.5; talk {random.randint(4, 40)}; "
        f"patience {random.randint(10, 90)}\n"
        for n in range(20)
    )


class Whims:
    """What people do, from a seed."""

    def __init__(self, world: CardBench, random: Random) -> None:
        self.world, self.random = world, random
        self.done: dict[str, int] = {}

    def some(self) -> None:
        """One deed of somebody."""
        world, random = self.world, self.random
        extension = random.choice(EXTENSIONS)
        phone = world.phone(extension)
        kind = random.random()
        if kind < 0.12:
            phone.hang_up("whim")
        elif kind < 0.2:
            phone.lift()
        elif kind < 0.3:
            phone.flash()
        elif kind < 0.4 and phone.state == "talking":
            phone.key(random.choice(["1", "2", "3", "8002", "8003#", "*40", "*50", "*511#", "*20", OUTSIDE + "#"]))
        else:
            self.verb(f"100{extension[-1]}")

    def verb(self, agent: str) -> None:
        """A button, in whatever state."""
        random = self.random
        for _ in range(4):  # mostly something that is possible
            verb = random.choice([*VERBS, "consult", "transfer", "blind_transfer", "conference", "monitor", "make"])
            to = random.choice([*EXTENSIONS, OUTSIDE, "1", "999", None])
            try:
                self.world.side.verb(agent, verb, to)
            except VerbRefused as refused:
                self.done[refused.name] = self.done.get(refused.name, 0) + 1
            else:
                self.done[verb] = self.done.get(verb, 0) + 1
                return


@pytest.mark.parametrize("seed", range(4))
def test_anything_at_any_moment(tmp_path: Path, seed: int, logged_failures: LoggedFailures) -> None:
    random = Random(f"anything {seed}")
    world = CardBench(STAFF + callers(random), tmp_path)
    whims = Whims(world, random)
    while world.clock.seconds() < SECONDS:
        world.run(random.choice([0.02, 0.1, 0.5, 1.0, 2.0]))
        whims.some()
        for conversation in world.switch.conversations:
            assert conversation.connections, "an empty conversation is over"
            for one in conversation.connections:
                assert one in one.device.connections and one.live
    for _ in range(40):
        world.run(10.0)
        for extension in EXTENSIONS:
            world.phone(extension).hang_up("the day is over")
        if not world.centre.calls and not world.switch.conversations:
            break
    assert not world.centre.calls and not world.switch.conversations, (world.centre.calls, world.switch.conversations)
    world.run(60.0)
    for agent in world.centre.acd.agents.values():
        assert agent.line == "idle" and agent.work == "none" and agent.call is None, agent
    for trunk in world.side.trunks:
        assert trunk.span is not None and trunk.span.state().busy == 0
    hearing = world.switch._hearing
    assert not hearing._playing and len(hearing._rest) == hearing._numbers, "conferences that are not over"
    world.stop()
    assert world.rows and not world.faults(), world.faults()
    assert len(whims.done) > 8, whims.done
    assert not logged_failures.flush()
