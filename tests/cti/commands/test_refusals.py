"""What a command cannot do is one clear line with a remedy and status 2, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cti.commands import main

CONF = Path(__file__).parents[3] / "conf"
SITE = str(CONF / "site.yaml")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["status", "-c", "none.yaml"], "none.yaml: there is no such file; -c FILE names the site file"),
        (["calls", "-c", SITE, "--since", "999999d"], "--since 999999d: write 30m"),
        (["calls", "-c", SITE, "--since", "0001-01-01"], "--since 0001-01-01: write 30m"),
        (["calls", "-c", SITE, "--limit", "99999999999999999999"], "write a number from 1 to 1000000000"),
        (["recordings", "find", "-c", SITE, "--ani", "%"], "--ani '%': has no digit"),
        (["calls", "-c", SITE, "--ani", ""], "--ani '': has no digit"),
        (["pbx", "learn", "--name", "a/b", "text"], "--name a/b: write a short name"),
        (["pbx", "decode", "--dialect", "text", "text"], "write ./text for the file of this folder"),
        (["pbx", "decode", "--dialect", "./folder", "text"], "folder: is a folder"),
        (["line", "learn", "2001", "-c", SITE, "--vacant", "7x"], "--vacant '7x': write 1 to 32 of 0-9"),
        (["card", "test", "2001", "-c", SITE, "--dial", "8x"], "--dial '8x': write 1 to 32 of 0-9"),
        (["line", "learn", "8001", "-c", str(CONF / "site-card.yaml")], "this site has no PBX"),
        (["detect", "--describe", "4 FXO, China", "--write", "none/x"], "none/x: No such file or directory; name"),
        (["audio", "make", "--dtmf", "12x", "--out", "x.wav"], "at most 256 of 0-9*#A-D,"),
        (["demo", "--stepped", "--calls", "1", "--wires", "text"], "--wires text: is not a folder"),
        (
            ["demo", "--stepped", "--trunk", "r2", "--callers", "none"],
            "none: cannot be read: No such file",
        ),
        (["demo", "--stepped", "--trunk", "r2", "--callers", "latin"], "latin: is not UTF-8"),
    ],
)
def test_it_is_told_in_one_line(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("hello\n")
    Path("folder").mkdir()
    Path("latin").write_bytes(b"\xff")
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"tipring {words[0]}: ") and said.count("\n") == 1
    assert told in said and "[Errno" not in said


FULL = [["--help"], ["calls", "--help"], ["pbx", "list"], ["audio", "make", "--dtmf", "1", "--out", "/dev/full"]]


@pytest.mark.parametrize("words", FULL)
def test_a_full_disk_is_told_in_one_line(words: list[str]) -> None:
    """Where what is printed goes to a file, too; the interpreter's end does not try it again."""
    with open("/dev/full", "w") as full:
        code = f"import sys; from cti.commands import main; sys.exit(main({words!r}))"
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"tipring {words[0]}: ") and "No space left on device" in done.stderr


def test_who_reads_the_help_may_have_enough() -> None:
    code = "import sys; from cti.commands import main; sys.exit(main(['--help']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as done:
        assert done.stdout is not None and done.stderr is not None
        done.stdout.close()
        assert done.stderr.read() == b"" and done.wait() == 141
