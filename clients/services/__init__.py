"""Every write to clients."""

from clients.services.cards import (
    ClientFields,
    ContactFields,
    UserProfile,
    add_contact,
    add_contacts,
    delete_client,
    follow_user,
    open_client,
    update_client,
)
from clients.services.consents import record_consent, record_lead_consent, record_user_consent
from clients.services.duplicates import dismiss_duplicate
from clients.services.erasing import forget_user
from clients.services.exports import export_clients
from clients.services.garage import add_vehicle, give_back_vehicles, record_vehicle, remove_vehicle
from clients.services.imports import (
    ImportOptions,
    ImportResult,
    drop_files,
    import_file,
    repeat_import,
    run_import,
    start_import,
)
from clients.services.leads import LeadFields, find_alike, move_lead, open_lead, reply_to_lead, update_lead
from clients.services.merging import merge_clients, undo_merge
from clients.services.timeline import log_activity, record_activity

__all__ = [
    "ClientFields",
    "ContactFields",
    "ImportOptions",
    "ImportResult",
    "LeadFields",
    "UserProfile",
    "add_contact",
    "add_contacts",
    "add_vehicle",
    "delete_client",
    "dismiss_duplicate",
    "drop_files",
    "export_clients",
    "find_alike",
    "follow_user",
    "forget_user",
    "give_back_vehicles",
    "import_file",
    "log_activity",
    "merge_clients",
    "move_lead",
    "open_client",
    "open_lead",
    "record_activity",
    "record_consent",
    "record_lead_consent",
    "record_user_consent",
    "record_vehicle",
    "remove_vehicle",
    "repeat_import",
    "reply_to_lead",
    "run_import",
    "start_import",
    "undo_merge",
    "update_client",
    "update_lead",
]
