"""Read which insurer a policy is asked of, and whether it decides by itself."""

from uuid import UUID

from insurance.models import Policy
from insurance.queries.reading import read_current_tables, read_tariff_tables
from insurance.rules.tariffs import TariffTables


def is_connected(policy: Policy, tables: TariffTables | None = None) -> bool:
    """Tell whether the policy's insurer decides over its API; otherwise we issue in its name."""
    tables = tables or read_tariff_tables(policy.quote.tariff_revision)
    return tables.insurer(policy.insurer, policy.quote.rated_on).connection != ""


def get_supplier(policy: Policy) -> dict[str, str] | None:
    """Return the policy's insurer as receipts name it, or None: requisites entered after it was rated count too."""
    return read_current_tables().find_supplier(policy.insurer, policy.quote.rated_on)


def get_insurer(policy_id: UUID) -> str:
    """Code of the insurer a policy is asked of."""
    return Policy.objects.values_list("insurer", flat=True).get(pk=policy_id)
