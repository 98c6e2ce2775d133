"""Read the rows of a list of clients: pure parsing, no database."""
