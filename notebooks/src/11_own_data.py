# %% [markdown]
# # 11 Your own picture: from a file to 3D
#
# **The question.** I have a photo, a video, or a file that some detector wrote. What do I get, and when should I not
# believe it?
#
# Afterwards you can take a file all the way, read the signs of a wrong input, and say how sure a pose is.
#
# > **Takes** 50 minutes, exercises included. **Needs** [03](03_solving_for_pose.ipynb).
# > **On the way:** an extra; nothing needs it. All but the lifting itself is ours and not the paper's.
# >
# > **Symbols** (all of them: [notation](../docs/notation.md))
# > - $Y$ $(2, L)$: landmarks, x to the right and y up
# > - $w$ $(L,)$: how much each landmark counts: a detector's confidence
# > - $s$: the scale, pixels per metre

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np

from lifting import beyond, camera, lift, lift_file, load_prior, metrics, misfit, read, skeleton
from lifting.datasets import motion_capture, real_frames
from lifting.drawing import answer, figures_11, hint, plots, progress

# %% [markdown]
# ## The way through

# %%
_, ax = plt.subplots(figsize=(9, 2.4))
plots.draw_way_through(ax, "start")
plt.show()

# %% [markdown]
# *What to see:* everything from the image to $\hat{Y}$, as in [00](00_start_here.ipynb), but with files at both ends.
#
# ## A photo, as you have it
# Yours would lie on your disk. Here one of the embedded photos is written to a file first, so that everything from
# now on starts from a path.

# %%
import tempfile
from pathlib import Path

from PIL import Image

folder = Path(tempfile.mkdtemp())
frame = real_frames.load_real_frames(["cam03_093"])[0]
photo = folder / "photo.png"
Image.fromarray(frame.image).save(photo)
print(photo.name, frame.image.shape)

# %% [markdown]
# In a terminal one command does the rest: `python -m lifting photo.png -o results`. It writes numbers, motion for
# Blender and OpenSim, pictures, and a page for the browser ([output.md](../docs/output.md)); from Python it is
# `lift_file`. Photos need a detector, which is an extra: where it isn't installed, the command says so, and you lose
# nothing else in this notebook.

# %%
# NBVAL_IGNORE_OUTPUT
# what is said depends on whether the extra is installed
import subprocess
import sys

command = [sys.executable, "-m", "lifting", "photo.png", "-o", "results", "--out-formats", "npz", "html"]
done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
print(done.stdout or done.stderr)

# %% [markdown]
# ## A detector's file
# Most people come with landmarks that a detector wrote. Here is what MediaPipe found in the photo, in the layout of
# its results: 33 landmarks, x and y as shares of the picture's width and height, y **down**.

# %%
import json

height, width = frame.image.shape[:2]
columns, rows = frame.landmarks33
landmarks = [
    {"x": float(x / width), "y": float(y / height), "visibility": float(v)}
    for x, y, v in zip(columns, rows, frame.visibility33, strict=True)
]
file = folder / "landmarks.json"
file.write_text(json.dumps({"width": width, "height": height, "landmarks": landmarks}))
print({name: round(value, 3) for name, value in landmarks[0].items()})

# %% [markdown]
# `read` recognises the format by what is in the file, and says which it is. It turns y up, multiplies by the picture's
# size, and puts the landmarks into the order of Human3.6M. The result is one `Recording` per person.

# %%
recording = read(file)[0]
print(recording.format, recording.size)
print("Y", recording.Y.shape, " confidences", recording.confidences.shape)
missing = [name for name, seen in zip(skeleton.HUMAN36M.landmarks, recording.visible[0], strict=True) if not seen]
print("not in the file:", missing)

# %% [markdown]
# The confidences become weights $w$ in eq. (2): the squared error of landmark $l$ counts $w_l$ times (notebook 03b).
# What is missing has weight 0. A small weight is not the same as 0: with 0.01 a landmark still pulls noticeably
# (exercise 11.3). How many pixels a metre measures isn't known, so the scale $s$ is solved for.

# %%
person = lift_file(file)[0]
print("pose", person.pose.shape, "in metres from the pelvis")
print("scale:", person.lifted.scale.round(0), "pixels per metre; misfit:", person.lifted.misfit.round(1))
figures_11.photo_and_pose(frame.image, recording, person.pose[0])
plt.show()

# %% [markdown]
# *What to see:* the landmarks as they were found, and the pose from the camera and from the side. The two landmarks
# that MediaPipe doesn't have, spine and head top, are filled in by the prior.
#
# ## When it cannot be right
# It is known how large the minimum of eq. (2) should be. Divided by the variance of the noise (in pixels), it has a
# chi-squared distribution if the person comes from the prior. `misfit` divides it once more, by its expected value. So
# it is about 1 for people who look like the prior's; above 6 something is wrong. Let us spoil the input in four ways.

# %%
prior, Y = load_prior(), np.nan_to_num(recording.Y[0])
seen, order = recording.visible[0], skeleton.HUMAN36M
spoilt = {
    "as read": Y,
    "y down": camera.flip_y(Y),
    "COCO's order": skeleton.convert(Y, "human36m", "coco")[0],
    "a quarter turn": camera.flip_y(Y[::-1]),
    "sides swapped": Y[:, list(order.swap)],
}
print(list(spoilt))

