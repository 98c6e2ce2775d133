"""A column whose text is encrypted at rest: sealed on its way in, opened on its way out."""

from typing import Any

from django.db import models

from core.secrecy.sealing import seal, unseal


class SealedTextField(models.TextField):  # type: ignore[type-arg]  # generic in the stubs alone
    """Text nobody can read in the database or its backups; nothing can be looked up by it. Empty stays empty."""

    def get_prep_value(self, value: Any) -> Any:
        """Seal."""
        text = super().get_prep_value(value)
        return seal(text.encode()).decode() if text else text

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        """Open. Raises core.secrecy.sealing.Unopenable."""
        return unseal(value.encode()).decode() if value else value
