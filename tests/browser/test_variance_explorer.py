"""The explorer of lesson initialization in a browser: move the gain by keyboard, look."""

import pytest

pytestmark = pytest.mark.browser


def test_gain_moved_by_keyboard_changes_picture_and_reading(open_explorer):
    explorer = open_explorer("variance_through_depth()", "Variance through depth", "Variance through")
    first = explorer.shown()
    assert explorer.labels_cut_off() == []
    explorer.lab.screenshot("variance_before", explorer.box)

    slider = explorer.box.locator(".widget-slider", has_text="Gain")
    wanted = float(explorer.press(slider, "ArrowRight", times=6))
    assert wanted > 1
    second = explorer.redrawn(first, f"gain {wanted:.3g},")
    assert all(old != new for old, new in zip(first, second, strict=True))
    explorer.lab.screenshot("variance_after", explorer.box)
    assert explorer.lab.strangers() == []
