"""Answers a file of vectors and reports every number that differs by more than its tolerance."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from financing.rules.calculations.rounding import precise
from financing.rules.calculations.vectors.reading import fraction, listed, read_inputs
from financing.rules.calculations.vectors.registry import KINDS, Answer

MISSING = "missing"


class Mismatch(NamedTuple):
    """One value that is not what was published; `key` is its path, or `error` where no answer came."""

    vector: str
    kind: str
    key: str
    expected: Any
    actual: Any


class Report(NamedTuple):
    """Results of a file; a vector of an unknown kind counts in `total` and not in `passed`."""

    passed: int
    total: int
    mismatches: list[Mismatch]
    unknown_kinds: list[str]


def _as_number(value: Any) -> Fraction | None:
    if isinstance(value, Decimal | Fraction):
        return Fraction(value)
    try:
        return None if isinstance(value, bool) else fraction(value)
    except ValueError:
        return None


def _equal(expected: Any, actual: Any, tolerance: Fraction) -> bool:
    wanted, found = _as_number(expected), _as_number(actual)
    if wanted is None or found is None:
        return bool(expected == actual)
    return abs(wanted - found) <= tolerance


def _children(expected: Any, actual: Any) -> list[tuple[str, Any, Any]] | None:
    """Pair the parts of two containers: members by key, rows by their number `n`, other elements by place."""
    expected = listed(expected) if isinstance(actual, list) else expected
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return [(str(key), value, actual.get(key, MISSING)) for key, value in expected.items()]
    if not isinstance(expected, list) or not isinstance(actual, list):
        return None
    if expected and isinstance(expected[0], Mapping) and "n" in expected[0]:
        rows = {row["n"]: row for row in actual}
        return [(str(row["n"]), row, rows.get(row["n"], MISSING)) for row in expected]
    if len(expected) != len(actual):
        return None
    return [(str(place), *pair) for place, pair in enumerate(zip(expected, actual, strict=True))]


def differences(expected: Any, actual: Any, tolerance: Fraction, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, expected, actual) of every leaf of `expected` that the answer does not match."""
    children = _children(expected, actual)
    if children is None:
        if not _equal(expected, actual, tolerance):
            yield key, expected, actual
        return
    for name, wanted, found in children:
        yield from differences(wanted, found, tolerance, f"{key}.{name}" if key else name)


@precise
def _check(vector: Mapping[str, Any], answer: Answer) -> list[Mismatch]:
    said = str(vector.get("tolerance", "exact"))
    tolerance = Fraction(0) if said == "exact" else fraction(said)
    try:
        actual = answer(read_inputs(vector["inputs"]))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        return [Mismatch(vector["id"], vector["kind"], "error", vector["expected"], repr(error))]
    found = differences(vector["expected"], actual, tolerance)
    return [Mismatch(vector["id"], vector["kind"], *difference) for difference in found]


def verify(path: Path | str, kinds: Mapping[str, Answer] = KINDS) -> Report:
    """Answer every vector of a JSON file; decimals are read exactly. Raises OSError and ValueError on a bad file."""
    content = json.loads(Path(path).read_text(encoding="utf-8"), parse_float=Decimal)
    passed, mismatches, unknown = 0, [], set()
    for vector in content["vectors"]:
        answer = kinds.get(vector["kind"])
        if answer is None:
            unknown.add(vector["kind"])
            continue
        found = _check(vector, answer)
        passed += not found
        mismatches += found
    return Report(passed, len(content["vectors"]), mismatches, sorted(unknown))
