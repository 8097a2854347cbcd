"""Photos and videos come as upright RGB arrays, whatever the file is; what can't be read is refused in one line."""

import builtins
import re
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from lifting.detecting import pictures_of
from tests.detecting.made import corner, sound, video

PHOTO = corner()


def refuses(message):
    return pytest.raises(ValueError, match=f"^path: got .*{re.escape(message)}.*, expected a[^\n]*$")


def only(path):
    (picture,) = pictures_of(path)
    assert picture.frame == 0 and picture.image.dtype == np.uint8 and picture.image.flags.c_contiguous
    assert pictures_of(path).size == picture.image.shape[1::-1]
    return picture.image


# ---- photos ----


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp", "ppm"])
def test_a_photo_without_loss(tmp_path, suffix):
    Image.fromarray(PHOTO).save(tmp_path / f"a.{suffix}", lossless=True)
    pictures = pictures_of(tmp_path / f"a.{suffix}")
    assert (pictures.kind, pictures.size, pictures.count, pictures.notes) == ("photo", (64, 48), 1, [])
    np.testing.assert_array_equal(only(tmp_path / f"a.{suffix}"), PHOTO)


TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}
"""How a picture lies in the file whose EXIF orientation is so that a viewer sees it upright."""


@pytest.mark.parametrize("suffix", ["png", "tiff"])
@pytest.mark.parametrize("orientation", TURNS)
def test_exif_turns_the_photo(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(TURNS[orientation](PHOTO))).save(tmp_path / f"a.{suffix}", exif=exif)
    np.testing.assert_array_equal(only(tmp_path / f"a.{suffix}"), PHOTO)


def test_grey_bits_and_palette(tmp_path):
    grey = np.arange(60, dtype=np.uint8).reshape(6, 10) * 4
    expected = np.repeat(grey[..., None], 3, axis=2)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "sixteen.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "sixteen.tiff")
    Image.fromarray(grey).convert("P").save(tmp_path / "palette.png")
    for name in ("grey.png", "sixteen.png", "sixteen.tiff", "palette.png"):
        np.testing.assert_array_equal(only(tmp_path / name), expected)
    Image.fromarray(grey > 100).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(only(tmp_path / "bits.png"), 255 * (expected > 100))


def test_numbers_without_an_agreed_range_are_stretched(tmp_path):
    values = np.linspace(-3, 7, 60, dtype=np.float32).reshape(6, 10)
    Image.fromarray(values).save(tmp_path / "floats.tiff")
    Image.fromarray((values * 1e6).astype(np.int32)).save(tmp_path / "whole.tiff")
    Image.fromarray(np.full((6, 10), 5, np.int32)).save(tmp_path / "flat.tiff")
    expected = np.round((values.astype(float) + 3) * 25.5)
    for name in ("floats.tiff", "whole.tiff"):
        assert np.abs(only(tmp_path / name)[..., 1] - expected).max() <= 1
    assert (only(tmp_path / "flat.tiff") == 0).all()


def test_what_is_transparent_lies_over_white(tmp_path):
    alpha = np.dstack([PHOTO, np.full((48, 64), 255, np.uint8)])
    alpha[:, 30:] = 10, 20, 30, 0
    alpha[:, 40:] = 0, 0, 0, 51
    Image.fromarray(alpha).save(tmp_path / "a.png")
    image = only(tmp_path / "a.png")
    np.testing.assert_array_equal(image[:, :30], PHOTO[:, :30])
    assert (image[:, 30:40] == 255).all() and (image[:, 40:] == 204).all()
    Image.fromarray(alpha).convert("LA").save(tmp_path / "la.png")
    assert (only(tmp_path / "la.png")[:, 30:40] == 255).all()
    palette = Image.fromarray(PHOTO).quantize(8)
    palette.save(tmp_path / "p.gif", transparency=palette.getpixel((0, 0)))
    assert (only(tmp_path / "p.gif")[2, 2] == 255).all() and only(tmp_path / "p.gif")[2, 60, 0] > 180


