"""The schema of params.yaml: every key, what it allows, its default, and what it was once called.

docs/params.md is generated from it by ``params_reference``.
"""

import math
import typing
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from swatchbook.errors import did_you_mean
from swatchbook.presets import PRESETS

ARCHITECTURES = (
    "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "alexnet", "resnet18",
    "resnet34", "resnet50", "resnet101", "resnet152",
)  # fmt: skip
SCHEDULES = ("cosine", *PRESETS)
_MOST_EPOCHS = 10_000
Share = Annotated[float, Field(gt=0, lt=1)]
Word = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f/\\]+$")]
Licence = Literal["cc0", "pdm", "by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd"]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


def _key(default: Any, meaning: str, original: str = "", **bounds: Any) -> Any:
    return Field(default, description=meaning, json_schema_extra={"original": original}, **bounds)


def _is_step(pair: Any) -> bool:
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    if any(isinstance(item, bool) or not isinstance(item, int | float) for item in pair):
        return False
    rate, epochs = pair
    return bool(0 < rate < math.inf and 1 <= epochs <= _MOST_EPOCHS and epochs == int(epochs))


class Section(BaseModel):
    """One stage's parameters; unknown keys, wrong types, NaN and infinity are errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, frozen=True, validate_default=True
    )


class Acquire(Section):
    """Collect labelled images from one source."""

    data_set: str = _key(
        "woven_textile",
        "name of the data set; its label fixes are in `annotations/<data_set>.csv`",
        "`datasetName`",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
    )
    source: str = _key(
        "package:conformal-clip-data==0.1.4",
        "`folder:PATH` (one sub-folder per class), `archive:PATH` (zip or tar of such a folder), "
        "`package:NAME==VERSION` (images of an installed Python package), `urls:PATH` (a list of "
        "classes and URLs) or `search:SERVICES` (`openverse`, `commons`, `brave`, `folder=PATH`, "
        "separated by commas)",
        "`DATA_DIR`, `fashionTextureUrls.tsv`",
        pattern=r"^(folder|archive|package|urls|search):.+$",
    )
    attributes: list[Word] = _key(
        [], "classes to search for; every attribute with every item is a query (`striped shirt`)"
    )
    items: list[Word] = _key([], "what to search for in each class; none: the attributes alone")
    per_query: int = _key(50, "most images of each query and service", "top 50", ge=1, le=400)
    licences: list[Licence] = _key([], "licences that found images may have; none: any")
    robots: bool = _key(
        True, "heed what sites ask of programs (robots.txt, X-Robots-Tag) when URLs are fetched"
    )
    max_side: int = _key(
        0, "larger images are reduced to so many pixels on the longer side and stored as JPEG; "
        "0: stored as they come; at least 64", "`maxSize` (1000)", ge=0, le=10_000,
    )  # fmt: skip
    on_exists: Literal["skip", "refresh"] = _key(
        "skip", "URLs that were fetched before: leave them, or fetch them again"
    )
    max_bad_fraction: float = _key(
        0.2,
        "stop if more than this share of the files that could be had can't be used",
        ge=0,
        le=1,
    )

    @model_validator(mode="after")
    def _images_stay_images(self) -> Self:
        if 0 < self.max_side < 64:
            raise PydanticCustomError(
                "combination",
                "max_side: {side} leaves nothing to see; 0 (as they come) or at least 64",
                {"side": self.max_side},
            )
        return self


class Dedupe(Section):
    """Find exact and near-duplicates, apply label fixes."""

    hash_size: int = _key(
        16,
        "side of the difference hash: `hash_size`² bits",
        "`hash_size` of imagehash",
        ge=8,
        le=32,
    )
    max_distance: int = _key(
        20,
        "images whose hashes differ in at most this many bits are near-duplicates; "
        "0 is the tutorial's rule",
        ge=0,
        le=31,
    )
    keep: Literal["one", "all"] = _key(
        "one", "keep the largest image of each class in a near-duplicate group, or all of them"
    )

    @model_validator(mode="after")
    def _hash_can_tell_images_apart(self) -> Self:
        most = self.hash_size**2 // 8
        if self.max_distance > most:
            raise PydanticCustomError(
                "combination",
                "max_distance: {distance} of {bits} bits would join images that have nothing in "
                "common; with hash_size {size} it may be at most {most}",
                {
                    "distance": self.max_distance, "bits": self.hash_size**2,
                    "size": self.hash_size, "most": most,
                },
            )  # fmt: skip
        return self


class Split(Section):
    """Divide the images into a training part with folds and a test part."""

    by: Literal["group", "folder", "list"] = _key(
        "group",
        "what stays together: near-duplicate groups; also all images of a sub-folder; "
        "or take the test images from `annotations/<data_set>.test.tsv`",
        "`imagesSplitBy`, `dedicatedTestImages.tsv`",
    )
    test_share: Share = _key(
        0.25, "share of each class for the test part", "1 − `ratioTrainTest`; 1 − `train_size`"
    )
    folds: int = _key(4, "folds of the training part for cross-validation", ge=2, le=20)
    seed: Seed = _key(0, "another seed, another split", "`random.seed(0)`")


class RefineDnn(Section):
    """Make the network that turns images into features."""

    mode: Literal["fixed", "refine"] = _key(
        "fixed",
        "`fixed`: use the pretrained network as it is; `refine`: train it on the images, with a "
        "new last layer",
        "`classifier: svm`; `dnn`, `svmDnnRefined`",
    )
    engine: Literal["torch", "cntk"] = _key(
        "torch", "what trains: PyTorch, or Microsoft's CNTK 2.7 in its own Python (`make cntk`)"
    )
    architecture: str = _key(
        "efficientnet_lite0",
        f"the pretrained network: {', '.join(f'`{name}`' for name in ARCHITECTURES)}, "
        "or `timm:NAME` for any network of the package timm",
        "`rf_pretrainedModelFilename`, `base_model_name`, `-p --pretrained_model_type`",
    )
    pretrained: str = _key(
        "imagenet",
        "`imagenet` (weights from a package or a download), `none` (random weights), "
        "or the path of a weights file, or of a CNTK `.model` (engine `cntk`)",
        "`urlPretrainedDNNs`",
        min_length=1,
    )
    resolution: int = _key(
        224,
        "side of the square that the network sees, in pixels",
        "`rf_inputResoluton`, `image_dims`",
        ge=32,
        le=2048,
    )
    resize: Literal["pad", "crop", "stretch"] = _key(
        "pad",
        "how an image becomes square: keep all of it and pad with grey 114; "
        "cut the centre out; or ignore its aspect",
        "mode `pad`, value 114",
    )
    seed: Seed = _key(
        0, "seed of random weights, of the order of images, of augmentation and of dropout"
    )
    trainable: Literal["last_only", "fully_connected", "all"] = _key(
        "all",
        "what is trained: the new last layer, AlexNet's fully connected layers, or everything",
        "`rf_boFreezeWeights`, `-r --retraining_type`",
    )
    unfreeze_after: int = _key(
        0,
        "epochs in which only the new last layer is trained, before the rest joins in",
        "`head_first_then_body`",
        ge=0,
        le=10_000,
    )
    schedule: str | list[list[float]] = _key(
        [[0.01, 20], [0.001, 20], [0.0001, 5]],
        "pairs of a learning rate per minibatch and its epochs; `cosine`; or the schedule of a "
        f"preset: {', '.join(f'`{name}`' for name in PRESETS)}",
        "`rf_lrPerMb`, `lr_per_mb`, `rf_maxEpochs`, `-n --num_epochs`",
    )
    rate: float = _key(0.01, "highest learning rate of `cosine`", "`learning_rate`", gt=0)
    epochs: int = _key(20, "epochs of `cosine`", "`epochs`", ge=1, le=10_000)
    warmup: int = _key(1, "epochs in which the rate of `cosine` rises", "", ge=0, le=10_000)
    optimizer: Literal["sgd", "adamw"] = _key(
        "sgd", "stochastic gradient descent with momentum, or AdamW"
    )
    momentum: float = _key(
        0.9, "momentum of `sgd`, first beta of `adamw`", "`rf_momentumPerMb`", ge=0, lt=1
    )
    minibatch: int = _key(
        16, "images in one step of training", "`rf_mbSize`, `mb_size`", ge=1, le=4096
    )
    weight_decay: float = _key(
        0.0005, "pull of the weights towards 0", "`rf_l2RegWeight`", ge=0, lt=1
    )
    dropout: float = _key(
        0.5,
        "share of features left out at random before the last layer",
        "`rf_dropoutRate`",
        ge=0,
        lt=1,
    )
    label_smoothing: float = _key(
        0.0, "share of each label spread over all classes", "", ge=0, lt=1
    )
    balance: Literal["none", "oversample", "weights"] = _key(
        "none",
        "unequal classes: leave them, repeat images of small ones, or weigh their loss",
        "`rf_boBalanceTrainingSet` (`oversample`)",
    )
    max_images: int = _key(0, "most images of one epoch; 0: all", "`rf_maxTrainImages`", ge=0)
    validation_fold: int = _key(
        0, "fold of the training part that is not trained on and chooses the epoch", "", ge=0, le=19
    )
    patience: int = _key(
        10,
        "stop after so many epochs without a better one (a lower validation error, or the same "
        "and a lower loss); 0: never",
        "`patience`",
        ge=0,
        le=10_000,
    )
    crop_scale: float = _key(
        0.9,
        "smallest side of a random crop, as a share; 1: no crop",
        "side ratio 0.9 (tutorial), 0.85 (aerial)",
        ge=0.1,
        le=1,
    )
    flip: Literal["none", "horizontal", "vertical", "both"] = _key(
        "horizontal", "mirror half of the training images", "`Fliplr(0.5)`"
    )
    rotation: float = _key(
        0.0,
        "rotate by up to so many degrees either way, on grey",
        "`aug_rotationsInDegree`",
        ge=0,
        le=180,
    )
    color_jitter: float = _key(
        0.2,
        "most change of brightness, contrast and saturation, as a share",
        "radius 0.2",
        ge=0,
        le=1,
    )
    rand_augment: int = _key(
        0, "magnitude of RandAugment: two random changes an image; 0: off", "", ge=0, le=30
    )
    mixup: float = _key(
        0.0, "alpha of MixUp: blends pairs of images and their labels; 0: off", "", ge=0, le=10
    )
    precision: Literal["auto", "float32", "bfloat16"] = _key(
        "auto", "arithmetic of training; `auto` is bfloat16 where the processor has it"
    )

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
                self.engine == "cntk" and self.optimizer != "sgd",
                f"optimizer: {self.optimizer!r} is not known to engine cntk; use sgd",
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


class Featurize(Section):
    """Run the network over all images."""

    precision: Literal["auto", "float32", "bfloat16"] = _key(
        "auto", "arithmetic of the forward pass; `auto` is bfloat16 where the CPU has it"
    )


class TrainClassifier(Section):
    """Train the classifier on the features."""

    kind: Literal["svm", "logistic", "random_forest", "dnn"] = _key(
        "svm",
        "linear support vector machine, logistic regression, random forest, or the last layer of "
        "the refined network",
        "`classifier`, `-m --mmlspark_model_type`",
    )
    l2_normalize: bool = _key(True, "scale each feature vector to length 1", "`svm_boL2Normalize`")
    class_weight: Literal["balanced", "none"] = _key(
        "balanced", "give small classes more weight", "`class_weight='balanced'`"
    )
    C: list[Annotated[float, Field(gt=0)]] = _key(
        [0.0001, 0.001, 0.01, 0.1, 1.0, 10.0, 100.0],
        "inverse regularisation strengths to choose from by cross-validation in the training "
        "part (svm, logistic)",
        "`svm_CVals`; `regParam` = 1/C",
        min_length=1,
    )
    trees: int = _key(20, "trees of the random forest", "`numTrees`", ge=1, le=10_000)
    depth: int = _key(5, "greatest depth of a tree", "`maxDepth`", ge=1, le=64)
    seed: Seed = _key(0, "seed of the random forest")


class Evaluate(Section):
    """Measure the classifier on the test part."""

    confidence: Share = _key(0.95, "confidence level of the intervals")
    resamples: int = _key(1000, "bootstrap resamples behind each interval", ge=100, le=100_000)
    seed: Seed = _key(0, "seed of the bootstrap")


class Suspects(Section):
    """List images that a person should look at."""

    neighbours: int = _key(
        10, "an outlier is far from this many of the nearest other images", ge=1, le=1000
    )
    outlier: float = _key(
        8.0,
        "how far above the median distance an outlier lies, in robust standard deviations",
        gt=0,
    )


class Bundle(Section):
    """Put network and classifier into one file, and hold it against the predictions."""

    golden_images: int = _key(
        8,
        "test images kept beside the model, with which it is checked wherever it is loaded",
        ge=1,
        le=100,
    )


class Params(Section):
    """All of params.yaml."""

    acquire: Acquire = Acquire()
    dedupe: Dedupe = Dedupe()
    split: Split = Split()
    refine_dnn: RefineDnn = RefineDnn()
    featurize: Featurize = Featurize()
    train_classifier: TrainClassifier = TrainClassifier()
    evaluate: Evaluate = Evaluate()
    suspects: Suspects = Suspects()
    bundle: Bundle = Bundle()

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        refines = self.refine_dnn.mode == "refine"
        if self.train_classifier.kind == "dnn" and not refines:
            raise PydanticCustomError(
                "combination",
                "train_classifier.kind: 'dnn' is the last layer of a refined network, which "
                "refine_dnn.mode: 'fixed' doesn't train; set it to refine, or use svm",
            )
        if refines and self.refine_dnn.validation_fold >= self.split.folds:
            raise PydanticCustomError(
                "combination",
                "refine_dnn.validation_fold: {fold} is not one of the {folds} folds of split.folds "
                "(0 to {last})",
                {
                    "fold": self.refine_dnn.validation_fold, "folds": self.split.folds,
                    "last": self.split.folds - 1,
                },
            )  # fmt: skip
        return self


def alexnet_takes(resolution: int) -> bool:
    """Whether AlexNet's last feature map at ``resolution`` pools evenly to 6 × 6."""
    side = (resolution + 2 * 2 - 11) // 4 + 1
    side = (side - 3) // 2 + 1
    side = (side - 3) // 2 + 1
    side = (side - 3) // 2 + 1
    return side >= 6 and side % 6 == 0


def fields_of(location: list[str]) -> dict[str, FieldInfo]:
    """The keys of a section, or the sections where ``location`` is empty."""
    if not location:
        return Params.model_fields
    section = Params.model_fields[location[0]].annotation
    assert isinstance(section, type)
    assert issubclass(section, Section)
    return section.model_fields


def options_of(field: FieldInfo) -> list[str]:
    """The words that a key, or an item of its list, allows, where it allows only some."""
    annotation = field.annotation
    if typing.get_origin(annotation) is list:
        annotation = typing.get_args(annotation)[0]
    return [str(option) for option in typing.get_args(annotation)]
