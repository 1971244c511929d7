"""Every metric for every estimator and both bundled models, offline, into docs/results/ and docs/estimators.md.

    python -m benchmarks.evaluation [--workers 2] [--runs runs/evaluation] [--docs docs] [--scenes 200]

Five runs of `fixlip evaluate`: unseen scenes (grounding, insertion and deletion, faithfulness, conditional
perturbation); mosaics of scenes (pointing game); scenes with a wrong caption (foils), and scenes explained again
(stability, random weights, removal), both cut into 3 x 3 regions, so that the games are small enough for `exact`; and
grounding alone on many scenes. Estimators that sample get 256 image passes (a quarter of that for regions), or the
fewest with which they can work. Stopped and started again, it goes on where it was.
"""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import fixlip
from benchmarks.output import arguments, markdown, publish
from fixlip import evaluation, specs
from fixlip.errors import BudgetError, OptionError
from fixlip.evaluation.plan import CALL
from fixlip.evaluation.report import report
from fixlip.evaluation.report.summary import Summary
from fixlip.request import Request

MODELS = ("demo-clip", "demo-siglip")
EARLIER = {"text_layer": 0, "image_layer": 0.5}
REGIONS = {"image_players": "grid:3"}
SEED, PASSES = 6_000_000, 256
SCENE_METRICS = ("grounding", "insertion-deletion", "faithfulness masks=300", "perturbation")
RUNS: dict[str, tuple[tuple[str, ...], str, dict[str, Any]]] = {
    "scenes": (SCENE_METRICS, f"scenes:8 seed={SEED}", {}),
    "mosaics": (("pointing-game",), f"scene-mosaics:2 seed={SEED}", {}),
    "foils": (("foils",), f"scene-foils:8 seed={SEED} n_objects=2", REGIONS),
    "checks": (("stability", "randomization", "removal"), f"scenes:4 seed={SEED} n_objects=1", REGIONS),
}
HEADLINE = (  # column, run, figure, setting
    ("PGE", "scenes", "PGE", ""),
    ("PGA", "scenes", "PGA", ""),
    ("PGR", "mosaics", "PGR", "k=4"),
    ("AID", "scenes", "AID", ""),
    ("Spearman", "scenes", "Spearman", "p=0.5, masks=300"),
)
ABOUT = """# Every estimator measured

Both bundled models, {count} estimators, offline; `python -m benchmarks.evaluation` makes these pages. Each number
has its interval on the page that it comes from: [scenes](scenes.md), [mosaics](mosaics.md),
[wrong captions](foils.md), [checks](checks.md).

"""
LEGEND = """
PGE: median share of the positive attribution of a word inside the box of its object. PGA: how often its maximum is
there. PGR: share of the attribution with the right sign in a mosaic of four pictures whose kinds are all named; a map
that knows nothing has 0.50 where it is signed, else 0.25. AID: area between the curves of inserting the best and the
worst players. Spearman: agreement of the explanation with the model on random masks.
"""


