# %% [markdown]
# # 01 Projection: from a pose to a picture
#
# **The question.** A person stands somewhere, turned some way, and a camera looks. Where in the picture do the
# landmarks lie? And what of the pose is lost on the way?
#
# Lifting runs this step backwards, so everything that is lost here has to be guessed there. Afterwards you can derive
# (1), say why the rotation is one angle out of a finite set, and what half a turn does to a picture.
#
# > **Takes** 40 minutes, exercises included. **Needs** [00](00_start_here.ipynb) and sines and cosines.
# > **On the way:** core, 2 of 11.
# >
# > **Symbols** (all of them: [notation](../docs/notation.md#pictures))
# > - $\theta$, $\mathbf R$ $(3, 3)$: angle about the vertical, and the rotation by it; $T$ angles are searched
# > - $\Pi$ $(2, 3)$: keeps $x$ and $y$
# > - $s$: scale, pixels per metre
# > - $\varphi$, $C$ $(3, 3)$: how far the camera looks down, and its rotation
# > - $\hat Y$ $(2, L)$: the picture of a pose

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np

from lifting import camera, lift, load_prior, metrics, pose_prior, skeleton
from lifting.checking import mistakes
from lifting.datasets import motion_capture, real_frames
from lifting.drawing import answer, figures_01, hint, plots, progress

# %% [markdown]
# ## The way through
# This notebook is the arrow (1), from rotation and coefficients to the projected landmarks $\hat{Y}$.

# %%
_, ax = plt.subplots(figsize=(9, 2.4))
plots.draw_way_through(ax, "projection")
plt.show()

# %% [markdown]
# ## A pose
# Poses are (3, L): rows x (right), y (up), z (towards the viewer), in metres, each row with mean 0. Here are real ones,
# from motion capture (`data/motion_capture.md` says from where, and under which licences). In an *upright* clip the
# trunk never leans by more than 60 degrees (02 applies that limit to single poses).

# %% tags=["setup"]
motion = motion_capture.load_motion_capture()
pose = motion.of_clip("punch")[20]
sides = skeleton.HUMAN36M.left, skeleton.HUMAN36M.right
pose = camera.turn(pose, pose_prior.facing(pose, *sides))  # let it face the viewer
upright = np.array(motion.clip_upright)[motion.clip]

# %%
print("poses", motion.poses.shape, " of upright clips:", upright.sum())
assert np.allclose(pose.mean(axis=1), 0)
ax = plt.figure(figsize=(4.5, 4)).add_subplot(projection="3d")
plots.draw_pose_3d(ax, pose, azim=35, elev=15)
plt.show()

# %% [markdown]
# ## Eq. (1): a pose becomes a picture
# The supplement prints $\hat{Y} = \Pi \mathbf R (\mu + a \cdot \mathbf e)$. The bracket is the pose; $\mathbf R$ turns
# it; $\Pi$ takes its picture.
#
# **Turning.** Seen from above, a person who turns by $\theta$ moves every landmark on a circle around the vertical
# axis; its height stays. A point at distance $r$ in the direction $\alpha$ has $x = r \sin\alpha$ and $z = r
# \cos\alpha$ ($\alpha = 0$: straight towards the viewer). After the turn it is at $\alpha + \theta$, and with the
# addition theorems
#
# $$x' = r \sin(\alpha + \theta) = x \cos\theta + z \sin\theta, \qquad z' = r \cos(\alpha + \theta) = z \cos\theta - x
# \sin\theta .$$
#
# **By hand.** A toy body of three points, which comes back in 03, has its head at $(x, y, z) = (0, 2, 1)$. At 90
# degrees $\cos\theta = 0$ and $\sin\theta = 1$, so $x' = z = 1$ and $z' = -x = 0$: what was in front is now at the
# right, in the picture.
#
# Written as a matrix, with y in the middle:


# %%
def R(theta):
    cos, sin = np.cos(theta), np.sin(theta)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


