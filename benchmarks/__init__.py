"""Opt-in measurements; each prints a table and can write it as JSON and Markdown, with the machine's description.

python -m benchmarks              # what explaining costs, side by side with what is published; `--help` names the parts
python -m benchmarks.passes       # error and coverage against the number of image passes
python -m benchmarks.shapley      # Shapley interactions at equal encoder passes, beside shapiq's approximators
python -m benchmarks.page         # how long the page takes to load and to answer, in a browser
python -m benchmarks.evaluation   # every metric for every estimator, into docs/results and docs/estimators.md
python -m benchmarks.fine_tuning  # grounding before and after fine-tuning
python -m benchmarks.headline     # the table of ratios in the README
python -m benchmarks.equality     # whether explanations are the same as before, bit for bit
"""
