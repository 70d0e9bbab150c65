"""A lesson and its explorer as a reader meets them: run all, move a slider by keyboard, look."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
LESSON = Path(__file__).parents[2] / "notebooks" / "04_optimizers.ipynb"


def test_slider_moved_by_keyboard_changes_picture_and_reading(open_notebook):
    from playwright.sync_api import expect

    lab = open_notebook(LESSON)
    lab.run_all()
    assert lab.errors() == []

    explorer = lab.page.locator(".jp-OutputArea-output", has=lab.page.get_by_text("Race on a surface")).last
    explorer.scroll_into_view_if_needed()
    picture, reading = explorer.locator("img[alt^='Race on']"), explorer.get_by_role("status")
    picture.wait_for()
    first = picture.get_attribute("src"), picture.get_attribute("alt"), reading.inner_text()
    cut_off = "labels => labels.filter(l => l.scrollWidth > l.clientWidth).map(l => l.textContent)"
    assert explorer.locator(".widget-label").evaluate_all(cut_off) == []
    lab.screenshot("explorer_before", explorer)
    lab.screenshot("explorer_page")

    handle = explorer.locator(".widget-slider", has_text="Learning rate").locator(".noUi-handle")
    handle.focus()
    for _ in range(6):
        lab.page.keyboard.press("ArrowRight")
    wanted = explorer.locator(".widget-slider", has_text="Learning rate").locator(".widget-readout").inner_text()
    assert wanted != "0.0500"
    explorer.locator(f"img[alt*='learning rate {float(wanted):.3g}']").wait_for()
    expect(reading).not_to_have_text(first[-1], use_inner_text=True, timeout=180_000)  # it comes after the picture
    second = picture.get_attribute("src"), picture.get_attribute("alt"), reading.inner_text()
    assert all(old != new for old, new in zip(first, second, strict=True))
    assert lab.page.evaluate("() => document.activeElement.classList.contains('noUi-handle')")  # focus stays

    lab.screenshot("explorer_after", explorer)
    lab.theme("JupyterLab Dark")
    lab.screenshot("explorer_dark")
    assert lab.strangers() == []
