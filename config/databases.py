"""Assign each app its database, and route so that it stays there."""

from typing import Any

from django.db.models import Model

APPS: tuple[str, ...] = (
    "accounts",
    "catalog",
    "orders",
    "payments",
    "financing",
    "insurance",
    "clients",
    "showroom",
    "resources",
    "notifications",
)
STORES: tuple[str, ...] = (*APPS, "contracts")
"""Every database: the apps', and that of `contracts`, which holds numbers for ids and neither a log nor an inbox."""
EVERYWHERE = frozenset({"messaging", "gateway"})
"""Plumbing whose tables stand in every app's database; its queries must always name one."""

FRAMEWORK_HOME = "accounts"
"""Home of auth, admin, sessions, content types and third-party tables."""


class AppRouter:
    """Route each app's models to the database of the same name."""

    def _alias(self, app_label: str, hints: dict[str, Any]) -> str | None:
        if app_label in STORES:
            return app_label
        if app_label in EVERYWHERE:
            instance = hints.get("instance")
            return instance._state.db if instance is not None else None
        return FRAMEWORK_HOME

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return self._alias(model._meta.app_label, hints)

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        return self._alias(model._meta.app_label, hints)

    def allow_relation(self, obj1: Model, obj2: Model, **hints: Any) -> bool:
        """Refuse relations across databases, even unsaved ones."""
        first, second = (self._alias(obj._meta.app_label, {"instance": obj}) for obj in (obj1, obj2))
        return first == second

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Create each table in one place only, except the plumbing's."""
        if app_label in EVERYWHERE:
            return db in APPS
        return db == (app_label if app_label in STORES else FRAMEWORK_HOME)
