"""Authors' JavaScript, run in processes that have nothing else."""
