"""One row of a list as one client, or the reason it is refused."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from clients.rules import identifiers
from clients.rules.importing.columns import SYNONYMS
from core.importing.columns import Columns
from core.importing.limits import Row
from core.importing.problems import RowProblem
from core.importing.text import clean
from core.money.requisites import is_inn, is_kpp, is_ogrn

PERSON, ORGANIZATION = "person", "organization"
LONGEST = {"name": 255, "industry": 100, "description": 10_000, "email": 254}
_SEVERAL = re.compile(r"[;,\n|]| / ")
_TYPES = {
    PERSON: {"person", "individual", "физлицо", "физическое лицо", "фл", "частное лицо", "человек"},
    ORGANIZATION: {"organization", "organisation", "company", "юрлицо", "юридическое лицо", "юл", "организация"},
}
_FIRM = re.compile(r"\b(ооо|оао|зао|пао|ао|нко|ано|гуп|муп|llc|ltd|inc|gmbh|plc|общество|компания)\b", re.IGNORECASE)
_CHANNELS = {
    "phone": {"phone", "телефон", "звонок"},
    "email": {"email", "e-mail", "почта", "эл. почта", "электронная почта"},
    "sms": {"sms", "смс"},
    "messenger": {"messenger", "мессенджер", "telegram", "whatsapp"},
}
_LANGUAGES = {"ru": {"ru", "russian", "русский"}, "en": {"en", "english", "английский"}}
_ANSWERS = {
    "yes": {"yes", "y", "true", "1", "+", "да", "есть", "дано"},
    "no": {"no", "n", "false", "0", "-", "нет", "отозвано"},
}


class Person(msgspec.Struct, frozen=True):
    """A good row: fields of a card that the row fills, further ways to reach the client, consents by kind."""

    row: int
    line: int
    fields: dict[str, str]
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    consents: dict[str, bool] = {}


class _Refused(Exception):
    def __init__(self, field: str, code: str, detail: str) -> None:
        self.problem = (field, code, detail)


class RowParser:
    """Reads rows by their columns. The rule: a name, and a right phone, e-mail or ИНН; the first wrong field is named.

    A cell may hold several phones or e-mails: the first is the card's, the others are contacts. Leading zeros that a
    spreadsheet took from an ИНН are put back.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def parse(self, row: Row) -> Person | RowProblem:
        """Read one row."""
        if len(row.cells) != self.columns.width:
            detail = f"{len(row.cells)} cells instead of {self.columns.width}."
            return RowProblem(row.number, row.line, "", "wrong_columns", detail)
        cells = {field: clean(self.columns.read(row.cells, field)) for field in SYNONYMS}
        try:
            return self._person(row, cells)
        except _Refused as refused:
            return RowProblem(row.number, row.line, *refused.problem)

    def _person(self, row: Row, cells: Mapping[str, str]) -> Person:
        phones = _several(cells, "phone", "other_phones", _phone)
        emails = _several(cells, "email", "other_emails", _email)
        numbers = {"inn": _inn(cells["inn"]), "kpp": _kpp(cells["kpp"]), "ogrn": _ogrn(cells["ogrn"])}
        if not (phones or emails or numbers["inn"]):
            raise _Refused("", "no_identity", "Neither a phone nor an e-mail nor an INN tells who this is.")
        fields = {"name": _name(cells), "type": _type(cells, numbers["inn"])} | numbers
        _check(fields)
        fields |= {field: _short(cells[field], field) for field in ("industry", "description")}
        fields["preferred_channel"] = _word(cells, "preferred_channel", _CHANNELS)
        fields["preferred_language"] = _word(cells, "preferred_language", _LANGUAGES)
        fields["phone"], fields["email"] = (found[0] if found else "" for found in (phones, emails))
        return Person(
            row=row.number,
            line=row.line,
            fields={name: value for name, value in fields.items() if value},
            phones=tuple(phones[1:]),
            emails=tuple(emails[1:]),
            consents=_consents(cells),
        )


