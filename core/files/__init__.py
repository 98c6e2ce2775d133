"""Keep files: whole or not there, judged by their bytes, and safe in a spreadsheet."""
