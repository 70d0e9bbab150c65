"""The explorer of lesson quantization in a browser: move the range by keyboard, choose scales, look."""

import nbformat
import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def notebook(tmp_path):
    """The explorer alone; the lesson around it is executed elsewhere."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    made.cells = [
        nbformat.v4.new_code_cell("from optcourse.widgets import bits_and_range"),
        nbformat.v4.new_code_cell("bits_and_range(bits=2)"),
    ]
    path = tmp_path / "range.ipynb"
    nbformat.write(made, path)
    return path


def test_range_moved_by_keyboard_changes_picture_and_reading(notebook, open_notebook):
    lab = open_notebook(notebook)
    lab.run_all()
    assert lab.errors() == []

    explorer = lab.page.locator(".jp-OutputArea-output", has=lab.page.get_by_text("Bits and range")).last
    explorer.scroll_into_view_if_needed()
    picture, reading = explorer.locator("img[alt^='Bits and range']"), explorer.get_by_role("status")
    picture.wait_for()
    first = picture.get_attribute("src"), picture.get_attribute("alt"), reading.inner_text()
    cut_off = "labels => labels.filter(l => l.scrollWidth > l.clientWidth).map(l => l.textContent)"
    assert explorer.locator(".widget-label").evaluate_all(cut_off) == []
    lab.screenshot("range_before", explorer)

    slider = explorer.locator(".widget-slider, .widget-hslider", has_text="Range").first
    slider.locator(".noUi-handle").focus()
    for _ in range(10):
        lab.page.keyboard.press("ArrowLeft")
    wanted = int(slider.locator(".widget-readout").inner_text())
    assert wanted < 100
    explorer.locator(f"img[alt*='a range of {wanted} %']").wait_for()
    second = picture.get_attribute("src"), picture.get_attribute("alt"), reading.inner_text()
    assert all(old != new for old, new in zip(first, second, strict=True))

    explorer.locator("select").last.select_option("one for each output")
    explorer.locator("img[alt*='scales one for each output']").wait_for()
    lab.screenshot("range_after", explorer)
    assert lab.strangers() == []
