"""Django's PostgreSQL backend with a circuit breaker per database, and an eye on connections that were cut."""
