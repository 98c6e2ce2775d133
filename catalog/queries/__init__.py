"""Every read of catalog that is more than a filter: structs out, never a write."""