assert np.allclose(R(0.3), camera.rotation(0.3))  # the package's own
assert np.allclose(R(0.3) @ R(0.3).T, np.eye(3)) and np.isclose(np.linalg.det(R(0.3)), 1)
print(R(np.pi / 2).round(12) + 0.0)
print("the toy's head, turned by 90 degrees:", (R(np.pi / 2) @ [0, 2, 1]).round(12) + 0.0)

# %% [markdown]
# **Taking the picture.** $\Pi$ keeps x and y and drops z: parallel rays, all along z. That is *orthographic*
# projection.

# %%
Pi = np.array([[1.0, 0, 0], [0, 1, 0]])
Y_hat = Pi @ R(0.3) @ pose  # (1)
assert np.allclose(Y_hat, camera.project(pose, 0.3))
print("Y_hat", Y_hat.shape)

# %% [markdown]
# One pose, four angles. From now on we use the package's `project`.

# %%
figure, axes = plt.subplots(1, 4, figsize=(9, 3.4), sharey=True, layout="constrained")
for ax, degrees in zip(axes, (0, 40, 90, 180), strict=True):
    plots.draw_pose_2d(ax, camera.project(pose, np.radians(degrees)), legend=False)
    ax.set(title=f"theta = {degrees} degrees", xlim=(-0.8, 0.8), ylim=(-0.95, 0.75))
    ax.label_outer()
figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
plt.show()

# %% [markdown]
# *What to see:* turned by 180 degrees the picture is the mirror image of that at 0, with left and right exchanged.
#
# ## Real cameras: perspective, and how weak it is
# A real camera's rays meet in a point. At distance $d$, with focal length $f$ in pixels, a point $(x, y, z)$ lands on
# $f x / (d - z)$. For a person who is far away compared with the body's depth,
#
# $$\frac{f x}{d - z} = \frac{f}{d}\, x \left(1 + \frac{z}{d} + \dots\right) \approx s\,x, \qquad s = \frac{f}{d} .$$
#
# This is **weak perspective**: orthographic projection times one scale $s$ (pixels per metre). What it leaves out,
# relative to $x$, is $z / d$, so the error falls as one over the distance. (The supplement has no $s$; the main paper,
# as we understand it, has one for each frame.)


# %%
def perspective(pose, distance, f):
    return f * pose[:2] / (distance - pose[2])


def weak_perspective_error(pose, distance):
    """Mean distance between perspective and weak perspective, in millimetres on the person."""
    # f = distance makes s = 1, so the error is in metres on the person
    return 1000 * metrics.pixel_error(camera.project(pose, 0.0), perspective(pose, distance, f=distance))


distances = np.array([1.5, 2, 3, 4, 6, 8, 12, 16])
error = np.array([weak_perspective_error(camera.turn(pose, 0.8), distance) for distance in distances])
print(f"at 4 m {error[3]:.0f} mm, at 8 m {error[5]:.1f} mm, at 16 m {error[7]:.1f} mm")
assert np.isclose(error[-1] / error[-3], 8 / 16, atol=0.02)  # twice as far, half the error

# %%
_, ax = plt.subplots(figsize=(5, 3))
ax.loglog(distances, error, "o-", color="black")
ax.minorticks_off()
ax.set_xticks([1.5, 2, 4, 8, 16], ["1.5", "2", "4", "8", "16"])
ax.set_yticks([5, 10, 20, 50], ["5", "10", "20", "50"])
ax.set(xlabel="distance of the camera (m)", ylabel="mean error (mm)", title="weak perspective against perspective")
plt.show()

# %% [markdown]
# **Check on real photos.** Eight photos come with a pseudo ground truth: landmarks triangulated from four calibrated
# cameras about 4 m away, and their pixels through the full camera, perspective and lens distortion included. How well
# does one scale do? The best one minimises $\lVert U - s X \rVert^2$, with $X$ the pose's x and y and $U$ the pixels,
# both centred and y up: $s = \langle X, U \rangle / \langle X, X \rangle$.


