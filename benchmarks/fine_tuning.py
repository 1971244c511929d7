"""Grounding and zero-shot accuracy before and after fine-tuning, in and out of its domain, with intervals.

    python -m benchmarks.fine_tuning "before=demo-clip" "after=local-dir:runs/new-kinds/model" --work runs/fine-tuning

The models are given as LABEL=MODEL; differences are to the first. Scenes have seeds that no training uses: scenes of
new kinds (in domain), of one new and one old kind, and of old kinds (what was forgotten). Explanations go to `--work`,
where a run that was stopped goes on. Writes the tables of `docs/fine_tuning.md`, its figure, and
`benchmarks/results/fine_tuning.json`.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

import fixlip
from benchmarks.output import fill, markdown
from fixlip import evaluation
from fixlip.datasets import scenes
from fixlip.io.files import plain
from fixlip.metrics.intervals import Interval, Statistic, bootstrap, by_class, paired
from fixlip.results.comparison import Comparison

ROOT = Path(__file__).parents[1]
DOMAINS = {
    "new kinds": "vocabulary=new seed=7000000",
    "one new and one old kind": "vocabulary=mixed n_objects=2 seed=7100000",
    "old kinds": "vocabulary=bundled seed=7200000",
}
PARTS = {  # what a row of the table is about: its domain, and the kinds that count
    "new kinds": ("new kinds", "new"),
    "one new and one old kind: the new one": ("one new and one old kind", "new"),
    "one new and one old kind: the old one": ("one new and one old kind", "bundled"),
    "old kinds": ("old kinds", "bundled"),
}
OPTIONS = [
    "model",
    "data",
    "replay",
    "replay_data",
    "pairs",
    "batch",
    "lr",
    "warmup",
    "decay",
    "removal",
    "same",
    "seed",
]
COLUMNS: dict[str, tuple[str, Statistic, bool]] = {  # what an object has, how it is summed up, with an interval or not
    "median PGE": ("pge", "median", True),
    "PGA": ("pga", "mean", True),
    "own box positive": ("own", "mean", True),
    "PGE of the box itself": ("ceiling", "median", False),
    "PGE of chance": ("chance_pge", "median", False),
    "PGA of chance": ("chance_pga", "mean", False),
}
NEW_AND_OLD: dict[str, scenes.Vocabulary] = {"new": "new", "old": "bundled"}
SIZES = ("scenes of each sort", "masked pictures for an explanation", "pictures of one object")
SINGLE_SEED = 7_500_000
Groups = dict[str, list[dict[str, Any]]]  # scene: its objects


def explained(encoders: list[Any], domain: str, args: argparse.Namespace) -> dict[str, Groups]:
    """Label of the model -> scene -> what the grounding metric says of its objects."""
    folder = args.work / domain.replace(" ", "-")
    data = f"scenes:{args.scenes} {DOMAINS[domain]}"
    banzhaf = f"banzhaf interactions=cross image_masks={args.passes}"
    evaluation.evaluate(evaluation.Plan(("grounding",), data, tuple(encoders), (banzhaf,)), folder)
    found: dict[str, Groups] = {encoder.name: {} for encoder in encoders}
    for row in evaluation.read(folder):
        if isinstance(row, evaluation.ExplainedRow) and row.model in found:
            found[row.model][row.item] = (row.metrics["grounding"] or {})["objects"]
    return found


def values(groups: Groups, vocabulary: scenes.Vocabulary, field: str) -> dict[str, list[float]]:
    """A number for each object of these kinds, by scene; a PGE that does not exist (nothing is positive) is 0."""
    kinds = set(scenes.kinds(vocabulary))

    def number(thing: dict[str, Any]) -> float:
        return float(thing["own"] > 0) if field == "own" else float(thing[field] or 0.0)

    return {item: [number(t) for t in things if t["name"] in kinds] for item, things in groups.items()}


def zero_shot(encoder: Any, vocabulary: scenes.Vocabulary, n: int) -> list[float]:
    """Hits (1.0) and misses (0.0): whether the kind of a single object has the nearest prompt among all kinds."""
    names = scenes.kinds("mixed")
    texts = [encoder.text_input(scenes.prompt(name)) for name in names]
    w = torch.cat([encoder.embed_text(t, torch.ones(1, t.n_tokens, dtype=torch.bool)) for t in texts])
    hits = []
    for scene in scenes.scenes(n, seed=SINGLE_SEED, n_objects=1, vocabulary=vocabulary):
        x = encoder.image_input(scene.image)
        u = encoder.embed_image(x, torch.ones(1, x.n_patches, dtype=torch.bool))
        hits.append(float(names[int((w @ u[0]).argmax())] == scene.objects[0].name))
    return hits


def measure(encoders: list[Any], args: argparse.Namespace) -> dict[str, Any]:
    """All numbers, in types of JSON."""
    first, *others = labels = [encoder.name for encoder in encoders]
    grounding = {domain: explained(encoders, domain, args) for domain in DOMAINS}
    rows, differences = [], []
    for part, (domain, vocabulary) in PARTS.items():
        of = {label: partial(values, grounding[domain][label], vocabulary) for label in labels}
        for label in labels:
            row: dict[str, Any] = {
                "scenes of": part,
                "model": label,
                "objects": sum(map(len, of[label]("pge").values())),
            }
            for column, (field, statistic, interval) in COLUMNS.items():
                whole = bootstrap(of[label](field).values(), statistic)
                row[column] = whole if interval else whole.value
            rows.append(row)
        for label in others:
            change: dict[str, Any] = {"scenes of": part, "model": label}
            change["median PGE"] = paired(of[label]("pge"), of[first]("pge"))
            change["PGA"] = paired(of[label]("pga"), of[first]("pga"), "mean")
            differences.append(change)
    things = {
        label: [(i, t["name"], float(t["pge"] or 0)) for i, ts in grounding["new kinds"][label].items() for t in ts]
        for label in labels
    }
    medians = {label: by_class(things[label]) for label in labels}
    kinds = [
        {"kind": name, "objects": sum(t[1] == name for t in things[first])} | {m: medians[m][name] for m in labels}
        for name in medians[first]
    ]
    shots = [
        {"model": encoder.name}
        | {f"{said} kinds": bootstrap(zero_shot(encoder, v, args.single), "mean") for said, v in NEW_AND_OLD.items()}
        for encoder in encoders
    ]
    return {"grounding": rows, "differences": differences, "kinds": kinds, "zero-shot": shots}


def draw(models: dict[str, str], path: Path, passes: int) -> None:
    """A figure of the first scene of one new and one old kind, explained by each model."""
    scene = scenes.make_scene(7_100_000, vocabulary="mixed", n_objects=2)
    call: dict[str, Any] = {"image_masks": passes, "progress": False, "options": {"interactions": "cross"}}
    explanations = tuple(fixlip.explain(scene.image, scene.caption, model=name, **call) for name in models.values())
    fixlip.plots.compare(Comparison(explanations, tuple(models)), path=path)
    figure = Image.open(path).convert("RGB")
    figure.resize((640, 640 * figure.height // figure.width), Image.Resampling.LANCZOS).save(path, optimize=True)


def cell(value: Any) -> str:
    if isinstance(value, Interval):
        return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def table(rows: list[dict[str, Any]]) -> str:
    return markdown([list(rows[0]), *([cell(v) for v in row.values()] for row in rows)]) if rows else "none"


def settings_of(label: str, name: str) -> list[dict[str, Any]]:
    """The options of a fine-tuning, as `scripts/fine_tune.py` wrote them; none for a model that it did not make."""
    path = Path(name.removeprefix("local-dir:")) / "settings.json"
    return [{"label": label} | json.loads(path.read_text())] if path.is_file() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="LABEL=MODEL")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=120, help="of each kind")
    parser.add_argument("--passes", type=int, default=256, help="of the image tower for an explanation")
    parser.add_argument("--single", type=int, default=300, help="scenes with one object, for zero-shot")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "fine_tuning.md")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    args = parser.parse_args()
    models = dict(given.split("=", 1) for given in args.models)
    encoders = [fixlip.load_model(name) for name in models.values()]
    for encoder, label in zip(encoders, models, strict=True):
        encoder.name = label
    numbers = measure(encoders, args)
    draw(dict(list(models.items())[:2]), args.page.with_suffix(".png"), args.passes)
    settings = [options for label, name in models.items() for options in settings_of(label, name)]
    sizes = {"scenes": args.scenes, "passes": args.passes, "single": args.single}
    result = plain(sizes | {"settings": settings} | numbers)
    (args.results / "fine_tuning.json").write_text(json.dumps(result, indent=2) + "\n")
    for name, rows in numbers.items():
        fill(args.page, name, table(rows))
    chosen = [{"option": o} | {s["label"]: f"`{s[o]}`" for s in settings} for o in OPTIONS if settings]
    fill(args.page, "settings", table(chosen))
    fill(args.page, "sizes", table([dict(zip(SIZES, sizes.values(), strict=True))]))


if __name__ == "__main__":
    main()
