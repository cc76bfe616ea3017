"""The checklist of an installation, step by step, and its report to sign (all of the nine steps, on the spot).

Each step is judged from what the server and its records say (`status` of the control socket, rows of calls since the
walk began), by a command of its own (ports, tones), or by a person's word where nobody else can see it. The walk's
state is a JSON file that is written after each step, so that it goes on after a break, on another day.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from cti.errors import TipringError
from cti.install.walk_card import CARD_JUDGES
from cti.install.walk_steps import CLOCK_S, Step, few, steps_of
from cti.records.row import CallRow
from cti.site.config import Site

Verdict = Literal["passed", "failed", "skipped"]
# A number of so many digits and more is not of an extension.
OUTSIDE = 7
# The caller hung up, and this is how the line told.
HUNG_UP = ("loop_drop", "polarity", "busy_tone", "congestion_tone", "dial_tone", "silence", "digits")


class Done(msgspec.Struct):
    """What came of a step, when, by whom."""

    verdict: Verdict
    text: str
    at: datetime
    by: str


class Walk(msgspec.Struct):
    """A walk through a site, as kept in its file."""

    site: str
    began: datetime
    done: dict[str, Done] = {}
    switch: Literal["pbx", "card"] = "pbx"

    @property
    def steps(self) -> tuple[Step, ...]:
        """The checklist of such a site."""
        return steps_of(self.switch)

    def next(self) -> Step | None:
        """The first step that has not passed and was not left out; None: through."""
        return next((step for step in self.steps if self.is_open(step)), None)

    def is_open(self, step: Step) -> bool:
        """Not done, or failed."""
        return step.key not in self.done or self.done[step.key].verdict == "failed"

    @property
    def complete(self) -> bool:
        """Every step has passed."""
        return all(step.key in self.done and self.done[step.key].verdict == "passed" for step in self.steps)


def open_walk(path: Path, site: Site, now: datetime) -> Walk:
    """The walk in this file, or a new one. TipringError where it is of another site, or none."""
    try:
        walk = msgspec.json.decode(path.read_bytes(), type=Walk)
    except FileNotFoundError:
        return Walk(site.site.name, now, switch=site.switch)
    except (OSError, msgspec.DecodeError) as error:
        raise TipringError(f"{path}: no walk can be read from it ({error}); name another file with --state") from error
    if walk.site != site.site.name:
        raise TipringError(f"{path}: is of the site {walk.site}, not {site.site.name}; name another file with --state")
    walk.switch = site.switch
    return walk


def save_walk(path: Path, walk: Walk) -> None:
    """Written beside and put in its place, so that a power cut leaves the old or the new. TipringError."""
    beside = path.with_name(path.name + ".new")
    try:
        with beside.open("wb") as out:
            out.write(msgspec.json.format(msgspec.json.encode(walk), indent=1))
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    except OSError as error:
        raise TipringError(f"{path}: {error.strerror}") from error


# ---- judging -------------------------------------------------------------------------------------


def judge(key: str, site: Site, status: Mapping[str, Any] | None, rows: Sequence[CallRow]) -> tuple[bool, str]:
    """Whether a step of kind server or calls has passed, and on what evidence. ``status``: the server's answer, None
    where it does not run; ``rows``: calls since the walk began."""
    if site.switch == "card" and key in CARD_JUDGES:
        return CARD_JUDGES[key](site, status, rows)
    rows = [row for row in rows if row.kind == "inward"]
    match key:
        case "cards":
            return _cards(status)
        case "serial":
            return _serial(site, status)
        case "clock":
            return _clock(status)
        case "calls":
            return _calls(site, rows)
        case "transfer":
            found = [row for row in rows if row.outcome == "answered"]
            return _one(found, "was answered by {agent} at {agent_extension}")
        case "record":
            found = [row for row in rows if row.outcome == "answered" and row.recorded == "smdr"]
            return _one(found, "ended by the PBX's record: {smdr_raw}")
        case "disconnect":
            own = {one.extension for one in site.vru.all_ports()}  # our own calls prove less than one over a trunk
            found = [row for row in rows if _hung_up(site, row) and row.ani not in own]
            return _one(found, "ended by {cause} ({outcome})")
        case _:
            raise ValueError(f"no step {key} is judged by the server")


def _hung_up(site: Site, row: CallRow) -> bool:
    """By a sign on the PBX's line; on a trunk its signalling says so, once the VRU has answered. Who hung up before
    (abandoned_ring) was noticed by dial tone in the place of a caller: it proves nothing of a hang-up in a call."""
    if site.switch == "card":
        return row.answered_at is not None and (row.outcome or "") in ("abandoned_menu", "abandoned_queue")
    return row.cause in HUNG_UP and row.outcome != "abandoned_ring"


def _one(rows: Sequence[CallRow], text: str) -> tuple[bool, str]:
    if not rows:
        return False, "no such call yet"
    row = rows[0]
    fields = {name: getattr(row, name) for name in row.__struct_fields__}
    return True, f"call {row.id} from {row.ani or 'nobody named'} " + text.format(**fields)


def _calls(site: Site, rows: Sequence[CallRow]) -> tuple[bool, str]:
    """A PBX that names callers by messages names those of inside calls, too; where it names them on the port itself, a
    call between extensions may come without a number."""
    wanted = [one.extension for one in site.vru.all_ports() if one.use == "callers"]
    reached = {row.extension for row in rows if row.answered_at is not None}
    missing = [extension for extension in wanted if extension not in reached]
    if missing:
        return False, f"{len(wanted) - len(missing)} of {len(wanted)}; none yet at {few(missing)}"
    nameless = not_named(site, rows)
    if not nameless:
        return True, f"all {len(wanted)} ports, each with a caller's number"
    by_message = site.pbx.smdi is not None or site.pbx.mci is not None
    text = f"all {len(wanted)} ports, but without a caller's number at {few(nameless)}"
    if by_message or len(nameless) == len(wanted):
        return False, text
    outside = {row.ani for row in rows if row.answered_at is not None and row.ani and len(row.ani) >= OUTSIDE}
    return bool(outside), text + ("" if outside else "; call in from outside")


def not_named(site: Site, rows: Sequence[CallRow]) -> list[str]:
    """VRU extensions at which no call with a caller's number was answered yet: those to be called."""
    named = {row.extension for row in rows if row.answered_at is not None and row.ani is not None}
    wanted = (one.extension for one in site.vru.all_ports() if one.use == "callers")
    return [extension for extension in wanted if extension not in named]


