# %% [markdown]
# # 09b Stopping, going on, other machines
#
# **The question.** Training takes hours. What happens when it is stopped, and what changes on a GPU, or on several?
#
# Afterwards you can stop a run and go on as if nothing had happened, and train on one GPU or on several with the same
# code.
#
# > **Takes** 25 minutes, exercises included. **Needs** [09](09_training.ipynb).
# > **On the way:** an extra beside 09.
#
# The training code was never released, so all of this is ours.

# %% tags=["setup"]
import numpy as np
import torch

from lifting import training
from lifting.datasets import rendered
from lifting.drawing import answer, hint, progress

# %% tags=["setup"]
people = rendered.halve(rendered.load_rendered("train"))
settings = training.Settings(steps=300, batch=16, rate=3e-3, warm_up=20)

# %% [markdown]
# ## A batch is a function of the seed and the step
#
# If a run is to go on after a stop as if nothing had happened, its batches may not depend on what happened before: not
# on how many random numbers have been drawn, not on the time. Which pictures a step sees, and how they are varied, is
# computed from the seed and the number of the step alone.

# %%
batch, again = (training.batches.Batches(people, size=8, seed=0)[5] for _ in range(2))
print("batch 5 made twice, without batches 0 to 4: equal", torch.equal(batch.images, again.images))
assert torch.equal(batch.images, again.images)

# %% [markdown] tags=["exercise"]
# ### Exercise 9b.1: fill in (10 minutes)
# Return the indices of the pictures of one step, (size,). In each epoch of `count // size` steps the pictures come in a
# new random order, and none comes twice. Only the arguments may decide: `np.random.default_rng([seed, epoch])` is a
# generator that depends on two numbers.


# %% tags=["exercise"]
def pictures_of(seed, step, count, size):
    # BEGIN SOLUTION
    epoch, place = divmod(step, count // size)
    return np.random.default_rng([seed, epoch]).permutation(count)[place * size : (place + 1) * size]
    # END SOLUTION


# %% tags=["answer"]
answer("9b.1", pictures_of)

# %% [markdown]
# ## Stop, and go on
#
# Ctrl-C lets a run finish the step that it is in, and ends it with a checkpoint: weights and optimiser as safetensors,
# the rest as JSON, no pickles. A kill in the middle of a step loses what came after the last checkpoint and nothing
# else. Either way `resume` goes on, and on the same machine and device it ends with the same bits. Below: ten steps in
# one go; and ten that break off in the eighth and go on from the checkpoint of the fifth.
#
# (The cell breaks off by an exception from within the data. It isn't caught as a Ctrl-C would be, and stands for a
# kill: steps six and seven are lost, and made again.)


# %%
class Interrupted:
    """Pictures that break the run off after some batches, in the middle of a step."""

    def __init__(self, batches):
        self.left = 2 * batches  # a batch of 16 is made in two halves

    def __len__(self):
        return len(people)

    def make(self, indices, generator):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return people.make(indices, generator)


# %%
import tempfile
from dataclasses import replace
from pathlib import Path

folder = Path(tempfile.mkdtemp())
short = replace(settings, steps=10)
options = training.RunOptions(workers=0, every=5, progress=False)
whole = training.train(short, people, folder / "whole", options=options)
try:
    training.train(short, Interrupted(7), folder / "cut", options=options)
except KeyboardInterrupt:
    print("stopped; kept:", sorted(path.name for path in (folder / "cut" / "checkpoints").iterdir()))
go_on = replace(options, resume=True)
resumed = training.train(short, people, folder / "cut", options=go_on)
same = [torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)]
print("resumed: all", len(same), "tensors equal, bit by bit:", all(same))
assert all(same)

# %% [markdown]
# (The tests kill a run with SIGKILL at random moments.) If the settings are not those with which the run was begun,
# `resume` is refused:

# %%
try:
    training.train(replace(short, lifting="none"), people, folder / "cut", options=go_on)
except ValueError as error:
    print(str(error).replace(str(folder), "..."))

# %% [markdown]
# ## From a shell, on one GPU or on several
#
# Three commands follow. The first is such a run from a shell, on the GPU if there is one. The second trains on *shards*
# instead of the embedded pictures: files of rendered people from which each picture is composed anew, with other
# clothes, light and surroundings (`data/rendered_people.md`). The third runs on every GPU of a machine; they share each
# batch.
#
# ```
# python -m lifting.training --steps 1000 --out runs/first
# python -m lifting.training --steps 10000 --out runs/network --data shards --precision bfloat16
# torchrun --nproc-per-node gpu -m lifting.training --config paper --size 368 --steps 50000 --batch 64 \
#     --precision bfloat16 --out runs/paper --data shards
# ```
#
# Two processes make, up to rounding, the step that one would make of the whole batch: no layer looks across the
# pictures of a batch, and gradients are averaged. (This is tested on two CPU processes only.)
#
# The next cell makes one step: with the configuration 'paper' if there is a GPU, and otherwise with 'laptop', on
# pictures of half their size, on the CPU.

# %% tags=["nbval-ignore-output"]
# Not compared: the device and its speed are this machine's.
device = training.default_device()
on_gpu = device.type == "cuda"
config, size = ("paper", 368) if on_gpu else ("laptop", 64)
chosen = training.Settings(config=config, size=size, batch=16, precision="bfloat16")
everyone = rendered.load_rendered()
losses, length = training.Trainer(chosen, device).train_on(training.batches.Batches(everyone, 16, 0)[0])
print(f"one step of {chosen.config!r} on {device.type}: losses {[f'{x:.0f}' for x in losses.tolist()]}")
print("speed of both configurations, on this machine: python benchmarks/network.py")

# %% [markdown]
# **No speed of a GPU is given here or in `benchmarks/network.md`: no GPU was at hand when they were made.** The command
# in the last line measures the speed, on the GPU if there is one.

# %% [markdown] tags=["exercise"]
# ### Exercise 9b.2: by hand (5 minutes)
# Two processes share a batch of 16 pictures: one gets 10, the other 6. Each computes the gradient of the mean loss of
# its own pictures; for one of the weights these are 1.0 and 3.0. What is the gradient of the mean loss of the whole
# batch? And what would a plain average give?

# %% tags=["exercise"]
# BEGIN SOLUTION
whole_batch, plain_average = (10 * 1.0 + 6 * 3.0) / 16, (1.0 + 3.0) / 2
# END SOLUTION

# %% tags=["answer"]
answer("9b.2", [whole_batch, plain_average])

# %% [markdown]
# So a batch must be shared evenly, or the parts weighted.
#
# ## Recall
#
# Answer first, then unfold.
#
# 1. <details><summary>What must a checkpoint hold so that a run ends with the same bits?</summary>
#
#    The weights, the state of the optimiser and the number of the step. The pictures follow from the seed and the
#    step.
#
#    </details>
#
# 2. <details><summary>Why no pickle?</summary>
#
#    Loading a pickle may run any code that is in it. safetensors and JSON hold only numbers and text.
#
#    </details>
#
# 3. <details><summary>What is lost when a run is killed?</summary>
#
#    What came after its last checkpoint.
#
#    </details>
#
# 4. <details><summary>Why does sharing a batch between processes not change the step?</summary>
#
#    No layer looks across the pictures of a batch, and the gradients are averaged.
#
#    </details>
#
# 5. <details><summary>Why are other settings refused when a run is resumed?</summary>
#
#    It would no longer be the run that was begun, and its log would not show that.
#
#    </details>

# %%
progress()
