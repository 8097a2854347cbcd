"""The book: it is made without a warning, its links and anchors hold, and every page opens from the file system."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import equation_index
import pytest
from playwright.sync_api import Page

import lifting

ROOT = Path(__file__).resolve().parent.parent.parent
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """The folder of the site, with the links that the published one has."""
    out = tmp_path_factory.mktemp("made") / "book"
    environment = os.environ | {"GITHUB_REPOSITORY": "owner/name", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "tools" / "book.py"), "--out", str(out)]
    made = subprocess.run(command, env=environment, text=True, capture_output=True)
    assert made.returncode == 0, made.stderr[-5000:]
    return out


class Parsed(HTMLParser):
    """The ids of a page, its links, and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loaded = set(), set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Note what a tag gives."""
        given = dict(attrs)
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.add(given["href"])
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon", "preload", "modulepreload"):
            self.loaded.add(given["href"])
        elif tag != "a" and given.get("src"):
            self.loaded.add(given["src"])


def pages_of(site):
    """All pages of a site, as parsed."""
    paths = [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]
    return {path: Parsed(path) for path in paths}


def broken(pages):
    """Links inside a site that lead nowhere, and what a page loads from outside or doesn't find."""
    found = []
    for path, page in pages.items():
        for link in page.links | page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loaded and parts.scheme != "data":
                    found.append(f"{path.name} loads {link}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                found.append(f"{path.name}: {link}")
            elif target in pages and parts.fragment and unquote(parts.fragment) not in pages[target].ids:
                found.append(f"{path.name}: no such anchor, {link}")
    return sorted(found)


def test_a_broken_link_a_lost_anchor_and_what_is_loaded_from_outside_are_seen(tmp_path):
    (tmp_path / "b.html").write_text('<p id="here"><a href="a.html">back</a>')
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here"></a><a href="b.html#gone"></a><a href="c.html"></a><a href="https://x.org/"></a>'
        '<a href="#own"></a><script src="https://x.org/s.js"></script><img src="lost.png"><img src="data:,">'
    )
    assert broken(pages_of(tmp_path)) == [
        "a.html loads https://x.org/s.js",
        "a.html: c.html",
        "a.html: lost.png",
        "a.html: no such anchor, #own",
        "a.html: no such anchor, b.html#gone",
    ]


def test_every_link_and_anchor_leads_somewhere_and_nothing_is_loaded_from_outside(book):
    pages = pages_of(book)
    assert len(pages) > 80
    assert broken(pages) == []


def test_every_notebook_and_every_text_is_in_the_book(book):
    texts = [path for folder in ("docs", "data", "benchmarks") for path in (ROOT / folder).glob("*.md")]
    notebooks = [*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "notebooks" / "solutions").glob("*.ipynb")]
    assert texts and notebooks
    listed = {(book / unquote(link)).resolve() for link in Parsed(book / "index.html").links if "#" not in link}
    for path in (*texts, *notebooks):
        page = book / path.relative_to(ROOT).with_suffix(".html")
        assert page in listed, f"{page} is not reached from the first page"


def test_a_notebook_has_its_outputs_and_its_ways_in(book):
    page = (book / "notebooks" / "01_projection.html").read_text()
    assert page.count("cell_output") > 5
    assert "https://mybinder.org/v2/gh/owner/name/HEAD?urlpath=lab/tree/notebooks/01_projection.ipynb" in page
    assert "https://colab.research.google.com/github/owner/name/blob/HEAD/notebooks/01_projection.ipynb" in page
    assert "untested" in page


def test_every_equation_leads_to_its_code_its_tests_and_its_derivation(book):
    index = equation_index.read_index()
    page = book / "docs" / "equations.html"
    found = Parsed(page)
    for equation in index.equations:
        module, _, function = equation.function.rpartition(".")
        assert f"../api/{module.split('.')[0]}.html#lifting.{equation.function}" in found.links
        source = Parsed(book / "api" / f"{module.split('.')[0]}.html")
        assert any(link.endswith(f"#{function}") and "_modules" in link for link in source.links), equation.function
        assert any(link.startswith(f"../notebooks/{equation.notebook}.html#") for link in found.links), equation.name
        for test in equation.tests:
            file, _, name = test.partition("::")
            assert f"../tests/{Path(file).stem}.html#{name.replace('_', '-').lower()}" in found.links


