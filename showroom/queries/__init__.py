"""Every read of showroom that is more than a filter: structs out, never a write."""
