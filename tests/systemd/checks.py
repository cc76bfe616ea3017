"""What an administrator sees of the units, each with its word; a Python of the container's root runs this.

Order at boot, readiness, a call centre that works; a server that is stopped dead (SIGSTOP), one whose media thread
alone stands (as a debugger holds it): killed by the watchdog and started again; what became of calls and agents; stop
with calls up; drain and stop.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.systemd.world import CALLS, DESK_PORT, SITE, lay_out

TIPRING = "/opt/tipring/.venv/bin/tipring"
AS_TIPRING = ("setpriv", "--reuid=tipring", "--regid=tipring", "--init-groups", "--")
LIMIT_S = 60.0
PTRACE_ATTACH = 16
WALL = 0x40000000


class Wrong(Exception):
    """What should be seen was not."""


def call(*words: str) -> str:
    """What a command prints, whatever its status."""
    return subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S).stdout.strip()


def unit(name: str, *properties: str) -> dict[str, str]:
    """Of a unit, as systemctl shows them."""
    rows = call("systemctl", "show", name, *(f"-p{one}" for one in properties)).splitlines()
    return dict(row.split("=", 1) for row in rows)


def status() -> dict[str, Any]:
    """`tipring status`; {} while nobody answers."""
    said = call(*AS_TIPRING, TIPRING, "status", "-c", str(SITE), "--json")
    return json.loads(said) if said.startswith("{") else {}


def until(what: str, holds: Callable[[], object], limit_s: float = LIMIT_S) -> float:
    """Waits for it; how long it took. Raises Wrong."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > limit_s:
            raise Wrong(f"not within {limit_s:g} s: {what}")
        time.sleep(0.3)
    return time.monotonic() - began


def seen(what: str) -> None:
    print(f"seen: {what}")


class Desk:
    """A screen of agent 1003."""

    def __init__(self) -> None:
        self._link = socket.create_connection(("127.0.0.1", DESK_PORT), 10.0)
        self._read = self._link.makefile("r", encoding="utf-8")
        self._asked = 0

    def ask(self, method: str, **params: str) -> dict[str, Any]:
        """The answer's result."""
        self._asked += 1
        message = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        self._link.sendall(json.dumps(message).encode() + b"\n")
        for line in self._read:
            answer = json.loads(line)
            if answer.get("id") == self._asked:
                return dict(answer["result"])
        raise Wrong(f"{method}: the link was closed")

    def log_in(self) -> str:
        """What the agent is declared to be right after it."""
        result = self.ask("login", agent="1003", password="secret-1003", extension="8003")
        return str(result["state"]["declared"])


def boot() -> None:
    """`systemctl enable --now tipring`, as docs/install.md says."""
    lay_out()
    call("systemctl", "daemon-reload")
    call("systemctl", "start", "world")
    until("the world's wires", Path("/var/lib/world/backplane.sock").exists)
    told = subprocess.run(["systemctl", "enable", "--now", "tipring-dahdi", "tipring"], capture_output=True, text=True)
    if told.returncode:
        raise Wrong(f"{told.stderr}{call('journalctl', '-u', 'tipring', '-o', 'cat', '-n', '20')}")
    driver = unit("tipring-dahdi", "ActiveEnterTimestampMonotonic", "ActiveState")
    server = unit("tipring", "ExecMainStartTimestampMonotonic", "ActiveState", "StatusText", "SubState")
    if server["ActiveState"] != "active" or driver["ActiveState"] != "active":
        raise Wrong(f"{driver} {server}")
    if int(driver["ActiveEnterTimestampMonotonic"]) > int(server["ExecMainStartTimestampMonotonic"]):
        raise Wrong("the server was started before the cards' driver was ready")
    if not status():
        raise Wrong("systemd calls it ready, and nobody answers")
    seen(f"the driver's unit first, then the server; ready means ready: {server['StatusText']}")


def working() -> Desk:
    """Calls are up, and an agent is ready."""
    until(f"{CALLS} calls", lambda: len(status().get("calls") or []) >= CALLS)
    until("two agents talk", lambda: sum(one["line"] == "talking" for one in status().get("agents") or []) == 2)
    desk = Desk()
    desk.log_in()
    if desk.ask("ready")["state"]["declared"] != "ready":
        raise Wrong("agent 1003 is not ready")
    seen(f"{CALLS} calls are up, two of them talk; agent 1003 is ready")
    return desk


