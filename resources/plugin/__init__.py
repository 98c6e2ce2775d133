"""Name all that resources plugs into the house."""

from core.plugins import Plugin
from resources import commands, events, handlers, public
from resources.plugin import demo, personal

PLUGIN = Plugin(
    declares=(commands, events, handlers, personal, public),
    demo=demo.create_demo,
    tags={
        "allocations": "Times of resources that are taken.",
        "resource-types": "Kinds of what can be booked.",
        "resources": "Rooms, bays, cars for test drives and colleagues, with their free times.",
    },
)
