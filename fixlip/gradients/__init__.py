"""Opened towers: gradients, attention, and paths between inputs."""
