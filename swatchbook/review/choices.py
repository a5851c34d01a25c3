"""What suspicions there are, and by what new images are chosen; so that options can name them."""

# in the order in which they are worth a look
KINDS = (
    "conflict", "label", "near_duplicate", "outlier", "dark", "bright", "flat", "blurred", "tiny",
)  # fmt: skip
CRITERIA = ("uncertainty", "margin", "confidence", "diversity", "random")
