"""Files of limits: `limit,bank,value,valid_from,valid_to,source`, one row a limit."""

import csv
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec

from financing.models import LimitKind

COLUMNS = ("limit", "value", "valid_from", "valid_to", "source")


class LimitFact(msgspec.Struct, frozen=True, kw_only=True):
    """One limit: per cent, or roubles of a plan; an empty `bank` is every lender."""

    kind: LimitKind
    value: Decimal
    valid_from: date
    valid_to: date
    source: str
    bank: str = ""

    @property
    def place(self) -> tuple[str, str, date]:
        """Return the key that may stand only once."""
        return self.kind, self.bank, self.valid_from


def read_limits(path: Path) -> Iterator[LimitFact]:
    """Yield the rows of a file. Raises ValueError naming the line."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for line, row in enumerate(csv.DictReader(lines), 2):
            given = {name: (value or "").strip() for name, value in row.items() if name}
            missing = [name for name in COLUMNS if not given.get(name)]
            if missing:
                raise ValueError(f"line {line}: {', '.join(missing)} is missing")
            try:
                yield msgspec.convert(given | {"kind": given["limit"]}, LimitFact, strict=False)
            except msgspec.ValidationError as error:
                raise ValueError(f"line {line}: {error}") from error
