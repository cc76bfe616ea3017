"""Help texts teach: every command shows how it is called."""

from __future__ import annotations

import argparse

import pytest

from cti.commands import installed, parser


@pytest.mark.parametrize("name", installed())
def test_every_command_shows_examples(name: str) -> None:
    top = parser(name)
    [subs] = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    assert f"tipring {name} " in (subs.choices[name].epilog or "")
