"""The table machine: order of actions, queued, illegal and failing ones, and diagrams that are not stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.machine import ActionFailed, Chart, IllegalEvent, Machine, main, mermaid, write_pages

ROOT = Path(__file__).parents[2]
DOOR = Chart(
    "Door",
    {
        ("shut", "open"): ("ajar", ("creak", "light")),
        ("ajar", "close"): ("shut", ("slam",)),
        ("ajar", "open"): ("ajar", ()),
    },
    initial="shut",
    states={"shut": "nobody passes"},
    limits={"ajar": "60 s"},
)


class Recorder:
    """Notes each action with the state it saw; can raise one event, or fail, inside an action."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.machine = Machine(DOOR, actions=self, name="door")
        self.inside: str | None = None
        self.fail = False

    def creak(self, *args: object) -> None:
        if self.fail:
            raise OSError("hinge")
        self.seen.append(("creak", self.machine.state))
        if self.inside is not None:
            assert self.machine.send(self.inside) == ()

    def light(self, *args: object) -> None:
        self.seen.append(("light", self.machine.state))

    def slam(self, *args: object) -> None:
        self.seen.append(("slam", self.machine.state))


def test_state_is_set_before_the_actions_run_in_order() -> None:
    recorder = Recorder()
    assert recorder.machine.send("open") == ("creak", "light")
    assert recorder.seen == [("creak", "ajar"), ("light", "ajar")]


def test_an_event_raised_by_an_action_waits_for_the_rest() -> None:
    recorder = Recorder()
    recorder.inside = "close"
    recorder.machine.send("open")
    assert recorder.seen == [("creak", "ajar"), ("light", "ajar"), ("slam", "shut")]
    assert recorder.machine.state == "shut"


def test_illegal_event_raises_and_changes_nothing() -> None:
    recorder = Recorder()
    with pytest.raises(IllegalEvent) as caught:
        recorder.machine.send("close")
    assert (caught.value.state, caught.value.event) == ("shut", "close")
    assert recorder.machine.state == "shut"
    assert recorder.seen == []
    assert not recorder.machine.can("close")


def test_illegal_event_from_an_action_is_reported_and_the_machine_goes_on() -> None:
    recorder = Recorder()
    recorder.inside = "explode"
    with pytest.raises(IllegalEvent):
        recorder.machine.send("open")
    assert recorder.machine.state == "ajar"
    recorder.inside = None
    recorder.machine.send("close")
    assert recorder.machine.state == "shut"


def test_a_failing_action_names_itself_and_leaves_the_machine_usable() -> None:
    recorder = Recorder()
    recorder.fail = True
    with pytest.raises(ActionFailed) as caught:
        recorder.machine.send("open")
    assert caught.value.action == "creak"
    assert isinstance(caught.value.__cause__, OSError)
    assert recorder.machine.state == "ajar"
    assert recorder.machine.send("close") == ("slam",)


def test_without_actions_the_names_are_the_answer() -> None:
    machine = Machine({("a", "go"): ("b", ("x", "y"))}, "a")
    assert machine.send("go") == ("x", "y")
    assert machine.state == "b"


def test_a_mapping_serves_as_actions_and_gets_the_arguments() -> None:
    got: list[object] = []
    machine = Machine({("a", "go"): ("a", ("x",))}, "a", {"x": got.append})
    machine.send("go", 7)
    assert got == [7]


def test_a_chart_must_name_known_states() -> None:
    with pytest.raises(ValueError, match="cellar"):
        Chart("Door", dict(DOOR), initial="shut", states={"cellar": "?"})
    with pytest.raises(ValueError, match="first state"):
        Machine({("a", "b"): ("c", ())})


def test_mermaid_draws_every_arrow() -> None:
    text = mermaid(DOOR)
    assert "[*] --> shut" in text
    assert "shut --> ajar: open / creak, light" in text
    assert "ajar --> ajar: open" in text


def test_pages_of_docs_machines_are_fresh() -> None:
    folder = ROOT / "docs" / "machines"
    pages = write_pages(ROOT / "cti")
    assert len(pages) > 3
    written = {path.name: path.read_text("utf-8") for path in folder.glob("*.md")}
    stale = sorted(name for name in pages.keys() | written.keys() if pages.get(name) != written.get(name))
    assert not stale, f"run `python -m cti.machine docs/machines`: stale are {stale}"


def test_main_removes_pages_of_tables_that_are_gone(tmp_path: Path) -> None:
    (tmp_path / "gone.md").write_text("old")
    assert main([str(tmp_path)]) == 0
    assert not (tmp_path / "gone.md").exists()
    assert (tmp_path / "README.md").exists()
    assert main([]) == 2
