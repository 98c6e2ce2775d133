"""Domain events between apps: outbox, relay, inbox, drain, timers. Its tables stand in every app's database."""
