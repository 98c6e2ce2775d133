"""Every read of insurance that is more than a filter: structs out, never a write."""