# %% tags=["setup"]
def points_and_pixels(frame):
    """X (2, N) in metres and U (2, N) in pixels, centred, y up: the pseudo ground truth without its depth."""
    seen = frame.pseudo_visible
    X, U = frame.pseudo_truth[:2, seen], camera.flip_y(frame.pseudo_pixels[:, seen])
    return X - X.mean(axis=1, keepdims=True), U - U.mean(axis=1, keepdims=True)


# %%
frames = real_frames.load_real_frames()
residuals = []
for frame in frames:
    X, U = points_and_pixels(frame)
    s = (X * U).sum() / (X * X).sum()
    residuals.append(np.sqrt(((U - s * X) ** 2).sum(axis=0).mean()))
    size = frame.body_length * frame.pixels_per_metre
    print(f"{frame.name}  best s {s:4.0f} px/m  left over {residuals[-1]:4.1f} px rms of a body of {size:.0f} px")
assert min(residuals) > 5 and max(residuals) < 15

# %% [markdown]
# About 7 to 14 px, 2 to 3 % of the body. A detector's errors are about as large: in notebook 00 two readings of one
# network were 5.5 px apart (median). So here weak perspective is good enough, but no better than that. With $s = 1$
# (the supplement's equation) pixels must first be turned into metres.

# %% [markdown]
# ## A camera that looks down
# Cameras hang high and look down, and may be turned about their line of sight. But $\mathbf R$ turns about the
# *vertical*. If the camera's rotation $C$ is known, say from its calibration, it simply follows $\mathbf R$: $\hat{Y} =
# s\,\Pi\,C\,\mathbf R\,(\mu + a \cdot \mathbf e)$. A camera that looks down by $\varphi$ sees $y' = y \cos\varphi - z
# \sin\varphi$: what is nearer appears lower.


# %%
def C(phi):
    cos, sin = np.cos(phi), np.sin(phi)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


ours, theirs = Pi @ C(0.2) @ R(0.3) @ pose, camera.project(pose, 0.3, camera=camera.tilted_camera(0.2))
print("y' of the nose, ours and the package's:", ours[1, 9].round(3), theirs[1, 9].round(3))
assert np.allclose(ours, theirs)

# %% [markdown]
# How far do the real cameras look down? Read it off the vertical: the second column of $C$ is where "up" points in the
# camera's frame. If that column leans towards the viewer, the camera looks down (pitch); if sideways, it is turned
# (roll).

# %%
for name in ("cam01_026", "cam02_026", "cam03_027", "cam04_026"):
    vertical = next(frame for frame in frames if frame.name == name).camera[:, 1]
    pitch, roll = np.degrees(np.arcsin(vertical[2])), np.degrees(np.arctan2(-vertical[0], vertical[1]))
    print(f"{name}: looks down by {pitch:3.0f} degrees, turned by {roll:4.0f}")
    assert pitch > 5

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 3.8), sharey=True, layout="constrained")
for ax, degrees in zip(axes, (0, 20, 50), strict=True):
    looks_down = camera.tilted_camera(np.radians(degrees))
    plots.draw_pose_2d(ax, camera.project(pose, 0.6, camera=looks_down), legend=False)
    ax.set(title=f"looks down by {degrees} degrees", xlim=(-0.8, 0.8), ylim=(-0.95, 0.75))
    ax.label_outer()
figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
plt.show()

# %% [markdown]
# *What to see:* the further the camera looks down, the shorter the person is, and the lower appears what is near.
#
# ## Why the rotation is one angle
# A rotation in 3D has three angles. Why search only one? Because gravity tells which way is up. People turn freely
# about the vertical, and a camera may stand on any side of them: the **heading** says nothing about the pose. But how
# far a body **leans** says a lot: a person who leans by 40 degrees is bending, falling or climbing. So lean is part of
# the pose, and thus of $a$, and only the heading is left for $\mathbf R$.
#
# Is that so in real motion? Below are heading (from the line through right and left landmarks) and lean (trunk against
# the vertical) in all upright clips; a heading of 0 is towards the viewer.

