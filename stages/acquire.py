"""Collect labelled images from a source into data/images, with a manifest of every file."""

from swatchbook import acquisition, files, machine, params, sources, stage, store, tables
from swatchbook.cache import Cache
from swatchbook.download import Manners
from swatchbook.examination import Examiner
from swatchbook.search import Wanted


def main() -> str:
    settings = params.load()
    acquire, hash_size = settings.acquire, settings.dedupe.hash_size
    manners = Manners(
        machine.agent(), acquire.robots, machine.allowed_networks(), acquire.on_exists == "refresh"
    )
    wanted = Wanted(acquire.items, acquire.attributes, acquire.per_query, acquire.licences)
    with (
        Cache(machine.cache_folder() / "seen.sqlite") as seen,
        Examiner(machine.workers(), hash_size, acquire.max_side) as examiner,
    ):
        candidates = sources.candidates(acquire.source, manners, wanted)
        found = acquisition.acquire(candidates, seen, examiner)
    acquisition.check(found.manifest, acquire.max_bad_fraction)
    good = found.manifest["status"] == "ok"
    pruned = store.prune(set(found.manifest.loc[good, "path"]))
    tables.MANIFEST.write(found.manifest)
    metrics = acquisition.metrics(found.manifest)
    files.write_json(stage.metrics_path("acquire"), metrics)
    return (
        f"{metrics['images']} images in {len(metrics['per_class'])} classes, "
        f"{metrics['quarantined']} files quarantined; {found.read} files read, "
        f"{found.known} known, {pruned} removed → {tables.MANIFEST.path} "
        "(images added to the source later: make update)"
    )


if __name__ == "__main__":
    stage.run(main)
