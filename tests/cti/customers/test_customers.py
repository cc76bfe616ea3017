"""Customers: numbers in one form, CSV files as offices write them, look-up by full and by cut numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cti.customers.csv_file import read_customers
from cti.customers.numbering import NumberPlan, backwards
from cti.records.store import Store, open_store

PLAN = NumberPlan("cn", "021")


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("13800138000", "+8613800138000"),
        ("013800138000", "+8613800138000"),  # a mobile of another province, as exchanges signal it
        ("+86 138-0013-8000", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("021-34567890", "+862134567890"),
        ("(021)3456 7890", "+862134567890"),
        ("34567890", "+862134567890"),
        ("010 65551234", "+861065551234"),
        ("4008123123", "+864008123123"),
        ("0012125551234", "+12125551234"),
        ("+1 (212) 555-1234", "+12125551234"),
        ("8001", "8001"),
        ("110", "110"),
        ("", ""),
        ("private", ""),
    ],
)
def test_numbers_in_one_form(written: str, full: str) -> None:
    assert PLAN.full(written) == full
    assert PLAN.full(full) == full


def test_without_an_area_code_a_local_number_stays_as_it_is() -> None:
    assert NumberPlan("cn").full("34567890") == "34567890"


def test_countries() -> None:
    assert NumberPlan("uk").full("020 7946 0958") == "+442079460958"
    assert NumberPlan("de").full("030 901820") == "+4930901820"
    with pytest.raises(ValueError, match="'zz'"):
        NumberPlan("zz")


def test_backwards() -> None:
    assert backwards("+8613800138000") == "0008310083168"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path}/x.db", PLAN)
    yield store
    store.close()


def write(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    file = tmp_path / "customers.csv"
    file.write_bytes(text.encode(encoding))
    return file


CHINESE = "号码,姓名,公司,备注,等级\r\n13800138000,王先生,天马公司,老客户,金\r\n02134567890,李女士,,,\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_chinese_office_file(tmp_path: Path, store: Store, encoding: str, mark: str) -> None:
    imported = store.import_customers(write(tmp_path, CHINESE.replace(",", mark), encoding))
    assert (imported.customers, imported.faults) == (2, [])
    one = store.customer("+8613800138000")
    assert one is not None
    assert (one.name, one.company, one.note, one.fields) == ("王先生", "天马公司", "老客户", {"等级": "金"})
    assert store.customer("34567890") is not None and store.customer("13911111111") is None


def test_english_headings_and_several_numbers(tmp_path: Path, store: Store) -> None:
    text = 'Name,Mobile,Phone 2,Company\n"Li, Ming",13800138000/13900139000,021-34567890;8001,"A ""B"" Co\nShanghai"\n'
    assert store.import_customers(write(tmp_path, text)).faults == []
    one = store.customer("8001")
    assert one is not None and one.name == "Li, Ming" and one.company == 'A "B" Co\nShanghai'
    assert one.numbers == ("+8613800138000", "+8613900139000", "+862134567890", "8001")


def test_a_number_that_a_program_took_for_a_number(tmp_path: Path) -> None:
    """A column of numbers with an empty cell in it comes out of many programs with .0 behind each: with that 0 the
    local number of one customer would be another one's."""
    customers, faults = read_customers(
        write(tmp_path, "号码,姓名\n6668888.0,甲\n13800138000.00,乙\n021.6668.8880,丙\n"), PLAN
    )
    plain, _ = read_customers(write(tmp_path, "号码,姓名\n6668888,甲\n13800138000,乙\n02166688880,丙\n"), PLAN)
    assert customers == plain and not faults


