"""The report of mutation testing is that of its results, every survivor has a reason, results hold where they may."""
# ruff: noqa: D103

import json

import mutation


def test_the_report_is_made_of_the_results():
    assert mutation.REPORT.read_text() == mutation.report()


def test_the_score_is_as_wanted_and_every_survivor_has_a_reason():
    results = json.loads(mutation.RESULTS.read_text())
    assert set(results) == set(mutation.TESTS)
    outcomes = [m["outcome"] for module in results.values() for m in module["mutants"].values()]
    assert len(outcomes) > 2000 and outcomes.count("survived") < 0.05 * len(outcomes)
    assert "no reason given" not in mutation.REPORT.read_text()


def test_the_readme_has_the_figures_of_the_results():
    results = json.loads(mutation.RESULTS.read_text())
    outcomes = [m["outcome"] for module in results.values() for m in module["mutants"].values()]
    noticed = 1 - outcomes.count("survived") / len(outcomes)
    readme = " ".join((mutation.REPORT.parents[1] / "README.md").read_text().split())
    assert f"of {len(outcomes):,} faults {100 * noticed:.1f} % are noticed" in readme


def test_results_hold_for_functions_and_tests_that_are_as_they_were():
    mutants = {f"lifting.m.x_{f}__mutmut_{n}": {"outcome": o} for f, n, o in
               [("a", 1, "killed"), ("a", 2, "survived"), ("b", 1, "killed"), ("gone", 1, "killed")]}  # fmt: skip
    before = {"functions": {"lifting.m.x_a": "1", "lifting.m.x_b": "1"}, "tests": "t", "mutants": mutants}
    same = {"functions": {"lifting.m.x_a": "1", "lifting.m.x_b": "2"}, "tests": "t"}
    assert list(mutation.still_known(before, same)) == ["lifting.m.x_a__mutmut_1", "lifting.m.x_a__mutmut_2"]
    assert list(mutation.still_known(before, same | {"tests": "u"})) == ["lifting.m.x_a__mutmut_1"]
    assert mutation.still_known({}, same) == {}
