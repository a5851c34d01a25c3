"""Images that ship in an installed package: the default data."""

import pytest

from swatchbook.acquisition import sources
from swatchbook.base.errors import DataError, ParamsError

DEFAULT = "package:conformal-clip-data==0.1.4"


def test_the_default_package_has_2000_images_in_three_classes() -> None:
    labels = [item.label for item in sources.candidates(DEFAULT)]
    counts = {label: labels.count(label) for label in sorted(set(labels))}
    assert counts == {"global": 500, "local": 500, "nominal": 1000}


def test_its_images_can_be_read() -> None:
    first = next(iter(sources.candidates(DEFAULT)))
    assert first.read().startswith(b"\xff\xd8")


def test_another_version_is_an_error() -> None:
    with pytest.raises(DataError, match=r"asked for, but 0\.1\.4 is installed"):
        next(sources.candidates("package:conformal-clip-data==0.1.3"))


def test_a_package_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DataError, match="pip install no-such-package==1"):
        next(sources.candidates("package:no-such-package==1"))


def test_no_name_is_an_error() -> None:
    with pytest.raises(DataError, match="is not installed"):
        next(sources.candidates("package:==1"))


def test_an_unknown_kind_of_source_is_an_error() -> None:
    with pytest.raises(ParamsError, match="Did you mean 'folder'"):
        sources.candidates("foldr:/x")
