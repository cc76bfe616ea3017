"""What agents dial at their telephones: codes of the dialect, of the line section, of the site; and as sentences."""

from __future__ import annotations

import pytest

from cti.errors import ConfigFaults
from cti.pbx.dialect import dialect_from_text, load_dialect
from cti.pbx.services import Services, code, say


def test_codes_of_a_make_and_what_follows_from_its_line_section() -> None:
    norstar = load_dialect("norstar")
    dialled = {verb: code(norstar.services, norstar.line, verb, "8002") for verb in ("consult", "blind_transfer")}
    assert dialled == {"consult": "F*708002", "blind_transfer": "F*708002H"}
    assert code(norstar.services, norstar.line, "retrieve", None) == "F2"
    assert code(norstar.services, norstar.line, "group_pickup", None) == "*76"
    assert code(norstar.services, norstar.line, "group_pickup", "8001") is None
    assert code(norstar.services, norstar.line, "barge_in", "8001") is None
    kxtd = load_dialect("panasonic-kxtd")
    assert code(kxtd.services, kxtd.line, "take_ringing", "8001") == "418001"
    assert code(kxtd.services, kxtd.line, "park", None) == "F52{to}"
    assert kxtd.services.outside == "9"


def test_the_site_has_the_last_word_code_by_code() -> None:
    site = load_dialect("norstar").with_services(Services(barge_in="*9{to}"))
    assert (site.services.barge_in, site.services.group_pickup) == ("*9{to}", "*76")
    assert load_dialect("norstar").with_services(None) == load_dialect("norstar")


def test_a_code_as_a_sentence() -> None:
    assert say("F*708002H", "en") == "on your telephone: press recall (or transfer), dial *708002, hang up"
    assert say("*76", "zh") == "请在话机上操作：拨 *76"
    assert say("F", "zh") == "请在话机上操作：按拍叉键（转接键）"


def test_a_wrong_code_is_told_with_its_line() -> None:
    text = "name: x\ntitle: x\nsmdr: {records: []}\nservices:\n  park: 52x\n  pickup: '4'\n"
    with pytest.raises(ConfigFaults) as caught:
        dialect_from_text(text)
    told = str(caught.value)
    assert "5: services.park" in told and "6: services.pickup" in told
