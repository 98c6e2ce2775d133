"""JSON in and out by msgspec: decimals as strings, UUIDs and times in their usual form."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from gateway import wording

MAX_DEPTH = 32


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


class JSONRenderer(BaseRenderer):
    """`application/json`."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else msgspec.json.encode(data, enc_hook=_plain)


class JSONParser(BaseParser):
    """`application/json`, of bounded depth."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return decode(stream.read())


def decode(body: bytes) -> Any:
    """Decode a JSON document; raises ParseError when it is not JSON or is nested too deeply."""
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ParseError(wording.say_not_json(error)) from error
    if depth_of(data) > MAX_DEPTH:
        raise ParseError(_("The body is nested more than %(most)s levels deep.") % {"most": MAX_DEPTH})
    return data


def depth_of(data: Any) -> int:
    """How deeply a document is nested, as far as it matters."""
    depth, level = 0, [data]
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
            if isinstance(child, dict | list)
        ]
    return depth
