"""The shape of the code in figures: `make shape` prints them, tests hold them to what was reached."""
