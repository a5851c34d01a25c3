"""Two clones of one project with storage between them."""

from pathlib import Path

from support.project import Project
from support.storage_servers import Storage

RESULTS = (
    "dvc.lock", "data/predictions.csv", "data/features.parquet", "models/network.onnx",
    "models/classifier.onnx", "metrics/evaluation.json",
)  # fmt: skip


def publish(project: Project, storage: Storage, *options: str) -> None:
    """Push, where storage is for reading only by way of its folder."""
    if storage.url.startswith("http"):
        project.run("dvc", "remote", "add", "--local", "--force", "own", str(storage.folder))
        options = ("--remote", "own", *options)
    project.run("dvc", "push", *options)


def shared(project: Project, storage: Storage) -> None:
    """A project whose results are on ``storage``, which is committed."""
    project.use(storage)
    project.commit("remote storage")
    publish(project, storage)


def joined(project: Project, storage: Storage, parent: Path) -> Project:
    """A colleague who has cloned it, and has the key to the storage."""
    colleague = project.cloned(parent)
    colleague.authorize(storage)
    return colleague
