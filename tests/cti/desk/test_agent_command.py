"""`tipring agent` against a desk server in another process: pop-up on the terminal, dropped link, wrong password."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

SERVER = """
import os, sys
from cti.reactor import install
reactor = install()
from twisted.internet import stdio
from twisted.internet.endpoints import TCP4ServerEndpoint
from cti.acd.centre import Acd
from cti.desk.passwords import InlineChecker, hash_password
from cti.desk.server import DeskServer
from drivers.clock import ReactorClock
from tests.cti.acd.acd_site import GroupOf, ProfileOf
clock = ReactorClock(reactor)
people = [ProfileOf("1001", ["s"], "8001", name="李明", password=hash_password("secret"))]
def note(kind, call, agent, source, data):
    if kind == "agent_state":
        server.agent_changed(agent)
        if data["line"] == "idle" and data["declared"] == "ready" and "c1" not in seen:
            seen.append("c1")
            reactor.callLater(0, call_comes)
seen = []
def call_comes():
    acd.enqueue("c1", "s")
    server.notify("1001", "popup", {"call": "c1", "ani": "02161234567", "customer": {"name": "王芳"}})
    acd.offer_result("c1", "1001", "answered")
    reactor.callLater(0.05, lambda: server.sessions["1001"].screen.cut())
    reactor.callLater(1.4, lambda: acd.line("1001", "idle", "smdr", "c1"))
acd = Acd(clock, [GroupOf("s")], people, note)
server = DeskServer(clock, people, acd, InlineChecker(), os.urandom)
def listening(port):
    print(port.getHost().port, flush=True)
TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(server.factory).addCallback(listening)
reactor.callLater(40, os._exit, 3)
reactor.run()
"""


@pytest.fixture
def port() -> Iterator[str]:
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()


def agent(port: str, *options: str) -> subprocess.Popen[str]:
    arguments = ["agent", "--server", f"127.0.0.1:{port}", *options]
    program = f"import sys; from cti.commands import main; sys.exit(main({arguments!r}))"
    return subprocess.Popen(
        [sys.executable, "-c", PATCH + program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        encoding="utf-8",
    )


PATCH = """
import cti.commands
import cti.commands.agent as agent
cti.commands.commands = lambda: [agent]     # also where the package is not installed
"""


@pytest.mark.paced
def test_a_call_on_the_terminal_with_a_dropped_link(port: str) -> None:
    process = agent(port, "--agent", "1001")
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("secret\n示闲\n")
    process.stdin.flush()
    shown: list[str] = []
    for line in process.stdout:
        shown.append(line)
        if "话后处理" in line:
            process.stdin.write("话后完成\nstate\nquit\n")
            process.stdin.flush()
    assert process.wait(20) == 0
    text = "".join(shown)
    assert "签入 logged in: 李明" in text
    assert text.count("=== 弹屏 pop-up  c1 ===") == 2, "at first, and again after the link was cut"
    assert "连接中断" in text
    assert re.search("主叫号码 ANI +02161234567", text)
    assert text.index("通话 talking") < text.index("话后处理 wrap-up")
    process.communicate()


@pytest.mark.paced
def test_refusals_are_one_clear_line_and_a_status(port: str, tmp_path: Path) -> None:
    process = agent(port, "--agent", "1001")
    out, error = process.communicate("wrong\n", timeout=60)
    assert (process.returncode, out) == (2, "")
    assert error == "tipring agent: agent or password wrong (-32002)\n"
    password = tmp_path / "password"
    password.write_text("secret\n")
    process = agent(port, "--agent", "1001", "--password-file", str(password))
    out, error = process.communicate("", timeout=60)
    assert (process.returncode, error) == (0, ""), "the end of input logs out"
    assert "李明" in out
    process = agent("1", "--agent", "1001", "--password-file", str(password))
    _, error = process.communicate("", timeout=60)
    assert process.returncode == 2
    assert "no desk server at 127.0.0.1:1" in error
    process = agent("nowhere", "--agent", "1001", "--password-file", str(tmp_path / "none"))
    _, error = process.communicate("", timeout=60)
    assert (process.returncode, error.count("\n")) == (2, 1)


def test_help_teaches() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PATCH + "cti.commands.main(['agent', '--help'])"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    for word in ("示闲", "notready", "tipring agent 1001", "--password-file"):
        assert word in done.stdout
