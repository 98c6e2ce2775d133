"""In what form answers go out: JSON by msgspec, decimals as strings, UUIDs and times in their usual form; files."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAcceptable, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from gateway.requests import wording

MAX_DEPTH = 32
OCTETS = "application/octet-stream"


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


class WhatThereIs(DefaultContentNegotiation):
    """Give whoever asks only for forms that are not to be had the usual one.

    Generated clients ask for what the document says of an answer, a PDF or a problem: no renderer knows of these.
    """

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        """Choose by the Accept header, if it leaves a choice."""
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except NotAcceptable:
            return renderers[0], renderers[0].media_type


def is_file(media_type: str) -> bool:
    """Tell what is neither JSON nor text: a program keeps it and does not look inside."""
    return not media_type.startswith("text/") and not media_type.endswith("json")


def send_as_asked(request: HttpRequest, response: HttpResponseBase) -> None:
    """Call a file plain bytes to a program that asks for these, and knows no more kinds of them."""
    kind = response.get("Content-Type", "").partition(";")[0]
    if kind and is_file(kind):
        patch_vary_headers(response, ["Accept"])
        if request.get_preferred_type([kind, OCTETS]) == OCTETS:
            response["Content-Type"] = OCTETS


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
    if compute_depth(data) > MAX_DEPTH:
        raise ParseError(_("The body is nested more than %(most)s levels deep.") % {"most": MAX_DEPTH})
    return data


def compute_depth(data: Any) -> int:
    """Return how deeply a document is nested, as far as it matters."""
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
