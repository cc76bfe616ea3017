"""The desk codec: golden messages whole, cut at every place and with rubbish around; everything hostile has a code."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.acd.truths import CAUSES
from cti.desk import wire
from cti.desk.wire import Call, Decoder, Fault, Limit, Login, Nothing, NotReady, Resume, decode
from cti.records.outcome import MEANING
from cti.switch.connection import CONNECTION, EVENTS
from cti.switch.verbs import NEEDS

ROOT = Path(__file__).parents[3]

GOLDEN: list[tuple[bytes, Call | Fault]] = [
    (
        b'{"jsonrpc":"2.0","id":1,"method":"login","params":{"agent":"1001","password":"secret","extension":"8001"}}',
        Call(1, "login", Login("1001", "secret", "8001"), True),
    ),
    (
        b'{"jsonrpc":"2.0","id":"a","method":"resume","params":{"token":"00ff"}}',
        Call("a", "resume", Resume("00ff"), True),
    ),
    (b'{"jsonrpc": "2.0", "id": 2, "method": "ready"}', Call(2, "ready", Nothing(), True)),
    (b'{"method":"ping","jsonrpc":"2.0"}', Call(None, "ping", Nothing(), False)),
    (b'{"jsonrpc":"2.0","id":null,"method":"ping","params":{}}', Call(None, "ping", Nothing(), True)),
    (
        '{"jsonrpc":"2.0","id":3,"method":"not_ready","params":{"reason":"吃饭"}}'.encode(),
        Call(3, "not_ready", NotReady("吃饭"), True),
    ),
    (b'{"jsonrpc":"2.0","id":4,"method":"calls","params":{"limit":5}}', Call(4, "calls", Limit(5), True)),
    (b'{"jsonrpc":"2.0","id":5,"method":"message.list"}', Call(5, "message.list", Limit(20), True)),
]

HOSTILE: list[tuple[bytes, int, object]] = [
    (b"hello", wire.PARSE_ERROR, None),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping"', wire.PARSE_ERROR, None),
    (b"\xff\xfe\x00", wire.PARSE_ERROR, None),
    (b"null", wire.INVALID_REQUEST, None),
    (b"[]", wire.INVALID_REQUEST, None),
    (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', wire.INVALID_REQUEST, None),
    (b'{"id":1,"method":"ping"}', wire.INVALID_REQUEST, None),
    (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', wire.INVALID_REQUEST, None),
    (b'{"jsonrpc":"2.0","id":1}', wire.INVALID_REQUEST, None),
    (b'{"jsonrpc":"2.0","id":1,"result":{}}', wire.INVALID_REQUEST, None),
    (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', wire.INVALID_REQUEST, None),
    (b'{"jsonrpc":"2.0","id":' + b"9" * 400 + b',"method":"ping"}', wire.INVALID_REQUEST, None),
    (b'{"jsonrpc":"2.0","id":"' + b"x" * 300 + b'","method":"ping"}', wire.INVALID_REQUEST, None),
    (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', wire.INVALID_REQUEST, None),
    (b'{"jsonrpc":"2.0","id":1,"method":7}', wire.INVALID_REQUEST, None),
    (b'{"jsonrpc":"2.0","id":7,"method":"reboot"}', wire.UNKNOWN_METHOD, 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"__class__"}', wire.UNKNOWN_METHOD, 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"login"}', wire.INVALID_PARAMS, 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"login","params":["1001","x"]}', wire.INVALID_PARAMS, 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"login","params":{"agent":1001,"password":"x"}}', wire.INVALID_PARAMS, 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"login","params":{"agent":"\xff","password":"x"}}', wire.INVALID_PARAMS, 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"make","params":{"to":"8001\\n"}}', wire.INVALID_PARAMS, 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"ready","params":{"really":true}}', wire.INVALID_PARAMS, 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"calls","params":{"limit":0}}', wire.INVALID_PARAMS, 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"calls","params":{"limit":1e99}}', wire.INVALID_PARAMS, 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"not_ready","params":{"reason":""}}', wire.INVALID_PARAMS, 7),
    (b"[" * 65000, wire.INVALID_REQUEST, None),
    (b'{"a":' * 13000, wire.PARSE_ERROR, None),
    (b'{"jsonrpc":"2.0","id":7,"method":"state","params":' + b"[" * 60000, wire.PARSE_ERROR, None),
]


@pytest.mark.parametrize(("line", "expected"), GOLDEN)
def test_golden(line: bytes, expected: Call) -> None:
    assert decode(line) == expected
    for rubbish in (b"", b"\n\n", b" \r\n"):
        assert Decoder().feed(rubbish + line + b"\r\n") == [expected]


@pytest.mark.parametrize(("line", "expected"), GOLDEN)
def test_golden_cut_at_every_place(line: bytes, expected: Call) -> None:
    for cut in range(len(line) + 2):
        decoder = Decoder()
        assert decoder.feed((line + b"\r\n")[:cut]) + decoder.feed((line + b"\r\n")[cut:]) == [expected]


def test_byte_by_byte_and_all_at_once() -> None:
    stream = b"\n".join(line for line, _ in GOLDEN) + b"\n"
    expected = [call for _, call in GOLDEN]
    assert Decoder().feed(stream) == expected
    decoder = Decoder()
    assert [item for byte in stream for item in decoder.feed(bytes([byte]))] == expected


@pytest.mark.parametrize(("line", "code", "call_id"), HOSTILE)
def test_hostile(line: bytes, code: int, call_id: object) -> None:
    fault = decode(line)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.id) == (code, call_id)
    assert code in wire.CODES
    answer = wire.error(fault.id, fault.code, fault.message)
    assert json.loads(answer)["error"]["code"] == code
    assert len(answer) < 2000
    good, call = GOLDEN[0]
    assert Decoder().feed(line + b"\n" + good + b"\n") == [fault, call]


def test_notifications_that_are_wrong_get_no_answer() -> None:
    fault = decode(b'{"jsonrpc":"2.0","method":"reboot"}')
    assert isinstance(fault, Fault)
    assert not fault.reply
    assert not fault.malformed


def test_ten_megabytes_without_a_newline_are_refused_once_and_kept_nowhere() -> None:
    decoder = Decoder()
    faults = [item for _ in range(160) for item in decoder.feed(b"x" * 65536)]
    assert [fault.code for fault in faults if isinstance(fault, Fault)] == [wire.TOO_LARGE]
    assert len(decoder._rest) == 0
    good, call = GOLDEN[0]
    assert decoder.feed(b"x\n" + good + b"\n") == [call]


def test_the_longest_message_is_64_kib_with_its_newline() -> None:
    start, end = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{}', b"}"
    longest = start + b" " * (wire.MAX_MESSAGE - 1 - len(start) - len(end)) + end
    assert [type(item) for item in Decoder().feed(longest + b"\n")] == [Call]
    assert [type(item) for item in Decoder().feed(b" " + longest + b"\n")] == [Fault]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_random_bytes_never_raise_and_cuts_do_not_matter(data: bytes, cuts: list[int]) -> None:
    data += b"\n"
    whole = Decoder().feed(data)
    decoder = Decoder()
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    assert [item for piece in pieces for item in decoder.feed(piece)] == whole


def test_what_we_write() -> None:
    assert wire.result(1, {"中": None}) == '{"jsonrpc":"2.0","id":1,"result":{"中":null}}\n'.encode()
    assert wire.error("x", -32000, "m", {"retry_after_s": 2.0}) == (
        b'{"jsonrpc":"2.0","id":"x","error":{"code":-32000,"message":"m","data":{"retry_after_s":2.0}}}\n'
    )
    assert wire.notification("popup", {"ani": "1"}) == b'{"jsonrpc":"2.0","method":"popup","params":{"ani":"1"}}\n'


def test_every_message_and_code_is_in_the_protocol_document() -> None:
    text = (ROOT / "docs" / "desk-protocol.md").read_text("utf-8")
    headings = set(re.findall(r"^### `([a-z_.]+)`", text, re.M))
    assert headings == wire.METHODS.keys() | wire.NOTIFICATIONS.keys()
    codes = {int(code): meaning for code, meaning in re.findall(r"^\| (-32\d{3}) \| (.+) \|$", text, re.M)}
    assert codes == wire.CODES
    for method, params in wire.METHODS.items():
        section = text.split(f"### `{method}`")[1].split("\n### ")[0]
        for field in params.__struct_fields__:
            if params is wire.Target and method not in NEEDS:
                continue  # it is ignored
            assert f"`{field}`" in section, f"{method}: {field}"


def test_words_of_the_protocol_document_are_those_of_the_server() -> None:
    text = (ROOT / "docs" / "desk-protocol.md").read_text("utf-8")
    words = text.split("\n## Words\n")[1].split("\n## ")[0]
    rows = re.compile(r"^\| `([a-z_]+)` \| (.+) \|$", re.M)
    outcomes, causes = (dict(rows.findall(part)) for part in words.split("Of `cause`"))
    assert outcomes == {name: " ".join(meaning) for name, meaning in MEANING.items()}
    assert causes == CAUSES
    connection = text.split("### `connection`")[1].split("\n### ")[0]
    assert set(re.findall(r"^\| `([a-z]+)`(?: .*)? \|", connection, re.M)) - {"state"} == set(CONNECTION.meanings)
    assert set(re.findall(r"`([A-Z]\w+)`", connection)) == {*EVENTS.values(), "Suspended", "Resumed"}


def test_examples_of_the_protocol_document_are_messages() -> None:
    text = (ROOT / "docs" / "desk-protocol.md").read_text("utf-8")
    examples = re.findall(r"^→ (\{.*\})$", text, re.M)
    assert len(examples) >= len(wire.METHODS)
    assert {item.method for example in examples if isinstance(item := decode(example.encode()), Call)} == set(
        wire.METHODS
    )
    for answer in re.findall(r"^← (\{.*\})$", text, re.M):
        assert json.loads(answer)["jsonrpc"] == "2.0"
