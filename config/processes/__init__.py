"""Run processes: the clock of the periodic jobs, signs of life, logs and measures."""
