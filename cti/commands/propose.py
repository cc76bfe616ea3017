"""The site file's section `cards` as the driver's channels suggest it, and writing a proposal without overwriting.

Serves `tipring detect --write`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from cti.errors import TipringError
from drivers.detect import Channel, Found, ranges

ECHO_TAPS = 128
"""16 ms: "good enough for most installations" (README of Debian's dahdi-linux); 256 covers nearly any."""


def cards_section(found: Found) -> str:
    """A card for each run of channels of one kind on a span. TipringError where no channel serves as a port."""
    entries = [entry for span in found.spans for entry in _entries(span.number, span.channels)]
    if not entries:
        raise TipringError(
            "no channel is configured for a port yet: write /etc/dahdi/system.conf (tipring detect --describe), then: "
            "dahdi_cfg -vv"
        )
    head = [
        "# Proposed by `tipring detect --write`: copy it into the site file in place of its section `cards`.",
        "# 由 tipring detect --write 生成：复制到站点文件，替换其中的 cards 一节。",
        "cards:",
    ]
    first = next((name for name, kind, _ in entries if kind == "fxo"), "")
    tail = [
        "",
        "# and the PBX's extensions on it:   交换机分机：",
        "# vru:",
        "#   ports:",
        f'#     - {{card: {first}, port: 0, extension: "2001", desk: 1, line: 1}}',
    ]
    return "\n".join([*head, *(line for _, _, line in entries), *(tail if first else []), ""])


def write(path: Path, text: str) -> str:
    """Writes a new file; beside one that is there already, FILE.new. Returns what was done, with the difference."""
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else None
        if before == text:
            return f"{path}: is so already"
        target = path if before is None else path.with_name(path.name + ".new")
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TipringError(f"{path}: {error.strerror}; name another file: --write FILE") from error
    except UnicodeDecodeError as error:
        raise TipringError(f"{path}: is there and is no text; name another file: --write FILE") from error
    if before is None:
        return f"{path}: written"
    changes = difflib.unified_diff(before.splitlines(), text.splitlines(), str(path), str(target), lineterm="")
    return "\n".join([*changes, f"{path}: is there and was left as it is; the proposal is in {target}"])


def _entries(span: int, channels: tuple[Channel, ...]) -> Iterator[tuple[str, str, str]]:
    """Name, kind and line of the site file."""
    kinds: dict[str, list[Channel]] = {}
    for channel in channels:
        if channel.kind:
            kinds.setdefault(channel.kind, []).append(channel)
    for kind, members in kinds.items():
        echo = f", echo_taps: {ECHO_TAPS}" if kind != "d" and all(channel.echo for channel in members) else ""
        name, numbers = f"{kind}{span}", ranges(channel.number for channel in members)
        yield name, kind, f'  - {{name: {name}, kind: dahdi, type: {kind}, channels: "{numbers}", law: alaw{echo}}}'
