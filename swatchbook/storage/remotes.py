"""The project's remote storage, reached with DVC's own settings and credentials.

What `dvc push` and `dvc pull` don't carry goes through here: S3, SSH, a shared folder, HTTP (for
reading) and whatever else DVC has a plugin for.
"""

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc_objects.fs.base import ObjectFileSystem
from dvc_objects.fs.utils import as_atomic

from swatchbook.base.errors import DataError, did_you_mean, first_line

OBJECTS = "files/md5"
# what lets others in, of all kinds of storage (dvc/config_schema.py)
_SECRETS = (
    "access_key_id", "secret_access_key", "session_token", "sse_customer_key", "password",
    "passphrase", "token", "connection_string", "sas_token", "account_key", "client_secret",
    "oss_key_id", "oss_key_secret", "gdrive_client_secret",
)  # fmt: skip
# by pattern: what is no URL must be printed without its password too
_USER = re.compile(r"(?<=://)[^/]*@")
_SECONDS = 15.0


@dataclass(frozen=True)
class Remote:
    """One remote of DVC; paths are relative to its root, with slashes.

    ``url`` is without a password. Every method raises DataError, in one line that names the remote,
    where storage refuses.
    """

    name: str
    url: str
    checks_hashes: bool
    _given: str
    _fs: Any
    _root: str

    @property
    def can_list(self) -> bool:
        """Whether storage can say what it holds: HTTP can't."""
        return bool(self._fs.CAN_TRAVERSE)

    def reach(self) -> None:
        """Ask storage for anything at all; a folder that nobody has pushed to need not be there."""
        with self._told():
            url = urlsplit(self._given)
            if url.scheme in ("http", "https") and url.hostname:
                # DVC says of a dead server only that nothing is there
                port = url.port or (443 if url.scheme == "https" else 80)
                socket.create_connection((url.hostname, port), _SECONDS).close()
            if isinstance(self._fs, ObjectFileSystem) and self.can_list:
                bucket = self._fs.parts(self._root)[0]
                if not self._fs.exists(bucket):
                    raise DataError(
                        f"the bucket {bucket!r} is not there; make it, or see dvc remote list"
                    )
            self._fs.exists(self._path(OBJECTS))

    def files(self, folder: str) -> list[str]:
        """All files below ``folder``, by their path there."""
        with self._told(folder):
            root = self._path(folder)
            # not every S3 server knows a folder by name, so it is not asked whether there is one
            try:
                paths = list(self._walked(root))
            except FileNotFoundError:
                return []
            found = [self._fs.relpath(path, root) for path in paths]
            return sorted(path for path in found if not Path(path).name.startswith("."))

    def has(self, path: str) -> bool:
        """Whether storage holds that file."""
        with self._told(path):
            return bool(self._fs.exists(self._path(path)))

    def download(self, path: str, to: Path) -> None:
        """Copy a file of storage to this machine."""
        with self._told(path):
            self._fs.get_file(self._path(path), str(to))

    def upload(self, source: Path, path: str) -> None:
        """Copy a file of this machine to storage; nobody sees half of it."""
        with self._told(path):
            place = self._path(path)
            if isinstance(self._fs, ObjectFileSystem):
                self._fs.put_file(str(source), place)
                return
            with as_atomic(self._fs, place, create_parents=True) as temporary:
                self._fs.put_file(str(source), temporary)

    def remove(self, path: str) -> None:
        """Take a file away from storage."""
        with self._told(path):
            self._fs.remove(self._path(path))

    def _path(self, path: str) -> str:
        return str(self._fs.join(self._root, *path.split("/")))

    def _walked(self, root: str) -> Iterator[str]:
        if self._fs.protocol != "local":
            yield from self._fs.find(root)
            return
        # fsspec passes over folders that can't be read
        for folder, _, names in os.walk(root, onerror=_refuse):
            yield from (str(Path(folder, name)) for name in names)

    @contextlib.contextmanager
    def _told(self, path: str = "") -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each kind of storage has its own
            said = first_line(error).replace(self._given, self.url)
            where = f"{path}: " if path and path not in said else ""
            raise DataError(f"remote {self.name!r}: {where}{said}") from error


def names() -> list[str]:
    """The remotes of this project. Raises DataError where DVC can't read its settings."""
    with _repo() as repo:
        return list(repo.config["remote"])


def opened(name: str = "") -> Remote:
    """The remote ``name``, or the default one.

    Raises:
        DataError: there is none, or DVC can't use it.
    """
    with _repo() as repo:
        known = list(repo.config["remote"])
        wanted = name or repo.config["core"].get("remote") or ""
        if not known:
            raise DataError("no remote storage: `dvc remote add --default NAME URL`")
        if not wanted:
            raise DataError(f"no default remote: --remote takes one of {', '.join(known)}")
        if wanted not in known:
            raise DataError(
                f"--remote: {wanted!r} is not known.{did_you_mean(wanted, known)} "
                f"Known: {', '.join(known)}"
            )
        settings = repo.config["remote"][wanted]
        given = str(settings["url"])
        try:
            remote = repo.cloud.get_remote(wanted)
            checks = bool(settings.get("verify"))
            return Remote(wanted, _plain(given), checks, given, remote.fs, remote.path)
        except Exception as error:  # a plugin that is not installed, a key that can't be read, …
            said = first_line(error).replace(given, _plain(given))
            raise DataError(f"remote {wanted!r}: {said}") from None


def level_of(name: str) -> str:
    """Which of DVC's settings defines a remote: ``repo`` (in git), ``local``, ``global``, …"""
    with _repo() as repo:
        for level in ("repo", "local", "global", "system"):
            if repo.config.load_one(level)["remote"].get(name, {}).get("url"):
                return level
    raise DataError(f"remote {name!r} is not known; `dvc remote list` has those that are")


def committed_secrets() -> list[str]:
    """Settings that let others in, and stand in .dvc/config, which git shares."""
    with _repo() as repo:
        settings = repo.config.load_one("repo")
    found = []
    for section, values in settings["remote"].items():
        found += [f"{section}.{key}" for key in _SECRETS if key in values]
        user = _USER.search(str(values.get("url", "")))
        if user and ":" in user[0]:
            found.append(f"{section}.url")
    return found


def _plain(url: str) -> str:
    """The URL without user and password."""
    return _USER.sub("", url)


def _refuse(error: OSError) -> NoReturn:
    raise error


@contextlib.contextmanager
def _repo() -> Iterator[Repo]:
    try:
        repo = Repo()
    except DvcException as error:
        raise DataError(
            f"DVC can't open the project: {first_line(error)} (`swatchbook doctor`)"
        ) from None
    with repo:
        yield repo
