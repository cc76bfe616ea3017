"""What a PBX has to do before any server stands behind it: the traffic that an installer finds (steps 1, 3 and 9).

Until a server is there, callers come to the agents' telephones, are transferred from one to another now and then, or
give up while it rings; and somebody tries the VRU's extensions, at which nothing answers yet, so that a line of
messages has something to show, too. From the server's first sign of life on there is none of it: callers come to the
VRU.
"""

from __future__ import annotations

from simulators.people.caller import CallerPlan, Step
from simulators.people.phone import Phone, ServiceCall
from simulators.scenario.scenario import number_of
from simulators.truth import Happening
from simulators.world.world import World

FIRST = 900_001
"""The world's numbers of these calls; a scenario's own begin at 1."""
EVERY_S = (5.0, 10.0)
TALK_S = (3.0, 25.0)
GIVES_UP, TRANSFERRED, TRIES = 0.15, 0.25, 0.3
"""Share of the callers who give up, of the answered ones who are transferred, and how often somebody tries the VRU."""
IMPATIENT_S = (3.2, 4.6)
"""The telephone has just begun to ring: it is lifted after two seconds and more."""
TRANSFER_AFTER_S = 6.0
TONE_S = 1.6
HAND_OVER_S = 4.0
"""After the extension was dialled: long enough for all its digits, and it rings."""
RINGING_S = 12.0
"""Somebody who tries a VRU extension waits so long."""


class OwnTraffic:
    """Of a world behind a PBX. `begin`, then `plugged` when a card is at the VRU's lines, and `end`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = world.random("own traffic")
        self._count = 0
        self._goes = self._tries = False
        self._trying: Phone | None = None
        world.truth.watch(self._told)

    def begin(self) -> None:
        """The first caller comes at once."""
        self._goes = self._tries = self._world.pbx.attended = True
        self._next()

    def plugged(self) -> None:
        """Nobody tries the VRU's extensions any more: whoever has plugged the card in wants them for himself."""
        self._tries = False
        self._put_down()

    def end(self) -> None:
        """Callers who are there talk on; the next ones come to the VRU, and agents do what they are meant to."""
        self._goes = self._world.pbx.attended = False
        self.plugged()
        for telephone in self._world.phones.values():
            telephone.calls = 0

    def _next(self) -> None:
        if not self._goes:
            return
        self._count += 1
        self._world.sets_out(self._caller())
        if self._tries and self._random.random() < TRIES:
            self._try_vru()
        self._world.clock.callLater(self._random.uniform(*EVERY_S), self._next)

    def _caller(self) -> CallerPlan:
        patience = self._random.uniform(*IMPATIENT_S) if self._random.random() < GIVES_UP else 90.0
        talk = Step("talk", seconds=round(self._random.uniform(*TALK_S), 1))
        return CallerPlan(FIRST + self._count - 1, 0.0, number_of(self._random), (talk,), patience, note="own traffic")

    def _idle_phone(self) -> Phone | None:
        idle = [telephone for telephone in self._world.phones.values() if telephone.state == "idle"]
        return self._random.choice(idle) if idle else None

    def _try_vru(self) -> None:
        telephone = self._idle_phone()
        if self._trying is None and telephone is not None:
            self._trying = telephone
            extension = self._random.choice(self._world.scenario.vru_extensions)
            telephone.dial(ServiceCall(0.0, extension, ""), 1)
            self._world.clock.callLater(RINGING_S, self._put_down)

    def _put_down(self) -> None:
        telephone, self._trying = self._trying, None
        if telephone is not None and telephone.state == "dialling":
            telephone.hang_up("nobody there")

    def _told(self, happening: Happening) -> None:
        ours = happening.what == "through" and happening.call is not None and happening.call >= FIRST
        if ours and happening.data["kind"] == "agent" and self._random.random() < TRANSFERRED:
            self._world.clock.callLater(TRANSFER_AFTER_S, self._transfer, str(happening.data["extension"]))

    def _transfer(self, extension: str) -> None:
        telephone, other = self._world.phones[extension], self._idle_phone()
        if telephone.state != "talking" or other is None:
            return
        telephone.stay()
        telephone.flash()
        number = self._world.pbx.plan.transfer_code.format(ext=other.extension)
        self._world.clock.callLater(TONE_S, self._dial, telephone, number)

    def _dial(self, telephone: Phone, number: str) -> None:
        if telephone.state == "talking":
            telephone.key(number)
            self._world.clock.callLater(HAND_OVER_S, telephone.hang_up, "transfers")
