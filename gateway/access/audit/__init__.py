"""Search who did what to which thing when, over the histories of every app."""
