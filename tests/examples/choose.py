"""Choose one exchange for each operation and status: what was chosen before, or the fullest that is still short."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.document.examples import FILE, KINDS
from gateway.document.refusals import Node
from tests import contract
from tests.examples.plain import leaks, plain
from tests.examples.record import FAILED, Exchange

SHORT = 800
"""Bytes of an example that people still read."""


def failed(folder: Path) -> set[str]:
    """Return the tests that failed."""
    file = folder / FAILED
    return set(file.read_text().splitlines()) if file.exists() else set()


def read(folder: Path) -> Iterator[tuple[str, Exchange]]:
    """Yield operations with exchanges that are fit to be shown."""
    left_out = failed(folder)
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.open():
            exchange = Exchange(**json.loads(line))
            template = contract.find_template(exchange.method, exchange.path)
            if template is not None and exchange.test not in left_out:
                operation = contract.document()["paths"][template][exchange.method]
                is_nothing = exchange.sent == {} and "requestBody" not in operation  # as tests post
                yield f"{exchange.method} {template}", plain(replace(exchange, sent=None) if is_nothing else exchange)


def choose(exchanges: Iterable[tuple[str, Exchange]], before: dict[str, Node]) -> dict[str, Node]:
    """Return the best example of each operation and status; of what was chosen before, the same test's."""
    best: dict[tuple[str, str], tuple[Any, Exchange]] = {}
    for operation, exchange in exchanges:
        if any(problems(operation, exchange)):
            continue
        key = operation, str(exchange.status)
        rank = (not _was_chosen(before, *key, exchange), *_rank(exchange))
        if key not in best or rank < best[key][0]:
            best[key] = rank, exchange
    found: dict[str, dict[str, Exchange]] = {}
    for (operation, status), (_, exchange) in sorted(best.items()):
        found.setdefault(operation, {})[status] = exchange
    return {operation: _example(chosen) for operation, chosen in found.items()}


def _was_chosen(before: dict[str, Node], operation: str, status: str, exchange: Exchange) -> bool:
    return bool(before.get(operation, {}).get("tests", {}).get(status) == exchange.test)


def _example(chosen: dict[str, Exchange]) -> Node:
    """Return an operation's entry; its request is that of the first status."""
    made: Node = {"tests": {status: exchange.test for status, exchange in chosen.items()}}
    first = next(iter(chosen.values()))
    if first.sent is not None:
        made["request"] = first.sent
    answers = {status: each.answered for status, each in chosen.items() if each.answered is not None}
    return made | {"responses": answers}


def _rank(exchange: Exchange) -> tuple[bool, int, str, int]:
    """Order by what says most, then by the name of the test."""
    size = len(json.dumps([exchange.sent, exchange.answered], ensure_ascii=False))
    filled = len(set(_filled(exchange.sent, "sent"))) + len(set(_filled(exchange.answered, "answered")))
    return size > SHORT, -filled if size <= SHORT else size, exchange.test, exchange.number


def _filled(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _filled(item, f"{place}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _filled(item, f"{place}.*")
    elif value not in (None, ""):
        yield place


def problems(operation: str, exchange: Exchange) -> Iterator[str]:
    """Yield why an exchange is no example of an operation."""
    method, path = operation.split(" ", 1)
    described = contract.document()["paths"][path][method]
    place = f"/paths/{path.replace('~', '~0').replace('/', '~1')}/{method}"
    asked, status = described.get("requestBody", {}), str(exchange.status)
    yield from _unlike(asked, f"{place}/requestBody", exchange.sent, is_needed=asked.get("required", False))
    answer = described["responses"].get(status, {})
    yield from _unlike(answer, f"{place}/responses/{status}", exchange.answered, is_needed=True)
    yield from leaks(json.dumps([exchange.sent, exchange.answered], ensure_ascii=False))


def _unlike(described: Node, place: str, value: Any, *, is_needed: bool) -> Iterator[str]:
    kind = next((kind for kind in KINDS if kind in described.get("content", {})), None)
    if value is None:
        yield from [f"{place} has no body"] if kind and is_needed else []
    elif kind is None:
        yield f"{place} has a body"
    else:
        here = f"{place}/content/{kind.replace('/', '~1')}/schema"
        yield from (f"{here}: {error.message[:300]}" for error in contract.validator(here).iter_errors(value))


def sources(examples: dict[str, Node]) -> set[str]:
    """Return the names of the tests that they are from."""
    return {test for example in examples.values() for test in example["tests"].values()}


def format_examples(examples: dict[str, Node]) -> str:
    """Write an operation in each line."""
    lines = (f"{json.dumps(name)}: {json.dumps(example, ensure_ascii=False)}" for name, example in examples.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write(examples: dict[str, Node]) -> None:
    """Replace the committed examples."""
    FILE.write_text(format_examples(examples))
