"""Leave out duplicates and conflicts, apply label fixes."""

from swatchbook import annotations, duplicates, files, params, stage, tables


def main() -> str:
    settings = params.load()
    manifest = tables.MANIFEST.read()
    usable = manifest[manifest["status"] == "ok"]
    data_set = settings.acquire.data_set
    acts = annotations.read(data_set)
    labelled = annotations.apply(usable, acts, data_set)
    curated = duplicates.curate(labelled, settings.dedupe.max_distance, settings.dedupe.keep)
    tables.CURATED.write(curated)
    metrics = duplicates.metrics(curated)
    # an act may be on an image that the source no longer has
    metrics["annotations_without_image"] = len(
        set(annotations.on_images(acts, manifest)["sha256"]) - set(manifest["sha256"])
    )
    files.write_json(stage.metrics_path("dedupe"), metrics)
    return (
        f"{metrics['kept']} images kept; {metrics['duplicates']} duplicates, "
        f"{metrics['near_duplicate_groups']} near-duplicate groups "
        f"(largest {metrics['largest_group']}), "
        f"{metrics['conflicts']} conflicts, {metrics['excluded']} excluded → {tables.CURATED.path}"
    )


if __name__ == "__main__":
    stage.run(main)
