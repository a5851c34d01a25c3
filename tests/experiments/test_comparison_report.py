"""A comparison in words and tables."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from support.run_tables import run

from swatchbook.experiments import comparison, comparison_report
from swatchbook.experiments.comparison import Comparison

TRUTH = np.arange(200) % 2


def compared(fixed: int, broken: int) -> Comparison:
    """A and B on 200 images; both are right on the rest."""
    number = np.arange(200)
    right_a = number >= fixed
    right_b = (number < fixed) | (number >= fixed + broken)
    return comparison.compare(run(right_a, TRUTH), [run(right_b, TRUTH)], resamples=200)[0]


@pytest.mark.parametrize(
    ("fixed", "broken", "says"),
    [
        (30, 5, r"new is better than main by 12\.5 points \(.+ to .+\) of accuracy; 30 images"),
        (5, 30, r"new is worse than main by 12\.5 points \(.+ to .+\) of accuracy; 5 images"),
        (6, 5, r"new can't be told from main: \+0\.5 points \(-.+ to \+.+\) of accuracy; 6 "),
        (1, 0, r"new can't be told from main: .* 1 image fixed, 0 broken \(p = 1\)"),
        (0, 0, r"new and main are right and wrong on the same 200 images"),
    ],
)  # fmt: skip
def test_one_sentence_says_it(fixed: int, broken: int, says: str) -> None:
    assert re.match(says, comparison_report.sentence("main", "new", compared(fixed, broken)))


def test_classes_that_differ_are_named_even_where_the_whole_does_not() -> None:
    right_a, right_b = np.ones(200, bool), np.ones(200, bool)
    right_a[np.flatnonzero(TRUTH == 0)[:20]] = False
    right_b[np.flatnonzero(TRUTH == 1)[:20]] = False
    (found,) = comparison.compare(run(right_a, TRUTH), [run(right_b, TRUTH)], resamples=200)
    assert comparison_report.sentence("a", "b", found) == (
        "b can't be told from a: "
        + comparison_report.metrics_table(found)["B − A"][0]
        + " of accuracy; 20 images fixed, 20 broken (p = 1); by class: "
        "better on cat (20 fixed, 0 broken), worse on dog (0 fixed, 20 broken)"
    )


def test_notes_say_what_was_left_out() -> None:
    a, b = run(np.ones(20, bool), TRUTH[:20]), run(np.ones(20, bool), TRUTH[:20])
    a["subset"] = ["test"] * 12 + ["train"] * 8
    b["subset"] = ["train"] * 4 + ["test"] * 16
    b.loc[5, "label"] = "cat" if b.loc[5, "label"] == "dog" else "dog"
    (found,) = comparison.compare(a, [b], resamples=100)
    assert comparison_report.notes("main", "new", found) == [
        "only the 8 test images that both have are compared, of 12 of main and 16 of new",
        "4 images of main's test part left out: new trained on",
        "8 images of new's test part left out: main trained on",
        "1 image with another label in main: new's label counts",
    ]
    assert comparison_report.notes("a", "b", compared(1, 2)) == []


def test_losses_are_better_when_they_are_less() -> None:
    table = comparison_report.metrics_table(compared(80, 2)).set_index("metric")
    assert table.loc["accuracy", "B is"] == "better"
    assert table.loc["log_loss", "B is"] == "better"
    assert table.loc["log_loss", "B − A"].startswith("-")


@pytest.mark.parametrize(("fixed", "broken"), [(5, 0), (6, 0), (0, 5), (0, 6), (14, 5), (15, 5)])
def test_the_table_says_of_accuracy_what_the_sentence_says(fixed: int, broken: int) -> None:
    """At the edge an interval and the test of the flips may differ: one of them decides both."""
    found = compared(fixed, broken)
    said = comparison_report.sentence("main", "new", found)
    table = comparison_report.metrics_table(found).set_index("metric")
    verdict = table.loc["accuracy", "B is"]
    assert (f"new is {verdict} than main" in said) == bool(verdict)
    assert ("can't be told" in said) == (not verdict)


def test_a_terminal_gets_some_flips_and_markdown_all() -> None:
    found = compared(20, 8)
    text = comparison_report.as_text("main", ["new"], [found], "simple")
    assert text.count("data/images/") == 20
    assert "8 more flips" in text
    page = comparison_report.as_text("main", ["new"], [found], "github")
    assert page.count("data/images/") == 28
    assert page.startswith("## new (B) against main (A)")
    assert "Holm" not in page
    assert "corrected for 2 comparisons" in comparison_report.as_text(
        "main", ["x", "y"], [found, found], "simple"
    )


def test_json_holds_all_of_it() -> None:
    found = compared(20, 8)
    held = json.loads(json.dumps(comparison_report.as_json("main", ["new"], [found])))
    (part,) = held["comparisons"]
    assert part["metrics"]["accuracy"]["difference"]["value"] == pytest.approx(0.06)
    assert len(part["flips"]) == 28
    assert {row["class"] for row in part["per_class"]} == {"cat", "dog"}
    assert Path(part["flips"][0]["path"]).suffix == ".png"
