"""What is on the checklist of an installation: behind a PBX, and where our own cards are the switch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

How = Literal["check", "command", "server", "calls", "word"]
# A PBX clock that is further off than this is worth setting.
CLOCK_S = 60.0


class Step(msgspec.Struct, frozen=True):
    """One line of the checklist; `todo` is what the installer does."""

    key: str
    how: How
    zh: str
    en: str
    todo: str = ""


STEPS = (
    Step("check", "check", "站点文件检查", "the site file is right"),
    Step("ports", "command", "分机、端口、消息线对应", "extensions, ports and message lines are as in the site file",
         "the server must be stopped 先停止服务"),
    Step("tones", "command", "信号音与拍叉簧", "tones and hook flash are as in the site file",
         "the server must be stopped 先停止服务"),
    Step("cards", "server", "板卡与端口无告警", "cards and ports are without alarm", "start the server 启动服务"),
    Step("serial", "server", "串口有数据", "each serial line is open and brings something",
         "make a call and hang up 打一个电话并挂机"),
    Step("calls", "calls", "每个端口呼入", "a call came in through each port",
         "c calls each port from another one; or dial each VRU extension from a telephone, and call in from outside "
         "按 c 逐个试呼，并从外线打入"),
    Step("transfer", "calls", "转接坐席", "a call was transferred to an agent",
         "choose a group, let an agent answer 选技能组，坐席接听"),
    Step("popup", "word", "弹屏先于振铃", "the pop-up was on the screen with the right number before the ring",
         "look at the agent's screen 看坐席屏幕"),
    Step("record", "calls", "话单对上", "the PBX's record of an answered call came and was matched",
         "hang up, wait for the record 挂机等话单"),
    Step("disconnect", "calls", "主叫挂机检测", "a caller's hang-up was noticed on the line",
         "call in, hang up in the menu 呼入后在菜单中挂机"),
    Step("clock", "server", "交换机时钟偏差", f"the PBX's clock is known, and off by less than {CLOCK_S:.0f} s"),
)  # fmt: skip

CARD_STEPS = (
    STEPS[0],
    Step("cards", "server", "板卡、话机无告警", "cards and telephones are without alarm, and every handset is down",
         "start the server 启动服务"),
    Step("trunks", "server", "中继通道可用", "every trunk is without alarm, and its channels are in service"),
    Step("incoming", "calls", "每条中继呼入", "a call came in over each trunk, with the caller's number",
         "call in from outside 从外线打入"),
    Step("transfer", "calls", "转接坐席", "a caller was put through to an agent",
         "choose a group, let an agent answer 选技能组，坐席接听"),
    Step("popup", "word", "话机振铃时弹屏", "the pop-up had the right number as the telephone was called",
         "look at the agent's screen 看坐席屏幕"),
    Step("recording", "command", "录音", "the conversation was recorded, and both can be heard",
         "then: tipring recordings play FILE 试听"),
    Step("disconnect", "calls", "主叫挂机检测", "a caller's hang-up was noticed on the line",
         "call in, hang up in the menu 呼入后在菜单中挂机"),
    Step("seats", "calls", "每部话机振铃并摘机", "each telephone rang and was lifted",
         "call each one from another telephone 用话机逐个拨打"),
    Step("out", "calls", "呼出", "a call out was answered", "an agent calls a number outside 坐席拨打外线"),
    Step("emergency", "server", "紧急号码路由", "a trunk that may call out carries each emergency number"),
)  # fmt: skip


def steps_of(switch: Literal["pbx", "card"]) -> tuple[Step, ...]:
    """The checklist of a site behind a PBX, or of one whose cards are the switch: there are no extensions of a PBX to
    be learnt, no serial lines and no clock of somebody else."""
    return CARD_STEPS if switch == "card" else STEPS


def few(names: Sequence[str]) -> str:
    """The first eight of them."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
