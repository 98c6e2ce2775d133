"""Measure how the code is built: rooms, borders, cycles, lengths and wording, from its syntax trees alone."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from config.databases import APPS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (*APPS, "messaging", "gateway", "core", "config", "storefront")
BESIDE = {"tests", "migrations"}
"""Folders whose lines are no product code."""
GEAR = {"vectors", "devtools"}
"""Folders of gear for tests and laptops, wherever they still stand inside the product."""
ROOMS = {
    *("models", "services", "queries", "rules", "commands", "events", "public", "handlers", "errors", "providers"),
    *("tasks", "consumers", "api", "admin", "plugin", "management", "apps", "__init__"),
    *("approvals", "operations", "backends", "middleware"),
}
"""What STYLE knows of an app: a file or a folder of one of these names."""
LONG = 40
ENGLISH = {"or_list_of", "or_one_of"}
"""Functions whose names end in `of` as a sentence does: `@or_list_of(CarSerializer)`."""
OPENERS = ("what", "whether", "how", "who", "whose", "which", "where", "when")


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the product: where it stands, its name, and its length in lines."""

    place: str
    name: str
    lines: int


@dataclass(frozen=True)
class Module:
    """One module: its dotted name, its file, and its syntax tree."""

    name: str
    path: Path
    tree: ast.Module = field(repr=False)
    lines: int = 0

    @property
    def package(self) -> str:
        """Return the first part of the name: the app, or the part of the plumbing."""
        return self.name.split(".")[0]

    @property
    def room(self) -> str:
        """Return the second part of the name: the file or folder in the root of its app."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else "__init__"


def read_modules() -> list[Module]:
    """Read every module of the product, without tests and migrations."""
    return [
        Module(_get_module_name(path), path, ast.parse(text), text.count("\n"))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if not BESIDE.intersection(path.relative_to(ROOT).parts)
        for text in [path.read_text()]
    ]


def _get_module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_in_dialect(name: str) -> bool:
    """Tell whether a function is called `x_of(y)`, where others say `get_x(y)`; a test's name is a sentence."""
    return name.endswith("_of") and not name.startswith("test_") and name not in ENGLISH


class House:
    """All modules of the product with the figures that tell its shape."""

    def __init__(self, modules: list[Module]) -> None:
        self.modules = {module.name: module for module in modules}

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """Map each module to the modules of the product it imports, those for type checking included."""
        found: dict[str, set[str]] = {name: set() for name in self.modules}
        for name, module in self.modules.items():
            for target in _targets(module):
                known = self._known(target)
                if known and known != name:
                    found[name].add(known)
        return found

    def _known(self, target: str) -> str | None:
        """Return the longest beginning of a dotted name that is a module here."""
        parts = target.split(".")
        return next((name for end in range(len(parts), 0, -1) if (name := ".".join(parts[:end])) in self.modules), None)

    @property
    def cycles(self) -> list[list[str]]:
        """List the groups of modules that reach each other by imports."""
        return [sorted(group) for group in components(self.imports) if len(group) > 1]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """List the pairs of apps that import each other."""
        edges = self.borders
        return sorted({(a, b) for a, b in edges if a < b and (b, a) in edges})

    @cached_property
    def borders(self) -> set[tuple[str, str]]:
        """Collect the pairs (importing app, imported app)."""
        return {
            (self.modules[name].package, self.modules[target].package)
            for name, targets in self.imports.items()
            for target in targets
            if self.modules[name].package in APPS
            and self.modules[target].package in APPS
            and self.modules[name].package != self.modules[target].package
        }

    @property
    def roomless(self) -> Counter[str]:
        """Count the lines of each app's modules that stand in no room of STYLE's plan."""
        found: Counter[str] = Counter()
        for module in self.modules.values():
            if module.package in APPS and module.room not in ROOMS:
                found[f"{module.package}.{module.room}"] += module.lines
        return found

    @property
    def functions(self) -> list[Function]:
        """List every function and method of the product."""
        return [
            Function(
                f"{module.path.relative_to(ROOT)}:{node.lineno}", node.name, (node.end_lineno or 0) - node.lineno + 1
            )
            for module in self.modules.values()
            for node in ast.walk(module.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]

    @property
    def long_functions(self) -> list[Function]:
        """List the functions over the limit of lines."""
        return [each for each in self.functions if each.lines > LONG]

    @property
    def in_dialect(self) -> list[Function]:
        """List the functions called `x_of(y)`."""
        return [each for each in self.functions if is_in_dialect(each.name)]

    @property
    def openers(self) -> float:
        """Return the share of docstrings that open with a relative (What, Whether, How), in percent."""
        return round(100 * len(self.opened) / len(self.docstrings), 2)

    @property
    def opened(self) -> list[str]:
        """List the first lines that open with a relative instead of a verb or a noun."""
        return [text for text in self.docstrings if text.split()[0].strip(",.:").lower() in OPENERS]

    @property
    def docstrings(self) -> list[str]:
        """List the first lines of all docstrings."""
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        return [
            text.splitlines()[0]
            for module in self.modules.values()
            for node in ast.walk(module.tree)
            if isinstance(node, kinds) and (text := (ast.get_docstring(node) or "").strip())
        ]

    @property
    def requested(self) -> list[str]:
        """List the event classes that are requests by their name."""
        return [
            f"{module.package}.{node.name}"
            for module in self.modules.values()
            if module.room == "events"
            for node in ast.walk(module.tree)
            if isinstance(node, ast.ClassDef) and node.name.endswith("Requested")
        ]

    @property
    def lines(self) -> int:
        """Count the product's lines without tests, migrations, sandboxes and tools."""
        return sum(
            module.lines
            for module in self.modules.values()
            if not GEAR.intersection(module.path.relative_to(ROOT).with_suffix("").parts)
        )

    @property
    def fullest(self) -> tuple[str, int]:
        """Return the package with the most files in its root, and their number."""
        roots = Counter(module.package for module in self.modules.values() if module.name.count(".") == 1)
        return roots.most_common(1)[0]


def _targets(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.name.split(".")
                keep = len(parts) - node.level + (module.path.name == "__init__.py")
                base = ".".join([*parts[:keep], *([base] if base else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def components(graph: dict[str, set[str]]) -> list[list[str]]:
    """Find the strongly connected components of a graph (Tarjan's algorithm, without recursion)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []
    for root in graph:
        work = [(root, iter(sorted(graph[root])))] if root not in order else []
        if work:
            order[root] = low[root] = len(order)
            stack.append(root)
        while work:
            node, children = work[-1]
            for child in children:
                if child not in order:
                    order[child] = low[child] = len(order)
                    stack.append(child)
                    work.append((child, iter(sorted(graph[child]))))
                    break
                if child in stack:
                    low[node] = min(low[node], order[child])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    at = stack.index(node)
                    found.append(stack[at:])
                    del stack[at:]
    return found
