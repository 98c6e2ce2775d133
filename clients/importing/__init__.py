"""What a row of a list of clients says: pure parsing, no database."""
