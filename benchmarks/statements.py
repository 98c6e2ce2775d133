"""The statements that a request runs, taken from the server's log and turned into a pgbench script."""

import re
from pathlib import Path
from uuid import UUID

_START = re.compile(r"(?:LOG|DETAIL|ERROR|HINT|STATEMENT|WARNING|CONTEXT):  ")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b")


def read_log(path: Path, since: int) -> list[str]:
    """Statements logged after byte `since`, with their parameters filled in."""
    entries: list[str] = []
    for line in path.read_bytes()[since:].decode(errors="replace").splitlines():
        found = _START.search(line)
        if found:
            entries.append(line[found.start() :])
        elif entries:
            entries[-1] += "\n" + line
    statements: list[str] = []
    for entry in entries:
        kind, _, text = entry.partition(":  ")
        if kind == "LOG" and (text.startswith(("statement: ", "execute "))):
            statements.append(text.partition(": ")[2])
        elif kind == "DETAIL" and text.lower().startswith("parameters: ") and statements:
            statements[-1] = _fill(statements[-1], text.partition(": ")[2])
    return statements


def _fill(statement: str, parameters: str) -> str:
    values = dict(re.findall(r"(\$\d+) = ('(?:[^']|'')*'|NULL)", parameters))
    return re.sub(r"\$\d+", lambda match: values.get(match[0], match[0]), statement)


def to_script(statements: list[str], *, keep: set[UUID], unique: list[str]) -> str:
    """A pgbench script that runs the statements again with fresh ids each time.

    `keep` are ids of rows that exist; `unique` are other texts that must not repeat (the number, the key).
    """
    text = ";\n".join(statement.strip().rstrip(";") for statement in statements) + ";\n"
    settings = ""
    for index, found in enumerate(dict.fromkeys(UUID(one) for one in _UUID.findall(text))):
        if found not in keep:
            settings += f"\\set u{index} random(100000000000, 999999999999)\n"
            fresh = f"0199{index:04d}-0000-7000-8000-:u{index}"
            text = text.replace(str(found), fresh).replace(found.hex, fresh)
    for index, found_text in enumerate(unique):
        settings += f"\\set t{index} random(1, 1000000000000)\n"
        text = text.replace(f"'{found_text}'", f"'T:t{index}'")
    return settings + text
