"""The explorer's contract, without a browser: controls, redraws, errors, and what is stored."""

import asyncio
import base64
import threading

import ipywidgets
import pytest

from optcourse.plots import figure
from optcourse.widgets import Choices, Drawing, Explorer


class Line:
    """Draws a line; counts its redraws; refuses the slope that it is told to refuse."""

    def __init__(self):
        self.drawn = []
        self.before_drawing = lambda: None

    def __call__(self, *, slope, kind):
        self.before_drawing()
        self.drawn.append((slope, kind))
        if slope == 3:
            raise ZeroDivisionError("no slope of <3>")
        picture, ax = figure(width=3, height=2)
        ax.plot([0, slope])
        return Drawing(picture, f"A {kind} line of slope {slope}.", f"slope <b>{slope}</b>")


def explore(draw):
    controls = {
        "slope": ipywidgets.FloatSlider(min=-5, max=5, step=0.5, value=1),
        "kind": ipywidgets.Dropdown(options=["plain", "bold"]),
    }
    return Explorer(draw, controls, title="A line", text="Tilt it.", first={"slope": 2})


class Loop(asyncio.SelectorEventLoop):
    """A loop whose clock goes on only while it waits, and then at once: no machine is too busy for it."""

    def __init__(self, now=0.0):
        super().__init__()
        self.now = now
        select = self._selector.select

        def go_on(timeout):
            self.now += timeout or 0.0
            return select(0)

        self._selector.select = go_on

    def time(self):
        return self.now

    def pass_by(self, seconds):
        """Something takes this long and lets nothing else happen."""
        self.now += seconds


def in_a_loop(main, now=0.0):
    """Run a coroutine in a loop of its own; what its clock shows at the end."""
    with asyncio.Runner(loop_factory=lambda: Loop(now)) as runner:
        runner.run(main)
        return runner.get_loop().time()


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def explorer(line):
    return explore(line)


def texts(explorer):
    """Everything that the page shows as HTML."""

    def walk(widget):
        yield from [widget.value] if isinstance(widget, ipywidgets.HTML) else []
        for child in getattr(widget, "children", ()):
            yield from walk(child)

    return "\n".join(walk(explorer.widget))


def test_first_setting_is_drawn_once(explorer, line):
    assert line.drawn == [(2, "plain")]
    assert explorer.values == {"slope": 2, "kind": "plain"}
    assert explorer.png.startswith(b"\x89PNG")
    assert explorer.alt == "A plain line of slope 2.0."
    assert base64.b64encode(explorer.png).decode() in texts(explorer)
    assert 'alt="A plain line of slope 2.0."' in texts(explorer)
    assert '<div role="status"' in texts(explorer)
    assert "slope <b>2.0</b>" in texts(explorer)


def test_set_changes_several_controls_and_draws_once(explorer, line):
    before = explorer.png
    explorer.set(slope=-1, kind="bold")
    assert line.drawn[1:] == [(-1, "bold")]
    assert explorer.png != before
    assert base64.b64encode(explorer.png).decode() in texts(explorer)
    assert base64.b64encode(before).decode() not in texts(explorer)


def test_moving_a_control_draws(explorer, line):
    explorer.controls["slope"].value = 4
    assert line.drawn[1:] == [(4, "plain")]
    assert explorer.alt == "A plain line of slope 4.0."


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"slop": 1}, "no control 'slop'; there are slope, kind"),
        ({"slope": 7}, r"slope must be in \[-5, 5\], got 7"),
        ({"slope": float("nan")}, r"slope must be in \[-5, 5\], got nan"),
        ({"slope": "steep"}, r"slope must be in \[-5, 5\], got 'steep'"),
        ({"kind": "round"}, "kind must be one of plain, bold, got 'round'"),
    ],
)
def test_value_that_a_control_refuses_changes_nothing(explorer, line, values, message):
    before = explorer.values, explorer.png
    with pytest.raises(ValueError, match=message):
        explorer.set(**{"slope": 1, **values})
    assert (explorer.values, explorer.png) == before
    assert len(line.drawn) == 1


def test_error_while_drawing_is_raised_and_shown_and_the_next_setting_works(explorer):
    before = explorer.png
    with pytest.raises(ZeroDivisionError, match="no slope of <3>"):
        explorer.set(slope=3)
    assert isinstance(explorer.error, ZeroDivisionError)
    assert 'role="alert"' in texts(explorer)
    assert "ZeroDivisionError: no slope of &lt;3&gt;" in texts(explorer)
    assert explorer.png == before
    with pytest.raises(ZeroDivisionError):
        explorer.controls["kind"].value = "bold"
    explorer.set(slope=1)
    assert explorer.error is None
    assert 'role="alert"' not in texts(explorer)


