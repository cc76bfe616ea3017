"""Every text table of this folder, run in simulated time against the server: it must end as the table expects, and in
all else as the world saw it. Some tables are about more than how calls end; that is looked at here, too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cti.assemble import Assembly
from drivers.clock import SteppedClock
from simulators.faults import parse
from simulators.judge.judge import unexpected
from simulators.scenario.scenario import Scenario
from simulators.scenario.table import read_table
from simulators.world.world import World
from tests.rig.settled import Seen, look, settled

TABLES = sorted(path for path in Path(__file__).parent.glob("*.txt"))


def table(name: str) -> Scenario:
    return read_table((Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8"))


def of(seen: Seen, number: int) -> str:
    """The server's name of a caller's call, by the number that called."""
    ani = seen.run.world.truth.calls[number].ani
    return next(str(call["call"]) for call in seen.run.calls if call["ani"] == ani)


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_a_table(path: Path) -> None:
    scenario = read_table(path.read_text(encoding="utf-8"))
    assert scenario.expected, "a table without expectations proves nothing"
    assert set(scenario.expected) == {caller.number for caller in scenario.callers}
    if scenario.clock_shifts:
        return  # the record's times are the wall clock's: see test_the_wall_clock_is_set_during_calls
    seen = look(scenario)
    said = [*unexpected(seen.run.calls, seen.run.world.truth, scenario), *seen.run.findings]
    log = "\n".join(map(str, seen.run.world.truth.log))
    assert not said, "\n".join(map(str, said)) + "\n" + log
    dead = {scenario.vru_extensions[port] for port, _ in scenario.cuts}
    home = {agent.desk.agent for agent in scenario.agents if not agent.pc}  # they sign off before the end
    settled(seen, alarms={f"line_{extension}" for extension in dead}, dead=dead, signed_off=home)


def test_the_wall_clock_is_set_during_calls() -> None:
    """Durations are those of the monotonic clock; times are the wall clock's at that moment."""
    seen = look(table("wall_clock_set"))
    settled(seen)
    calls = {call["ani"]: call for call in seen.run.calls}
    assert len(seen.run.calls) == 2
    for mine in seen.run.world.truth.calls.values():
        call = calls[mine.ani]
        assert call["outcome"] == "answered" and call["cause"] == "smdr"
        through = next(one.at_s for one in mine.all("through") if one.data["kind"] == "agent")
        chose, released = mine.at("chose"), mine.at("released")
        assert chose is not None and released is not None
        assert call["talk_s"] == pytest.approx(released - through, abs=2.0)
        assert call["wait_s"] == pytest.approx(through - chose, abs=2.0)
    first, second = (calls[mine.ani] for mine in seen.run.world.truth.calls.values())
    assert first["steps"]["8"] < 60 and first["steps"]["9"] < -3500, "back an hour while they talked"
    assert second["steps"]["8"] < -3400 and second["steps"]["9"] > 3600, "forward two hours while they talked"


def test_a_recall_is_the_same_call() -> None:
    seen = look(table("recall"))
    assert len(seen.run.calls) == 1
    call = seen.run.calls[0]
    assert call["offers"] == 2 and call["no_answers"] == 1
    assert [data["what"] for _, _, data in seen.kinds("transfer")] == ["no_answer", "recalled", "answered"]
    assert len([one for one in seen.run.world.truth.log if one.what == "recall"]) == 1


def test_places_are_told_on_entry_and_when_they_change() -> None:
    seen = look(table("place_in_the_queue"))
    second, third = of(seen, 2), of(seen, 3)
    queued = {call: data["place"] for _, call, data in seen.kinds("queued")}
    assert (queued[second], queued[third]) == (1, 2)
    moved = [(call, data["place"]) for _, call, data in seen.kinds("place")]
    assert moved == [(third, 1)]
    left = next(at for at, call, _ in seen.kinds("left_queue") if call == second)
    told = next(at for at, call, _ in seen.kinds("place") if call == third)
    assert 0 <= told - left < 0.1


