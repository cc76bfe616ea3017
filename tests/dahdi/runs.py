"""The runs of `make test-dahdi`: what is started in the machine, with which spans, and what has to come of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.dahdi import openr2
from tests.dahdi.build import Image
from tests.dahdi.vm import MODULES, Machine

Heard = Callable[[str], None]
LIMIT_S = 600.0
QUIET_S = 600
"""Of the machine's time: a test that takes so long is stuck, and says where."""
INSIDE = "tests/dahdi/inside"
BENCH = "tipring bench engine --rounds 3 --card dahdi"
POWER = "tests.dahdi.inside.power"


@dataclass(frozen=True)
class Run:
    """One boot and its command. `shown`: beginnings of output lines that belong into the summary."""

    name: str
    what: str
    spans: str
    command: Sequence[str]
    shown: tuple[str, ...] = ()
    modules: Sequence[str] = MODULES

    def perform(self, image: Image, folder: Path, heard: Heard) -> str | None:
        """What is wrong, None if nothing."""
        status = self.machine(image, folder).run(self.command, limit_s=LIMIT_S, heard=heard)
        return None if status == 0 else f"status {status}"

    def machine(self, image: Image, folder: Path) -> Machine:
        return Machine(image, folder, self.spans, modules=self.modules)


@dataclass(frozen=True)
class JudgedRun(Run):
    """A run with somebody else's program at the far end."""

    def perform(self, image: Image, folder: Path, heard: Heard) -> str | None:
        openr2.lay_into(folder)
        return super().perform(image, folder, heard)


@dataclass(frozen=True)
class FailingRun(Run):
    """A run that has to fail, and to say why."""

    because: str = ""

    def perform(self, image: Image, folder: Path, heard: Heard) -> str | None:
        lines: list[str] = []

        def both(line: str) -> None:
            lines.append(line)
            heard(line)

        if super().perform(image, folder, both) is None:
            return "it passed"
        return None if any(self.because in line for line in lines) else f"it failed without saying {self.because!r}"


@dataclass(frozen=True)
class PowerCut(Run):
    """Two boots of one disk: the power goes at a word of the first, the second has to find its way."""

    at: str = ""
    again: Sequence[str] = ()

    def perform(self, image: Image, folder: Path, heard: Heard) -> str | None:
        disk = image.disk(folder / "state.img")
        first = Machine(image, folder / "before", self.spans, disk=disk)

        def watch(line: str) -> None:
            heard(line)
            if line == self.at:
                first.cut_power()

        first.run(self.command, limit_s=LIMIT_S, heard=watch)
        if not first.was_killed:
            return f"never came to {self.at!r}"
        second = Machine(image, folder / "after", self.spans, disk=disk)
        status = second.run(self.again, limit_s=LIMIT_S, heard=heard)
        disk.unlink()
        return None if status == 0 else f"status {status} after the power cut"


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    run: Run
    wrong: str | None
    took_s: float
    lines: Sequence[str] = field(repr=False)

    def line(self) -> str:
        how = "FAILED" if self.wrong else "passed"
        return f"{how} {self.run.name} in {self.took_s:.0f} s: {self.wrong or self.run.what}"

    def told(self) -> list[str]:
        """Lines of the run's output that belong into the summary."""
        return [line for line in self.lines if self.run.shown and line.startswith(self.run.shown)]


def pytest(*words: str) -> list[str]:
    return [
        "python",
        "-m",
        "pytest",
        "-v",
        "--no-header",
        "-ra",
        "--durations=5",
        "-o",
        f"faulthandler_timeout={QUIET_S}",
        *words,
    ]


RUNS: dict[str, Run] = {  # the longest first, so that two at a time end together
    run.name: run
    for run in (
        PowerCut(
            "power",
            "the power is cut in the middle of ten calls; served again after it, their records closed with the cause",
            "lines",
            ["python", "-m", POWER, "calls"],
            ("power cut: ",),
            at="ten calls are up",
            again=["python", "-m", POWER, "again"],
        ),
        Run(
            "cards",
            "CardTests, the same on the software card and on the real driver",
            "analog",
            pytest(f"{INSIDE}/cards.py"),
            ("CardTests ", "skipped "),
        ),
        Run(
            "steps",
            "the nine steps: PBX on FXS channels, server on FXO channels",
            "lines",
            pytest(f"{INSIDE}/steps.py"),
        ),
        Run(
            "channels",
            "30 B channels for 60 s, both ways; frames of 1 to 260 bytes",
            "e1",
            pytest(f"{INSIDE}/channels.py"),
        ),
        Run(
            "trunk",
            "what any digital card must do: octets, CAS bits, frames",
            "trunk",
            pytest(f"{INSIDE}/trunks.py"),
            ("SKIPPED", "= "),
        ),
        JudgedRun(
            "r2",
            "R2 calls between two of ours, and with Debian's r2test at the far end, both ways",
            "r2",
            pytest("-s", f"{INSIDE}/r2.py"),
            ("R2 ", "= "),
        ),
        Run(
            "pri",
            "ISDN PRI between two ends of ours: what any trunk must do, 300 calls both ways",
            "pri",
            pytest("-s", f"{INSIDE}/pri.py"),
            ("SETUP to offered", "SKIPPED", "= "),
        ),
        Run(
            "integrator",
            "system.conf from a description, detection, the test of a line",
            "described",
            pytest(f"{INSIDE}/integrator.py"),
        ),
        Run("service", "alarm and recovery, 1,000 openings, bad input", "analog", pytest(f"{INSIDE}/service.py")),
        Run(
            "bench",
            "cost of a tick beside the software card's",
            "e1",
            [*BENCH.split(), "--channels", "1-15,17-31", "--type", "b"],
            ("dahdi costs", "30 b ports", "  software", "  dahdi"),
        ),
        FailingRun(
            "unloaded",
            "without the driver CardTests fail, and say why",
            "analog",
            pytest(f"{INSIDE}/cards.py", "-k", "TestDahdiCard and polarity"),
            modules=(),
            because="the DAHDI driver is not loaded",
        ),
    )
}
