"""Scenarios from text and from seeds."""

import pytest

from simulators.scenario.scenario import CASES, mixed
from simulators.scenario.table import TableError, read_table

TEXT = """
# two agents, two callers
setup  | pbx          | answer_trunk=second_ring flash_ms=80-300 in_band=fsk polarity_on_answer=yes no_answer_s=12
setup  | office       | disconnect=none
setup  | fault        | smdi=lost:10%
setup  | agent 1001   | sales,service 8001 answers after 2.5 talks 20 wraps up 3
setup  | agent 1002   | sales 8002 does not answer
4.0    | caller 1     | 13800138000 by fsk on line 2: choose 1 after 1.5; talk 10
10.0   | caller 2     | withheld by dtmf: listen 0.8; wait 1; press 2; message 5; patience 40
12.0   | phone 8001   | off-hook for 20
0      | smdi 2       | late 4s
0      | smdr 1       | damaged
expect | caller 1     | answered 8001
"""


def test_a_table_is_read() -> None:
    scenario = read_table(TEXT)
    assert scenario.pbx.answer_trunk == "second_ring" and scenario.pbx.flash_ms == (80, 300)
    assert scenario.pbx.polarity_on_answer and scenario.pbx.no_answer_s == 12.0
    assert scenario.smdi.lost == 0.1 and scenario.smdi_of[2].late_s == 4.0 and scenario.smdr_of[1].damaged == 1.0
    assert scenario.agents[0].groups == ("sales", "service") and scenario.agents[0].phone.off_hook == ((12.0, 20.0),)
    assert scenario.agents[1].phone.usual.answer_s is None
    first, second = scenario.callers
    assert first.trunk == 1 and [step.kind for step in first.steps] == ["choose", "talk"]
    assert second.ani is None and second.absence == "private" and second.patience_s == 40.0
    assert scenario.expected == {1: ("answered", "8001")}


@pytest.mark.parametrize(
    "line",
    [
        "1 | caller 1 | nobody",
        "setup | pbx | colour=red",
        "4 | caller 1 | 138 by fsk: dance 3",
        "only two | cells",
        "4 | cat 1 | meows",
        "0 | smdi 1 | late",
        "setup | fault | dialtone=loud",
        "x | phone 8001 | off-hook for 3",
    ],
)
def test_a_wrong_line_is_named(line: str) -> None:
    with pytest.raises(TableError, match="line 2"):
        read_table("# first\n" + line)


def test_the_mix_holds_every_case_whatever_the_seed() -> None:
    for seed in range(20):
        scenario = mixed(seed, 20)
        assert {caller.note for caller in scenario.callers} == set(CASES)
        assert mixed(seed, 20) == scenario
        assert len(scenario.smdi_of) >= 2 and scenario.smdr_of
    assert mixed(1, 20) != mixed(2, 20)
