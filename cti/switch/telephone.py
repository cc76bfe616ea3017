"""What the movements of an agent's telephone mean: lifted, hung up, flashed, typed on (step 7).

- Lifted while it rings: answered. Lifted otherwise: dial tone, and a number or a star code (cti.site.star_codes).
- Recall button (拍叉簧): the conversation is put on hold, and there is dial tone for whom to consult. While somebody is
  consulted in vain, or nobody yet: the one on hold is taken back. While one consulted is there: for KEY_S the keys 1
  (end the consultation), 2 (alternate), 3 (three-way) count; none of them: alternate.
- Hung up: out of the conversation in hand. With one on hold and one consulted, who rings or talks: they are joined
  (transferred). What is on hold still: the telephone rings for it, for the latest first.

Nobody dials for FIRST_S, or dials what is nothing: congestion or vacant-number tone, busy tone's howler in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cti.site import star_codes
from cti.switch.device import Device
from cti.switch.errors import VerbRefused
from cti.switch.moves import RECALL_S
from cti.switch.on_card import OnCard
from cti.switch.seat import Seat
from cti.switch.verbs.asker import Asker
from cti.switch.verbs.own import refused_sound
from drivers.clock import DelayedCall
from drivers.problems import report

if TYPE_CHECKING:
    from cti.switch.verbs import Verbs

KEY_S: Final = 3.0
LOGIN_S: Final = 60.0
WORDS: Final = frozenset(("ready", "not_ready", "wrap_up_done", "logout"))
ABOUT_HELD: Final = frozenset(("park", "camp_on", "blind_transfer", "conference", "give_back"))


def report_failure(failure: Failure, what: str) -> None:
    """A fault of ours; logged."""
    report(what, failure)


class Agents(Protocol):
    """Who sits where."""

    def asker(self, seat: Seat) -> Asker:
        """Of a wish that is typed on this telephone."""
        ...

    async def login(self, seat: Seat, agent: str, pin: str) -> bool:
        """The agent sits there from now on, not ready yet. False: wrong, or not possible."""
        ...

    def said(self, seat: Seat, word: str) -> bool:
        """The agent there says ready, not_ready, wrap_up_done or logout. False: not possible."""
        ...


class TelephoneMoves:
    """Owner of all seats (cti.switch.seat.SeatOwner). ``on_trouble(seat, what, raised)``: off_hook, alarm."""

    def __init__(
        self,
        switch: OnCard,
        verbs: Verbs,
        agents: Agents,
        on_trouble: Callable[[Seat, str, bool], object],
        codes: Mapping[str, star_codes.Code] = star_codes.CODES,
    ) -> None:
        self._codes = codes
        self._switch, self._verbs, self._agents, self._on_trouble = switch, verbs, agents, on_trouble
        self._typed: dict[Seat, str] = {}  # of telephones that dial
        self._keys: dict[Seat, DelayedCall] = {}  # a recall key may come

    # cti.switch.seat.SeatOwner

    def lifted(self, seat: Seat) -> None:
        """Answers, or asks for a number."""
        ringing = seat.alerting
        if ringing is not None:
            self._switch.answer(ringing)
        else:
            self._dial_tone(seat)

    def hung_up(self, seat: Seat) -> None:
        """Out of the conversation, or handing on the one on hold."""
        self._no_more_keys(seat)
        switch, present = self._switch, seat.present
        with switch.turn():
            switch.moved(seat)
            if seat.held and present is not None and self._consulted(seat):
                self._verbs.do(self._agents.asker(seat), "transfer")
                return
            if present is not None:
                switch.clear(present, f"{seat.name} hung up")
            self._ring_for_held(seat)

    def look(self, devices: Iterable[Device]) -> None:
        """These changed: an on-hook telephone that rings for nobody (any more) rings for whom it still has on hold."""
        for seat in devices:
            if isinstance(seat, Seat) and not seat.off_hook:
                self._ring_for_held(seat)

    def _ring_for_held(self, seat: Seat) -> None:
        switch = self._switch
        if not seat.held or seat.alerting is not None or seat.present is not None or seat.alarms:
            return
        with switch.turn():
            held = seat.held[-1]
            switch.send(held, "recall", "on hold")
            seat.ring(held.conversation.calling)
            switch.limit(held, seat.takes_s(RECALL_S), lambda: switch.not_taken(held))

    def flashed(self, seat: Seat) -> None:
        """The recall button."""
        asker, present = self._agents.asker(seat), seat.present
        if seat in self._keys:
            self._no_more_keys(seat)
            self._do(asker, "alternate")
        elif seat.held and self._consulted(seat, talking=True):
            seat.listen_for_digits(True)
            self._keys[seat] = self._switch.clock.callLater(KEY_S, self._key, seat, "2")
        elif seat.held:
            self._stop_dialling(seat)
            self._do(asker, "retrieve")
        elif present is not None and present.state == "connected" and present.role == "talk":
            with self._switch.turn():
                self._switch.send(present, "hold")
                self._dial_tone(seat)
        elif present is not None and present.state in ("initiated", "failed"):
            self._switch.clear(present, "dials anew")
            self._dial_tone(seat)

    def typed(self, seat: Seat, digit: str) -> None:
        """A digit of a number or code, or a key after the recall button; in a conversation it is the far end's."""
        if seat in self._keys:
            self._key(seat, digit)
        elif seat in self._typed:
            self._typed[seat] += digit
            present = seat.present
            if present is None or present.state != "initiated":
                self._stop_dialling(seat)
                return
            self._switch.sound(present, None)
            self._switch.limit(present, star_codes.GAP_S, lambda: self._dialled(seat, over=True))
            self._dialled(seat)

    def left_off_hook(self, seat: Seat, still: bool) -> None:
        """Howler, then silence; the agent is told."""
        present = seat.present
        if still and present is not None:
            self._switch.sound(present, None if seat.silent else "howler")
        self._on_trouble(seat, "off_hook", still)

    def out_of_order(self, seat: Seat, alarms: tuple[str, ...]) -> None:
        """The card is gone: whatever went on there is over."""
        if alarms:
            self._no_more_keys(seat)
        with self._switch.turn():
            for connection in list(seat.connections) if alarms else ():
                self._switch.clear(connection, "alarm " + " ".join(alarms))
        self._on_trouble(seat, "alarm", bool(alarms))

    def not_reached(self, seat: Seat) -> None:
        """Who calls it goes elsewhere."""
        ringing = seat.alerting
        if ringing is not None:
            self._switch.clear(ringing, "not reached")

    def new_call_on(self, seat: Seat) -> None:
        """Its port's epoch is raised."""
        self._switch.new_call_on(seat)

    def close(self) -> None:
        """No key is waited for any more."""
        for seat in list(self._keys):
            self._no_more_keys(seat)

    # dialling

    def _dial_tone(self, seat: Seat) -> None:
        switch = self._switch
        with switch.turn():
            connection = switch.bring(seat, switch.converse(seat.name), "initiate")
            switch.sound(connection, "dial")
            self._typed[seat] = ""
            seat.listen_for_digits(True)
            switch.limit(connection, star_codes.FIRST_S, lambda: switch.fail(connection, "congestion", "no digit"))

    def _stop_dialling(self, seat: Seat) -> None:
        self._typed.pop(seat, None)
        seat.listen_for_digits(False)

    def _dialled(self, seat: Seat, *, over: bool = False) -> None:
        """Does it, once it is complete."""
        found = star_codes.read(self._typed[seat], self._switch.seats, over=over, codes=self._codes)
        if found is None:
            return
        self._stop_dialling(seat)
        asker = self._agents.asker(seat)
        if found.verb == "login":
            Deferred.fromCoroutine(self._login(seat, found.to)).addErrback(report_failure, f"seat {seat.name}: log-in")
        elif found.verb in WORDS:
            self._confirm(seat, self._agents.said(seat, found.verb))
        elif found.verb:
            self._code(asker, found.verb, found.to)
        else:
            self._do(asker, "consult" if seat.held else "make", found.to)

    async def _login(self, seat: Seat, typed: str) -> None:
        """Agent and PIN, with a star between them; a wrong one is answered late."""
        agent, _, pin = typed.partition("*")
        dialling = seat.present
        if dialling is not None:
            self._switch.limit(dialling, LOGIN_S, lambda: self._confirm(seat, False))
        done = await self._agents.login(seat, agent, pin)
        if dialling is not None and seat.present is dialling and dialling.state == "initiated":
            self._confirm(seat, done)

    def _code(self, asker: Asker, verb: str, to: str) -> None:
        """A code after the recall button is about the conversation on hold: that is taken back first."""
        seat = asker.seat
        if seat.held and verb in ABOUT_HELD and seat.present is not None:
            with self._switch.turn():
                self._switch.clear(seat.present, "dialled a code")
                self._switch.send(seat.held[-1], "retrieve")
        self._do(asker, verb, to or None)
        if seat.present is not None and seat.present.state == "initiated":  # done, and nothing came of it here
            self._confirm(seat, True)

    def _do(self, asker: Asker, verb: str, to: str | None = None) -> None:
        """A refusal is heard: vacant-number tone, busy or congestion."""
        try:
            self._verbs.do(asker, verb, to)
        except VerbRefused as refused:
            seat = asker.seat
            present = seat.present
            if present is not None and present.state == "initiated":
                self._switch.fail(present, refused_sound(refused), str(refused))
            elif present is None:
                self._switch.busy(seat, str(refused), refused_sound(refused))

    def _confirm(self, seat: Seat, done: bool) -> None:
        """Silence says done, the vacant-number tone not possible; then on-hook."""
        present = seat.present
        if present is not None:
            self._switch.fail(present, "busy" if done else "info", "said" if done else "not possible")

    # consultation

    def _consulted(self, seat: Seat, *, talking: bool = False) -> bool:
        """Is somebody there, or at least being called?"""
        present = seat.present
        if present is None or present.state != "connected":
            return False
        states = {one.state for one in present.conversation.talkers if one is not present}
        return bool(states & ({"connected"} if talking else {"connected", "alerting"}))

    def _key(self, seat: Seat, digit: str) -> None:
        self._no_more_keys(seat)
        asker = self._agents.asker(seat)
        if digit == "1" and seat.present is not None:
            with self._switch.turn():
                self._switch.clear(seat.present, "consultation over")
                self._do(asker, "retrieve")
        elif digit == "3":
            self._do(asker, "three_way")
        else:
            self._do(asker, "alternate")

    def _no_more_keys(self, seat: Seat) -> None:
        timer = self._keys.pop(seat, None)
        if timer is not None:
            if timer.active():
                timer.cancel()
            seat.listen_for_digits(False)
        self._typed.pop(seat, None)
