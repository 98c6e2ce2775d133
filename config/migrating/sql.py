"""The rules of migrations for SQL written by hand."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_BODY = re.compile(r"\$(\w*)\$.*?\$\1\$", re.DOTALL)
_TEXT = re.compile(r"'(?:[^']|'')*'")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_NAME = r'(?:"?\w+"?\.)?"?(\w+)"?'
_ALTER = re.compile(rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{_NAME} (.*)", re.IGNORECASE)
_INDEX = re.compile(rf"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY).*? ON (?:ONLY )?{_NAME}", re.IGNORECASE)
_DROP_TABLE = re.compile(rf"DROP TABLE (?:IF EXISTS )?{_NAME}", re.IGNORECASE)
_DROP_COLUMN = re.compile(
    r'DROP (?:COLUMN )?(?:IF EXISTS )?(?!CONSTRAINT\b|DEFAULT\b|NOT\b|EXPRESSION\b|IDENTITY\b|COLUMN\b)"?(\w+)"?',
    re.IGNORECASE,
)
_DATA = re.compile(r"(INSERT|UPDATE|DELETE|MERGE|TRUNCATE|WITH|COPY)\b", re.IGNORECASE)
_CLAUSES = {
    "drop_or_rename": re.compile(r"\bRENAME (?!CONSTRAINT\b)", re.IGNORECASE),
    "type_change": re.compile(r'\bALTER (?:COLUMN )?"?\w+"? (?:SET DATA )?TYPE\b', re.IGNORECASE),
    "not_null": re.compile(r"\bSET NOT NULL\b", re.IGNORECASE),
    "drop_default": re.compile(r"\bDROP DEFAULT\b", re.IGNORECASE),
    "not_null_without_default": re.compile(r"\bADD COLUMN (?!.*\bDEFAULT\b).*\bNOT NULL\b", re.IGNORECASE),
    "blocking_constraint": re.compile(
        r"\bADD (?:CONSTRAINT|CHECK|UNIQUE|PRIMARY KEY|FOREIGN KEY|EXCLUDE)\b(?!.*\b(?:NOT VALID|USING INDEX)\b)",
        re.IGNORECASE,
    ),
}


def statements(sql: Any) -> list[str]:
    """The statements of a RunSQL, each on one line, without comments, texts and bodies of functions."""
    if isinstance(sql, (list, tuple)):
        return [each for part in sql for each in statements(part[0] if isinstance(part, (list, tuple)) else part)]
    bare = _TEXT.sub("''", _COMMENT.sub(" ", _BODY.sub("''", str(sql))))
    return [" ".join(each.split()) for each in bare.split(";") if each.strip()]


def classify_statement(statement: str) -> str:
    """Tell a statement that moves data from one that changes the schema."""
    return "data" if _DATA.match(statement) else "schema"


def judge_statement(statement: str, tables: Mapping[str, set[str]]) -> Iterator[str]:
    """Rules that a statement breaks; `tables` are those of the last release, with their columns."""
    if re.match(r"DO\b", statement, re.IGNORECASE):
        yield "unknown_operation"  # its body is a program
    if (made := _INDEX.match(statement)) and made[1] in tables:
        yield "blocking_index"
    if (dropped := _DROP_TABLE.match(statement)) and dropped[1] in tables:
        yield "drop_or_rename"
    if (altered := _ALTER.match(statement)) and altered[1] in tables:
        columns = {found[1] for found in _DROP_COLUMN.finditer(altered[2])}
        if columns & tables[altered[1]]:
            yield "drop_or_rename"
        yield from (rule for rule, clause in _CLAUSES.items() if clause.search(altered[2]))