def test_what_the_package_offers_leads_to_its_description(book):
    page = book / "api" / "lifting.html"
    described = {link.rpartition(".")[2] for link in Parsed(page).links if "#lifting." in link}
    assert set(lifting.__all__) <= described


class Visit:
    """A page of the browser that notes what goes wrong in it, and what it asks for outside."""

    def __init__(self, page: Page):
        self.page, self.wrong = page, []
        page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self._outside(request.url))
        page.on("requestfailed", lambda request: self.wrong.append(f"failed: {request.url}"))

    def _outside(self, url):
        if not url.startswith(("file:", "data:", "blob:")):
            self.wrong.append(f"asked for {url}")

    def open(self, path):
        """Open a page of the book, wait until its formulas are drawn, and say what is wrong with it."""
        self.wrong.clear()
        self.page.goto(path.as_uri())
        formulas, drawn, refused, wide = self.page.evaluate("""async () => {
            if (document.querySelector(".math")) await window.MathJax.startup.promise;
            const count = what => document.querySelectorAll(what).length;
            const root = document.documentElement;
            return [count(".math"), count(".math mjx-container svg"), count("mjx-merror, [data-mjx-error]"),
                    root.scrollWidth - root.clientWidth];
        }""")
        if drawn < formulas or refused:
            self.wrong.append(f"{formulas} formulas, {drawn} drawn, {refused} refused")
        if wide > 0:
            self.wrong.append(f"{wide} px wider than the window")
        return list(self.wrong)


@pytest.fixture
def visit(browser):
    """A page of a phone's width."""
    page = browser.new_page(viewport=PHONE)
    yield Visit(page)
    page.close()


def test_what_goes_wrong_on_a_page_is_seen(visit, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<div style="width: 600px">wide</div><img src="lost.png"><script>console.error("said")</script>'
        '<script>throw Error("thrown")</script><script>fetch("https://localhost:9/").catch(() => 0)</script>'
    )
    wrong = " ".join(visit.open(page))
    assert all(what in wrong for what in ("px wider", "lost.png", "said", "thrown", "asked for https://localhost:9/"))


def test_every_page_opens_on_a_phone_without_an_error_with_its_formulas_and_asks_for_nothing(visit, book):
    found = {path.relative_to(book).as_posix(): visit.open(path) for path in pages_of(book)}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    visit.open(book / "notebooks" / "03_solving_for_pose.html")
    assert visit.page.locator("mjx-container svg").count() > 100


def test_the_moves_of_every_widget_are_in_the_book(book):
    sources = [path.stem for path in (ROOT / "notebooks" / "src").glob("*.py") if ".recorded(" in path.read_text()]
    assert len(sources) >= 7
    for name in sources:
        assert 'class="lifting-moves"' in (book / "notebooks" / f"{name}.html").read_text(), name


def test_a_slider_moves_the_picture_and_reset_puts_it_back(visit, book):
    moved = 0
    for path in sorted((book / "notebooks").glob("*.html")):
        if 'class="lifting-moves"' in path.read_text():
            assert visit.open(path) == []
            widget = visit.page.locator(".lifting-moves").first
            widget.scroll_into_view_if_needed()
            slider, before = widget.locator("input[type=range]").first, drawn(widget)
            slider.focus()
            slider.press("ArrowRight" if slider.input_value() == slider.get_attribute("min") else "ArrowLeft")
            assert drawn(widget) != before, path.name
            widget.get_by_role("button", name="Reset").click()
            assert drawn(widget) == before and visit.wrong == [], path.name
            moved += 1
    assert moved


def drawn(widget):
    """What a widget shows: its lines and texts, and the pixels of its maps."""
    return widget.locator(".lv-panels").evaluate("""async panels => {
        await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
        const pixels = [...panels.querySelectorAll("canvas")].map(canvas => canvas.toDataURL());
        return panels.innerHTML + pixels.join();
    }""")


def test_the_search_works_from_the_file_system(visit, book):
    visit.page.set_viewport_size({"width": 1280, "height": 800})
    visit.open(book / "index.html")
    box = visit.page.locator(".sidebar-search")
    box.fill("pseudo-inverse")
    box.press("Enter")
    results = visit.page.locator("#search-results .search li")
    results.first.wait_for(timeout=20_000)
    assert any("Solving for the pose" in text for text in results.all_inner_texts())
    results.first.locator("a").click()
    visit.page.wait_for_load_state()
    assert "search.html" not in visit.page.url and visit.wrong == []
