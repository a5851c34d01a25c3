"""List the images that a person should look at: data/suspects.csv. Changes nothing by itself."""

from pathlib import Path

from swatchbook.base import caches, machine
from swatchbook.curation import annotations
from swatchbook.project import params, stage, tables
from swatchbook.project.shared_keys import DataSet, DeepLevels, Resolution
from swatchbook.review import image_quality, suspects
from swatchbook.review.parameters import Suspects


def main() -> str:
    wanted = params.load(Suspects)
    curated = tables.CURATED.read()
    manifest = tables.MANIFEST.read()
    sizes = manifest.drop_duplicates("sha256").set_index("sha256")
    split = tables.SPLIT.read().join(sizes[["width", "height"]], on="sha256")
    features = tables.read_features()
    with caches.opened(caches.QUALITY) as known:
        paths = {
            sha256: Path(path) for sha256, path in zip(split["sha256"], split["path"], strict=True)
        }
        seen = image_quality.looks(paths, known, machine.workers(), params.load(DeepLevels).pair)
    subset = dict(zip(split["sha256"], split["subset"], strict=True))
    rows, vectors = features.of(split)
    parts = [
        suspects.conflicts(curated),
        suspects.label_errors(tables.PREDICTIONS.read()),
        suspects.near_duplicates(curated, subset),
        suspects.outliers(rows, vectors, wanted.neighbours, wanted.outlier),
        suspects.poor(split, seen, params.load(Resolution).resolution),
    ]
    said = annotations.read(params.load(DataSet).data_set)
    acts = annotations.latest(annotations.on_images(said, manifest))
    found = suspects.ranked(parts, set(acts.index[acts["label"] != ""]))
    tables.SUSPECTS.write(found)
    counts = tables.counted(found["kind"])
    stage.write_metrics(
        "suspects",
        {"images": int(found["sha256"].nunique()), "per_kind": counts},
    )
    listed = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none"
    return f"{found['sha256'].nunique()} images to look at ({listed}) → {tables.SUSPECTS.path}"


if __name__ == "__main__":
    stage.run(main)