def test_printers_inks(tmp_path):
    Image.fromarray(PHOTO).convert("CMYK").save(tmp_path / "a.tiff")
    Image.fromarray(PHOTO).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    np.testing.assert_array_equal(only(tmp_path / "a.tiff"), PHOTO)
    assert np.abs(only(tmp_path / "a.jpg").astype(int) - PHOTO).mean() < 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (700, 2)])
def test_photos_of_any_shape(tmp_path, shape):
    Image.new("RGB", shape[::-1], (1, 2, 3)).save(tmp_path / "a.png")
    assert only(tmp_path / "a.png").shape == (*shape, 3)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tiff"])
def test_an_animation_gives_its_frames(tmp_path, suffix):
    frames = [Image.new("RGB", (20, 10), (60 * n, 0, 0)) for n in range(4)]
    timed = {} if suffix == "tiff" else {"duration": [100, 200, 300, 400]}
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], **timed)
    pictures = pictures_of(tmp_path / f"a.{suffix}")
    assert (pictures.kind, pictures.count) == ("animation", 4)
    found = list(pictures)
    assert [picture.frame for picture in found] == [0, 1, 2, 3]
    assert [round(picture.image[5, 5, 0] / 60) for picture in found] == [0, 1, 2, 3]
    times = [picture.time for picture in found]
    assert times == [None] * 4 if suffix == "tiff" else np.allclose(times, [0, 0.1, 0.3, 0.6])
    assert [picture.frame for picture in pictures_of(tmp_path / f"a.{suffix}", start=2)] == [2, 3]


def test_a_phones_photo_with_a_preview_is_one_photo(tmp_path):
    preview = Image.new("RGB", (32, 24))
    Image.fromarray(PHOTO).save(tmp_path / "a.mpo", save_all=True, append_images=[preview])
    assert pictures_of(tmp_path / "a.mpo").kind == "photo" and only(tmp_path / "a.mpo").shape == (48, 64, 3)


# ---- videos ----


def test_a_video(tmp_path):
    path = video(tmp_path / "a.mp4", [corner(n) for n in range(12)])
    pictures = pictures_of(path)
    assert (pictures.kind, pictures.size, pictures.count) == ("video", (64, 48), 12)
    found = list(pictures)
    assert pictures.notes == [] and [picture.frame for picture in found] == list(range(12))
    np.testing.assert_allclose([picture.time for picture in found], np.arange(12) / 30, atol=1e-9)
    for n, picture in enumerate(found):
        assert np.abs(picture.image.astype(int) - corner(n)).mean() < 8
    assert len(list(pictures)) == 12  # once more
    later = list(pictures_of(path, start=9))
    assert [picture.frame for picture in later] == [9, 10, 11] and later[0].time == found[9].time
    np.testing.assert_array_equal(later[0].image, found[9].image)


@pytest.mark.parametrize("rotation, turns", [(90, 1), (180, 2), (-90, -1)])
def test_a_video_is_turned_as_it_says(tmp_path, rotation, turns):
    """A phone held upright films lying pictures, and notes by how much a player turns them counter-clockwise."""
    lying = np.rot90(PHOTO, -turns)
    path = video(tmp_path / "a.mp4", [lying] * 2, rotation=rotation)
    pictures = pictures_of(path)
    assert pictures.size == (64, 48)
    for _, _, image in pictures:
        assert image.flags.c_contiguous and np.abs(image.astype(int) - PHOTO).mean() < 8


def test_a_variable_frame_rate_keeps_its_times(tmp_path):
    times = [0.5, 0.51, 0.9, 1.0, 3.0]
    for name in ("a.mp4", "a.mkv"):
        path = video(tmp_path / name, [corner(n) for n in range(5)], times)
        found = [time for _, time, _ in pictures_of(path)]
        np.testing.assert_allclose(found, np.array(times) - times[0], atol=1e-3)


def test_pixels_that_are_not_square_are_made_so(tmp_path):
    path = video(tmp_path / "a.mp4", [corner()] * 2, aspect=Fraction(16, 11))
    assert pictures_of(path).size == (round(64 * 16 / 11), 48)


