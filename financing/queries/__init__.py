"""Every read of financing that is more than a filter: structs out, never a write."""
