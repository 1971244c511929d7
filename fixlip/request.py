"""The request for one explanation: budget, masks and seed."""

from dataclasses import dataclass

from fixlip.arguments import whole_number


@dataclass(frozen=True)
class Request:
    """The arguments of one call of `Estimator.explain`, which describes them.

    Attributes:
        budget, image_masks, text_masks, seed: see `Estimator.explain`.
        joint: whether the game has joint values only, no towers.

    Raises:
        OptionError: a number is not whole, or below 1 (the seed: below 0).
    """

    budget: int | None = None
    image_masks: int | None = None
    text_masks: int | None = None
    seed: int = 0
    joint: bool = False

    def __post_init__(self) -> None:
        for name, least in (("budget", 1), ("image_masks", 1), ("text_masks", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None or name == "seed":
                object.__setattr__(self, name, whole_number(name, value, least))

    @property
    def open(self) -> bool:
        """Return whether the number of masks is for the estimator to choose."""
        return self.budget is None and self.image_masks is None and self.text_masks is None
