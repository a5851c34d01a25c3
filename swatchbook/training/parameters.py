"""Parameters of the stage refine_dnn."""

import math
from typing import Any, ClassVar, Literal, Self

from pydantic import field_validator, model_validator
from pydantic_core import PydanticCustomError

from swatchbook.base.errors import did_you_mean
from swatchbook.images.frame import Frame
from swatchbook.project import shared_keys
from swatchbook.project.section import Section, Seed, key
from swatchbook.training.presets import PRESETS

ARCHITECTURES = (
    "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "alexnet", "resnet18",
    "resnet34", "resnet50", "resnet101", "resnet152",
)  # fmt: skip
SCHEDULES = ("cosine", *PRESETS)
_MOST_EPOCHS = 10_000


class RefineDnn(Section):
    """Make the network that turns images into features."""

    section: ClassVar = "refine_dnn"

    mode: Literal["fixed", "refine"] = key(
        "fixed",
        "`fixed`: use the pretrained network as it is; `refine`: train it on the images, with a "
        "new last layer",
        "`classifier: svm`; `dnn`, `svmDnnRefined`",
    )
    engine: Literal["torch", "cntk"] = key(
        "torch", "what trains: PyTorch, or Microsoft's CNTK 2.7 in its own Python (`make cntk`)"
    )
    architecture: str = key(
        "efficientnet_lite0",
        f"the pretrained network: {', '.join(f'`{name}`' for name in ARCHITECTURES)}, "
        "or `timm:NAME` for any network of the package timm",
        "`rf_pretrainedModelFilename`, `base_model_name`, `-p --pretrained_model_type`",
    )
    pretrained: str = key(
        "imagenet",
        "`imagenet` (weights from a package or a download), `none` (random weights), "
        "or the path of a weights file, or of a CNTK `.model` (engine `cntk`)",
        "`urlPretrainedDNNs`",
        min_length=1,
    )
    resolution: int = shared_keys.RESOLUTION
    resize: Literal["pad", "crop", "stretch"] = key(
        "pad",
        "how an image becomes square: keep all of it and pad with grey 114; "
        "cut the centre out; or ignore its aspect",
        "mode `pad`, value 114",
    )
    levels: list[float] = shared_keys.LEVELS
    seed: Seed = key(
        0, "seed of random weights, of the order of images, of augmentation and of dropout"
    )
    trainable: Literal["last_only", "fully_connected", "all"] = key(
        "all",
        "what is trained: the new last layer, AlexNet's fully connected layers, or everything",
        "`rf_boFreezeWeights`, `-r --retraining_type`",
    )
    head: Literal["probe", "random"] = key(
        "probe",
        "how the new last layer begins: `probe`: as the linear classifier of the network's "
        "features, so that training begins where a fixed network ends; or `random`",
        "`random`",
    )
    batch_norm: Literal["frozen", "train"] = key(
        "frozen",
        "batch statistics in training: those of the pretrained network, or of each minibatch",
        "`train`",
    )
    unfreeze_after: int = key(
        0,
        "epochs in which only the new last layer is trained, before the rest joins in",
        "`head_first_then_body`",
        ge=0,
        le=10_000,
    )
    schedule: str | list[list[float]] = key(
        "cosine",
        "pairs of a learning rate per minibatch and its epochs; `cosine`; or the schedule of a "
        f"preset: {', '.join(f'`{name}`' for name in PRESETS)}",
        "`rf_lrPerMb`, `lr_per_mb`, `rf_maxEpochs`, `-n --num_epochs`",
    )
    rate: float = key(0.0002, "highest learning rate of `cosine`", "`learning_rate`", gt=0)
    epochs: int = key(6, "epochs of `cosine`", "`epochs`", ge=1, le=10_000)
    warmup: int = key(1, "epochs in which the rate of `cosine` rises", "", ge=0, le=10_000)
    optimizer: Literal["sgd", "adamw"] = key(
        "adamw", "stochastic gradient descent with momentum, or AdamW", "`sgd`"
    )
    momentum: float = key(
        0.9, "momentum of `sgd`, first beta of `adamw`", "`rf_momentumPerMb`", ge=0, lt=1
    )
    minibatch: int = key(
        16, "images in one step of training", "`rf_mbSize`, `mb_size`", ge=1, le=4096
    )
    weight_decay: float = key(0.01, "pull of the weights towards 0", "`rf_l2RegWeight`", ge=0, lt=1)
    dropout: float = key(
        0.0,
        "share of features left out at random before the last layer",
        "`rf_dropoutRate`",
        ge=0,
        lt=1,
    )
    label_smoothing: float = key(0.0, "share of each label spread over all classes", "", ge=0, lt=1)
    balance: Literal["none", "oversample", "weights"] = key(
        "weights",
        "unequal classes: leave them, repeat images of small ones, or weigh their loss",
        "`rf_boBalanceTrainingSet` (`oversample`)",
    )
    max_images: int = key(0, "most images of one epoch; 0: all", "`rf_maxTrainImages`", ge=0)
    validation_fold: int = key(
        0, "fold of the training part that is not trained on and chooses the epoch", "", ge=0, le=19
    )
    patience: int = key(
        10,
        "stop after so many epochs at the last rate of the schedule without a better one (a lower "
        "validation error, or the same and a lower loss); 0: never",
        "`patience`",
        ge=0,
        le=10_000,
    )
    refit: bool = key(
        True,
        "train again for the chosen epochs on the whole training part, with the validation fold; "
        "what was held out before that chooses and calibrates the classifier",
        "`false`",
    )
    crop_scale: float = key(
        0.9,
        "smallest side of a random crop, as a share; 1: no crop",
        "side ratio 0.9 (tutorial), 0.85 (aerial)",
        ge=0.1,
        le=1,
    )
    flip: Literal["none", "horizontal", "vertical", "both"] = key(
        "horizontal", "mirror half of the training images", "`Fliplr(0.5)`"
    )
    rotation: float = key(
        0.0,
        "rotate by up to so many degrees either way, on grey",
        "`aug_rotationsInDegree`",
        ge=0,
        le=180,
    )
    color_jitter: float = key(
        0.2,
        "most change of brightness, contrast and saturation, as a share",
        "radius 0.2",
        ge=0,
        le=1,
    )
    rand_augment: int = key(
        0, "magnitude of RandAugment: two random changes an image; 0: off", "", ge=0, le=30
    )
    mixup: float = key(
        0.0, "alpha of MixUp: blends pairs of images and their labels; 0: off", "", ge=0, le=10
    )
    precision: Literal["auto", "float32", "bfloat16"] = key(
        "auto", "arithmetic of training; `auto` is bfloat16 where the processor has it"
    )

    @property
    def frame(self) -> Frame:
        """What the network sees of an image."""
        return Frame(self.resolution, self.resize, shared_keys.levels_of(self.levels))

    @field_validator("architecture")
    @classmethod
    def _architecture_is_known(cls, name: str) -> str:
        if name in ARCHITECTURES or name.removeprefix("timm:") not in ("", name):
            return name
        raise PydanticCustomError(
            "unknown",
            "is not known.{hint} Known: {known}, timm:NAME",
            {"hint": did_you_mean(name, ARCHITECTURES), "known": ", ".join(ARCHITECTURES)},
        )

    @field_validator("schedule", mode="before")
    @classmethod
    def _schedule_is_one(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value in SCHEDULES:
                return value
            raise PydanticCustomError(
                "unknown",
                "is not known.{hint} Known: {known}, or pairs [[rate, epochs], …]",
                {"hint": did_you_mean(value, SCHEDULES), "known": ", ".join(SCHEDULES)},
            )
        if not isinstance(value, list) or not value or not all(map(_is_step, value)):
            raise PydanticCustomError(
                "unknown",
                "is not allowed: pairs [[rate, epochs], …] are needed, the rate above 0 and the "
                "epochs a whole number of 1 to {most}; or {known}",
                {"most": _MOST_EPOCHS, "known": ", ".join(SCHEDULES)},
            )
        return value

    @model_validator(mode="after")
    def _training_makes_sense(self) -> Self:
        for wrong, message in (
            (
                len(self.levels) == 1 or self.levels != sorted(set(self.levels)),
                f"levels: {self.levels} is not allowed: black and white are needed, the smaller "
                "value first ([0, 4095]), or nothing ([])",
            ),
            (
                self.trainable == "fully_connected" and self.architecture != "alexnet",
                f"trainable: 'fully_connected' is for alexnet; {self.architecture} has one fully "
                "connected layer, the new one: use last_only or all",
            ),
            (
                self.schedule == "cosine" and self.warmup >= self.epochs,
                f"warmup: {self.warmup} epochs leave none of {self.epochs} for the schedule",
            ),
            (
                self.mode == "refine" and self.unfreeze_after >= self._total_epochs(),
                f"unfreeze_after: {self.unfreeze_after} epochs leave none of "
                f"{self._total_epochs()} for the rest of the network; use trainable: last_only",
            ),
            (
                self.trainable == "fully_connected" and self.pretrained.endswith(".model"),
                "trainable: 'fully_connected' is not known for CNTK's models; use last_only or all",
            ),
            (
                self.mode == "refine" and bool(self._unknown_to_cntk()),
                f"engine: 'cntk' does not know {self._unknown_to_cntk()}; set these as "
                "`swatchbook presets tutorial` has them",
            ),
            (
                # a layer that is sure of itself has large gradients: fabrics fell from 82 % to 21 %
                # in one epoch at 0.005
                self.mode == "refine"
                and self.engine == "torch"
                and self.optimizer == "sgd"
                and self.head == "probe",
                "optimizer: 'sgd' spoils a network whose last layer begins as a probe; use adamw "
                "(rates of 0.001 and below), or head: random",
            ),
            (
                self.mode == "refine"
                and self.optimizer == "adamw"
                and isinstance(self.schedule, str)
                and self.schedule in PRESETS,
                f"schedule: {self.schedule!r} has rates for sgd, a hundred times those of adamw; "
                f"`swatchbook presets {self.schedule}` prints all that belongs to it, or use "
                "cosine",
            ),
            (
                self.engine == "cntk" and self.precision == "bfloat16",
                "precision: 'bfloat16' is not known to engine cntk; use auto or float32",
            ),
            (
                self.engine == "torch" and self.pretrained.endswith(".model"),
                f"pretrained: {self.pretrained!r} is a CNTK model; set engine: cntk",
            ),
        ):
            if wrong:
                raise PydanticCustomError("combination", "{text}", {"text": message})
        return self

    def _unknown_to_cntk(self) -> str:
        if self.engine != "cntk":
            return ""
        wanted = {"optimizer": "sgd", "head": "random", "batch_norm": "train", "refit": False}
        return ", ".join(
            f"{key}: {str(getattr(self, key)).lower()} (use {str(value).lower()})"
            for key, value in wanted.items()
            if getattr(self, key) != value
        )

    def _total_epochs(self) -> float:
        if self.schedule == "cosine":
            return self.epochs
        steps = PRESETS[self.schedule].schedule if isinstance(self.schedule, str) else self.schedule
        return sum(epochs for _, epochs in steps)

    @model_validator(mode="after")
    def _network_takes_resolution(self) -> Self:
        if self.architecture == "alexnet" and not alexnet_takes(self.resolution):
            near = sorted(
                (side for side in range(32, 2049) if alexnet_takes(side)),
                key=lambda side: abs(side - self.resolution),
            )
            raise PydanticCustomError(
                "combination",
                "resolution: {side} can't be used with alexnet, which pools to 6 × 6. "
                "Nearest that can: {near}. The other networks take any.",
                {"side": self.resolution, "near": near[0]},
            )
        return self


def alexnet_takes(resolution: int) -> bool:
    """Whether AlexNet's last feature map at ``resolution`` pools evenly to 6 × 6."""
    side = (resolution + 2 * 2 - 11) // 4 + 1
    side = (side - 3) // 2 + 1
    side = (side - 3) // 2 + 1
    side = (side - 3) // 2 + 1
    return side >= 6 and side % 6 == 0


def _is_step(pair: Any) -> bool:
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    if any(isinstance(item, bool) or not isinstance(item, int | float) for item in pair):
        return False
    rate, epochs = pair
    return bool(0 < rate < math.inf and 1 <= epochs <= _MOST_EPOCHS and epochs == int(epochs))
