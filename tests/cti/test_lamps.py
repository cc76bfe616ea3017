"""Message lamps: lit by a message, put out when the list was looked at, one order for each change."""

from __future__ import annotations

from cti.config import Agent, Group
from cti.lamps import Lamps

HASH = "$argon2id$v=19$m=1024,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA"
GROUPS = (Group("sales", "销售", "Sales", lamp="8000"), Group("service", "客服", "Service"))
AGENTS = (Agent("1001", "李明", HASH, ("sales", "service")), Agent("1002", "王芳", HASH, ("service",)))


def lamps(strip: int = 0) -> tuple[Lamps, list[tuple[bytes, object]]]:
    said: list[tuple[bytes, object]] = []
    return Lamps(GROUPS, AGENTS, lambda order, key: said.append((order, key)), strip), said


def test_a_message_lights_it_and_the_list_puts_it_out() -> None:
    made, said = lamps()
    made.message_left("sales")
    made.message_left("sales")
    made.message_left("service")  # has none
    made.message_left(None)
    made.looked_at("1002")
    assert said == [(b"OP:MWI 8000!\x04", "8000")]
    made.looked_at("1001")
    made.looked_at("1001")
    made.looked_at("nobody")
    assert said[1:] == [(b"RMV:MWI 8000!\x04", "8000")]
    made.message_left("sales")
    assert len(said) == 3


def test_after_a_start_an_old_lamp_is_put_out_too() -> None:
    made, said = lamps(strip=2)
    made.looked_at("1001")
    assert said == [(b"RMV:MWI 008000!\x04", "8000")]


def test_a_pbx_without_lamp_orders_is_left_alone() -> None:
    made = Lamps(GROUPS, AGENTS, None)
    made.message_left("sales")
    made.looked_at("1001")
