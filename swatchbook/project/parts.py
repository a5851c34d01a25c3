"""What the parts of a split are called: values of `subset` in tables, and of `part` in a source."""

TRAIN = "train"
TEST = "test"
# that published sets have besides; it is for training here
VALIDATION = "val"
