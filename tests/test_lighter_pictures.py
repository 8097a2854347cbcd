"""Pictures in notebooks take a third of the bytes, and look the same."""

import io

import build_notebooks
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image


def as_png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=np.float64)


def test_a_plot_is_lighter_and_looks_the_same(rng):
    figure, file = Figure(figsize=(6, 4)), io.BytesIO()
    ax = figure.add_subplot(xlabel="x (m)")
    ax.imshow(rng.random((40, 60)), cmap="magma")
    for n in range(4):
        ax.plot(np.linspace(0, 59, 50), 20 + n * np.sin(np.arange(50) / 5))
    figure.savefig(file, format="png")
    light = build_notebooks.lighter(file.getvalue())
    assert len(light) < 0.5 * len(file.getvalue())
    assert np.sqrt(np.mean((pixels(light) - pixels(file.getvalue())) ** 2)) < build_notebooks.VISIBLE


@pytest.mark.parametrize("size", [64, 2])
def test_what_would_look_different_or_be_no_lighter_stays_as_it_is(rng, size):
    noise = as_png(rng.integers(0, 256, (size, size, 3), dtype=np.uint8))
    assert build_notebooks.lighter(noise) == noise


def test_what_is_transparent_becomes_white():
    clear = np.zeros((80, 80, 4), dtype=np.uint8)
    clear[20:60, 20:60] = np.random.default_rng(0).integers(0, 2, (40, 40, 1)) * 255
    light = build_notebooks.lighter(as_png(clear))
    assert pixels(light)[0, 0].tolist() == [255, 255, 255]
