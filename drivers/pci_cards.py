"""Telephony cards on the PCI bus, known before any driver is loaded: by their ids, as DAHDI's drivers list them.

Source: the tables of struct pci_device_id in dahdi-linux 2.11 (drivers/dahdi). Sangoma's cards (wanpipe, a driver of
its own) and Xorcom's Astribanks (USB) are not on this list; DAHDI tells of them once their drivers run.
Serves `tipring detect`.
"""

from __future__ import annotations

_E1 = ("Digium card with two to eight E1 spans", "wct4xxp")
_E1_FIRMWARE = ("Digium TE435, TE235, TE436 or TE236", "wcte43x")
CARDS = {
    ("10ee", "0314"): ("card with four E1 spans", "wct4xxp"),
    ("d161", "0120"): ("Digium TE120P", "wcte12xp"),
    ("d161", "8000"): ("Digium TE121", "wcte12xp"),
    ("d161", "8001"): ("Digium TE122", "wcte12xp"),
    ("d161", "2400"): ("Digium TDM2400P", "wctdm24xxp"),
    ("d161", "0800"): ("Digium TDM800P", "wctdm24xxp"),
    ("d161", "8002"): ("Digium AEX800", "wctdm24xxp"),
    ("d161", "8003"): ("Digium AEX2400", "wctdm24xxp"),
    ("d161", "8005"): ("Digium TDM410P", "wctdm24xxp"),
    ("d161", "8006"): ("Digium AEX410", "wctdm24xxp"),
    ("d161", "8007"): ("Digium HA8", "wctdm24xxp"),
    ("d161", "8008"): ("Digium HB8", "wctdm24xxp"),
    ("d161", "800a"): ("Digium TE131 or TE133", "wcte13xp"),
    ("d161", "800b"): ("Digium card with one E1 span", "wcte13xp"),
    ("d161", "800c"): ("Digium A8", "wcaxx"),
    ("d161", "800d"): ("Digium A8", "wcaxx"),
    ("d161", "800f"): ("Digium A4", "wcaxx"),
    ("d161", "8010"): ("Digium A4", "wcaxx"),
    ("d161", "800e"): _E1_FIRMWARE,
    ("d161", "8013"): _E1_FIRMWARE,
    **{("d161", number): _E1 for number in ("1820", "1420", "1410", "1405", "1220", "1205", "1210")},
    **{("d161", number): _E1 for number in ("0420", "0410", "0405", "0220", "0205", "0210")},
}
TIGERJET = ("e159", "0001")
"""One PCI chip of many cards; the vendor of the subsystem tells them apart."""
BEHIND_TIGERJET = {
    **dict.fromkeys(
        ("a159", "e159", "b100", "b1d9", "b118", "b119", "a9fd", "a8fd", "a800", "a801", "a908", "a901"),
        ("analog card (TDM400P or compatible)", "wctdm"),
    ),
    **dict.fromkeys(
        ("9100", "9519", "95d9", "9500", "9532", "8519", "9559", "9599"), ("OpenVox A800P or A1200P", "opvxa1200")
    ),
    **dict.fromkeys(("71fe", "79fe", "795e", "79de", "797e"), ("Digium TE110P", "wcte11xp")),
}


def known_card(vendor: str, device: str, subsystem_vendor: str) -> tuple[str, str] | None:
    """What the card is, and the DAHDI module that drives it; None: no card of this list. Ids are four hex digits."""
    if (vendor, device) == TIGERJET:
        return BEHIND_TIGERJET.get(subsystem_vendor)
    return CARDS.get((vendor, device))
