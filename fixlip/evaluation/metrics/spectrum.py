"""The spectrum: how much of the similarity's variance single players, pairs and more players make together."""

from fixlip.evaluation.case import Case
from fixlip.evaluation.metric import Figure, Metric, Numbers, constant, of


def spectrum(case: Case) -> Numbers | None:
    """Measure the part of the similarity's variance that is beyond pairs, which no explanation by pairs can show."""
    power = case.explanation.power
    if power is None:
        return None
    parts = {"single": power.beyond(0) - power.beyond(1), "pairs": power.beyond(1) - power.beyond(2)}
    both = {"patch_word": power[1, 1], "patch_words": power[1, 2], "patches_word": power[2, 1]}
    return parts | both | {"beyond": power.beyond(2), "stderr": power.beyond_stderr(2)}


METRIC = Metric(
    "spectrum",
    "What pairs leave out",
    spectrum,
    (
        Figure(
            "beyond pairs", of("beyond"), "share of the variance that three or more players make together",
            better="lower", ceiling=constant(1.0), main=True,
        ),
        Figure("single", of("single"), "share of single patches and words"),
        Figure("pairs", of("pairs"), "share of all pairs"),
        Figure("patch × word", of("patch_word"), "share of a patch with a word"),
        Figure("patch × 2 words", of("patch_words"), "share of a patch with two words: what binds words"),
        Figure("2 patches × word", of("patches_word"), "share of two patches with a word"),
    ),
)  # fmt: skip
