"""Every bench of a test is closed when the test is over."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _closes_benches(_leaves_nothing_behind: object) -> Iterator[None]:
    yield
    module = sys.modules.get("tests.simulators.bare_vru")
    while module is not None and module.Bench.made:
        module.Bench.made.pop().close()
