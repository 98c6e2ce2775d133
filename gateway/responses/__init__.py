"""Write answers: JSON, problems, files, and cached answers."""