def main() -> None:
    args = arguments(__doc__, workers=2, runs="runs/evaluation", docs="docs", scenes=200)
    start, docs = perf_counter(), Path(args.docs)
    engine = evaluation.Ray(args.workers) if args.workers > 1 else evaluation.Local()

    def run(name: str, metrics: tuple[str, ...], data: str, others: dict[str, Any], page: Path | None) -> Summary:
        chosen = estimators(9, 11, PASSES // 4) if others else estimators(64, 11, PASSES)
        plan = evaluation.Plan(metrics, data, MODELS, chosen, threads=1, **others)
        outcome = evaluation.evaluate(plan, Path(args.runs) / name, engine=engine)
        print(f"{name}: {outcome.evaluated} of {outcome.items} items, {outcome.throughput:.2f} explanations a second")
        return report(Path(args.runs) / name, markdown=page, examples=int(page is not None)).summary

    summaries = {name: run(name, *plan, docs / "results" / f"{name}.md") for name, plan in RUNS.items()}
    columns = [column for column, *_ in HEADLINE]
    full, count = headline(summaries, columns), len({row["estimator"] for row in summaries["scenes"].headlines})
    (docs / "results" / "README.md").write_text(ABOUT.format(count=count) + full + LEGEND, "utf-8")
    title = f"Grounding of every estimator on unseen scenes, {PASSES} image passes where masks are drawn"
    publish(title, grounding(run("objects", ("grounding",), f"scenes:{args.scenes} seed={SEED}", {}, None)), args.out)
    print(f"{perf_counter() - start:.0f} s")


def estimators(n_image: int, n_text: int, passes: int) -> tuple[str, ...]:
    """Every built-in estimator that can explain this many players, with its budget."""
    chosen = []
    for name in [n for n in fixlip.list_estimators() if not n.startswith("shapiq:")]:
        try:
            call = request(name, n_image, n_text, passes)
        except fixlip.FixlipError:
            continue
        sampled = fixlip.estimator_class(name).capabilities.sampled
        chosen.append(specs.written(name, call if sampled else {}))
        if name == "integrated-gradients":
            chosen.append(specs.written(name, EARLIER))
    return tuple(chosen)


def request(name: str, n_image: int, n_text: int, passes: int) -> dict[str, int]:
    """The arguments with which an estimator spends that many image passes, or the fewest that it needs.

    Raises:
        BudgetError: it cannot explain this many players.
    """
    estimator = fixlip.get_estimator(name)
    n, pairs = n_image + n_text, (n_image + n_text) * (n_image + n_text + 1) // 2
    all_pairs = n_image * (n_image + 1) // 2  # terms of the patches; as many masks, and a few to spare
    tries = [{"image_masks": m} for m in (passes, 2 * passes, all_pairs + all_pairs // 16)]
    tries += [{"budget": passes}, {"budget": pairs + n}, {"budget": 4 * pairs}, {}]
    for call in tries:
        try:
            estimator.passes(n_image, n_text, Request(**call))
        except (BudgetError, OptionError):
            continue
        return call
    raise BudgetError(f"{name} cannot explain {n_image} + {n_text} players.")


def grounding(summary: Summary) -> list[dict[str, Any]]:
    """The rows of docs/estimators.md: after what the box itself and a random map get, each estimator with its cost."""
    values = {(row["model"], row["estimator"], row["figure"]): row for row in summary.headlines}
    seconds = {(row["model"], row["estimator"]): row["seconds"] for row in summary.times}
    rows: list[dict[str, Any]] = []
    for method in summary.methods:
        model, estimator = method["model"], method["estimator"]
        pge, pga = (values[model, estimator, figure] for figure in ("PGE", "PGA"))
        start = {"model": model, "scenes": method["items"]}
        if model not in {row["model"] for row in rows}:
            ends = {"coverage map of the box": "ceiling", "random map": "chance"}
            rows += [start | {"estimator": e, "median PGE": pge[k], "PGA": pga[k]} for e, k in ends.items()]
        rows.append(start | {"estimator": without_passes(estimator), "median PGE": pge["value"], "PGA": pga["value"]})
        rows[-1]["passes"] = int(method["image_passes"] + method["text_passes"])
        rows[-1]["median seconds"] = seconds.get((model, estimator), "")
        rows[-1]["note"] = "one map for all words" if method["order"] == 1 else ""
    return rows


def headline(summaries: dict[str, Summary], columns: Sequence[str]) -> str:
    """A table with a row for each estimator, the best PGE of the first model first; the models side by side."""
    values: dict[str, dict[tuple[str, str], float]] = {}
    chance: dict[tuple[str, str], set[float]] = {}
    for column, run, figure, setting in HEADLINE:
        for row in summaries[run].headlines:
            if (row["figure"], row["setting"]) == (figure, setting):
                place = column, row["model"]
                values.setdefault(without_passes(row["estimator"]), {})[place] = row["value"]
                chance.setdefault(place, set()).add(round(row["chance"], 2))
    chosen = [(column, model) for model in MODELS for column in columns]
    names = sorted(values, key=lambda name: -values[name].get(chosen[0], 0.0))
    lines = [["estimator", *(f"{column}, {model}" for column, model in chosen)]]
    lines += [[f"`{name}`", *(f"{values[name][c]:.2f}" for c in chosen)] for name in names]
    ends = {c: sorted({min(chance[c]), max(chance[c])}) for c in chosen}
    lines += [["knows nothing", *(" to ".join(f"{v:.2f}" for v in ends[c]) for c in chosen)]]
    return markdown(lines, numbers_from=1) + "\n"


def without_passes(label: str) -> str:
    """The estimator without its budget."""
    name, options = specs.parse(label)
    return specs.written(name, {k: v for k, v in options.items() if k not in CALL})


if __name__ == "__main__":
    main()
