"""One form for every state machine: a table of data, run by one small engine, drawn by one command.

A table says `(state, event) -> (state, (action names...))`. Port, call, agent, queue entry, link and desk session all
have this form, so that the watchdog, the metrics and the invariants read states instead of guessing them, and the
diagrams in docs/machines/ are drawn from the tables that run (`python -m cti.machine docs/machines` writes them; a test
fails when they are stale). Machines of the media engine are tables too (csrc/*_table.h), run in C and drawn here.
Serves all of the nine steps.

Rules: the state is set first, then the actions run, in the order of the table. An event raised by an action waits until
the actions before it are done. An event that the table does not know raises IllegalEvent and changes nothing. An action
that raises ends the turn: what was still waiting is dropped and ActionFailed says which action of which machine it was;
its owner then ends the call (or the link) with that as the cause. No I/O, no clock.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from cti.errors import TipringError

Table = Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]
Action = Callable[..., object]


class IllegalEvent(TipringError):
    """The machine, in the state it is in, does not know this event; nothing was changed."""

    def __init__(self, machine: str, state: str, event: str) -> None:
        self.machine, self.state, self.event = machine, state, event
        super().__init__(f"{machine or 'machine'}: event {event!r} is not possible in state {state!r}")


class ActionFailed(TipringError):
    """An action raised; its exception is the __cause__. The state is the new one, waiting events were dropped."""

    def __init__(self, machine: str, event: str, action: str, why: BaseException) -> None:
        self.machine, self.event, self.action = machine, event, action
        super().__init__(f"{machine or 'machine'}: action {action!r} of event {event!r} failed: {why!r}")


class Chart(dict[tuple[str, str], tuple[str, tuple[str, ...]]]):
    """A table with the words its diagram needs: a title, what each state means, and how long it may last."""

    def __init__(
        self,
        title: str,
        transitions: Table,
        *,
        initial: str,
        states: Mapping[str, str] | None = None,
        limits: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(transitions)
        self.title = title
        self.initial = initial
        self.meanings = dict(states or {})
        self.limits = dict(limits or {})
        known = states_of(self)
        unknown = (set(self.meanings) | set(self.limits) | {initial}) - known
        if unknown:
            raise ValueError(f"{title}: no transition names the state(s) {', '.join(sorted(unknown))}")


class Machine:
    """Runs a table.

    actions is an object with a method for every action name, or a mapping of names to callables, or None when the
    caller of send() runs the returned names itself. Arguments given to send() are handed to each action of the turn.
    """

    __slots__ = ("_actions", "_running", "_waiting", "name", "state", "table")

    def __init__(
        self,
        table: Table,
        state: str | None = None,
        actions: object | Mapping[str, Action] | None = None,
        *,
        name: str = "",
    ) -> None:
        if state is None:
            if not isinstance(table, Chart):
                raise ValueError("a plain table needs its first state")
            state = table.initial
        self.table = table
        self.state = state
        self.name = name
        self._actions = actions
        self._waiting: deque[tuple[str, tuple[object, ...]]] | None = None
        self._running = False

    def __repr__(self) -> str:
        return f"<Machine {self.name} {self.state}>"

    def can(self, event: str) -> bool:
        """Whether the event is possible in the present state."""
        return (self.state, event) in self.table

    def send(self, event: str, *args: object) -> tuple[str, ...]:
        """Take one event; return the names of its actions (run already, if this machine was given actions).

        Called from within an action, the event waits and () is returned. Raises IllegalEvent, ActionFailed.
        """
        if self._running:
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append((event, args))
            return ()
        step = self.table.get((self.state, event))
        if step is None:
            raise IllegalEvent(self.name, self.state, event)
        self.state = step[0]
        names = step[1]
        if names and self._actions is not None:
            self._running = True
            try:
                self._run(event, names, args)
                while self._waiting:
                    next_event, next_args = self._waiting.popleft()
                    step = self.table.get((self.state, next_event))
                    if step is None:
                        raise IllegalEvent(self.name, self.state, next_event)
                    self.state = step[0]
                    self._run(next_event, step[1], next_args)
            finally:
                self._running = False
                self._waiting = None
        return names

    def _run(self, event: str, names: tuple[str, ...], args: tuple[object, ...]) -> None:
        actions = self._actions
        for name in names:
            try:
                action: Action = actions[name] if isinstance(actions, Mapping) else getattr(actions, name)
                action(*args)
            except Exception as error:
                raise ActionFailed(self.name, event, name, error) from error


def states_of(table: Table) -> set[str]:
    """Every state that the table names, on either side."""
    return {state for state, _ in table} | {step[0] for step in table.values()}


def mermaid(table: Table, initial: str | None = None) -> str:
    """The table as a mermaid state diagram; arrows with the same ends share one label, line by line."""
    if initial is None and isinstance(table, Chart):
        initial = table.initial
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, event), (target, names) in table.items():
        label = f"{event} / {', '.join(names)}" if names else event
        arrows.setdefault((state, target), []).append(label)
    lines = ["stateDiagram-v2"]
    if initial is not None:
        lines.append(f"    [*] --> {initial}")
    lines += [f"    {state} --> {target}: {'<br/>'.join(labels)}" for (state, target), labels in arrows.items()]
    return "\n".join(lines)


def page(name: str, source: str, table: Table) -> str:
    """One page of docs/machines/: the diagram, the meaning and the time limit of each state, the table itself."""
    title = table.title if isinstance(table, Chart) else name
    lines = [f"# {title}", "", f"Generated from `{source}` by `python -m cti.machine docs/machines`; do not edit.", ""]
    lines += ["```mermaid", mermaid(table), "```", ""]
    if isinstance(table, Chart) and (table.meanings or table.limits):
        lines += ["| state | meaning | may last |", "|---|---|---|"]
        for state in dict.fromkeys([table.initial, *table.meanings, *sorted(states_of(table))]):
            lines.append(f"| {state} | {table.meanings.get(state, '')} | {table.limits.get(state, 'without limit')} |")
        lines.append("")
    lines += ["| state | event | new state | actions |", "|---|---|---|---|"]
    for (state, event), (target, names) in table.items():
        lines.append(f"| {state} | {event} | {target} | {', '.join(names)} |")
    return "\n".join(lines) + "\n"


def is_table(value: object) -> bool:
    """Whether a module's global is a transition table (a Chart, or a plain mapping of that shape)."""
    if isinstance(value, Chart):
        return True
    if not isinstance(value, Mapping) or not value:
        return False
    return all(
        isinstance(key, tuple)
        and len(key) == 2
        and all(isinstance(part, str) for part in key)
        and isinstance(step, tuple)
        and len(step) == 2
        and isinstance(step[0], str)
        and isinstance(step[1], tuple)
        for key, step in value.items()
    )


