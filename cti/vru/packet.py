"""The digits that a PBX sends when the VRU answers, collected before the menu begins (step 4).

They come from the PBX, not from the caller: none of them may reach the menu as a key. So everything is taken that comes
until a silence of gap_ms, also digits that fit nothing; a string that is complete, so that nothing longer can come of
it, ends the wait at once. A call without digits goes on after wait_s.
"""

from __future__ import annotations

from cti.pbx.call_rules import InBandRules
from cti.pbx.in_band import LONGEST, InBandReader
from drivers.port import Port


async def collect_packet(port: Port, rules: InBandRules, reader: InBandReader) -> str:
    """The digits, empty where none came. Ends with CallEnded or by cancelling, as any operation of the port."""
    digits = ""
    gap_s = rules.gap_ms / 1000
    while not reader.complete(digits) and len(digits) < LONGEST:
        got = await port.collect(1, gap_s if digits else rules.wait_s, gap_s, end="")
        if not got.text:
            break
        digits += got.text
    return digits