# %%
poses = motion.poses[upright]
heading = -np.degrees(pose_prior.facing(poses, *sides)) % 360  # facing says how to turn it back
lean = motion_capture.trunk_lean(poses)
print(f"headings in {np.count_nonzero(np.histogram(heading, 24, (0, 360))[0])} of 24 sectors of 15 degrees")
print(f"lean: median {np.median(lean):.0f} degrees, 90% below {np.percentile(lean, 90):.0f} degrees")
assert np.median(lean) < 20 and np.histogram(heading, 12, (0, 360))[0].min() > 0

# %%
figure = plt.figure(figsize=(9, 3.8), layout="constrained")
ax = figure.add_subplot(1, 2, 1, projection="polar")
ax.set_theta_zero_location("S")
ax.set_rgrids([50, 100, 150], angle=250)  # where no bar is in the way
ax.hist(np.radians(heading), 24, range=(0, 2 * np.pi), color="#333333")
ax.set(title="heading: every direction (frames)")
ax = figure.add_subplot(1, 2, 2)
ax.hist(lean, 30, range=(0, 180), color="#333333")
ax.set(title="lean of the trunk: near upright", xlabel="degrees from the vertical", ylabel="frames")
plt.show()

# %% [markdown]
# *What to see:* the headings are not even (most clips start facing one way), but none is missing. The lean stays near
# the low end of 0 to 180 degrees. People who lie, crawl or turn cartwheels break the assumption; such clips exist, and
# are left out here. Counting all clips:

# %%
lean_all = motion_capture.trunk_lean(motion.poses)
print(f"all clips: median {np.median(lean_all):.0f} degrees, 90% below {np.percentile(lean_all, 90):.0f} degrees")
assert np.percentile(lean_all, 90) > np.percentile(lean, 90)

# %% [markdown]
# ## Why a finite set of angles will do
# The supplement minimises over "a discrete set of rotations" $\mathcal{R}$, exhaustively. As we understand the main
# paper, section 5, it has 80. With $T$ equally spaced angles the nearest one is off by at most $\pi / T$, on average by
# $\pi / 2T$. In space a landmark $r$ metres from the axis is then off by $r\,\pi / 2T$ on average. The picture shows
# only the sideways part of that: the landmark's depth times the angle. So a hand held out towards the camera moves
# most, one held out sideways hardly at all. Both errors should halve when $T$ doubles. Measured, on real poses with
# random angles:


# %%
def nearest(theta, T):
    """The nearest of T equally spaced angles."""
    return camera.rotation_angles(T)[np.round(T * theta / (2 * np.pi)).astype(int) % T]


def angle_error(poses, theta, T):
    """What it does to the picture, in metres: the mean distance over the landmarks."""
    return metrics.pixel_error(camera.project(poses, nearest(theta, T)), camera.project(poses, theta))


# %%
rng = np.random.default_rng(0)
theta = rng.uniform(0, 2 * np.pi, len(poses))
counts = np.array([5, 10, 20, 40, 80, 160, 320])
picture = np.array([1000 * angle_error(poses, theta, T).mean() for T in counts])
for T, value in zip(counts, picture, strict=True):
    print(f"{T:4} angles: {value:5.2f} mm")
assert np.allclose(picture[2:-1] / picture[3:], 2, rtol=0.1)

# %% [markdown]
# And after lifting? There, $a$ takes up part of what the angle gets wrong. We lift every fourth of these poses from its
# exact landmarks. (The prior has learned from them: this is about angles, not about the prior.)

# %%
prior = load_prior()
some, angle = poses[::4], theta[::4]
turned = camera.turn(some, angle)


def lifting_error(T):
    result = lift(camera.project(some, angle), prior, rotations=int(T))
    return 1000 * metrics.mpjpe(result.pose, turned, root="centroid").mean()


