# %% [markdown]
# # 07b The lifting layer under load
#
# **The question.** Do all routes to each gradient agree? What does the layer do with bad maps, other devices, other
# precisions? And what does it cost?
#
# Afterwards you can read the ledger of gradients, and say what the layer does with bad maps and what it costs.
#
# > **Takes** 25 minutes, exercises included. **Needs** [07](07_lifting_layer.ipynb).
# > **On the way:** an extra beside 07.
# >
# > **Symbols** (all of them: [notation](../docs/notation.md))
# > - $B$, $\hat B$: [belief maps of the network; maps of the lifted pose](../docs/notation.md#maps)
# > - $D_p$: [where landmark $p$ should move](../docs/notation.md#gradients)
# > - $J$: [bases](../docs/notation.md#counts)

# %% tags=["setup"]
import numpy as np
import torch

from lifting import LiftingLayer, belief, load_prior
from lifting.datasets import real_frames
from lifting.drawing import answer, hint, progress

# %% tags=["setup"]
frame = real_frames.load_real_frames(["cam01_004"])[0]
maps, present = real_frames.belief_human36m(frame)
prior, visible = load_prior(), present & frame.visible

# %% [markdown]
# ## The ledger of gradients
#
# The ledger compares every gradient of the supplement with the same gradient by every independent route. `python -m
# lifting.checking.ledger` makes it, and the tests make it again. Each entry is the largest relative error in float64,
# the larger of NumPy's and torch's:

# %%
import json

from IPython.display import Markdown

from lifting.support import files

ledger = json.loads(files.data_path("gradient_ledger.json").read_text())
rows_of = {}
for entry in ledger["entries"]:
    rows_of.setdefault(entry["gradient"], {})[entry["route"]] = max(entry["error"].values())
    assert all(entry["error"][kind] <= entry["bound"][kind] for kind in entry["error"])
routes = list(ledger["routes"])
lines = ["| gradient | " + " | ".join(routes) + " |", "|---" * (len(routes) + 1) + "|"]
for name, errors in rows_of.items():
    cells = [f"{errors[route]:.0e}" if route in errors else "-" for route in routes]
    lines.append("| " + " | ".join([name.replace("|", "\\|"), *cells]) + " |")
Markdown("\n".join(lines))

# %% [markdown]
# The routes (more in `docs/gradient_ledger.md`):
#
# - *By hand* writes the formula out once more. *Conditioning* has ridge regression as the mean of a Gaussian of which
#   some coordinates are known. *Autograd* is torch's derivative of the forward formula, with a linear solve; *autograd,
#   pinv* is the same with a pseudo-inverse. *Complex step* evaluates the forward formula at $y + i\,h$ with a tiny $h$:
#   the imaginary part, divided by $h$, is the derivative. All five have the model written out a second time, and share
#   nothing but the question with the code that they check.
#
# - *Central difference*, and *along v* (the product of the Jacobian with a random vector), take differences of the
#   package's own forward functions. *Adjoint* holds the package's two products against each other, $\langle v, H^\top
#   g\rangle$ against $\langle Hv, g\rangle$. These three find a wrong derivative, but not a wrong model.
#
# Two rows stand out, and should: (9) with its step of one pixel is **not** the derivative (notebook 05), and with a
# thousandth of a pixel it nearly is.

# %%
print(len(ledger["entries"]), "comparisons,", len(ledger["wrong gradients"]), "wrong gradients refused")

# %% [markdown] tags=["exercise"]
# ### Exercise 7b.1: a landmark without a gradient (10 minutes)
# The update's size is $k\,\lVert D_p\rVert$. Which landmarks' maps get **no** gradient at all from a loss on what the
# maps show? Return their indices, sorted, from `gradient` (1, 17, rows, columns). Why those?

# %% tags=["setup"]
B = torch.tensor(maps[None], requires_grad=True)
layer = LiftingLayer(prior, sigma=1.5, visible=visible, camera=frame.map_camera)
(layer(B).B_hat[:, visible] ** 2).sum().backward()


# %% tags=["exercise"]
def without_gradient(gradient):
    # BEGIN SOLUTION
    return [p for p in range(17) if not gradient[0, p].any()]
    # END SOLUTION


# %% tags=["answer"]
answer("7b.1", without_gradient(B.grad))

# %% [markdown]
# Exactly those that have no map: nothing was read there, so there is nothing to correct. The lifted pose does have a
# pelvis, which the prior fills in.

# %% [markdown]
# ## What bad maps do


# %%
def summary(B, **settings):
    B = B.clone().requires_grad_()
    out = LiftingLayer(prior, **settings)(B)
    out.B_hat.float().square().sum().backward()
    return bool(out.admissible[0]), bool(torch.isfinite(B.grad).all()), out.B_hat.dtype


people = torch.zeros(1, 17, 32, 32)
people[0, range(17), *np.random.default_rng(1).integers(4, 28, (2, 17))] = 1
upright = torch.tensor(belief.belief_maps(belief.peaks(maps)[None] / 2, 32, 32), dtype=torch.float32)
cases = {
    "all zero": torch.zeros(1, 17, 32, 32), "constant": torch.full((1, 17, 32, 32), 0.3),
    "one pixel large": torch.ones(1, 17, 1, 1), "random peaks": people, "float16": upright.half(),
    "two equal peaks": torch.maximum(upright, upright.roll(3, -1)),
}  # fmt: skip
for name, B_case in cases.items():
    fits, finite, dtype = summary(B_case)
    print(f"{name:16} admissible: {fits!s:5}  gradient finite: {finite}  {str(dtype).removeprefix('torch.')}")
    assert finite

