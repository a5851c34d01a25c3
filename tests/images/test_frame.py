"""What a network sees of an image is told by its file."""

import pytest

from swatchbook.images.frame import Frame


@pytest.mark.parametrize("levels", [None, (0.0, 4095.0), (-160.0, 240.5)])
def test_a_frame_is_that_of_its_metadata(levels: tuple[float, float] | None) -> None:
    frame = Frame(64, "crop", levels)
    assert Frame.of(frame.metadata) == frame
    assert ("levels" in frame.metadata) == (levels is not None)


def test_frames_of_other_pixels_have_other_names() -> None:
    frames = [Frame(64, "pad"), Frame(64, "crop"), Frame(64, "pad", (0.0, 1.0)), Frame(32, "pad")]
    assert len({frame.name for frame in frames}) == 4
    assert Frame(64, "pad").name == "64-pad"
