"""Check what the apps copy of people against the accounts."""

from functools import partial

from accounts.public import people_reached
from gateway.people import KNOWING, list_known
from messaging.upkeep.copies import declare_check

for app in KNOWING:
    copied = partial(list_known, app, is_card=False)
    declare_check(f"{app}.KnownPerson", source=people_reached, copy=copied, handlers=[f"{app}.know_people"])
