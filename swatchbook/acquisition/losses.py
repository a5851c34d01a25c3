"""What of a source is not among the images, in words: nothing goes missing in silence."""

from pathlib import PurePosixPath

import pandas as pd

from swatchbook.images import limits
from swatchbook.project import tables

# a smaller share of the images of the last run may go without a word
_FEW = 0.03
_LISTED = 3

# what a person can do about a reason, where it isn't plain
CURES = {
    "unsupported_format": "save them as JPEG, PNG, WebP or TIFF",
    "no_class": "put the images of each class into a folder of its own",
    "archive": "unpack it and name the folder",
    "escape": "copy what the links lead to into the source, or name the folder they lead to",
    "too_many_pixels": f"scale them to under {limits.MAX_PIXELS // 10**6} million pixels",
    "too_large": "save them with more compression",
    "unsupported": "save them anew, 8 or 16 bits a channel; of deeper ones `refine_dnn.levels` "
    "says what is black and what white",
    "not_image": "take them out of the source",
    "decoder_crash": "run it again: the system may have been short of memory",
    "timeout": "run it again on an idle machine, or scale them down",
    "unreadable": "let this user read them",
    "vanished": "run it again when the source is complete",
}


def causes(bad: pd.DataFrame) -> str:
    """How many files each reason has: ``3 truncated, 2 blank``, the most frequent first."""
    counts = sorted(tables.counted(bad["reason"]).items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {reason}" for reason, count in counts)


def first(bad: pd.DataFrame) -> str:
    """The first few files by name."""
    names = list(bad["source"].iloc[:_LISTED])
    return ", ".join(names) + (", …" if len(bad) > len(names) else "")


def cure(bad: pd.DataFrame) -> str:
    """What to do about the most frequent reason that something can be done about, or nothing."""
    for reason in bad["reason"].value_counts().index:
        if reason in CURES:
            return f"; {reason}: {CURES[reason]}"
    return ""


def lost_classes(manifest: pd.DataFrame) -> list[str]:
    """A sentence for each class of which no file can be used."""
    said = []
    for label, rows in manifest[manifest["label"] != ""].groupby("label"):
        if (rows["status"] == "ok").any():
            continue
        if set(rows["reason"]) == {"no_files"}:
            said.append(f"class {label!r}: its folder holds no file")
        else:
            said.append(
                f"class {label!r}: none of its {len(rows)} files can be used "
                f"({causes(rows)}){cure(rows)}"
            )
    return said


def gone(before: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """A sentence for each class, folder or large share of ``before`` that is no longer there.

    Both are manifests; where they have no file in common, another source was asked for.
    """
    had, has = before[before["status"] == "ok"], now[now["status"] == "ok"]
    missing = had[~had["source"].isin(set(now["source"]))]
    if missing.empty or len(missing) == len(had):
        return []
    said = []
    classes = sorted(set(had["label"]) - set(now["label"]))
    for label in classes:
        said.append(f"class {label!r} is gone ({_images(int((had['label'] == label).sum()))})")
    rest = missing[~missing["label"].isin(classes)]
    there = {_folder(name) for name in now["source"]}
    for folder, rows in rest.groupby(rest["source"].map(_folder)):
        if folder not in there:
            said.append(f"folder {folder!r} is gone ({_images(len(rows))})")
    lost = had["sha256"].nunique() - len(set(had["sha256"]) & set(has["sha256"]))
    if lost > _FEW * had["sha256"].nunique():
        said.append(f"{lost} of {had['sha256'].nunique()} images of the last run are gone")
    return said


def _folder(name: str) -> str:
    return str(PurePosixPath(name).parent)


def _images(count: int) -> str:
    return f"{count} image{'s' * (count != 1)}"
