"""Peak memory against the budget, each budget in a process of its own.

python -m benchmarks.memory [--model demo-clip] [--out NAME]
"""

import subprocess
import sys

from benchmarks.output import arguments, publish

CHILD = """
import resource, sys
import fixlip
from fixlip.datasets.scenes import make_scene
scene = make_scene(0, n_objects=2)
found = fixlip.explain(scene.image, "a dog and a bus", model=sys.argv[1], budget=int(sys.argv[2]),
                       progress=False, options={"interactions": "cross"})
p = found.provenance
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, p.image_passes, p.text_passes, p.seconds)
"""


def main() -> None:
    args, rows = arguments(__doc__, model="demo-clip"), []
    for power in (15, 17, 19, 21):
        command = [sys.executable, "-c", CHILD, args.model, str(2**power)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peak, image, text, seconds = map(float, done.stdout.split())
        rows.append({"budget": f"2^{power}", "image passes": int(image), "text passes": int(text)})
        rows[-1] |= {"peak MiB": round(peak), "seconds": seconds}
        rows[-1]["against the first"] = rows[-1]["peak MiB"] / rows[0]["peak MiB"]
    publish(f"{args.model}: peak memory of the whole process", rows, args.out)


if __name__ == "__main__":
    main()