# %%
# quiet: one warning (PoorFit) for each would say what we are about to see
import warnings

results = {}
with warnings.catch_warnings():
    warnings.simplefilter("ignore", misfit.PoorFit)
    for name, wrong in spoilt.items():
        results[name] = lift(wrong, prior, scale=None, visible=wrong.any(axis=0), unusable="nan")
print("misfit:", ", ".join(f"{name} {result.misfit:.2g}" for name, result in results.items()))

# %%
figures_11.misfits({name: float(result.misfit) for name, result in results.items()}, misfit.POOR)
plt.show()

# %% [markdown]
# *What to see:* three of the four faults stand out. (The axis is logarithmic.) **Swapped sides do not stand out**: a
# person whose left and right are exchanged looks like another person, seen from the other side. No fit can tell; only
# time can, or you, looking at the picture.
#
# The command does more than report a number. Where most frames fit poorly, it undoes each likely fault, lifts again,
# and says which one explains the misfit. Here is a file that says that its y points up, though it points down:

# %%
down = folder / "y_down.npz"
keypoints = camera.flip_y(Y).T[None]
np.savez(down, keypoints=keypoints, confidences=seen[None] * 1.0, skeleton="human36m", y_up=True)
for note in lift_file(down)[0].notes:
    print("-", note)

# %% [markdown]
# ## How sure is it?
# Eq. (2) gives one pose. The same model gives a distribution: over the coefficients at each rotation, and over the
# rotations and components themselves (`beyond.posterior`). A detector errs by more than motion capture does. So all
# variances are multiplied by a factor, the temperature `DETECTED`: with it, regions of 90% do contain about 90% of the
# landmarks on real photos ([beyond.md](../docs/beyond.md)).

# %%
weights = recording.confidences[0]
sure = lift(Y, prior, scale=None, weights=weights)
known = beyond.posterior(Y, prior, sure, temperature=beyond.DETECTED)
deviation = np.sqrt(np.diagonal(known.covariance, axis1=-2, axis2=-1)) / sure.scale
for axis, value in zip(("across", "up", "in depth"), 1000 * deviation.mean(axis=0), strict=True):
    print(f"{axis}: {value:.0f} mm")

# %%
figures_11.ellipses(known.mean / sure.scale, known.covariance / sure.scale**2)
plt.show()

# %% [markdown]
# *What to see:* regions that contain each landmark with a probability of 90%, from the camera and from the side. They
# are long in depth. A hand is less certain than a hip.
#
# ## Sides
# A detector that takes left for right does so in some frames, and people don't jump from one frame to the next. Here is
# a clip of a dancer, with the sides of the legs exchanged in three frames:

# %%
clip = camera.rotation(0.5) @ motion_capture.load_motion_capture().of_clip("dance_a")[:40]
given = 200 * clip[:, :2]
legs = [order.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("hip", "knee", "ankle")]
swapped = given.copy()
swapped[10:13, :, legs] = swapped[10:13][..., legs[3:] + legs[:3]]
mended = beyond.mend_sides(swapped, prior, scale=None)
print("frames changed back:", np.flatnonzero(mended.exchanged))
print("all as they were:", np.array_equal(mended.Y, given))

# %% [markdown]
# (Where *all* sides are exchanged in *all* frames, nothing tells: that is another person's motion.)
#
# ## Over time
# `lift` takes each frame on its own, so noise makes the pose tremble. `beyond.smooth` (ours) lifts the frames of a clip
# together, with a prior of how people move in the same least squares. Below, 15 mm of noise are added to each
# coordinate of the dancer.

# %%
noisy = given + 200 * 0.015 * np.random.default_rng(0).standard_normal(given.shape)
alone = lift(noisy, prior, scale=None)
together = beyond.smooth(noisy, prior, alone)
poses = {"each frame alone": alone, "together": together}
for name, result in {"each frame alone, without noise": lift(given, prior, scale=None), **poses}.items():
    error = 1000 * metrics.mpjpe(result.pose / result.scale[:, None, None], clip, root="centroid")
    print(f"{name}: {error.mean():.0f} mm")

# %%
figures_11.over_time({name: result.pose / result.scale[:, None, None] for name, result in poses.items()}, clip)
plt.show()

# %% [markdown]
# *What to see:* the depth of the left wrist, frame by frame. What trembled is gone. What is wrong for a whole stretch
# of frames stays wrong: smoothing takes out noise, but not bias. Most of the error was there without the noise.
#
# ## The network as a detector, with its limits
# The network of [08](08_network.ipynb) can take the detector's place. It was trained on rendered pictures of one
# upright person who fills most of a square, so a photo is padded to a square. The network cannot say that nobody is
# there.

# %%
from lifting import detecting
from lifting.detecting import own_network

