"""Write answers: JSON, problems, files, and copies of answers."""
