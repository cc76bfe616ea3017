"""`tipring run`: the server, until it is told to stop (Ctrl-C, SIGTERM)."""

from __future__ import annotations

import argparse
from pathlib import Path

NAME = "run"
HELP = "the server"

EXAMPLES = """\
Takes calls until Ctrl-C or SIGTERM; faults of the site file are told first (status 2). As a service: docs/install.md.

examples:
  tipring run -c site.yaml
  tipring run -c site.yaml --log server.jsonl      JSON lines; SIGHUP opens the file anew after a rotation
  tipring status -c site.yaml                      meanwhile, in another terminal: ports, agents, queues, alarms
  tipring drain -c site.yaml                       before the end: no new calls, those that are up go on
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which site."""
    parser.epilog = EXAMPLES
    parser.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file (conf/site.yaml)")
    parser.add_argument("--log", metavar="FILE", help="JSON log lines go there instead of standard error")
    parser.add_argument("--level", choices=("debug", "info", "warning", "error"), default="info")


def run(args: argparse.Namespace) -> int:
    """Checks the site, starts, and stops in order."""
    from cti.conf import checked_yaml
    from cti.reactor import install
    from cti.site.config import load_site
    from cti.site.pbx_dialect import site_dialect

    site = load_site(args.config, machine=True)
    if site.switch == "pbx":
        site_dialect(site, checked_yaml.read(Path(args.config)))
    install()
    from cti.service import serve

    return serve(site, args.config, log_file=args.log, level=args.level)
