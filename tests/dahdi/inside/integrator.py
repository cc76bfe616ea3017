"""What an installer does with a bare PC, on the real driver: system.conf from a description, as dahdi_cfg takes it;
cards and channels as `tipring detect` and `tipring check` see them; a line tested as `tipring card test` does."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cti.commands import main
from cti.commands.check_cards import card_faults
from cti.conf.checked_yaml import convert, read
from cti.install.line_test import LineTest, Row
from cti.pbx.line_rules import LineRules
from cti.site.config import Card
from cti.site.tones import load_plan
from drivers import detect
from drivers.dahdi import DahdiPort
from drivers.items import Tone
from drivers.operations import quietly
from tests.dahdi.inside.rig import SETTLED_S, pair

CONF = Path("/etc/dahdi/system.conf")
NEAR, FAR = range(1, 5), range(36, 40)


def configure(text: str) -> None:
    """As dahdi_cfg takes it; its complaint is the test's."""
    CONF.write_text(text, encoding="utf-8")
    done = subprocess.run(["/opt/dahdi/dahdi_cfg", "-vv"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def signalled(numbers: range) -> list[str]:
    channels = [detect.read().channel(number) for number in numbers]
    return [channel.signalling if channel is not None else "?" for channel in channels]


def test_a_description_is_taken_by_dahdi_cfg(tmp_path: Path) -> None:
    assert signalled(NEAR) == [""] * 4
    for text, law in (("4 FXO, 1 E1 PRI, China", "bchan"), ("4 FXO, 1 E1 R2, China", "cas")):
        assert main(["detect", "--describe", text, "--write", str(tmp_path / f"{law}.conf")]) == 0
        configure((tmp_path / f"{law}.conf").read_text())
        assert signalled(NEAR) == ["fxsks"] * 4
        assert signalled(range(5, 20)) == signalled(range(21, 36)) == [law] * 15
        if law == "bchan":
            assert signalled(range(20, 21)) == ["dchan"]
        assert {channel.echo for channel in detect.read().channels if channel.number <= 4} == {"MG2"}


def test_the_cards_proposed_are_as_check_wants_them(tmp_path: Path) -> None:
    configure(CONF.read_text())
    path = tmp_path / "cards.yaml"
    main(["detect", "--write", str(path)])
    cards, faults = convert(read(path), dict[str, tuple[Card, ...]])
    assert cards is not None and not faults
    asked = dict(enumerate(cards["cards"]))
    assert [fault.message for fault in card_faults(path, asked) if "kernel" not in fault.message] == []


def test_a_line_is_tested() -> None:
    """The far end gives dial tone as soon as the loop is closed."""
    configure("fxsks=1-4\nfxoks=36-39\nalaw=1-4,36-39\nloadzone=cn\ndefaultzone=cn\n")
    near, far = [DahdiPort(n, "fxo") for n in NEAR], [DahdiPort(n, "fxs") for n in FAR]
    with pair(near, far) as made:
        made.time.run_for(SETTLED_S)
        quietly(made.far.ports[0].play(Tone(450, level_dbm0=-12.0)))
        test = LineTest(made.clock, made.near.ports[0], load_plan("cn"), LineRules())
        rows: dict[str, Row] = {row.test: row for row in made.time.run(test.run(), 60.0) or []}
    assert rows["alarms"].ok and rows["off_hook"].ok
    assert rows["dial_tone"].value == "dial: -12 dBm0, 450 Hz" and rows["dial_tone"].ok
    assert rows["return_loss"].ok  # a virtual span has no hybrid
