"""Divide the kept images into a test part and folds, near-duplicates together."""

from swatchbook import files, params, splitting, stage, tables, test_lists


def main() -> str:
    settings = params.load()
    wanted = settings.split
    curated = tables.CURATED.read()
    if wanted.by == "list":
        test = test_lists.read(settings.acquire.data_set, curated)
        split = splitting.split_by_list(curated[curated["kept"]], test, wanted.folds, wanted.seed)
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
    files.write_json(stage.metrics_path("split"), metrics)
    return (
        f"{metrics['train']} training images in {wanted.folds} folds, "
        f"{metrics['test']} test images; {metrics['groups']} groups, "
        f"none on both sides → {tables.SPLIT.path}"
    )


if __name__ == "__main__":
    stage.run(main)
