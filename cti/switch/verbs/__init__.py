"""The verbs of call control: who may say which, from the desk or from the telephone, and where each is done (step 7).

Each is done whole or not at all: what is refused (cti.switch.errors) has changed nothing. They are done at once; what
needs a telephone to be lifted first lets it ring for its own agent, and goes on when it is lifted. Nothing of it waits
for anything, so the same verb said twice at once finds the second time what the first has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from cti.machine import IllegalEvent
from cti.switch.errors import MissingTarget, NotAllowed, UnderWay, Unsupported, WrongState
from cti.switch.verbs.asker import Asker
from cti.switch.verbs.handing import Handing
from cti.switch.verbs.others import Others
from cti.switch.verbs.own import Own
from cti.switch.verbs.waiting import Waiting

if TYPE_CHECKING:
    from cti.call import Call
    from cti.switch.calling import Reach
    from cti.switch.on_card import OnCard

VERBS: Final = {
    "make": "外呼: calls an extension or a number; an on-hook telephone rings first",
    "answer": "接听: takes the call that waits camped on this telephone; a ringing one has to be lifted",
    "hang_up": "挂机: out of the present conversation; a ringing one is refused",
    "hold": "保持: puts the conversation aside; the others hear music",
    "retrieve": "取回: takes it back",
    "alternate": "切换: changes between the present conversation and the one on hold",
    "consult": "咨询: holds, and calls somebody",
    "transfer": "转接: joins the one on hold with the one consulted, and leaves",
    "blind_transfer": "盲转: hands the conversation on, and leaves at once; nobody answers: it comes back",
    "three_way": "三方通话: joins the one on hold, the one consulted, and me",
    "conference": "会议: the same for any number; with a target, brings somebody in",
    "park": "驻留: leaves the caller with music in a slot, to be picked up from any telephone",
    "pick_up": "取驻留: takes the caller of a slot",
    "camp_on": "遇忙等待: hands the conversation to a busy telephone, where it waits until that is free",
    "deflect": "改派: the ringing call rings elsewhere",
    "give_back": "退回队列: gives the caller back to the queue, of the group with the number `to`, else of the old one",
    "send_dtmf": "送号: sends digits to the far end",
    "monitor": "监听: hears an agent's conversation, unheard",
    "whisper": "密语: hears it, and is heard by the agent alone",
    "barge_in": "强插: hears it, and is heard by all",
    "forced_release": "强拆: ends an agent's conversation",
    "group_pickup": "代接: takes the call that rings in one's group",
    "take_ringing": "抢接: takes the call that rings at a telephone",
    "take_over": "拦截: takes the place of an agent in a conversation",
}
"""Every verb, and what it does."""
SUPERVISORS: Final = frozenset(("monitor", "whisper", "barge_in", "forced_release", "take_ringing", "take_over"))
"""Those that need the role supervisor."""
NEEDS: Final = frozenset(
    (
        "make", "consult", "blind_transfer", "pick_up", "camp_on", "deflect", "send_dtmf", "monitor", "whisper",
        "barge_in", "forced_release", "take_ringing", "take_over",
    )
)  # fmt: skip
"""Those that need a target (``to``)."""

Told = Callable[[Asker, str, "str | None", "Call | None"], object]


class Verbs:
    """Over one switch. ``told(asker, verb, to, call)``: something was done with a caller's call, or with none."""

    def __init__(self, switch: OnCard, reach: Reach, told: Told) -> None:
        self._switch, self._told = switch, told
        self._busy: set[str] = set()
        self.own, self.handing = Own(switch, reach), Handing(switch, reach)
        self.waiting, self.others = Waiting(switch, reach), Others(switch, reach)

    def do(self, asker: Asker, verb: str, to: str | None = None) -> Mapping[str, Any]:
        """Does it; the answer to the asker. Raises VerbRefused."""
        if verb not in VERBS:
            raise Unsupported(f"there is no verb {verb}")
        if verb in SUPERVISORS and asker.role != "supervisor":
            raise NotAllowed(f"{verb} is for supervisors")
        if verb in NEEDS and not to:
            raise MissingTarget(f"{verb} needs a number: to")
        if asker.seat.name in self._busy:
            raise UnderWay(f"telephone {asker.seat.name} is doing something else in this very moment")
        place = next(one for one in (self.own, self.handing, self.waiting, self.others) if hasattr(one, verb))
        self._busy.add(asker.seat.name)
        call = asker.call
        try:
            with self._switch.turn():
                answer = getattr(place, verb)(asker, to)
                self._told(asker, verb, to, call or asker.call)
        except IllegalEvent as error:
            raise WrongState(str(error)) from error
        finally:
            self._busy.discard(asker.seat.name)
        return answer or {}


__all__ = ["NEEDS", "SUPERVISORS", "VERBS", "Asker", "Verbs"]
