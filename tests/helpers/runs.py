"""Runs of an evaluation that are cheap, and what they write."""

from fixlip.evaluation import Plan, evaluate, read

CHEAP = ("itsm", "mask-clip")


def run(folder, *, limit=None, shard=(1, 1), retry=False, **changes):
    """Evaluate two cheap estimators on five scenes; `changes` are other fields of the plan."""
    fields = {"metrics": ("grounding",), "data": "scenes:5", "models": ("demo-clip",), "estimators": CHEAP}
    return evaluate(Plan(**fields | changes), folder, limit=limit, shard=shard, retry=retry, progress=False)


def timeless(folder):
    """The rows of a run without their times."""
    return [row.as_json() | {"seconds": 0} for row in read(folder)]
