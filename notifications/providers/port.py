"""Define what a provider of messages may answer."""


class Refused(Exception):
    """The provider will not take this message, now or later."""


class NoAnswer(Exception):
    """No usable answer came back: a later try with the same key may find that it was sent all the same."""
