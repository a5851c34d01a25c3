"""The headline metrics by name; without what computes them, so that options can name them."""

HEADLINES = (
    "accuracy", "class_average_accuracy", "roc_auc_macro", "average_precision_macro", "log_loss",
    "expected_calibration_error",
)  # fmt: skip
# those that `dvc exp show` has a column for, and what it is called: short, for a table has to fit
COLUMNS = {
    "accuracy": "accuracy", "class_average_accuracy": "class_average", "roc_auc_macro": "roc_auc",
    "log_loss": "log_loss", "expected_calibration_error": "ece",
}  # fmt: skip
# means of right and wrong; and of which less is better
SHARES = ("accuracy", "class_average_accuracy")
LOSSES = ("log_loss", "expected_calibration_error")
