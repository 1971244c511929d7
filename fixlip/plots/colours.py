"""The diverging scale of pages and figures: blue is negative, orange positive; safe for colour-blind eyes."""

NEGATIVE = "#1f6fc9"
POSITIVE = "#e4610f"
NEGATIVE_DARK = "#0b2f63"
POSITIVE_DARK = "#7a2b00"
