"""Every make's PBX with a few calls in simulated time: the server, by its own dialect of that make, must be right."""

from __future__ import annotations

import pytest

from simulators.pbx.makes import MAKES
from simulators.rig.result import missing_step
from simulators.scenario.scenario import mixed
from tests.rig.settled import look, settled

CALLS = 14
# Records are damaged on their way in these scenarios.
DAMAGE = {"smdr_damaged"}
# Which of its times this PBX prints is not published: our dialect assumes the one, the simulated PBX prints the other.
TO_LEARN = {"toshiba-ctx": {"smdr_stamp"}}


@pytest.mark.parametrize("name", MAKES)
def test_a_make(name: str) -> None:
    seen = look(mixed(2, CALLS).with_make(name))
    told = "\n".join(map(str, seen.run.findings))
    assert not told, told
    assert seen.run.strangers == []
    settled(seen, alarms=(DAMAGE & set(seen.alarms)) | TO_LEARN.get(name, set()))
    assert len(seen.calls("answered")) >= 7
    assert set(seen.run.records) <= {"reconciled", "doubted", "marked"}
    assert missing_step(seen.run.calls, records=MAKES[name].records is not None) is None
