"""New images: in order, facts of what is stored, and a reason for each that is refused."""

from support.pictures import encoded, texture

from swatchbook.base.errors import ImageRefused
from swatchbook.untrusted.examination import Examined, Examiner
from swatchbook.untrusted.perceptual_hash import dhash


def test_images_are_examined_in_order() -> None:
    files = [encoded(texture(number)) for number in range(6)] + [b"junk"]
    with Examiner(2, 16) as box:
        found = dict(box.examine(enumerate(files)))
    assert list(found) == list(range(7))
    for number in range(6):
        assert isinstance(found[number], Examined)
        assert found[number].dhash == dhash(texture(number), 16)  # type: ignore[union-attr]
    assert isinstance(found[6], ImageRefused)
    assert found[6].reason == "not_image"


def test_larger_images_are_reduced_and_facts_are_of_the_smaller_one() -> None:
    large, small = encoded(texture(1, side=200).resize((200, 100))), encoded(texture(2))
    with Examiner(2, 16, max_side=80) as box:
        found = dict(box.examine(enumerate([large, small])))
    assert isinstance(found[0], Examined)
    assert isinstance(found[1], Examined)
    assert (found[0].facts.format, found[0].facts.width, found[0].facts.height) == ("JPEG", 80, 40)
    assert found[0].smaller
    with Examiner(1, 16) as box:
        assert dict(box.examine([(0, found[0].smaller)]))[0] == Examined(
            found[0].facts, found[0].dhash, found[0].colours
        )
    assert found[1].smaller is None


def test_no_process_is_started_without_images() -> None:
    with Examiner(2, 16) as box:
        assert list(box.examine([])) == []
        assert not box._processes
