"""Tables of clients: cards and what tells them apart, consents, garages, leads and timelines."""

from clients.models.cards import (
    Channel,
    Client,
    ClientKey,
    ClientQuerySet,
    ClientType,
    Contact,
    ContactKind,
    Duplicate,
    KeyKind,
    Language,
    Merge,
    get_display_name,
)
from clients.models.holdings import (
    Consent,
    ConsentDoor,
    ConsentKind,
    ConsentProof,
    ConsentSource,
    Vehicle,
    VehicleSource,
)
from clients.models.imports import ClientExport, ClientImport, ClientRowError
from clients.models.leads import OPEN_STAGES, Lead, LeadQuerySet, LeadSource, LeadStage
from clients.models.timeline import DEAL_KINDS, NOTED_KINDS, Activity, ActivityKind

__all__ = [
    "DEAL_KINDS",
    "NOTED_KINDS",
    "OPEN_STAGES",
    "Activity",
    "ActivityKind",
    "Channel",
    "Client",
    "ClientExport",
    "ClientImport",
    "ClientKey",
    "ClientQuerySet",
    "ClientRowError",
    "ClientType",
    "Consent",
    "ConsentDoor",
    "ConsentKind",
    "ConsentProof",
    "ConsentSource",
    "Contact",
    "ContactKind",
    "Duplicate",
    "KeyKind",
    "Language",
    "Lead",
    "LeadQuerySet",
    "LeadSource",
    "LeadStage",
    "Merge",
    "Vehicle",
    "VehicleSource",
    "get_display_name",
]
