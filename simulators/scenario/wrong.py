"""A scenario with one thing wrong: what each fault of faults.TARGETS changes in the world."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from simulators.faults import Fault, FaultError, SerialFault
from simulators.lines.tones import Sent, changed
from simulators.pbx.makes import MAKES, USUAL
from simulators.scenario.scenario import Scenario

ON_CARD = ("noise", "returnloss", "loss", "clip", "slips", "callerid", "callers", "cut", "loopdrop", "dialtone")
"""What can be wrong where there is no PBX: with the lines and telephones, and with the office."""
ANALOG = ("callerid", "cut", "loopdrop", "dialtone")
"""Those which an E1 has not: its numbers, seizures and hang-ups are signalled, its channels break together."""
ON_SPAN = ("mfc", "frames", "biterrors", "spanslips", "alarm")
"""And with an E1."""


def with_fault(scenario: Scenario, fault: Fault) -> Scenario:
    """The same world with this fault. Raises FaultError where it does not fit the scenario."""
    words = fault.words
    if scenario.switch == "card" and fault.name not in (*ON_CARD, *ON_SPAN):
        raise FaultError(f"{fault.text}: is a PBX's; with the cards as the switch there are {', '.join(ON_CARD)}")
    if scenario.switch == "card" and scenario.trunk != "fxo" and fault.name in ANALOG:
        raise FaultError(f"{fault.text}: is a fault of --trunk fxo; an E1 has {', '.join(ON_SPAN)}")
    match fault.name:
        case "loopdrop" if scenario.switch == "card":
            return replace(scenario, office=replace(scenario.office, disconnect="none"))
        case "dialtone" if scenario.switch == "card":
            if words[0] != "none":
                raise FaultError(f"{fault.text}: of the office's dial tone, only none can be asked for")
            return replace(scenario, office=replace(scenario.office, dial_tone=False))
        case "noise":
            return replace(scenario, wires=replace(scenario.wires, noise_dbm0=fault.number))
        case "returnloss":
            return replace(scenario, wires=replace(scenario.wires, return_loss_db=fault.number))
        case "loss":
            return replace(scenario, wires=replace(scenario.wires, loss_db=fault.number))
        case "clip":
            return replace(scenario, wires=replace(scenario.wires, clip_dbm0=fault.number))
        case "slips":
            return replace(scenario, wires=replace(scenario.wires, slip_per_min=fault.number))
        case "callerid":
            return replace(scenario, caller_id=words[0])
        case "callers":
            return _callers(scenario, words[0], fault.number / 100)
        case "smdi" | "mci" | "smdr":
            changes: dict[str, Any] = {fault.name: serial_fault(fault, getattr(scenario, fault.name))}
            return replace(scenario, **changes)
        case "cut":
            port, at_s = int(words[0]), float(words[1])
            if scenario.switch == "card":
                if port >= scenario.trunks:
                    raise FaultError(f"{fault.text}: there are trunks 0 to {scenario.trunks - 1}")
            elif port >= len(scenario.vru_extensions):
                raise FaultError(f"{fault.text}: there are VRU ports 0 to {len(scenario.vru_extensions) - 1}")
            return replace(scenario, cuts=(*scenario.cuts, (port, at_s)))
        case "unplug":
            for_s = float(words[2]) if len(words) > 2 else None
            return replace(scenario, unplugs=(*scenario.unplugs, (words[0], float(words[1]), for_s)))
        case "offline":
            return replace(scenario, offline=(*scenario.offline, (float(words[0]), float(words[1]))))
        case "power":
            return replace(scenario, power_cuts=(*scenario.power_cuts, (float(words[0]), float(words[1]))))
        case "was":
            if words[0] not in MAKES:
                named = (make for make in MAKES if make != USUAL)
                raise FaultError(f"{fault.text}: no such make. There are: {', '.join(named)}")
            if words[0] == scenario.make:
                raise FaultError(
                    f"{fault.text}: the PBX is a {scenario.make} already: name another make, or leave it out"
                )
            return replace(scenario, was=words[0])
        case "records" if words[0] == "stars":
            return replace(scenario, stars=float(words[1]) / 100)
        case "records" if words == ("other_end",):
            return replace(scenario, other_end=True)
        case "clock" if words[0] == "jump":
            jump = (float(words[2]), 60 * float(words[1]))
            return replace(scenario, pbx_clock_jumps=(*scenario.pbx_clock_jumps, jump))
        case name if name in ON_SPAN:
            return replace(scenario, **_span_changes(scenario, fault))
        case _:
            return replace(scenario, pbx=replace(scenario.pbx, **_pbx_changes(scenario, fault)))


COMPANIES = ("01066554433", "02188776655")
"""Of each many people call, with the number of its switchboard."""


def _callers(scenario: Scenario, what: str, share: float) -> Scenario:
    """Whose numbers tell nobody apart: of a company, or none."""
    random = Random(f"callers {what} {scenario.seed}")
    callers = []
    for plan in scenario.callers:
        if random.random() < share:
            ani = random.choice(COMPANIES) if what == "alike" else None
            plan = replace(plan, ani=ani, absence="private" if ani is None else plan.absence)
        callers.append(plan)
    return replace(scenario, callers=tuple(callers))


def _span_changes(scenario: Scenario, fault: Fault) -> dict[str, Any]:
    """The fields that faults of an E1 change."""
    words = fault.words
    fits = {"mfc": ("r2",), "frames": ("pri",)}.get(fault.name, ("r2", "pri"))
    if scenario.trunk not in fits:
        raise FaultError(f"{fault.text}: is a fault of --trunk {' or '.join(fits)}")
    if fault.name == "mfc":
        return {"mfc": (*scenario.mfc, (words[0], float(words[1]) / 100))}
    if fault.name == "frames":
        return {f"frames_{words[0]}": float(words[1]) / 100}
    if fault.name == "spanslips":
        return {"span_slips": fault.number}
    if fault.name == "biterrors":
        return {"bit_errors": 10.0 ** -int(words[0])}
    return {"alarms": (*scenario.alarms, (words[0], float(words[1]), float(words[2])))}


def _pbx_changes(scenario: Scenario, fault: Fault) -> dict[str, Any]:
    """The fields of the PBX's plan that the other faults change."""
    plan, words = scenario.pbx, fault.words
    match fault.name:
        case "dialtone":
            tone = dial_tone(words[0])
            return {"tones": {**plan.tones, plan.hold_dial: tone, "dial": tone}}
        case "dialdelay":
            return {"dial_late_s": fault.number}
        case "tones":
            hz = next((int(word) for word in words if f"{word}Hz" in fault.text), None)
            stretch = next((float(word) for word in words if f"x{word}" in fault.text), 1.0)
            return {"tones": changed(plan.tones, hz, stretch)}
        case "loopdrop":
            return {"disconnect": "tone"}
        case "flash" if words == ("ignored",):
            return {"flash_ignored": True}
        case "flash":
            return {"flash_ms": (int(words[0]), int(words[1]))}
        case "transfer":
            return {"transfer_lost": True}
        case "recall" if words == ("another",):
            return {"recall_to": "another"}
        case "recall":
            return {"recall_message": False}
        case "numbers":
            return {"number_max": int(words[0])}
        case "records" if words == ("intercom",):
            return {"intercom": True}
        case "records":
            return {"legs": words[0]}
        case "clock":
            return {"smdr_clock_s": 60 * fault.number}
        case "swap":
            return {"smdi_swapped": (*plan.smdi_swapped, (_vru(scenario, words[0]), _vru(scenario, words[1])))}
        case "port":
            return {"no_ring": plan.no_ring | {_vru(scenario, words[0])}}
        case other:
            raise FaultError(f"no such fault: {other}")


def _vru(scenario: Scenario, extension: str) -> str:
    if extension not in scenario.vru_extensions:
        first, last = scenario.vru_extensions[0], scenario.vru_extensions[-1]
        raise FaultError(f"no VRU extension {extension}: there are {first} to {last}")
    return extension


def dial_tone(word: str) -> Sent | None:
    """`none`, a level in dBm0 (`-60`), two frequencies (`350+440`) or one (`400`, never negative)."""
    if word == "none":
        return None
    if "+" in word:
        first, second = word.split("+")
        return Sent(int(first), int(second), level_dbm0=-13.0)
    if word.startswith("-"):
        return Sent(450, level_dbm0=float(word))
    return Sent(int(word))


def serial_fault(fault: Fault, before: SerialFault) -> SerialFault:
    """`late` seconds, the others per cent."""
    kind, value = fault.words
    if kind == "late":
        return replace(before, late_s=float(value))
    changes = {kind: float(value) / 100}
    return replace(before, **changes)
