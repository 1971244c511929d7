"""The mathematics: which masks are drawn, what is fitted to them, and when there are enough."""
