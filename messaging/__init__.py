"""Domain events between apps: outbox, relay, inbox, dispatcher, timers. Its tables stand in every app's database."""
