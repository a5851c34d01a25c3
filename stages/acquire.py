"""Collect labelled images from a source into data/images, with a manifest of every file."""

import contextlib

from swatchbook.acquisition import acquiring, losses, sources
from swatchbook.acquisition.kinds.label_table import Columns
from swatchbook.acquisition.parameters import Acquire
from swatchbook.base import caches, machine
from swatchbook.base.errors import DataError
from swatchbook.fetching.manners import Manners
from swatchbook.images import store
from swatchbook.project import params, stage, tables
from swatchbook.project.shared_keys import DeepLevels, HashSize
from swatchbook.search import Wanted
from swatchbook.untrusted.examination import Examiner


def main() -> str:
    wanted = params.load(Acquire)
    hash_size, levels = params.load(HashSize).hash_size, params.load(DeepLevels).pair
    manners = Manners(
        machine.agent(), wanted.robots, machine.allowed_networks(), wanted.on_exists == "refresh"
    )
    terms = Wanted(wanted.items, wanted.attributes, wanted.per_query, wanted.licences)
    columns = Columns(wanted.file_column, wanted.label_column, wanted.part_column)
    how = sources.How(wanted.layout, columns, manners, terms)
    before = None
    with contextlib.suppress(DataError):  # none yet, or one that a power cut left behind
        before = tables.MANIFEST.read()
    with (
        caches.opened(caches.SEEN) as seen,
        Examiner(machine.workers(), hash_size, wanted.max_side, levels=levels) as examiner,
    ):
        candidates = sources.candidates(wanted.source, how)
        found = acquiring.acquire(candidates, seen, examiner)
    refused = found.manifest[found.manifest["status"] != "ok"]
    try:
        acquiring.check(found.manifest, wanted.max_bad_fraction)
        stage.stop_or_warn(losses.lost_classes(found.manifest), wanted.lost_classes)
    except DataError as error:
        # the manifest stays that of the last run
        tables.REFUSED.write(refused)
        raise DataError(f"{error} (list: {tables.REFUSED.path})") from None
    tables.REFUSED.path.unlink(missing_ok=True)
    good = found.manifest["status"] == "ok"
    pruned = store.prune(set(found.manifest.loc[good, "path"]))
    tables.MANIFEST.write(found.manifest)
    metrics = acquiring.metrics(found.manifest)
    metrics["gone"] = losses.gone(before, found.manifest) if before is not None else []
    if sentence := acquiring.dark_or_cut(found.manifest, levels):
        stage.warn(sentence)
    for sentence in metrics["gone"]:
        stage.warn(sentence)
    same = f" ({found.same} of them known by their bytes)" if found.same else ""
    causes = f" ({losses.causes(refused)})" if len(refused) else ""
    stage.write_metrics("acquire", metrics, ("images", "quarantined"))
    return (
        f"{metrics['images']} images in {len(metrics['per_class'])} classes, "
        f"{metrics['quarantined']} files quarantined{causes}; {found.read} files read{same}, "
        f"{found.known} known, {pruned} removed → {tables.MANIFEST.path} "
        "(images added to the source later: make update)"
    )


if __name__ == "__main__":
    stage.run(main)
