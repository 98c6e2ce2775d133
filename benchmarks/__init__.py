"""What is fast, measured against a limit measured in the same run."""
