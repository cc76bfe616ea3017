"""The judges of `make test-dahdi`, tried on the host: they must see what they are there to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dahdi.build import Image
from tests.dahdi.debian import MachineError, Packages
from tests.dahdi.inside import conftest as cards
from tests.dahdi.inside.channels import broken_at, stream
from tests.dahdi.runs import RUNS, FailingRun, Heard, PowerCut, Run
from tests.dahdi.vm import Machine

SENT = stream("a channel", 2)


@pytest.mark.parametrize(
    ("heard", "broken"),
    [
        (SENT, None),
        (b"\xd5" * 320 + SENT + b"\xd5" * 80, None),
        (SENT[:4000], None),
        (SENT[:8000] + SENT[8001:], 8000),
        (SENT[:8000] + SENT[7999:], 8000),
        (SENT[:8160] + SENT[8000:], 8160),
        (SENT[:8000] + b"\xd5" * 160 + SENT[8160:], 8000),
        (stream("another channel", 2), 0),
        (b"", 0),
    ],
)
def test_a_sample_lost_or_repeated_is_seen(heard: bytes, broken: int | None) -> None:
    at = broken_at(SENT, heard)
    assert at == broken or (broken and at and broken <= at <= broken + 2)  # two codes may be equal by chance


def test_cards_must_run_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    tests = {f"test_{number}": "passed" for number in range(cards.LEAST)}
    monkeypatch.setattr(cards, "outcomes", {"sim": tests, "dahdi": dict(tests)})
    assert list(cards.alike()) == []
    cards.outcomes["dahdi"]["test_0"] = "skipped"
    [few] = cards.alike()
    assert "39 tests passed" in few
    del cards.outcomes["dahdi"]["test_0"]
    different, _ = cards.alike()
    assert different == "different tests ran: test_0"


class Booted(Machine):
    """A machine that says what it is told to say."""

    says: tuple[str, ...] = ()
    status = 0

    def run(self, command: object, *, limit_s: float, heard: Heard | None = None, environment: object = None) -> int:
        for line in self.says:
            if heard is not None and not self.was_killed:
                heard(line)
        return self.status


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path / "vmlinux", tmp_path / "initrd", tmp_path / "qemu", (tmp_path / "lock").open("w"))


@pytest.mark.parametrize(
    ("status", "says", "wrong"),
    [
        (1, ("the DAHDI driver is not loaded",), None),
        (0, ("the DAHDI driver is not loaded",), "it passed"),
        (1, ("Segmentation fault",), "it failed without saying"),
    ],
)
def test_a_run_that_has_to_fail(
    monkeypatch: pytest.MonkeyPatch, image: Image, status: int, says: tuple[str, ...], wrong: str | None
) -> None:
    monkeypatch.setattr(Booted, "status", status)
    monkeypatch.setattr(Booted, "says", says)
    monkeypatch.setattr(Run, "machine", lambda self, image, folder: Booted(image, folder, self.spans))
    run = RUNS["unloaded"]
    assert isinstance(run, FailingRun)
    told = run.perform(image, image.kernel.parent, lambda line: None)
    assert told is None if wrong is None else told is not None and told.startswith(wrong)


def test_a_power_cut_that_never_came(monkeypatch: pytest.MonkeyPatch, image: Image, tmp_path: Path) -> None:
    monkeypatch.setattr("tests.dahdi.runs.Machine", Booted)
    monkeypatch.setattr(Image, "disk", lambda self, path: path)
    run = RUNS["power"]
    assert isinstance(run, PowerCut)
    assert run.perform(image, tmp_path, lambda line: None) == "never came to 'ten calls are up'"


def test_without_a_network_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(MachineError) as error:
        Packages(tmp_path).update()
    assert "needs the network" in str(error.value) and "\n" not in str(error.value)
