"""The explorer of lesson reinforcement in a browser: choose another policy by keyboard, look."""

import pytest

pytestmark = pytest.mark.browser


def test_step_moved_by_keyboard_changes_picture_and_reading(open_explorer):
    explorer = open_explorer("watch_the_policy()", "Watch the policy", "Cart and pole")
    first = explorer.shown()
    assert explorer.labels_cut_off() == []
    explorer.lab.screenshot("policy_before", explorer.box)

    slider = explorer.box.locator(".widget-slider", has_text="Training step")
    before = slider.locator(".widget-readout").inner_text()
    chosen = explorer.press(slider, "ArrowLeft")
    assert chosen != before
    second = explorer.redrawn(first, f"step {int(chosen):,},")
    assert all(old != new for old, new in zip(first, second, strict=True))
    explorer.lab.screenshot("policy_after", explorer.box)
    assert explorer.lab.strangers() == []
