"""List the images that a person should look at: data/suspects.csv. Changes nothing by itself."""

from pathlib import Path

from swatchbook import annotations, files, looks, machine, params, stage, suspects, tables
from swatchbook.cache import Cache


def main() -> str:
    settings = params.load()
    curated = tables.CURATED.read()
    manifest = tables.MANIFEST.read()
    sizes = manifest.drop_duplicates("sha256").set_index("sha256")
    split = tables.SPLIT.read().join(sizes[["width", "height"]], on="sha256")
    features = tables.read_features()
    with Cache(machine.cache_folder() / "looks.sqlite") as known:
        paths = {
            sha256: Path(path) for sha256, path in zip(split["sha256"], split["path"], strict=True)
        }
        seen = looks.looks(paths, known, machine.workers())
    subset = dict(zip(split["sha256"], split["subset"], strict=True))
    own = settings.suspects
    chosen = [number for number, sha256 in enumerate(features.sha256) if sha256 in subset]
    rows = split.set_index("sha256", drop=False).loc[[features.sha256[n] for n in chosen]]
    parts = [
        suspects.conflicts(curated),
        suspects.label_errors(tables.PREDICTIONS.read()),
        suspects.near_duplicates(curated, subset),
        suspects.outliers(rows, features.vectors[chosen], own.neighbours, own.outlier),
        suspects.poor(split, seen, settings.refine_dnn.resolution),
    ]
    said = annotations.read(settings.acquire.data_set)
    acts = annotations.latest(annotations.on_images(said, manifest))
    found = suspects.ranked(parts, set(acts.index[acts["label"] != ""]))
    tables.SUSPECTS.write(found)
    counts = tables.counted(found["kind"])
    files.write_json(
        stage.metrics_path("suspects"),
        {"images": int(found["sha256"].nunique()), "per_kind": counts},
    )
    listed = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none"
    return f"{found['sha256'].nunique()} images to look at ({listed}) → {tables.SUSPECTS.path}"


if __name__ == "__main__":
    stage.run(main)
