"""Proof that a process elsewhere computes what this one would: the same fixlip, the same data, the same weights."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Proof:
    """The version, data and weights that a process has.

    Attributes:
        fixlip: its version.
        items: length of the data set; 0 where the work has no such length.
        sample: some of the data, by what it is called -> hash of its content.
        weights: hash of the weights of a model; empty where none was asked for.
    """

    fixlip: str
    items: int
    sample: dict[str, str]
    weights: str = ""

    def difference(self, other: "Proof") -> str:
        """The first difference of another proof from this one, as a sentence; empty where they agree."""
        if other.fixlip != self.fixlip:
            return f"it has fixlip {other.fixlip}, not {self.fixlip}"
        if other.items != self.items:
            return f"its data set has {other.items} items, not {self.items}"
        for name, content in self.sample.items():
            if other.sample[name] != content:
                return f"{name} is missing or another one"
        if self.weights and other.weights != self.weights:
            return "its weights of the model are others"
        return ""
