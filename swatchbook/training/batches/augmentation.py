"""Random changes of training images, so that a network learns what doesn't matter.

Never used in validation or on the test part. What happens to an image is a function of the seed,
the epoch and its place in the epoch: it is the same in any process and after any interruption.
"""

import numpy as np
import torch
from torchvision.transforms import InterpolationMode, v2

from swatchbook.images.frame import GREY
from swatchbook.training.parameters import RefineDnn

# images are decoded larger than they are shown, so that a crop is not a blurred enlargement
_MOST_ENLARGED = 2.0


def decoded_side(settings: RefineDnn) -> int:
    """The side in pixels at which training images are decoded."""
    return round(settings.resolution * min(_MOST_ENLARGED, 1 / settings.crop_scale))


class Augmentation:
    """Crop, flip, rotation, colours and RandAugment as ``settings`` ask for.

    RandAugment: Cubuk et al., CVPR Workshops 2020.
    """

    def __init__(self, settings: RefineDnn) -> None:
        side, fill = settings.resolution, [GREY] * 3
        linear = InterpolationMode.BILINEAR
        steps: list[torch.nn.Module] = []
        if settings.rotation:
            steps.append(v2.RandomRotation(settings.rotation, interpolation=linear, fill=fill))
        if settings.crop_scale < 1:
            area = (settings.crop_scale**2, 1.0)
            steps.append(
                v2.RandomResizedCrop(
                    side, scale=area, ratio=(1.0, 1.0), interpolation=linear, antialias=True
                )
            )
        if settings.flip in ("horizontal", "both"):
            steps.append(v2.RandomHorizontalFlip())
        if settings.flip in ("vertical", "both"):
            steps.append(v2.RandomVerticalFlip())
        if jitter := settings.color_jitter:
            steps.append(v2.ColorJitter(brightness=jitter, contrast=jitter, saturation=jitter))
        if settings.rand_augment:
            steps.append(
                v2.RandAugment(magnitude=settings.rand_augment, interpolation=linear, fill=fill)
            )
        self._steps = v2.Compose(steps) if steps else None

    def __call__(self, pixels: np.ndarray, seed: int) -> torch.Tensor:
        """``pixels (side, side, 3) uint8`` changed: ``(resolution, resolution, 3) uint8``."""
        # a copy: the array is a read-only map of a file
        planes = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)
        if self._steps is not None:
            # torchvision draws from the global generator only
            torch.manual_seed(seed)
            planes = self._steps(planes)
        return planes.permute(1, 2, 0).contiguous()
