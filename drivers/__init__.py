"""The waist between the media engine in C and the control half in Python.

`Engine` runs the cards, `Port` is one line of a card with awaitable operations, `events` are what lines and detectors
report, `clock` is the time everything above is handed. Serves all nine steps; knows nothing of PBXs or agents.

Whoever updated the program and did not compile the engine again is told so here, before anything starts.
"""

import zlib
from pathlib import Path


def outdated(engine: object, header: Path) -> str | None:
    """What to do about an engine that was compiled from another header than the program has; None: nothing. An
    installed package has no header beside it: its two halves came together."""
    try:
        declared = zlib.crc32(header.read_bytes())
    except OSError:
        return None
    if getattr(engine, "TR_HEADER", None) == declared:
        return None
    return "the compiled engine is of another version than the program: make setup 编译的引擎与程序版本不符"


def _refuse_outdated() -> None:
    """ImportError, named drivers._engine. Where there is none at all, who needs it says so."""
    try:
        from drivers import _engine
    except ImportError:
        return
    wrong = outdated(_engine.lib, Path(__file__).parent.parent / "csrc" / "engine.h")
    if wrong is not None:
        raise ImportError(wrong, name="drivers._engine")


_refuse_outdated()
