"""`tipring status`: ports, agents, queues, links and the engine of a running server, on one page."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

NAME = "status"
HELP = "what the running server does now: ports, agents, queues, links"


EXAMPLES = """\
examples:
  tipring status -c site.yaml
  watch tipring status -c site.yaml
  tipring status -c site.yaml --json
ports: idle, ringing, busy, guard (just hung up), blocked (out of service), alarm. agents: three truths, what the agent
declared, what the line does, what work is owed. For Prometheus: http://HOST:PORT/metrics, and /healthz.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which server, and how to print."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file of the server (conf/site.yaml)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Asks and prints."""
    import json
    from pathlib import Path

    from cti.operations.control import ask
    from cti.site.config import load_site

    answer = ask(Path(load_site(args.config).state_dir), {"do": "status"})
    if args.json:
        print(json.dumps(answer, ensure_ascii=False))
        return 0
    _show(answer)
    return 0


def clock_words(slow_s: float | None) -> str:
    """How far the PBX's clock is from ours, as records tell; None: none has told yet."""
    if slow_s is None:
        return "not known yet: some records must come first 尚未得知"
    sign, seconds = ("-" if slow_s > 0 else "+"), round(abs(slow_s))
    if seconds < 1:
        return "+0 s"
    return f"{sign}{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{sign}{seconds} s"


FEW = 3
"""So many alarms that say the same are shown one by one."""


def alike(alarms: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Alarms of one kind that say the same of many lines, as when a card is gone, in one row: first and last."""
    kinds: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for one in alarms:
        said = one["text"].partition(": ")[2] or one["text"]
        kinds.setdefault((one["alarm"].rstrip("0123456789"), said), []).append(one)
    rows: list[dict[str, str]] = []
    for (_, said), all_of in kinds.items():
        if len(all_of) <= FEW:
            rows += [dict(one) for one in all_of]
            continue
        names = f"{all_of[0]['alarm']} … {all_of[-1]['alarm']}"
        rows.append({"alarm": names, "text": f"{len(all_of)} of them 共{len(all_of)}条: {said}"})
    return rows


def _show(answer: dict[str, Any]) -> None:
    from rich.table import Table

    from cti.commands.pages import cells, page

    console = page(160)
    ports = "  ".join(f"{name} {port}" for name, port in (answer.get("addresses") or {}).items())
    console.print(f"TCP ports  {ports}", highlight=False)
    for title, key in (
        ("links 串口", "links"),
        ("ports 端口", "ports"),
        ("agents 坐席", "agents"),
        ("queues 队列", "queues"),
        ("calls 通话", "calls"),
        ("alarms 告警", "alarms"),
    ):
        rows = answer.get(key) or []
        rows = alike(rows) if key == "alarms" else rows
        if not rows:
            continue
        table = Table(title=title, title_justify="left")
        for name in rows[0]:
            table.add_column(name)
        for row in rows:
            table.add_row(*cells(*row.values()))
        console.print(table)
    if answer.get("links"):
        console.print(f"PBX clock 交换机时钟  {clock_words(answer.get('pbx_clock_s'))}", highlight=False)
    engine = dict(answer.get("engine") or {})
    cables = {name: engine.pop(name) for name in list(engine) if isinstance(engine[name], dict)}
    for name, figures in {"engine 引擎": engine, **cables}.items():
        console.print(
            f"{name}  " + "  ".join(f"{figure} {value}" for figure, value in figures.items()), highlight=False
        )
