"""A CNTK network that is trained minibatch by minibatch on commands: runs in Python 3.6.

It imports nothing of the rest of this project but ``messages.py`` beside it: they come on standard
input, and replies go to standard output. A reply has the key ``error`` where a command failed. The
commands are the methods of ``Trainer`` without ``_``:

open       source, side, mean, std, bgr, momentum, weight_decay → width, and the nodes of the cut
set_head   arrays weight (classes, d), bias (classes,): the new last layer
train      rate, scope; arrays pixels (n, r, r, 3) uint8, mask (n, d), targets (n, classes),
           weights (n,) → loss, wrong: sums over the minibatch
settle     share; array pixels: batch norm's statistics become (1 - share) times what they are and
           share times this minibatch's → layers: how many have any
evaluate   array pixels → arrays features (n, d), logits (n, classes) where there is a head
state      → all arrays that training goes on from; load takes them back
export     path: the features as ONNX (opset 9); the head is not in it
"""

import os
import sys
import warnings
from typing import Any, Dict, Iterator, List, Optional, Tuple

# before CNTK is imported: it and its libraries print to standard output
REPLIES = os.fdopen(os.dup(1), "wb", 0)
os.dup2(2, 1)
sys.stdout = sys.stderr
warnings.filterwarnings("ignore")

import cntk as C  # noqa: E402
import numpy as np  # noqa: E402
from cntk.logging.graph import depth_first_search, find_by_name  # noqa: E402
from messages import Arrays, Header, receive, send  # noqa: E402

STATISTICS = ("running_mean", "running_var", "aggregate_mean", "aggregate_variance")
# where CNTK's published models end, and whether what is found there is still a feature map
CUTS = (("z.x.x.r", True), ("h2_d", False), ("z.x", False))

Reply = Tuple[Header, Arrays]


