"""The one door: what comes through as which pixels, and what is refused why.

Ids A01–A36 are the project's fault catalogue.
"""

import io
import resource
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from support.pictures import encoded, texture
from support.png_files import chunk, png, with_chunk

from swatchbook.base.errors import ImageRefused
from swatchbook.images import decoding, limits
from swatchbook.images.frame import GREY, Frame


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decoding.examine(data)[1])


def pixels_of(data: bytes) -> Image.Image:
    return decoding.examine(data)[1]


def refusal(data: bytes) -> str:
    with pytest.raises(ImageRefused) as caught:
        decoding.examine(data)
    assert caught.value.reason in limits.REASONS
    return caught.value.reason


PHOTO = texture(1, 0, 200)
JPEG = encoded(PHOTO, "JPEG", quality=90)
PNG = encoded(PHOTO)
BLANK = Image.new("L", (64, 64), 9)
PROGRESSIVE = encoded(PHOTO, "JPEG", quality=90, progressive=True)

REFUSED = {
    "A01 no bytes": (b"", "empty"),
    "A02 an HTML page": (b"<!DOCTYPE html><html>404</html>", "not_image"),
    "A02 JSON": (b'{"error": "not found"}', "not_image"),
    "A03 half a JPEG": (JPEG[: len(JPEG) // 2], "truncated"),
    "A03 99 % of a JPEG": (JPEG[: len(JPEG) * 99 // 100], "truncated"),
    "A03 a progressive JPEG without its last 2 bytes": (PROGRESSIVE[:-2], "truncated"),
    "A03 a JPEG without its last pixels": (JPEG[:-12], "truncated"),
    "A05 half a PNG": (PNG[: len(PNG) // 2], "truncated"),
    "A05 a PNG without its last pixels": (PNG[:-30], "truncated"),
    "A05 a PNG with a wrong checksum": (
        PNG[: len(PNG) // 2] + b"x" + PNG[len(PNG) // 2 + 1 :],
        "corrupt",
    ),
    "A09 fully transparent": (encoded(Image.new("RGBA", (64, 64), (200, 10, 10, 0))), "blank"),
    "A12 a GIF of no width": (b"GIF89a\0\0\0\0\0\0\0;", "corrupt"),
    "A16 a header that claims 2^31 pixels a side": (png(2**31 - 1, 2**31 - 1), "too_many_pixels"),
    "A16 400 megapixels in 48 KB": (
        png(20000, 20000, 1, 0, b"\0" * 2501 * 20000),
        "too_many_pixels",
    ),
    "A17 just under Pillow's own limit": (png(13000, 13000, 1), "too_many_pixels"),
    "A18 a tiny PNG that claims a lot": (png(8000, 8000, 16, 6), "too_many_pixels"),
    "A19 one pixel": (png(1, 1), "too_small"),
    "A19 a line": (png(60000, 1), "too_small"),
    "A20 100 to 1": (encoded(texture(1, 0, 64).resize((1000, 10))), "aspect"),
    "A26 HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported_format"),
    "A26 AVIF": (encoded(texture(1, 0, 32), "AVIF"), "unsupported_format"),
    "A26 JPEG XL": (b"\xff\x0a\xff\xff\x01", "unsupported_format"),
    "A27 SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "unsupported_format"),
    "A27 SVG with a doctype": (
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]><svg/>',
        "unsupported_format",
    ),
    "A28 EPS": (encoded(texture(1, 0, 32), "EPS"), "unsupported_format"),
    "A28 PDF": (b"%PDF-1.7\n", "unsupported_format"),
    "A29 ICO": (encoded(texture(1, 0, 32), "ICO"), "unsupported_format"),
    "A29 Photoshop": (b"8BPS\0\1", "unsupported_format"),
    "A29 FITS": (b"SIMPLE  =                    T", "unsupported_format"),
    "A29 JPEG 2000": (encoded(texture(1, 0, 32), "JPEG2000"), "unsupported_format"),
    "A30 BMP with a mad header": (b"BM" + b"\xff" * 60, "corrupt"),
    "A32 AVI": (b"RIFF\x24\x80\0\0AVI LIST", "not_image"),
    "A32 MP4": (b"\0\0\0\x18ftypmp42\0\0\0\0", "not_image"),
    "A33 a Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\n", "not_image"),
    "A34 one colour": (encoded(Image.new("RGB", (64, 64), (9, 9, 9))), "blank"),
    "A10 64 bits a pixel": (cv2.imencode(".tif", np.eye(32))[1].tobytes(), "unsupported"),
    "A29 TGA": (encoded(PHOTO, "TGA"), "unsupported_format"),
    "A29 TGA without a footer": (encoded(PHOTO, "TGA")[:-26], "unsupported_format"),
    "A29 PCX": (encoded(PHOTO, "PCX"), "unsupported_format"),
    "A29 DICOM": (b"\0" * 128 + b"DICM\2\0", "unsupported_format"),
    "A13 an animation of blank frames": (
        encoded(Image.new("L", (64, 64)), "GIF", save_all=True, append_images=[BLANK] * 3),
        "blank",
    ),
    "A35 NaN": (
        encoded(Image.fromarray(np.full((32, 32), np.nan, np.float32)), "TIFF"),
        "unsupported",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_bytes_are_refused_with_their_reason(name: str) -> None:
    data, reason = REFUSED[name]
    assert refusal(data) == reason


def test_a_file_over_the_byte_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BYTES", 1000)
    assert refusal(PNG) == "too_large"


@pytest.mark.parametrize("process", [0xC3, 0xC9, 0xCA])  # A24
def test_lossless_and_arithmetic_jpegs_are_refused(process: int) -> None:
    # whatever this build of the decoder can do: the verdict must be the same everywhere
    assert refusal(JPEG.replace(b"\xff\xc0\0\x11", bytes([255, process, 0, 17]))) == "unsupported"


def test_progressive_jpegs_are_read() -> None:
    assert (pixels(encoded(PHOTO, "JPEG", quality=90, progressive=True)) == pixels(JPEG)).all()


@pytest.mark.parametrize("cut", [1, 2])
@pytest.mark.parametrize("side", [64, 65])
def test_a_jpeg_that_lacks_its_end_only_is_read(cut: int, side: int) -> None:  # A03
    whole = encoded(texture(2, 1, 64).resize((side, side)), "JPEG", quality=90)
    assert (pixels(whole[:-cut]) == pixels(whole)).all()
    for examined in (True, False):
        frame = Frame(32, "pad")
        assert (
            decoding.decode(whole[:-cut], frame, examined=examined) == decoding.decode(whole, frame)
        ).all()


@pytest.mark.parametrize("cut", [1, 5, 11, 12])
def test_a_png_that_lacks_its_end_only_is_read(cut: int) -> None:  # A05
    assert (pixels(PNG[:-cut]) == np.asarray(PHOTO)).all()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("kind", "head"),
    [
        (b"zTXt", b"key\0\0"),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0"),
        (b"iCCP", b"junk\0\0"),
    ],
)
def test_long_texts_say_nothing_of_the_pixels(kind: bytes, head: bytes, after: bool) -> None:
    text = np.random.default_rng(0).integers(32, 127, 2_000_000, dtype=np.uint8).tobytes()
    data = with_chunk(PNG, chunk(kind, head + zlib.compress(text)), after)
    assert (pixels(data) == np.asarray(PHOTO)).all()
    assert (decoding.decode(data, Frame(200, "pad")) == np.asarray(PHOTO)).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_that_fades_in_is_what_it_becomes(kind: str) -> None:  # A13
    frames = [Image.new("RGB", (64, 64)), texture(3, 0, 64)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert np.abs(pixels(data).astype(int) - np.asarray(frames[1])).mean() < 6
    decoded = decoding.decode(data, Frame(64, "pad"))
    assert (decoded == pixels(data)).all()


def test_pixels_of_a_bmp_are_opaque_where_all_are_transparent() -> None:
    bgra = np.dstack([np.asarray(PHOTO)[..., ::-1], np.zeros((200, 200), np.uint8)])
    data = cv2.imencode(".bmp", bgra)[1].tobytes()
    assert (pixels(data) == np.asarray(PHOTO)).all()


def test_bytes_after_the_image_are_ignored() -> None:  # A04
    assert (pixels(JPEG + b"PK\x03\x04 zip") == pixels(JPEG)).all()


def test_cmyk_is_converted() -> None:  # A06
    cmyk = encoded(PHOTO.convert("CMYK"), "JPEG", quality=95)
    assert abs(pixels(cmyk).mean() - np.asarray(PHOTO).mean()) <= 2


def test_16_bit_grey_is_scaled_not_clipped() -> None:  # A07
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    found = pixels(encoded(Image.fromarray(ramp)))
    assert np.abs(found[..., 0].astype(int) - (ramp >> 8)).max() <= 1


def test_16_bit_rgb_is_scaled() -> None:  # A07
    values = (np.arange(64 * 64 * 3).reshape(64, 64, 3) * 5).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    found = pixels(png(64, 64, 16, 2, rows))
    assert np.abs(found.astype(int) - (values >> 8)).max() <= 1


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "RGBA", "PA"])  # A08 A09 A10 A21
def test_other_modes_become_rgb(mode: str) -> None:
    kind = "TIFF" if mode == "PA" else "PNG"
    source = PHOTO.convert("P").convert("PA") if mode == "PA" else PHOTO.convert(mode)
    grey = np.asarray(PHOTO.convert("L"), dtype=float).mean()
    found = pixels(encoded(source, kind))
    assert found.shape == (200, 200, 3)
    assert abs(np.asarray(Image.fromarray(found).convert("L"), float).mean() - grey) < 6


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_wide_pixels_are_scaled(dtype: type) -> None:  # A10
    ramp = np.linspace(0, 65535 if dtype is np.int32 else 1, 64 * 64).reshape(64, 64)
    found = pixels(encoded(Image.fromarray(ramp.astype(dtype)), "TIFF"))
    assert abs(found.mean() - 127.5) < 1


def test_transparency_is_laid_over_grey() -> None:  # A08 A09
    image = texture(1, 0, 64).convert("RGBA")
    image.paste((255, 0, 0, 0), (0, 0, 32, 64))
    found = pixels(encoded(image))
    assert (found[:, :32] == GREY).all()
    palette = Image.new("P", (64, 64), 0)
    palette.putpalette([255, 0, 0, 0, 255, 0] + [0] * 762)
    palette.paste(1, (32, 0, 64, 64))
    found = pixels(encoded(palette, "GIF", transparency=0))
    assert (found[:, :32] == GREY).all()
    assert (found[:, 32:] == (0, 255, 0)).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])  # A11 A13 A25
def test_only_the_first_frame_counts(kind: str) -> None:
    frames = [texture(number, 0, 32) for number in range(4)]
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95, "subsampling": 0}
    options = options if kind in ("WEBP", "MPO") else {}
    animated = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert np.abs(pixels(animated).astype(int) - np.asarray(frames[0])).mean() < 6


def oriented(image: Image.Image, orientation: int) -> Image.Image:
    """What a camera stores when the upright ``image`` is shot with ``orientation``."""
    turn = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
    }[orientation]  # fmt: skip
    return image if turn is None else image.transpose(turn)


