"""Every read of resources that is more than a filter: structs out, never a write."""
