"""Leads an installer through the checklist: asks, looks, writes down, and goes on where it was broken off.

What is typed: Enter runs a command or looks again, and nothing else does; y and n answer a question, s leaves a step
out with a reason, q ends for now. The end of the input is q; anything else is asked again, with what may be typed. A
failed step stays open and comes again at the next walk.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cti.install.walk import Done, Verdict, Walk, judge, not_named, save_walk
from cti.install.walk_steps import Step
from cti.records.row import CallRow
from cti.site.config import Site

# The last calls are in the database so soon.
STORED_S = 3.0
# What may be typed, said at the first question and wherever something else was typed.
LEAVE = "s leaves this step out, with a reason 跳过此项（须写原因）; q ends for now, to go on from here 暂停，下次继续"
KEYS = {
    "run": "Enter runs the command 回车执行",
    "look": "Enter looks again 回车再看; n writes it down as failed 记为不合格",
    "word": "y it was so 是; n it was not, failed 否，记为不合格",
}
# What is asked of a person where a command shows what is there, but cannot judge it.
ASKED = {
    "tones": "Are these values in the site file? 站点文件是否一致？ y/n/s/q ",
    "recording": "Is the talk there, and are both heard? 录音是否有、双方是否都能听清？ y/n/s/q ",
}
# A command that could not do its work ends so; what it told is on the screen.
COULD_NOT = 2


class Guide:
    """`ask(text)` returns a line, None at the end of input; `status` the server's answer or None; `rows` the calls
    since a time; `check` the faults of the site file; `command` runs one of Tipring's and returns its status;
    `wait` lets seconds pass."""

    def __init__(
        self,
        path: Path,
        walk: Walk,
        site: Site,
        by: str,
        *,
        now: Callable[[], datetime],
        ask: Callable[[str], str | None],
        say: Callable[[str], object],
        status: Callable[[], dict[str, Any] | None],
        rows: Callable[[datetime], Sequence[CallRow]],
        check: Callable[[], list[str]],
        command: Callable[[Sequence[str]], int],
        wait: Callable[[float], object],
    ) -> None:
        self.walk = walk
        self._path, self._site, self._by, self._now = path, site, by, now
        self._ask, self._say, self._status, self._rows = ask, say, status, rows
        self._check, self._command, self._wait = check, command, wait
        self._told = False  # what may be typed

    def run(self) -> bool:
        """Every open step in order, each once; True: all are passed or left out."""
        steps = self.walk.steps
        for number, step in enumerate(steps, start=1):
            if not self.walk.is_open(step):
                continue
            self._say(f"\n{number}/{len(steps)}  {step.zh}  {step.en}" + (f"\n      {step.todo}" if step.todo else ""))
            if not self._step(step):
                return False
        return self.walk.next() is None

    def _step(self, step: Step) -> bool:
        """False: ended for now."""
        match step.how:
            case "check":
                return self._checked(step)
            case "command":
                return self._commanded(step)
            case "word":
                return self._word(step, "Was it so? 是否如此？ y/n/s/q ")
            case _:
                return self._looked(step)

    def _checked(self, step: Step) -> bool:
        faults = self._check()
        self._write(step, "failed" if faults else "passed", "; ".join(faults[:5]) or "no fault")
        return True

    def _commanded(self, step: Step) -> bool:
        words = _words(step, self._site)
        line = " ".join(("tipring", *words))
        answer = self._answer(f"{line}: Enter runs it 回车执行, s, q ", ("", "s"), KEYS["run"])
        if answer is None:
            return False
        if answer == "s":
            return self._left_out(step)
        result = self._command(words)
        if step.key in ASKED and result != COULD_NOT:
            return self._word(step, ASKED[step.key])
        self._write(step, "passed" if result == 0 else "failed", f"{line}: status {result}")
        return True

    def _looked(self, step: Step) -> bool:
        while True:
            good, text = judge(step.key, self._site, self._status(), self._rows(self.walk.began))
            if good:
                self._write(step, "passed", text)
                return True
            self._say(f"      {text}")
            more, keys = (", c calls the missing ports 逐个试呼", "nsc") if step.key == "calls" else ("", "ns")
            answer = self._answer(f"Enter looks again 回车再看{more}, n, s, q ", ("", *keys), KEYS["look"] + more)
            if answer is None:
                return False
            if answer == "s":
                return self._left_out(step)
            if answer == "c":
                self._command(("port", "call", *not_named(self._site, self._rows(self.walk.began))))
                self._wait(STORED_S)
            if answer == "n":
                self._write(step, "failed", text)
                return True

    def _word(self, step: Step, question: str) -> bool:
        answer = self._answer(question, ("y", "n", "s"), KEYS["word"])
        if answer is None:
            return False
        if answer == "s":
            return self._left_out(step)
        note = self._ask("Remark 备注: ") or ""
        said = f"{'yes' if answer == 'y' else 'no'}, said by {self._by}" + (f": {note}" if note else "")
        self._write(step, "passed" if answer == "y" else "failed", said)
        return True

    def _left_out(self, step: Step) -> bool:
        while (why := self._ask("Why? 原因: ")) is not None:
            if why.strip():
                self._write(step, "skipped", why.strip())
                return True
            self._say("      a step is left out with a reason only 须写原因")
        return False

    def _answer(self, question: str, keys: Collection[str], meaning: str) -> str | None:
        """One of `keys`, in lower case ("" is Enter), asked until it is; None: q, or the input has ended."""
        told = f"      {meaning}; {LEAVE}"
        if not self._told:
            self._say(told)
            self._told = True
        while (answer := self._ask(question)) is not None and (key := answer.strip().lower()) != "q":
            if key in keys:
                return key
            self._say(told)
        return None

    def _write(self, step: Step, verdict: Verdict, text: str) -> None:
        self._say(f"      {verdict}: {text}")
        self.walk.done[step.key] = Done(verdict, text, self._now(), self._by)
        save_walk(self._path, self.walk)


def _words(step: Step, site: Site) -> tuple[str, ...]:
    """The command of a step."""
    match step.key:
        case "ports":
            return ("pbx", "learn-ports")
        case "recording":
            return ("recordings", "find", "--since", "today")
        case _:
            return ("line", "learn", site.vru.all_ports()[0].extension)
