"""Opt-in measurements on the bundled model; each prints a table and can write it as JSON and Markdown.

python -m benchmarks.accuracy     # error and coverage against the number of image passes
python -m benchmarks.grounding    # does the attribution of a word fall on its object?
python -m benchmarks.memory       # peak memory against the budget
"""