@settings(max_examples=25, deadline=None)
@given(
    orientation=st.integers(1, 8),
    width=st.integers(8, 60),
    height=st.integers(8, 60),
    resize=st.sampled_from(["pad", "crop", "stretch"]),
)
def test_all_eight_orientations_give_the_same_pixels(  # A14
    orientation: int, width: int, height: int, resize: str
) -> None:
    upright = texture(3, 1, 64).crop((0, 0, width, height))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(oriented(upright, orientation), exif=exif)
    assert (pixels(data) == np.asarray(upright)).all()
    plain = encoded(upright)
    assert (
        decoding.decode(data, Frame(32, resize)) == decoding.decode(plain, Frame(32, resize))
    ).all()


def swapped_profile() -> bytes:
    """sRGB with red and blue exchanged: a profile whose colours can't be taken as they are."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    name, other = (text.encode("utf-16-be") for text in ("sRGB", "BGRs"))
    assert name in srgb
    tags = bytearray(srgb)
    red, blue = tags.index(b"rXYZ"), tags.index(b"bXYZ")
    tags[red : red + 4], tags[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(tags).replace(name, other)


# what each format can hold of an image
MODES = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"], "WEBP": ["RGB", "RGBA"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"],
    "BMP": ["1", "L", "P", "RGB"], "GIF": ["1", "L", "P"], "PPM": ["1", "L", "RGB", "I;16"],
    "JPEG": ["L", "RGB", "CMYK"],
}  # fmt: skip
WITH_EXIF = ("PNG", "WEBP", "TIFF", "JPEG")


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind in MODES for mode in MODES[kind]])
@given(
    number=st.integers(0, 5),
    orientation=st.integers(1, 8),
    has_profile=st.booleans(),
    examined=st.booleans(),
)
def test_the_same_picture_has_the_same_pixels(
    kind: str, mode: str, number: int, orientation: int, has_profile: bool, examined: bool
) -> None:
    """Whatever holds it: compared with an uncompressed file of the colours that are meant."""
    upright = texture(number, 0, 48).crop((0, 0, 48, 33))
    alpha = Image.linear_gradient("L").resize(upright.size) if "A" in mode else None
    shown = stored = upright.convert("L") if mode in ("I;16", "LA") else upright.convert(mode)
    if alpha:
        stored.putalpha(alpha)
        shown = stored.convert("RGB" if mode == "RGBA" else "L")
    elif mode == "I;16":
        stored = Image.fromarray(np.asarray(shown).astype(np.uint16) * 257)
    options: dict[str, Any] = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    if kind in WITH_EXIF:
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored, options["exif"] = oriented(stored, orientation), exif
    profile = swapped_profile() if has_profile and kind in WITH_EXIF else None
    if profile:
        options["icc_profile"] = profile
    # an sRGB file in which colours already are what the profile makes of them
    wanted = shown.convert("RGB")
    if profile and mode in ("RGB", "RGBA", "P"):
        wanted = pixels_of(encoded(wanted, icc_profile=profile))
    if alpha:
        wanted.putalpha(alpha)
    frame = Frame(48, "pad")
    expected = decoding.decode(encoded(wanted), frame)
    found = decoding.decode(encoded(stored, kind, **options), frame, examined=examined)
    difference = np.abs(found.astype(int) - expected)
    if kind == "JPEG":
        assert difference.mean() < 8
    else:
        assert difference.max() <= (1 if profile and alpha else 0), (kind, mode, orientation)


@pytest.mark.parametrize("orientation", [0, 9, 65535])  # A14
def test_an_invalid_orientation_counts_as_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert (pixels(encoded(PHOTO, exif=exif)) == np.asarray(PHOTO)).all()


def test_corrupt_metadata_is_ignored() -> None:  # A15
    data = encoded(PHOTO, "JPEG", quality=90, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert (pixels(data) == pixels(JPEG)).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_cut_metadata_are_ignored(kind: str) -> None:  # A15
    assert pixels(encoded(PHOTO, kind, exif=b"II*\0")).shape == (200, 200, 3)


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"]),
    seed=st.integers(0, 10**9),
)
def test_damaged_bytes_give_pixels_or_a_reason_and_nothing_else(kind: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {} if kind in ("GIF", "BMP", "PPM") else {"exif": exif}
    data = bytearray(encoded(texture(1, 0, 24), kind, **options))
    for position in random.integers(0, len(data), random.integers(1, 6)):
        data[position] = random.integers(0, 256)
    try:
        verdict = pixels(bytes(data)).dtype.name
    except ImageRefused as refused:
        verdict = refused.reason
    assert verdict in {"uint8", *limits.REASONS}


def test_a_text_bomb_costs_little() -> None:  # A15
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * 200_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (pixels(with_chunk(PNG, bomb)) == np.asarray(PHOTO)).all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_a_wide_gamut_profile_is_converted_and_a_corrupt_one_ignored() -> None:  # A22
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (pixels(encoded(PHOTO, icc_profile=srgb)) == np.asarray(PHOTO)).all()
    assert (pixels(encoded(PHOTO, icc_profile=b"junk" * 50)) == np.asarray(PHOTO)).all()
    found = pixels(encoded(PHOTO, icc_profile=swapped_profile()))
    swapped = np.asarray(PHOTO)[..., ::-1]
    assert (
        np.abs(found.astype(int) - swapped).mean()
        < np.abs(found.astype(int) - np.asarray(PHOTO)).mean()
    )


def test_the_name_of_a_file_says_nothing() -> None:  # A31
    facts, _ = decoding.examine(encoded(PHOTO, "WEBP"))
    assert (facts.format, facts.extension) == ("WEBP", "webp")


@pytest.mark.parametrize("resize", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("size", [(2000, 1500), (900, 1600), (500, 400)])
def test_decoding_at_reduced_scale_is_faithful(resize: str, size: tuple[int, int]) -> None:
    photo = texture(1, 2, 250).resize(size, Image.Resampling.BICUBIC)
    data = encoded(photo, "JPEG", quality=92)
    reduced = decoding.decode(data, Frame(224, resize)).astype(float)
    full = Frame(224, resize).fit(Image.open(io.BytesIO(data))).astype(float)
    assert reduced.shape == (224, 224, 3)
    noise = ((reduced - full) ** 2).mean()
    assert 10 * np.log10(255**2 / max(noise, 1e-9)) >= 45


@pytest.mark.filterwarnings("ignore")  # as in a sandbox
@pytest.mark.parametrize("name", REFUSED)
def test_an_unexamined_image_gets_the_verdict_of_examining(name: str) -> None:
    with pytest.raises(ImageRefused) as caught:
        decoding.decode(REFUSED[name][0], Frame(32, "pad"), examined=False)
    assert caught.value.reason == REFUSED[name][1]


def test_a_speck_that_scaling_loses_still_makes_an_image() -> None:
    pixels = np.zeros((800, 800, 3), np.uint8)
    pixels[:2, :2] = 40
    speck = encoded(Image.fromarray(pixels), "JPEG", quality=95)
    assert decoding.examine(speck)[0].format == "JPEG"
    found = decoding.decode(speck, Frame(16, "pad"), examined=False)
    assert (found == decoding.decode(speck, Frame(16, "pad"))).all()
    with pytest.raises(ImageRefused, match="blank"):
        decoding.decode(
            encoded(Image.new("RGB", (800, 800)), "JPEG"), Frame(16, "pad"), examined=False
        )


@settings(max_examples=50, deadline=None)
@given(width=st.integers(8, 300), height=st.integers(8, 300), side=st.integers(32, 128))
def test_padding_keeps_the_aspect(width: int, height: int, side: int) -> None:
    white = Image.new("RGB", (width, height), (255, 255, 255))
    square = Frame(side, "pad").fit(white)
    inner = (square == 255).all(axis=2)
    rows, columns = inner.any(axis=1).sum(), inner.any(axis=0).sum()
    assert max(rows, columns) == side
    assert abs(columns / side - width / max(width, height)) <= 1 / side
    assert abs(rows / side - height / max(width, height)) <= 1 / side
    assert (square[~inner] == GREY).all()


def test_real_orientation_examples_are_upright(shared: Path) -> None:  # A14
    for shape in ("Landscape", "Portrait"):
        folder = shared / "nasty" / "exif-orientation"
        reference = decoding.decode((folder / f"{shape}_1.jpg").read_bytes(), Frame(224, "pad"))
        for number in range(9):
            turned = decoding.decode(
                (folder / f"{shape}_{number}.jpg").read_bytes(), Frame(224, "pad")
            )
            assert np.abs(turned.astype(int) - reference).mean() < 12, (shape, number)


def test_png_suite(shared: Path) -> None:  # A05
    files = sorted((shared / "nasty" / "pngsuite").rglob("*.png"))
    assert len(files) == 176
    for file in files:
        if file.name.startswith("x"):
            assert refusal(file.read_bytes()) in ("corrupt", "not_image"), file.name
            continue
        with Image.open(file) as image:
            small = min(image.size) < limits.MIN_SIDE
        if small:
            assert refusal(file.read_bytes()) == "too_small"
        else:
            assert pixels(file.read_bytes()).shape[2] == 3, file.name


def test_a_reduced_image_is_what_the_image_was() -> None:
    large = texture(5, side=400).resize((400, 300))
    small = Image.open(io.BytesIO(decoding.reduced(large, 200)))
    assert small.size == (200, 150)
    wanted = np.asarray(large.resize((200, 150), Image.Resampling.LANCZOS), float)
    noise = ((np.asarray(small, float) - wanted) ** 2).mean()
    assert 10 * np.log10(255**2 / noise) > 35  # dB; noise is the worst that a JPEG can be given
    assert decoding.reduced(large, 200) == decoding.reduced(large, 200)


def test_a_reduced_image_still_passes_the_door() -> None:
    narrow = texture(5, side=600).resize((600, 13))
    facts, _ = decoding.examine(decoding.reduced(narrow, 64))
    assert (facts.width, facts.height) == (369, 8)
