"""HTTP as WSGI: Django's cheapest way to answer a request, the fast path in front, and refusals that arrive."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django = get_wsgi_application()

from gateway.wsgi import FastPathHandler, LingeringBodies  # noqa: E402  (needs the apps that Django has just set up)

application = LingeringBodies(FastPathHandler(_django))