class Trainer:
    """One network and its training; each public method is a command."""

    def __init__(self) -> None:
        self.trainers: Dict[str, Any] = {}
        self.head: Dict[str, Any] = {}

    def open(self, header: Header, arrays: Arrays) -> Reply:
        self.header = header
        side = header["side"]
        if header["source"].endswith(".onnx"):
            self.pixels, features, found = _from_onnx(header["source"], side)
        else:
            self.pixels, features, found = _from_model(header["source"], side)
        self.width = int(np.prod(features.shape))
        # a plain row of features, whatever shape the cut left
        self.features = C.reshape(features, (self.width,), name="features_row")
        self.cut = features
        self.body = {
            "%04d.%s" % (number, item.name): item
            for number, item in enumerate(self.features.parameters)
        }
        self._find_batch_norms()
        self.rate = C.Constant(0.0, shape=(), name="rate")
        self.share = C.Constant(1.0, shape=(), name="share")
        self.momenta: Dict[str, Any] = {}
        self._add_momenta(self.body)
        return {"width": self.width, "found": found}, {}

    def set_head(self, header: Header, arrays: Arrays) -> Reply:
        classes = len(arrays["bias"])
        self.head = {
            "head.weight": C.Parameter(init=_plain(arrays["weight"].T)),
            "head.bias": C.Parameter(init=_plain(arrays["bias"])),
        }
        self._add_momenta(self.head)
        self.mask = C.input_variable((self.width,))
        self.targets = C.input_variable((classes,))
        self.weights = C.input_variable((1,))
        self.row = C.input_variable((self.width,))
        return {}, {}

    def train(self, header: Header, arrays: Arrays) -> Reply:
        count = len(arrays["pixels"])
        self.rate.value = np.array(header["rate"], np.float32)
        self.share.value = np.array(1.0 / count, np.float32)
        scope = header["scope"]
        values = {
            self.mask: _plain(arrays["mask"]),
            self.targets: _plain(arrays["targets"]),
            self.weights: _plain(arrays["weights"]).reshape(count, 1),
        }
        if scope == "last_only":
            # in evaluation mode, so that not even the statistics of batch norm move
            values[self.row] = self._features(arrays["pixels"])
        else:
            values[self.pixels] = self._normalised(arrays["pixels"])
        if scope not in self.trainers:
            self.trainers[scope] = self._trainer(scope)
        trainer = self.trainers[scope]
        if scope != "last_only":
            self._same_time_constant()
        trainer.train_minibatch(values)
        wrong = trainer.previous_minibatch_evaluation_average * count
        loss = trainer.previous_minibatch_loss_average * count
        return {"loss": loss, "wrong": round(wrong) if np.isfinite(wrong) else count}, {}

    def settle(self, header: Header, arrays: Arrays) -> Reply:
        before = {name: item.value.copy() for name, item in self.statistics.items()}
        if not before:
            return {"layers": 0}, {}
        for item in self.counts:
            item.value = np.ones((), np.float32)
        for item in self.statistics.values():
            # from what they were, rounding would remain
            item.value = np.zeros(item.shape, np.float32)
        pixels = arrays["pixels"]
        outputs = [self.features.output]
        # what is kept for a backward pass tells CNTK that this is training
        self.features.forward({self.pixels: self._normalised(pixels)}, outputs, set(outputs))
        time = self._same_time_constant()
        # CNTK's own share of the new statistics
        if time > 0:
            share = 1 - np.exp(-len(pixels) / time)
        else:
            share = 1.0 if time == 0 else len(pixels) / (1.0 + len(pixels))
        new = header["share"]
        for name, item in self.statistics.items():
            item.value = _plain((1 - new) * before[name] + new * (item.value / share))
        return {"layers": len(before) // 2}, {}

    def evaluate(self, header: Header, arrays: Arrays) -> Reply:
        features = self._features(arrays["pixels"])
        found = {"features": features}
        if self.head:
            weight, bias = (self.head[name].value for name in ("head.weight", "head.bias"))
            found["logits"] = features.dot(weight) + bias
        return {}, found

    def state(self, header: Header, arrays: Arrays) -> Reply:
        return {}, {name: item.value for name, item in self._all().items()}

    def load(self, header: Header, arrays: Arrays) -> Reply:
        own = self._all()
        for name, value in arrays.items():
            own[name].value = _plain(value)
        return {}, {}

    def export(self, header: Header, arrays: Arrays) -> Reply:
        features = C.alias(self.cut, name="features")
        unpacked = list(_functions(self.cut, "UnpackBatchAxis"))
        if unpacked:
            # CNTK 2.7 crashes when it writes these operators: write the graph between them
            core = self.cut.root_function.inputs[0].owner
            images = C.input_variable(
                (C.FreeDimension, *self.pixels.shape), dynamic_axes=[], name="pixels"
            )
            (old,) = [item for item in unpacked if item.inputs[0].uid == self.pixels.uid]
            features = C.combine([core.outputs[0]]).clone(
                C.CloneMethod.share, {old.outputs[0]: images}
            )
            features = C.alias(features, name="features")
        features.save(header["path"], format=C.ModelFormat.ONNX)
        return {}, {}

    def _trainer(self, scope: str) -> Any:
        source = self.row if scope == "last_only" else self.features
        logits = C.times(source * self.mask, self.head["head.weight"]) + self.head["head.bias"]
        losses = C.cross_entropy_with_softmax(logits, self.targets)
        loss = C.reduce_sum(losses * self.weights)
        wrong = C.classification_error(logits, C.hardmax(self.targets))
        names = {item.uid: name for name, item in dict(self.body, **self.head).items()}

        def update(parameters: List[Any], gradients: List[Any]) -> Any:
            # CNTK's own momentum folds the rate into its memory: it differs from PyTorch's, and
            # from every textbook's, as soon as the rate changes
            steps = []
            for parameter, gradient in zip(parameters, gradients):
                name = names[parameter.uid]
                if scope == "fully_connected" and not _fully_connected(name):
                    # CNTK wants every parameter to take part
                    steps.append(C.assign(parameter, parameter))
                    continue
                decayed = gradient * self.share + self.header["weight_decay"] * parameter
                momentum = self.momenta[name]
                moved = C.assign(momentum, self.header["momentum"] * momentum + decayed)
                steps.append(C.assign(parameter, parameter - self.rate * moved))
            return C.combine(steps)

        learner = C.universal(update, list(loss.parameters))
        return C.Trainer(logits, (loss, wrong), [learner])

    def _find_batch_norms(self) -> None:
        constants = {item.uid: item for item in self.features.constants}
        self.statistics: Dict[str, Any] = {}
        self.counts: List[Any] = []
        seen = set()
        for number, item in enumerate(self.features.constants):
            if item.name.endswith(STATISTICS):
                self.statistics["%04d.%s" % (number, item.name)] = item
            elif item.name == "aggregate_count":
                self.counts.append(item)
                seen.add(item.uid)
        times = set()
        for node in _functions(self.features, "BatchNormalization"):
            times.add(node.attributes["normalizationTimeConstant"])
            # a value set on the node's own input is lost: the constant itself must be found
            count = node.inputs[5].uid
            if count in constants and count not in seen:
                self.counts.append(constants[count])
                seen.add(count)
        self.times = times

    def _same_time_constant(self) -> float:
        if len(self.times) > 1:
            raise ValueError(
                "its batch norm layers have several time constants, which can't be trained here; "
                "use trainable: last_only, or mode: fixed"
            )
        return next(iter(self.times), 0.0)

    def _add_momenta(self, parameters: Dict[str, Any]) -> None:
        for name, item in parameters.items():
            self.momenta[name] = C.Constant(np.zeros(item.shape, np.float32))

    def _all(self) -> Dict[str, Any]:
        found = {"parameter/" + name: item for name, item in self.body.items()}
        found.update({"parameter/" + name: item for name, item in self.head.items()})
        found.update({"statistic/" + name: item for name, item in self.statistics.items()})
        found.update({"momentum/" + name: item for name, item in self.momenta.items()})
        return found

    def _features(self, pixels: np.ndarray) -> np.ndarray:
        found = self.features.eval({self.pixels: self._normalised(pixels)})
        return np.asarray(found, np.float32).reshape(len(pixels), self.width)

    def _normalised(self, pixels: np.ndarray) -> np.ndarray:
        planes = pixels[..., ::-1] if self.header["bgr"] else pixels
        planes = planes.transpose(0, 3, 1, 2).astype(np.float32)
        mean, std = (
            np.asarray(self.header[key], np.float32).reshape(1, -1, 1, 1) for key in ("mean", "std")
        )
        return _plain((planes - mean) / std)


def _from_onnx(path: str, side: int) -> Tuple[Any, Any, str]:
    """A network from PyTorch: its weights arrive as constants and become parameters again."""
    network = C.Function.load(path, format=C.ModelFormat.ONNX)
    images = C.input_variable((3, side, side), name="pixels")
    replaced = {
        item: C.Parameter(init=item.value, name=item.name)
        for item in network.constants
        if item.name and len(item.shape) > 0 and not item.name.endswith(STATISTICS)
    }
    replaced[network.arguments[0]] = C.unpack_batch(images)
    return images, C.to_batch(network.clone(C.CloneMethod.clone, replaced)), "output"


def _from_model(path: str, side: int) -> Tuple[Any, Any, str]:
    """A CNTK model of any resolution, cut where its features are; see ``CUTS``."""
    network = C.load_model(path)
    start = find_by_name(network, "features") or network.arguments[0]
    pooling = find_by_name(network, "poolingLayer")
    if pooling is not None:
        # saved, it has forgotten that it is global: pool anew
        (before,) = [item for item in pooling.inputs if item.is_output]
        node, pools, found = before.owner, True, "poolingLayer"
    else:
        for found, pools in CUTS:  # noqa: B007
            node = find_by_name(network, found)
            if node is not None:
                break
        else:
            names = sorted({item.name for item in _functions(network, None) if item.name})
            raise ValueError(
                "no node %s; it has %s"
                % (", ".join(["poolingLayer"] + [name for name, _ in CUTS]), ", ".join(names)[:300])
            )
    images = C.input_variable((3, side, side), name="pixels")
    placeholder = C.placeholder(name="features")
    body = C.combine([node]).clone(C.CloneMethod.clone, {start: placeholder})
    features = body(images)
    if pools:
        features = C.layers.GlobalAveragePooling(name="poolingLayer")(features)
    return images, features, found


def _functions(function: Any, operator: Optional[str]) -> Iterator[Any]:
    return iter(
        depth_first_search(
            function.root_function,
            lambda item: (
                isinstance(item, C.Function)
                and (operator is None or not item.is_block)
                and (operator is None or item.op_name == operator)
            ),
            depth=-1,
        )
    )


def _fully_connected(name: str) -> bool:
    return name.startswith("head.") or ".classifier." in name


def _plain(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, np.float32)


def main() -> None:
    C.cntk_py.set_max_num_cputhreads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    C.cntk_py.force_deterministic_algorithms()
    trainer = Trainer()
    while True:
        try:
            header, arrays = receive(sys.stdin.buffer)
        except EOFError:
            return  # the parent has ended
        try:
            reply, found = getattr(trainer, header.pop("command"))(header, arrays)
        except Exception as error:  # CNTK raises all kinds, with a stack trace as their text
            lines = str(error).splitlines() or [type(error).__name__]
            send(REPLIES, {"error": lines[0]}, {})
        else:
            send(REPLIES, reply, found)


if __name__ == "__main__":
    main()
