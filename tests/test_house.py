"""The house around the package: the files that set it up agree, and `make` does what it says."""

import os
import pkgutil
import re
import shutil
import stat
import subprocess
import sys
import tomllib

import lab
import pytest
import yaml
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from traitlets.config import Application

CONDA_NAMES = {"pytorch": "torch"}


@pytest.fixture
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture
def pins(root):
    lines = (root / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def requirements(project, *extras):
    lines = project["dependencies"] + [line for extra in extras for line in project["optional-dependencies"][extra]]
    return [Requirement(line) for line in lines]


def test_every_direct_dependency_is_a_range_that_admits_its_tested_version(project, pins):
    for requirement in requirements(project, *project["optional-dependencies"]):
        assert requirement.specifier, f"{requirement} has no lower bound"
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_constraints_hold_on_every_platform(pins):
    assert pins["torch"] == "2.13.0"
    assert not [name for name in pins if name.startswith(("nvidia-", "triton", "lifting"))]
    assert not [
        version for version in pins.values() if not re.fullmatch(r"[0-9]+(\.[0-9]+)*(b[0-9]+|\.?post[0-9]+)?", version)
    ]


def test_conda_environment_names_the_same_versions(root, project, pins):
    listed = yaml.safe_load((root / "environment.yml").read_text())["dependencies"]
    from_pip = next(entry for entry in listed if isinstance(entry, dict))["pip"]
    assert "-e ." in from_pip
    assert f"python{project['requires-python']}" in listed
    pairs = [entry.split("==") for entry in from_pip if "==" in entry]
    pairs += [entry.split("=") for entry in listed if isinstance(entry, str) and "=" in entry and ">" not in entry]
    versions = {CONDA_NAMES.get(name, name): version for name, version in pairs}
    wanted = {canonicalize_name(requirement.name) for requirement in requirements(project, "test", "dev")}
    assert versions == {name: pins[name] for name in wanted}


def test_what_has_no_wheels_everywhere_is_an_extra_that_nothing_else_needs(root, project):
    """Markers leave it out where it can't be installed; `make`, and so CI, asks for it, and CI insists on its tests."""
    extras = project["optional-dependencies"]
    assert {name for name, lines in extras.items() if any("cvxpylayers" in line for line in lines)} == {"solver"}
    assert "cvxpylayers" not in {requirement.name for requirement in requirements(project, "test", "dev")}
    solver = requirements(project, "solver")[-1]
    linux = {"python_version": "3.11", "sys_platform": "linux", "platform_machine": "x86_64"}
    lacking = ({"python_version": "3.14"}, {"platform_machine": "aarch64"}, {"sys_platform": "win32"})
    assert solver.marker.evaluate(linux)
    assert solver.marker.evaluate(linux | {"sys_platform": "darwin", "platform_machine": "arm64"})
    assert not any(solver.marker.evaluate(linux | change) for change in lacking)
    assert "[test,dev,solver]" in (root / "Makefile").read_text()
    assert "SOLVER_TESTS=required" in (root / ".ci" / "run").read_text()


def test_the_package_takes_what_colab_has(project):
    """Versions of its image of 2025; JupyterLab is no part of what the package needs."""
    needed = {requirement.name: requirement.specifier for requirement in requirements(project)}
    colab = {"ipywidgets": "7.7.1", "numpy": "2.0.2", "pillow": "11.3.0", "matplotlib": "3.10.0", "scipy": "1.16.3",
             "torch": "2.8.0", "tqdm": "4.67.1", "safetensors": "0.6.2", "jinja2": "3.1.6",
             "threadpoolctl": "3.6.0"}  # fmt: skip
    assert all(needed[name].contains(version) for name, version in colab.items())
    fetched = {"anywidget", "array-api-compat", "c3d", "jaxtyping", "msgspec", "tyro"}
    assert needed.keys() - colab.keys() == fetched


def test_readme_installs_the_tested_torch(root, pins):
    assert set(re.findall(r"torch==([\d.]+)", (root / "README.md").read_text())) == {pins["torch"]}


def test_citation_names_the_software_and_the_paper(root, project):
    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    paper = citation["references"][0]
    assert [author["family-names"] for author in paper["authors"]] == ["Tome", "Russell", "Agapito"]
    assert paper["identifiers"][0]["value"] == "arXiv:1701.00295"


def test_pre_commit_fetches_nothing(root):
    repositories = yaml.safe_load((root / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    hooks = repositories[0]["hooks"]
    assert all(hook["language"] == "system" for hook in hooks)
    assert {"ruff-check", "ruff-format", "mypy", "notebooks", "readme"} <= {hook["id"] for hook in hooks}


def test_the_habits_name_what_there_is(root):
    text = (root / "CONTRIBUTING.md").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", (root / "Makefile").read_text(), re.M)[1].split()
    commands = re.findall(r"(?:^|`)make ((?:[a-z]+ ?)+)", text, re.M)
    assert commands and {target for command in commands for target in command.split()} <= set(targets)
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (root / link).exists(), link
    for path in re.findall(r"(?:tools|tests|docs|data|lifting|notebooks)/[\w/.]+\w", text):
        assert (root / path).exists() or (root / f"{path}.ipynb").exists(), path


def test_ci_runs_the_documented_commands(root):
    script = root / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    assert re.search(r"^exec make lint types test\b", script.read_text(), re.M)
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    readme = (root / "README.md").read_text()
    assert "make test" in readme and "make lab" in readme


# ---- make, with a stand-in for Python that notes how it is called ----

STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >> "{log}"
case "$2" in
venv) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$0" "$3/bin/pytest" ;;
*version_info*) exit {old} ;;
print*) echo 1 ;;
pip) exit {pip} ;;
esac
"""


@pytest.fixture
def make(root, tmp_path):
    """Runs make in a folder of its own; `calls` of the result are those of the stand-in for Python."""
    if not shutil.which("make"):
        pytest.skip("make is not on this machine")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(root / name, tmp_path)
    log = tmp_path / "log"

    def run(*arguments, old=0, pip=0):
        stand_in = tmp_path / "stand-in"
        stand_in.write_text(STAND_IN.format(log=log, old=old, pip=pip))
        stand_in.chmod(0o755)
        log.write_text("")
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}
        result = subprocess.run(
            ["make", f"PYTHON={stand_in}", *arguments], cwd=tmp_path, env=clean, text=True, capture_output=True
        )
        result.calls = log.read_text()
        return result

    run.folder = tmp_path
    return run


def test_make_sets_up_once(make):
    first = make("lab")
    assert first.returncode == 0, first.stderr
    assert "-m venv .venv" in first.calls and "-c constraints.txt" in first.calls and "tools/lab.py" in first.calls
    second = make("lab")
    assert "tools/lab.py" in second.calls
    assert "venv" not in second.calls and "pip" not in second.calls


def test_make_redoes_a_half_made_environment(make):
    broken = make("lab", pip=1)
    assert broken.returncode != 0 and "tools/lab.py" not in broken.calls
    (make.folder / ".venv" / "left-over").touch()
    again = make("lab")
    assert "-m venv .venv" in again.calls and "tools/lab.py" in again.calls
    assert not (make.folder / ".venv" / "left-over").exists()


def test_make_redoes_an_environment_whose_interpreter_is_gone(make):
    make("lab")
    (make.folder / ".venv" / "bin" / "python").unlink()
    assert "-m venv .venv" in make("lab").calls


def test_make_brings_the_environment_up_to_date_when_the_versions_change(make):
    make("lab")
    stamp = (make.folder / ".venv" / ".ready").stat()
    os.utime(make.folder / "constraints.txt", (stamp.st_atime + 5, stamp.st_mtime + 5))
    again = make("lab")
    assert "pip install" in again.calls and "-m venv" not in again.calls


def test_make_refuses_an_old_python(make):
    result = make("lab", old=1)
    assert result.returncode != 0
    assert "is not Python 3.11 or newer" in result.stderr
    assert not (make.folder / ".venv").exists()


def test_make_test_runs_everything_strictly(make):
    calls = make("test").calls
    command = next(line for line in calls.splitlines() if "-m pytest" in line).split()
    assert "--nbval" in command and "--nbval-lax" not in command
    assert any(word.startswith("--nbval-cell-timeout=") for word in command)
    narrowing = ("tests", "notebooks", "--ignore", "--deselect", "-k", "-m=")
    assert not [word for word in command if word.startswith(narrowing)]


def test_make_help_names_every_target(root):
    makefile = (root / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.M)[1].split()
    undocumented = [target for target in targets if f'@echo "make {target} ' not in makefile]
    assert undocumented == ["help"]


# ---- make lab ----


@pytest.fixture
def launched(monkeypatch):
    """Runs tools/lab.py up to where it becomes JupyterLab: its command line and environment."""

    def run(*arguments):
        seen = {}
        monkeypatch.setattr(os, "execve", lambda program, command, env: seen.update(command=command, env=env))
        monkeypatch.setattr(os, "chdir", lambda folder: None)
        lab.main(list(arguments))
        return seen["command"], seen["env"]

    return run


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_lab_without_a_display_says_how_to_reach_the_page(launched, monkeypatch, capsys):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    command, env = launched("--port=9123")
    assert "--no-browser" in command
    assert [word for word in command if "port=" in word] == ["--port=9123"]
    said = capsys.readouterr().out
    assert f"http://localhost:9123/lab/tree/notebooks/00_start_here.ipynb?token={env['JUPYTER_TOKEN']}" in said
    assert "ssh -N -L 9123:localhost:9123 " in said


def test_lab_with_a_display_opens_a_browser(launched, monkeypatch, capsys):
    monkeypatch.setenv("DISPLAY", ":0")
    command, _ = launched()
    assert "--no-browser" not in command
    assert "ssh" not in capsys.readouterr().out


def test_lab_keeps_the_token_off_the_command_line(launched):
    command, env = launched()
    assert len(env["JUPYTER_TOKEN"]) >= 32
    assert not [word for word in command if env["JUPYTER_TOKEN"] in word]


def test_lab_keeps_ones_own_settings(launched, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "mine")
    _, env = launched()
    assert env["JUPYTER_CONFIG_PATH"] == os.pathsep.join([str(lab.SETTINGS), "mine"])


@pytest.mark.parametrize(
    "of, settings", [("jupyter_server.serverapp:ServerApp", "jupyter_server_config"), ("voila.app:Voila", "voila")]
)
def test_messages_of_a_kernel_go_to_the_page_at_once(of, settings, monkeypatch):
    app = pkgutil.resolve_name(of)()
    Application.load_config_file(app, settings, path=[str(lab.SETTINGS)])
    connection_class = app.kernel_websocket_connection_class
    told = []
    monkeypatch.setattr(KernelWebsocketHandler, "set_nodelay", lambda self, value: told.append(value))
    monkeypatch.setattr(connection_class.__base__, "connect", lambda self: "connected")
    page = object.__new__(KernelWebsocketHandler)
    assert connection_class(websocket_handler=page).connect() == "connected"
    assert told == [True]


def test_lab_takes_the_next_port_where_one_is_in_use():
    with lab.socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert lab.free_port(port) > port
