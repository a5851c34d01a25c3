"""Divide the kept images into a test part and folds, near-duplicates together."""

from swatchbook.curation import splitting, test_lists
from swatchbook.curation.parameters import Split
from swatchbook.project import params, stage, tables
from swatchbook.project.shared_keys import DataSet


def main() -> str:
    wanted = params.load(Split)
    curated = tables.CURATED.read()
    spared = ""
    if wanted.by in ("list", "source"):
        if wanted.by == "list":
            test = test_lists.read(params.load(DataSet).data_set, curated)
        else:
            test = splitting.tested_by_source(curated)
        split = splitting.split_by_list(curated[curated["kept"]], test, wanted.folds, wanted.seed)
        if taken := splitting.left_out_of_training(curated, split):
            spared = f"; {taken} training files left out: duplicates of test images"
    else:
        if wanted.by == "folder":
            # dropped near-duplicates link folders too
            curated = splitting.join_folders(curated)
        split = splitting.split(
            curated[curated["kept"]], wanted.test_share, wanted.folds, wanted.seed
        )
    splitting.check(split, wanted.folds)
    tables.SPLIT.write(split)
    metrics = splitting.metrics(split)
    stage.write_metrics("split", metrics)
    return (
        f"{metrics['train']} training images in {wanted.folds} folds, "
        f"{metrics['test']} test images; {metrics['groups']} groups, "
        f"none on both sides{spared} → {tables.SPLIT.path}"
    )


if __name__ == "__main__":
    stage.run(main)
