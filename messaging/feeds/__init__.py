"""Show a log live: broadcast, hub, WebSockets and server-sent events."""
