"""Make the book: a static site of all notebooks and pages, which opens from the file system without kernel or network.

    python tools/book.py                     into build/book
    python tools/book.py --out FOLDER        into another folder

The pages are first gathered in FOLDER.source, in the layout of the repository, so that links between them hold: the
notebooks with their stored outputs, docs/, data/, benchmarks/, and what is generated, the equations, the API and the
tests. Then Sphinx makes the site, with docs/book/conf.py; a warning is an error. GITHUB_REPOSITORY=owner/name, which
GitHub sets itself, adds links that open a notebook in Binder or Colab.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import book_pages
import nbformat
import reading_time
import tyro

from lifting.drawing.widgets import recorded

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("docs", "data", "benchmarks")
"""Their Markdown files are pages of the book."""
LINK = re.compile(r"\[([^\[\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^ *```.*?^ *```)", re.M | re.S)


@dataclass
class Source:
    """The folder that Sphinx reads, in the layout of the repository."""

    folder: Path
    pages: set[str] = field(default_factory=set)
    """paths of all pages, from the root of the repository"""

    def write(self, page: str, text: str) -> None:
        """Put a page of Markdown there, its links made to point inside the book."""
        path = self.folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.relink(text, Path(page).parent.as_posix()), encoding="utf-8")

    def relink(self, text: str, folder: str) -> str:
        """Markdown of a page in `folder`, whose links to files point to pages of the book, or to copies."""
        parts = FENCE.split(text)
        for index in range(0, len(parts), 2):  # the odd ones are code
            parts[index] = LINK.sub(lambda match: self._link(match, folder), parts[index])
        return "".join(parts)

    def _link(self, match: re.Match, folder: str) -> str:
        text, link, anchor = match.groups(default="")
        path = os.path.normpath(f"{folder}/{link}")
        if not re.match(r"[a-z]+:", link) and path not in self.pages:
            page, place = book_pages.page_of(path)
            if page in self.pages:
                path, anchor = page, place or anchor
            elif (ROOT / path).is_file():
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, self.folder / path)
            elif (ROOT / path).is_dir():
                return text
            link = os.path.relpath(path, folder)
        return f"[{text}]({link}{anchor})"

    def write_notebook(self, page: str, line: str) -> None:
        """Put a notebook there as it is stored, with a line under its title."""
        notebook = nbformat.read(ROOT / page, as_version=4)
        folder = Path(page).parent.as_posix()
        title, _, rest = notebook.cells[0].source.partition("\n")
        notebook.cells[0].source = f"{title}\n\n{line}\n{rest}"
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = self.relink(cell.source, folder)
            for output in cell.get("outputs", []):
                bring_to_life(output.get("data", {}))
        path = self.folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)


def bring_to_life(data: dict) -> None:
    """Make a page's part of the recorded moves of a widget, in place of its still picture."""
    if moves := data.pop(recorded.MIMETYPE, None):
        data.clear()
        data["text/html"] = recorded.as_html(moves)


def gather(folder: Path, repository: str = "") -> Source:
    """Put everything that the book is made of into `folder`, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    source = Source(folder)
    notebooks = [f"notebooks/{one.name}.ipynb" for one in reading_time.readings()]
    solutions = [page.replace("/", "/solutions/", 1) for page in notebooks]
    texts = [path.relative_to(ROOT).as_posix() for name in FOLDERS for path in sorted((ROOT / name).glob("*.md"))]
    made: dict[str, Callable[[], str]] = book_pages.made_pages()
    source.pages = {"index.md", "CONTRIBUTING.md", *notebooks, *solutions, *texts, *made}
    for page in notebooks:
        source.write_notebook(page, book_pages.ways_in(page, repository, solutions=True))
    for page in solutions:
        source.write_notebook(page, book_pages.ways_in(page, repository, solutions=False))
    for page in sorted({"CONTRIBUTING.md", *texts} - made.keys()):
        source.write(page, without_cog((ROOT / page).read_text(encoding="utf-8")))
    for page, make in made.items():
        source.write(page, make())
    source.write("index.md", book_pages.index(reading_time.readings(), source.pages))
    return source


def without_cog(text: str) -> str:
    """Markdown without the comments that tell cog what to generate."""
    return re.sub(r"^<!-- \[\[\[.*\]\]\] -->\n", "", text, flags=re.M)


def sphinx(source: Path, out: Path, more: Iterable[str] = ()) -> int:
    """Run Sphinx; its exit status, 1 where it warns."""
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "--builder", "html",
               "--conf-dir", str(ROOT / "docs" / "book"), "--doctree-dir", str(source) + ".trees", *more]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([*command, str(source), str(out)], env=environment).returncode


@dataclass(frozen=True)
class Options:
    """Make the book."""

    out: Path = ROOT / "build" / "book"
    """folder of the site; index.html in it is the first page"""


def main(options: Options) -> int:
    """Make the book; 1 where Sphinx warns."""
    source = options.out.with_name(options.out.name + ".source")
    gather(source, os.environ.get("GITHUB_REPOSITORY", ""))
    failed = sphinx(source, options.out)
    if not failed:
        print(f"the book: {(options.out / 'index.html').resolve().as_uri()}")
    return failed


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options)))
