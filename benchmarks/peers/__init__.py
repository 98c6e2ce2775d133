"""What people would write instead: the same calls over the same kind of tables, and nothing else of a dealership."""