def calls() -> list[dict[str, Any]]:
    """Their records."""
    said = call(*AS_TIPRING, TIPRING, "calls", "-c", str(SITE), "--json", "--limit", "100")
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def killed(how: str, pid: str, boots: int) -> None:
    """The watchdog ends it, it comes back, and all that was there is in order."""
    took = until(
        "the watchdog kills and starts it again",
        lambda: (
            unit("tipring", "MainPID", "ActiveState") != {"MainPID": pid, "ActiveState": "active"}
            and unit("tipring", "ActiveState", "SubState") == {"ActiveState": "active", "SubState": "running"}
        ),
        90.0,
    )
    state = unit("tipring", "NRestarts", "Result", "MainPID")
    said = call("journalctl", "-u", "tipring", "-o", "cat", "--no-pager")
    if "Watchdog timeout" not in said or int(state["NRestarts"]) != boots:
        raise Wrong(f"{how}: {state}: {said[-2000:]}")
    seen(f"{how}: killed by the watchdog and serving again after {took:.0f} s")


def in_order() -> None:
    """After a death: calls are closed with their cause, agents are not ready."""
    rows: list[dict[str, Any]] = []

    def closed() -> bool:
        rows[:] = calls()
        return len(rows) >= CALLS and all(row["outcome"] and row["cause"] for row in rows[-CALLS:])

    until("the calls are closed with their cause", closed, 30.0)
    seen(f"calls closed: {sorted({(row['outcome'], row['cause']) for row in rows})}")
    declared = Desk().log_in()
    if declared != "not_ready":
        raise Wrong(f"agent 1003 comes back {declared}")
    seen("agent 1003, who was ready, comes back as not ready")


def media_thread(pid: str) -> int:
    """The thread that wakes fifty times a second."""

    def woken() -> dict[int, int]:
        found = {}
        for task in Path(f"/proc/{pid}/task").iterdir():
            rows = (task / "status").read_text().splitlines()
            found[int(task.name)] = next(int(row.split()[1]) for row in rows if row.startswith("voluntary_ctxt"))
        return found

    before = woken()
    time.sleep(2.0)
    grown = {task: count - before.get(task, count) for task, count in woken().items() if task != int(pid)}
    task, count = max(grown.items(), key=lambda one: one[1])
    if count < 60:
        raise Wrong(f"no thread of {pid} ticks: {grown}")
    return task


def hold(thread: int) -> int:
    """A debugger in a process of its own holds this thread alone, until it is killed; its pid."""
    pid = os.fork()
    if pid == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.ptrace(PTRACE_ATTACH, thread, None, None) != 0:
            os._exit(1)
        while True:
            try:
                _, told = os.waitpid(thread, WALL)
            except ChildProcessError:
                os._exit(0)
            if os.WIFEXITED(told) or os.WIFSIGNALED(told):
                os._exit(0)
    return pid


def stopped(how: str) -> None:
    """`systemctl stop`: by itself, in time."""
    began = time.monotonic()
    call("systemctl", "stop", "tipring")
    ended = unit("tipring", "ActiveState", "Result", "ExecMainStatus")
    if ended != {"ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"}:
        raise Wrong(f"stop: {ended}: {call('journalctl', '-u', 'tipring', '-o', 'cat', '-n', '30')}")
    seen(f"stopped {how} in {time.monotonic() - began:.1f} s, status 0")


def main() -> int:
    began = time.monotonic()
    boot()
    working()
    pid = unit("tipring", "MainPID")["MainPID"]
    os.kill(int(pid), signal.SIGSTOP)
    killed("stopped dead", pid, 1)
    in_order()
    pid = unit("tipring", "MainPID")["MainPID"]
    debugger = hold(media_thread(pid))
    until(
        "the alarm media_stalled", lambda: any(one["alarm"] == "media_stalled" for one in status().get("alarms") or [])
    )
    seen("its media thread alone held by a debugger: the control half lives, and the alarm media_stalled stands")
    killed("its media thread held", pid, 2)
    os.waitpid(debugger, 0)
    if Desk().log_in() != "not_ready":
        raise Wrong("agent 1003 comes back ready")
    call("systemctl", "restart", "world")
    working()
    stopped("with calls up")
    call("systemctl", "start", "tipring")
    in_order()
    drained = subprocess.run(
        [*AS_TIPRING, TIPRING, "drain", "-c", str(SITE), "--wait", "60"], capture_output=True, text=True
    )
    ports = status()["ports"]
    blocked = sum(port["state"] == "blocked" for port in ports)
    if drained.returncode or blocked != len(ports):
        raise Wrong(f"drain: status {drained.returncode}, {blocked} of {len(ports)} ports out of service: {ports}")
    seen(f"drained: all {len(ports)} ports are out of service")
    stopped("drained")
    print(f"passed in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    result = 1
    try:
        result = main()
    except (Wrong, subprocess.TimeoutExpired, OSError, KeyError, ValueError) as error:
        print(f"FAILED: {error!r}")
        print(json.dumps(status(), ensure_ascii=False)[:4000])
        for name in ("world", "tipring"):
            print(call("journalctl", "-u", name, "-o", "short-monotonic", "--no-pager", "-n", "40"))
    finally:
        subprocess.run(["systemctl", "--force", "exit", str(result)])
