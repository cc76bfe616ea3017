"""The demonstration in real time: the server and the world as two processes, and their story on the screen.

What is shown comes from the server's journal as it is written: each of the nine steps as it begins. At the end the
records are checked: every caller has a complete one. Status 0 only then.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import IO

from rich.console import Console

from cti.errors import TipringError
from cti.records.events import Entry
from cti.records.journal_read import Tail
from cti.records.store import Store
from cti.site.config import Site, load_site
from simulators.pbx.makes import MAKES
from simulators.rig.demo import table
from simulators.rig.result import call_object
from simulators.rig.site import write_site
from simulators.rig.stage import prompt_cache
from simulators.scenario.scenario import Scenario

LIMIT_S = 85.0
MARK = ".tipring-demo"
POLL_S = 0.1
STEPS = {
    1: ("a call enters the central office", "电话进入市话局"),
    2: ("the PBX captured ANI and DNIS", "PBX 取得主叫、被叫号码"),
    3: ("the PBX hunts to a VRU port", "PBX 选中 VRU 端口"),
    4: ("the PBX tells the VRU over RS232", "PBX 经 RS232 通知 VRU"),
    5: ("the VRU plays the menu", "VRU 播放菜单"),
    6: ("the queue of the group", "进入技能组队列"),
    7: ("hook flash, dial tone, extension", "拍叉簧、拨号音、拨分机"),
    8: ("pop-up on the agent's screen", "坐席弹屏"),
    9: ("the PBX's call record; the agent is free", "PBX 话单，坐席空闲"),
}
ON_CARD = {
    2: ("the office told ANI and DNIS", "市话局送来主叫、被叫号码"),
    3: ("it came on a trunk of ours", "占用中继"),
    4: ("the trunk's signalling says who calls", "中继信令告知号码"),
    7: ("the agent's telephone rings, the caller hears music", "坐席话机振铃，主叫听音乐"),
    9: ("our own record of the call; the agent is free", "本机话单，坐席空闲"),
}
MOVES = {
    "Held": ("on hold", "保持"),
    "Retrieved": ("back from hold", "恢复通话"),
    "Conferenced": ("joins the conference", "加入会议"),
    "Transferred": ("hands the call over", "转接"),
    "Queued": ("parked", "驻留"),
}
"""What CSTA calls what a party does in the middle of a call."""
JOINS = {"listen": ("listens", "监听"), "coach": ("whispers", "密语")}
"""What the cause of an event says of a supervisor's part."""
NOT_TOLD = "未提供 not told"
"""A number that was withheld, or that nobody sent."""
COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")


class Story:
    """The journal, told line by line. `on_card`: there is no PBX to speak of."""

    def __init__(self, console: Console, *, on_card: bool = False) -> None:
        self._console = console
        self._steps = {**STEPS, **(ON_CARD if on_card else {})}
        self._calls: dict[str, int] = {}
        self._began: float | None = None
        self._steps_at: dict[tuple[str, int], float] = {}
        self._held: dict[str, list[Entry]] = {}

    def tell(self, entry: Entry) -> None:
        """One event, if it is part of the story. The call is at our port (3) before the PBX says who calls (2): what is
        told of the third step waits until the second one is."""
        call, step = entry.event.call, int(entry.event.data["n"]) if entry.event.kind == "step" else 0
        if self._began is None:
            self._began = entry.seconds
        if call is None:
            return
        if step == 3 and (call, 2) not in self._steps_at:
            self._held[call] = [entry]
        elif call in self._held and entry.event.kind == "port":
            self._held[call].append(entry)
        elif step == 2:
            self._print(entry, call)
            self._release(call)
        else:
            if step or entry.event.kind == "outcome":
                self._release(call)
            self._print(entry, call)

    def _release(self, call: str) -> None:
        for held in self._held.pop(call, ()):
            self._print(held, call)

    def _print(self, entry: Entry, call: str) -> None:
        number = self._calls.setdefault(call, len(self._calls) + 1)
        at = entry.seconds - (self._began or 0.0)
        if entry.event.kind == "step":
            at = self._steps_at.get((call, int(entry.event.data.get("with", 0))), at)
            self._steps_at[call, int(entry.event.data["n"])] = at
        text = self._text(entry)
        if text:
            colour = COLOURS[(number - 1) % len(COLOURS)]
            self._console.print(f"{at:6.2f} s  call {number}  {text}", style=colour, highlight=False, soft_wrap=True)

    def _text(self, entry: Entry) -> str:
        event, data = entry.event, entry.event.data
        match event.kind:
            case "step":
                step = int(data["n"])
                english, chinese = self._steps[step]
                return f"[bold]{step}[/bold]  {english} · {chinese}  [dim]({event.source})[/dim]"
            case "ani":
                return f"   ANI 主叫 {data.get('ani') or NOT_TOLD}   DNIS 被叫 {data.get('dnis') or NOT_TOLD}"
            case "port":
                return f"   port {event.port}, extension 分机 {data.get('extension')}"
            case "menu":
                return f"   key {data.get('choice')} → group 技能组 {data.get('group')}"
            case "place":
                return f"   place in the queue 排队位置 {data.get('place')}"
            case "offered":
                return f"   agent 坐席 {event.agent}, extension 分机 {data.get('extension')}"
            case "no_answer" | "busy":
                return f"   agent 坐席 {event.agent}: {event.kind}"
            case "connected":
                return f"   talks with 通话 {event.agent}"
            case "connection":
                move = JOINS.get(str(data.get("cause")), MOVES.get(str(data.get("event"))))
                return f"   {data.get('device')}: {move[0]} {move[1]}" if move is not None else ""
            case "outcome":
                return f"   {data.get('outcome')}"
        return ""


