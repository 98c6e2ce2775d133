"""Reading price lists as people make them: pure parsing, no database."""
