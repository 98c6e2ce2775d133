"""The language of document templates: fields from a list, `if`, and `for` over known lists; nothing that runs code.

Every tag is judged before Django's engine sees it, so that a mistake is told with its line as the text is saved. The
engine is given no loader, no filter, two tags, and plain dictionaries of texts ([ADR 18]).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from django.template import Context, Engine, Template, TemplateSyntaxError
from django.template.base import Lexer, Token, TokenType
from django.utils.translation import gettext as _

from core.errors import InvalidInput
from orders.rules.paper_fields import LISTS, list_fields

LONGEST_TEXT = 60_000
LONGEST_PAPER = 300_000
"""Characters of a template, and of a paper filled in."""
MOST_TAGS = 1_000
DEEPEST = 8
_LOOP = re.compile(r"for ([a-z_]+) in ([a-z_]+)")
_WORDS = re.compile(r'"[^"\n]*"|\S+')
_OPERATORS = frozenset({"and", "or", "not", "==", "!="})
_ENDS = {"endif": "if", "endfor": "for"}
_LEFTOVERS = re.compile(r"\{%|%\}|\{\{|\}\}|\{#|#\}")
Facts = Mapping[str, Any]


class _Locked(Engine):
    """Django's engine without its own tags and filters."""

    default_builtins: ClassVar[list[str]] = []


@cache
def _engine() -> Engine:
    return _Locked(dirs=[], loaders=[], builtins=["orders.rules.paper_tags"], autoescape=False)


def check_template(kind: str, text: str) -> None:
    """Pass words that papers of a kind can be issued from. Raises InvalidInput, which names the line."""
    if len(text) > LONGEST_TEXT:
        raise _wrong(1, "too_long", _("A template has at most %(most)d characters.") % {"most": LONGEST_TEXT})
    tokens = Lexer(text).tokenize()
    _Checker({item.path for item in list_fields(kind)}).check(tokens)
    try:
        Template(text, engine=_engine())
    except TemplateSyntaxError as error:
        line = getattr(getattr(error, "token", None), "lineno", 1)
        raise _wrong(line, "condition", _("This condition cannot be understood.")) from error


def fill_in(text: str, facts: Facts) -> str:
    """Return the paper that a checked template makes of the facts. Raises InvalidInput where it grows too long."""
    filled = str(Template(text, engine=_engine()).render(Context(_cleaned(facts), autoescape=False)))
    if len(filled) > LONGEST_PAPER:
        raise _wrong(1, "too_long", _("The paper would have more than %(most)d characters.") % {"most": LONGEST_PAPER})
    return filled


def _cleaned(facts: Facts) -> dict[str, Any]:
    """Give every value one line, and take from it what a template's lines begin with: it makes no headings or rows."""
    return {name: _clean(value) for name, value in facts.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _clean(item) for name, item in value.items()}
    return " ".join(str(value).replace("|", "¦").split()).lstrip("#")


@dataclass
class _Checker:
    """The walk over a template's tags: which blocks are open, and what may be named inside them."""

    fields: set[str]
    open: list[tuple[str, int]] = field(default_factory=list)
    item: str = ""
    items: frozenset[str] = frozenset()

    def check(self, tokens: list[Token]) -> None:
        """Raises InvalidInput at the first tag that is wrong."""
        if sum(token.token_type in (TokenType.VAR, TokenType.BLOCK) for token in tokens) > MOST_TAGS:
            raise _wrong(1, "too_many_tags", _("A template has at most %(most)d tags.") % {"most": MOST_TAGS})
        for token in tokens:
            self._check_token(token)
        if self.open:
            name, line = self.open[-1]
            raise _wrong(line, "not_closed", _("The tag “%(tag)s” is not closed.") % {"tag": name})

    def _check_token(self, token: Token) -> None:
        line, said = token.lineno or 1, token.contents
        if token.token_type == TokenType.VAR:
            self._check_field(said, line)
        elif token.token_type == TokenType.BLOCK:
            self._check_block(said, line)
        elif token.token_type == TokenType.TEXT and (found := _LEFTOVERS.search(said)):
            at = line + said.count("\n", 0, found.start())
            raise _wrong(at, "not_closed", _("The tag “%(tag)s” is not closed.") % {"tag": found[0]})

    def _check_field(self, said: str, line: int) -> None:
        if said in self.fields or said in self.items or (self.item and said == "forloop.counter"):
            return
        raise _wrong(line, "unknown_field", _("There is no field “%(field)s”.") % {"field": said[:60]})

    def _check_block(self, said: str, line: int) -> None:
        name = said.split(" ", 1)[0]
        if name in _ENDS:
            self._close(name, line)
        elif name in ("else", "elif", "empty"):
            self._continue(name, said, line)
        elif name == "if":
            self._check_condition(said.removeprefix("if"), line)
            self._enter("if", line)
        elif name == "for":
            self._check_loop(said, line)
            self._enter("for", line)
        else:
            raise _wrong(line, "unknown_tag", _("There is no tag “%(tag)s”.") % {"tag": name[:60]})

    def _enter(self, name: str, line: int) -> None:
        self.open.append((name, line))
        if len(self.open) > DEEPEST:
            raise _wrong(line, "too_deep", _("Tags stand at most %(most)d deep in one another.") % {"most": DEEPEST})

    def _close(self, name: str, line: int) -> None:
        if not self.open or self.open[-1][0] != _ENDS[name]:
            raise _wrong(line, "not_open", _("“%(tag)s” closes nothing.") % {"tag": name})
        self.open.pop()
        if name == "endfor":
            self.item, self.items = "", frozenset()

    def _continue(self, name: str, said: str, line: int) -> None:
        wanted = "for" if name == "empty" else "if"
        if not self.open or self.open[-1][0] != wanted:
            raise _wrong(line, "not_open", _("“%(tag)s” stands in no block.") % {"tag": name})
        if name == "elif":
            self._check_condition(said.removeprefix("elif"), line)

    def _check_condition(self, said: str, line: int) -> None:
        words = list(_words(said))
        if not words or len(words) > 20:
            raise _wrong(line, "condition", _("This condition cannot be understood."))
        for word in words:
            if word not in _OPERATORS and word not in LISTS and not word.startswith('"'):
                self._check_field(word, line)

    def _check_loop(self, said: str, line: int) -> None:
        found = _LOOP.fullmatch(said)
        if found is None or found[2] not in LISTS:
            known = ", ".join(sorted(LISTS))
            detail = _("A loop is written “for name in list”; lists are: %(lists)s.") % {"lists": known}
            raise _wrong(line, "loop", detail)
        if self.item:
            raise _wrong(line, "nested_loop", _("A loop stands in no other loop."))
        self.item = found[1]
        self.items = frozenset(f"{found[1]}.{column}" for column in LISTS[found[2]])


def _words(said: str) -> Iterator[str]:
    return (found[0] for found in _WORDS.finditer(said))


def _wrong(line: int, code: str, detail: str) -> InvalidInput:
    error = InvalidInput("text", code, _("Line %(line)d: %(detail)s") % {"line": line, "detail": detail})
    error.extra["line"] = line
    return error
