"""Parameters of the stage train_classifier."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from swatchbook.project.section import Section, Seed, key


class TrainClassifier(Section):
    """Train the classifier on the features."""

    section: ClassVar = "train_classifier"

    kind: Literal["svm", "logistic", "random_forest", "dnn"] = key(
        "svm",
        "linear support vector machine, logistic regression, random forest, or the last layer of "
        "the refined network",
        "`classifier`, `-m --mmlspark_model_type`",
    )
    l2_normalize: bool = key(True, "scale each feature vector to length 1", "`svm_boL2Normalize`")
    class_weight: Literal["balanced", "none"] = key(
        "balanced", "give small classes more weight", "`class_weight='balanced'`"
    )
    C: list[Annotated[float, Field(gt=0)]] = key(
        [0.0001, 0.001, 0.01, 0.1, 1.0, 10.0, 100.0],
        "inverse regularisation strengths to choose from by cross-validation in the training "
        "part (svm, logistic)",
        "`svm_CVals`; `regParam` = 1/C",
        min_length=1,
    )
    trees: int = key(20, "trees of the random forest", "`numTrees`", ge=1, le=10_000)
    depth: int = key(5, "greatest depth of a tree", "`maxDepth`", ge=1, le=64)
    seed: Seed = key(0, "seed of the random forest")
