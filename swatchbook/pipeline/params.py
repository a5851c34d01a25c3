"""All sections of params.yaml together, and what must hold between them."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from swatchbook.acquisition.parameters import Acquire
from swatchbook.bundle.parameters import Bundle
from swatchbook.classifiers.parameters import TrainClassifier
from swatchbook.curation.parameters import Dedupe, Split
from swatchbook.evaluation.parameters import Evaluate
from swatchbook.inference.parameters import Featurize
from swatchbook.project import params
from swatchbook.project.params import PATH
from swatchbook.review.parameters import Suspects
from swatchbook.training.parameters import RefineDnn


class Params(BaseModel):
    """All of params.yaml."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

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


def load(path: Path = PATH) -> Params:
    """Read and check all of params.yaml. Raises ParamsError as ``project.params.load`` does."""
    return params.checked(Params, params.read(path))