def _name(cells: Mapping[str, str]) -> str:
    parts = " ".join(filter(None, (cells["surname"], cells["given_name"], cells["patronymic"])))
    name = cells["name"] or parts
    if not name:
        raise _Refused("name", "required", "The name is empty.")
    return _short(name, "name")


def _short(text: str, field: str) -> str:
    if len(text) > LONGEST[field]:
        raise _Refused(field, "too_long", f"The {field} is longer than {LONGEST[field]} characters.")
    return text


def _type(cells: Mapping[str, str], inn: str) -> str:
    told = _word(cells, "type", _TYPES)
    if told:
        return told
    is_firm = len(inn) == 10 or bool(cells["kpp"]) or _FIRM.search(cells["name"])
    return ORGANIZATION if is_firm else PERSON


def _word(cells: Mapping[str, str], field: str, words: Mapping[str, set[str]]) -> str:
    text = cells[field].casefold()
    found = next((value for value, known in words.items() if text in known), "")
    if text and not found:
        raise _Refused(field, "invalid", f"Not one of {', '.join(words)}: {_shown(text)}.")
    return found


def _several(cells: Mapping[str, str], first: str, others: str, read: Any) -> list[str]:
    """Every phone or e-mail of two columns, in one spelling each and once."""
    found = [
        read(part.strip(), field) for field in (first, others) for part in _SEVERAL.split(cells[field]) if part.strip()
    ]
    return list(dict.fromkeys(found))


def _phone(text: str, field: str) -> str:
    number = identifiers.normal_phone(text.removesuffix(".0"))
    if not number:
        raise _Refused(field, "invalid", f"Not a phone number: {_shown(text)}.")
    return number


def _email(text: str, field: str) -> str:
    try:
        validate_email(text)
    except ValidationError as error:
        raise _Refused(field, "invalid", f"Not an e-mail address: {_shown(text)}.") from error
    if len(text) > LONGEST["email"]:
        raise _Refused(field, "too_long", f"The {field} is longer than {LONGEST['email']} characters.")
    return identifiers.normal_email(text)


def _inn(text: str) -> str:
    inn = "".join(text.split()).removesuffix(".0")
    if len(inn) in (9, 11):
        inn = f"0{inn}"
    if inn and not is_inn(inn):
        raise _Refused("inn", "invalid", f"The check digits of this INN are wrong: {_shown(text)}.")
    return inn


def _kpp(text: str) -> str:
    kpp = "".join(text.split()).upper().removesuffix(".0")
    kpp = kpp.zfill(9) if kpp.isdigit() else kpp
    if kpp and not is_kpp(kpp):
        raise _Refused("kpp", "invalid", f"Not a KPP of 9 characters: {_shown(text)}.")
    return kpp


def _ogrn(text: str) -> str:
    ogrn = "".join(text.split()).removesuffix(".0")
    if ogrn and not is_ogrn(ogrn):
        raise _Refused("ogrn", "invalid", f"The check digit of this OGRN is wrong: {_shown(text)}.")
    return ogrn


def _check(fields: Mapping[str, str]) -> None:
    """Numbers must be those of the client's type."""
    if fields["type"] != PERSON:
        return
    if len(fields["inn"]) == 10:
        raise _Refused("inn", "invalid", "A person's INN has 12 digits.")
    if fields["kpp"]:
        raise _Refused("kpp", "invalid", "Only organisations have a KPP.")


def _consents(cells: Mapping[str, str]) -> dict[str, bool]:
    kinds = {"personal_data": "personal_data_consent", "marketing": "marketing_consent"}
    told = {kind: _word(cells, field, _ANSWERS) for kind, field in kinds.items()}
    return {kind: answer == "yes" for kind, answer in told.items() if answer}


def _shown(text: str) -> str:
    return f"“{text[:40]}”"
