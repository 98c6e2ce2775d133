"""Name all that showroom plugs into the house."""

from core.plugins import Plugin
from showroom import approvals, events, handlers, public
from showroom.plugin import demo, personal

PLUGIN = Plugin(
    declares=(approvals, events, handlers, personal, public),
    demo=demo.create_demo,
    tags={
        "event-categories": "Kinds of happenings.",
        "events": "Happenings and registrations for them.",
        "test-drive-cars": "Cars that can be driven.",
        "test-drives": "Test drives, from the wish to the return of the keys.",
    },
)
