"""Leave out duplicates and conflicts, apply label fixes."""

from swatchbook import annotations, duplicates, files, params, stage, tables


def main() -> str:
    settings = params.load()
    manifest = tables.MANIFEST.read()
    usable = manifest[manifest["status"] == "ok"]
    data_set = settings.acquire.data_set
    labelled = annotations.apply(usable, annotations.read(data_set), data_set)
    curated = duplicates.curate(labelled, settings.dedupe.max_distance, settings.dedupe.keep)
    tables.CURATED.write(curated)
    metrics = duplicates.metrics(curated)
    files.write_json(stage.metrics_path("dedupe"), metrics)
    return (
        f"{metrics['kept']} images kept; {metrics['duplicates']} duplicates, "
        f"{metrics['near_duplicate_groups']} near-duplicate groups, "
        f"{metrics['conflicts']} conflicts, {metrics['excluded']} excluded → {tables.CURATED.path}"
    )


if __name__ == "__main__":
    stage.run(main)
