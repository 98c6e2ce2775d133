"""Stand for insurers: they issue, think it over, decline and fail on purpose."""
