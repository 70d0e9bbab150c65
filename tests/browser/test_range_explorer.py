"""The explorer of lesson quantization in a browser: move the range by keyboard, choose scales, look."""

import pytest

pytestmark = pytest.mark.browser


def test_range_moved_by_keyboard_changes_picture_and_reading(open_explorer):
    explorer = open_explorer("bits_and_range(bits=2)", "Bits and range", "Bits and range")
    first = explorer.shown()
    assert explorer.labels_cut_off() == []
    explorer.lab.screenshot("range_before", explorer.box)

    slider = explorer.box.locator(".widget-slider, .widget-hslider", has_text="Range").first
    wanted = int(explorer.press(slider, "ArrowLeft", times=10))
    assert wanted < 100
    second = explorer.redrawn(first, f"a range of {wanted} %")
    assert all(old != new for old, new in zip(first, second, strict=True))

    explorer.box.locator("select").last.select_option("one for each output")
    explorer.box.locator("img[alt*='scales one for each output']").wait_for()
    explorer.lab.screenshot("range_after", explorer.box)
    assert explorer.lab.strangers() == []
