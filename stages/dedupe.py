"""Leave out duplicates and conflicts, apply label fixes."""

from swatchbook.curation import annotations, duplicates
from swatchbook.curation.parameters import Dedupe
from swatchbook.project import params, stage, tables
from swatchbook.project.shared_keys import DataSet, LostClasses


def main() -> str:
    wanted = params.load(Dedupe)
    manifest = tables.MANIFEST.read()
    usable = manifest[manifest["status"] == "ok"]
    data_set = params.load(DataSet).data_set
    acts = annotations.read(data_set)
    labelled = annotations.apply(usable, acts, data_set)
    for sentence in annotations.unknown(usable, acts, data_set):
        stage.warn(sentence)
    curated = duplicates.curate(labelled, wanted.max_distance, wanted.keep)
    lost = duplicates.lost_classes(labelled, curated)
    stage.stop_or_warn(lost, params.load(LostClasses).lost_classes)
    tables.CURATED.write(curated)
    metrics = duplicates.metrics(curated)
    # an act may be on an image that the source no longer has
    metrics["annotations_without_image"] = len(
        set(annotations.on_images(acts, manifest)["sha256"]) - set(manifest["sha256"])
    )
    stage.write_metrics("dedupe", metrics, ("kept",))
    return (
        f"{metrics['kept']} images kept of {len(curated)}; {metrics['duplicates']} duplicates, "
        f"{metrics['near_duplicates_dropped']} near-duplicates left out of "
        f"{metrics['near_duplicate_groups']} groups (largest {metrics['largest_group']}), "
        f"{metrics['conflicts']} conflicts, {metrics['excluded']} excluded → {tables.CURATED.path}"
    )


if __name__ == "__main__":
    stage.run(main)
