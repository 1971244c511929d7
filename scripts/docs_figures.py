"""Draw the figures of three pages of docs by running their code: `python scripts/docs_figures.py [NAME ...]`."""

import io
import os
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("plots.md", "howto/search.md", "howto/beyond_pairs.md")
LARGEST = 60_000  # bytes
WIDEST = 1200  # pixels


def main(names: list[str]) -> None:
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for page in PAGES:
            namespace: dict[str, object] = {"__name__": "docs"}
            for code in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.S):
                exec(compile(code, page, "exec"), namespace)
        os.chdir(here)
        for drawn in sorted(Path(folder).glob("*.png")):
            if not names or drawn.stem in names:
                content = small(Image.open(drawn).convert("RGB"))
                (DOCS / "plots" / drawn.name).write_bytes(content)
                print(f"{drawn.name:20} {len(content):7,} bytes")


def small(picture: Image.Image) -> bytes:
    """A PNG of few colours, as wide as its size in bytes allows."""
    width, content = min(picture.width, WIDEST), b""
    while not content or len(content) > LARGEST:
        scaled = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        scaled.quantize(256, kmeans=2, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        width, content = int(0.92 * width), buffer.getvalue()
    return content


if __name__ == "__main__":
    main(sys.argv[1:])