def demonstrate(folder: Path, scenario: Scenario, choice: Sequence[str], *, keep: bool) -> int:
    """Runs both processes and tells the story; 0 when every record is complete. ``choice``: the arguments by which
    `tipring sim` has the same scenario."""
    console = Console()
    folder = folder.absolute()
    mark = empty_run_folder(folder)
    site_file = write_site(scenario, folder, desk_port=free_port(), metrics_port=free_port())
    cache = prompt_cache()
    if cache.is_dir():
        shutil.copytree(cache, folder / "state" / "prompts", dirs_exist_ok=True)
    site = load_site(site_file)
    world = _spawn(folder / "world.log", "sim", str(folder), *choice, *(["--keep"] if keep else []))
    server = _spawn(folder / "server.log", "run", "-c", str(site_file), "--log", str(folder / "server.jsonl"))
    signal.signal(signal.SIGTERM, _terminated)
    try:
        short = not keep and len(scenario.callers) <= 3
        status = _watch(console, site, world, server, keep=keep, limit_s=LIMIT_S if short else None)
    finally:
        for process in (world, server):
            _stop(process)
        mark.close()
    if keep:
        return 0
    steps = 8 if scenario.switch == "pbx" and MAKES[scenario.make].records is None else 9
    return status or _verdict(console, site, folder, len(scenario.callers), steps)


def empty_run_folder(folder: Path) -> IO[str]:
    """An empty folder for a run, locked as long as the file returned is open.

    What an earlier run left there is deleted, and nothing else ever: a folder that holds anything and does not say by
    its mark that it is a run is refused, as is one in which a run goes on (TipringError).
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise TipringError(f"--dir {folder}: is not a folder")
        held = os.listdir(folder) if folder.exists() else []
        if held and MARK not in held:
            raise TipringError(f"--dir {folder}: holds other things, which a run would delete; name a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        mark = (folder / MARK).open("w", encoding="utf-8")
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TipringError(f"--dir {folder}: another demo runs there; name another folder, or end it") from error
        mark.write("A run of `tipring demo`: the next one deletes what is here.\n")
        mark.flush()
        for name in held:
            there = folder / name
            if there.is_dir() and not there.is_symlink():
                shutil.rmtree(there)
            elif name != MARK:
                there.unlink()
        return mark
    except OSError as error:
        raise TipringError(f"--dir {folder}: {error.strerror}: {error.filename}; name another folder") from error


def _terminated(number: int, frame: FrameType | None) -> None:
    """SIGTERM ends both processes, as Ctrl-C does."""
    raise KeyboardInterrupt


def free_port() -> int:
    """A TCP port that is free now; fixed in the site file, so that desks find a server that was started again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _spawn(output: Path, *args: str) -> subprocess.Popen[bytes]:
    with output.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-c", "import sys; from cti.commands import main; sys.exit(main())", *args],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _watch(
    console: Console,
    site: Site,
    world: subprocess.Popen[bytes],
    server: subprocess.Popen[bytes],
    *,
    keep: bool,
    limit_s: float | None,
) -> int:
    """Tells the journal until the world has ended; 1 where a process dies or time is over."""
    tail, story = Tail(site.journal), Story(console, on_card=site.switch == "card")
    began = time.monotonic()
    console.print(
        "server and world are starting; the first call comes in seconds · 正在启动，数秒后将有第一个来电", style="dim"
    )
    if keep:
        near = os.path.relpath(site.state.parent)
        console.print(f"logs and state in {near}; Ctrl-C ends. In another terminal:", style="dim")
        for command in (*("status", "calls", "trace 1-000001", "agent 1001"), *_of_lines(site)):
            note = "   (password secret-1001; takes the place of the simulated desk)" if "agent" in command else ""
            text = f"  tipring {command} -c {near}/site.yaml{note}"
            console.print(text, style="dim", highlight=False, soft_wrap=True)
    try:
        while True:
            ended = world.poll() is not None
            for entry in tail.poll() if site.journal.is_dir() else ():
                story.tell(entry)
            if server.poll() is not None:
                console.print(f"the server ended with status {server.returncode}: see {site.state.parent}/server.log")
                return 1
            if ended:
                return 0 if world.returncode == 0 else 1
            if limit_s is not None and time.monotonic() - began > limit_s:
                console.print(f"not through after {limit_s:g} s")
                return 1
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        return 0


def _of_lines(site: Site) -> list[str]:
    """Commands for the lines of this site, by their names."""
    if site.switch == "pbx":
        port = site.vru.all_ports()[0].extension
        return [f"port capture {port} --out {port}.wav"]
    trunk = site.trunks[0]
    return ["span show", f"port capture {trunk.name}/{trunk.slots()[0]} --out {trunk.name}.wav"]


def _verdict(console: Console, site: Site, folder: Path, wanted: int, steps: int) -> int:
    """The records as the database has them; ``steps``: a PBX without records leaves out the ninth."""
    store = Store(site.database_url)
    rows = sorted(store.calls(limit=10_000), key=lambda row: row.id)
    began = min((row.started_at for row in rows), default=None)
    calls = [call_object(row, began) for row in rows if began is not None]
    store.close()
    table(calls)
    complete = [call for call in calls if call["outcome"] == "answered" and len(call["steps"]) == steps]
    console.print(f"{len(complete)} of {wanted} records are complete; see {os.path.relpath(folder)}")
    return 0 if len(complete) == wanted else 1
