"""What a row of a price list says: pure parsing, no database."""
