"""What all widgets share: controls, a scene of numbers, and the page that draws it.

A widget is a subclass of `Widget`. It makes a `Scene` and its controls, hands them to `Widget.__init__`, and says in
`update` what the layers show for the controls' values:

    class Wave(Widget):
        def __init__(self):
            scene, self.x = Scene(), np.linspace(0, 6, 200)
            panel = scene.plot(Axis("time (s)", 0, 6), Axis("height (m)", -1, 1))
            self.line = panel.line()
            super().__init__(scene, [slider("speed", 1.0, (0.0, 3.0), 0.1)])

        def update(self):
            self.line.set(self.x, np.sin(self["speed"] * self.x))

    wave = Wave()
    wave.view()             # the last line of a cell: controls and panels, drawn in the page
    wave["speed"] = 2.0     # from code, as if the slider had been moved
    wave.recorded("speed")  # a still picture, and the moves of a slider for pages without a kernel
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from lifting.drawing.widgets.controls import Control, layout_of
from lifting.drawing.widgets.page import Page
from lifting.drawing.widgets.picture import png
from lifting.drawing.widgets.recorded import MOST, Recorded, record
from lifting.drawing.widgets.scene import Scene
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import fail, trusted
from lifting.support.tensors import one_thread


def check_human36m(prior: PosePrior) -> None:
    """Refuse a prior of other landmarks than Human3.6M's.

    Raises:
        ValueError: such a prior.
    """
    if len(HUMAN36M.landmarks) != prior.L:
        fail("prior", f"{prior.L} landmarks", f"the {len(HUMAN36M.landmarks)} of Human3.6M")


class Widget:
    """Controls, and a scene that follows them.

    Attributes:
        scene: what is shown.
        controls: by their names.
        values: of the controls, by their names.
        message: what went wrong in the last update, for the reader; empty where nothing did.
    """

    def __init__(self, scene: Scene, controls: Iterable[Control]) -> None:
        """Compute the scene for the first time.

        Args:
            scene: with all its panels and layers.
            controls: each with a name of its own.

        Raises:
            ValueError: two controls with one name.
        """
        controls = list(controls)
        self.scene, self.message = scene, ""
        self.controls = {control.name: control for control in controls}
        if len(self.controls) < len(controls):
            fail("controls", [control.name for control in controls], "a name of its own for each")
        self.values = {control.name: control.start for control in controls}
        self._page: Page | None = None
        self._answered: list[Any] = ["", 0]
        self.update()

    def update(self) -> None:
        """Give the layers the numbers for the controls' values. Every subclass has its own."""
        fail("update", f"none in {type(self).__name__}", "a method that sets the layers")

    def __getitem__(self, name: str) -> Any:
        """The value of a control.

        Raises:
            ValueError: no control has this name.
        """
        self._control(name)
        return self.values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        """Move a control; the picture follows.

        Raises:
            ValueError: no control has this name, or a value that it doesn't have.
        """
        value = self._control(name).check(value)
        with self._undone_on_error():
            self.values[name] = value
            self.refresh()

    def put(self, **values: Any) -> None:
        """Set controls without an update, each to the value that it offers next to the one that is asked for."""
        for name, value in values.items():
            control = self._control(name)
            self.values[name] = control.values[control.nearest(value)]

    def reset(self) -> None:
        """Put everything back to where it was at first."""
        self.values = {name: control.start for name, control in self.controls.items()}
        self.refresh()

    def refresh(self) -> None:
        """Update, and send the page what has changed."""
        with trusted(), one_thread():  # what the controls give has been right once
            self.update()
        self.message = ""
        self._send()

    def view(self) -> Page:
        """The page's part: what a cell ends with."""
        if self._page is None:
            layout = self.scene.layout() | {"controls": layout_of(self.controls.values())}
            self._page = Page(layout, self.state(), self._on_request)
        return self._page

    def state(self) -> dict[str, Any]:
        """All that changes, as the page takes it: texts, numbers (bytes), and where the controls stand."""
        places = {one.name: [one.nearest(self[one.name]), one.text(self[one.name])] for one in self.controls.values()}
        said = {"message": self.message, "answered": self._answered}
        return self.scene.texts() | said | {"controls": places, "numbers": self.scene.numbers()}

    def png(self) -> bytes:
        """A still picture of the scene as it is now, a PNG file."""
        return png(self.scene)

    def recorded(self, *names: str) -> Recorded:
        """A still picture for readers without a kernel, and the moves of some controls, one at a time, for the book.

        Afterwards all is as it was.

        Raises:
            ValueError: no control has this name.
        """
        return record(self, [self._control(name).thinned(MOST, self[name]) for name in names])

    def show(self, values: dict[str, Any]) -> dict[str, Any]:
        """The state for these values of the controls; the page isn't told."""
        self.values = dict(values)
        self.update()
        return self.state()

    def _control(self, name: str) -> Control:
        if name not in self.controls:
            fail("name", repr(name), f"one of {', '.join(self.controls)}")
        return self.controls[name]

    def _send(self) -> None:
        if self._page is not None:
            self._page.state = self.state()

    def _on_request(self, requests: Sequence[dict[str, Any]], answered: list[Any]) -> None:
        """The reader has moved something. An error is shown below the picture, and raised as well."""
        self._answered = answered
        with self._undone_on_error():
            for request in requests:
                self._carry_out(**request)
            self.refresh()

    @contextmanager
    def _undone_on_error(self) -> Iterator[None]:
        """After an error the controls are where they were, and the picture says what was wrong."""
        before = self.values.copy()
        try:
            yield
        except Exception as error:
            self.values = before
            with suppress(Exception):
                self.update()
            self.message = f"{type(error).__name__}: {error}"
            self._send()
            raise

    def _carry_out(self, do: str, what: Any = None, index: int = 0, at: Sequence[float] = ()) -> None:
        if do == "set":
            self.values[what] = self.controls[what].values[index]
        elif do == "drag":
            self.scene.layers[what].drag(index, *at)
        elif do == "press":
            self.scene.layers[what].press(index)
        else:
            self.reset()
