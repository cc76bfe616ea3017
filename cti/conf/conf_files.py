"""Where Tipring's own configuration files are: PBX dialects, menu flows, tone plans.

A name (``panasonic-tda``) is looked up in /etc/tipring first, then among the files shipped with Tipring (the package
``tipring_conf``, in a source tree the folder conf); a path (with a slash, or ending in .yaml) is taken as it is. Serves
all of the nine steps.
"""

from __future__ import annotations

import difflib
import os.path
from importlib.util import find_spec
from pathlib import Path

from cti.errors import ConfigFaults, Fault

SITE_FOLDER = Path("/etc/tipring")


def folders(kind: str) -> list[Path]:
    """The folders that may hold files of this kind (pbx, flows, tones), the site's own first."""
    spec = find_spec("tipring_conf")
    if spec is not None and spec.submodule_search_locations:
        shipped = Path(next(iter(spec.submodule_search_locations)))
    else:
        shipped = Path(__file__).resolve().parents[2] / "conf"
    return [SITE_FOLDER / kind, shipped / kind]


def is_shipped(file: str | Path) -> bool:
    """Did it come with Tipring? Such a file is copied, not changed: the next version brings its own."""
    return any(Path(file).is_relative_to(folders(kind)[1]) for kind in ("pbx", "flows", "tones"))


def names(kind: str) -> list[str]:
    """The names there are, sorted."""
    return sorted({path.stem for folder in folders(kind) for path in folder.glob("*.yaml")})


def is_path(name: str) -> bool:
    """Whether a name is taken as the path of a file."""
    return "/" in name or name.endswith((".yaml", ".yml"))


def find(kind: str, name: str | Path) -> Path:
    """The file that a name or path means. Raises ConfigFaults naming those there are when there is none."""
    if isinstance(name, Path) or is_path(name):
        path = Path(name)
        if not os.path.isfile(path):  # False, too, for what can be no name of a file
            what = "is a folder" if os.path.isdir(path) else "there is no such file"
            raise ConfigFaults([Fault(str(path), 0, "", what, _those(kind, str(name)))])
        return path
    for folder in folders(kind):
        path = folder / f"{name}.yaml"
        if os.path.isfile(path):
            return path
    raise ConfigFaults([Fault(f"{kind}/{name}.yaml", 0, "", f"there is no {kind} file {name!r}", _those(kind, name))])


def _those(kind: str, name: str) -> str:
    known = names(kind)
    near = difflib.get_close_matches(name, known, 1, 0.6)
    there = "there are: " + (", ".join(known) or "none")
    if not is_path(name) and os.path.isfile(name):
        return f"write ./{name} for the file of this folder; {there}"
    return f"did you mean {near[0]}? {there}" if near else there
