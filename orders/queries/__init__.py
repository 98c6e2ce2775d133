"""Every read of orders that is more than a filter: structs out, never a write."""
