"""Images as people name them: each has its turn, and a mistake is named."""

import io
import ipaddress
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fault_server import FaultServer, picture
from support.pictures import encoded, make_folder, texture

from swatchbook.acquisition.candidate import Candidate
from swatchbook.base.errors import DataError
from swatchbook.fetching.manners import Manners
from swatchbook.prediction import inputs

MANNERS = Manners(allowed=[ipaddress.ip_network("127.0.0.5/32")])


@pytest.fixture
def photos() -> Path:
    return make_folder(Path("photos"), {"CON": 2, "b": 2})  # names that no class may have


def named(*arguments: str, stdin: bytes = b"") -> list[Candidate]:
    return list(inputs.gathered(arguments, io.BytesIO(stdin), MANNERS).candidates)


def outcomes(found: list[Candidate]) -> list[tuple[str, str]]:
    return [(item.name, item.reason) for item in found]


def test_files_folders_and_patterns_in_their_order(photos: Path) -> None:
    (photos / ".DS_Store").write_bytes(b"x")
    (photos / "out").symlink_to("/etc/hostname")
    found = named("photos/b/b_001.png", "photos", "photos/**/b_*.png")
    assert outcomes(found) == [
        ("photos/b/b_001.png", ""),
        ("photos/out", "escape"),
        ("photos/CON/CON_000.png", ""),
        ("photos/CON/CON_001.png", ""),
        ("photos/b/b_000.png", ""),
        ("photos/b/b_001.png", ""),
        ("photos/b/b_000.png", ""),
        ("photos/b/b_001.png", ""),
    ]
    assert found[0].read() == (photos / "b" / "b_001.png").read_bytes()


def test_a_pattern_may_be_in_a_folder_whose_name_looks_like_one(photos: Path) -> None:  # U11
    photos.rename("photos[2]")
    found = named("photos[2]/b/*.png")
    assert [name for name, _ in outcomes(found)] == [
        "photos[2]/b/b_000.png", "photos[2]/b/b_001.png"
    ]  # fmt: skip
    assert named("photos[[]2]/b/*.png")[0].name == "photos[2]/b/b_000.png"


def test_the_number_is_known_where_it_can_be(photos: Path) -> None:
    assert inputs.gathered(["photos", "photos/b/b_001.png"], io.BytesIO(), MANNERS).total == 5
    assert inputs.gathered(["-", "photos"], io.BytesIO(), MANNERS).total is None


def test_an_archive_needs_no_class_folders(photos: Path) -> None:
    with zipfile.ZipFile("some.zip", "w") as archive:
        archive.write(photos / "b" / "b_000.png", "loose.png")
        archive.write(photos / "b" / "b_001.png", "CON/x.png")
        archive.writestr("../up.png", b"x")
    assert outcomes(named("some.zip")) == [
        ("some.zip/loose.png", ""),
        ("some.zip/CON/x.png", ""),
        ("some.zip/../up.png", "escape"),
    ]


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\0"])
def test_paths_come_on_standard_input(photos: Path, separator: bytes) -> None:
    odd = photos / "b" / "ein Bild.png"
    odd.write_bytes(encoded(texture(1)))
    lines = [b"photos/b/ein Bild.png", b"none.png", b"photos/b"]
    found = named("-", stdin=separator.join(lines) + separator)
    assert outcomes(found) == [
        ("photos/b/ein Bild.png", ""),
        ("none.png", "vanished"),
        ("photos/b", "not_a_file"),
    ]


def test_names_that_are_no_text_are_read(photos: Path) -> None:
    path = os.fsencode(photos / "b") + b"/\xff.png"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(encoded(texture(1)))
    (found,) = named("-", stdin=path + b"\n")
    assert found.name == "photos/b/\\xff.png"
    assert found.read() == encoded(texture(1))


@pytest.fixture
def server() -> Iterator[FaultServer]:
    server = FaultServer("127.0.0.5")
    yield server
    server.close()


def test_urls_are_fetched_with_all_guards(server: FaultServer, photos: Path) -> None:
    lines = [server.url("/ok/3"), "photos/b/b_000.png", server.url("/status/404"), "file:///etc"]
    Path("list.txt").write_text("# mine\n" + "\n".join(lines))
    found = named("list.txt")
    assert outcomes(found) == [
        (lines[0], ""), (lines[1], ""), (lines[2], "http_404"), ("file:///etc", "vanished"),
    ]  # fmt: skip
    assert found[0].read() == picture(3)
    (one,) = named(server.url("/ok/3"))
    assert one.read() == picture(3)
    # the address of a cloud's metadata service: never asked
    assert outcomes(named("http://169.254.169.254/x.png"))[0][1] == "ssrf_blocked"


def test_a_list_of_acquire_is_a_list_too(server: FaultServer) -> None:
    Path("list.tsv").write_text(f"label\turl\nred\t{server.url('/ok/3')}\n")
    assert outcomes(named("list.tsv")) == [(server.url("/ok/3"), "")]


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("none.png", "'none.png' is no file, folder, archive, list, pattern or URL"),
        ("*.tiff", "'*.tiff' matches no file"),
        ("a\0b", "is no file, folder"),
        ("empty.txt", "empty.txt: names no image"),
        ("torn.tar", "torn.tar' is damaged"),
    ],
)
def test_an_argument_that_names_nothing_is_an_error(photos: Path, argument: str, says: str) -> None:
    Path("empty.txt").write_text("\n# nothing\n")
    with tarfile.open("whole.tar", "w") as archive:
        archive.add(photos)
    Path("torn.tar").write_bytes(Path("whole.tar").read_bytes()[:9000])
    with pytest.raises(DataError) as caught:
        named(argument)
    assert says in str(caught.value)
    assert "acquire" not in str(caught.value)
