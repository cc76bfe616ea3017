"""The section `recording:` against the rest of the site file: what no single field can tell. Step 9."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.site.recording import RecordingRules

if TYPE_CHECKING:
    from cti.site.checks import Checks


def check_recording(checks: Checks) -> None:
    """What cannot be recorded is not promised."""
    rules = checks.part(RecordingRules, "recording")
    if rules is None:
        return
    if checks.switch == "pbx" and rules.calls != "none":
        text = "the PBX connects caller and agent, no port of ours hears them: nothing can be recorded"
        checks.fault(("recording",), text, "take it out, write calls: none, or let our cards switch: switch: card")
    if rules.notice and rules.calls == "none":
        text = "callers would be told of a recording that is not made"
        checks.fault(("recording", "notice"), text, "take it out, or write calls: all")
