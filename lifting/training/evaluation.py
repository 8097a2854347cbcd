"""How well a network does: errors in the image stage by stage, in space, and whether it knows left from right.

In the image every landmark inside the picture counts, seen or hidden. PCK@0.2 torso is the share of landmarks within a
fifth of the torso's length of the truth; the torso reaches from between the shoulders to between the hips, **in the
picture**, as in the evaluations of FLIC and LSP (there from one shoulder to the opposite hip; MPII's PCKh takes the
head's size instead). A picture whose shoulders and hips aren't all labelled has no torso and is left out. Two scores:

- **named**: the left wrist must be at the left wrist.
- **side-agnostic**: for each pair of left and right landmarks the better of the two ways of naming them counts.

The difference is what a network loses because it doesn't know which side is left. A person is said to be seen from the
front where the left landmarks of hips and shoulders are further right in the picture than the right ones.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from lifting.belief import peaks
from lifting.camera import rescale_pixels
from lifting.datasets.pictures import Labelled, Pictures, concatenate, cut_square, faces_away, in_picture
from lifting.datasets.real_frames import RealFrame, transform
from lifting.metrics import mpjpe, n_mpjpe, p_mpjpe
from lifting.network import Network, Prediction
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_array, check_count, check_shape, fail, trusted

WITHIN = 0.2
"""Of a torso: how near a landmark must be to count as found."""

LIMBS = tuple(
    HUMAN36M.index(f"{side}_{part}")
    for side in ("right", "left")
    for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
)
"""The 12 landmarks that a detector of real photos has too."""


@dataclass(frozen=True)
class Read:
    """What a network says of N pictures.

    Attributes:
        landmarks: (T, N, 2, 17) sub-pixel peaks of every stage's fused maps, pixels of the picture.
        pose: (N, 3, 17) the last stage's lifted pose, metres; x right, y up, z towards the viewer; NaN where no
            rotation fits the landmarks (a person upside down, or maps that say nothing).
    """

    landmarks: Float[np.ndarray, "T N 2 17"]
    pose: Float[np.ndarray, "N 3 17"]


def read(network: Network, images: UInt8[np.ndarray, "N 3 H W"], batch: int = 64, size: int | None = None) -> Read:
    """Run a network on pictures, as bytes.

    Args:
        network: from `build_network` or `load_network`.
        images: the pictures: red, green and blue, in this order, which can't be checked. A picture that OpenCV has read
            has them the other way round: `picture[:, :, ::-1].transpose(2, 0, 1)`.
        batch: how many at a time.
        size: side that they are enlarged or reduced to for the network; landmarks are given in pixels as they came.

    Raises:
        ValueError: `images` are no bytes of shape (N, 3, H, W), there is none, or they aren't square and `size` is
            given.
    """
    check_count("batch", batch)
    if not isinstance(network, torch.nn.Module):
        fail("network", type(network).__name__, "one of build_network or load_network")
    return _read(network, _as_pictures(images, "cpu").split(batch), size)


def _read(network: Network, batches: Iterable[Float[torch.Tensor, "N 3 H W"]], size: int | None) -> Read:
    device, training, landmarks, poses = next(network.parameters()).device, network.training, [], []
    network.eval()
    with torch.inference_mode():
        for images in batches:
            images = images.to(device)
            prediction = network(images if size is None else resize(images, images.new_zeros(1, 2, 1), size)[0])
            factor = images.new_tensor(1.0 if size is None else images.shape[-1] / size)
            with trusted():
                landmarks.append(rescale_pixels(stage_landmarks(prediction), factor).cpu())
            pose, lifted = prediction.pose / prediction.scale[:, None, None], prediction.lifted.admissible
            poses.append(torch.where(lifted[:, None, None], pose, math.nan).cpu())
    network.train(training)
    return Read(torch.cat(landmarks, 1).double().numpy(), torch.cat(poses).double().numpy())


def read_pictures(network: Network, pictures: Pictures, batch: int, size: int | None) -> tuple[Read, Labelled]:
    """What a network says of a whole set, and what is known of it, with empty images; `batch` pictures at a time."""
    known: list[Labelled] = []

    def images() -> Iterator[Float[torch.Tensor, "N 3 S S"]]:
        for indices in torch.arange(len(pictures)).split(batch):
            made = pictures.make(indices.numpy())
            known.append(made._replace(images=made.images.new_empty(*made.images.shape[:2], 0, made.images.shape[-1])))
            yield made.images

    check_count("batch", batch)
    check_count("pictures", len(pictures))
    seen = _read(network, images(), size)
    return seen, concatenate(known)


TILTS = (-20.0, -10.0, 0.0, 10.0, 20.0)
"""Degrees by which `average_over_views` turns a picture."""


def average_over_views(
    network: Network, images: UInt8[np.ndarray, "N 3 S S"], tilts: Sequence[float] = TILTS
) -> Float[np.ndarray, "N 2 17"]:
    """Landmarks from the mean of the last stage's fused maps over several looks at pictures: turned, and mirrored too.

    A look turns a picture by one of `tilts` about its middle, mirrored or not. Its maps are turned and mirrored back,
    where left and right landmarks change places, before the mean is taken. It takes as many times longer than `read`
    as there are looks, and is steadier where a person leans or the surroundings distract.

    Args:
        network: from `build_network` or `load_network`.
        images: the pictures, square.
        tilts: degrees.

    Returns:
        sub-pixel peaks, pixels of the picture.

    Raises:
        ValueError: `images` are no bytes of shape (N, 3, S, S), or there is no picture or no tilt.
    """
    pictures = _as_pictures(images, next(network.parameters()).device)
    _check_square(pictures)
    if len(tilts) == 0:
        fail("tilts", tilts, "at least one angle")
    check_array("tilts", tilts, "angles")
    training, looks = network.training, []
    network.eval()
    with torch.inference_mode(), trusted():
        for tilt in tilts:
            for mirrored in (False, True):
                seen = _turn_pictures(pictures.flip(-1) if mirrored else pictures, tilt)
                maps = _turn_pictures(network(seen)[-1].fused[:, :-1].float(), -tilt)
                looks.append(maps.flip(-1)[:, list(HUMAN36M.swap)] if mirrored else maps)
        found = peaks(torch.stack(looks).mean(0), subpixel=True)
    network.train(training)
    return rescale_pixels(found.cpu().double().numpy(), network.configuration.stride)


def _turn_pictures(pictures: Float[torch.Tensor, "N C S S"], tilt: float) -> Float[torch.Tensor, "N C S S"]:
    """Pictures turned about their middle by `tilt` degrees, the border repeated."""
    angle = math.radians(tilt)
    rows = [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]]
    theta = pictures.new_tensor(rows).expand(len(pictures), 2, 3)
    grid = torch.nn.functional.affine_grid(theta, list(pictures.shape), align_corners=False)
    return torch.nn.functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def _as_pictures(images: UInt8[np.ndarray, "N 3 H W"], device: torch.device | str) -> Float[torch.Tensor, "N 3 H W"]:
    """Bytes as numbers in [0, 1]."""
    if getattr(images, "dtype", None) != np.uint8 or len(images) == 0:
        fail("images", f"{type(images).__name__} of {getattr(images, 'dtype', '?')}", "at least one picture of bytes")
    check_shape("images", images, 3, "H", "W")
    # torch takes neither arrays that may not be written, as Pillow's are, nor those that run backwards
    return torch.from_numpy(np.array(images)).to(device).float() / 255


def _check_square(images: Float[torch.Tensor, "N 3 H W"]) -> None:
    height, width = images.shape[-2:]
    if height != width:
        fail("images", f"pictures of {width} x {height} pixels", "square ones")


def stage_landmarks(prediction: Prediction) -> Float[torch.Tensor, "T N 2 L"]:
    """Sub-pixel peaks of every stage's fused maps, pixels of the image."""
    with trusted():
        found = torch.stack([peaks(stage.fused[:, :-1].float(), subpixel=True) for stage in prediction])
        return rescale_pixels(found, found.new_tensor(prediction.stride))