def test_a_late_number_updates_the_popup() -> None:
    seen = look(table("late_number_updates_the_popup"))
    world = seen.run.world
    desk = world.desks["1001"]
    assert [shown["ani"] for _, shown in desk.popups] == [None]
    assert desk.popup is not None and desk.popup["ani"] == "13800138000"
    updates = [one for one in world.truth.log if one.what == "popup update"]
    assert updates and updates[-1].data["ani"] == "13800138000"
    assert updates[-1].at_s > desk.popups[0][0] + 0.5
    assert seen.run.calls[0]["ani"] == "13800138000"


def test_a_desk_comes_back_to_its_call() -> None:
    seen = look(table("desk_unplugged"))
    log = seen.run.world.truth.log
    desk = [
        (round(one.at_s), one.what) for one in log if one.who == "desk 1001" and one.what in ("link lost", "resumed")
    ]
    assert [what for _, what in desk[:4]] == ["link lost", "resumed", "link lost", "resumed"]
    for call in seen.run.calls:
        assert call["cause"] == "smdr", "the record frees the agent, whether the desk is there or not"
    assert len([one for one in log if one.what == "logged in"]) == 1, "the agent need not log in again"


def test_a_message_is_on_the_row_and_told_to_the_desks() -> None:
    seen = look(table("message"))
    call = next(call for call in seen.run.calls if call["outcome"] == "message")
    spoken = seen.run.world.truth.calls[2].first("message spoken")
    assert spoken is not None
    assert call["message_s"] == pytest.approx(float(spoken.data["seconds"]), abs=3.5)
    (_, of_call, data), *more = seen.kinds("message")
    assert of_call == call["call"] and not more and data["path"].endswith(f"{call['call']}.wav")
    (lamp,) = [one for one in seen.run.world.truth.log if one.what == "lamp"]
    assert lamp.data == {"extension": "8001", "on": True, "refused": None}


def test_who_hangs_up_in_the_consultation_leaves_the_agent_idle() -> None:
    seen = look(table("hangs_up_in_consultation"))
    settled(seen)
    call = seen.run.calls[0]
    assert call["outcome"] == "lost_in_transfer" and call["agent"] is None and "8" in call["steps"]
    phone = [one.what for one in seen.run.world.truth.log if one.who == "phone 8001"]
    assert "phone lifted" not in phone


def transfers(seen: Seen) -> list[tuple[str, str]]:
    return [(data["what"], data.get("how", "")) for _, _, data in seen.kinds("transfer")]


def alarms(seen: Seen) -> list[str]:
    return [data["what"] for _, _, data in seen.kinds("alarm")]


def dialled(seen: Seen) -> list[str]:
    return [str(one.data["digits"]) for one in seen.run.world.truth.log if one.what == "dials"]


def test_status_digits_tell_every_outcome() -> None:
    seen = look(table("status_digits"))
    first = of(seen, 1)
    told = [(data["what"], data["how"]) for _, call, data in seen.kinds("transfer") if call == first]
    assert told == [("refused", "digit 4: dnd"), ("busy", "digit 2: busy"), ("answered", "digit 5: answered")]
    (lost,) = [call for call in seen.run.calls if call["outcome"] == "lost_in_transfer"]
    assert lost["cause"] in ("digit #9: gone", "smdr")


def test_a_late_dial_tone_costs_one_question_and_is_waited_for_afterwards() -> None:
    seen = look(table("dial_tone_late"))
    assert transfers(seen) == [
        ("no_dial_tone", "the dial tone came late"),
        ("answered", "voice"),
        ("answered", "voice"),
    ]
    assert alarms(seen) == ["dial_tone_late"]
    flashes = [one for one in seen.run.world.truth.log if one.what == "flash"]
    assert len(flashes) == 2, "one for each call"


def test_a_flash_that_is_not_taken_is_said_so() -> None:
    seen = look(table("flash_too_short"))
    assert [(what, how) for what, how in transfers(seen)] == [("no_dial_tone", "silence after the flash")] * 2
    assert {data["why"] for _, _, data in seen.kinds("transfer")} == {"the PBX did not take the flash"}
    assert set(alarms(seen)) == {"flash_not_taken"} and dialled(seen) == []


def test_a_flash_taken_for_on_hook_calls_no_agent() -> None:
    seen = look(table("flash_too_long"))
    (call,) = seen.run.calls
    assert call["cause"] == "the PBX took the flash for on-hook"
    assert dialled(seen) == [] and alarms(seen) == ["flash_too_long"]