def _cards(status: Mapping[str, Any] | None) -> tuple[bool, str]:
    if status is None:
        return False, "the server does not run"
    ports = status["ports"]
    wrong = [str(one["extension"]) for one in ports if one["state"] == "alarm"]
    return not wrong, f"in alarm: {few(wrong)}" if wrong else f"{len(ports)} ports, none in alarm"


def _serial(site: Site, status: Mapping[str, Any] | None) -> tuple[bool, str]:
    if status is None:
        return False, "the server does not run"
    links = {one["link"]: one for one in status["links"]}
    wanted = [name for name in ("smdi", "smdr", "mci") if getattr(site.pbx, name) is not None]
    said = [_of_link(links[name]) for name in wanted if name in links]
    good = all(
        name in links and links[name]["state"] == "up" and links[name]["items"] > links[name]["unread"]
        for name in wanted
    )
    return good, "; ".join(said) or "the site has no serial line"


def _of_link(link: Mapping[str, Any]) -> str:
    unread = f", {link['unread']} of them not understood" if link["unread"] else ""
    return f"{link['link']} {link['state']}, {link['items']} messages{unread}"


def _clock(status: Mapping[str, Any] | None) -> tuple[bool, str]:
    if status is None:
        return False, "the server does not run"
    offset_s = status.get("pbx_clock_s")
    if offset_s is None:
        return False, "not known yet: some records must come first"
    return abs(offset_s) < CLOCK_S, f"the PBX's clock is {abs(offset_s):.0f} s {'slow' if offset_s > 0 else 'fast'}"


# ---- the report ----------------------------------------------------------------------------------

WORDS = {"passed": "通过 passed", "failed": "未通过 FAILED", "skipped": "略过 left out"}


def report(walk: Walk, site: Site, version: str, now: datetime) -> str:
    """Markdown in Chinese and English, with places for the signatures; what was not done says so."""
    zone = site.zone
    rows = [
        f"# 安装验收报告 Installation report: {walk.site}",
        "",
        f"Tipring {version}; {_switch(site)}, {len(site.groups)} 技能组 groups, {len(site.agents)} 坐席 agents",
        f"开始 begun {walk.began.astimezone(zone):%Y-%m-%d %H:%M}, 打印 printed {now.astimezone(zone):%Y-%m-%d %H:%M}",
        "",
        "| # | 项目 | step | 结果 result | 依据 evidence | 时间 when | 执行 by |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, step in enumerate(walk.steps, start=1):
        done = walk.done.get(step.key)
        if done is None:
            cells = ["未做 not done", "", "", ""]
        else:
            when = f"{done.at.astimezone(zone):%Y-%m-%d %H:%M}"
            cells = [WORDS[done.verdict], done.text, when, done.by]
        rows.append("| " + " | ".join(_cell(text) for text in (str(number), step.zh, step.en, *cells)) + " |")
    verdict = "全部通过 all steps passed" if walk.complete else "未全部通过 NOT all steps passed"
    rows += ["", f"**{verdict}**", "", "安装 installer: ____________________  日期 date: ______________", ""]
    return "\n".join([*rows, "客户 customer: ____________________  日期 date: ______________", ""])


def _switch(site: Site) -> str:
    """Who connects calls, over what."""
    if site.switch == "card":
        seats = sum(len(row.extensions()) for row in site.seats)
        text = "板卡交换，无交换机 the cards are the switch, no PBX"
        return f"{text}; {len(site.trunks)} 中继 trunks, {seats} 话机 telephones"
    ports = site.vru.all_ports()
    return f"方言 dialect {Path(site.pbx.dialect).stem}; {len(ports)} VRU 端口 ports"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
