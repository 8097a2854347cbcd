"""The committed notebooks: in step with their sources, run, clean, in small cells, with exercises that are solved.

Their outputs are compared by nbval, which runs every notebook: `make test`.
"""

import ast
import re
import statistics
from functools import cache

import build_notebooks
import nbformat
import pytest
from build_notebooks import NOTEBOOKS, SourceError

import lifting

WALKTHROUGHS = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
COMMITTED = sorted(str(path.relative_to(NOTEBOOKS).with_suffix("")) for path in NOTEBOOKS.rglob("[!.]*.ipynb"))
COMMITTED = [name for name in COMMITTED if ".ipynb_checkpoints" not in name]
MARKERS = {"NBVAL_IGNORE_OUTPUT", "NBVAL_CHECK_OUTPUT"}
MACHINE_PATH = re.compile(r"/(home|root|Users|tmp|work|var|mnt|opt|usr)/|\b[A-Z]:\\|site-packages|ipykernel_\d")

every_notebook = pytest.mark.parametrize("name", COMMITTED)
every_walkthrough = pytest.mark.parametrize("name", WALKTHROUGHS)


@cache
def load(name):
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def code_cells(name):
    return [cell for cell in load(name).cells if cell.cell_type == "code"]


def printed(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def answers(name):
    return {cell.source: printed(cell) for cell in code_cells(name) if "answer" in cell.metadata.get("tags", [])}


def test_every_notebook_has_a_source_and_every_source_its_notebooks():
    assert WALKTHROUGHS
    assert build_notebooks.names() == WALKTHROUGHS
    assert set(COMMITTED) == {*WALKTHROUGHS, *(f"solutions/{name}" for name in WALKTHROUGHS)}


@every_walkthrough
def test_in_step_with_its_source(name):
    made = build_notebooks.build(name)
    late = [str(path) for path, notebook in made.items() if build_notebooks.out_of_step(path, notebook)]
    assert late == [], f"run tools/build_notebooks.py {name}"


@every_notebook
def test_is_a_valid_notebook_without_traces_of_its_machine(name):
    notebook = load(name)
    nbformat.validate(notebook)
    assert notebook.metadata == build_notebooks.METADATA
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


@every_notebook
def test_was_run_from_top_to_bottom_without_an_error(name):
    cells = code_cells(name)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]


@every_notebook
def test_shows_no_path_of_a_machine(name):
    texts = [cell.source for cell in load(name).cells]
    for output in (output for cell in code_cells(name) for output in cell.outputs):
        texts += [output.text] if "text" in output else []
        texts += [str(value) for kind, value in output.get("data", {}).items() if kind.startswith("text/plain")]
    assert not [match[0] for text in texts for match in MACHINE_PATH.finditer(text)]


@every_notebook
def test_cells_are_small(name):
    lengths = [len(cell.source.splitlines()) for cell in code_cells(name)]
    assert max(lengths) <= 20
    assert statistics.median(lengths) < 8


@every_notebook
def test_no_cell_is_empty_and_prose_leads(name):
    cells = load(name).cells
    assert all(cell.source.strip() for cell in cells)
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")


@every_walkthrough
def test_there_is_a_word_after_at_most_four_code_cells(name):
    kinds = [cell.cell_type for cell in load(name).cells]
    runs = [len(run) for run in re.findall("c+", "".join(kind[0] for kind in kinds))]
    assert max(runs) <= 4, "more than four code cells in a row without a word between them"


@every_notebook
def test_markers_are_spelt_right_and_give_a_reason(name):
    for cell in code_cells(name):
        lines = cell.source.splitlines()
        for number, line in enumerate(lines):
            if "nbval" in line.lower():
                assert line.strip().removeprefix("# ") in MARKERS, f"{line!r} is no marker"
                assert "".join(lines[number + 1 : number + 2]).lstrip().startswith("# "), "say why on the next line"
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            assert "# " in cell.source, "say why in a comment"


@every_notebook
def test_changes_no_import_path_and_hides_no_output(name):
    for cell in code_cells(name):
        assert "sys.path" not in cell.source
        assert not cell.source.rstrip().endswith(";")
        assert not [output for output in cell.outputs if "image/svg+xml" in output.get("data", {})]


@every_notebook
def test_is_under_a_megabyte(name):
    assert (NOTEBOOKS / f"{name}.ipynb").stat().st_size < 1e6


# ---- what the code of a notebook keeps to ----

BY_NAME = {*lifting.__all__, "answer", "hint", "progress"}
"""What may be imported by its name; all else is called through its module."""

PLOTTING = {"plt", "plots"}


def trees(name):
    return [ast.parse(cell.source) for cell in code_cells(name)]


def nodes(name, *kinds):
    return [node for tree in trees(name) for node in ast.walk(tree) if isinstance(node, kinds)]


