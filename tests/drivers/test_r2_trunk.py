"""R2 as a trunk: what every trunk does, in both variants."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drivers.signalling.r2 import R2Settings
from tests.drivers.r2_rig import R2Line
from tests.drivers.trunk_tests import TrunkFarEnd, Trunks, TrunkTests

CHANNELS = 3


class R2Tests(TrunkTests):
    settings: R2Settings
    tells_withheld = True

    @pytest.fixture
    def trunks(self) -> Iterator[Trunks]:
        line = R2Line(self.settings, channels=CHANNELS)

        def cut(on: bool) -> None:
            for index in range(CHANNELS):
                line.cut(on, index)

        made = Trunks(
            line.time,
            line.trunk,
            TrunkFarEnd(line.office),
            lambda: cut(True),
            lambda: cut(False),
            tells_withheld=self.tells_withheld,
        )
        yield made
        made.close()


LENGTHS = {"6": 8, "021": 11, "10086": 5}
"""Of called numbers: where a number ends by time-out, the caller is not asked for."""


class TestChina(R2Tests):
    settings = R2Settings(prefixes=LENGTHS)
    tells_withheld = False


class TestItu(R2Tests):
    settings = R2Settings(variant="itu", prefixes=LENGTHS)


class TestCallerControl(R2Tests):
    """The called party may lift again for 2 s; the caller is asked for after the first digit."""

    settings = R2Settings(prefixes=LENGTHS, ask_caller=1, control="caller", timers={"reanswer": 2000})
    tells_withheld = False


class TestEndSignal(R2Tests):
    """The called number ends by signal 15."""

    settings = R2Settings(variant="itu", called_end=15)
