"""Two PRI calls byte for byte: what the user's end sends and receives on its D channel, layer 2 included, and the
ladder of one of them. Read octet by octet against Q.921 and Q.931, and by Wireshark, which finds nothing amiss."""

from __future__ import annotations

from pathlib import Path

from drivers.signalling import q931
from drivers.signalling.causes import BUSY
from drivers.signalling.interface import Numbers
from drivers.signalling.ladder import ladder
from drivers.signalling.pri import PriCall
from drivers.signalling.pri_rules import PriRules
from tests.drivers.pri_peer import closed
from tests.drivers.pri_rig import PriRig, pri_rig

__all__ = ["closed"]

GOLDEN = Path(__file__).parent.parent / "golden" / "pri"


def two_calls() -> tuple[PriRig, PriCall]:
    """A call of the network that is answered and cleared by it; one of ours that finds its party busy."""
    rig = pri_rig(PriRules(trace="all", timers={"T203": 3_000}), PriRules(timers={"T203": 20_000}))
    said = Numbers("66886688", "01062001234", redirecting="62001111", name="Zhang San", user_user=b"order 4711")
    theirs = rig.network.call(said)
    rig.follow(theirs)
    rig.until(lambda: bool(rig.offered[rig.user]))
    [call] = rig.offered[rig.user]
    rig.time.run_for(0.5)
    call.alerting()
    rig.time.run_for(1)
    call.answer()
    rig.until_told(theirs, "answered")
    rig.time.run_for(5)
    theirs.clear()
    rig.until_told(theirs, "cleared")
    rig.time.run_for(0.5)
    ours = rig.user.call(Numbers("02162005678", "66886688", restricted=True))
    rig.follow(ours)
    rig.until(lambda: bool(rig.offered[rig.network]))
    rig.time.run_for(0.2)
    rig.offered[rig.network][0].alerting()
    rig.time.run_for(1)
    rig.offered[rig.network][0].clear(BUSY)
    rig.until_told(ours, "cleared")
    rig.time.run_for(0.5)
    return rig, call


def test_every_octet_of_two_calls() -> None:
    rig, _ = two_calls()
    lines = []
    for frame in rig.frames[rig.user]:
        message = q931.read(frame.data)
        words = f"  {message.name} {message.words}".rstrip() if message else ""
        lines.append(f"{round(frame.time_s * 1000):>5} {'>' if frame.sent else '<'} {frame.data.hex(' ')}{words}")
    golden = (GOLDEN / "two-calls.txt").read_text(encoding="utf-8")
    assert [line for line in golden.splitlines() if not line.startswith("#")] == lines


def test_the_ladder_of_a_call() -> None:
    _, call = two_calls()
    assert ladder(call.steps, "user", "network") + "\n" == (GOLDEN / "ladder.txt").read_text(encoding="utf-8")
