"""The base of every explorer: controls on the left, one picture, and its reading in words below."""

import asyncio
import contextlib
import html
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import ipywidgets
import traitlets

from optcourse.plots import css_pixels, mimebundle, style, to_png

_TEXT = "line-height: 1.45; max-width: 60em;"
# Seconds in which further changes join one redraw: at least what no hand notices, and half of what the last redraw took
# where that is more. On a busy machine values from while it drew arrive one by one; old ones would each be drawn.
_PAUSE, _LONGEST_PAUSE = 0.05, 0.5


class Drawing(NamedTuple):
    """What an explorer draws for one setting of its controls.

    Attributes:
        figure: a figure of `optcourse.plots`.
        alt: what the picture shows, in words; follows the controls.
        reading: what is to be read off, as HTML; stands below the picture.
        animation: the bytes of an animated PNG, shown in the place of the figure, whose size it has.
    """

    figure: Any
    alt: str
    reading: str
    animation: bytes | None = None


class Explorer:
    """Controls wired to one picture: each change of a control draws anew.

    In a notebook it is a widget; where there is no kernel or no widget support it is its picture as it was when
    shown; in plain text it is `text`, which never changes, so that stored outputs compare equal. Changes that arrive
    faster than they can be drawn (a dragged slider, a held key) join one redraw. An error while drawing is shown in
    place of the reading, the last good picture stays; an error in code that sets a value is raised there as well.

    Args:
        draw: called with the value of each control by name.
        controls: name -> a widget with a `value`; shown in this order.
        title: heading.
        text: fixed plain text: what it is and what to try.
        first: values to start with, checked as by `set`.

    Attributes:
        widget: the whole, to be placed in other widgets.
        png: the picture now.
        alt, reading: its words now.
        error: the exception of the last redraw, None if it went well.

    Raises:
        ValueError: for no controls or an empty title or text.
        Exception: whatever `draw` raises on the first setting.
    """

    def __init__(
        self,
        draw: Callable[..., Drawing],
        controls: Mapping[str, ipywidgets.Widget],
        *,
        title: str,
        text: str,
        first: Mapping[str, Any] | None = None,
    ) -> None:
        if not controls:
            raise ValueError("an explorer needs at least one control")
        if not title.strip() or not text.strip():
            raise ValueError(f"title and text must say what there is to explore, got {title=}, {text=}")
        self.controls = dict(controls)
        self.text = f"{title}. {text}"
        self.png, self.alt, self.reading = b"", "", ""
        self.error: Exception | None = None
        self._inches: tuple[float, ...] = ()
        self._draw = draw
        self._setting = False
        self._pending: asyncio.TimerHandle | None = None
        self._took = 0.0
        # An <img> in HTML because ipywidgets.Image has no alternative text in any release.
        self._picture = ipywidgets.HTML(layout=ipywidgets.Layout(flex="1 1 480px", min_width="300px"))
        self._words = ipywidgets.HTML(layout=ipywidgets.Layout(width="100%"))
        self.widget = self._assemble(title, text)
        for control in self.controls.values():
            control.observe(self._changed, names="value")
        self.set(**(first or {}))

    def _assemble(self, title: str, text: str) -> ipywidgets.Widget:
        heading = ipywidgets.HTML(f'<div style="{_TEXT}"><b>{html.escape(title)}.</b> {html.escape(text)}</div>')
        panel = ipywidgets.VBox(list(self.controls.values()), layout=ipywidgets.Layout(flex="0 1 300px"))
        row = ipywidgets.Layout(flex_flow="row wrap", align_items="flex-start", width="100%")
        return ipywidgets.VBox([heading, ipywidgets.HBox([panel, self._picture], layout=row), self._words])

    @property
    def values(self) -> dict[str, Any]:
        """The value of each control by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: Any) -> None:
        """Set controls and draw once, as a reader would by hand.

        Raises:
            ValueError: for an unknown control or a value that it does not take; then nothing has changed.
            Exception: whatever drawing raises.
        """
        unknown = [name for name in values if name not in self.controls]
        if unknown:
            raise ValueError(f"no control {unknown[0]!r}; there are {', '.join(self.controls)}")
        with style():  # one lock with whatever else draws: changes may arrive in another thread than a cell's
            before = self.values
            self._setting = True
            try:
                for name, value in values.items():
                    _assign(name, self.controls[name], value)
            except ValueError:
                for name in values:
                    self.controls[name].value = before[name]
                raise
            finally:
                self._setting = False
            self._redraw()

    def _changed(self, change: Any) -> None:
        if self._setting:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no kernel: code in a script or a test
            self._redraw()
            return
        # One that is a second late belongs to a thread of the kernel that ended before its time came.
        if self._pending is None or self._pending.when() + 1 < loop.time():
            pause = min(max(_PAUSE, self._took / 2), _LONGEST_PAUSE)
            self._pending = loop.call_later(pause, self._redraw_later, loop)

    def _redraw_later(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._pending is not None:  # of a loop that was blocked, not ended: this redraw is that one's too
            self._pending.cancel()
        self._pending = None
        started = loop.time()
        with contextlib.suppress(Exception):  # shown by now; the loop of the kernel could only log it
            self._redraw()
        self._took = loop.time() - started

    def _redraw(self) -> None:
        with style():
            try:
                figure, alt, reading, animation = self._draw(**self.values)
                png = animation or to_png(figure, alt=alt)
            except Exception as error:
                self.error = error
                self._words.value = _failure(error)
                raise
            self.error, self.png, self.alt, self.reading = None, png, alt, reading
            source = b64encode(png).decode("ascii")
            self._inches = tuple(figure.get_size_inches())
            size = f'width="{css_pixels(self._inches)[0]}" style="max-width: 100%; height: auto;"'
            self._picture.value = f'<img {size} alt="{html.escape(alt)}" src="data:image/png;base64,{source}">'
            self._words.value = f'<div role="status" style="{_TEXT}">{reading}</div>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = mimebundle(self.png, self.alt, inches=self._inches)
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return {**data, "text/plain": self.text, "application/vnd.jupyter.widget-view+json": view}, metadata


class Choices(ipywidgets.HBox):
    """Check boxes under a heading; `value` is the tuple of the names checked, in the order of `options`.

    Example:
        >>> choices = Choices(["sgd", "adam"], value=["adam"], description="Optimizers")
        >>> choices.value
        ('adam',)
    """

    value = traitlets.Tuple()

    def __init__(self, options: Any, *, value: Any = (), description: str = "") -> None:
        self.options = tuple(options)
        narrow = ipywidgets.Layout(width="auto", margin="0 12px 0 0")
        self._boxes = {
            name: ipywidgets.Checkbox(value=name in value, description=name, indent=False, layout=narrow)
            for name in self.options
        }
        heading = ipywidgets.HTML(html.escape(description), layout=ipywidgets.Layout(width="100%"))
        super().__init__([heading, *self._boxes.values()], layout=ipywidgets.Layout(flex_flow="row wrap"))
        self._spreading = False
        self.value = tuple(value)
        for box in self._boxes.values():
            box.observe(self._gather, names="value")

    def _gather(self, change: Any) -> None:
        if not self._spreading:
            self.value = tuple(name for name, box in self._boxes.items() if box.value)

    @traitlets.validate("value")
    def _known(self, proposal: Any) -> tuple[str, ...]:
        for name in proposal["value"]:
            if name not in self.options:
                raise traitlets.TraitError(f"no option {name!r}")
        return tuple(name for name in self.options if name in proposal["value"])

    @traitlets.observe("value")
    def _spread(self, change: Any) -> None:
        self._spreading = True  # boxes change one by one; the sets in between are nobody's choice
        for name, box in self._boxes.items():
            box.value = name in change["new"]
        self._spreading = False


def _assign(name: str, control: ipywidgets.Widget, value: Any) -> None:
    """Set a control, or raise where it would refuse or quietly clamp."""
    try:
        wanted = tuple(sorted(value)) if isinstance(control, Choices) else value
        control.value = value
        taken = tuple(sorted(control.value)) if isinstance(control, Choices) else control.value
    except (traitlets.TraitError, TypeError, ValueError) as error:
        raise ValueError(f"{name} must be {_allowed(control)}, got {value!r}") from error
    if taken != wanted:  # also true of NaN, which a slider takes
        raise ValueError(f"{name} must be {_allowed(control)}, got {value!r}")


def _allowed(control: ipywidgets.Widget) -> str:
    if isinstance(control, Choices):
        return f"some of {', '.join(map(str, control.options))}"
    if hasattr(control, "options"):
        return f"one of {', '.join(map(str, control.options))}"
    if isinstance(control, ipywidgets.FloatLogSlider):
        return f"in [{control.base**control.min:g}, {control.base**control.max:g}]"
    if hasattr(control, "min"):
        return f"in [{control.min:g}, {control.max:g}]"
    return "a value that the control takes"


def _failure(error: Exception) -> str:
    return (
        f'<div role="alert" style="{_TEXT}"><b>× This setting could not be drawn.</b> {type(error).__name__}: '
        f"{html.escape(str(error))}<br>The picture shows the setting before; move a control to go on.</div>"
    )
