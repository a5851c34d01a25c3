"""A browser application in a small finished project, and a real browser in front of it."""

from collections.abc import Iterator

import pytest
from support.browsing import Browsing, browsing
from support.project import Project


@pytest.fixture
def browse(project: Project) -> Iterator[Browsing]:
    """In a copy of the finished project."""
    with browsing(project) as one:
        yield one


@pytest.fixture
def real_browse(project: Project) -> Iterator[Browsing]:
    """As ``browse``, each process started as it is for a user."""
    with browsing(project, quick=False) as one:
        yield one


@pytest.fixture(scope="session")
def shared_browse(
    finished: Project, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browsing]:
    """One for all tests that change nothing."""
    with browsing(finished.copied(tmp_path_factory.mktemp("browse"))) as one:
        yield one
