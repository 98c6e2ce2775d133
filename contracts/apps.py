"""Django's handle on the contracts app."""

from django.apps import AppConfig


class ContractsConfig(AppConfig):
    """Configuration of contracts."""

    name = "contracts"

    def ready(self) -> None:
        """Let refusals under a contract's prefix take its own form, and its permitted origins call it."""
        from contracts import origins, spoken
        from gateway.responses import problems

        for contract in spoken.contracts():
            problems.FORMS[f"{contract.base}/"] = contract.errors
        origins.connect()
