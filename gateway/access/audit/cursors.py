"""Write the place of the last act of a page as a word of an address, and read it."""

import base64
import binascii

import msgspec

from gateway.access.audit.searching import Place


def write_cursor(place: Place) -> str:
    """Write a place as the text that the next page is asked for with."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


def read_cursor(text: str) -> Place:
    """The place that a text is. Raises ValueError."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text), type=Place)
    except (binascii.Error, msgspec.DecodeError) as error:
        raise ValueError(text) from error
