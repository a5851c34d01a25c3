"""How long stages took, found again by what they were given and gave."""

from swatchbook.project import stage_times


def test_a_time_is_found_by_parameters_and_metrics() -> None:
    given, gave = {"kind": "svm", "C": [0.1, 1.0]}, {"accuracy": 0.8}
    stage_times.record("train_classifier", given, gave, 3.25)
    found = stage_times.find(
        {
            "train_classifier": ({"C": [0.1, 1.0], "kind": "svm"}, gave),
            "split": (given, gave),
            "evaluate": ({}, {"accuracy": 0.8}),
        }
    )
    assert found == {"train_classifier": 3.25}
    assert stage_times.find({"train_classifier": (given, {"accuracy": 0.9})}) == {}
    stage_times.record("train_classifier", given, gave, 0.1)  # all was in caches
    assert stage_times.find({"train_classifier": (given, gave)}) == {"train_classifier": 3.25}
    stage_times.record("train_classifier", given, gave, 4.0)
    assert stage_times.find({"train_classifier": (given, gave)}) == {"train_classifier": 4.0}
