"""A service's refusal beside the field of the form it is about."""

from typing import Any

from core.errors import DomainError
from storefront.shown import wording

FIELD_OF = {"email_taken": "email", "username_taken": "username"}


def add_refusal(form: Any, error: DomainError) -> None:
    """Put each complaint beside its field; what belongs to no visible field stands above the form."""
    if error.code in FIELD_OF:
        form.add_error(FIELD_OF[error.code], str(error.detail))
        return
    complaints = getattr(error, "errors", [])
    for complaint in complaints:
        is_visible = complaint["field"] in form.fields and not form[complaint["field"]].is_hidden
        form.add_error(complaint["field"] if is_visible else None, complaint["detail"])
    if not complaints:
        form.add_error(None, wording.REFUSALS.get(error.code) or str(error.detail))
