"""The running process: memory, progress, threads."""
