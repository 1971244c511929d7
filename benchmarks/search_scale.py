"""Write two tables of docs/howto/search.md: what large indexes cost, by arithmetic on measured rates, and compression.

python -m benchmarks.search_scale
"""

from benchmarks.headline import rows_of
from benchmarks.output import ROOT, fill, markdown
from benchmarks.search_loss import FORMS, Form
from fixlip.index.tower import DIRECTIONS

PAGE = ROOT / "docs" / "howto" / "search.md"
MODELS, PICTURES, GPUS = ("ViT-B-32", "ViT-B-16"), (10**6, 10**8), (1, 8, 64)
MASKS = 256
TFLOPS = 100.0  # assumed of a GPU: about a third of what an A100 can do with dense matrices in bfloat16


def scale() -> str:
    """A line for each model and number of pictures."""
    hours = [f"hours, {gpus} GPU{'s' * (gpus > 1)}" for gpus in GPUS]
    lines = [["model", "pictures", "passes", "hours, a core", *hours, "GB on disk", "in int8", "GB of vectors"]]
    for model in MODELS:
        of = {row["case"].partition(": ")[2]: row["measured"] for row in rows_of("search", f"{model}, random weights")}
        n, dimension = int(of["players"]), int(of["dimension"])
        for pictures in PICTURES:
            passes = pictures * (MASKS + 3)
            on_core = passes / of["passes a second"] / 3600
            on_gpu = passes * of["GFLOP of a pass"] / (TFLOPS * 1e3) / 3600
            sizes = (bytes_of(n, dimension), bytes_of(n, dimension, int8=True), 2 * dimension)
            cells = [on_core, *(on_gpu / gpus for gpus in GPUS), *(pictures * size / 1e9 for size in sizes)]
            lines.append([model, f"{pictures:,}", f"{passes:.2g}", *(f"{rounded(cell):,g}" for cell in cells)])
    return markdown(lines, numbers_from=1)


def bytes_of(n: int, dimension: int, *, int8: bool = False) -> int:
    """Bytes of the numbers of a picture of n players; in int8 its coefficients take half."""
    coefficients = Form(int8=int8).bytes_of(1 + n, dimension)
    directions, place = 2 * dimension * DIRECTIONS + 8 * DIRECTIONS**2 + 4 * (1 + n), 40
    return coefficients + 2 * 2 * dimension + directions + place


def losses() -> str:
    """A line for each form of the coefficients."""
    lines = [["coefficients as", "bytes", "error / size of the pairs", "error / standard error"]]
    for form in FORMS:
        size, *errors = (row["measured"] for row in rows_of("search", f"coefficients as {form}: "))
        lines.append([form, f"{size:,.0f}", *(f"{error:.1%}" for error in errors)])
    return markdown(lines, numbers_from=1)


def rounded(value: float) -> float:
    """Two digits that count."""
    return float(f"{value:.2g}")


if __name__ == "__main__":
    fill(PAGE, "scale", scale())
    fill(PAGE, "losses", losses())