def test_explorer_that_cannot_draw_its_first_setting_is_not_made(line):
    controls = {"slope": ipywidgets.FloatSlider(value=3), "kind": ipywidgets.Dropdown(options=["plain"])}
    with pytest.raises(ZeroDivisionError):
        Explorer(line, controls, title="A line", text="Tilt it.")


@pytest.mark.parametrize("changes", [{"controls": {}}, {"title": " "}, {"text": ""}])
def test_explorer_needs_controls_and_words(line, changes):
    arguments = {"controls": {"slope": ipywidgets.FloatSlider()}, "title": "A line", "text": "Tilt it."}
    with pytest.raises(ValueError, match=r"at least one control|must say what there is to explore"):
        Explorer(line, **{**arguments, **changes})


def test_changes_that_come_faster_than_they_are_drawn_join_one_redraw(explorer, line):
    async def drag():
        for slope in (-4, -3, -2, -1, 3, 4):
            explorer.controls["slope"].value = slope
        assert len(line.drawn) == 1
        await asyncio.sleep(0.3)
        assert line.drawn[1:] == [(4, "plain")]
        explorer.controls["slope"].value = 5
        await asyncio.sleep(0.3)

    in_a_loop(drag())
    assert line.drawn[1:] == [(4, "plain"), (5, "plain")]


def test_values_from_while_it_drew_are_skipped_though_they_arrive_late(line):
    explorer = explore(line)
    slope = explorer.controls["slope"]

    async def drag():
        loop = asyncio.get_running_loop()
        line.before_drawing = lambda: loop.pass_by(0.8)
        slope.value = -4
        await asyncio.sleep(0.06)
        for value in (-3, -2, -1):
            slope.value = value
            await asyncio.sleep(0.12)
        await asyncio.sleep(1)

    in_a_loop(drag())
    assert line.drawn[1:] == [(-4, "plain"), (-1, "plain")]


def test_loop_that_was_blocked_for_seconds_draws_the_newest_value_once(explorer, line):
    async def block():
        explorer.controls["slope"].value = -4
        asyncio.get_running_loop().pass_by(3)
        explorer.controls["slope"].value = 4
        await asyncio.sleep(1)

    in_a_loop(block())
    assert line.drawn[1:] == [(4, "plain")]


def test_redraw_lost_with_its_loop_does_not_silence_the_explorer(explorer, line):
    async def change(slope, seconds):
        explorer.controls["slope"].value = slope
        await asyncio.sleep(seconds)

    ended = in_a_loop(change(-4, 0))  # the loop ends before the redraw is due
    assert len(line.drawn) == 1
    in_a_loop(change(4, 0.3), now=ended + 1.1)
    assert line.drawn[1:] == [(4, "plain")]


def test_error_in_a_joined_redraw_is_shown_and_ends_nothing(explorer):
    async def drag():
        failures = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
        explorer.controls["slope"].value = 3
        await asyncio.sleep(0.2)
        assert 'role="alert"' in texts(explorer)
        explorer.controls["slope"].value = 4
        await asyncio.sleep(0.3)
        assert not failures

    in_a_loop(drag())
    assert explorer.alt == "A plain line of slope 4.0."


def test_two_threads_may_change_one_explorer(explorer):
    failures = []

    def turn(slopes):
        try:
            for slope in slopes:
                explorer.set(slope=slope)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=turn, args=(slopes,)) for slopes in ([1, 2, 4], [-1, -2, -4])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert not failures
    assert explorer.alt == f"A plain line of slope {explorer.values['slope']}."


def test_bundle_holds_widget_picture_and_a_text_that_never_changes(explorer):
    data, metadata = explorer._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"] == {
        "version_major": 2,
        "version_minor": 0,
        "model_id": explorer.widget.model_id,
    }
    assert base64.b64decode(data["image/png"]) == explorer.png
    assert data["text/plain"] == "A line. Tilt it."
    assert metadata["image/png"] == {"alt": explorer.alt, "width": 288, "height": 192}
    explorer.set(slope=5)
    assert explorer._repr_mimebundle_()[0]["text/plain"] == "A line. Tilt it."


def test_choices_and_their_boxes_follow_each_other():
    choices = Choices(["sgd", "adam", "sam"], value=["sam"], description="Who <runs>")
    boxes = {box.description: box for box in choices.children[1:]}
    assert [name for name, box in boxes.items() if box.value] == ["sam"]
    assert choices.children[0].value == "Who &lt;runs&gt;"
    seen = []
    choices.observe(lambda change: seen.append(change["new"]), names="value")
    boxes["sgd"].value = True
    assert choices.value == ("sgd", "sam")
    choices.value = ("adam",)
    assert [name for name, box in boxes.items() if box.value] == ["adam"]
    assert seen == [("sgd", "sam"), ("adam",)]