@every_notebook
def test_the_set_up_cell_has_at_most_six_lines(name):
    first = code_cells(name)[0]
    lines = [line for line in first.source.splitlines() if line.strip() and not line.startswith("#")]
    assert "setup" in first.metadata.get("tags", []) and len(lines) <= 6
    assert all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.parse(first.source).body)


@every_notebook
def test_imports_stand_at_the_top_of_their_cell(name):
    for tree in trees(name):
        kinds = [isinstance(node, (ast.Import, ast.ImportFrom)) for node in tree.body]
        assert kinds == sorted(kinds, reverse=True)


@every_notebook
def test_modules_are_imported_and_by_name_only_what_the_front_door_has(name):
    """`from lifting import camera, lift`; a widget is a class, imported by its name in its own cell."""
    assert not [alias.name for node in nodes(name, ast.Import) for alias in node.names if "lifting" in alias.name]
    for node in nodes(name, ast.ImportFrom):
        if node.module.split(".")[0] != "lifting":
            continue
        for alias in node.names:
            path = NOTEBOOKS.parent.joinpath(*node.module.split("."), alias.name)
            is_module = path.with_suffix(".py").exists() or (path / "__init__.py").exists()
            widget = node.module.startswith("lifting.drawing.widgets.") and alias.name.endswith("Widget")
            assert is_module or alias.name in BY_NAME or widget, f"{alias.name} of {node.module}: import the module"
            assert alias.asname is None


@every_notebook
def test_names_nothing_private(name):
    """`_` alone, and the methods of a NamedTuple, are Python's own way."""
    own = {"_asdict", "_replace", "_fields"}
    attributes = [node.attr for node in nodes(name, ast.Attribute)]
    imported = [alias.name for node in nodes(name, ast.ImportFrom) for alias in node.names]
    private = [found for found in attributes + imported if found.startswith("_") and not found.startswith("__")]
    assert not set(private) - own


@every_notebook
def test_y_is_flipped_in_one_place(name):
    """`camera.flip_y` does it; no notebook has a column (1, -1) of its own."""
    for node in nodes(name, ast.List):
        assert ast.unparse(node).replace(".0", "") != "[[1], [-1]]", "use camera.flip_y"


def root(node):
    """The name that a chain of attributes, items and calls begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def plotting_lines(source):
    """How many lines of a cell draw: those that call pyplot, `plots`, or what came of such a call, loops included."""
    drawn, lines = set(PLOTTING), set()

    def names(target):
        return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}

    def visit(body):
        for node in body:
            if hasattr(node, "body"):
                if isinstance(node, ast.For) and names(node.iter) & (drawn - PLOTTING):
                    drawn.update(name for name in names(node.target) if name.startswith("ax"))
                before = len(lines)
                visit(node.body + getattr(node, "orelse", []))
                if len(lines) > before:
                    lines.update(range(node.lineno, node.body[0].lineno))
            elif any(root(call.func) in drawn for call in ast.walk(node) if isinstance(call, ast.Call)):
                lines.update(range(node.lineno, node.end_lineno + 1))
                if isinstance(node, ast.Assign):
                    drawn.update(name for target in node.targets for name in names(target))

    visit(ast.parse(source).body)
    return len(lines)


def test_lines_that_draw_are_counted():
    loop = "_, axes = plt.subplots(2)\nfor ax in axes:\n    a = 1\n    ax.plot(\n        a\n    )\nprint(a)\n"
    assert plotting_lines(loop) == 1 + 1 + 3
    assert plotting_lines("a = np.ones(3)\nprint(a)\n") == 0
    assert plotting_lines("ax = figures_04.jacobian(H)\nplots.draw_cost(ax, a, b)\nplt.show()\n") == 2


@every_notebook
def test_more_than_ten_lines_of_plotting_go_into_a_module_of_figures(name):
    assert max(plotting_lines(cell.source) for cell in code_cells(name)) <= 10


@every_walkthrough
def test_every_exercise_is_open_in_the_walkthrough_and_solved_in_the_solutions(name):
    open_ones, solved = answers(name), answers(f"solutions/{name}")
    assert open_ones and list(open_ones) == list(solved)
    for said in open_ones.values():
        assert re.fullmatch(r"(Exercise \S+: your turn\. .+\n)+", said)
    for said in solved.values():
        assert re.fullmatch(r"(Exercise \S+: right\.\n)+", said)


@every_walkthrough
def test_every_exercise_is_prompted_under_its_number(name):
    headings = [cell.source for cell in load(name).cells if "exercise" in cell.metadata.get("tags", [])]
    prompted = [number for text in headings for number in re.findall(r"^### Exercise (\S+?)[:.]?(?: |$)", text, re.M)]
    answered = [number for said in answers(name).values() for number in re.findall(r"^Exercise (\S+):", said, re.M)]
    assert prompted == answered


# ---- the tool that builds them ----

SOURCE = """\
# %% [markdown]
# # 01 Title
#
# Text with $\\hat{Y}$.

