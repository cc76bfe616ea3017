"""Who may find and hear recorded conversations and the messages of callers, and the list of who did (step 9).

Whoever is the server's user, or root, on the server itself may do all. An agent may hear the conversations that
`recordings:` of the site file says and the messages left for his groups, and shows who he is by his password. Every
time one is played or exported, a line in `access.jsonl` of the folder says when, who and which: it is written before,
and where it cannot be written nothing is heard.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from cti.errors import TipringError
from cti.site.config import Agent, Site

ACCESS: Final = "access.jsonl"


class NotAllowed(TipringError):
    """Says who may."""


class NotNoted(TipringError):
    """The list cannot be written: nothing is heard."""


class Listener(msgspec.Struct, frozen=True):
    """Somebody who may listen. agents: whose conversations, groups: to the messages left for which; None: all."""

    name: str
    agents: tuple[str, ...] | None
    groups: tuple[str, ...] | None = None


def on_the_server(folder: Path, uid: int) -> Listener:
    """Without a password: root, or whom the folder belongs to. NotAllowed for others."""
    try:
        owner = folder.stat().st_uid
    except FileNotFoundError:
        owner = uid  # nothing has been recorded
    except PermissionError as error:
        raise NotAllowed(_remedy()) from error
    if uid not in (0, owner):
        raise NotAllowed(_remedy())
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Listener(f"user {name}", None)


def _remedy() -> str:
    return "only the server's user may listen without a password; say who you are: --as AGENT"


def agent(site: Site, id: str, password: str, verify: Callable[[str, str], bool]) -> Listener:
    """An agent with a right to listen. NotAllowed: wrong password, no such agent, or no right."""
    found = _known(site, id, password, verify)
    if found.recordings == "none":
        raise NotAllowed(f"agent {id} may not listen; the site file says who may: recordings: own, groups or all")
    return Listener(f"agent {id}", _heard_by(site, found))


def of_messages(site: Site, id: str, password: str, verify: Callable[[str, str], bool]) -> Listener:
    """An agent, who may hear what was left for his groups; with `recordings: all` what was left for any. NotAllowed:
    wrong password, or no such agent."""
    found = _known(site, id, password, verify)
    return Listener(f"agent {id}", (id,), messages_of(found))


def messages_of(agent: Agent) -> tuple[str, ...] | None:
    """The messages left for which groups an agent may hear; None: for any."""
    return None if agent.recordings == "all" else tuple(agent.groups)


def _known(site: Site, id: str, password: str, verify: Callable[[str, str], bool]) -> Agent:
    found = next((one for one in site.agents if one.id == id), None)
    if found is None or not verify(found.password, password):
        raise NotAllowed(f"agent {id}: unknown, or the password is wrong")
    return found


def _heard_by(site: Site, found: Agent) -> tuple[str, ...] | None:
    if found.recordings == "all":
        return None
    if found.recordings == "own":
        return (found.id,)
    return tuple(one.id for one in site.agents if set(one.groups) & set(found.groups))


def note(folder: Path, at: datetime, who: Listener, did: str, file: str, why: str | None = None) -> None:
    """Into the list; why: the reason of a hold. NotNoted where it cannot be written."""
    said = {"at": at, "who": who.name, "did": did, "file": file}
    line = msgspec.json.encode(said if why is None else {**said, "why": why}) + b"\n"
    path = folder / ACCESS
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            os.write(fd, line)
        finally:
            os.close(fd)
    except OSError as error:
        raise NotNoted(f"{path}: {error.strerror}; nothing is played that is not noted there") from error
