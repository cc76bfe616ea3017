"""What digits mean to the simulated PBX: an extension, a held party fetched back, a lamp switched (step 7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulators.pbx.plan import PbxPlan


@dataclass(frozen=True)
class Meaning:
    """`what`: extension, hunt_group, outside, retrieve, lamp_on, lamp_off, leave, enter, pick_up, congested; vacant;
    more (digits are wanted)."""

    what: str
    number: str = ""


MORE, VACANT = Meaning("more"), Meaning("vacant")


class Numbering:
    """Every string that this PBX understands. `holding`: after a flash, with a party on hold."""

    def __init__(self, plan: PbxPlan, numbers: Iterable[str], holding: bool) -> None:
        codes = {"extension": plan.transfer_code if holding else "{ext}"}
        if plan.lamp_codes is not None and not holding:
            codes["lamp_on"], codes["lamp_off"] = plan.lamp_codes
        self._whole = {
            code.replace("{ext}", number): Meaning(what, number) for what, code in codes.items() for number in numbers
        }
        if plan.hunt_number:
            self._whole[codes["extension"].replace("{ext}", plan.hunt_number)] = Meaning("hunt_group")
        if plan.outside_code:
            self._whole[codes["extension"].partition("{ext}")[0] + plan.outside_code] = Meaning("outside")
        if plan.member_codes is not None and not holding:
            self._whole[plan.member_codes[0]] = Meaning("leave")
            self._whole[plan.member_codes[1]] = Meaning("enter")
        if not holding:
            anywhere, at_one = plan.pickup_codes
            self._whole |= {at_one.replace("{ext}", number): Meaning("pick_up", number) for number in numbers if at_one}
            self._whole |= {anywhere: Meaning("pick_up")} if anywhere else {}
        if plan.congested:
            self._whole[plan.congested] = Meaning("congested")
        if holding and plan.retrieve == "flash_code":
            self._whole[plan.retrieve_code] = Meaning("retrieve")

    def meaning(self, digits: str) -> Meaning:
        found = self._whole.get(digits)
        if found is not None:
            return found
        return MORE if any(text.startswith(digits) for text in self._whole) else VACANT