def test_a_cut_video_gives_what_is_readable_and_says_so(tmp_path, rng):
    noise = [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(30)]
    path = video(tmp_path / "whole.mp4", noise, options={"movflags": "faststart"})
    whole = path.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    pictures = pictures_of(tmp_path / "cut.mp4")
    assert pictures.count == 30
    found = list(pictures)
    assert 5 < len(found) < 25 and [picture.frame for picture in found] == list(range(len(found)))
    assert pictures.notes == [f"{tmp_path / 'cut.mp4'}: cut or damaged; {len(found)} of 30 pictures were read."]


def test_a_frame_that_is_damaged_is_left_out(tmp_path, rng):
    noise = [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(10)]
    path = video(tmp_path / "a.mp4", noise)
    with av.open(str(path)) as container:
        where = [(packet.pos + 8, packet.pos + packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    start, stop = where[4]
    data[start:stop] = b"\xff" * (stop - start)
    path.write_bytes(data)
    pictures = pictures_of(path)
    assert len(list(pictures)) == 9
    assert pictures.notes == [f"{path}: cut or damaged; 9 of 10 pictures were read."]


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tiff"])
@pytest.mark.parametrize("share", [0.15, 0.5, 0.8, 0.95, 0.99])
def test_a_cut_animation_gives_what_is_readable_and_says_so(tmp_path, rng, suffix, share):
    """Or is refused, where its table of contents is at the end."""
    frames = [Image.fromarray(rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)) for _ in range(8)]
    path = tmp_path / f"a.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    try:
        pictures = pictures_of(path)
    except ValueError as error:
        assert re.fullmatch(r"path: got [^\n]*can't be read[^\n]*, expected a[^\n]*", str(error))
        return
    found = list(pictures)
    assert [picture.frame for picture in found] == list(range(len(found)))
    assert len(found) == 8 or (len(pictures.notes) == 1 and f"; {len(found)}" in pictures.notes[0])


# ---- files that can't be read ----


def test_nothing_is_fetched_for_a_play_list(tmp_path):
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with refuses("read"):
        pictures_of(tmp_path / "a.m3u8")


def test_files_that_hold_no_picture(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("This is no picture.\n" * 20)
    for name in ("empty.mp4", "empty.png"):
        with refuses("which can't be read"):
            pictures_of(tmp_path / name)
    with refuses("of which no picture can be read"):  # FFmpeg takes any text for a film
        pictures_of(tmp_path / "text.jpg")
    with refuses("which is no file"):
        pictures_of(tmp_path)
    with pytest.raises(FileNotFoundError, match="^path: got .*none.mp4, which doesn't exist, expected a"):
        pictures_of(tmp_path / "none.mp4")
    with refuses("which holds sound alone"):
        pictures_of(sound(tmp_path / "a.wav"))


def test_files_that_end_too_early(tmp_path, rng):
    noise = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
    for suffix in ("png", "jpg"):
        Image.fromarray(noise).save(tmp_path / f"a.{suffix}")
        data = (tmp_path / f"a.{suffix}").read_bytes()
        (tmp_path / f"a.{suffix}").write_bytes(data[: len(data) // 2])
        with refuses("which can't be read"):
            pictures_of(tmp_path / f"a.{suffix}")
    path = video(tmp_path / "a.mp4", [noise] * 10)
    path.write_bytes(path.read_bytes()[:-300])  # its table of contents
    with refuses("which can't be read"):
        pictures_of(path)


def test_a_picture_too_large(tmp_path, monkeypatch):
    Image.fromarray(PHOTO).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)  # 3072 are more, but not twice as many
    assert only(tmp_path / "a.png").shape == PHOTO.shape
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with refuses("with more pixels than 2,000"):
        pictures_of(tmp_path / "a.png")


def test_a_video_without_the_extra(tmp_path, monkeypatch):
    path = video(tmp_path / "a.mp4", [corner()])
    original = builtins.__import__

    def without(name, *rest, **named):
        if name == "av":
            raise ImportError(name)
        return original(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'^path: got [^\n]*a.mp4, [^\n]*: pip install "lifting\[detect\]"$'):
        pictures_of(path)


def test_start_is_a_whole_number(tmp_path):
    with pytest.raises(ValueError, match="^start: got -1"):
        pictures_of(tmp_path, start=-1)
