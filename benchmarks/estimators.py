"""Every estimator on the same scenes: whether what it says of a word falls on the object of the word.

    python -m benchmarks.estimators [--scenes 200] [--shapiq_scenes 5] [--passes 256]
        [--models "demo-clip demo-siglip"] [--estimators "..."] [--runs FOLDER] [--only_report 1]
        [--out docs/estimators]

On scenes with unseen seeds, for every object: PGE (share of the positive attribution of its words inside the box), PGA
(the maximum touches the box), beside what the coverage map of the box itself and a random map get. Estimators that give
no pairs have one map for all words. Those that sample get `--passes` image passes, or the fewest that they can do with;
their text masks are enumerated. Those of shapiq, which need joint masks and minutes, see fewer scenes. One line for
each scene goes to a file in `--runs`, so that a run that was stopped goes on where it was.
"""

import json
from pathlib import Path

import numpy as np

import fixlip
from benchmarks.output import arguments, publish
from fixlip.datasets.scenes import scenes
from fixlip.errors import BudgetError, FixlipError, OptionError
from fixlip.metrics import coverage, pointing_hit, positive_share
from fixlip.request import Request

SEED = 6_000_000
ALSO = {"integrated-gradients, earlier layers": ("integrated-gradients", {"text_layer": 0, "image_layer": 0.5})}


def request(name: str, n_image: int, n_text: int, passes: int) -> dict[str, int]:
    """How to ask an estimator for that many image passes."""
    estimator = fixlip.get_estimator(name)
    n, pairs = n_image + n_text, (n_image + n_text) * (n_image + n_text + 1) // 2
    all_pairs = n_image * (n_image + 1) // 2  # of patches; the masks that their terms ask for, and a few to spare
    tries = [{"image_masks": m} for m in (passes, 2 * passes, all_pairs + all_pairs // 16)]
    tries += [{"budget": passes}, {"budget": pairs + n}, {"budget": 4 * pairs}, {}]
    for call in tries:
        try:
            estimator.passes(n_image, n_text, Request(**call))
        except (BudgetError, OptionError):
            continue
        return call
    raise BudgetError(f"{name} cannot explain {n_image} + {n_text} players.")


def measure(model, name: str, scene, passes: int) -> dict[str, object]:
    """One scene: PGE, PGA of each object, passes and time."""
    name, options = ALSO.get(name, (name, {}))
    grid = model.image_input(scene.image).grid
    call = request(name, grid[0] * grid[1], len(scene.caption.split()), passes)
    estimator = fixlip.get_estimator(name, **options)
    found = fixlip.explain(scene.image, scene.caption, model=model, estimator=estimator, progress=False, **call)
    pge, pga = [], []
    order = 1 if np.isnan(found.cross).all() else 2
    for item in scene.objects:
        heat, cover = found.heatmap(item.span, order=order), coverage(item.box, scene.image.size, grid)
        pge.append(positive_share(heat, cover))
        pga.append(bool(np.ptp(heat) > 0) and pointing_hit(heat, cover))
    p = found.provenance
    return {"pge": pge, "pga": pga, "order": order, "passes": p.image_passes + p.text_passes, "seconds": p.seconds}


def chance(model, all_scenes) -> dict[str, float | str | int]:
    """What the coverage map itself and random maps get."""
    rng, ceiling, pge, pga = np.random.default_rng(0), [], [], []
    for scene in all_scenes:
        grid = model.image_input(scene.image).grid
        for item in scene.objects:
            cover = coverage(item.box, scene.image.size, grid)
            ceiling.append(positive_share(cover, cover))
            pge.append(np.median([positive_share(rng.normal(size=grid), cover) for _ in range(20)]))
            pga.append((cover > 0).mean())
    return {"ceiling": float(np.median(ceiling)), "pge": float(np.median(pge)), "pga": float(np.mean(pga))}


def main() -> None:
    args = arguments(
        __doc__,
        scenes=200,
        shapiq_scenes=5,
        passes=256,
        models="demo-clip demo-siglip",
        estimators="",
        runs="runs/estimators",
        only_report=0,
    )
    names = [n.replace("_", " ") for n in args.estimators.split()] or sorted([*fixlip.list_estimators(), *ALSO])
    runs, all_scenes, rows = Path(args.runs), list(scenes(args.scenes, seed=SEED)), []
    runs.mkdir(parents=True, exist_ok=True)
    for model_name in args.models.split():
        model = fixlip.load_model(model_name)
        level = chance(model, all_scenes)
        rows.append(row(model_name, "coverage map of the box", len(all_scenes), "", level["ceiling"], 1.0, "", ""))
        rows.append(row(model_name, "random map", len(all_scenes), "", level["pge"], level["pga"], "", ""))
        for name in names:
            file = runs / f"{model_name}-{name.replace(':', '-').replace(', ', '-')}-{args.passes}.jsonl"
            done = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
            wanted = (
                len(done)
                if args.only_report
                else min(args.scenes, args.shapiq_scenes)
                if name.startswith("shapiq:")
                else args.scenes
            )
            try:
                rows_and_columns = model.image_input(all_scenes[0].image).grid
                request(ALSO.get(name, (name,))[0], rows_and_columns[0] * rows_and_columns[1], 8, args.passes)
                for scene in all_scenes[len(done) : wanted]:
                    done.append(measure(model, name, scene, args.passes))
                    with file.open("a") as out:
                        out.write(json.dumps(done[-1]) + "\n")
            except FixlipError as error:
                rows.append(row(model_name, name, len(done), str(error).split(";")[0], np.nan, np.nan, "", ""))
                continue
            if not done:
                continue
            pge = [x for d in done for x in d["pge"]]
            rows.append(
                row(
                    model_name,
                    name,
                    len(done),
                    "one map for all words" if done[0]["order"] == 1 else "",
                    float(np.nanmedian(pge)) if not np.isnan(pge).all() else np.nan,
                    float(np.mean([x for d in done for x in d["pga"]])),
                    int(np.median([d["passes"] for d in done])),
                    float(np.median([d["seconds"] for d in done])),
                )
            )
    publish(
        f"Grounding of every estimator on unseen scenes, {args.passes} image passes where masks are drawn",
        rows,
        args.out,
    )


def row(model, name, n, note, pge, pga, passes, seconds) -> dict[str, object]:
    return {
        "model": model,
        "estimator": name,
        "scenes": n,
        "median PGE": pge,
        "PGA": pga,
        "passes": passes,
        "median seconds": seconds,
        "note": note,
    }


if __name__ == "__main__":
    main()