# %% [markdown]
# Where all peaks lie in the same pixel there is no person to lift: the frame passes through, its landmarks and its
# gradient unchanged, and `admissible` is False. True says that the search had something to work with, not that the pose
# is believable: random peaks are admissible, too. Of several equal peaks the first counts, row by row. A NaN stays in
# its landmark, makes its own frame inadmissible, and leaves the other frames of the batch alone.

# %%
ill = upright.repeat(2, 1, 1, 1)
ill[0, 5, 0, 0] = np.nan
out = LiftingLayer(prior)(ill)
print("NaN in landmark", torch.isnan(out.landmarks[0, 0]).nonzero().flatten().tolist(), " admissible:",
      out.admissible.tolist())  # fmt: skip
assert torch.allclose(out.Y_hat[1], LiftingLayer(prior)(upright).Y_hat[0], atol=1e-3)

# %% [markdown]
# ## Any device, any precision
#
# The layer computes on the device of its input. Under autocast it stays in float32 inside: the search decides between
# rotations whose costs are nearly equal. A tensor on `device="meta"` has a shape and no values. The layer runs on it,
# so it never looks at a value to decide what to do next, and on a GPU nothing has to wait for one.

# %%
meta = LiftingLayer(prior)(torch.empty(16, 17, 46, 46, device="meta", requires_grad=True))
meta.B_hat.sum().backward()
with torch.autocast("cpu", dtype=torch.bfloat16):
    inside = LiftingLayer(prior)(upright)
assert torch.equal(inside.Y_hat, LiftingLayer(prior)(upright).Y_hat)
print("meta:", tuple(meta.B_hat.shape), " under autocast Y_hat is", inside.Y_hat.dtype)

# %% [markdown]
# ## What it costs
#
# The supplement says that "for computational reasons" it may be preferable to leave its gradients out of training,
# since they are "custom Python-based derivatives". Count what a backward pass does for one image of 17 maps. (9) is 2
# products of each map with a profile. (8) is two products with a matrix of 34 x ($J$ + 1); the 1 is for the free scale.
# "Updating B" is one pass over the maps, which we count as 4 products per pixel.

# %%
pixels, bases = 17 * 46 * 46, prior.J
work = {"(9)": 2 * pixels, "(8)": 2 * 34 * (bases + 1), "Updating B": 4 * pixels}
stage = 46 * 46 * (50 * 128 * 49 + 4 * 128 * 128 * 49 + 128 * 128 + 128 * 18)
print({name: f"{count:,}" for name, count in work.items()})
print(f"one 7 x 7 x 128 stage, forward pass: {stage:,} products, {stage // sum(work.values()):,} times as many")

# %% [markdown] tags=["exercise"]
# ### Exercise 7b.2: by hand (5 minutes)
# Above, the matrix $E\bar E^t$ is never formed: $\bar E^{t\top}(E^\top g)$ is computed from the right. How many
# multiplications does (8) cost, for 17 landmarks, $J$ bases and a free scale, if the matrix is formed first, and its
# transpose then multiplied by $g$? Return the number as a function of $J$.


# %% tags=["exercise"]
def multiplications(J):
    # BEGIN SOLUTION
    return 34 * 34 * (J + 1) + 34 * 34
    # END SOLUTION


# %% tags=["answer"]
answer("7b.2", multiplications)

# %% [markdown]
# Operations are not seconds, and the count above leaves out the layer's forward pass, with its search. So here are
# times of whole training steps, forward and backward, measured on the machine that `benchmarks/layer.md` names, for 16
# images of 17 maps (those of the Python loops scaled up from 2 images):

# %% tags=["nbval-ignore-output"]
from pathlib import Path

# Not compared: who runs the benchmark again gets other numbers.
measured = json.loads((Path(belief.__file__).parents[1] / "benchmarks" / "layer.json").read_text())
print(f"one training step of one 7 x 7 x 128 stage: {1000 * measured['stage']['seconds']:.0f} ms")
most = max(row["components"] for row in measured["ways"])
for row in measured["ways"]:
    if row["components"] == most:
        print(f"{1000 * row['seconds']:6.1f} ms, {row['share']:.1%} of it: {row['way']}")
assert all(row["share"] < 0.1 for row in measured["ways"] if row["way"].startswith("the layer"))

# %% [markdown]
# With its gradients the layer costs a fraction of a percent of a stage, and far less than loops in Python. Beside a
# stage on a CPU, even those loops cost little; beside a stage on a GPU, which we have not measured, they would weigh
# more. On the CPU that was measured, cost is no longer a reason to leave the gradients out. Whether they **help** is
# another question: notebook 10.
#
# ## Recall
#
# Answer first, then unfold.
#
# 1. <details><summary>Two rows of the ledger are far from zero. Why is that right?</summary>
#
#    (9) with a step of one pixel is not the derivative, and the table says by how much.
#
#    </details>
#
# 2. <details><summary>What does a difference of the package's own forward functions not find?</summary>
#
#    A wrong model: forward and backward may be wrong together.
#
#    </details>
#
# 3. <details><summary>All peaks lie in the same pixel. What does the layer return?</summary>
#
#    The landmarks and the gradient as they came; `admissible` is False.
#
#    </details>
#
# 4. <details><summary>Why is autocast switched off inside?</summary>
#
#    The search decides between rotations whose costs are nearly equal.
#
#    </details>
#
# 5. <details><summary>What does a tensor on "meta" show?</summary>
#
#    That nothing in the layer looks at a value to decide what to do next: there are none.
#
#    </details>

# %%
progress()
