"""What was learned goes into the site file: comments and the order of fields stay, every former file is kept beside it.

Nothing is written where the new file would have faults: then they are told, and the file stays as it is. For the
installer's commands with --write.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from cti.errors import TipringError
from cti.site.config import VruPort, load_site

Change = Callable[[CommentedMap], object]


def edit_site(path: Path, change: Change) -> Path:
    """The file with `change` made to it; returns where the former one is. ConfigFaults where the new one would be
    wrong, TipringError where it cannot be written; the file is then as it was."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    aside = path.with_name(path.name + ".new")
    try:
        old = path.read_bytes()
        flush = re.search(rb"^\w+:\s*\n- ", old, re.MULTILINE)  # lists stand below their key, or are set in
        yaml.indent(mapping=2, sequence=2 if flush else 4, offset=0 if flush else 2)
        document = yaml.load(old)
        change(document)
        text = io.StringIO()
        yaml.dump(document, text)
        aside.touch(mode=path.stat().st_mode & 0o777)
        os.chown(aside, path.stat().st_uid, path.stat().st_gid)
        aside.write_text(text.getvalue(), "utf-8")
        load_site(aside)
        before = _keep(path, old)
        aside.replace(path)
    except (OSError, YAMLError) as error:
        raise TipringError(f"{path}: cannot be changed: {error}") from error
    finally:
        aside.unlink(missing_ok=True)
    return before


def _keep(path: Path, old: bytes) -> Path:
    """Where the former file is now: FILE.before, or FILE.before.2, .3 …: none that is there is overwritten. OSError."""
    before = path.with_name(f"{path.name}.before")
    for number in count(2):
        if not before.exists():
            break
        before = path.with_name(f"{path.name}.before.{number}")
    with before.open("xb") as file:
        file.write(old)
    return before


def tones_and_line(tones: Mapping[str, Mapping[str, Any]], line: Mapping[str, Any]) -> Change:
    """Fields of `tones` and of `pbx`; of a tone that is there already only what was learned is replaced."""

    def change(document: CommentedMap) -> None:
        for section, fields in (("tones", tones), ("pbx", line)):
            for name, value in fields.items():
                there = document.setdefault(section, CommentedMap())
                if isinstance(value, Mapping):
                    there.setdefault(name, _in_a_row(CommentedMap())).update(_plain(value))
                else:
                    there[name] = _in_a_row(CommentedSeq(value)) if isinstance(value, tuple) else value

    return change


def ports(wanted: Sequence[VruPort]) -> Change:
    """All of `vru.ports`, a row for each."""

    def change(document: CommentedMap) -> None:
        rows = CommentedSeq()
        for one in wanted:
            row = CommentedMap(card=one.card, port=one.port, extension=DoubleQuotedScalarString(one.extension))
            if one.desk is not None:
                row.update(desk=one.desk, line=one.line)
            if one.use != "callers":
                row["use"] = one.use
            if one.dnis is not None:
                row["dnis"] = DoubleQuotedScalarString(one.dnis)
            rows.append(_in_a_row(row))
        document["vru"]["ports"] = rows

    return change


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """With lists in place of tuples."""
    return {key: _in_a_row(CommentedSeq(value)) if isinstance(value, tuple) else value for key, value in fields.items()}


def _in_a_row(value: Any) -> Any:
    """Written as {..} or [..]."""
    value.fa.set_flow_style()
    return value
