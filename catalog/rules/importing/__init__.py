"""Read the rows of a price list: pure parsing, no database."""
