"""The explorer of lesson reinforcement in a browser: choose another policy by keyboard, look."""

import nbformat
import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def notebook(tmp_path):
    """The explorer alone; the lesson around it is executed elsewhere."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    made.cells = [
        nbformat.v4.new_code_cell("from optcourse.widgets import watch_the_policy"),
        nbformat.v4.new_code_cell("watch_the_policy()"),
    ]
    path = tmp_path / "policy.ipynb"
    nbformat.write(made, path)
    return path


def test_step_moved_by_keyboard_changes_picture_and_reading(notebook, open_notebook):
    lab = open_notebook(notebook)
    lab.run_all()
    assert lab.errors() == []

    explorer = lab.page.locator(".jp-OutputArea-output", has=lab.page.get_by_text("Watch the policy")).last
    explorer.scroll_into_view_if_needed()
    picture, reading = explorer.locator("img[alt^='Cart and pole']"), explorer.get_by_role("status")
    picture.wait_for()
    first = picture.get_attribute("src"), picture.get_attribute("alt"), reading.inner_text()
    cut_off = "labels => labels.filter(l => l.scrollWidth > l.clientWidth).map(l => l.textContent)"
    assert explorer.locator(".widget-label").evaluate_all(cut_off) == []
    lab.screenshot("policy_before", explorer)

    slider = explorer.locator(".widget-slider", has_text="Training step")
    slider.locator(".noUi-handle").focus()
    before = slider.locator(".widget-readout").inner_text()
    lab.page.keyboard.press("ArrowLeft")
    chosen = int(slider.locator(".widget-readout").inner_text())
    assert str(chosen) != before
    explorer.locator(f"img[alt*='step {chosen:,},']").wait_for()
    second = picture.get_attribute("src"), picture.get_attribute("alt"), reading.inner_text()
    assert all(old != new for old, new in zip(first, second, strict=True))
    lab.screenshot("policy_after", explorer)
    assert lab.strangers() == []
