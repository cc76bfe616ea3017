"""The table of who hears what, row by row, without a port; and what changes at a port when a row changes."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from twisted.internet.defer import Deferred

from cti.machine import IllegalEvent
from cti.switch.connection import CONNECTION, EVENTS, Connection, Role
from cti.switch.conversation import Conversation
from cti.switch.device import Device
from cti.switch.hearing import Hearing, Hears, Sound, hears, needs_conference
from drivers.errors import EngineError
from drivers.signalling.causes import Cause


class Port:
    """Says what is asked of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.log: list[Any] = []

    def __repr__(self) -> str:
        return self.name

    def hear(self, port: Any, *, beside: bool) -> None:
        self.log.append(f"hear {port}")

    def unhear(self, port: Any) -> None:
        self.log.append(f"unhear {port}")

    def join(self, conference: int | None, *, talk: bool) -> None:
        self.log.append(f"join {conference} {'talks' if talk else 'listens'}")

    def play(self, *items: Any) -> Deferred[Any]:
        self.log.append(f"play {items[0]}")
        return Deferred(lambda _: self.log.append("stop"))


class Party(Device):
    kind: Literal["seat", "trunk"] = "seat"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._port: Any = Port(name)

    @property
    def port(self) -> Any:
        return self._port

    def released(self, cause: Cause) -> None:
        """Nothing."""


class Room:
    """One conversation, whose parties are put into any state."""

    def __init__(self) -> None:
        self.conversation = Conversation("v1")
        self.told: list[tuple[str, str]] = []

    def has(self, name: str, *events: str, role: Role = "talk") -> Connection:
        device = Party(name)
        made = Connection(device, self.conversation, lambda event, one, cause: self.told.append((event, name)), role)
        self.conversation.connections.append(made)
        device.connections.append(made)
        for event in events:
            made.send(event)
        return made


def told(wanted: Hears | None) -> tuple[tuple[str, ...], int, bool, Sound | None] | None:
    return None if wanted is None else (tuple(map(str, wanted.others)), wanted.conference, wanted.speaks, wanted.sound)


def test_two_hear_each_other_one_who_holds_leaves_music() -> None:
    room = Room()
    caller, agent = room.has("caller", "originate"), room.has("agent", "deliver", "answer")
    assert told(hears(caller)) == (("agent",), 0, True, None) and told(hears(agent)) == (("caller",), 0, True, None)
    agent.send("hold")
    assert told(hears(caller)) == ((), 0, True, "music") and told(hears(agent)) == ((), 0, True, None)


@pytest.mark.parametrize(("music", "sound"), [(True, "music"), (False, "ringback")])
def test_who_waits_for_one_that_rings(music: bool, sound: Sound) -> None:
    room = Room()
    caller, called = room.has("caller", "originate"), room.has("called", "deliver")
    room.conversation.music = music
    assert told(hears(caller)) == ((), 0, True, sound)
    called.in_band = True
    assert told(hears(caller)) == (("called",), 0, True, None), "what the network sends is heard"


def test_the_vru_is_left_alone_and_a_parked_one_has_music() -> None:
    room = Room()
    caller = room.has("caller", "originate")
    room.conversation.vru = True
    assert hears(caller) is None
    room.conversation.vru = False
    caller.send("queue")
    assert told(hears(caller)) == ((), 0, True, "music")


def test_a_coach_is_heard_by_one_alone() -> None:
    room = Room()
    caller, agent = room.has("caller", "originate"), room.has("agent", "originate")
    assert not needs_conference(room.conversation)
    coach = room.has("coach", "join", role="coach")
    coach.coached = agent.device
    assert needs_conference(room.conversation)
    room.conversation.conference = 3
    assert told(hears(caller)) == ((), 3, True, None)
    assert told(hears(agent)) == (("coach",), 3, True, None)
    assert told(hears(coach)) == ((), 3, False, None)


def test_who_has_hung_up_and_may_lift_again_is_not_heard() -> None:
    room = Room()
    agent, called, third = room.has("agent", "originate"), room.has("called", "originate"), room.has("third")
    called.away = True
    assert told(hears(agent)) == ((), 0, True, "busy")
    third.send("join")
    assert told(hears(agent)) == (("third",), 0, True, None)
    called.away = False
    third.send("hold")
    assert told(hears(agent)) == (("called",), 0, True, None)


def test_a_failure_has_its_tone() -> None:
    room = Room()
    mine = room.has("mine", "originate", "fail")
    assert told(hears(mine, "congestion")) == ((), 0, True, "congestion")


def test_every_event_of_call_control_falls_out_of_a_transition() -> None:
    actions = {action for _, names in CONNECTION.values() for action in names}
    assert actions == set(EVENTS)
    assert all(len(names) == 1 for _, names in CONNECTION.values()), "one event a transition"
    room = Room()
    agent = room.has("agent", "deliver", "answer", "hold", "retrieve", "clear")
    assert room.told == [
        (event, "agent") for event in ("Delivered", "Established", "Held", "Retrieved", "ConnectionCleared")
    ]
    with pytest.raises(IllegalEvent):
        agent.send("hold")
    assert agent.state == "null" and len(room.told) == 5


def test_only_what_is_different_is_changed() -> None:
    said: list[str] = []
    hearing = Hearing(lambda sound, port: [sound], lambda port: said.append(str(port)))  # type: ignore[list-item]
    one, other, third = Party("one"), Party("other"), Party("third")
    hearing.apply(one, Hears((other.port,)))
    hearing.apply(one, Hears((other.port,)))
    hearing.apply(one, Hears((other.port, third.port)))
    hearing.apply(one, Hears((third.port,), conference=1, speaks=False, sound="music"))
    hearing.apply(one, Hears(sound="busy"))
    assert one.port.log == [
        "hear other",
        "hear third",
        "unhear other",
        "join 1 listens",
        "play music",
        "unhear third",
        "join None talks",
        "stop",
        "play busy",
    ]
    hearing.forget(one.port)  # a new call: the engine has cut all of it, and the player's end is its own
    one.port.log.clear()
    hearing.apply(one, Hears((other.port,)))
    hearing.forget(other.port)
    hearing.apply(one, Hears((other.port,)))
    assert one.port.log == ["hear other", "hear other"], "who had a new epoch is heard anew"


def test_a_port_that_the_engine_refused_hears_nobody_when_it_should() -> None:
    hearing = Hearing(lambda sound, port: [])
    one, other = Party("one"), Party("other")
    hearing.apply(one, Hears((other.port,)))
    usual = one.port.unhear

    def full(port: Any) -> None:
        raise EngineError("command: the ring is full")

    one.port.unhear = full
    hearing.apply(one, Hears())  # in vain: it still hears the other one
    one.port.unhear = usual
    one.port.log.clear()
    hearing.apply(one, Hears())
    assert one.port.log == ["hear None", "join None talks"]
    hearing.apply(one, Hears())
    assert len(one.port.log) == 2, "now it is so"


def test_a_number_of_a_conference_rests_before_it_is_given_again() -> None:
    # who is in one that ends and one that begins in the same turn would else not be told to leave
    hearing = Hearing(lambda sound, port: [])
    lasting, last = hearing.conference(), 0
    given = []
    for _ in range(100):
        number = hearing.conference()
        assert number not in (lasting, last)
        given.append(number)
        hearing.conference_over(number)
        last = number
    assert max(given) <= 12, "they do not run out"