def find_tables(package: Path) -> Iterator[tuple[str, str, Table]]:
    """Yield (page name, `module.NAME`, table) for every table that a module of the package defines at its top level.

    The modules are read, not imported: a table is literal data. Raises ValueError for a Chart that is not.
    """
    for path in sorted(package.rglob("*.py")):
        text = path.read_text("utf-8")
        if "cti.machine import" not in text:
            continue
        module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for name, value in _assignments(ast.parse(text)):
            table = _literal(value, f"{module}.{name}")
            if table is not None:
                short = f"{module.removeprefix(f'{package.name}.')}.{name.lower()}"
                yield short.replace(".", "-"), f"{module}.{name}", table


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _literal(value: ast.expr, name: str) -> Table | None:
    """The table that this expression writes down; None where it is something else."""
    try:
        if isinstance(value, ast.Dict):
            table = ast.literal_eval(value)
            return table if is_table(table) else None
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Chart":
            arguments = [ast.literal_eval(argument) for argument in value.args]
            words = {word.arg: ast.literal_eval(word.value) for word in value.keywords if word.arg is not None}
            return Chart(*arguments, **words)
    except ValueError as error:
        if isinstance(value, ast.Dict):
            return None
        raise ValueError(f"{name}: write the table as literal data: {error}") from error
    return None


_C_STATE = re.compile(r'^STATE\((\w+), (\w+), "(.*)"\)$', re.MULTILINE)
_C_ROW = re.compile(r"^ROW\((\w+), (\w+), (\w+), (\w+)\)$", re.MULTILINE)


def find_c_tables(folder: Path) -> Iterator[tuple[str, str, Chart]]:
    """Yield (page name, `csrc/NAME_table.h`, table) for every machine of the media engine: its states with their timers
    and meanings, its rows; the first state is where it begins. An installed package has none."""
    for path in sorted(folder.glob("*_table.h")):
        text = path.read_text("utf-8")
        states = {name: (meaning, timer) for name, timer, meaning in _C_STATE.findall(text)}
        rows = {(at, signal): (to, () if do == "none" else (do,)) for at, signal, to, do in _C_ROW.findall(text)}
        title = text.removeprefix("/* ").split(":", 1)[0].replace("\n *", "")
        chart = Chart(
            title,
            rows,
            initial=next(iter(states)),
            states={name: meaning for name, (meaning, _) in states.items()},
            limits={name: f"timer {timer.lower()}" for name, (_, timer) in states.items() if timer != "NONE"},
        )
        yield f"engine-{path.stem.removesuffix('_table')}", f"{folder.name}/{path.name}", chart


def write_pages(package: Path) -> dict[str, str]:
    """File name -> text of every page of docs/machines/, its index included."""
    pages: dict[str, str] = {}
    index = ["# State machines", "", "Generated by `python -m cti.machine docs/machines`; do not edit.", ""]
    for name, source, table in [*find_tables(package), *find_c_tables(package.parent / "csrc")]:
        pages[f"{name}.md"] = page(name, source, table)
        title = table.title if isinstance(table, Chart) else name
        index.append(f"- [{title}]({name}.md) (`{source}`)")
    pages["README.md"] = "\n".join(index) + "\n"
    return pages


def main(arguments: list[str]) -> int:
    """`python -m cti.machine DIRECTORY`: write the pages, remove those whose table is gone."""
    if len(arguments) != 1:
        print("usage: python -m cti.machine docs/machines", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    pages = write_pages(Path(__file__).parent)
    for stale in folder.glob("*.md"):
        if stale.name not in pages:
            stale.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, "utf-8")
    print(f"{len(pages) - 1} machines written to {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
