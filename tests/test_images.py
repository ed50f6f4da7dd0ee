"""``open_image`` on what people really have: every odd picture opens, every bad one gets one clear message."""

import base64
import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import images
from helpers.errors import BadImage
from helpers.images import open_image, picture_message, to_data_url, video_message

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def halves(mode: str = "RGB", size: tuple[int, int] = (64, 32)) -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", size, BLUE)
    picture.paste(RED, (0, 0, size[0] // 2, size[1]))
    return picture.convert(mode)


def saved(picture: Image.Image, fmt: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=fmt, **options)
    return buffer.getvalue()


def near(pixel: tuple[int, ...], colour: tuple[int, ...], slack: int = 12) -> bool:
    return all(abs(a - b) <= slack for a, b in zip(pixel, colour, strict=True))


def png_header(width: int, height: int) -> bytes:
    """The first bytes of a PNG that claims a size, with few of its pixels: what a decompression bomb looks like."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))


# What opens


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F"])
def test_every_mode_becomes_rgb_of_the_same_size(mode):
    picture = open_image(halves(mode))
    assert (picture.mode, picture.size) == ("RGB", (64, 32))


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_format_keeps_its_colours(fmt):
    picture = open_image(saved(halves(), fmt))
    assert near(picture.getpixel((10, 16)), RED) and near(picture.getpixel((54, 16)), BLUE)


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, io.BytesIO], ids=lambda w: w.__name__)
def test_bytes_and_open_files_do(wrap):
    assert open_image(wrap(saved(halves()))).size == (64, 32)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_does_and_leaves_no_file_open(tmp_path, kind):
    path = tmp_path / "ein Bild ü.png"
    path.write_bytes(saved(halves()))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        assert open_image(kind(path)).size == (64, 32)
    path.unlink()


def test_a_picture_that_was_handed_in_is_not_changed():
    given_picture = halves(size=(4096, 64))
    result = open_image(given_picture)
    assert result.size == (2048, 32) and given_picture.size == (4096, 64)
    result.putpixel((0, 0), (1, 2, 3))
    assert given_picture.getpixel((0, 0)) == RED


def test_a_large_jpeg_that_was_handed_in_keeps_its_size(tmp_path):
    Image.new("RGB", (5000, 3000)).save(tmp_path / "large.jpg")
    with Image.open(tmp_path / "large.jpg") as picture:
        assert open_image(picture).width == 2048 and picture.size == (5000, 3000)


def test_a_grey_picture_stays_grey():
    grey = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (16, 1)))
    pixels = np.asarray(open_image(saved(grey)))
    assert (pixels[0, :, 0] == np.arange(256)).all() and (pixels == pixels[..., :1]).all()


def test_sixteen_bits_are_scaled_not_clipped():
    deep = Image.fromarray(np.tile(np.linspace(500, 40_000, 100, dtype=np.uint16), (4, 1)))
    row = np.asarray(open_image(saved(deep)))[0, :, 0].astype(int)
    assert (row[0], row[-1]) == (0, 255) and (np.diff(row) >= 0).all() and len(set(row)) == 100


def test_floating_point_with_holes_opens_without_a_warning():
    pixels = np.ones((4, 4), np.float32)
    pixels[0] = (np.nan, np.inf, -np.inf, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_image(saved(Image.fromarray(pixels), "TIFF")).getpixel((2, 2)) == WHITE


def test_transparency_shows_the_background():
    picture = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    picture.putpixel((0, 0), (255, 0, 0, 255))
    assert [open_image(saved(picture)).getpixel(at) for at in ((0, 0), (4, 4))] == [RED, WHITE]
    assert open_image(saved(picture), background=(0, 0, 0)).getpixel((4, 4)) == (0, 0, 0)


def test_half_transparency_mixes_with_the_background():
    assert near(open_image(Image.new("RGBA", (8, 8), (255, 0, 0, 128))).getpixel((4, 4)), (255, 127, 127), 1)


def test_a_transparent_palette_colour_shows_the_background():
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putpixel((0, 0), 1)
    picture = open_image(saved(palette, transparency=0))
    assert [picture.getpixel(at) for at in ((0, 0), (4, 4))] == [BLUE, WHITE]


@pytest.mark.parametrize("fmt", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(fmt):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE)]
    data = saved(frames[0], fmt, save_all=True, append_images=frames[1:], duration=100)
    assert near(open_image(data).getpixel((8, 8)), RED)


#: EXIF's eight orientations and where the red half of ``halves()`` ends up.
ORIENTATIONS = {1: "left", 2: "right", 3: "right", 4: "left", 5: "top", 6: "top", 7: "bottom", 8: "bottom"}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_exif_rotation_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = open_image(saved(halves(), "JPEG", exif=exif, quality=95))
    assert picture.size == ((64, 32) if orientation < 5 else (32, 64))
    w, h = picture.size
    spots = {"left": (4, h // 2), "right": (w - 5, h // 2), "top": (w // 2, 4), "bottom": (w // 2, h - 5)}
    assert near(picture.getpixel(spots[ORIENTATIONS[orientation]]), RED, 30)


def test_a_large_photograph_is_scaled_down_and_keeps_its_shape():
    assert open_image(saved(halves(size=(4200, 2100)), "JPEG")).size == (2048, 1024)


def test_a_long_thin_picture_keeps_a_pixel():
    assert open_image(halves(size=(9000, 2))).size == (2048, 1)


# What does not open


JPEG, PNG = saved(halves(size=(200, 200)), "JPEG"), saved(halves(size=(200, 200)))
#: What is wrong → (the source, or bytes to be written to a file of that name, and a piece of the message).
BAD = {
    "missing": (Path("no such.png"), "There is no file no such.png"),
    "a folder": (Path(), "There is no file"),
    "no name": ("", "There is no file"),
    "a nul in the name": ("a\0b.png", "There is no file"),
    "no bytes": (b"", "is empty (0 bytes)"),
    "empty buffer": (io.BytesIO(), "is empty (0 bytes)"),
    "text": (b"Dear reader, this is no picture.", "cannot be read as a picture"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be read as a picture"),
    "PostScript, which Pillow would hand to another program": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "cannot be read as a picture",
    ),
    "truncated JPEG": (JPEG[: len(JPEG) // 2], "damaged or cut off"),
    "truncated PNG": (PNG[: len(PNG) // 2], "damaged or cut off"),
    "PNG with a wrong byte": (PNG[:60] + bytes([PNG[60] ^ 255]) + PNG[61:], "damaged or cut off"),
    "bomb": (png_header(60_000, 60_000), "more than 100 megapixels"),
    "smaller bomb": (png_header(12_000, 12_000), "more than 100 megapixels"),
    "one pixel": (saved(halves(size=(1, 1))), "only 1 × 1 pixels"),
    "one row": (saved(halves(size=(90, 1))), "only 90 × 1 pixels"),
    "None": (None, "not a NoneType"),
    "an array": (np.zeros((4, 4, 3)), "not a ndarray"),
    "no pixels": (Image.new("RGB", (0, 0)), "only 0 × 0 pixels"),
}


def refusal(source) -> str:
    """The message of the BadImage that a source causes; any other exception or warning fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BadImage) as caught:
            open_image(source)
    return str(caught.value)


@pytest.mark.parametrize("what", BAD)
def test_every_bad_picture_gets_one_clear_message(what):
    source, piece = BAD[what]
    message = refusal(source)
    assert piece in message and "\n" not in message and message.endswith(".")


@pytest.mark.parametrize("what", [name for name, (source, _) in BAD.items() if isinstance(source, bytes)])
def test_a_bad_file_is_named_in_the_message(tmp_path, what):
    source, piece = BAD[what]
    path = tmp_path / "holiday.jpg"
    path.write_bytes(source)
    message = refusal(path)
    assert piece in message and str(path) in message


def test_a_forbidden_file_is_not_called_damaged(tmp_path, monkeypatch):
    path = tmp_path / "secret.png"
    path.write_bytes(PNG)

    def forbidden(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", forbidden)
    assert "permissions" in refusal(path)


def test_the_message_does_not_show_a_traceback_in_a_notebook():
    with pytest.raises(BadImage) as caught:
        open_image(b"x")
    assert caught.value._render_traceback_() == [f"BadImage: {caught.value}"]


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(images, "_clean", lambda *args: pytest.fail("decoded"))
    refusal(png_header(60_000, 60_000))


# What nobody thought of

SEEDS = [saved(halves("P" if fmt == "GIF" else "RGB"), fmt) for fmt in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")]


def opens_or_is_refused(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            picture = open_image(data)
        except BadImage as error:
            assert str(error).endswith(".")
        else:
            assert picture.mode == "RGB" and 1 <= max(picture.size) <= images.WORKING_SIDE


@given(st.binary(max_size=400))
def test_random_bytes_give_nothing_but_bad_image(data):
    with pytest.raises(BadImage):
        open_image(data)


@settings(max_examples=200, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    cut=st.just(1.0) | st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255))),
)
def test_damaged_files_open_or_give_bad_image(seed, cut, changes):
    data = bytearray(seed[: round(cut * len(seed))])
    for where, byte in changes if data else ():
        data[int(where * len(data))] = byte
    opens_or_is_refused(bytes(data))


def test_a_data_url_is_the_picture_itself():
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    for format, exact in (("PNG", True), ("JPEG", False)):
        kind, _, data = to_data_url(picture, format).partition(",")
        assert kind == f"data:image/{format.lower()};base64"
        back = open_image(base64.b64decode(data))
        assert back.size == picture.size and np.array_equal(np.asarray(back), np.asarray(picture)) == exact


def test_messages_with_pictures_and_frames():
    first, second = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "blue")
    assert picture_message("Hello?") == {"role": "user", "content": "Hello?"}
    *pictures, text = picture_message("Same?", first, "world://scenes/heldout/0/1?side=64", max_pixels=64)["content"]
    assert [part["image_url"]["url"] for part in pictures] == [to_data_url(first), "world://scenes/heldout/0/1?side=64"]
    assert all(part["max_pixels"] == 64 for part in pictures) and text == {"type": "text", "text": "Same?"}
    video, text = video_message("When?", [first, np.asarray(second)], fps=4)["content"]
    assert video == {"type": "video", "video": [to_data_url(first), to_data_url(second)], "fps": 4}
    clip = "world://clips/heldout/0/1?side=64"
    assert video_message("When?", clip, max_pixels=64)["content"][0] == {
        "type": "video", "video": clip, "fps": 2.0, "max_pixels": 64
    }  # fmt: skip


def test_a_model_that_sizes_pictures_itself_is_given_them_in_full():
    large = Image.new("RGB", (3000, 1500))
    assert open_image(large).size == (2048, 1024)
    assert open_image(large, largest_side=4000).size == (3000, 1500)
