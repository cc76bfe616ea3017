"""The pages in docs/pbx say of cables, speeds, codes and forms what the server's dialects say, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cti.pbx.dialect import dialect_from_text, dialect_names, load_dialect
from cti.pbx.page import dialects_of, main, renewed, settings, table

PAGES = Path(__file__).parents[3] / "docs" / "pbx"
TEXTS = {path.name: path.read_text("utf-8") for path in sorted(PAGES.glob("*.md"))}
MAKES = sorted(TEXTS.keys() - {"README.md"})


@pytest.mark.parametrize("name", MAKES)
def test_its_tables_are_fresh(name: str) -> None:
    assert renewed(TEXTS[name]) == TEXTS[name], "run `python -m cti.pbx.page docs/pbx` (make docs)"


def test_each_dialect_has_a_table_on_one_page_and_a_place_in_the_index() -> None:
    there = [dialect for name in MAKES for dialect in dialects_of(TEXTS[name])]
    assert sorted(there) == sorted(dialect_names())
    index = TEXTS["README.md"]
    assert [name for name in MAKES if f"({name})" not in index] == []
    short = re.sub(
        r"`(definity)-printer`, `-teleseer`, `-lsu`, `-int`", r"`\1-printer` `\1-teleseer` `\1-lsu` `\1-int`", index
    )
    assert [dialect for dialect in there if f"`{dialect}`" not in short] == []


@pytest.mark.parametrize("name", [name for name in MAKES if name != "generic.md"])
def test_a_page_has_what_an_integrator_needs(name: str) -> None:
    for part in (
        "Dialect",
        "**Cable.**",
        "README.md#cables",
        "**On the PBX.**",
        "**Check.**",
        "**Known to go wrong.**",
    ):
        assert part in TEXTS[name], part


@pytest.mark.parametrize("name", MAKES)
def test_what_is_said_by_hand_is_not_contradicted(name: str) -> None:
    """Speeds in the text are those of the dialects, or named as another choice; fields named are fields."""
    said = TEXTS[name].split("## In figures")[0]
    lines = [
        getattr(load_dialect(one).serial, line) for one in dialects_of(TEXTS[name]) for line in ("smdi", "smdr", "mci")
    ]
    right = {settings(line) for line in lines}
    for speed in re.findall(r"\b(?:\d{3,5}) [78][NEO][12]\b", said):
        assert speed in right
    for section, key in re.findall(r"`(line|in_band|mci|smdr|calls|smdi)\.([a-z_]+)`", said):
        dialect = load_dialect(dialects_of(TEXTS[name])[0])
        assert hasattr(getattr(dialect, section), key), f"{section}.{key}"


def test_the_rows_follow_the_dialect() -> None:
    text = table(
        dialect_from_text(
            "name: x\ntitle: X\nserial: {smdr: {baud: 300, bits: 7, parity: odd, stop: 2, rtscts: true}}\n"
            "calls: {sources: [mci], number_max: 9}\n"
            "mci: {columns: {station: [1, 4], calling: [5, 9]}}\n"
            "line: {flash_ms: 90, transfer_prefix: '*7', retrieve: none, lamp: {on: '1{ext}', off: '2{ext}'}}\n"
            "services: {group_pickup: '#9'}\n"
            "smdr: {terminators: [stx_etx_bcc], records: [{name: call, pattern: '(?P<extension>a|b)'}]}\n"
            "to_learn: [the moon]\n"
        )
    )
    for said in (
        "300 7O2, RTS/CTS; frames STX ... ETX and a check character",
        "| MCI line | 9600 7N2 |",
        "cut at 9 digits",
        "| hook flash | 90 ms",
        "`*7EXT` is dialled",
        "on-hook: the PBX rings the port again",
        "on `1{ext}`, off `2{ext}`",
        "group pickup `#9`",
        "- the moon",
    ):
        assert said in text, said


def test_the_command_writes_what_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "samsung.md"
    page.write_text("# Samsung\n<!-- dialect samsung -->\nold\n<!-- end -->\nend\n")
    assert main([str(tmp_path)]) == 0
    written = page.read_text()
    assert "old" not in written and "9600 8N1" in written and written.endswith("end\n")
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("written") == 1
    assert main([]) == 2