def resize(
    images: Float[torch.Tensor, "N 3 S S"], landmarks: Float[torch.Tensor, "N 2 L"], size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Square pictures enlarged or reduced to `size` pixels, and their landmarks.

    Raises:
        ValueError: the pictures are not square, or `size` is no whole number above 0.
    """
    check_count("size", size)
    _check_square(images)
    old = images.shape[-1]
    if size == old:
        return images, landmarks
    with trusted():
        landmarks = rescale_pixels(landmarks, landmarks.new_tensor(size / old))
    return torch.nn.functional.interpolate(images, size, mode="bilinear", antialias=True), landmarks


def evaluate(network: Network, pictures: Pictures, batch: int = 64, size: int | None = None) -> dict[str, Any]:
    """Every figure of a network on a set of pictures; see `summary` for one line of it.

    Args:
        network: from `build_network` or `load_network`.
        pictures: the pictures and what is known of them; landmarks without a label don't count.
        batch: how many at a time.
        size: side that they are enlarged or reduced to for the network.

    Returns:
        "images"; "stages": for each, what `in_the_image` gives; "groups": PCK of parts of the body, last stage;
        "space": what `in_space` gives, or None where no pose is known;
        "front_back": the share of people whose facing the last stage tells right, of all, of those seen from the
        front, and of those seen from behind, or None where that isn't known.
    """
    seen, known = read_pictures(network, pictures, batch, size)
    truth, labelled = known.landmarks.double().numpy(), known.labelled.numpy()
    counted = labelled & in_picture(truth, known.images.shape[-1])
    return {
        "images": len(pictures),
        "stages": [in_the_image(Y, truth, counted, labelled) for Y in seen.landmarks],
        "groups": by_group(seen.landmarks[-1], truth, counted, labelled),
        "space": None if known.pose is None else in_space(seen.pose, known.pose.double().numpy()),
        "front_back": None if known.from_behind is None else front_back(seen.landmarks[-1], known.from_behind.numpy()),
    }


def in_space(pose: Float[np.ndarray, "N 3 17"], truth: Float[np.ndarray, "N 3 17"]) -> dict[str, float | None]:
    """MPJPE, N-MPJPE and P-MPJPE of poses in metres, means in mm; those that could not be lifted are only counted.

    None for means over nobody.
    """
    lifted = np.isfinite(pose).all((1, 2))
    errors: dict[str, float | None] = dict.fromkeys(("mpjpe", "n_mpjpe", "p_mpjpe"))
    if lifted.any():
        errors = {f.__name__: float(1000 * f(pose[lifted], truth[lifted]).mean()) for f in (mpjpe, n_mpjpe, p_mpjpe)}
    return {"not lifted": int((~lifted).sum()), **errors}


def summary(report: Mapping[str, Any]) -> dict[str, float | None]:
    """The figures of `evaluate` that a log shows: of the last stage, and every stage's median; those that it has."""
    last = report["stages"][-1]
    row = {f"median px {t}": stage["median px"] for t, stage in enumerate(report["stages"], start=1)}
    row |= {"pck": last["pck"], "pck agnostic": last["pck agnostic"]}
    if report["front_back"] is not None:
        row["front or back"] = report["front_back"]["all"]
    return row if report["space"] is None else row | {"p_mpjpe": report["space"]["p_mpjpe"]}


Landmarks = Float[np.ndarray, "N 2 17"]
Booleans = Bool[np.ndarray, "N 17"]


def in_the_image(
    Y: Landmarks, truth: Landmarks, known: Booleans, labelled: Booleans | None = None
) -> dict[str, float | None]:
    """Median and mean distance in pixels, and PCK@0.2 torso, named and side-agnostic, of the landmarks `known`.

    Args:
        Y: the landmarks found, pixels.
        truth: where they are.
        known: which count.
        labelled: where `truth` holds something, counted or not; None: everywhere.

    Returns:
        "median px", "mean px", "median px agnostic", "pck", "pck agnostic"; the last two None where no torso is known.

    Raises:
        ValueError: shapes that differ, or nothing known.
    """
    distance, agnostic = distances(Y, truth, labelled)
    if known.shape != distance.shape or not known.any():
        fail("known", f"shape {known.shape} with {int(known.sum())} known", f"some of shape {distance.shape}")
    limit = WITHIN * torso(truth, labelled)[:, None]
    return {
        "median px": float(np.median(distance[known])),
        "mean px": float(distance[known].mean()),
        "median px agnostic": float(np.median(agnostic[known])),
        "pck": _share(distance <= limit, known & np.isfinite(limit)),
        "pck agnostic": _share(agnostic <= limit, known & np.isfinite(limit)),
    }


def _share(right: np.ndarray, counted: np.ndarray) -> float | None:
    """The share of those counted that are right; None where none is."""
    return float(right[counted].mean()) if counted.any() else None


def by_group(
    Y: Landmarks, truth: Landmarks, known: Booleans, labelled: Booleans | None = None
) -> dict[str, float | None]:
    """PCK@0.2 torso, named, of parts of the body; None for those of which nothing is known. See `in_the_image`."""
    limit = WITHIN * torso(truth, labelled)[:, None]
    found, counted = distances(Y, truth, labelled)[0] <= limit, known & np.isfinite(limit)
    groups = {"trunk and head": ("pelvis", "spine", "neck", "nose", "head_top"), "shoulders": ("shoulder",),
              "hips": ("hip",), "elbows": ("elbow",), "wrists": ("wrist",), "knees": ("knee",),
              "ankles": ("ankle",)}  # fmt: skip
    names = [name.removeprefix("left_").removeprefix("right_") for name in HUMAN36M.landmarks]
    return {group: _share(found, counted & np.isin(names, parts)) for group, parts in groups.items()}


def distances(
    Y: Landmarks, truth: Landmarks, labelled: Booleans | None = None
) -> tuple[Float[np.ndarray, "N 17"], Float[np.ndarray, "N 17"]]:
    """From every landmark to its truth: as named, and with each pair (both labelled) named in the better way."""
    Y, truth = check_array("Y", Y, 2, 17), check_array("truth", truth, 2, 17)
    if Y.shape != truth.shape:
        fail("Y", f"shape {Y.shape}", f"that of truth, {truth.shape}")
    swap = list(HUMAN36M.swap)
    named = np.linalg.norm(Y - truth, axis=-2)
    swapped = np.linalg.norm(Y[..., swap] - truth, axis=-2)
    better = swapped + swapped[..., swap] < named + named[..., swap]
    if labelled is not None:
        better &= labelled & labelled[..., swap]
    return named, np.where(better, swapped, named)


TORSO = {part: [HUMAN36M.index(f"{side}_{part}") for side in ("left", "right")] for part in ("shoulder", "hip")}


def torso(truth: Landmarks, labelled: Booleans | None = None) -> Float[np.ndarray, " N"]:
    """From between the shoulders to between the hips, pixels; NaN where one of them isn't labelled."""
    shoulders, hips = (truth[..., TORSO[part]].mean(-1) for part in ("shoulder", "hip"))
    length = np.linalg.norm(shoulders - hips, axis=-1)
    return length if labelled is None else np.where(labelled[:, sum(TORSO.values(), [])].all(-1), length, np.nan)


def front_back(Y: Landmarks, from_behind: Bool[np.ndarray, " N"]) -> dict[str, float | None]:
    """The share of people of whom `faces_away` is right: of all, of those seen from the front, and from behind.

    None for a share of nobody.
    """
    right = faces_away(Y) == from_behind
    groups = {"all": np.ones_like(right), "front": ~from_behind, "behind": from_behind}
    return {name: _share(right, group) for name, group in groups.items()}


# --- real photos ---------------------------------------------------------------------------------------------------


def square(frame: RealFrame, size: int = 128, share: float = 0.8) -> tuple[UInt8[np.ndarray, "3 S S"], np.ndarray]:
    """A photo as a network is given it: a square about the person, who fills `share` of its height.

    Returns:
        the picture, and A (2, 3), which takes pixels of the photo to its own.
    """
    points = frame.pseudo_pixels[:, frame.pseudo_visible]
    low, high = points.min(1), points.max(1)
    # from ankle to nose or shoulder is about 0.85 of a person's height
    side = max(float((high - low).max()) / 0.85, 1.0) / share
    left, top = (low + high) / 2 - side / 2 - [0, 0.03 * side]
    return cut_square(Image.fromarray(frame.image), left, top, side, size)


def photos(
    frames: Sequence[RealFrame], share: float = 0.8, size: int = 128
) -> tuple[UInt8[np.ndarray, "N 3 S S"], Landmarks, Booleans]:
    """Real photos as `square` cuts them, where their landmarks are, and which are known and of the limbs."""
    pictures, into = zip(*(square(frame, size, share) for frame in frames), strict=True)
    truth = [transform(A, frame.pseudo_pixels.T).T for A, frame in zip(into, frames, strict=True)]
    known = np.stack([frame.pseudo_visible for frame in frames]) & np.isin(np.arange(17), LIMBS)
    return np.stack(pictures), np.stack(truth), known


def evaluate_real(network: Network, frames: Iterable[RealFrame]) -> dict[str, Any]:
    """A network on real photos, 12 landmarks of the limbs, against the detectors' triangulated ones.

    Returns:
        "images"; "stages": for each, what `in_the_image` gives; "frames": the last stage's, by name; "looked again":
        what `average_over_views` finds.
    """
    chosen = list(frames)
    check_count("frames", len(chosen))
    pictures, truth, known = photos(chosen, size=network.configuration.image)
    seen = read(network, pictures)
    last = seen.landmarks[-1]
    each = {frame.name: in_the_image(last[[n]], truth[[n]], known[[n]]) for n, frame in enumerate(chosen)}
    stages = [in_the_image(Y, truth, known) for Y in seen.landmarks]
    again = in_the_image(average_over_views(network, pictures), truth, known)
    return {"images": len(chosen), "stages": stages, "frames": each, "looked again": again}
