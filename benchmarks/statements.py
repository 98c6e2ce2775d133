"""The statements that a request runs, taken from the server's log and turned into a pgbench script."""

import re
from pathlib import Path
from uuid import UUID

_START = re.compile(r"(?:LOG|DETAIL|ERROR|HINT|STATEMENT|WARNING|CONTEXT):  ")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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
        if kind == "LOG" and (text.startswith("statement: ") or text.startswith("execute ")):
            statements.append(text.partition(": ")[2])
        elif kind == "DETAIL" and text.lower().startswith("parameters: ") and statements:
            statements[-1] = _fill(statements[-1], text.partition(": ")[2])
    return statements


def _fill(statement: str, parameters: str) -> str:
    values = dict(re.findall(r"(\$\d+) = ('(?:[^']|'')*'|NULL)", parameters))
    return re.sub(r"\$\d+", lambda match: values.get(match[0], match[0]), statement)


def to_script(statements: list[str], *, keep: set[UUID], number: str) -> str:
    """A pgbench script that runs the statements again with fresh ids each time.

    `keep` are ids of rows that exist; `number` is the order's number, which is unique too.
    """
    text = ";\n".join(statement.strip().rstrip(";") for statement in statements) + ";\n"
    fresh = [found for found in dict.fromkeys(_UUID.findall(text)) if UUID(found) not in keep]
    settings = ""
    for index, found in enumerate(fresh):
        settings += f"\\set u{index} random(100000000000, 999999999999)\n"
        text = text.replace(found, f"0199{index:04d}-0000-7000-8000-:u{index}")
    return settings + text.replace(f"'{number}'", "'B:u0'")
