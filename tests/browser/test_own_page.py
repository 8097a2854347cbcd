"""The page of a person's own file, opened from the file system: it moves, turns, and asks nobody for anything."""

from dataclasses import replace

import numpy as np
import pytest

from lifting import load_prior
from lifting.own.page import write_page
from lifting.own.person import lift_person
from lifting.own.settings import Settings

from ..own.made_up import recording
from .conftest import wait_until


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A clip of two people, of whom one comes late, with pictures; and a photo."""
    folder = tmp_path_factory.mktemp("pages")
    prior = load_prior()
    first = lift_person(recording(), prior, Settings())
    late = recording()
    late = replace(late, person="late", Y=late.Y[10:] - [[200.0], [0]], confidences=late.confidences[10:],
                   frames=late.frames[10:], times=late.times[10:])  # fmt: skip
    people = [replace(first, notes=("A note.",)), lift_person(late, prior, Settings())]
    images = {frame: np.full((600, 800, 3), 100 + frame, np.uint8) for frame in range(0, 98, 2)}
    write_page(people, folder / "clip.html", images, "a clip")
    photo = replace(
        late, person="1", Y=late.Y[:1], confidences=late.confidences[:1], frames=late.frames[:1], times=None
    )
    write_page([lift_person(photo, prior, Settings())], folder / "photo.html", {10: images[10]})
    return folder


@pytest.fixture
def open_page(browser, pages):
    """Opens a page; what the console reports and what is asked for gather in its `wrong`."""
    contexts = []

    def open_it(name, **options):
        contexts.append(browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options)))
        page = contexts[-1].new_page()
        page.wrong = []
        page.on("console", lambda message: page.wrong.append(message.text))
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("request", lambda request: page.wrong.append(request.url) if not request.url.startswith(
            ("data:", pages.as_uri())) else None)  # fmt: skip
        page.goto((pages / f"{name}.html").as_uri())
        there = "pictures.every(one => !one.image || one.image.complete)"
        wait_until(lambda: page.evaluate(there), "the picture is there")
        return page

    yield open_it
    for context in contexts:
        context.close()


def drawn(page, canvas):
    return page.locator(f"#{canvas}").screenshot()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_slider_and_the_keys_move_the_people(open_page, scheme):
    page = open_page("clip", color_scheme=scheme)
    before = drawn(page, "seen"), drawn(page, "space"), drawn(page, "curves")
    page.locator("#time").focus()
    page.keyboard.press("End")
    assert page.locator("#now").inner_text().startswith("Frame 97, 3.88 s. 16 of 17 landmarks seen. Misfit")
    after = drawn(page, "seen"), drawn(page, "space"), drawn(page, "curves")
    assert all(one != other for one, other in zip(before, after, strict=True))
    page.locator("body").press("Home")
    assert (drawn(page, "seen"), drawn(page, "space"), drawn(page, "curves")) == before
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert page.locator("#now").inner_text() == "Frame 5, 0.20 s. 0 of 17 landmarks seen. It could not be lifted."
    assert page.wrong == []


def test_the_mouse_turns_and_the_wheel_zooms(open_page):
    page = open_page("clip")
    box = page.locator("#space").bounding_box()
    seen, start = drawn(page, "seen"), drawn(page, "space")
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 90, middle[1] + 30, steps=4)
    page.mouse.up()
    turned = drawn(page, "space")
    assert turned != start and drawn(page, "seen") == seen
    page.mouse.move(middle[0] - 50, middle[1])
    assert drawn(page, "space") == turned  # no button is down
    page.mouse.wheel(0, 300)
    wait_until(lambda: page.evaluate("state.zoom") < 1, "the wheel has zoomed")
    page.get_by_role("button", name="From the side").click()
    assert "Seen from 90° around, 0° up." in page.locator("figcaption", has_text="In 3D").inner_text()
    page.locator("#space").focus()
    page.keyboard.press("ArrowRight")
    assert "84° around" in page.locator("#view").inner_text()
    assert page.wrong == []


def test_from_the_camera_the_pose_is_where_the_numbers_say(open_page):
    page = open_page("clip")
    page.get_by_role("button", name="From the camera").click()
    at = page.evaluate("""() => {
        const R = view(), pose = data.people[0].pose[0];
        return pose[0].map((x, i) => R.map(axis => dot(axis, [x, pose[1][i], pose[2][i]])));
    }""")
    assert np.allclose(at, np.transpose(page.evaluate("data.people[0].pose[0]")))


def test_play_goes_through_the_clip(open_page):
    page = open_page("clip")
    page.locator("#speed").select_option("2")
    page.locator("#play").click()
    wait_until(lambda: page.evaluate("state.now") > 5, "the clip plays")
    page.locator("body").press(" ")
    now = page.evaluate("state.now")
    page.wait_for_timeout(200)
    assert page.evaluate("state.now") == now and page.wrong == []


def test_another_person_may_be_looked_at(open_page):
    page = open_page("clip")
    assert page.locator("#notes").inner_text() == "A note."
    page.locator("#person").select_option("late")
    assert page.locator("#now").inner_text() == "Frame 0, 0.00 s. Person late is not in it."
    assert page.locator("#notes").inner_text() == ""
    box = page.locator("#curves").bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 60)
    assert 40 < page.evaluate("frames[state.now]") < 56
    assert "17 of 17" in page.locator("#now").inner_text() and page.wrong == []


def test_a_photo_has_no_time(open_page):
    page = open_page("photo")
    assert not any(page.locator(f"#{name}").is_visible() for name in ("time", "play", "curves", "person"))
    assert page.locator("#recognised").inner_text() == "made up, 1 person, 1 frame"
    assert page.wrong == []


@pytest.mark.parametrize("width", [390, 1280])
def test_everything_fits_and_can_be_read(open_page, width):
    page = open_page("clip", viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sizes = page.evaluate(
        "[...document.querySelectorAll('body *')].map(one => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(sizes) >= 12 and page.evaluate("parseFloat(FONT)") >= 12
