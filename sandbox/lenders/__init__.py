"""Stand for banks that lend: they offer, counter, refuse, think it over, repeat themselves and fail on purpose."""
