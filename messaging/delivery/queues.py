"""Names of the Celery queues: each app has its own, so that a worker gets work only of databases that it has."""

FORMER_EXTERNAL_QUEUE = "q.external"
"""Where the releases before put the outside work of all apps together; emptied while one of them may still run."""


def get_queue_name(app: str) -> str:
    """Return the queue whose workers dispatch one app's inbox and run its periodic jobs."""
    return f"q.{app}"


def external_queue(app: str) -> str:
    """Return the queue for one app's outside work: calls to providers, work queues, imports, nightly jobs."""
    return f"q.external.{app}"
