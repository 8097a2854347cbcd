"""Record docs/widget.gif: the widget of notebook 03 under keys and mouse, in a headless Chromium.

python tools/widget_picture.py
"""

import io
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from lifting import load_prior
from lifting.datasets import motion_capture
from lifting.drawing.widgets.page import book_sources
from lifting.drawing.widgets.scene import COLOURS
from lifting.drawing.widgets.solving import SolvingWidget
from lifting.support.files import write_atomically

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "widget.gif"
HEAD = '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="lifting-view.css">'


def page_of(folder: Path) -> str:
    """Write a page with the widget's recorded moves, and what it needs beside it; its address."""
    pose = motion_capture.load_motion_capture().of_clip("walk")[0]
    moves = SolvingWidget(pose, load_prior(), heading=0).recorded("heading", "sigma")
    for name, text in book_sources().items():
        (folder / name).write_text(text)
    page = folder / "widget.html"
    page.write_text(f'{HEAD}<body>{moves.html()}<script src="lifting-view.js"></script>')
    return page.as_uri()


def frames(page: Page) -> list[bytes]:
    """What is seen while the person turns, the mouse turns the pose, and sigma grows."""
    page.add_style_tag(content="body{margin:0} .lv-summary,.lv-note{display:none}")
    view = page.locator(".lv")
    seen = [view.screenshot()]
    heading, sigma = (page.get_by_label(name, exact=True) for name in ("heading", "sigma"))
    for _ in range(18):
        heading.press("ArrowRight")
        seen.append(view.screenshot())
    box = page.locator(".lv-space").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for n in range(1, 11):
        page.mouse.move(x - 16 * n, y + 3 * n)
        seen.append(view.screenshot())
    page.mouse.up()
    sigma.press("Home")
    for _ in range(20):
        seen.append(view.screenshot())
        sigma.press("ArrowRight")
    return seen


def colours() -> list[int]:
    """Greys, and the view's colours in four strengths on white: R, G, B of each."""
    inks = np.array([[int(light[n : n + 2], 16) for n in (1, 3, 5)] for light, _ in COLOURS.values()])
    shares = np.array([1, 0.75, 0.5, 0.25])[:, None, None]
    tints = (shares * inks + (1 - shares) * 255).reshape(-1, 3)
    greys = np.repeat(np.linspace(0, 255, 16)[:, None], 3, axis=1)
    return np.concatenate([greys, tints]).round().astype(int).ravel().tolist()


def main() -> None:
    """Write the picture."""
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=not as_root)
        page = browser.new_page(viewport={"width": 872, "height": 480}, color_scheme="light")
        page.goto(page_of(Path(folder)))
        seen = [Image.open(io.BytesIO(png)).convert("RGB") for png in frames(page)]
        browser.close()
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours())
    first, *others = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in seen)
    file = io.BytesIO()
    first.save(file, format="GIF", save_all=True, append_images=others, duration=160, loop=0)
    write_atomically(PICTURE, file.getvalue())
    print(f"{PICTURE.relative_to(ROOT)}: {len(seen)} frames, {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
