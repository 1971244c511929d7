"""Data with known grounding: `scenes` are bundled and synthetic."""
