"""What one explanation asks for."""

from dataclasses import dataclass

from fixlip.errors import whole_number


@dataclass(frozen=True)
class Request:
    """What one call of `Estimator.explain` asks for; see there. `joint`: of a game without towers.

    Raises:
        OptionError: a number that is not whole, or not positive (the seed: negative).
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
