"""The explorer of lesson initialization in a browser: move the gain by keyboard, look."""

import nbformat
import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def notebook(tmp_path):
    """The explorer alone; the lesson around it is executed elsewhere."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    made.cells = [
        nbformat.v4.new_code_cell("from optcourse.widgets import variance_through_depth"),
        nbformat.v4.new_code_cell("variance_through_depth()"),
    ]
    path = tmp_path / "variance.ipynb"
    nbformat.write(made, path)
    return path


def test_gain_moved_by_keyboard_changes_picture_and_reading(notebook, open_notebook):
    lab = open_notebook(notebook)
    lab.run_all()
    assert lab.errors() == []

    explorer = lab.page.locator(".jp-OutputArea-output", has=lab.page.get_by_text("Variance through depth")).last
    explorer.scroll_into_view_if_needed()
    picture, reading = explorer.locator("img[alt^='Variance through']"), explorer.get_by_role("status")
    picture.wait_for()
    first = picture.get_attribute("src"), picture.get_attribute("alt"), reading.inner_text()
    cut_off = "labels => labels.filter(l => l.scrollWidth > l.clientWidth).map(l => l.textContent)"
    assert explorer.locator(".widget-label").evaluate_all(cut_off) == []
    lab.screenshot("variance_before", explorer)

    slider = explorer.locator(".widget-slider", has_text="Gain")
    slider.locator(".noUi-handle").focus()
    for _ in range(6):
        lab.page.keyboard.press("ArrowRight")
    wanted = float(slider.locator(".widget-readout").inner_text())
    assert wanted > 1
    explorer.locator(f"img[alt*='gain {wanted:.3g},']").wait_for()
    second = picture.get_attribute("src"), picture.get_attribute("alt"), reading.inner_text()
    assert all(old != new for old, new in zip(first, second, strict=True))
    lab.screenshot("variance_after", explorer)
    assert lab.strangers() == []
