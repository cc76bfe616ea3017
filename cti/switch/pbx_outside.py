"""Numbers outside that agents call from the screen behind a PBX: which these are, who may call them, and what a port of
ours dials for them (step 7).

The PBX's code before numbers outside is a matter of the site (`pbx: services: outside`), and so is how far numbers are
(`pbx: tolls`, the longest beginning counts); a dialect's code is told to people only, numbering plans being changed
everywhere. Who may call how far is said as on cards (`calls:` of groups and agents); emergency numbers need no right,
with or without the code in front. The PBX's own rights hold besides: those of our ports.

Which numbers are outside: what is longer than every extension that is known. Of the others, since the PBX has more
telephones than the site file names, only those that `tolls` names (cti.site.service_numbers): 10086, where extensions
have five digits.
"""

from __future__ import annotations

from collections.abc import Collection

from cti.acd.agent import Agent
from cti.site.config import Site
from cti.site.emergency import emergency_of
from cti.site.service_numbers import named_outside
from cti.switch.errors import NotAllowed, UnknownNumber
from cti.trunks.rights import may_call, right_of
from drivers.signalling.interface import MAX_DIGITS


class OutsideNumbers:
    """Of one site."""

    def __init__(self, site: Site) -> None:
        services = site.pbx.services
        self._code = services.outside if services is not None else None
        self._tolls, self._groups = site.pbx.tolls, site.groups
        self._emergency = frozenset(emergency_of(site))
        self._profiles = {profile.id: profile for profile in site.agents}

    def emergency(self, to: str) -> str | None:
        """The emergency number that is meant; None: none is."""
        bare = [to, to.removeprefix(self._code.replace(",", ""))] if self._code else [to]
        return next((number for number in bare if number in self._emergency), None)

    def means(self, to: str, extensions: Collection[str]) -> bool:
        """Is it a number outside? ``extensions``: all that are known."""
        if to in extensions:
            return False
        longer = len(to) > max(map(len, extensions))
        return longer or self.emergency(to) is not None or to.startswith(tuple(named_outside(self._tolls, extensions)))

    def dialled(self, agent: Agent, to: str) -> str | None:
        """What is dialled for this number; None: the site file does not say enough, and it is the telephone's to call.
        NotAllowed, UnknownNumber."""
        helped = self.emergency(to)
        if self._code is None or not (helped or self._tolls):
            return None
        if helped is not None:
            return self._code + helped
        known = [prefix for prefix in self._tolls if to.startswith(prefix)]
        if not known or len(to) > MAX_DIGITS:
            why = f"has more than {MAX_DIGITS} digits" if known else "begins as no entry of the site's pbx: tolls does"
            raise UnknownNumber(f"{to} {why}")
        toll, right = self._tolls[max(known, key=len)], right_of(self._profiles.get(agent.id), self._groups)
        if not may_call(right, toll):
            raise NotAllowed(f"{to} is {toll}, agent {agent.id} may call {right}")
        return self._code + to
