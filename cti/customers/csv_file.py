"""Customers from a CSV file, as an office program writes it: UTF-8 or GBK, headings in Chinese or English (step 8).

Comma, semicolon or tab; the first line holds the headings. Needed are a number and a name; several numbers of one
customer stand in several columns or in one, divided by ``;``, ``/`` or ``、``. Columns with other headings are kept.
A faulty line is told with its number and left out; the others count.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from cti.customers.numbering import NumberPlan
from cti.database.values import clean
from cti.errors import Fault

MAX_BYTES = 256 << 20
"""A larger file is a fault."""
MAX_FAULTS = 1000
"""More faulty lines than this are counted, not listed."""

HEADINGS: Final = {
    "number": "number phone telephone tel mobile 号码 电话 电话号码 手机 手机号 手机号码 主叫号码 联系电话 座机 固话",
    "name": "name customer 姓名 名称 客户 客户姓名 客户名称 联系人",
    "company": "company organisation organization 公司 单位 公司名称 单位名称",
    "note": "note notes remark remarks 备注 说明",
}
_FIELD = {word: field for field, words in HEADINGS.items() for word in words.split()}


class CustomerLine(msgspec.Struct, frozen=True):
    """One customer of the file; numbers in full."""

    name: str
    company: str | None
    note: str | None
    numbers: tuple[str, ...]
    fields: dict[str, str]


def read_customers(path: Path, plan: NumberPlan) -> tuple[list[CustomerLine], list[Fault]]:
    """The customers of a file, and its faults by line. A file that cannot be read at all is one fault."""
    reader = _Reader(path, plan)
    try:
        return list(reader.customers()), reader.told()
    except OSError as error:
        return [], [Fault(str(path), 0, "", f"cannot be read: {error.strerror}", "put the file there")]


class _Reader:
    def __init__(self, path: Path, plan: NumberPlan) -> None:
        self.path = path
        self.plan = plan
        self.faults: list[Fault] = []
        self.more = 0
        self.taken: dict[str, int] = {}  # number -> line

    def fault(self, line: int, field: str, message: str, remedy: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(str(self.path), line, field, message, remedy))
        else:
            self.more += 1

    def told(self) -> list[Fault]:
        if self.more:
            self.faults.append(Fault(str(self.path), 0, "", f"{self.more} more faulty lines", "mend those above first"))
        return self.faults

    def customers(self) -> Iterator[CustomerLine]:
        size = self.path.stat().st_size
        if size > MAX_BYTES:
            self.fault(0, "", f"{size} bytes long", f"the limit is {MAX_BYTES}: split the file")
            return
        text = self.decoded(self.path.read_bytes())
        lines = self.rows(text or "")
        first = next(lines, None)
        if first is None:
            if text is not None:
                self.fault(1, "", "is empty", "begin with: number,name")
            return
        columns = self.columns(*first)
        if columns is None:
            return
        for line, cells in lines:
            if any(cell.strip() for cell in cells):
                customer = self.customer(line, columns, [clean(cell.strip()) for cell in cells])
                if customer is not None:
                    yield customer

    def decoded(self, raw: bytes) -> str | None:
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as first:
            try:
                return raw.decode("gb18030")
            except UnicodeDecodeError as second:
                # The encoding that goes further is the one that was meant.
                name, error = max(("UTF-8", first), ("GBK", second), key=lambda pair: pair[1].start)
                line = raw.count(b"\n", 0, error.start) + 1
                self.fault(line, "", f"is neither UTF-8 nor GBK (as {name} up to here)", "save the file as UTF-8")
                return None

    def rows(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """(line number, cells); a cell in quotes may go over several lines."""
        head = text.split("\n", 1)[0]
        mark = max(",;\t，", key=head.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self.fault(
                    line, "", f"is not CSV: {error}", 'a cell with " or line ends stands in quotes, " in it twice'
                )
                continue
            yield line, cells

    def columns(self, line: int, cells: list[str]) -> list[str] | None:
        """What each column is: number, name, company, note, or its own heading in other words."""
        found = [_FIELD.get(re.sub(r"[\s_-]*\d*$", "", cell.strip().lower()), "") for cell in cells]
        missing = [field for field in ("number", "name") if field not in found]
        for field in missing:
            remedy = f"one of: {', '.join(HEADINGS[field].split())}"
            self.fault(line, field, f"no column is headed {field}", remedy)
        if missing:
            return None
        return [field or "=" + clean(cell.strip()) for field, cell in zip(found, cells, strict=True)]

    def customer(self, line: int, columns: list[str], cells: list[str]) -> CustomerLine | None:
        before = len(self.faults) + self.more
        if any(cells[len(columns) :]):
            self.fault(
                line, "", f"has {len(cells)} cells under {len(columns)} headings", "put cells with commas in quotes"
            )
        named: dict[str, list[str]] = {}
        for column, cell in zip(columns, cells, strict=False):
            if cell:
                named.setdefault(column, []).append(cell)
        if "name" not in named:
            self.fault(line, "name", "is empty", "write the customer's name")
        numbers = self.numbers(line, named.get("number", []))
        if len(self.faults) + self.more > before:
            return None
        for number in numbers:
            self.taken[number] = line
        name, company, note = ("; ".join(named.get(field, [])) for field in ("name", "company", "note"))
        fields = {column[1:]: "; ".join(values) for column, values in named.items() if column.startswith("=")}
        return CustomerLine(name, company or None, note or None, tuple(numbers), fields)

    def numbers(self, line: int, cells: list[str]) -> list[str]:
        numbers: list[str] = []
        for part in (part.strip() for cell in cells for part in re.split(r"[;；/、]", cell)):
            written = re.sub(r"(?<=\d)\.0+$", "", part)  # a program took it for a number: the 0 is no digit of it
            if not written:
                continue
            number = self.plan.full(written)
            if not number or re.search(r"[eE][+]?\d", written):
                remedy = "format the column as text" if number else "write digits"
                self.fault(line, "number", f"{written!r} is not a telephone number", remedy)
            elif number in self.taken:
                self.fault(
                    line, "number", f"{written} is the number on line {self.taken[number]} too", "keep one of them"
                )
            elif number not in numbers:
                numbers.append(number)
        if not numbers and not any(cells):
            self.fault(line, "number", "is empty", "write the customer's number")
        return numbers


def as_dict(customer: CustomerLine) -> dict[str, Any]:
    """The columns of the table customer."""
    return {
        "name": customer.name,
        "company": customer.company,
        "note": customer.note,
        "fields": msgspec.json.encode(customer.fields).decode(),
    }
