"""Small real images, made up."""

import io
import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter


def texture(seed: int, kind: int = 0, side: int = 48) -> Image.Image:
    """A natural-looking RGB texture; ``kind`` sets its colour and grain, ``seed`` the rest."""
    random = np.random.default_rng(seed * 1000 + kind)
    noise = Image.fromarray(random.integers(0, 256, (side, side), dtype=np.uint8))
    smooth = np.asarray(noise.filter(ImageFilter.GaussianBlur(1 + kind % 3)), dtype=float)
    smooth = (smooth - smooth.min()) / max(1.0, np.ptp(smooth))
    # classes overlap, so that metrics are not perfect and differences can be seen
    pure = np.array([[1.0, 0.4, 0.3], [0.3, 1.0, 0.4], [0.4, 0.3, 1.0]])[kind % 3]
    tint = 0.45 * pure + 0.55 * random.random(3)
    return Image.fromarray((smooth[..., None] * tint * 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The image as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def new_images(folder: Path, count: int, known: Path) -> Path:
    """A folder of ``count`` images, a copy of one that is ``known``, and a file that is none."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.png").write_bytes(encoded(texture(900 + number, number)))
    (folder / "bad.png").write_bytes(b"no image")
    shutil.copy(known, folder / "known.png")
    return folder


def make_folder(root: Path, classes: dict[str, int], side: int = 48) -> Path:
    """A folder source: ``classes`` gives the number of images of each class."""
    for kind, (label, count) in enumerate(classes.items()):
        (root / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            path = root / label / f"{label}_{number:03}.png"
            path.write_bytes(encoded(texture(number, kind, side)))
    return root
