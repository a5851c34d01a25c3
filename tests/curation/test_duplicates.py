"""Near-duplicates are found whole, whatever the order, and nobody else is."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits
from support.full import FULL
from support.pictures import encoded, texture

from swatchbook.base import files
from swatchbook.curation import duplicates, splitting
from swatchbook.images import decoding
from swatchbook.untrusted.perceptual_hash import colours, dhash


def reference_groups(hashes: list[str], max_distance: int) -> list[int]:
    """All pairs, in the plainest way."""
    group = list(range(len(hashes)))
    values = [int(code, 16) for code in hashes]
    told = [min(value.bit_count(), 256 - value.bit_count()) for value in values]
    for first in range(len(values)):
        for second in range(first):
            allowed = max_distance * 2 * min(told[first], told[second]) / 256
            if (values[first] ^ values[second]).bit_count() <= allowed:
                old, new = group[first], group[second]
                group = [new if item == old else item for item in group]
    return group


def same_partition(one: list[int], other: list[int]) -> bool:
    pairs = set(zip(one, other, strict=True))
    return len(pairs) == len(set(one)) == len(set(other))


@given(seed=st.integers(0, 10**6), max_distance=st.sampled_from([0, 1, 3, 7, 8, 10, 20, 31]))
def test_exactly_the_pairs_within_the_distance_are_joined(seed: int, max_distance: int) -> None:
    random = np.random.default_rng(seed)
    centres = random.integers(0, 256, (12, 32), dtype=np.uint8)
    bits = np.unpackbits(centres[random.integers(0, 12, 80)], axis=1)
    for row in bits:
        row[random.choice(256, random.integers(0, 36), replace=False)] ^= 1
    hashes = [np.packbits(row).tobytes().hex() for row in bits]
    found = duplicates.group_hashes(hashes, max_distance)
    assert same_partition(found.tolist(), reference_groups(hashes, max_distance))


def test_simple_objects_on_a_plain_ground_are_not_taken_for_each_other() -> None:
    digits, labels = load_digits(return_X_y=True)
    hashes = []
    for digit in digits[:600].reshape(-1, 8, 8):
        ink = Image.fromarray((255 - digit * 15.9).astype(np.uint8)).resize((96, 96))
        ground = Image.new("RGB", (256, 256), (255, 255, 255))
        ground.paste(ink, (80, 80))
        hashes.append(dhash(ground, 16))
    sizes = np.bincount(duplicates.group_hashes(hashes, 20))
    assert sizes.max() <= 60, "one group swallows a tenth of the set"
    across = pd.Series(labels[:600]).groupby(duplicates.group_hashes(hashes, 20)).nunique()
    assert (across > 1).mean() < 0.02


def test_joining_in_steps_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    bits = np.zeros((600, 256), np.uint8)
    bits[0, ::2] = 1
    for number in range(1, 600):  # a chain: each differs from the one before in 15 bits
        bits[number] = bits[number - 1]
        bits[number, random.choice(256, 15, replace=False)] ^= 1
    hashes = [np.packbits(row).tobytes().hex() for row in bits]
    monkeypatch.setattr(duplicates, "_EDGES_AT_ONCE", 50)
    assert len(set(duplicates.group_hashes(hashes, 20))) == 1


def manifest(rows: list[tuple[str, str, str, str]]) -> pd.DataFrame:
    """Rows of (digest, label, hash, annotated)."""
    frame = pd.DataFrame(rows, columns=["sha256", "label", "dhash", "annotated"])
    frame["sha256"] = frame["sha256"].str.ljust(64, "0")
    frame["source"] = [f"{label}/{n}.png" for n, label in enumerate(frame["label"])]
    frame["path"] = "data/images/" + frame["sha256"] + ".png"
    return frame.assign(width=10, height=10, bytes=100, part="", colours="")


A, B, C = "55" * 32, "54" + "55" * 31, "aa" * 32


def reasons(frame: pd.DataFrame) -> dict[str, str]:
    rows = duplicates.curate(frame, 20, "one")
    return dict(zip(rows["source"], rows["reason"], strict=True))


def test_the_same_bytes_twice_are_kept_once() -> None:
    found = reasons(manifest([("a", "x", A, ""), ("a", "x", A, ""), ("c", "x", C, "")]))
    assert found == {"x/0.png": "", "x/1.png": "duplicate of a000000000000000", "x/2.png": ""}


def test_the_same_bytes_in_two_classes_are_a_conflict_in_all() -> None:  # B12
    found = reasons(manifest([("a", "x", A, ""), ("a", "y", A, ""), ("c", "x", C, "")]))
    assert found["x/0.png"] == found["y/1.png"] == "conflict: in classes x | y"


def test_an_annotation_settles_a_conflict_or_excludes() -> None:
    found = reasons(manifest([("a", "x", A, "x"), ("a", "y", A, "x"), ("c", "x", C, "exclude")]))
    assert found["x/0.png"] == ""
    assert found["y/1.png"].startswith("duplicate")
    assert found["x/2.png"] == "excluded by annotation"


def test_near_duplicates_share_a_group_and_the_largest_of_a_class_stays() -> None:  # B13
    frame = manifest([("a", "x", A, ""), ("b", "x", B, ""), ("d", "y", B, ""), ("c", "x", C, "")])
    frame.loc[1, "width"] = 20
    rows = duplicates.curate(frame, 20, "one").set_index("source")
    assert rows["group"].tolist().count("a000000000000000") == 3
    assert rows.loc[["x/0.png", "x/1.png", "y/2.png"], "kept"].tolist() == [False, True, True]
    everything = duplicates.curate(frame, 20, "all")
    assert everything["kept"].all()
    assert duplicates.metrics(everything)["groups_across_classes"] == 1


@st.composite
def manifests(draw: st.DrawFn) -> pd.DataFrame:
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    rows = []
    for _ in range(draw(st.integers(1, 30))):
        bits = np.arange(256) % 2
        bits[: 40 * random.integers(0, 4)] ^= 1
        bits[random.choice(256, random.integers(0, 14), replace=False)] ^= 1
        code = np.packbits(bits).tobytes().hex()
        rows.append(
            (code[:6] + files.digest(code.encode())[:20], "xyz"[random.integers(3)], code, "")
        )
    frame = manifest(rows)
    return frame.assign(width=random.integers(8, 12, len(frame)))


@given(frame=manifests(), seed=st.integers(0, 1000), keep=st.sampled_from(["one", "all"]))
def test_curation_does_not_depend_on_order_and_is_idempotent(
    frame: pd.DataFrame, seed: int, keep: str
) -> None:
    first = duplicates.curate(frame, 20, keep)
    shuffled = duplicates.curate(frame.sample(frac=1, random_state=seed), 20, keep)
    pd.testing.assert_frame_equal(first, shuffled)
    kept = set(first.loc[first["kept"], "source"])
    again = duplicates.curate(frame[frame["source"].isin(kept)], 20, keep)
    assert again["kept"].all()


def planted(originals: list[Image.Image]) -> pd.DataFrame:
    """Each image with resized, recompressed, brightened and slightly cropped copies."""
    rows = []
    for number, image in enumerate(originals):
        width, height = image.size
        half = image.resize((width // 2, height // 2), Image.Resampling.BICUBIC)
        versions = {
            "original": encoded(image),
            "resized": encoded(half, "JPEG", quality=80),
            "recompressed": encoded(image, "JPEG", quality=60),
            "brighter": encoded(image.point(lambda value: min(255, int(value * 1.1)))),
            "cropped": encoded(image.crop((1, 1, width - 1, height - 1))),
        }
        for name, data in versions.items():
            facts, rgb = decoding.examine(data)
            rows.append({
                "sha256": files.digest(data), "path": "", "label": "xyz"[number % 3],
                "source": f"{number}/{name}", "dhash": dhash(rgb, 16), "annotated": "", "part": "",
                "colours": colours(rgb),
                "width": facts.width, "height": facts.height, "bytes": len(data),
            })  # fmt: skip
    return pd.DataFrame(rows)


def test_planted_near_duplicates_never_straddle_the_split() -> None:
    big = [
        texture(number, number % 3, 40).resize((160, 160), Image.Resampling.BICUBIC)
        for number in range(60)
    ]
    curated = duplicates.curate(planted(big), 20, "all")
    split = splitting.split(curated[curated["kept"]], 0.25, 4, seed=0)
    splitting.check(split, 4)
    sides = split.assign(scene=split["source"].str.split("/").str[0]).groupby("scene")
    assert (sides["group"].nunique() == 1).all()
    assert (sides["subset"].nunique() == 1).all()
    assert (sides["fold"].nunique() == 1).all()


def test_planted_near_duplicates_of_photographs_are_found(shared: Path) -> None:
    chosen = sorted((shared / "fabric_patterns").rglob("*.jpg"))[:: 8 if FULL else 24]
    photographs = [Image.open(path).convert("RGB") for path in chosen]
    curated = duplicates.curate(planted(photographs), 20, "all")
    scenes = curated.assign(scene=curated["source"].str.split("/").str[0])
    copies = scenes[~scenes["source"].str.endswith("original")]
    originals = scenes[scenes["source"].str.endswith("original")].set_index("scene")["group"]
    assert (copies["group"] == copies["scene"].map(originals)).mean() >= 0.97


def shirts(shades: list[tuple[int, int, int]]) -> pd.DataFrame:
    """One mock-up in several colours."""
    rows = []
    for number, shade in enumerate(shades):
        ground = Image.new("RGB", (160, 160), (255, 255, 255))
        ground.paste(shade, (30, 40, 130, 150))
        ground.paste(shade, (10, 40, 150, 80))
        data = encoded(ground)
        rows.append({
            "sha256": files.digest(data), "path": "", "label": "rgb"[int(np.argmax(shade))],
            "source": str(number), "dhash": dhash(ground, 16), "annotated": "", "part": "",
            "colours": colours(ground), "width": 160, "height": 160, "bytes": len(data),
        })  # fmt: skip
    return pd.DataFrame(rows)


def test_things_that_differ_in_colour_only_are_not_duplicates() -> None:  # D4
    frame = shirts([(200, 30, 30), (30, 200, 30), (30, 30, 200), (120, 10, 10), (250, 120, 120)])
    assert len(set(duplicates.group_hashes(list(frame["dhash"]), 20))) < 5
    curated = duplicates.curate(frame, 20, "one")
    assert curated["kept"].all()
    assert curated["group"].nunique() == 5


def test_a_copy_in_other_light_is_still_a_duplicate() -> None:
    frame = shirts([(200, 30, 30), (190, 30, 30)])
    assert duplicates.curate(frame, 20, "one")["group"].nunique() == 1


def test_of_duplicates_that_of_the_test_part_stays() -> None:  # D2
    frame = manifest([("a", "x", A, ""), ("a", "x", A, ""), ("b", "x", B, ""), ("c", "y", C, "")])
    frame = frame.assign(part=["train", "test", "train", "train"], width=[10, 10, 20, 10])
    curated = duplicates.curate(frame, 20, "one")
    assert list(curated["kept"]) == [False, True, False, True]
    assert list(curated["part"]) == ["train", "test", "train", "train"]


def test_a_class_that_keeps_nothing_is_lost() -> None:  # D3
    frame = manifest([("a", "x", A, ""), ("a", "y", A, ""), ("c", "y", C, ""), ("d", "z", C, "y")])
    frame.loc[3, "dhash"] = "0f" * 32
    curated = duplicates.curate(frame, 20, "one")
    said = duplicates.lost_classes(frame, curated)
    # all of z was given another class by a person: that is no loss
    assert said == ["class 'x': none of its 1 images is kept (2 conflict)"]
    excluded = frame.assign(annotated=["", "", "exclude", "exclude"])
    said = duplicates.lost_classes(excluded, duplicates.curate(excluded, 20, "one"))
    assert [sentence.split(":")[0] for sentence in said] == ["class 'x'", "class 'y'", "class 'z'"]
