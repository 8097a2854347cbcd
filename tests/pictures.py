"""Made-up people for tests."""

import numpy as np

from lifting.datasets.rendered import SEGMENTS, SIZE, Buffers


def some_buffers(count=6, seed=0):
    """People that are a box each, one segment, landmarks strewn over it; consistent with their cameras."""
    random = np.random.default_rng(seed)
    masks, values, landmarks, poses, cameras = [], [], [], [], []
    for _ in range(count):
        top, left, height, width = random.integers((20, 20, 50, 20), (40, 60, 70, 40))
        mask = np.zeros((SIZE, SIZE), bool)
        mask[top : top + height, left : left + width] = True
        pixel = np.array([128, 128, SEGMENTS.index("face") + 64 * 3, 0], np.uint8)
        masks.append(np.packbits(mask.ravel()))
        values.append(np.tile(pixel, (mask.sum(), 1)))
        scale = random.uniform(40, 60)
        xy = np.stack([random.uniform(left, left + width, 17), random.uniform(top, top + height, 17)])
        pose = np.concatenate([(xy - xy[:, :1]) / scale * [[1], [-1]], random.uniform(-0.2, 0.2, (1, 17))])
        landmarks.append(xy), poses.append(pose)
        cameras.append((random.uniform(-3, 3), 0.1, scale, *xy[:, 0]))
    return Buffers(
        mask=np.array(masks),
        values=np.concatenate(values),
        starts=np.cumsum([0, *map(len, values)]),
        landmarks=np.array(landmarks, np.float32),
        visible=random.random((count, 17)) < 0.8,
        pose=np.array(poses, np.float32),
        camera=np.array(cameras, np.float32),
        body=np.arange(count, dtype=np.int32),
        clip=np.zeros(count, np.int16),
    )
