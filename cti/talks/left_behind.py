"""Calls of the server's run before, as their rows say, whose records the PBX may still print (step 9).

Behind a PBX a conversation goes on when the server dies, and a printer that nobody read meanwhile keeps its lines. The
row of a call says what is known of it: who called, which telephone, from when to when. The end of a call that was under
way is not known: it is taken as a guess (cti.talks.leg.Leg.guessed), so a record that states a later one is its, too.
"""

from __future__ import annotations

from datetime import datetime

from cti.call import CALL, Call, Step
from cti.machine import Machine
from cti.records.row import CallRow
from cti.talks.leg import Leg
from drivers.clock import Clock


def left_behind(row: CallRow, clock: Clock) -> Leg | None:
    """The agent's part in such a call, or our port's where no agent had it; None: nothing is known of it."""
    now, seconds = clock.now(), clock.seconds()

    def at(moment: datetime) -> float:
        """On the clock of this run; before its beginning: less than 0."""
        return seconds - (now - moment).total_seconds()

    agents = row.connected_at is not None
    extension = row.agent_extension if agents else row.extension
    began, ended = row.connected_at or row.answered_at, row.talk_ended_at or row.ended_at
    if extension is None or began is None or row.answered_at is None:
        return None
    if ended is None and not agents:
        return None  # when our port left it nobody knows
    call = Call(row.id, at(row.started_at), Machine(CALL, "ended"), written=True)
    call.ani, call.ani_doubt, call.ani_truncated = row.ani, row.ani_doubt, row.ani_truncated
    call.dnis, call.outcome, call.cause = row.dnis, row.outcome, row.cause or ""
    call.agent, call.extension = row.agent, row.agent_extension
    call.answered_s, call.talk_s = at(row.answered_at), at(began) if agents else None
    call.measured_s = row.talk_s if ended is not None else None
    call.steps = {number: Step(at(step.at), step.at, "inferred") for number, step in row.steps.items()}
    ends = at(ended) if ended is not None else seconds
    return Leg(extension, call, at(began), agents, ended_s=ends, guessed=ended is None)
