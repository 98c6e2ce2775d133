"""Every read of notifications that is more than a filter: structs out, never a write."""
