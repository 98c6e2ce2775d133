"""Every write to clients."""

from clients.services.cards import (
    ClientFields,
    UserProfile,
    add_contact,
    delete_client,
    follow_user,
    open_client,
    update_client,
)
from clients.services.consents import consents_of, record_consent
from clients.services.duplicates import dismiss_duplicate
from clients.services.erasing import forget_user
from clients.services.finding import customer_ids_of, find_client
from clients.services.garage import add_vehicle, note_vehicle, remove_vehicle
from clients.services.leads import LeadFields, move_lead, open_lead, reply_to_lead, update_lead
from clients.services.merging import merge_clients, undo_merge
from clients.services.timeline import log_activity, record_activity

__all__ = [
    "ClientFields",
    "LeadFields",
    "UserProfile",
    "add_contact",
    "add_vehicle",
    "consents_of",
    "customer_ids_of",
    "delete_client",
    "dismiss_duplicate",
    "find_client",
    "follow_user",
    "forget_user",
    "log_activity",
    "merge_clients",
    "move_lead",
    "note_vehicle",
    "open_client",
    "open_lead",
    "record_activity",
    "record_consent",
    "remove_vehicle",
    "reply_to_lead",
    "undo_merge",
    "update_client",
    "update_lead",
]
