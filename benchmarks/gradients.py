"""Integrated gradients: the completeness gap against the steps, and the memory of a large model.

    python -m benchmarks.gradients [--scenes 5] [--large ViT-L-14-336] [--out NAME]

The gap is that of the last blocks and of earlier layers, for both bundled models, averaged over scenes with unseen
seeds. The large model has random weights and explains one caption, in a process of its own (--large "" leaves it out).
"""

import subprocess
import sys

import numpy as np

import fixlip
from benchmarks.output import arguments, publish
from fixlip.datasets.scenes import scenes

SEED = 8_000_000
LAYERS = {"last blocks": {}, "text 0, image half way": {"text_layer": 0, "image_layer": 0.5}}
CHILD = """
import resource, sys
import fixlip
from fixlip.datasets.scenes import make_scene
model = fixlip.load_model(sys.argv[1], pretrained=None, allow_random=True)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
loaded = peak()
found = fixlip.explain(make_scene(0).image, "a black dog next to a yellow hydrant", model=model,
                       estimator="integrated-gradients", progress=False)
p = found.provenance
print(loaded, peak(), p.image_passes, p.text_passes, p.seconds, p.details["completeness_gap"])
"""


def gaps(n_scenes: int) -> list[dict[str, object]]:
    rows = []
    for name in ("demo-clip", "demo-siglip"):
        model = fixlip.load_model(name)
        for place, layers in LAYERS.items():
            for quadrature in ("gauss-legendre", "right"):
                row: dict[str, object] = {"model": name, "layers": place, "quadrature": quadrature}
                for steps in (4, 8, 16, 32):
                    options = {"steps": steps, "quadrature": quadrature, **layers}
                    call = {"model": model, "estimator": "integrated-gradients", "options": options}
                    found = [
                        fixlip.explain(s.image, s.caption, progress=False, **call) for s in scenes(n_scenes, seed=SEED)
                    ]
                    gap = [f.provenance.details["completeness_gap"] for f in found]
                    row[f"{steps} steps"] = f"{np.mean(gap):.2%}"
                rows.append(row)
    return rows


def memory(model: str) -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", CHILD, model], capture_output=True, text=True, check=True)
    loaded, peak, image, text, seconds, gap = map(float, done.stdout.split())
    return {
        "model": model,
        "loaded MiB": round(loaded),
        "peak MiB": round(peak),
        "image passes": int(image),
        "text passes": int(text),
        "seconds": seconds,
        "gap": f"{gap:.2%}",
    }


def main() -> None:
    args = arguments(__doc__, scenes=5, large="ViT-L-14-336")
    publish(f"Completeness gap of integrated gradients, mean of {args.scenes} scenes", gaps(args.scenes), args.out)
    if args.large:
        path = args.out.with_name(f"{args.out.name}-memory") if args.out else None
        publish("Integrated gradients of one caption: memory of the whole process", [memory(args.large)], path)


if __name__ == "__main__":
    main()
