"""Shapley interactions at equal encoder passes: the grid of two towers against joint masks.

On scenes with unseen seeds: the distance of the cross matrix from the converged one of its index, relative to the norm
of that, and their correlation. FSII: the grid (`shapley`) against joint masks (`shapley` with sampling="joint", as
published). SII: the multilinear extension (`shapley-owen`) against KernelSHAPIQ, SVARMIQ and permutation sampling of
shapiq. Passes are those of the image tower; a joint mask costs one. Methods that need more passes are left out.
Converged values come from the grid and from the multilinear extension with another seed; that both indices agree with
joint masks where all can be enumerated is tested in `tests/conformance/test_conformance.py`.
"""

import numpy as np

from benchmarks.passes import Pairs, rows
from benchmarks.runs import Cases, Row, Settings, Targets

TITLE = "demo-clip: Shapley interactions against 16384 passes, 3 scenes"
TARGETS: Targets = {}
SEED = 7_000_000
METHODS = {  # of each index; the first is the one that converges
    "FSII": {"shapley, grid": "shapley", "shapley, joint masks": "shapley sampling=joint"},
    "SII": {"shapley-owen, grid": "shapley-owen"}
    | {
        f"{name}, joint masks": f"{name} index=k-SII"
        for name in ("shapiq:KernelSHAPIQ", "shapiq:PermutationSamplingSII", "shapiq:SVARMIQ")
    },
}


def cases(settings: Settings) -> Cases:
    if settings.quick:
        methods = {"SII": dict(list(METHODS["SII"].items())[:2])}
        return rows("demo-clip", SEED, methods, (256,), 512, 1, compare)
    every = rows("demo-clip", SEED, METHODS, (256, 512, 1024, 2048, 4096), 16384, 3, compare)
    slow = "SVARMIQ, joint masks, 4096"  # its time grows with the square of the players for each mask
    return {name: row for name, row in every.items() if slow not in name}


def compare(pairs: Pairs, what: str) -> Row:
    """Relative error, correlation, seconds; see above."""
    cells = []
    for explanation, converged in pairs:
        error = np.linalg.norm(explanation.cross - converged.cross) / np.linalg.norm(converged.cross)
        correlation = np.corrcoef(explanation.cross.ravel(), converged.cross.ravel())[0, 1]
        cells.append((error, correlation, explanation.provenance.seconds))
    return dict(zip(("relative error", "correlation", "seconds"), np.mean(cells, axis=0).tolist(), strict=True))