lifted = np.array([lifting_error(T) for T in counts])
print(f"mean error of {len(some)} poses:", ", ".join(f"{T}: {v:.0f} mm" for T, v in zip(counts, lifted, strict=True)))
assert abs(lifted[-3] / lifted[-1] - 1) < 0.05  # 80 angles against 320

# %%
_, ax = plt.subplots(figsize=(6.5, 3.6))
ax.loglog(counts, lifted, "s--", color="#D55E00", label="3D pose after lifting (MPJPE)")
ax.loglog(counts, picture, "o-", color="#0072B2", label="picture, nearest angle")
ax.axvline(80, color="black", ls=":")
ax.text(84, lifted.max(), "80, the paper's", va="top")
ax.set(xlabel="number of rotations T", ylabel="mean error (mm)", title="what a finite set of angles costs")
ax.set_xticks(counts, counts)
ax.legend(loc="lower left")
plt.show()

# %% [markdown]
# *What to see:* the picture's error halves with every doubling, as derived. At 80 angles it is 2.3 mm, or less than a
# pixel in the photos above: far below a detector's errors. The lifted pose stops improving even earlier: the 39 mm left
# are mostly depth, which the prior has to guess. So 80 angles are enough.

# %% [markdown]
# ## Half a turn: the same picture, mirrored
# $\cos(\theta + \pi) = -\cos\theta$ and $\sin(\theta + \pi) = -\sin\theta$, so half a turn more negates the rows x
# and z and leaves y: $\mathbf R(\theta + \pi) = \mathrm{diag}(-1, 1, -1)\,\mathbf R(\theta)$. In the picture only x
# changes its sign.

# %%
assert np.allclose(R(0.7 + np.pi), np.diag([-1, 1, -1]) @ R(0.7))
Y, opposite = camera.project(pose, 0.7), camera.project(pose, 0.7 + np.pi)
assert np.allclose(opposite[0], -Y[0]) and np.allclose(opposite[1], Y[1])
print("x of the nose and of the left wrist:", Y[0, [9, 13]].round(3), " half a turn on:", opposite[0, [9, 13]].round(3))

# %% [markdown]
# So for a level camera the search needs the pictures of half the angles only; the other half is free. Under a camera
# that looks down it isn't: $y' = y\cos\varphi - z\sin\varphi$ holds a part of z, whose sign changes. Seen from
# behind and above, a body is the mirror image of itself seen from the front and *below*.

# %%
C_down = camera.tilted_camera(0.3)
Y, opposite = (camera.project(pose, angle, camera=C_down) for angle in (0.7, 0.7 + np.pi))
assert np.allclose(opposite[0], -Y[0]) and not np.allclose(opposite[1], Y[1], atol=0.05)
print(f"looking down by 0.3 rad: half a turn moves a landmark by up to {np.abs(opposite[1] - Y[1]).max():.2f} m in y")

# %% [markdown]
# There is a trap in half a turn. For a level camera $\Pi$ can't see the sign of z: a pose and the pose **reversed in
# depth** have one and the same picture (Necker's cube, with limbs). The reversed pose is the mirrored body after half a
# turn, $\mathrm{diag}(1, 1, -1) = \mathbf R(\pi)\,\mathrm{diag}(-1, 1, 1)$, and a mirrored body is a possible body once
# its labels left and right are exchanged.

# %%
reverse = np.diag([1, 1, -1])
pictures = camera.project(pose, 0.0), camera.project(reverse @ pose, 0.0)
print("the nose in both pictures:", pictures[0][:, 9].round(3), pictures[1][:, 9].round(3))
assert np.allclose(*pictures)
assert np.allclose(reverse, R(np.pi) @ np.diag([-1, 1, 1]))
swapped = list(skeleton.HUMAN36M.swap)
assert np.allclose((reverse @ pose)[:, swapped], R(np.pi) @ skeleton.mirror(pose, skeleton.HUMAN36M))

# %%
figures_01.reversed_in_depth(pose, reverse @ pose)
plt.show()

