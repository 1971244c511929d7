"""Every metric for every estimator and both bundled models, offline, into docs/results/ and docs/estimators.md.

    python -m benchmarks.evaluation [--workers 2]

Five runs of `fixlip evaluate`: unseen scenes; mosaics of scenes; scenes with a wrong caption and scenes explained
again, both cut into 3 x 3 regions, so that the games are small enough for `exact`; and grounding alone on many scenes.
Estimators that sample get 256 image passes (a quarter of that for regions), or the fewest with which they can work.
Stopped and started again, it goes on where it was.
"""

import argparse
from pathlib import Path
from typing import Any

import fixlip
from benchmarks.output import ROOT, fill, markdown
from fixlip import cluster, evaluation, plots, specs
from fixlip.errors import BudgetError, OptionError
from fixlip.evaluation.plan import CALL
from fixlip.evaluation.report import Report, report
from fixlip.evaluation.report.summary import Summary
from fixlip.request import Request

MODELS = ("demo-clip", "demo-siglip")
SEED, PASSES = 6_000_000, 256
REGIONS = {"image_players": "grid:3"}
RUNS: dict[str, tuple[tuple[str, ...], str, dict[str, Any]]] = {
    "scenes": (("grounding", "insertion-deletion", "faithfulness masks=300", "perturbation"), "scenes:8", {}),
    "mosaics": (("pointing-game",), "scene-mosaics:2", {}),
    "foils": (("foils",), "scene-foils:8 n_objects=2", REGIONS),
    "checks": (("stability", "randomization", "removal"), "scenes:4 n_objects=1", REGIONS),
    "objects": (("grounding",), "scenes:40", {}),
}
EARLIER = "integrated-gradients text_layer=0 image_layer=0.5"
HEADLINE = {  # column: run, figure, setting
    "PGE": ("scenes", "PGE", ""),
    "PGA": ("scenes", "PGA", ""),
    "PGR": ("mosaics", "PGR", "k=4"),
    "AID": ("scenes", "AID", ""),
    "Spearman": ("scenes", "Spearman", "p=0.5, masks=300"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    workers = parser.parse_args().workers
    engine = cluster.Ray(workers) if workers > 1 else cluster.Local()
    summaries, docs, runs = {}, ROOT / "docs", ROOT / "runs" / "evaluation"
    for name, (metrics, data, others) in RUNS.items():
        chosen = estimators(9, 11, PASSES // 4) if others else estimators(64, 11, PASSES)
        plan = evaluation.Plan(metrics, f"{data} seed={SEED}", MODELS, chosen, threads=1, **others)
        examples = int(name != "objects")
        evaluation.evaluate(plan, runs / name, engine=engine, examples=examples)
        page = docs / "estimators.md" if name == "objects" else docs / "results" / f"{name}.md"
        made = report(runs / name, markdown=page, examples=examples)
        summaries[name] = made.summary
        if name == "objects":
            illustrate(page, made)
    fill(docs / "results" / "README.md", "headline", markdown(headline(summaries), numbers_from=1))


def illustrate(page: Path, made: Report) -> None:
    """Begin the page on estimators with its question, the answer and a picture of it."""
    names = {EARLIER: "IG of earlier layers"}
    rows = [
        {
            "name": names.get(plain(h["estimator"]), plain(h["estimator"])),
            "model": "",
            "estimator": h["model"],
            "pge": h["value"],
            **{key: h[key] for key in ("low", "high", "chance")},
        }
        for h in made.summary.headlines
        if h["figure"] == "PGE"
    ]
    picture = page.with_suffix(".png")
    plots.class_bars(rows, label="share of a word's positive attribution in its box, median", path=picture)
    _, answer, rest = page.read_text("utf-8").split("\n\n", 2)
    about = f"![Bars for every estimator and both models, with intervals and chance]({picture.name})"
    page.write_text(f"# Which estimator finds the object?\n\n{answer}\n\n{about}\n\n{rest}", "utf-8")


def estimators(n_image: int, n_text: int, passes: int) -> tuple[str, ...]:
    """Every built-in estimator that can explain this many players, with its budget."""
    chosen = []
    for name in [n for n in fixlip.list_estimators() if not n.startswith("shapiq:")]:
        call = budget(name, n_image, n_text, passes)
        if call is not None:
            chosen.append(specs.written(name, call if fixlip.estimator_class(name).capabilities.sampled else {}))
        if name == "integrated-gradients":
            chosen.append(EARLIER)
    return tuple(chosen)


def budget(name: str, n_image: int, n_text: int, passes: int) -> dict[str, int] | None:
    """The options that spend that many image passes, or the fewest that are needed; None where nothing is enough."""
    n, terms = n_image + n_text, (n_image + n_text) * (n_image + n_text + 1) // 2
    of_image = n_image * (n_image + 1) // 2  # terms of the patches; as many masks, and a few to spare
    tries = [{"image_masks": m} for m in (passes, 2 * passes, of_image + of_image // 16)]
    for call in [*tries, *({"budget": values} for values in (passes, terms + n, 4 * terms)), {}]:
        try:
            fixlip.get_estimator(name).passes(n_image, n_text, Request(**call))
        except (BudgetError, OptionError):
            continue
        except fixlip.FixlipError:
            break
        return call
    return None


def headline(summaries: dict[str, Summary]) -> list[list[str]]:
    """A line for each estimator, the best PGE of the first model first; the models side by side, and chance below."""
    values: dict[str, dict[str, float]] = {}
    chance: dict[str, set[float]] = {f"{column}, {model}": set() for model in MODELS for column in HEADLINE}
    for column, (run, *which) in HEADLINE.items():
        for row in summaries[run].headlines:
            if [row["figure"], row["setting"]] == which:
                place = f"{column}, {row['model']}"
                values.setdefault(plain(row["estimator"]), {})[place] = row["value"]
                chance[place].add(round(row["chance"], 2))
    names = sorted(values, key=lambda name: -values[name].get(next(iter(chance)), 0.0))
    lines = [[f"`{name}`", *(f"{values[name][place]:.2f}" for place in chance)] for name in names]
    ends = (sorted({min(of), max(of)}) for of in chance.values())
    return [["estimator", *chance], *lines, ["knows nothing", *(" to ".join(f"{v:.2f}" for v in of) for of in ends)]]


def plain(label: str) -> str:
    """The estimator without its budget."""
    name, options = specs.parse(label)
    return specs.written(name, {k: v for k, v in options.items() if k not in CALL})


if __name__ == "__main__":
    main()