def test_every_faulty_line_is_told_and_the_others_count(tmp_path: Path, store: Store) -> None:
    text = (
        "号码,姓名,公司\n"
        "13800138000,王先生,天马\n"
        "13800138000,重复,天马\n"  # 3
        ",无号码,天马\n"  # 4
        "13900139000,,天马\n"  # 5
        "\n"
        "abc,错号,天马\n"  # 7
        "1.38E+10,表格,天马\n"  # 8
        "13700137000,多,列,出,来\n"  # 9
        '13600136000,"两\n行",天马\n'  # 10-11
        ",,天马\n"  # 12: two faults
        '13500135000,a"b",天马\n'  # 13
        "13400134000,好,天马\n"
    )
    file = write(tmp_path, text)
    imported = store.import_customers(file)
    assert [(fault.line, fault.field) for fault in imported.faults] == [
        (3, "number"),
        (4, "number"),
        (5, "name"),
        (7, "number"),
        (8, "number"),
        (9, ""),
        (12, "name"),
        (12, "number"),
    ]
    assert all(fault.remedy and fault.file == str(file) for fault in imported.faults)
    assert "line 2" in imported.faults[0].message and "as text" in imported.faults[4].remedy
    assert imported.customers == 4
    assert store.import_customers(file).faults == imported.faults  # told again as long as they are there


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "is empty"),
        ("姓名,公司\n王,天马\n", 1, "no column is headed number"),
        ('号码,姓名\n13800138000,王\n13900139000,"李\n', 3, "is not CSV"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, line: int, message: str) -> None:
    _, faults = read_customers(write(tmp_path, text), PLAN)
    assert [(fault.line, message in fault.message) for fault in faults] == [(line, True)]


def test_bytes_of_no_known_encoding(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "customers.csv"
    file.write_bytes("号码,姓名\n13800138000,王\n".encode() + b"13900139000,\xff\xff\n")
    (fault,) = store.import_customers(file).faults
    assert fault.line == 3 and "save the file as UTF-8" in fault.remedy
    (fault,) = store.import_customers(tmp_path / "nowhere.csv").faults
    assert fault.line == 0 and "cannot be read" in fault.message


def test_an_unchanged_file_is_not_read_again_and_a_changed_one_takes_the_place(tmp_path: Path, store: Store) -> None:
    file = write(tmp_path, CHINESE)
    store.import_customers(file)
    assert store.import_customers(file).unchanged
    write(tmp_path, CHINESE.replace("13800138000", "13700137000"))
    assert not store.import_customers(file).unchanged
    assert store.customer("13800138000") is None and store.customer("13700137000") is not None


def test_a_cut_number_finds_by_its_end_only(tmp_path: Path, store: Store) -> None:
    lines = [f"1380000{n:04d},客户{n}" for n in range(2000)]
    store.import_customers(write(tmp_path, "号码,姓名\n" + "\n".join(lines)))
    assert [one.name for one in store.customers.ending("00001234")] == ["客户1234"]
    assert store.customers.ending("1234") == []  # too short to be evidence
    assert len(store.customers.ending("13800001234")) == 1
    assert store.customers.ending("913800001234") == []


def test_candidates_are_few(tmp_path: Path, store: Store) -> None:
    areas = ["010", "021", "022", "023", "024", "025", "027", "028"]
    store.import_customers(write(tmp_path, "号码,姓名\n" + "\n".join(f"{area}65551234,{area}" for area in areas)))
    assert [one.name for one in store.customers.ending("5551234")] == areas[:5]


def test_with_another_area_code_the_file_is_read_again(tmp_path: Path, store: Store) -> None:
    file = write(tmp_path, CHINESE.replace("02134567890", "34567890"))
    store.import_customers(file)
    assert store.customer("021 34567890") is not None
    moved = open_store(f"sqlite:///{tmp_path}/x.db", NumberPlan("cn", "010"))
    assert not moved.import_customers(file).unchanged
    assert moved.customer("010 34567890") is not None and moved.customer("021 34567890") is None
    moved.close()


def test_customers_with_many_numbers_each(tmp_path: Path, store: Store) -> None:
    """More in one batch than a statement may carry (PostgreSQL: 65,535)."""
    rows = ["/".join(f"138{100 * n + k:08d}" for k in range(100)) + f",客户{n}" for n in range(700)]
    imported = store.import_customers(write(tmp_path, "号码,姓名\n" + "\n".join(rows)))
    assert (imported.customers, imported.faults) == (700, [])
    assert store.customer("13800069999") is not None
