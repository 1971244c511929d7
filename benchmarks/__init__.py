"""Opt-in measurements; each prints a table and can write it as JSON and Markdown, with the machine's description.

python -m benchmarks              # what explaining costs, side by side with what is published; `--help` lists the parts
python -m benchmarks.gpu          # a GPU in six minutes
python -m benchmarks.headline     # the tables of docs/comparison.md and docs/howto/choosing.md
python -m benchmarks.evaluation   # every metric for every estimator, into docs/results and docs/estimators.md
"""