# %% tags=["setup"]
x = 1

# %%
x + 1

# %% [markdown] tags=["exercise"]
# ### Exercise 1.1


# %% tags=["exercise"]
def double(x):
    # BEGIN SOLUTION
    y = x
    return x + y
    # END SOLUTION


# %% tags=["answer"]
answer("1.1", double(1), 2, hint="Twice.")
"""


@pytest.fixture
def cells(tmp_path):
    """Reads a source given as text."""

    def read(text):
        path = tmp_path / "01_title.py"
        path.write_text(text)
        return build_notebooks.read_source(path)

    return read


def test_walkthrough_has_the_gap(cells):
    notebook = build_notebooks.walkthrough("01_title", cells(SOURCE))
    sources = [cell.source for cell in notebook.cells]
    assert sources[0] == "# 01 Title\n\nText with $\\hat{Y}$."
    assert "def double(x):\n    return ...  # your turn" in sources
    assert not [text for text in sources if "SOLUTION" in text or "x + y" in text]
    assert len(sources) == 6


def test_solutions_have_the_setup_and_the_solved_exercise_only(cells):
    notebook = build_notebooks.solutions("01_title", cells(SOURCE))
    sources = [cell.source for cell in notebook.cells]
    assert sources[0].startswith("# Solutions: 01 Title")
    assert sources[1:] == [
        "x = 1",
        "### Exercise 1.1",
        "def double(x):\n    y = x\n    return x + y",
        'answer("1.1", double(1), 2, hint="Twice.")',
    ]


def test_building_twice_gives_the_same(cells):
    first, second = (build_notebooks.walkthrough("01_title", cells(SOURCE)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("body", "gap"),
    [
        ("return a + b", "return ..."),
        ("t = 2\nR = t * t", "R = ..."),
        ("a, b = 1, 2", "a, b = ..., ..."),
        ("(a, b) = 1, 2", "a, b = ..., ..."),
        ("A[0] = 1", "A[0] = ..."),
    ],
)
def test_the_gap_is_the_last_statement(body, gap):
    text = f"# BEGIN SOLUTION\n{body}\n# END SOLUTION\n"
    assert build_notebooks.with_gaps(text) == f"{gap}  # your turn\n"
    assert build_notebooks.solved(text) == f"{body}\n"


def test_a_gap_can_be_given():
    text = "# BEGIN SOLUTION: total = ...\nfor x in xs:\n    total += x\n# END SOLUTION\nprint(total)"
    assert build_notebooks.with_gaps(text) == "total = ...  # your turn\nprint(total)"


def test_a_solution_without_a_derivable_gap_is_refused():
    with pytest.raises(SourceError, match="no gap can be derived from"):
        build_notebooks.with_gaps("# BEGIN SOLUTION\nfor x in xs:\n    pass\n# END SOLUTION\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import numpy\n", r"01_title\.py:1: the first line must open a cell"),
        ("# %% [raw]\n", r"01_title\.py:1: .* is neither"),
        ('# %% tags=["setpu"]\nx\n', r"01_title\.py:1: unknown tags \['setpu'\]"),
        ("# %% [markdown]\n# A\nB\n", r"01_title\.py:3: a line of text must begin with"),
        ('# %% tags=["exercise"]\nx = 1\n', r"01_title\.py:1: a code cell tagged exercise"),
        ("# %%\n# BEGIN SOLUTION\nx = 1\n# END SOLUTION\n", r"01_title\.py:1: a code cell tagged exercise"),
        ('# %% tags=["exercise"]\n# BEGIN SOLUTION\nx = 1\n', r"01_title\.py:1: a code cell tagged exercise"),
        ("# %%\nanswer('1', x, 1, hint='')\n", r"01_title\.py:1: a code cell tagged answer"),
    ],
)
def test_a_source_that_breaks_the_format_is_refused(cells, text, message):
    with pytest.raises(SourceError, match=message):
        cells(text)


def test_running_a_notebook_gives_steady_outputs(cells, tmp_path):
    text = SOURCE.split("# %% [markdown] tags")[0] + '# %%\nprint("a")\nprint("b")\n'
    notebook = build_notebooks.walkthrough("01_title", cells(text))
    build_notebooks.execute(notebook, tmp_path, 60)
    assert [cell.get("execution_count") for cell in notebook.cells] == [None, 1, 2, 3]
    assert notebook.cells[2].outputs[0]["data"] == {"text/plain": "2"}
    assert notebook.cells[3].outputs == [{"output_type": "stream", "name": "stdout", "text": "a\nb\n"}]