# %% [markdown]
# *What to see:* the dotted figure lies on the green one: from one orthographic picture nobody can tell. Two things
# decide in practice:
#
# 1. **the prior, with the labels**: the labels tell left from right, and knees don't bend backwards;
# 2. **the camera**, if it looks down: its $y' = y\cos\varphi - z\sin\varphi$ holds some depth.
#
# How often does lifting fall for the reversed pose all the same, and how far apart are the two pictures for such a
# camera?

# %%
result = lift(camera.project(some, angle), prior)
true, false = (metrics.mpjpe(result.pose, body, root="centroid") for body in (turned, reverse @ turned))
print(f"lifted nearer to the reversed pose: {100 * np.mean(false < true):.0f} % of {len(some)}")
assert np.mean(false < true) < 0.1
for degrees in (0, 10, 20):
    C_tilted = camera.tilted_camera(np.radians(degrees))
    apart = metrics.pixel_error(
        camera.project(reverse @ turned, np.zeros(len(some)), camera=C_tilted),
        camera.project(some, angle, camera=C_tilted),
    )
    print(f"looks down by {degrees:2} degrees: the two pictures are {1000 * apart.mean():3.0f} mm apart")
assert apart.mean() > 0.01

# %% [markdown]
# With exact landmarks of poses that the prior has learned from, lifting is not fooled. New poses and a detector's
# landmarks are another matter: see the failures in notebook [00](00_start_here.ipynb).

# %% [markdown]
# ## Turn it yourself
# Left: the finite set of angles from above (dots), the angle asked for, and the nearest of the set. Middle: the
# picture, in colour at the angle asked for and dashed at the nearest one. Right: the error for every angle. Move
# **rotations** from 12 to 80 and watch the dashed figure vanish; tilt the camera with **elevation**.

# %%
from lifting.drawing.widgets.projection import ProjectionWidget

widget = ProjectionWidget(pose)
widget.view()

# %% [markdown]
# The same from code: the widget is `angle_error` with sliders. Without a kernel, read the numbers and the pictures
# below.

# %%
widget["rotations"] = 12
coarse = widget.error_mm
widget["rotations"] = 80
fine = widget.error_mm
print(f"at 35 degrees: {coarse:.1f} mm with 12 angles, {fine:.1f} mm with 80")
assert fine < coarse and np.isclose(fine, 1000 * angle_error(pose, np.radians(35.0), 80))

# %% tags=["nbval-ignore-output"]
# not compared: last digits differ between machines
widget["rotations"] = 12
widget.recorded("angle", "elevation", "rotations")

# %%
theta = np.radians(35.0)
figure, axes = plt.subplots(1, 3, figsize=(9, 3.8), sharey=True, layout="constrained")
for ax, T in zip(axes, (6, 12, 80), strict=True):
    Y_nearest, error = camera.project(pose, nearest(theta, T)), angle_error(pose, theta, T)
    plots.draw_pose_2d(ax, Y_nearest, colour="grey", linestyle="--", label="nearest angle", legend=False)
    plots.draw_pose_2d(ax, camera.project(pose, theta), legend=False)
    ax.set(title=f"{T} angles: {1000 * error:.1f} mm", xlim=(-0.8, 0.8), ylim=(-0.95, 0.75))
    ax.label_outer()
figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %% [markdown]
# *What to see:* with 6 angles the dashed figure is another pose, with 12 a neighbour, with 80 it has vanished.

# %% [markdown] tags=["exercise"]
# ### Exercise 1.1: the toy from the side, on paper (4 minutes)
# The toy (three points) has the mean pose $x = (1, 0, -1)$, $y = (-1, 2, -1)$, $z = (0, 1, -1)$. Give the rows $x$ and
# $y$ of its picture at $\theta = 270$ degrees, for a level camera, as two lists.

# %% tags=["exercise"]
# BEGIN SOLUTION
picture_at_270 = [[0, -1, 1], [-1, 2, -1]]
# END SOLUTION

# %% tags=["answer"]
answer("1.1", picture_at_270)

