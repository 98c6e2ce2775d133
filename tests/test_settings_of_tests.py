"""Settings that a test changes are put back: by the fixture of that name, and by nothing else."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)


def left_behind(node: ast.AST, *, is_given: bool = False) -> Iterator[int]:
    """Lines at which a function assigns to settings that neither it nor one around it was given."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        is_given |= "settings" in {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}
    targets = node.targets if isinstance(node, ast.Assign) and not is_given else ()
    yield from (node.lineno for one in targets if ast.unparse(one).startswith("settings."))
    for inner in ast.iter_child_nodes(node):
        yield from left_behind(inner, is_given=is_given)


def test_no_test_changes_settings_for_all_that_follow():
    folders = [path.parent for path in ROOT.glob("*/tests/__init__.py")]
    files = [path for folder in [ROOT / "tests", *folders] for path in folder.rglob("*.py")]
    assert len(files) > 300
    inner = {path: list(left_behind(ast.parse(path.read_text()))) for path in files}
    assert {str(path.relative_to(ROOT)): lines for path, lines in inner.items() if lines} == {}


def test_what_is_left_behind_is_found():
    source = "def test_it(path):\n    settings.DEBUG = True\n\n\ndef test_other(settings):\n    settings.DEBUG = True\n"
    assert list(left_behind(ast.parse(source))) == [2]
