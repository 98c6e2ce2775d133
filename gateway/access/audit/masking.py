"""Mask what tells of a person before an act is shown: by its key in structures, by its form in words."""

import json
from typing import Any

from core.secrecy.redaction import MASK, redact
from messaging.people.personal import PERSONAL_KEYS

SPOKEN = frozenset({"reason", "decision_reason", "note", "evidence", "ground"})
"""Words in which staff say why: shown without addresses, telephone and card numbers, and nothing else taken out."""


def mask(name: str, value: Any) -> str:
    """Say a value of a column in words, with what tells of a person taken out."""
    if isinstance(value, dict | list):
        return json.dumps(_mask_within(value), ensure_ascii=False, default=str)
    if name in PERSONAL_KEYS - SPOKEN:
        return MASK
    return redact(str(value))


def _mask_within(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: MASK if item and key in PERSONAL_KEYS - SPOKEN else _mask_within(item) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_mask_within(item) for item in value]
    return redact(value) if isinstance(value, str) else value
