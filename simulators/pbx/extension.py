"""An extension of the simulated PBX: an FXS port with its telephone, or the VRU's card, at the far end (step 7).

Hook flash while talking holds the party and gives dial tone; the digits call another extension; on-hook then transfers,
before or after that one has answered; a second flash takes the held party back, with a code where the make wants one.
What it hears is in pbx_signals.py, what it does with digits in pbx_dialling.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from drivers import events
from drivers.clock import DelayedCall
from drivers.port import Port
from simulators.lines import caller_id
from simulators.lines.party import Party, ended
from simulators.lines.tones import RING_CADENCE_MS
from simulators.pbx.dialling import Dialling
from simulators.pbx.signals import Signals
from simulators.pbx.state import FLASHING, OFF_HOOK, State

if TYPE_CHECKING:
    from simulators.pbx.pbx import Pbx

CALLER_ID_S = 2.1  # from the first ring to the end of the message behind it
RECALL_AFTER_S = 1.0  # an extension that hangs up on a held party rings after so long


class Extension(Party):
    """`caller` is who rings us, `target` whom we ring, `held` who listens to music, `origin` who transferred the caller
    that rings us."""

    def __init__(self, pbx: Pbx, port: Port, number: str, kind: str, desk: int, line: int) -> None:
        super().__init__(port, pbx.plan.tones, pbx.music)
        self.pbx, self.number, self.kind, self.desk, self.line = pbx, number, kind, desk, line
        self.crossed = False  # desk and line are another extension's
        self.calling = number
        self.signals, self.dialling = Signals(self), Dialling(self)
        self.state = State.IDLE
        self.caller: Party | None = None
        self.origin: Extension | None = None
        self.target: Extension | None = None
        self.held: Party | None = None
        self.recalled = False
        self.member = True  # of the hunt group, where it is a VRU's
        self.recalled_from: str | None = None  # who did not answer the call that comes back to us
        self._consulted: tuple[Extension, float] | None = None  # whom we talked to with a party on hold, and since when
        self._timer: DelayedCall | None = None
        self._ringing: Deferred[None] | None = None
        self._reversed = False
        shortest, longest = pbx.plan.flash_ms
        port.setting("flash_min_ms", shortest)
        port.setting("flash_max_ms", longest)
        port.listen(self._event)

    @property
    def call_no(self) -> int | None:
        for party in (self.held, self.peer, self.caller):
            if party is not None and not isinstance(party, Extension):
                return party.call_no
        for party in (self.caller, self.peer):
            if isinstance(party, Extension) and party.held is not None:
                return party.held.call_no
        return None

    @property
    def in_use(self) -> bool:
        """Off-hook, as far as the PBX knows."""
        return self.state in OFF_HOOK

    def _event(self, event: events.Event) -> None:
        match event:
            case events.OffHook():
                self._off_hook()
            case events.OnHook():
                self._on_hook()
            case events.Flash(ms=ms):
                self._flash(ms)
            case events.DigitBegin():
                if self.state is State.DIALLING:
                    self.sounds.stop()
            case events.DigitEnd(digit=digit):
                self.dialling.digit(digit)
            case _:
                pass

    def tell(self, what: str, **data: str | int | float | bool | None) -> None:
        self.pbx.note(self.call_no, f"ext {self.number}", what, extension=self.number, **data)

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        self.stop_timer()
        self._timer = self.pbx.clock.callLater(seconds, what)

    def stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    # ---- being called ---------------------------------------------------------------------------

    def ring(self, caller: Party, *, recall: bool = False) -> None:
        """Rings for `caller`; only an idle extension can ring."""
        plan = self.pbx.plan
        self.state, self.caller, self.origin, self.recalled = State.RINGING, caller, None, recall
        self.recalled_from = None
        if not isinstance(caller, Extension):
            caller.owner = self
        self.port.begin_call()
        self.tell("rings")
        if self.number not in plan.no_ring:
            self._ringing = self.port.ring(RING_CADENCE_MS, self._caller_id(caller))
            self._ringing.addErrback(ended)
        hunted = self.kind == "vru" and not isinstance(caller, Extension)
        wait = plan.recall_s if recall else plan.hunt_no_answer_s if hunted else plan.no_answer_s
        self.after(wait, lambda: self.pbx.no_answer(self))

    def _caller_id(self, caller: Party) -> bytes | str | None:
        """What a VRU extension is sent while it rings."""
        form, number = self.pbx.plan.in_band, self.pbx.cut(caller.calling) or None
        if self.kind != "vru" or form == "none":
            return None
        if not isinstance(caller, Extension):
            told = {"extension": self.number, "calling": number or "", "called": ""}
            takes_s = CALLER_ID_S if form == "fsk" else 0.0
            self.pbx.note(caller.call_no, "pbx", "tells", way="caller id", fault="", takes_s=takes_s, **told)
        if form == "fsk":
            return caller_id.fsk_message(number, self.pbx.local_time())
        return caller_id.dtmf_digits(number)

    def transferred(self, caller: Party, origin: Extension) -> None:
        """Who rings us has handed us over: we ring for `caller` now."""
        self.caller, self.origin = caller, origin
        caller.owner = self
        self.after(self.pbx.plan.no_answer_s, lambda: self.pbx.no_answer(self))

    def stop_ringing(self) -> None:
        """Ringing ends, answered or not. Leaves the state to who calls this."""
        ringing, self._ringing = self._ringing, None
        if ringing is not None and not ringing.called:
            ringing.cancel()
        self.caller = self.origin = None
        self.stop_timer()

    def rest(self) -> None:
        """On-hook: idle again after the guard time."""
        self.state = State.RESTING
        self._consultation_over()
        self.peer = self.held = self.target = None
        self.hear_nothing()
        self.port.detect()
        if self._reversed:
            self._reversed = False
            self.port.polarity(False)
        self.after(self.pbx.plan.guard_s, self._idle)

    def _idle(self) -> None:
        self.state = State.IDLE
        self.pbx.idle(self)

    def join(self, other: Party) -> None:
        super().join(other)
        self.state = State.TALKING
        self.port.detect()
        self.stop_timer()
        if not isinstance(other, Extension):
            other.owner = self

    # ---- calling another extension --------------------------------------------------------------

    def _off_hook(self) -> None:
        if self.state is State.RINGING:
            self.pbx.answered(self)
        elif self.state in (State.IDLE, State.RESTING):
            self.port.begin_call()
            self.tell("off-hook")
            self.dialling.dial_tone()

    def target_answered(self, target: Extension) -> None:
        """The extension we rang was lifted."""
        self.target = None
        if self.held is not None:
            self._consulted = (target, self.pbx.clock.seconds())
        if self.pbx.plan.polarity_on_answer:
            self._reversed = True
            self.port.polarity(True)

    def _consultation_over(self) -> None:
        """We talked to somebody with a party on hold: some makes print it as a call between extensions."""
        consulted, self._consulted = self._consulted, None
        if consulted is not None:
            self.pbx.print_internal(self, consulted[0], consulted[1])

    def target_silent(self) -> None:
        """It was not: a held party comes back to us, else busy tone."""
        self.target = None
        if self.held is not None and self.pbx.plan.retrieve != "on_hook":
            self.retrieve()
        else:
            self.dialling.refuse("busy", "no answer")

    # ---- flash and on-hook ----------------------------------------------------------------------

    def _flash(self, ms: int) -> None:
        self.tell("flash", ms=ms, ignored=self.pbx.plan.flash_ignored)
        if self.pbx.plan.flash_ignored or self.state not in FLASHING:
            return
        if self.held is None and self.state is State.TALKING and self.peer is not None:
            self._hold(self.peer)
        elif self.held is None:
            self._drop_target()
            self.dialling.dial_tone()
        elif self.state is State.REFUSED and self.pbx.plan.retrieve == "on_hook":
            pass  # this make wants on-hook
        else:
            self._drop_target()
            consulted, self.peer = self.peer, None
            if consulted is not None:
                self.pbx.part(consulted, self)
            if self.pbx.plan.retrieve == "flash_code":
                self.dialling.dial_tone()
            else:
                self.retrieve()

    def _hold(self, party: Party) -> None:
        self.held, self.peer = party, None
        party.peer = None
        party.hear_music()
        self.tell("hold")
        self.pbx.leg_held(party)
        self.dialling.dial_tone()

    def retrieve(self) -> None:
        held, self.held = self.held, None
        self._consultation_over()
        if held is not None:
            self.hear_nothing()
            held.join(self)
            self.join(held)
            self.pbx.leg_talks(held, self)
            self.tell("retrieve")

    def _drop_target(self) -> None:
        target, self.target = self.target, None
        if target is not None:
            target.stop_ringing()
            target.rest()

    def _on_hook(self) -> None:
        if self.state in (State.IDLE, State.RESTING, State.RINGING, State.DEAD):
            return
        self.tell("on-hook")
        state, held, peer, target = self.state, self.held, self.peer, self.target
        self.target = None
        if held is None:
            if target is not None:
                target.stop_ringing()
                target.rest()
            self.rest()
            if peer is not None:
                self.pbx.part(peer, self)
            return
        outward = self.dialling.outward
        if outward is not None and outward.trunk is peer and isinstance(held, Extension):
            self.rest()
            outward.passes(held)
        elif state in (State.CALLING, State.TALKING) and self.pbx.plan.transfer_lost:
            self.rest()
            self.pbx.note(held.call_no, "pbx", "cut off")
            self.pbx.part(held, self)
            for party in (peer, target):
                if party is not None:
                    self.pbx.part(party, self)
        elif state is State.CALLING and target is not None:
            self.tell("transfers", to=target.number, answered=False)
            self.rest()
            if self.pbx.plan.transferred_hears == "ringback":
                held.hear_tone("ringback")
            target.transferred(held, self)
            self.pbx.leg_moves(held, target.number)
        elif state is State.TALKING and isinstance(peer, Extension):
            self.tell("transfers", to=peer.number, answered=True)
            self.rest()
            self.pbx.leg_moves(held, peer.number)
            self.pbx.connect(held, peer)
        else:
            self.rest()
            self._recall(held, self.dialling.digits)

    def _recall(self, held: Party, digits: str) -> None:
        """Hung up on a held party without a transfer: it rings back."""
        self.after(RECALL_AFTER_S, lambda: self._idle_for(held, digits))

    def _idle_for(self, held: Party, digits: str) -> None:
        self.state = State.IDLE
        if held.owner is self:
            self.pbx.recall(held, self, digits)
        else:
            self.pbx.idle(self)

    def far_gone(self, gone: Party) -> None:
        """A party of ours has hung up."""
        if self.caller is gone:
            self.stop_ringing()
            self.rest()
        elif self.held is gone:
            self.held = None
            if self.state is not State.TALKING:
                self._drop_target()
                self._cleared()
        elif self.peer is gone:
            self.peer = None
            if self.held is None:
                self._cleared()
            else:
                self.dialling.refuse("busy", "consulted party gone")

    def _cleared(self) -> None:
        self.state = State.CLEARED
        self.port.detect()
        if self.kind == "vru" and self.pbx.plan.disconnect == "digits":
            self.signals.gone()
            self.after(self.pbx.plan.tone_s, self.dialling.lock)
        elif self.kind == "vru" and self.pbx.plan.disconnect == "loop_drop":
            self.hear_nothing()
            self.port.loop_open(self.pbx.plan.loop_drop_ms).addErrback(ended)
            self.after(self.pbx.plan.loop_drop_ms / 1000 + 0.1, self._busy_until_on_hook)
        else:
            self._busy_until_on_hook()

    def _busy_until_on_hook(self) -> None:
        self.hear_tone("busy")
        self.after(self.pbx.plan.tone_s, self.dialling.lock)

    # ---- power ----------------------------------------------------------------------------------

    def power_fails(self) -> None:
        """The PBX has lost its power: no ringing, no tone, no talk, no lamp."""
        self.stop_ringing()
        self._consulted = None
        self.state = State.DEAD
        self.peer = self.held = self.target = None
        self.hear_nothing()
        self.port.detect()
        self.port.lamp(False)

    def power_returns(self) -> None:
        """On-hook, it is idle again; off-hook, it gets dial tone."""
        if self.port.state().off_hook:
            self.port.begin_call()
            self.dialling.dial_tone()
        else:
            self.rest()
