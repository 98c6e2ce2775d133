"""Recognise the columns of a file: headers that people write in their own way, or a mapping given by hand."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from core.importing.problems import Unreadable, UnreadableFile
from core.importing.text import unshielded

Synonyms = Mapping[str, tuple[str, ...]]
"""{field: the headers it goes by}."""
Units = Mapping[str, Mapping[str, Mapping[str, str] | None]]
"""{field: {unit: what it says of other fields}}; None for a unit in which the field's numbers are not."""
_NOT_LETTERS = re.compile(r"[\W_]+")
_WORD = re.compile(r"[€$₽£]|[^\W_]+")
_HUMP = re.compile(r"(?<=[a-zа-яё])(?=[A-ZА-ЯЁ])")


def squeeze(header: str) -> str:
    """A header as letters and digits only: case, spaces, marks and ё do not matter."""
    return _NOT_LETTERS.sub("", header.casefold().replace("ё", "е"))


def _dressed(header: str, field_of: Mapping[str, str], units: Units) -> tuple[str, Mapping[str, str]] | None:
    """The field of a header that ends in a unit, `Пробег, км` or `powerPs`, and what the unit says of other fields."""
    words = [squeeze(word) or word for word in _WORD.findall(_HUMP.sub(" ", header))]
    for count in range(1, min(3, len(words) - 1) + 1):
        unit, field = "".join(words[-count:]), field_of.get("".join(words[:-count]), "")
        if unit in units.get(field, {}):
            said = units[field][unit]
            return (field, said) if said is not None else ("", {})
    return None


@dataclass(frozen=True)
class Columns:
    """Positions of each known field, values for fields without a column, and the headers."""

    positions: dict[str, tuple[int, ...]]
    defaults: dict[str, str]
    header: tuple[str, ...]

    @property
    def width(self) -> int:
        """Return how many columns a row has."""
        return len(self.header)

    @property
    def found(self) -> dict[str, str]:
        """{field: its headers, or `= value` for one without a column}, for people who want to know before it runs."""
        named = {field: ", ".join(self.header[at] for at in places) for field, places in self.positions.items()}
        return {field: f"= {value}" for field, value in self.defaults.items()} | named

    def read(self, cells: Sequence[str], field: str) -> str:
        """The first filled cell of a field; its default when there is none."""
        for position in self.positions.get(field, ()):
            cell = cells[position]
            if cell and not cell.isspace():
                return unshielded(cell)
        return self.defaults.get(field, "")


def match_columns(
    header: Sequence[str],
    synonyms: Synonyms,
    *,
    missing: Callable[[set[str]], list[str]],
    mapping: Mapping[str, Any] | None = None,
    defaults: Mapping[str, str] | None = None,
    units: Units | None = None,
) -> Columns:
    """Match headers to fields; the first of two columns for one field wins, `mapping` wins over both.

    A header may end in one of the field's `units`; one in a unit that the field is not kept in is no column of it.
    `mapping` is {header: field} or {field: header}, or {field: [headers]} where the first filled one counts. A column
    that it gives to one field is no other's. `missing` names what a file with these fields lacks. Raises Unreadable for
    an unknown name or a missing column.
    """
    field_of = {squeeze(name): field for field, names in synonyms.items() for name in names}
    squeezed = [squeeze(name) for name in header]
    mapped = _mapped(squeezed, mapping or {}, synonyms)
    taken = {position for found in mapped.values() for position in found}
    positions: dict[str, tuple[int, ...]] = {}
    said: dict[str, str] = {}
    for position, name in enumerate(squeezed):
        dressed = _dressed(header[position], field_of, units or {})
        field, told = dressed if dressed is not None else (field_of.get(name, ""), {})
        if field and position not in taken and field not in positions:
            positions[field] = (position,)
            said |= told if field not in mapped else {}
    positions |= mapped
    unknown = set(defaults or {}) - set(synonyms)
    if unknown:
        raise Unreadable("unknown_field", f"There is no field {', '.join(sorted(unknown))}.")
    columns = Columns(positions, said | dict(defaults or {}), tuple(header))
    lacking = missing({*positions, *columns.defaults})
    if lacking:
        known = ", ".join(header)[:200]
        raise Unreadable("missing_column", f"No column for {', '.join(lacking)} among: {known}.", line=1)
    return columns


def _mapped(squeezed: list[str], mapping: Mapping[str, Any], synonyms: Synonyms) -> dict[str, tuple[int, ...]]:
    found = {}
    for left, right in mapping.items():
        names, field = ([left], right) if isinstance(right, str) and right in synonyms else (right, left)
        names = [names] if isinstance(names, str) else names
        if field not in synonyms:
            raise Unreadable("unknown_field", f"The mapping names neither {left} nor {right} among the known fields.")
        for name in names:
            if squeeze(name) not in squeezed:
                raise Unreadable("missing_column", f"The mapping names a column {name} that the file does not have.")
        found[field] = tuple(squeezed.index(squeeze(name)) for name in names)
    return found


def read_mapping(text: str, synonyms: Synonyms) -> dict[str, Any]:
    """A mapping from JSON: {header: field} or {field: [headers]}. Raises UnreadableFile."""
    try:
        mapping = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(_("The mapping is not valid JSON.")) from error
    if not isinstance(mapping, dict) or not all(map(_is_target, mapping.values())):
        raise UnreadableFile(_("The mapping is an object: {column header: field} or {field: [column headers]}."))
    unknown = [
        f"{left}: {right}" for left, right in mapping.items() if left not in synonyms and right not in [*synonyms]
    ]
    if unknown:
        raise UnreadableFile(_("The mapping names no known field: %(names)s.") % {"names": ", ".join(unknown)[:200]})
    return mapping


def _is_target(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
    )
