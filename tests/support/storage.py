"""A remote of a project, opened in this process."""

import pytest

from support.project import Project
from support.storage_servers import Storage
from swatchbook.storage import remotes


def opened(project: Project, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> remotes.Remote:
    project.use(storage)
    for name, value in storage.environment.items():
        monkeypatch.setenv(name, value)
    return remotes.opened()
