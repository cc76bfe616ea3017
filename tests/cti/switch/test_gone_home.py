"""An agent who logged out in the middle of a talk and then handed the caller on: gone home, not busy for ever."""

from __future__ import annotations

from pathlib import Path

from tests.cti.switch.card_bench import CardBench


def test_who_logged_out_in_a_talk_is_not_busy_for_ever(tmp_path: Path) -> None:
    world = CardBench(
        "setup | agent 1001 | sales 8001 answers after 2 talks 60\n"
        "4.0 | caller 1 | 13800138000 by fsk: choose 1 after 1.5; talk 40\n",
        tmp_path,
    )
    world.talking()
    acd, agent = world.centre.acd, world.centre.acd.agents["1001"]
    acd.logout("1001")
    seat, call = world.switch.seats["8001"], next(iter(world.centre.calls.values()))
    world.side.verbs.do(world.side.seating.asker(seat), "park", "1")
    assert seat.off_hook and call.agent is None and call.state == "talking"
    world.phone("8001").hang_up("gone home")
    world.run(3.0)  # longer than a flash: on-hook is known
    assert (agent.line, agent.call) == ("idle", None)
    acd.login("1001")
    acd.ready("1001")
    assert agent.available
    world.stop()
