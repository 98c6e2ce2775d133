"""Names of the Celery queues: each app has its own, so that a worker gets work only of databases that it has."""

FORMER_EXTERNAL_QUEUE = "q.external"
"""Where the releases before put the outside work of all apps together; drained while one of them may still run."""


def queue_of(app: str) -> str:
    """The queue whose workers drain one app's inbox and run its periodic jobs."""
    return f"q.{app}"


def external_queue(app: str) -> str:
    """The queue whose workers do one app's outside work: calls to providers, work queues, imports, nightly jobs."""
    return f"q.external.{app}"
