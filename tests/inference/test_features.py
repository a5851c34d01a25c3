"""Each image pays once, and a bad one is listed."""

from pathlib import Path

import numpy as np
import pytest
from support.pictures import encoded, texture

from swatchbook.base import files
from swatchbook.base.cache import Cache
from swatchbook.base.errors import DataError
from swatchbook.images import store
from swatchbook.inference import features
from swatchbook.inference.engines import Network
from swatchbook.training.networks import architectures, network_export
from swatchbook.training.parameters import RefineDnn


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    file = tmp_path_factory.mktemp("network") / "network.onnx"
    settings = RefineDnn(architecture="resnet18", pretrained="none", resolution=32)
    network_export.export(
        architectures.build(settings), settings, np.zeros((1, 32, 32, 3), np.uint8), file
    )
    return Network.load(file, "float32", "onnxruntime", 4, 2)


def stored(count: int) -> dict[str, Path]:
    contents = [encoded(texture(number)) for number in range(count)]
    return {files.digest(data): store.add(data, files.digest(data), "png") for data in contents}


def test_ten_new_images_cost_ten_forward_passes(network: Network) -> None:
    paths = stored(30)
    old = dict(list(paths.items())[:20])
    with Cache(Path("cache.sqlite")) as cache:
        assert features.featurize(old, network, cache, 2).computed == 20
        everything = features.featurize(paths, network, cache, 2)
        assert everything.computed == 10
        assert features.featurize(paths, network, cache, 2).computed == 0
    with Cache(Path("other.sqlite")) as cache:
        fresh = features.featurize(paths, network, cache, 1)
    assert everything.sha256 == fresh.sha256 == list(paths)
    assert (everything.vectors == fresh.vectors).all()


def test_bad_images_are_listed_and_cost_nobody_else(network: Network) -> None:  # A36
    paths = stored(10)
    first, second, third, *rest = paths
    paths[first].unlink()
    paths[second].write_bytes(b"rotten")
    junk = b"never an image"
    paths[third] = store.add(junk, files.digest(junk), "png")
    paths[files.digest(junk)] = paths.pop(third)
    with Cache(Path("cache.sqlite")) as cache:
        found = features.featurize(paths, network, cache, 2)
        assert features.featurize(paths, network, cache, 2).unreadable == found.unreadable
    assert found.unreadable == {
        first: "vanished",
        second: "changed",
        files.digest(junk): "not_image",
    }
    assert found.sha256 == rest
    assert found.computed == 7


def test_no_image_at_all_is_an_error_that_says_where_they_come_from(network: Network) -> None:
    paths = stored(3)
    store.prune(set())
    with (
        Cache(Path("cache.sqlite")) as cache,
        pytest.raises(DataError, match="dvc pull data/images"),
    ):
        features.featurize(paths, network, cache, 2)
