"""The verbs: load a model, explain, compare, sweep, rank, contrast, and what that costs."""
