"""The fixture that fails tests which leave something behind does fail them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

LEAKS = """
from twisted.internet.defer import Deferred, fail
from drivers.card import SoftwareCard
from drivers.clock import SteppedClock
from drivers.engine import Engine
from drivers.items import Tone
from drivers.scope import CallScope


def test_timer():
    SteppedClock().callLater(5, lambda: None)


def test_operation():
    engine = Engine(SteppedClock(), max_ports=2)
    test_operation.kept = SoftwareCard(engine, "fxo", 1).ports[0].play(Tone(450))


def test_scope():
    async def waits():
        await Deferred()

    CallScope(SteppedClock()).start(waits(), "child")


def test_unhandled_failure():
    fail(ValueError("nobody looked"))


def test_clean():
    SteppedClock().callLater(0, lambda: None)
"""


def test_what_is_left_behind_fails_the_test(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import _leaves_nothing_behind, logged_failures\n")
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    failed = {line.split("::")[1].split()[0] for line in run.stdout.splitlines() if line.startswith("ERROR")}
    assert failed == {"test_timer", "test_operation", "test_scope", "test_unhandled_failure"}, run.stdout
