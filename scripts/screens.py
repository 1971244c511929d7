"""Pictures of the page for the documentation, taken in Chromium: `python scripts/screens.py [docs/screens]`."""

import io
import sys
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page

import fixlip
from fixlip import viewer
from fixlip.api.captions import contrast
from fixlip.datasets.scenes import make_scene
from fixlip.results.gallery import Gallery
from fixlip.results.hits import Hits
from fixlip.viewer.page import Shown

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.helpers.browser import chromium

DESK, PHONE = {"width": 1180, "height": 900}, {"width": 390, "height": 844}
SCENE = make_scene(12, names=("dog", "bus", "owl"))
CAPTIONS = (
    SCENE.caption, "a dog and a bus", "a cat and a bus", "an owl", "a bus beside a tree", "two dogs playing chess",
)  # fmt: skip
CHOSEN = {"page-dark": "bus", "comparison": "bus", "gallery": "dog", "patches-256": "owl"}  # words
CALL = {"image_masks": 512, "progress": False}


def squares(side: int) -> np.ndarray:
    """A label map of side x side squares."""
    at = np.arange(SCENE.image.height) * side // SCENE.image.height
    return at[:, None] * side + at


def pages() -> dict[str, tuple[Shown, dict]]:
    """The pages by name, each with the settings of the browser."""
    one = fixlip.explain(SCENE.image, SCENE.caption, model="demo-clip", curves=True, **CALL)
    finer = fixlip.explain(
        SCENE.image, SCENE.caption, model="demo-clip", image_players=squares(16), image_masks=2048, progress=False
    )
    several = fixlip.explain_many([SCENE.image], CAPTIONS, pairs="all", model="demo-clip", **CALL)
    return {
        "page-light": (one, {"viewport": DESK}),
        "page-dark": (one, {"viewport": DESK, "color_scheme": "dark"}),
        "page-phone": (one, {"viewport": PHONE, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}),
        "comparison": (
            fixlip.compare(SCENE.image, SCENE.caption, models=["demo-clip", "demo-siglip"], **CALL),
            {"viewport": DESK},
        ),
        "contrast": (contrast(SCENE.image, CAPTIONS[1:3], model="demo-clip", **CALL), {"viewport": DESK}),
        "gallery": (Gallery(tuple(several)), {"viewport": DESK}),
        "patches-256": (finer, {"viewport": DESK}),
    }


def hits(folder: Path) -> Hits:
    """A search over scenes that share some objects."""
    names = [*combinations(("dog", "cat", "bus", "train", "owl"), 2)]
    images = [make_scene(seed, names=pair).image for seed, pair in enumerate(names * 2)]
    index = fixlip.build_index(images, folder / "index", model="demo-clip", image_masks=512, progress=False)
    return index.search("a dog next to a bus", k=6)


def animate(page: Page, path: Path) -> None:
    """Choose one word after the other, then patches, and write what is seen as an animated WebP."""
    frames = []

    def seen(seconds: float) -> None:
        page.mouse.move(2, 2)
        page.wait_for_timeout(100)
        frames.append((Image.open(io.BytesIO(page.screenshot())).convert("RGB"), round(1000 * seconds)))

    words = page.get_by_role("group", name="Words").first
    seen(2.0)
    for name in ("dog", "bus", "owl"):
        words.get_by_text(name, exact=True).click()
        seen(1.6)
        words.get_by_text(name, exact=True).click()
    for patch in page.locator("[data-patch]").all()[16:19]:
        patch.click()
    seen(2.0)
    pictures, seconds = zip(*frames, strict=True)
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=seconds, loop=0, quality=80, method=6)


def main(folder: Path) -> None:
    """Write them all as WebP."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, chromium() as browser:
        made = pages()
        made["hits"] = hits(Path(place)), {"viewport": DESK}
        made["words"], made["words-dark"] = made["page-light"], made["page-dark"]
        for name, (found, context) in made.items():
            path = Path(place) / "page.html"
            viewer.to_html(found, path)
            page = browser.new_context(**context).new_page()
            page.goto(path.as_uri())
            page.wait_for_function("[...document.images].every((i) => i.complete)")
            if name in CHOSEN:
                page.get_by_role("group", name="Words").first.get_by_text(CHOSEN[name], exact=True).click()
                page.mouse.move(2, 2)
                page.wait_for_timeout(100)
            if name.startswith("words"):
                animate(page, folder / f"{name}.webp")
            else:
                with Image.open(io.BytesIO(page.screenshot())) as picture:
                    picture.save(folder / f"{name}.webp", quality=84, method=6)
            print(f"{name:12} {(folder / f'{name}.webp').stat().st_size / 1000:6.1f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screens"))
