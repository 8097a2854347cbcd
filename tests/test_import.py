"""What `import lifting` loads beside torch and NumPy: nothing that the front door doesn't need."""

import json
import subprocess
import sys

import pytest

HEAVY = {"torch._dynamo", "torch._inductor", "sympy", "scipy", "matplotlib", "PIL", "pandas", "ipywidgets", "IPython",
         "jinja2", "tyro", "msgspec", "c3d"}  # fmt: skip
WINGS = {"fitting", "training", "checking", "datasets", "makers", "drawing", "experiments", "files"}
USE = """
Y = lifting.load_prior().mu[0, :2]
lifting.landmark_jacobian(lifting.lift(Y, lifting.load_prior()), lifting.load_prior())
network = lifting.build_network()
network(torch.zeros(1, 3, 128, 128))[2].fused.sum().backward()
"""


def loaded(code: str) -> set[str]:
    """The modules in memory after `code`, run by a Python of its own."""
    command = [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("use", ["", USE])
def test_neither_the_import_nor_lifting_loads_what_it_does_not_need(use):
    new = loaded(f"import torch, lifting\n{use}") - loaded("import torch")
    assert "lifting.front" in new
    assert not new & HEAVY
    assert not {name for name in new if name.startswith("lifting.") and name.split(".")[1] in WINGS}
