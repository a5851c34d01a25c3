"""A browser application in a small finished project, and a real browser in front of it."""

import os
import shutil
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from support.browsing import Browsing, browsing
from support.project import Project

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real browser; the tests that need one are skipped where there is none.

    While it runs its event loop does too, in which no other can: it ends with its module.
    """
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        text = "chromium is not installed (apt-get install chromium)"
        pytest.fail(text) if os.environ.get("SWATCHBOOK_NEEDS_BROWSER") else pytest.skip(text)
    with api.sync_playwright() as started:
        # containers have little of the memory that it would share
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()
    # its event loop is closed, and signals would still be told to it
    signal.set_wakeup_fd(-1)
