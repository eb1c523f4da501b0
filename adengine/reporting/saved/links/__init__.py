"""Links that open one saved report and nothing else."""
