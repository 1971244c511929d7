"""Image search: what an index costs, and that its hits are explained as `fixlip.explain` would explain them.

A row for each figure, with its goal where it has one. The pictures are unseen scenes; coverage and losses are those of
256 masks, the 2,000 pictures have 64 each. Seconds are those of the processor, as
much else may run on the machine; those of queries are the fastest of several. The indexes stay in
``runs/search``, so that a run goes on.
"""

from collections.abc import Callable
from functools import partial

from benchmarks import search_checks, search_costs, search_loss
from benchmarks.runs import Cases, Row, Settings, Targets
from benchmarks.search_index import Figures

TITLE = "Image search: pictures explained once, for every later query"
TARGETS: Targets = {}  # each row has its own
Measure = Callable[[Settings], Figures]
Goals = dict[str, str]  # figure: its goal, "" for none
CLOSE, NEAR = "<= 1e-05", "<= 0.01"


def equal(goal: str) -> Goals:
    """The figures of `search_checks.equal`."""
    return {
        "cross pairs, largest difference": goal,
        "effects of players, largest difference": goal,
        "standard errors, median difference": "<= 0.1",
        "standard errors, 95 % differ by less than": "",
        "R2, largest difference": "",
    }


SUBJECTS: dict[str, tuple[Measure, Goals]] = {
    "demo-clip, float32, against explain": (partial(search_checks.equal, "demo-clip", "float32"), equal(CLOSE)),
    "demo-clip, float16, against explain": (partial(search_checks.equal, "demo-clip", "float16"), equal(NEAR)),
    "demo-siglip, float32, against explain": (partial(search_checks.equal, "demo-siglip", "float32"), equal(CLOSE)),
    "demo-siglip, float16, against explain": (partial(search_checks.equal, "demo-siglip", "float16"), equal(NEAR)),
    "12 hits, default masks": (
        search_costs.against_explain,
        {"ms of the search": "", "seconds of explain for each of them": "", "times faster": ">= 200"},
    ),
    "a build, default masks": (
        search_costs.build,
        {
            "passes of a picture": "",
            "ms of a pass with nothing around": "",
            "seconds of a picture": "",
            "against the same passes with nothing around": "<= 1.15",
        },
    ),
    **{
        f"coefficients as {form}": (
            partial(search_loss.loss, form),
            {"bytes": "", "error / size of the cross pairs": "", "error / standard error": ""},
        )
        for form in search_loss.FORMS
    },
    **{
        f"{pictures:,} made-up pictures": (
            partial(search_costs.synthetic, pictures),
            {
                "ms beyond the text passes": "",
                "MiB of the vectors": "",
                "MiB added by a search": "",
                "MiB added beyond the vectors": "",
            },
        )
        for pictures in search_costs.SIZES
    },
    **{
        f"{model}, random weights": (
            partial(search_costs.rate, model),
            {"players": "", "dimension": "", "passes a second": "", "GFLOP of a pass": ""},
        )
        for model in search_costs.REAL
    },
    "2,000 pictures": (
        search_costs.search,
        {
            "pictures": "",
            "bytes of a picture on disk": "",
            "bytes of its numbers": "",
            "bytes of its thumbnail": "",
            "text passes": "",
            "ms of the text passes": "",
            "ms beyond the text passes": "<= 30",
            "ms of the search again": "",
            "seconds of the command fixlip search": "<= 4",
        },
    ),
    "200 scenes of these": (
        search_checks.grounding,
        {
            "median PGE through the index": "",
            "median PGE of explain": "",
            "difference of the medians": NEAR,
            "largest difference of an object": "",
        },
    ),
    "95 % intervals, 20 scenes x 5 queries": (
        search_checks.coverage,
        {
            "cross pairs, at least": ">= 0.93",
            "cross pairs, at most": "<= 0.97",
            "effects of patches": "",
            "the ten strongest pairs": "",
        },
    ),
}
LEFT_OUT = ("2,000", "demo-siglip", "1,000 made-up", "10,000", "ViT", "64 directions", "16 directions")  # of a trial


def cases(settings: Settings) -> Cases:
    return {
        f"{subject}: {figure}": partial(row, measure, settings, figure, goal)
        for subject, (measure, goals) in SUBJECTS.items()
        if not (settings.quick and subject.removeprefix("coefficients as ").startswith(LEFT_OUT))
        for figure, goal in goals.items()
    }


def row(measure: Measure, settings: Settings, figure: str, goal: str) -> Row:
    """One figure of a subject, which is measured once for all of its figures."""
    value = measure(settings)[figure]
    sign, _, end = goal.partition(" ")
    met = "" if not goal else "yes" if (value <= float(end) if sign == "<=" else value >= float(end)) else "no"
    return {"measured": value, "goal": goal, "met": met}
