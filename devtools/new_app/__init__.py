"""Make a new app: its rooms from templates, and its name in every list that wants it."""
