"""The customers in the database, found by number for the screen pop-up (step 8).

A full ANI finds its customer by the number's index. An ANI that the PBX may have cut is compared with the ends of all
numbers (an index of the reversed digits), and what it finds is never more than a guess.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, func, insert, select

from cti.customers.csv_file import as_dict, read_customers
from cti.customers.numbering import SHORTEST_SUFFIX, NumberPlan, backwards
from cti.database.models import customer, customer_file, customer_number
from cti.database.opening import reading, writing
from cti.errors import Fault

CANDIDATES = 5
BATCH = 1000


class Customer(msgspec.Struct, frozen=True):
    """A customer as the agent's screen shows it."""

    name: str
    company: str | None = None
    note: str | None = None
    numbers: tuple[str, ...] = ()
    fields: dict[str, str] = {}


class Imported(msgspec.Struct, frozen=True):
    """What became of a file: customers in the database now, its faulty lines, and whether it was read at all."""

    customers: int
    faults: list[Fault]
    unchanged: bool = False


class CustomerBook:
    """The tables customer and customer_number."""

    def __init__(self, engine: Engine, plan: NumberPlan) -> None:
        self._engine = engine
        self._plan = plan

    def find(self, number: str) -> Customer | None:
        """The customer with exactly this number, however it is written."""
        full = self._plan.full(number)
        if not full:
            return None
        with reading(self._engine) as connection:
            found = connection.scalar(select(customer_number.c.customer).where(customer_number.c.number == full))
            return None if found is None else self._customer(connection, found)

    def ending(self, digits: str) -> list[Customer]:
        """Customers (at most CANDIDATES) whose numbers end with these digits; none for fewer than SHORTEST_SUFFIX."""
        start = backwards(digits)
        if len(start) < SHORTEST_SUFFIX:
            return []
        column = customer_number.c.reversed
        # "a" sorts behind every digit in every collation.
        which = select(customer_number.c.customer).where(column >= start, column < start + "a").distinct()
        with reading(self._engine) as connection:
            found = connection.scalars(which.order_by(customer_number.c.customer).limit(CANDIDATES)).all()
            return [self._customer(connection, one) for one in found]

    def import_file(self, path: Path) -> Imported:
        """Reads a customer file if it has changed since; its customers take the place of those it gave before.

        All or nothing: readers see the old customers or the new. Faulty lines are left out and told each time the file
        is read.
        """
        try:
            plan = repr((self._plan.region, self._plan.area_code))  # other numbers are in full by another plan
            digest = hashlib.sha256(path.read_bytes() + plan.encode()).hexdigest()
        except OSError as error:
            return Imported(0, [Fault(str(path), 0, "", f"cannot be read: {error.strerror}", "put the file there")])
        origin = str(path)
        with reading(self._engine) as connection:
            known = connection.execute(select(customer_file).where(customer_file.c.origin == origin)).one_or_none()
        if known is not None and known.digest == digest:
            return Imported(known.rows, [], unchanged=True)
        customers, faults = read_customers(path, self._plan)
        with writing(self._engine) as connection:
            old = select(customer.c.id).where(customer.c.origin == origin)
            connection.execute(delete(customer_number).where(customer_number.c.customer.in_(old)))
            connection.execute(delete(customer).where(customer.c.origin == origin))
            connection.execute(delete(customer_file).where(customer_file.c.origin == origin))
            first = (connection.scalar(select(func.max(customer.c.id))) or 0) + 1
            for start in range(0, len(customers), BATCH):
                batch = list(enumerate(customers[start : start + BATCH], first + start))
                connection.execute(insert(customer), [{"id": i, "origin": origin, **as_dict(one)} for i, one in batch])
                numbers = [
                    {"number": number, "customer": i, "reversed": backwards(number)}
                    for i, one in batch
                    for number in one.numbers
                ]
                for at in range(0, len(numbers), BATCH):
                    some = numbers[at : at + BATCH]
                    taken = customer_number.c.number.in_([row["number"] for row in some])
                    connection.execute(delete(customer_number).where(taken))  # another file's: the newest counts
                    connection.execute(insert(customer_number), some)
            # A file with faults is read again at the next start, so that its faults are told again.
            mark = "" if faults else digest
            connection.execute(insert(customer_file), {"origin": origin, "digest": mark, "rows": len(customers)})
        return Imported(len(customers), faults)

    @staticmethod
    def _customer(connection: Connection, number: int) -> Customer:
        row: Any = connection.execute(select(customer).where(customer.c.id == number)).one()
        numbers = select(customer_number.c.number).where(customer_number.c.customer == number)
        found = connection.scalars(numbers.order_by(customer_number.c.number)).all()
        fields = msgspec.json.decode(row.fields, type=dict[str, str])
        return Customer(row.name, row.company, row.note, tuple(found), fields)
