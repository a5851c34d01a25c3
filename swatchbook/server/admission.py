"""Who is let in: so many images are at work and so many bytes are held, and no more."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Full(Exception):
    """There is no room; try again after ``seconds``."""

    def __init__(self, why: str, seconds: int = 1) -> None:
        super().__init__(why)
        self.why = why
        self.seconds = seconds


class Places:
    """The places of one request: at least one, and more while others leave some."""

    def __init__(self, admission: "Admission") -> None:
        self._admission = admission
        self.count = 0

    def grow(self) -> bool:
        """Whether there was a place more to be had."""
        if self.count >= self._admission.share or self._admission.is_full:
            return False
        self._change(1)
        return True

    def shrink(self, count: int) -> None:
        """Give back all but ``count``."""
        if count < self.count:
            self._change(count - self.count)

    def _change(self, by: int) -> None:
        self.count += by
        self._admission.change(by)


class Admission:
    """Counts what is inside; for one event loop.

    ``most`` images may wait or be worked on at once, of one request half as many: a large one
    hands its images over bit by bit and shuts nobody out. ``held`` bytes of bodies may be in
    memory; ``on_change`` is told the number of images.
    """

    def __init__(
        self, most: int, held: int, on_change: Callable[[int], None] = lambda _: None
    ) -> None:
        self.most = most
        self.share = max(1, most // 2)
        self._most_bytes = held
        self._on_change = on_change
        self._images = 0
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether no image would be let in now."""
        return self._images >= self.most

    def change(self, by: int) -> None:
        """Count so many images more, or fewer."""
        self._images += by
        self._on_change(self._images)

    @contextmanager
    def of_images(self) -> Iterator[Places]:
        """A place for an image, to which more may come. Raises Full."""
        places = Places(self)
        if not places.grow():
            raise Full("too many images are waiting")
        try:
            yield places
        finally:
            places.shrink(0)

    @contextmanager
    def of_bytes(self) -> Iterator[Callable[[int], None]]:
        """Yield a function that takes in so many more bytes, until the end. It raises Full."""
        own = 0

        def take(count: int) -> None:
            nonlocal own
            if self._bytes + count > self._most_bytes:
                raise Full("too many bytes are in memory")
            own += count
            self._bytes += count

        try:
            yield take
        finally:
            self._bytes -= own
