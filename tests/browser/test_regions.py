"""Regions of any shape in a real browser."""

from dataclasses import replace

import numpy as np
import pytest

from fixlip import Player
from tests.helpers.browser import ARTIFACTS, browser, expect_heat, open_page
from tests.helpers.pictures import explanation, of_regions

pytestmark = pytest.mark.browser
__all__ = ["browser", "open_page"]


def test_regions_are_drawn_by_their_boxes(open_page):
    found = explanation(grid=(1, 3))
    boxes = [(0.1, 0.1, 0.4, 0.5), (0.3, 0.4, 0.9, 0.9), (0.6, 0.0, 1.0, 0.3)]
    image = tuple(Player("image", f"region {i}", box) for i, box in enumerate(boxes))
    found = replace(found, players=replace(found.players, grid=None, image=image))
    page = open_page(found)
    expect_heat(page, found.cross.sum(1))
    drawn = page.eval_on_selector_all(
        "[data-patch]", "all => all.map(r => ['x', 'y', 'width', 'height'].map(a => Number(r.getAttribute(a)) / 448))"
    )
    assert np.allclose(drawn, [(left, top, right - left, bottom - top) for left, top, right, bottom in boxes])
    page.locator('[data-patch="2"]').click()
    assert "region 2" in page.locator("#pairs-title").inner_text()


def inside(page, i):
    """A place on the screen inside of a region, however bent it is."""
    return page.evaluate(
        """i => {
          const shape = document.querySelector(`[data-patch="${i}"]`), box = shape.getBBox();
          const point = shape.ownerSVGElement.createSVGPoint();
          for (point.y = box.y + 0.5; point.y < box.y + box.height; point.y += 1)
            for (point.x = box.x + 0.5; point.x < box.x + box.width; point.x += 1)
              if (shape.isPointInFill(point)) {
                const at = point.matrixTransform(shape.getScreenCTM());
                if (document.elementFromPoint(at.x, at.y) === shape) return [at.x, at.y];
              }
        }""",
        i,
    )


def test_regions_are_drawn_in_their_shapes(open_page):
    found = of_regions()
    page = open_page(found)
    expect_heat(page, found.cross.sum(1))
    at = inside(page, 7)
    page.mouse.click(*at)
    assert page.locator('[data-patch][aria-selected="true"]').get_attribute("data-patch") == "7"
    assert "region 8" in page.locator("#pairs-title").inner_text()
    shape = page.locator('[data-patch="7"]').get_attribute("d")
    assert page.locator(".ring.chosen.line").get_attribute("d") == shape
    box = page.locator("#picture svg").bounding_box()
    column, row = int((at[0] - box["x"]) / box["width"] * 96), int((at[1] - box["y"]) / box["height"] * 96)
    assert found.players.regions[row, column] == 7
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / "page-regions.png", full_page=True)


def test_regions_by_keyboard(open_page):
    page = open_page(of_regions())
    places = np.array(page.evaluate("data.patches.map(p => p.centre)"))
    page.locator('[data-patch="0"]').focus()
    seen = [0]
    for key in ["PageDown"] * 19 + ["Home"]:
        page.keyboard.press(key)
        seen.append(int(page.evaluate("document.activeElement.dataset.patch")))
    assert seen == [*range(20), 0]
    for key, axis, sign in (("ArrowRight", 0, 1), ("ArrowDown", 1, 1), ("ArrowLeft", 0, -1), ("ArrowUp", 1, -1)):
        middle = int(np.argmin(np.abs(places - 0.5).sum(1)))
        page.locator(f'[data-patch="{middle}"]').focus()
        page.keyboard.press(key)
        now = int(page.evaluate("document.activeElement.dataset.patch"))
        assert sign * (places[now, axis] - places[middle, axis]) > 0
        assert page.locator(".ring.focused.line").get_attribute("d")
    page.keyboard.press("Enter")
    assert page.locator('[data-patch][aria-selected="true"]').get_attribute("data-patch") == str(now)
