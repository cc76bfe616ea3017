"""Which callers are customers of the company, and what its customer file says of them (step 8)."""

from __future__ import annotations

from simulators.scenario.scenario import Scenario

CUSTOMERS = (
    ("陈晓东", "远航物流", "月结客户"),
    ("周丽", "", "上次咨询发货时间"),
    ("Global Parts Ltd", "Global Parts", "speaks English"),
)
"""Name, company, note."""


def customers(scenario: Scenario) -> list[tuple[str, tuple[str, str, str]]]:
    """Number and entry of each caller who is known: every second one, or all of a few."""
    numbers = [plan.ani for plan in scenario.callers if plan.ani][:: 2 if len(scenario.callers) > 3 else 1]
    return [(number, CUSTOMERS[index % len(CUSTOMERS)]) for index, number in enumerate(numbers)]
