"""The controls of a widget: sliders over a row of values, and menus."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lifting.support.arrays import fail


@dataclass(frozen=True)
class Control:
    """A slider, or a menu of words.

    Attributes:
        name: what stands beside it, and what the widget calls it: plain text.
        start: its value at first, and after a reset.
        values: what it offers, in order.
        form: how a value is written, as `format` takes it.
        menu: whether it is a menu.
    """

    name: str
    start: Any
    values: tuple[Any, ...]
    form: str = "g"
    menu: bool = False

    def check(self, value: Any) -> Any:
        """The value, if it is one: a number between the ends, or one of the values where they are words.

        Raises:
            ValueError: another value.
        """
        if isinstance(self.start, str):
            if value not in self.values:
                fail(self.name, repr(value), f"one of {', '.join(self.values)}")
        elif not (np.isscalar(value) and self.values[0] <= value <= self.values[-1]):
            fail(self.name, value, f"a number between {self.values[0]:g} and {self.values[-1]:g}")
        elif self.only_offered and value not in self.values:
            fail(self.name, value, f"one of {', '.join(map(str, self.values))}")
        return self.values[self.values.index(value)] if value in self.values else value

    @property
    def only_offered(self) -> bool:
        """Whether no value between those that are offered makes sense: whole numbers."""
        return all(isinstance(value, int) for value in self.values)

    def nearest(self, value: Any) -> int:
        """The index of the value, or of the nearest one."""
        if isinstance(self.start, str):
            return self.values.index(value)
        return int(np.abs(np.asarray(self.values, dtype=np.float64) - value).argmin())

    def text(self, value: Any) -> str:
        """A value as the page writes it."""
        return value if isinstance(value, str) else format(value, self.form)

    def thinned(self, most: int, value: Any) -> "Control":
        """The same with at most so many values, equally spaced, `value` or its neighbour among them."""
        every, first = -(-len(self.values) // most), self.nearest(value)
        return Control(self.name, self.start, self.values[first % every :: every], self.form, self.menu)


def slider(name: str, start: float, ends: tuple[float, float], step: float, form: str = "g") -> Control:
    """A slider from one end to the other; whole numbers where the step is one."""
    low, high = ends
    count = round((high - low) / step) + 1
    values = [type(step)(round(low + n * step, 9)) for n in range(count)]
    return Control(name, type(step)(start), tuple(values), form)


def log_slider(name: str, start: float, decades: tuple[int, int]) -> Control:
    """A slider over powers of ten, ten steps a decade."""
    exponents = np.arange(10 * decades[0], 10 * decades[1] + 1) / 10
    return Control(name, start, tuple((10.0**exponents).tolist()), ".3g")


def choice(name: str, start: Any, options: tuple[Any, ...], *, menu: bool = False) -> Control:
    """A slider over some numbers or words, or a menu of them."""
    return Control(name, start, options, menu=menu)


def layout_of(controls: Iterable[Control]) -> list[dict[str, Any]]:
    """The controls for JSON."""
    return [
        {"name": one.name, "texts": [one.text(value) for value in one.values], "menu": one.menu} for one in controls
    ]