def test_the_call_that_ends_at_our_flash_by_its_record_alone() -> None:
    """The same dial tone for a held caller and for an empty line: only the record tells."""
    plain = table("flash_too_long").with_fault(parse("smdr=lost:0%"))
    scenario = replace(plain, site={}, tones={}, pbx=replace(plain.pbx, hold_dial="dial"))
    seen = look(scenario)
    (call,) = seen.run.calls
    assert call["outcome"] == "lost_in_transfer" and call["cause"].startswith("the call ended at our flash")
    assert dialled(seen) == []


def test_codes_are_dialled_before_the_extension_and_to_fetch_back() -> None:
    seen = look(table("flash_and_code"))
    assert dialled(seen) == ["8001", "2", "8002"]


def test_a_recall_without_a_word_at_another_port() -> None:
    seen = look(table("recall_elsewhere"))
    assert len(seen.run.calls) == 1
    rings = {
        one.data["extension"] for one in seen.run.world.truth.log if one.what == "rings" and one.who.startswith("ext")
    }
    assert {"2001", "2002"} <= rings
    assert [what for what, _ in transfers(seen)] == ["no_answer", "recalled", "answered"]


def test_the_desks_word_alone_ends_a_consultation() -> None:
    seen = look(table("desk_says_answered"))
    assert transfers(seen) == [("answered", "desk")]


def test_a_lamp_by_feature_code_from_the_last_port() -> None:
    seen = look(table("lamp_by_code"))
    settled(seen)
    (lamp,) = [one for one in seen.run.world.truth.log if one.what == "lamp"]
    assert lamp.data == {"extension": "8001", "on": True, "refused": None}
    off_hook = [one for one in seen.run.world.truth.log if one.what == "off-hook" and one.who.startswith("ext 2")]
    assert [one.who for one in off_hook] == ["ext 2004"]


def test_lamps_are_ordered_again_when_the_line_is_back() -> None:
    seen = look(table("lamps_after_a_cut"))
    lamps = [(one.at_s, one.data["on"]) for one in seen.run.world.truth.log if one.what == "lamp"]
    assert [on for _, on in lamps] == [True, True] and lamps[1][0] > 69.0


def test_agents_without_a_pc_have_a_whole_shift() -> None:
    """What they pressed is so until they press something else, at the telephone from which they called."""
    states: dict[float, dict[str, tuple[str, str, str | None]]] = {}

    def watched(server: Assembly, world: World, clock: SteppedClock) -> None:
        def note(at_s: float) -> None:
            found = server.centre.acd.agents.values()
            states[at_s] = {agent.id: (agent.declared, agent.reason, agent.extension) for agent in found}

        for at_s in (50.0, 175.0, 285.0, 325.0):
            clock.callLater(at_s, note, at_s)

    seen = look(table("agents_without_a_pc"), change=watched)
    log = seen.run.world.truth.log
    dialled = [one for one in log if one.who == "phone 8002" and one.what == "dials"]
    turned_away = [one for one in log if one.who == "phone 8002" and one.data.get("why") == "nobody there"]
    assert turned_away and len(dialled) == 4 + len(turned_away), "the service port was busy, and 1002 dialled again"
    assert not any(one.what == "logged in" for one in log), "there is no PC"
    ready = {"1001": ("ready", "", "8001"), "1002": ("ready", "", "8002")}
    assert states[50.0] == states[285.0] == ready
    assert states[175.0] == ready | {"1002": ("not_ready", "meal", "8002")}
    assert {agent: state[0] for agent, state in states[325.0].items()} == {"1001": "logged_off", "1002": "ready"}


def test_a_pbx_that_prints_at_every_flash_is_found_out_by_the_first_caller() -> None:
    seen = look(table("split_unforeseen"))
    assert [(call["ani"], call["outcome"]) for call in seen.run.calls] == [
        ("13800138000", "lost_in_transfer"),
        ("13800138000", "answered"),
        ("13900139000", "answered"),
    ]
    assert alarms(seen) == ["records_at_flash"] and dialled(seen) == ["8001", "8001"]
    assert len({call["dnis"] for call in seen.run.calls}) == 1
