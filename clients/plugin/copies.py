"""Check what the apps copy of client cards against the cards."""

from functools import partial

from clients.queries.reaching import cards_reached
from gateway.people import KNOWING, list_known
from messaging.upkeep.copies import declare_check

for app in KNOWING:
    copied = partial(list_known, app, is_card=True)
    declare_check(f"{app}.KnownCard", source=cards_reached, copy=copied, handlers=[f"{app}.know_people"])
