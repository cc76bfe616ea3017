"""Tables for people: as wide as the terminal, wide enough for a file; what others wrote stands in them as it is.

An agent's reason, a customer's name, a line of the PBX may hold anything: neither square brackets, which colour text
elsewhere, nor control characters, which a terminal obeys, do anything here. Serves step 9 and the operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.errors import printable

if TYPE_CHECKING:
    from rich.console import Console


def page(width: int) -> Console:
    """Standard output; ``width``: of its lines, where it is no terminal."""
    from rich.console import Console

    console = Console(markup=False, emoji=False)
    return console if console.is_terminal else Console(width=width, markup=False, emoji=False)


def cells(*values: object) -> list[str]:
    """A row; None is an empty cell."""
    return ["" if value is None else printable(str(value)) for value in values]
