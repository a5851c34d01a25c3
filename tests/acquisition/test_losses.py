"""What of a source is not among the images, in words."""

import pandas as pd

from swatchbook.acquisition import losses


def manifest(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Rows of (source, digest or nothing, reason)."""
    return pd.DataFrame(
        {
            "source": [name for name, _, _ in rows],
            "label": [name.split("/")[0] for name, _, _ in rows],
            "sha256": [digest for _, digest, _ in rows],
            "status": ["ok" if not reason else "quarantined" for *_, reason in rows],
            "reason": [reason for *_, reason in rows],
        }
    )


def test_causes_are_counted_the_most_frequent_first_and_a_cure_is_named() -> None:
    bad = manifest(("a/1", "", "blank"), ("a/2", "", "escape"), ("a/3", "", "escape"))
    assert losses.causes(bad) == "2 escape, 1 blank"
    assert losses.first(bad) == "a/1, a/2, a/3"
    assert losses.cure(bad).startswith("; escape: copy what the links lead to")
    assert losses.cure(bad[:1]) == ""


def test_a_class_without_a_usable_file_is_lost() -> None:  # D3
    found = manifest(
        ("a/1", "x", ""), ("a/2", "", "blank"), ("b/1", "", "blank"), ("c/", "", "no_files")
    )
    assert losses.lost_classes(found) == [
        "class 'b': none of its 1 files can be used (1 blank)",
        "class 'c': its folder holds no file",
    ]


def test_what_is_gone_since_the_last_run_is_told() -> None:
    before = manifest(
        *((f"a/{n}", f"a{n}", "") for n in range(50)), ("b/1", "b1", ""), ("a/sub/1", "s1", "")
    )
    now = before[~before["source"].isin(["b/1", "a/sub/1", "a/1"])]
    assert losses.gone(before, now) == [
        "class 'b' is gone (1 image)", "folder 'a/sub' is gone (1 image)",
        "3 of 52 images of the last run are gone",
    ]  # fmt: skip
    assert losses.gone(before, before) == []
    # a file that moved is no image that is gone
    moved = before.replace({"source": {"a/1": "a/9x"}})
    assert losses.gone(before, moved) == []


def test_another_source_misses_nothing() -> None:
    assert losses.gone(manifest(("a/1", "x", "")), manifest(("b/1", "y", ""))) == []