ours = detecting.detect(photo, detector=own_network.NetworkDetector())[0]
both = ours.visible[0] & seen
away = np.linalg.norm(ours.Y[0] - Y, axis=0)[both] / person.lifted.scale[0]
print(f"in the picture, the two detectors' landmarks differ by {1000 * np.median(away):.0f} mm (median)")

# %%
figures_11.two_detectors(frame.image, {"MediaPipe": recording, "the network": ours})
plt.show()

# %% [markdown]
# *What to see:* a network that has met no photo finds the man, and misses some of his landmarks by far.
# `data/network.md` has its errors on all eight photos. For your own photos take the detector that the command takes.
#
# ## Exercises

# %% [markdown] tags=["exercise"]
# ### Exercise 11.1: from shares to $Y$ (5 minutes)
# A detector gives `shares` (2, 3): x and y of three landmarks as shares of the picture's width and height, y **down**.
# Turn them into $Y$ in pixels, x to the right and y up.


# %% tags=["exercise"]
def to_landmarks(shares, width, height):
    # BEGIN SOLUTION
    Y = np.stack([shares[0] * width, -shares[1] * height])
    return Y
    # END SOLUTION


# %% tags=["answer"]
answer("11.1", to_landmarks)

# %% [markdown] tags=["exercise"]
# ### Exercise 11.2: which faults show? (5 minutes)
# Which of these four does the misfit **not** notice? A (not shown above): landmarks in centimetres with `scale=None`.
# B: y down. C: left and right swapped. D: COCO's order. Give a string with the letters, in order, such as "AD". (Is one
# of them no fault at all?)

# %% tags=["exercise"]
# BEGIN SOLUTION
unnoticed = "AC"
# END SOLUTION

# %% tags=["answer"]
answer("11.2", unnoticed)

# %% [markdown] tags=["exercise"]
# ### Exercise 11.3: a doubtful landmark (10 minutes)
# The left wrist of `one` below is off by 80 pixels in $x$ and as many in $y$, and the detector knows: its confidence
# there is 0.01. Lift with weights of 1 and with the detector's weights, `trust`, both with `scale=200.0`. How many
# metres apart are the two lifted left wrists? Give a number, to 1 cm.

# %% tags=["exercise"]
wrist = skeleton.HUMAN36M.index("left_wrist")
one = 200 * motion_capture.load_motion_capture().of_clip("dance_a")[20, :2]
one[:, wrist] += 80
trust = np.ones(17)
trust[wrist] = 0.01
# BEGIN SOLUTION
whole, doubted = (lift(one, load_prior(), scale=200.0, weights=w).pose[:, wrist] / 200 for w in (np.ones(17), trust))
moved = float(np.linalg.norm(whole - doubted))
# END SOLUTION

# %% tags=["answer"]
answer("11.3", moved)

# %% [markdown] tags=["exercise"]
# ### Exercise 11.4: your own data (20 minutes)
# Put the path of a photo, a video or a detector's file of your own into `own`, and lift it. Then look at `notes` and
# `misfit` of each person: would you believe it? (Without a file of your own, take the one that is made in this cell.)
# `people` should be what `lift_file` returns.

# %% tags=["exercise"]
import json
import tempfile
from pathlib import Path

man = real_frames.load_real_frames(["cam02_026"])[0]
own = Path(tempfile.mkdtemp()) / "mine.json"
values = zip(*man.landmarks33, man.visibility33, strict=True)
points = [{"x": float(x), "y": float(y), "visibility": float(v)} for x, y, v in values]
size = dict(zip(("height", "width"), man.image.shape[:2], strict=True))
own.write_text(json.dumps(size | {"landmarks": points}))
# BEGIN SOLUTION
people = lift_file(own)
# END SOLUTION

# %% tags=["answer"]
answer("11.4", people)

# %% [markdown]
# ## Recap
# `read` and `lift_file` take the files that people have. Confidences are weights. The misfit notices y down, a wrong
# order and a quarter turn, which people who lie down look like. It doesn't notice swapped sides, nor a person whose
# size the prior guesses wrong. Uncertainty says how deep "deep" is. Mending sides and smoothing need several frames.
#
# ## Recall
# 1. <details><summary>Why must y be turned round, and where is it done?</summary>
#
#    Rows of an image count down, eq. (1) has y up. The readers do it, with `camera.flip_y`; nowhere else.
#
#    </details>
# 2. <details><summary>What does a misfit of 30 say, and what does one of 1 not say?</summary>
#
#    30 says: no person of the prior looks like this, so order, axes or unit are probably wrong. 1 says that the
#    landmarks look like some person's; it does not say that the person is this one.
#
#    </details>
# 3. <details><summary>Why does nobody notice swapped sides in one frame?</summary>
#
#    With left and right exchanged, the landmarks are those of the mirrored body, seen from another side. The prior
#    holds that body as likely.
#
#    </details>
# 4. <details><summary>In which direction is a lifted pose least sure?</summary>
#
#    In depth: the picture fixes x and y, and only the prior says anything about z.
#
#    </details>
# 5. <details><summary>What does smoothing not mend?</summary>
#
#    What is wrong in the same way in many frames: a bias, such as a wrong scale or a wrong reading of depth.
#
#    </details>

# %%
progress()
