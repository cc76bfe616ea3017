"""`tipring run`: the server, until it is told to stop (Ctrl-C, SIGTERM)."""

from __future__ import annotations

import argparse

NAME = "run"
HELP = "the server"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which site."""
    parser.add_argument("-c", "--config", default="conf/site.yaml", metavar="FILE", help="site file (conf/site.yaml)")
    parser.add_argument("--log", metavar="FILE", help="JSON log lines go there instead of standard error")
    parser.add_argument("--level", choices=("debug", "info", "warning", "error"), default="info")


def run(args: argparse.Namespace) -> int:
    """Checks the site, starts, and stops in order."""
    from cti.reactor import install
    from cti.site.config import load_site

    site = load_site(args.config, machine=True)
    install()
    from cti.service import serve

    return serve(site, args.config, log_file=args.log, level=args.level)
