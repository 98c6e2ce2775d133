"""Mask what reaches or identifies a person: enough to know somebody again, too little to take them along."""

_KEPT = 2
SHORT = 6


def mask_mailbox(text: str) -> str:
    """Keep the first letter of an e-mail and its host."""
    mailbox, _, host = text.partition("@")
    return f"{mailbox[:1]}***@{host}"


def mask_number(text: str) -> str:
    """Keep both ends of a phone, a plate or a number; of a short one the first character."""
    return f"{text[:_KEPT]}***{text[-_KEPT:]}" if len(text) >= SHORT else f"{text[:1]}***"
