"""Why a verb of call control was not done; nothing was changed then. Each reaches the asker by its name (step 7)."""

from __future__ import annotations

from cti.errors import TipringError


class VerbRefused(TipringError):
    """``name`` is what a desk's program reads, the text what a person does, ``more`` what else the program is told."""

    name = "refused"

    def __init__(self, text: str, **more: object) -> None:
        super().__init__(text)
        self.more = more


class WrongState(VerbRefused):
    """Not possible with the telephone, or the call, as it is now."""

    name = "wrong_state"


class NotAllowed(VerbRefused):
    """The role, or the toll class, of the asker does not include it."""

    name = "not_allowed"


class UnderWay(VerbRefused):
    """The same is being done already."""

    name = "under_way"


class UnknownNumber(VerbRefused):
    """No telephone, slot or route has this number."""

    name = "unknown_number"


class TargetBusy(VerbRefused):
    """The telephone or slot that was named is in use, or out of order."""

    name = "busy"


class NoTrunk(VerbRefused):
    """Every channel that leads there is busy, blocked or in alarm; or its routes are closed at this hour."""

    name = "no_trunk"


class NobodyThere(VerbRefused):
    """Nothing rings, is parked, or is talked on where it was looked for."""

    name = "nobody_there"


class Unsupported(VerbRefused):
    """This site cannot do that: behind its PBX there is no way to it."""

    name = "unsupported"


class AtTelephone(VerbRefused):
    """Only the agent's own telephone can do it: ``more`` has what to dial there (``dial``: F the recall button, H
    on-hook), and the sentence in Chinese and English (``say``)."""

    name = "at_telephone"


class MissingTarget(VerbRefused):
    """The verb needs a number, an extension, or digits."""

    name = "missing_target"
