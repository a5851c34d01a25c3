"""How long stages took, found again by what they were given and gave."""

from swatchbook import durations


def test_a_time_is_found_by_parameters_and_metrics() -> None:
    given, gave = {"kind": "svm", "C": [0.1, 1.0]}, {"accuracy": 0.8}
    durations.record("train_classifier", given, gave, 3.25)
    found = durations.find(
        {
            "train_classifier": ({"C": [0.1, 1.0], "kind": "svm"}, gave),
            "split": (given, gave),
            "evaluate": ({}, {"accuracy": 0.8}),
        }
    )
    assert found == {"train_classifier": 3.25}
    assert durations.find({"train_classifier": (given, {"accuracy": 0.9})}) == {}
    durations.record("train_classifier", given, gave, 0.1)  # all was in caches
    assert durations.find({"train_classifier": (given, gave)}) == {"train_classifier": 3.25}
    durations.record("train_classifier", given, gave, 4.0)
    assert durations.find({"train_classifier": (given, gave)}) == {"train_classifier": 4.0}
