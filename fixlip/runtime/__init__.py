"""The process that it all runs in: memory, progress, threads."""
