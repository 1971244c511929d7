"""Measure, side by side, what explaining costs; each measurement has a table of its own.

Rows are written as soon as they are measured; a run that was stopped goes on where it was, unless --again is given.
--quick only tries (seconds each, small numbers) and writes nothing unless --out is given.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path

import torch

from benchmarks.output import RESULTS, machine
from benchmarks.runs import Settings, carry_out

MEASUREMENTS = {  # a module of this package, and what it measures
    "dense": "the published FIxLIP computation, done densely: equal results, seconds, memory",
    "exclip": "the published integrated gradients, from dense Jacobians: equal results, seconds",
    "overhead": "a whole explanation against the same passes of the encoders with nothing around",
    "memory": "peak memory against the budget",
    "players": "from 49 to 1,024 patches: passes, linear algebra, memory",
    "captions": "many captions on one picture, many pictures with many captions",
    "passes": "error and coverage of intervals against the number of image passes",
    "removals": "error against seconds for each removal of patches, and for bfloat16",
    "honesty": "whether standard errors and R2 are as sure as they are right, also outside the prior",
    "shapley": "Shapley interactions at equal encoder passes, beside shapiq's approximators",
    "binding": "whether binding says which of two captions with exchanged colours a model prefers",
    "race": "passes and CPU seconds until the error is 20, 10 and 5 %, beside everybody else",
    "search": "an index of pictures: equal to explain, its build, its queries, its bytes",
    "gpu": "all of it on a GPU in six minutes: encoders, explanations, memory, an index, the tests",
    "page": "how long the page takes to load and to answer, in a browser",
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="\n".join(f"{name:9} {what}" for name, what in MEASUREMENTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="all by default")
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ...")
    parser.add_argument("--out", type=Path, help="folder of the tables; benchmarks/results by default")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows with this in their names")
    parser.add_argument("--again", action="store_true", help="repeat what was measured before")
    args = parser.parse_args(arguments)
    unknown = [name for name in args.names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"no measurement {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    folder = args.out or (None if args.quick else RESULTS)
    if folder and torch.device(args.device).type == "cuda":
        folder /= "-".join(machine(args.device)["GPU"].partition(",")[0].lower().split())
    settings, failed = Settings(args.device, args.quick), []
    for name in args.names or MEASUREMENTS:
        measurement = import_module(f"benchmarks.{name}")
        failed += carry_out(name, measurement, settings, folder, again=args.again, only=args.only)
    for case in failed:
        print(f"failed: {case}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
