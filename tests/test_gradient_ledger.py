"""The ledger of gradients: every entry is within its bound, the written files are current, faults are found."""

import json

import numpy as np
import pytest

from lifting.checking import gradients
from lifting.checking import ledger as gradient_ledger
from lifting.checking.cases import frames, truncation
from lifting.checking.ledger import ROUTES, Entry, Ledger, Mistake, Property, as_json, as_markdown, ledger, main
from lifting.checking.routes import EXACT, by_conditioning, by_svd

pytestmark = pytest.mark.usefixtures("one_thread")

EQUATIONS = ("(3)", "(4)", "(7)", "(8)", "(9)", "layer")


@pytest.fixture(scope="module")
def measured(request):
    request.getfixturevalue("one_thread")
    return ledger()


def names(document):
    entries = [(entry["gradient"], entry["route"], *sorted(entry["error"])) for entry in document["entries"]]
    return entries + [one["name"] for key in ("updating B", "wrong gradients") for one in document[key]]


def test_every_gradient_agrees_with_every_route(measured):
    assert measured.faults == []
    for entry in measured.entries:
        assert entry.error and all(error <= entry.bound[name] for name, error in entry.error.items()), entry
    assert {entry.route for entry in measured.entries} == set(ROUTES)
    for equation in EQUATIONS:
        assert [entry for entry in measured.entries if equation in entry.gradient]


def test_bounds_are_tight(measured):
    for entry in measured.entries:
        if entry.gradient.startswith("(9), 1 px"):
            assert max(entry.error.values()) > 0.1  # what (9) is off by at one pixel can't be hidden
        elif "central" in entry.route or entry.route == "along v" or "0.001 px" in entry.gradient:
            assert max(entry.bound.values()) < 1e-5, entry
        else:
            assert set(entry.bound.values()) == {EXACT}, entry


def test_every_gradient_has_two_routes(measured):
    routes = {}
    for entry in measured.entries:
        routes.setdefault(entry.gradient, []).append(entry.route)
    assert min(len(found) for found in routes.values()) >= 2


def test_updating_B_keeps_its_properties(measured):
    assert measured.properties
    for one in measured.properties:
        assert one.right and one.of > 0, one


def test_wrong_gradients_are_refused(measured):
    assert len(measured.mistakes) >= 10
    for mistake in measured.mistakes:
        assert mistake.refused, mistake
        if "1.001" in mistake.name:
            assert mistake.error == pytest.approx(1e-3, rel=1e-3)


def test_the_transposed_jacobian_differs_only_where_landmarks_are_missing():
    for kind, symmetric in (("fixed", True), ("missing", False)):
        J = by_svd(frames(kind)[0].plain())
        assert np.allclose(J, J.T, atol=1e-12) is symmetric


def test_files_of_the_repository_are_current(measured, root):
    committed = json.loads((root / "data" / "gradient_ledger.json").read_text())
    current = json.loads(as_json(measured))
    assert names(committed) == names(current)
    assert committed["routes"] == current["routes"] and committed["notes"] == current["notes"]
    assert set(committed["versions"]) == {"numpy", "torch"}
    for entry in committed["entries"]:
        assert all(error <= entry["bound"][name] for name, error in entry["error"].items())
    text = (root / "docs" / "gradient_ledger.md").read_text()
    prose = [line for line in as_markdown(measured).splitlines() if line and line[0] not in "|M"]
    assert [line for line in text.splitlines() if line and line[0] not in "|M"] == prose


def test_the_tables_are_tables(measured):
    blocks = [block.splitlines() for block in as_markdown(measured).split("\n\n") if block.startswith("|")]
    assert len(blocks) == 3
    for block in blocks:
        assert len({line.replace("\\|", "").count("|") for line in block}) == 1


def test_the_command_writes_both_files(measured, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gradient_ledger, "ledger", lambda: measured)
    assert main(["--out", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gradient_ledger.json", "gradient_ledger.md"]
    assert json.loads((tmp_path / "gradient_ledger.json").read_text())["made by"] == "python -m lifting.checking.ledger"
    assert "all within their bounds" in capsys.readouterr().out


def test_the_command_wants_a_folder(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path / "none")])
    assert "expected a folder that exists" in " ".join(capsys.readouterr().err.replace("│", "").split())


@pytest.mark.parametrize(
    ("function", "wrong", "rows", "blamed"),
    [
        ("jacobian", lambda right: lambda E, E_bar_t: 1.001 * right(E, E_bar_t), "landmark_rows", "(8)"),
        ("push_forward", lambda right: lambda E, E_bar_t, v: 1.001 * right(E, E_bar_t, v), "landmark_rows", "along v"),
        ("pull_back", lambda right: lambda E, E_bar_t, g: 1.001 * right(E, E_bar_t, g), "chain_rows", "dL/dY"),
        ("belief_gradient", lambda right: lambda *a: 1.001 * right(*a), "belief_rows", "as printed"),
        ("exact_belief_gradient", lambda right: lambda *a: -right(*a), "belief_rows", "derivative of B_hat"),
        ("landmarks_to_coefficients", lambda right: lambda E, s: right(E, 1 / s), "coefficient_rows", "(7)"),
        ("coefficients_to_landmarks", lambda right: lambda *a, **k: 1.001 * right(*a, **k), "coefficient_rows", "(3)"),
    ],
)
def test_the_command_fails_where_a_gradient_is_wrong(function, wrong, rows, blamed, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gradients, function, wrong(getattr(gradients, function)))
    monkeypatch.setattr(gradient_ledger, "gradients", getattr(gradients, rows))
    monkeypatch.setattr(gradient_ledger, "update_properties", list)
    monkeypatch.setattr(gradient_ledger, "mistakes", list)
    assert main(["--out", str(tmp_path)]) == 1
    assert blamed in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_faults_are_put_in_words():
    entry = Entry("dY_hat/dY", "autograd", {"numpy": 1e-15, "torch": 2e-3}, {"numpy": EXACT, "torch": EXACT})
    bad = Ledger([entry], {}, [Property("falls", 1, 2, 2)], [Mistake("twice", "check_jacobian", False, 0.0)])
    assert [fault.split(":")[0] for fault in bad.faults] == ["dY_hat/dY, autograd", "Updating B", "not refused"]


def test_truncation_of_equation_9_is_the_largest_third_derivative():
    u = np.linspace(-8, 8, 400_001)
    for sigma in (0.7, 1.0, 2.5):
        t = u / sigma
        third = np.abs((3 * t - t**3) * np.exp(-(t**2) / 2) / sigma**3).max()
        assert truncation(1.0, sigma) == pytest.approx(third / 6, rel=1e-8)
        assert truncation(0.5, sigma) == pytest.approx(third / 24, rel=1e-8)


@pytest.mark.parametrize("kind", ["fixed", "free", "missing", "weighted", "all"])
def test_the_two_closed_forms_agree(kind):
    for frame in frames(kind):
        model = frame.plain(3)
        np.testing.assert_allclose(by_svd(model), by_conditioning(model), atol=1e-11)


def test_a_winner_that_changes_near_by_is_refused():
    frame = frames("fixed")[0]
    with pytest.raises(AssertionError, match="another rotation or component wins"):
        frame.lift_at_winner(frame.Y[None] * np.array([[[-1.0], [1.0]]]))
