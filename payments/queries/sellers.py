"""Read who sells."""

from payments.models import LegalEntity


def find_default_seller() -> LegalEntity | None:
    """Return the legal entity that sells unless another is named."""
    return LegalEntity.objects.filter(is_default=True, deleted_at=None).first()
