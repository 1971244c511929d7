"""Every metric for every estimator and both bundled models, offline, into docs/results/.

    python -m benchmarks.evaluation [--workers 2] [--runs runs/evaluation] [--out docs/results]

Four runs of `fixlip evaluate`, each with a report: unseen scenes (grounding, insertion and deletion, faithfulness,
conditional perturbation); mosaics of scenes (pointing game); scenes with a wrong caption (foils), and scenes explained
anew (stability, random weights, removal), both cut into 3 x 3 regions, so that the games are small enough for `exact`.
Estimators that sample get 256 image passes (a quarter of that for regions), or the fewest that they can do with.
Stopped and started again, it goes on where it was. More scenes for fewer metrics: `benchmarks.estimators`.
"""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import fixlip
from benchmarks.estimators import request
from benchmarks.output import arguments, markdown
from fixlip import evaluation, specs
from fixlip.evaluation.plan import CALL
from fixlip.evaluation.report import report
from fixlip.evaluation.report.summary import Summary

MODELS = ("demo-clip", "demo-siglip")
EARLIER = {"text_layer": 0, "image_layer": 0.5}
REGIONS = {"image_players": "grid:3"}
SEED = 6_000_000
RUNS: dict[str, tuple[tuple[str, ...], str, dict[str, Any]]] = {
    "scenes": (
        ("grounding", "insertion-deletion", "faithfulness masks=300", "perturbation"),
        f"scenes:8 seed={SEED}",
        {},
    ),
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


def estimators(n_image: int, n_text: int, passes: int) -> tuple[str, ...]:
    """Every built-in estimator that can explain so many players, with what it is given."""
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


def main() -> None:
    args = arguments(__doc__, workers=2, runs="runs/evaluation", passes=256)
    start, out, found = perf_counter(), Path(args.out or "docs/results"), {}
    out.mkdir(parents=True, exist_ok=True)
    engine = evaluation.Ray(args.workers) if args.workers > 1 else evaluation.Local()
    for name, (metrics, data, others) in RUNS.items():
        chosen = estimators(9, 11, args.passes // 4) if others else estimators(64, 11, args.passes)
        plan = evaluation.Plan(metrics, data, MODELS, chosen, threads=1, **others)
        outcome = evaluation.evaluate(plan, Path(args.runs) / name, engine=engine)
        found[name] = report(Path(args.runs) / name, markdown=out / f"{name}.md", examples=1).summary
        print(f"{name}: {outcome.evaluated} of {outcome.items} items, {outcome.throughput:.2f} explanations a second")
    columns = [column for column, *_ in HEADLINE]
    full, count = headline(found, columns), len({row["estimator"] for row in found["scenes"].headlines})
    (out / "README.md").write_text(ABOUT.format(count=count) + full + LEGEND, "utf-8")
    print(f"{perf_counter() - start:.0f} s")


def headline(found: dict[str, Summary], columns: Sequence[str]) -> str:
    """One row for each estimator, best PGE of the first model first; the models side by side."""
    values: dict[str, dict[tuple[str, str], float]] = {}
    chance: dict[tuple[str, str], set[float]] = {}
    for column, run, figure, setting in HEADLINE:
        for row in found[run].headlines:
            if (row["figure"], row["setting"]) == (figure, setting):
                place = column, row["model"]
                values.setdefault(without_passes(row["estimator"]), {})[place] = row["value"]
                chance.setdefault(place, set()).add(round(row["chance"], 2))
    chosen = [(column, model) for model in MODELS for column in columns]
    names = sorted(values, key=lambda name: -values[name].get(chosen[0], 0.0))
    lines = [["estimator", *(f"{column}, {model}" for column, model in chosen)]]
    lines += [[f"`{name}`", *(f"{values[name][c]:.2f}" for c in chosen)] for name in names]
    lines += [["knows nothing", *(" to ".join(f"{v:.2f}" for v in ends(chance[c])) for c in chosen)]]
    return markdown(lines, numbers_from=1) + "\n"


def without_passes(label: str) -> str:
    """The estimator without what it was given to spend."""
    name, options = specs.parse(label)
    return specs.written(name, {k: v for k, v in options.items() if k not in CALL})


def ends(values: set[float]) -> list[float]:
    """The smallest and the largest, or the only one."""
    return sorted({min(values), max(values)})


if __name__ == "__main__":
    main()
