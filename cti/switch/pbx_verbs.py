"""The verbs of call control behind a PBX: what our ports can do, and what only the agent's telephone can (step 7).

We do: make (a port rings the agent, then calls the number and leaves the two alone: cti.switch.own_calls; for numbers
outside cti.switch.pbx_outside, too); and, while a caller of the queue rings at an agent's telephone and the transfer is
still ours, deflect, pickup by a colleague (group_pickup, take_ringing), and refusal (hang_up); give_back is the agent's
transfer to us, and the caller is known again by who transfers. Everything else the PBX does for the telephone that asks
for it: the agent is told what to dial there, where the dialect's section `services` knows it; else that it cannot be
done.

A refused verb has changed nothing. Rights are those of the cards as the switch: supervisors' verbs need the role.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cti.acd.agent import Agent
from cti.call import Call
from cti.pbx.services import code, say
from cti.switch.errors import (
    AtTelephone,
    MissingTarget,
    NobodyThere,
    NotAllowed,
    TargetBusy,
    UnknownNumber,
    Unsupported,
    WrongState,
)
from cti.switch.own_calls import OwnCalls
from cti.switch.pbx_outside import OutsideNumbers
from cti.switch.verbs import NEEDS, SUPERVISORS, VERBS
from cti.switch.verbs.handing import wanted_group

if TYPE_CHECKING:
    from cti.centre import Centre
    from cti.pbx.dialect import Dialect
    from cti.sides.pbx_transfers import PbxTransfers
    from cti.switch.behind_pbx import BehindPbx


class PbxVerbs:
    """Of one centre behind a PBX."""

    def __init__(
        self,
        centre: Centre,
        switch: BehindPbx,
        dialect: Dialect,
        own_calls: OwnCalls,
        transfers: PbxTransfers,
    ) -> None:
        self._centre, self._switch, self._rules, self._services = centre, switch, dialect.line, dialect.services
        self._own_calls, self._transfers = own_calls, transfers
        self._outside = OutsideNumbers(centre.site)
        self._profiles = {profile.id: profile for profile in centre.site.agents}
        self._ours = {
            "make": self._make,
            "answer": self._answer,
            "hang_up": self._hang_up,
            "deflect": self._deflect,
            "give_back": self._give_back,
            "group_pickup": self._group_pickup,
            "take_ringing": self._take_ringing,
            "send_dtmf": self._send_dtmf,
        }

    def do(self, asker: str, verb: str, to: str | None) -> Mapping[str, Any]:
        """Does it, or raises VerbRefused."""
        if verb not in VERBS:
            raise Unsupported(f"there is no verb {verb}")
        if verb in SUPERVISORS and self._profiles[asker].role != "supervisor":
            raise NotAllowed(f"{verb} is for supervisors")
        if verb in NEEDS and not to:
            raise MissingTarget(f"{verb} needs a number: to")
        agent = self._centre.acd.agent(asker)
        if agent.declared == "logged_off" or agent.extension is None:
            raise WrongState(f"agent {asker} is at no telephone: log in at an extension")
        if verb not in self._ours:
            raise self._at_telephone(verb, to)
        answer = self._ours[verb](agent, to)
        data: dict[str, Any] = {"verb": verb, "to": to, "device": agent.extension, "by": "desk"}
        self._centre.event(self._of(agent), "verb", "desk", agent=agent.id, **data)
        return answer or {}

    # done at the telephone

    def _at_telephone(self, verb: str, to: str | None) -> MissingTarget | Unsupported | AtTelephone:
        dialled = code(self._services, self._rules, verb, to)
        if dialled is None:
            return Unsupported(f"{verb}: no code for it is known at this PBX; perhaps the telephone has a key for it")
        if "{to}" in dialled:
            return MissingTarget(f"{verb} needs a number here: to")
        return _dial(dialled)

    def _send_dtmf(self, agent: Agent, to: str | None) -> None:
        raise _dial(to or "")

    def _answer(self, agent: Agent, to: str | None) -> None:
        raise WrongState(f"telephone {agent.extension}: lift it")

    # done by us

    def _make(self, agent: Agent, to: str | None) -> None:
        """What is outside: cti.switch.pbx_outside."""
        assert to is not None and agent.extension is not None
        if to == agent.extension:
            raise UnknownNumber(f"{to} is this telephone itself")
        if not to.isdigit():
            raise UnknownNumber(f"{to} is no number")
        if not self._outside.means(to, self._inside()):
            self._own_calls.make(agent, to)
            return
        urgent = self._outside.emergency(to)
        dialled = self._outside.dialled(agent, to)
        if dialled is not None:
            self._own_calls.make(agent, urgent or to, dialled)
            return
        code = self._services.outside
        if code is None:
            known = "the PBX's code before numbers outside is not in the site file (pbx: services: outside)"
            raise Unsupported(f"{known}: dial {to} on the telephone, with the code in front")
        raise _dial(code.replace(",", "") + (urgent or to))

    def _inside(self) -> set[str]:
        """The extensions that are known."""
        known = {agent.extension for agent in self._centre.acd.agents.values() if agent.extension is not None}
        return known | {port.extension for port in self._centre.site.vru.all_ports()}

    def _hang_up(self, agent: Agent, to: str | None) -> None:
        """A call that rings is refused; a handset only its owner can put down."""
        if agent.line != "ringing":
            raise self._at_telephone("hang_up", None)
        call = self._rings_at(agent)
        self._check_redirect(call)
        self._switch.redirect(call.extension or "", "")

    def _deflect(self, agent: Agent, to: str | None) -> None:
        """To another agent; the caller's time to wait goes on."""
        other = self._centre.acd.at_extension(to or "")
        if other is None or other.declared == "logged_off":
            raise UnknownNumber(f"no agent is logged in at {to}: callers of a queue are given to agents")
        if other is agent:
            raise UnknownNumber(f"{to} is this telephone itself")
        self._give(self._rings_at(agent), other)

    def _give_back(self, agent: Agent, to: str | None) -> Mapping[str, Any]:
        """The wish is noted; the transfer is the agent's: to the hunt group, else to a port of ours that is idle."""
        call = self._of(agent)
        if call is None or call.state != "talking" or call.agent != agent.id or call.extension is None:
            raise WrongState(f"telephone {agent.extension} has no caller of a queue")
        group = wanted_group(self._centre.site, call, to)
        port = next((line.extension for line in reversed(self._centre.lines) if line.state == "idle"), None)
        number = self._services.hunt_group or port
        if number is None:
            raise TargetBusy("no VRU port is idle to take the caller back: try again")
        dialled = code(self._services, self._rules, "blind_transfer", number)
        assert dialled is not None
        self._transfers.gives_back(call, call.extension, group, "" if self._services.hunt_group else number)
        return told(dialled)

    def _group_pickup(self, agent: Agent, to: str | None) -> None:
        """The caller who rings longest, or at one telephone, at an agent with a group in common."""
        mine = set(agent.group_names)
        self._pick_up("group_pickup", agent, to, lambda other: bool(mine & set(other.group_names)))

    def _take_ringing(self, agent: Agent, to: str | None) -> None:
        """In whatever group."""
        self._pick_up("take_ringing", agent, to, lambda other: True)

    def _pick_up(self, verb: str, agent: Agent, to: str | None, may: Callable[[Agent], bool]) -> None:
        """Of our callers; what else rings there may be picked up by the PBX's own code."""
        for call in self._centre.calls.values():
            other = self._centre.acd.at_extension(call.extension or "") if call.state == "transferring" else None
            if other is None or other is agent or other.line != "ringing" or not may(other):
                continue
            if to is None or other.extension == to:
                self._give(call, agent)
                return
        found = self._at_telephone(verb, to)
        if isinstance(found, AtTelephone):
            raise found
        raise NobodyThere("nothing rings in your group" if to is None else f"no caller of ours rings at {to}")

    # within

    def _of(self, agent: Agent) -> Call | None:
        return self._centre.calls.get(agent.call or "")

    def _rings_at(self, agent: Agent) -> Call:
        call = self._of(agent)
        if call is None or agent.line != "ringing" or call.state != "transferring":
            raise WrongState(f"telephone {agent.extension} does not ring for a caller")
        return call

    def _give(self, call: Call, other: Agent) -> None:
        """The caller who rings at one agent's telephone rings at another's instead."""
        before = self._centre.acd.agent(call.agent or "")
        assert other.extension is not None
        if other.line != "idle":
            raise TargetBusy(f"telephone {other.extension} is in use")
        self._check_redirect(call)
        group = self._centre.site.group(call.group or "")
        if not self._centre.acd.offer_elsewhere(call.id, other, group.ring_s if group is not None else None):
            raise WrongState(f"telephone {before.extension} has rung too long: the caller is on the way to another")
        self._switch.redirect(call.extension or "", other.extension)
        self._centre.pop_ups.withdraw(call, before)
        self._centre.pop_ups.show_too(call, other)
        call.agent, call.extension = other.id, other.extension

    def _check_redirect(self, call: Call) -> None:
        if not self._switch.may_redirect(call.extension or ""):
            raise Unsupported("this PBX takes no caller back from a telephone that rings: let it ring, or lift it")


def told(dialled: str) -> dict[str, Any]:
    """What to do at the telephone, for the desk's program and for people."""
    return {"dial": dialled, "say": {"zh": say(dialled, "zh"), "en": say(dialled, "en")}}


def _dial(dialled: str) -> AtTelephone:
    return AtTelephone(f"{say(dialled, 'zh')}; {say(dialled, 'en')}", **told(dialled))
