"""`tipring status`: ports, agents, queues, links and the engine of a running server, on one page."""

from __future__ import annotations

import argparse
from typing import Any

NAME = "status"
HELP = "what the running server does now: ports, agents, queues, links"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which server, and how to print."""
    parser.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Asks and prints."""
    import json
    from pathlib import Path

    from cti.config import load_site
    from cti.control import ask

    answer = ask(Path(load_site(args.config).state_dir), {"do": "status"})
    if args.json:
        print(json.dumps(answer, ensure_ascii=False))
        return 0
    _show(answer)
    return 0


def _show(answer: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for title, key in (
        ("links 串口", "links"),
        ("ports 端口", "ports"),
        ("agents 坐席", "agents"),
        ("queues 队列", "queues"),
        ("calls 通话", "calls"),
        ("alarms 告警", "alarms"),
    ):
        rows = answer.get(key) or []
        if not rows:
            continue
        table = Table(title=title, title_justify="left")
        for name in rows[0]:
            table.add_column(name)
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row.values()))
        console.print(table)
    engine = answer.get("engine") or {}
    console.print("engine  " + "  ".join(f"{name} {value}" for name, value in engine.items()))
