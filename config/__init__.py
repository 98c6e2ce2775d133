"""The project: settings, URLs, processes. The only package that knows every app."""

__version__ = "0.10.0-dev"
"""The version of all that is here, and of the API's document; `-dev` until it is released (see CONTRIBUTING.md)."""