# %% [markdown] tags=["exercise"]
# ### Exercise 1.2: project (5 minutes)
# Write eq. (1) with scale and camera, $s\,\Pi\,C\,\mathbf R(\theta)$ pose, in NumPy. You may use
# `camera.rotation(theta)`.


# %% tags=["exercise"]
def my_project(pose, theta, s, C):
    # BEGIN SOLUTION
    return s * (C @ camera.rotation(theta) @ pose)[:2]
    # END SOLUTION


# %% tags=["answer"]
answer("1.2", my_project)

# %% [markdown] tags=["exercise"]
# ### Exercise 1.3: predict (3 minutes)
# A person stands sideways to a level camera, and then turns to the other side, by half a turn. Which landmarks stay
# where they were in the picture? A: all. B: none. C: those with $x = 0$ in the picture. D: those with $z = 0$.

# %% tags=["exercise"]
# BEGIN SOLUTION
stay = "C"
# END SOLUTION

# %% tags=["answer"]
answer("1.3", stay)

# %% [markdown] tags=["exercise"]
# ### Exercise 1.4: how many angles? (6 minutes)
# A hand reaches $r$ metres from the axis. The nearest of $T$ angles is off by at most $\pi / T$, so the hand moves by
# at most the chord $2 r \sin(\pi / 2T)$. What is the smallest $T$ for which that is at most $d$ metres?


# %% tags=["exercise"]
def fewest_angles(r, d):
    # BEGIN SOLUTION
    return int(np.ceil(np.pi / (2 * np.arcsin(d / (2 * r)))))
    # END SOLUTION


# %% tags=["answer"]
answer("1.4", fewest_angles)

# %% tags=["setup"]
suspect = mistakes.mystery(11)

# %% [markdown] tags=["exercise"]
# ### Exercise 1.5: find the mistake (6 minutes)
# The museum of mistakes lends us `suspect`, which looks like `camera.rotation`. It gives rotations, about the right
# axis. Write a test: `passes(f)` is `True` for the right function and `False` for the suspect.


# %% tags=["exercise"]
def passes(f):
    nearest_the_viewer = np.array([0.0, 0.0, 1.0])
    # BEGIN SOLUTION
    return bool((f(np.array(0.3)) @ nearest_the_viewer)[0] > 0)
    # END SOLUTION


# %% tags=["answer"]
answer("1.5", passes)

# %% [markdown]
# ## Recap
# - Eq. (1): turn about the vertical, drop z. Real cameras add a scale $s$ and a known rotation $C$; weak perspective
#   costs 2 to 3 % of the body at 4 m, lens distortion included.
# - Gravity leaves one angle to search, and 80 values of it are enough.
# - For a level camera half a turn negates x, and a pose and its reverse in depth have the same picture. The prior has
#   to decide, or a camera that looks down.
#
# ## Recall
#
# Answer before you unfold.
#
# 1. <details><summary>Which coordinate does a turn about the vertical leave alone?</summary>
#
#    $y$, the height.
#
#    </details>
# 2. <details><summary>What does orthographic projection lose, and what does weak perspective add to it?</summary>
#
#    Depth; one scale $s$.
#
#    </details>
# 3. <details><summary>Why search one angle, and not three?</summary>
#
#    Gravity tells which way is up: lean is part of the pose, and only the heading is left.
#
#    </details>
# 4. <details><summary>Twice as many angles: what becomes of the picture's error?</summary>
#
#    It halves.
#
#    </details>
# 5. <details><summary>What does half a turn do to the picture, with a level camera and with one that looks
#    down?</summary>
#
#    Level: $x$ changes its sign, $y$ stays. Looking down by $\varphi$: the mirror image, seen from below by $\varphi$.
#
#    </details>
# 6. <details><summary>Which two bodies have one and the same orthographic picture?</summary>
#
#    A pose and the pose reversed in depth: the mirrored body after half a turn.
#
#    </details>
#
# Next: [02 The pose prior](02_pose_prior.ipynb), where $\mu$ and $\mathbf e$ come from.

# %%
progress()
