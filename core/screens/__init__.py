"""Build manager screens of one's own: forms, pages and calendars."""
