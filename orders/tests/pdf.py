"""The text of a PDF as reportlab writes it: strings of its subset fonts, read through their ToUnicode tables."""

import base64
import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj(.*?)endobj", re.DOTALL)
_SHOW = re.compile(rb"/(F\d+\+?\d*) [\d.]+ Tf|\(((?:\\.|[^\\()])*)\) Tj", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def extract_text(pdf: bytes) -> str:
    """All text in the order in which it is drawn, words apart by single spaces."""
    return " ".join(" ".join(extract_lines(pdf)).split())


def extract_lines(pdf: bytes) -> list[str]:
    """All text as it is drawn, line by line of each cell and paragraph."""
    assert pdf.startswith(b"%PDF-")
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    fonts = dict(_fonts(objects))
    shown = []
    for body in objects.values():
        stream = _stream(body)
        if stream is not None and b" Tf" in stream:
            shown += _shown(stream, fonts)
    return shown


def _stream(body: bytes) -> bytes | None:
    found = re.search(rb"stream\r?\n(.*?)\r?\n?endstream", body, re.DOTALL)
    if found is None:
        return None
    data = found[1]
    if b"ASCII85Decode" in body:
        data = base64.a85decode(data.strip().removesuffix(b"~>"))
    return zlib.decompressobj().decompress(data) if b"FlateDecode" in body else data


def _fonts(objects):
    for body in objects.values():
        name, table = re.search(rb"/Name /(F\S+)", body), re.search(rb"/ToUnicode (\d+) 0 R", body)
        if name and table:
            pairs = re.findall(rb"<([0-9A-Fa-f]{2})> <([0-9A-Fa-f]{4})>", _table(objects, table))
            yield name[1], {int(code, 16): _letter(to) for code, to in pairs}


def _letter(code: bytes) -> str:
    return bytes.fromhex(code.decode()).decode("utf-16-be")


def _table(objects, table) -> bytes:
    return _stream(objects[int(table[1])])


def _shown(stream: bytes, fonts):
    letters = {}
    for font, text in _SHOW.findall(stream):
        if font:
            letters = fonts.get(font, {})
        else:
            yield "".join(letters.get(code, chr(code)) for code in _unescaped(text))


def _unescaped(text: bytes) -> bytes:
    def plain(match):
        code = match[1]
        return bytes([int(code, 8)]) if code.isdigit() else _ESCAPES.get(code, code)

    return re.sub(rb"\\([0-7]{1,3}|.)", plain, text, flags=re.DOTALL)
