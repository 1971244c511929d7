"""Faithfulness: whether the explanation predicts the similarity of masked pairs."""

from dataclasses import asdict

from fixlip import metrics
from fixlip.evaluation.case import Case
from fixlip.evaluation.metric import CORRELATION, Figure, Metric, Numbers, of


def faithfulness(case: Case, p: float = 0.5, masks: int = 1000, seed: int = 0) -> Numbers:
    """Test whether the explanation predicts the similarity of randomly masked pairs."""
    drawn = metrics.draw_masks(case.game.n_image + case.game.n_text, p, masks, seed)
    values = case.once(("faithfulness", p, masks, seed), lambda: case.game.values(drawn))
    return {"p": p} | asdict(metrics.faithfulness(case.explanation, drawn, values))


METRIC = Metric(
    "faithfulness",
    "Faithfulness",
    faithfulness,
    (
        Figure(
            "Spearman", of("spearman"), "rank correlation of surrogate and model on random masks", **CORRELATION,
            main=True,
        ),
        Figure("Pearson", of("pearson"), "correlation on random masks", **CORRELATION),
        Figure("Kendall", of("kendall"), "rank correlation by pairs on random masks", **CORRELATION),
        Figure(
            "R²", of("r2"), "share of the model's variance on random masks that the surrogate predicts", "median",
            **CORRELATION,
        ),
        Figure("MSE", of("mse"), "squared error on random masks", "median", "lower"),
    ),
    settings=("p",),
)  # fmt: skip
