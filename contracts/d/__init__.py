"""Contract D: an events agency of seven services on an event log."""

from contracts.d import clients, happenings, payments, people, resources
from contracts.d.table import CONTRACT

__all__ = ["CONTRACT", "clients", "happenings", "payments", "people", "resources"]
