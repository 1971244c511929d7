"""Results: explanations, comparisons, contrasts, rankings, sweeps, and the files that they are saved in."""
