"""Estimators on masks, run with a budget that any of them can do with."""

import fixlip

ALL = {name: fixlip.estimator_class(name).capabilities for name in fixlip.list_estimators()}
ON_MASKS = [name for name, c in ALL.items() if not c.gradients]
ON_MODELS = [name for name, c in ALL.items() if c.gradients]


def run(name, game, budget=2**9, options=None, **call):
    if budget is not None and ALL[name].sampled:
        call["budget"] = budget
    return fixlip.get_estimator(name, **(options or {})).explain(game, progress=False, **call)
