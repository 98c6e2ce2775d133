"""Recognise the columns of a list of clients: headers in Russian and English, or a mapping given by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.importing.columns import Columns, match_columns

SYNONYMS: dict[str, tuple[str, ...]] = {
    "name": (
        "name", "full name", "client", "client name", "company", "company name", "organization", "organisation",
        "контрагент", "клиент", "имя клиента", "фио", "наименование", "название", "организация", "компания",
    ),
    "surname": ("surname", "last name", "family name", "фамилия"),
    "given_name": ("given name", "first name", "имя"),
    "patronymic": ("patronymic", "middle name", "отчество"),
    "type": ("type", "client type", "kind", "тип", "тип клиента", "вид"),
    "phone": ("phone", "phone number", "telephone", "tel", "mobile", "телефон", "номер телефона", "мобильный", "тел"),
    "other_phones": (
        "other phones", "other phone", "phone 2", "work phone", "доп телефон", "дополнительный телефон", "телефон 2",
        "рабочий телефон", "другие телефоны",
    ),
    "email": ("email", "e-mail", "mail", "email address", "почта", "эл почта", "электронная почта", "емейл", "имейл"),
    "other_emails": ("other emails", "email 2", "e-mail 2", "доп почта", "почта 2", "другие почты"),
    "inn": ("inn", "tax id", "tax number", "инн"),
    "kpp": ("kpp", "кпп"),
    "ogrn": ("ogrn", "ogrnip", "огрн", "огрнип"),
    "industry": ("industry", "отрасль", "сфера", "сфера деятельности"),
    "description": ("description", "comment", "note", "notes", "описание", "комментарий", "примечание", "заметки"),
    "preferred_channel": ("preferred channel", "channel", "канал", "предпочтительный канал", "способ связи"),
    "preferred_language": ("preferred language", "language", "язык"),
    "personal_data_consent": (
        "personal data consent", "consent", "согласие", "согласие на обработку", "согласие на обработку пдн",
        "согласие на обработку персональных данных",
    ),
    "marketing_consent": ("marketing consent", "marketing", "согласие на рассылку", "рассылка", "реклама"),
}  # fmt: skip
NAMES = frozenset({"name", "surname", "given_name"})
IDENTITY = frozenset({"phone", "other_phones", "email", "other_emails", "inn"})


def find_columns(
    header: Sequence[str], *, mapping: Mapping[str, Any] | None = None, defaults: Mapping[str, str] | None = None
) -> Columns:
    """Match the headers of a list to the fields of clients, as `match_columns` does."""
    return match_columns(header, SYNONYMS, missing=_missing, mapping=mapping, defaults=defaults)


def _missing(fields: set[str]) -> list[str]:
    """A list needs a name, and something that tells one client from another."""
    return [need for need, known in (("name", NAMES), ("phone, email or inn", IDENTITY)) if not fields & known]
