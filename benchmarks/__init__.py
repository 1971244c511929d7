"""Opt-in measurements; each prints a table and can write it as JSON and Markdown, with the machine's description.

python -m benchmarks              # what explaining costs, side by side with what is published; `--help` names the parts
python -m benchmarks.passes       # error and coverage against the number of image passes
python -m benchmarks.grounding    # does the attribution of a word fall on its object?
python -m benchmarks.estimators   # every estimator on the same scenes
python -m benchmarks.evaluation   # every metric for every estimator, into docs/results
python -m benchmarks.fine_tuning  # grounding before and after fine-tuning
python -m benchmarks.gradients    # completeness and memory of integrated gradients
python -m benchmarks.page         # how long the page takes to load and to answer, in a browser
python -m benchmarks.removal      # what `drop` saves
python -m benchmarks.shapley      # Shapley interactions at equal encoder passes
"""
