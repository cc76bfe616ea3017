"""The ACD: joins agents and queues, and is the only one that lets a caller meet an agent (steps 6, 7 and 9).

Every public method is one turn (cti/acd/turns.py): the change is made whole, callers and agents are matched, and only
then anybody hears of it: the record (on_event), places, who waits for an agent. Therefore no caller ever has two
agents, no agent two callers, and nobody waits beside an idle agent of the group, whatever is called from where.

A caller whose agent does not answer, is busy or cannot be reached goes back to the old place by itself. The ACD never
forgets a caller until `remove`, or until the talk is over; it never keeps an agent longer than the limits of
cti/acd/truths.py. Overload: a queue holds max_queue callers (QueueFull), callers who come back always fit in.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from cti.acd.agent import Agent, Profile
from cti.acd.queue import GroupSettings, QueueEntry
from cti.acd.truths import AVAILABLE, Limits
from cti.acd.turns import OnEvent, Turns
from cti.errors import ExtensionTaken, QueueFull, UnknownAgent, UnknownCall, UnknownGroup, UnknownSeat

if TYPE_CHECKING:
    from drivers.clock import Clock

RECALL_TALKS = 1000
"""So many finished talks are remembered for a recall to the old place."""

KEEPS_RANK = frozenset(("caller_gone", "answered_elsewhere"))
"""After these an agent who was available before, and has said nothing else meanwhile, is still the longest idle one;
after all else idleness counts from the moment of becoming available."""

RESULTS = ("answered", "no_answer", "busy", "failed")


class Acd(Turns):
    """Groups, agents, and the callers between them. agent arguments are an Agent or its id."""

    def __init__(
        self,
        clock: Clock,
        groups: Iterable[GroupSettings],
        agents: Iterable[Profile],
        on_event: OnEvent,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(groups, on_event)
        self.agents: dict[str, Agent] = {}
        self.entries: dict[str, QueueEntry] = {}  # callers who wait, are offered, or talk
        self.tally: Counter[tuple[str, str, str]] = Counter()  # agents by (declared, line, work), for the metrics
        self.seats: Collection[str] | None = None  # where agents can sit, where that is known
        self._clock = clock
        self._by_extension: dict[str, Agent] = {}  # of agents who are logged in, or whose line is not idle
        self._recent: OrderedDict[str, QueueEntry] = OrderedDict()
        self._next_key = 0
        self._next_rank = 0
        settings = limits if limits is not None else Limits()
        self._line_is_known = settings.line_is_known
        for profile in agents:
            unknown = [name for name in profile.groups if name not in self.queues]
            if unknown:
                raise UnknownGroup(", ".join(unknown))
            self.agents[profile.id] = Agent(clock, profile, settings, self)
        self.tally[("logged_off", "idle", "none")] = len(self.agents)

    # The caller's side

    def enqueue(self, call_id: str, group: str) -> QueueEntry:
        """A caller wants this group. Raises UnknownGroup; QueueFull when none is idle and max_queue callers wait."""
        if call_id in self.entries:
            raise ValueError(f"call {call_id} is in a queue already")
        queue = self.queues.get(group)
        if queue is None:
            raise UnknownGroup(group)
        if queue.idle.first() is None and len(queue) >= queue.settings.max_queue:
            raise QueueFull(group, queue.settings.max_queue)
        with self.turn():
            self._recent.pop(call_id, None)
            self._next_key += 1
            entry = QueueEntry(call_id, queue, self._next_key, self._clock.seconds())
            self.entries[call_id] = entry
            entry.timer = self._clock.callLater(queue.settings.max_wait_s, self._overdue, entry)
            self._note(queue, queue.insert(entry))
            entry.told_place = entry.place
            self._tell("queued", call_id, None, "acd", group=group, place=entry.told_place)
        return entry

    def remove(self, call_id: str, why: str) -> bool:
        """The caller is gone, or wants something else. An agent who was being called is idle again, at the old rank.

        A talk that is under way goes on: only the agent's line frees the agent. False: no such caller.
        """
        entry = self.entries.get(call_id)
        if entry is None:
            return self._recent.pop(call_id, None) is not None
        with self.turn():
            if entry.state == "waiting":
                self._note(entry.queue, entry.queue.remove(entry))
            elif entry.state == "offered" and entry.agent is not None:
                entry.agent.withdraw("caller_gone")
            self._leave(entry, why)
        return True

    def requeue(self, call_id: str) -> QueueEntry:
        """Back to the old place: the PBX recalls, or a transfer failed. Does nothing where the caller waits already.

        The agent of an offer or a talk is idle again, behind the other idle ones. Raises UnknownCall after `remove`.
        """
        entry = self.entries.get(call_id) or self._recent.pop(call_id, None)
        if entry is None or entry.state == "left":
            raise UnknownCall(call_id)
        if entry.state == "waiting":
            return entry
        with self.turn():
            agent = entry.agent
            if agent is not None and agent.call == call_id and not agent.withdraw("recall"):
                agent.clear("recall", "acd", wrap_up=False)
            self._back(entry, "recall")
        return entry

    def give_back(self, call_id: str, group: str, source: str = "desk") -> QueueEntry:
        """The agent who talks with a caller gives the caller to a group's queue, the old one or another: the place is
        by the arrival, ahead of all who came later, and max_wait_s counts anew. The agent is free, with the wrap-up
        that is owed. A queue that is full takes the caller in. Raises UnknownGroup; UnknownCall after `remove`."""
        queue = self.queues.get(group)
        if queue is None:
            raise UnknownGroup(group)
        entry = self.entries.get(call_id) or self._recent.pop(call_id, None)
        if entry is None or entry.state == "left":
            raise UnknownCall(call_id)
        with self.turn():
            before, entry.agent = entry.agent, None
            if before is not None and before.call == call_id and not before.withdraw("handed_over", source):
                before.clear("handed_over", source)
            if entry.state != "waiting" and queue is not entry.queue:
                entry.stop_timer()
                entry.machine.send("leave")
                entry = QueueEntry(call_id, queue, entry.key, entry.came_s)
                entry.since_s = self._clock.seconds()
                self.entries[call_id] = entry
                self._wait(entry, "given_back")
            elif entry.state != "waiting":
                entry.since_s = self._clock.seconds()
                self._back(entry, "given_back")
        return entry

    def hand_over(self, call_id: str, agent: Agent | str | None, source: str = "switch") -> bool:
        """The caller talks with this agent now (None: with nobody of ours), and not with the one before, who is free,
        with the wrap-up that is owed. False: the caller talks with no agent of ours, or with this one already."""
        entry = self.entries.get(call_id)
        after = self.agent(agent) if agent is not None else None
        if entry is None or entry.state != "connected" or entry.agent is after:
            return False
        with self.turn():
            before, entry.agent = entry.agent, after
            if before is not None and before.call == call_id:
                before.clear("handed_over", source)
            if after is not None:
                self._free_for(after, call_id, source)
                after.answer(call_id, entry.queue.settings.wrap_up_s, source)
                self._tell("connected", call_id, after.id, source, extension=after.extension, waited_s=0.0)
        return True

    def offer_elsewhere(self, call_id: str, agent: Agent | str, ring_s: float | None = None) -> bool:
        """The caller who is offered to one agent is offered to this one instead, whose telephone is being called: by
        deflection or pickup. False: the caller is offered to nobody, or this agent's line is not idle."""
        entry, after = self.entries.get(call_id), self.agent(agent)
        if entry is None or entry.state != "offered" or after.line != "idle":
            return False
        settings = entry.queue.settings
        with self.turn():
            if entry.agent is not None:
                entry.agent.withdraw("answered_elsewhere", "desk")
            entry.agent = after
            after.reserve(call_id, ring_s or settings.ring_s, settings.wrap_up_s)
            after.ring("dialled", "desk")
            self._tell("offered", call_id, after.id, "desk", extension=after.extension, group=entry.queue.name)
        return True

    def set_aside(self, call_id: str) -> bool:
        """The PBX has the waiting caller, and may bring them back: nobody is promised to them until `requeue`.

        False: the caller does not wait."""
        entry = self.entries.get(call_id)
        if entry is None or entry.state != "waiting":
            return False
        with self.turn():
            self._note(entry.queue, entry.queue.remove(entry))
            entry.stop_timer()
            entry.machine.send("aside")
            entry.told_place = 0
            self._remember(entry)
        return True

    def offer_result(self, call_id: str, agent: Agent | str, result: str, source: str = "port") -> bool:
        """What became of calling the agent: answered, no_answer, busy or failed. False: stale, nothing was changed.

        answered is the truth of the wire and wins over whatever was planned meanwhile: an offer of the same caller to
        another agent is withdrawn, another caller promised to this agent goes back to the old place, and who had waited
        too long while the telephone rang is the agent's all the same.
        """
        if result not in RESULTS:
            raise ValueError(f"{result!r} is none of {', '.join(RESULTS)}")
        agent = self.agent(agent)
        entry = self.entries.get(call_id)
        if entry is None and result == "answered":
            entry = self._recent.get(call_id)
        if entry is None or entry.state not in ("waiting", "offered", "left"):
            return False
        if result == "answered":
            self._answered(entry, agent, source)
            return True
        if entry.state != "offered" or entry.agent is not agent:
            return False
        with self.turn():
            self._tell(result, call_id, agent.id, source)
            if result == "no_answer":
                agent.missed(source)
            else:
                agent.doubt(result, source)
            self._back(entry, result)
        return True

    # The line's side

    def line(self, agent: Agent | str, state: str, cause: str, call: str | None = None, source: str = "smdr") -> bool:
        """The switch or the PBX reports the agent's line: ringing, talking or idle. False: stale, nothing was changed.

        With call, the report counts only if the agent has that call; a late record of an earlier call frees nobody.
        Idle ends a talk, or doubt; it does not end an offer (that has its own result and limits).
        """
        agent = self.agent(agent)
        if call is not None and call != agent.call:
            return False
        with self.turn():
            if state == "ringing":
                return agent.ring(cause, source)
            if state == "idle":
                return agent.clear(cause, source)
            if state == "talking":
                if agent.line in ("reserved", "ringing"):
                    return call is not None and self.offer_result(call, agent, "answered", source)
                return agent.seize(cause, source)
        raise ValueError(f"{state!r} is none of idle, ringing, talking")

    # The desk's side

    def login(self, agent: Agent | str, extension: str | None = None) -> None:
        """Log in, at this extension or the agent's own; not ready at first. Raises ExtensionTaken,
        UnknownSeat.

        From another extension than before, what was on the old one is over for us.
        """
        agent = self.agent(agent)
        wanted = extension or (agent.home if agent.declared == "logged_off" else agent.extension)
        if wanted is None:
            raise ExtensionTaken(None, None)
        if self.seats is not None and wanted not in self.seats:
            raise UnknownSeat(wanted)
        other = self._by_extension.get(wanted)
        if other is not None and other is not agent and other.declared != "logged_off":
            raise ExtensionTaken(wanted, other.id)
        with self.turn():
            if other is not None and other is not agent:
                self._vacate(other)
            if agent.extension is not None and agent.extension != wanted:
                self._vacate(agent)
            self._by_extension[wanted] = agent
            agent.login(wanted)

    def logout(self, agent: Agent | str, cause: str = "logout", source: str = "desk") -> None:
        """Log out; a call that rings or goes on is not touched."""
        with self.turn():
            self.agent(agent).logout(cause, source)

    def ready(self, agent: Agent | str) -> None:
        """示闲. Raises IllegalEvent when logged off."""
        with self.turn():
            self.agent(agent).ready()

    def not_ready(self, agent: Agent | str, reason: str) -> None:
        """示忙, with a reason. Raises IllegalEvent when logged off."""
        with self.turn():
            self.agent(agent).not_ready(reason)

    def wrap_up_done(self, agent: Agent | str) -> bool:
        """话后处理 is done."""
        with self.turn():
            return self.agent(agent).wrap_up_done()

    def call_ended(self, agent: Agent | str) -> bool:
        """The desk's word that the call is over. False: no call, it still rings, or our own switch knows better."""
        if self._line_is_known:
            return False
        with self.turn():
            return self.agent(agent).clear("call_ended", "desk")

    def still_talking(self, agent: Agent | str) -> bool:
        """The desk's word, when asked, that the call goes on."""
        with self.turn():
            return self.agent(agent).still_talking()

    def state(self, agent: Agent | str) -> dict[str, object]:
        """Agent.snapshot."""
        return self.agent(agent).snapshot()

    def spoke_s(self, agent: Agent | str) -> float:
        """When the agent last logged in or out, or said ready or not, by whatever means."""
        return self.agent(agent).spoke_s

    # For the others

    def agent(self, agent: Agent | str) -> Agent:
        """By id. Raises UnknownAgent."""
        if isinstance(agent, Agent):
            return agent
        found = self.agents.get(agent)
        if found is None:
            raise UnknownAgent(agent)
        return found

    def at_extension(self, extension: str) -> Agent | None:
        """Who sits at this extension (the PBX's records name extensions)."""
        return self._by_extension.get(extension)

    def waiting(self) -> dict[str, int]:
        """Callers waiting, by group."""
        return {name: len(queue) for name, queue in self.queues.items()}

    def longest_wait_s(self) -> dict[str, float]:
        """How long the head of each queue has waited."""
        now = self._clock.seconds()
        heads = {name: queue.head for name, queue in self.queues.items()}
        return {name: now - head.since_s if head is not None else 0.0 for name, head in heads.items()}

    def close(self) -> None:
        """Stop all time limits (the server stops)."""
        for entry in self.entries.values():
            entry.stop_timer()
        for agent in self.agents.values():
            agent.close()

    # What agents tell (cti.acd.agent.Host)

    def changed(self, agent: Agent, cause: str, source: str) -> None:
        """Keep the idle sets and the tally; write the record."""
        was, truths = agent.tallied, agent.truths
        self.tally[was] -= 1
        self.tally[truths] += 1
        agent.tallied = truths
        queues = [self.queues[name] for name in agent.group_names]
        if agent.available:
            if was != AVAILABLE and (cause not in KEEPS_RANK or not agent.rank):
                self._next_rank += 1
                agent.rank = self._next_rank
            self._fresh[agent.id] = agent
            for queue in queues:
                queue.idle.add(agent)
        else:
            if (truths[0], truths[2]) != (AVAILABLE[0], AVAILABLE[2]):
                agent.rank = 0
            for queue in queues:
                queue.idle.discard(agent)
        if (
            truths[0] == "logged_off"
            and truths[1] == "idle"
            and agent.extension is not None
            and self._by_extension.get(agent.extension) is agent
        ):
            del self._by_extension[agent.extension]
        state = agent.snapshot()
        del state["agent"]
        self._tell("agent_state", None, agent.id, source, **state)

    def offer_expired(self, agent: Agent, call: str, cause: str) -> None:
        """The agent was let go by a time limit: the caller goes back to the old place."""
        self._tell("no_answer" if cause == "ring_timeout" else "failed", call, agent.id, "inferred", cause=cause)
        entry = self.entries.get(call)
        if entry is not None and entry.state == "offered":
            self._back(entry, cause)

    def talk_ended(self, agent: Agent, call: str, cause: str, source: str) -> None:
        """The talk is over: the caller is remembered for a recall."""
        self._tell("talk_ended", call, agent.id, source, cause=cause)
        entry = self.entries.get(call)
        if entry is not None and entry.state == "connected" and entry.agent is agent:
            entry.machine.send("over")
            self._remember(entry)

    def ask(self, agent: Agent) -> None:
        """A call record is overdue."""
        self._tell("ask", agent.call, agent.id, "acd", what="still_talking")

    # Callers between agents

    def _answered(self, entry: QueueEntry, agent: Agent, source: str) -> None:
        with self.turn():
            planned = entry.agent if entry.state == "offered" else None
            if entry.state == "waiting":
                self._note(entry.queue, entry.queue.remove(entry))
            entry.machine.send("answer")
            self.entries[entry.call] = entry
            self._recent.pop(entry.call, None)
            entry.agent = agent
            entry.told_place = 0
            if planned is not None and planned is not agent:
                planned.withdraw("answered_elsewhere", source)
            self._free_for(agent, entry.call, source)
            agent.answer(entry.call, entry.queue.settings.wrap_up_s, source)
            entry.stop_timer()
            waited = self._clock.seconds() - entry.came_s
            self._tell("connected", entry.call, agent.id, source, extension=agent.extension, waited_s=round(waited, 3))

    def _free_for(self, agent: Agent, call: str, source: str) -> None:
        """The agent has this caller now: another one who was promised goes back to the old place, a talk is over."""
        if agent.call is not None and agent.call != call:
            promised = self.entries.get(agent.call)
            agent.withdraw("answered_elsewhere", source)
            if promised is not None and promised.state == "offered":
                self._back(promised, "answered_elsewhere")
        agent.clear("next_call", source, wrap_up=False)

    def _back(self, entry: QueueEntry, cause: str) -> None:
        """Offered, connected or over: to the old place. Who has waited max_wait_s by now leaves at once."""
        entry.machine.send("back")
        entry.agent = None
        self._recent.pop(entry.call, None)
        self.entries[entry.call] = entry
        self._wait(entry, cause)

    def _wait(self, entry: QueueEntry, cause: str) -> None:
        wait_left = entry.since_s + entry.queue.settings.max_wait_s - self._clock.seconds()
        if wait_left <= 0:
            self._leave(entry, "overdue")
            return
        if entry.timer is None:
            entry.timer = self._clock.callLater(wait_left, self._overdue, entry)
        self._note(entry.queue, entry.queue.insert(entry))
        entry.told_place = 0
        self._tell("requeued", entry.call, None, "acd", group=entry.group, place=entry.place, cause=cause)

    def _overdue(self, entry: QueueEntry) -> None:
        """max_wait_s after the arrival. While an agent is being called the caller may still be answered."""
        entry.timer = None
        if entry.state == "waiting":
            self.remove(entry.call, "overdue")

    def _remember(self, entry: QueueEntry) -> None:
        """For a recall, or for an answer that comes too late."""
        del self.entries[entry.call]
        self._recent[entry.call] = entry
        if len(self._recent) > RECALL_TALKS:
            self._recent.popitem(last=False)

    def _leave(self, entry: QueueEntry, why: str) -> None:
        was = entry.state
        entry.stop_timer()
        entry.machine.send("leave")
        entry.agent = None
        entry.why = why
        if why == "overdue":
            self._remember(entry)
        else:
            del self.entries[entry.call]
        if was != "connected":
            self._tell("left_queue", entry.call, None, "acd", why=why, group=entry.group)
        self._outbox.append(entry.fire_left)

    def _vacate(self, agent: Agent) -> None:
        """The agent's extension is not the agent's any more."""
        promised = self.entries.get(agent.call) if agent.call is not None else None
        if agent.withdraw("extension_moved", "desk") and promised is not None and promised.state == "offered":
            self._back(promised, "extension_moved")
        agent.clear("extension_moved", "desk", wrap_up=False)
        if agent.extension is not None and self._by_extension.get(agent.extension) is agent:
            del self._by_extension[agent.extension]
