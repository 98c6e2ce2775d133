"""The OpenAPI document as files: made by `make schema`, committed, and never made while somebody waits for it.

Making one takes seconds of a processor, so a request that could start it would be a way to stop the shop.
"""

import json
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.utils import translation
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.validation import validate_schema

from gateway.document.limits import describe_limits

FOLDER = Path(settings.BASE_DIR) / "docs"
LANGUAGE = "en"
"""The language that the document is reviewed in; the others are translations of its sentences, never of its names."""
LANGUAGES = tuple(code for code, _name in settings.LANGUAGES)


class Unsound(Exception):
    """The document breaks the rules of OpenAPI, or an endpoint could not be described."""


def get_document_path(language: str, kind: str) -> Path:
    """Return where the document in a language stands; `kind` is yml or json."""
    middle = "" if language == LANGUAGE else f".{language}"
    return FOLDER / f"openapi{middle}.{kind}"


def make(language: str) -> dict[str, Any]:
    """Describe every endpoint. Raises Unsound."""
    GENERATOR_STATS.reset()
    with translation.override(language), GENERATOR_STATS.silence():
        raw = SchemaGenerator().get_schema(request=None, public=True)
        document: dict[str, Any] = json.loads(OpenApiJsonRenderer().render(raw, renderer_context={}))
    said = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    if said:
        raise Unsound("\n".join(said))
    validate_schema(document)
    return document


def files() -> dict[Path, str]:
    """Make the text of every file of the document."""
    made: dict[Path, str] = {}
    for language in LANGUAGES:
        document = make(language)
        made |= {get_document_path(language, kind): as_text(document, kind) for kind in ("yml", "json")}
    return made


def as_running(path: Path) -> bytes:
    """Return the built file; with this process's limits in it, where it has others than the file was built with."""
    built = path.with_suffix(".json").read_text()
    document = describe_limits(json.loads(built))
    if document == json.loads(built):
        return path.read_bytes()
    return as_text(document, path.suffix.removeprefix(".")).encode()


def as_text(document: dict[str, Any], kind: str) -> str:
    """Write the document as a file of a kind."""
    if kind == "yml":
        return as_yaml(document)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


class _Dumper(yaml.CSafeDumper):
    """Writes what is said twice twice: a document is read by people too."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(document: dict[str, Any]) -> str:
    """Write the document for people; equal documents give equal text."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text
