"""A map as a picture: photograph, truth, what is predicted, smoothed, and how surely."""

from pathlib import Path

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.patches import Patch

from swatchbook.maps.layers import Layers
from swatchbook.maps.tile_pixels import TilePixels
from swatchbook.project import figures

_PANEL = 3.4
_NEIGHBOURHOODS = 12


def draw(layers: Layers, photograph: np.ndarray | None, path: Path) -> None:
    """Write the layers side by side; ``photograph (h, w, 3) uint8`` comes first where there is."""
    panels = [("predicted", layers.predicted), ("smoothed (3 × 3)", layers.smoothed)]
    if layers.has_truth:
        panels.insert(0, ("truth", layers.truth))
    count = len(panels) + 1 + (photograph is not None)
    tall = layers.grid.rows * layers.grid.height / (layers.grid.columns * layers.grid.width)
    height = float(np.clip(_PANEL * tall, 2.0, 8.0)) + 0.9
    figure, axes = figures.blank(count, _PANEL * count, height)
    rest = list(axes)
    if photograph is not None:
        rest[0].imshow(photograph)
        rest.pop(0).set_title("photograph")
    colours = ListedColormap(layers.colours)
    steps = BoundaryNorm(np.arange(len(layers.colours) + 1) - 0.5, len(layers.colours))
    for panel, (title, layer) in zip(rest, panels, strict=False):
        shown = np.ma.masked_less(layer, 0)
        panel.imshow(shown, cmap=colours, norm=steps, interpolation="nearest")
        panel.set_title(title)
    image = rest[-1].imshow(layers.confidence, cmap="viridis", vmin=0, vmax=1)
    rest[-1].set_title("confidence")
    figure.colorbar(image, ax=rest[-1], shrink=0.7)
    for panel in axes:
        panel.set(xticks=[], yticks=[])
        panel.set_facecolor("#eeeeee")
    there = np.union1d(layers.predicted, layers.truth)
    patches = [
        Patch(color=layers.colours[number], label=figures.plain(layers.classes[number]))
        for number in there.tolist() if number >= 0
    ]  # fmt: skip
    figure.legend(handles=patches, loc="outside lower center", ncols=min(6, len(patches)))
    figures.save(figure, path)


def draw_changes(
    tiles: list[tuple[int, int]],
    texts: list[tuple[str, str]],
    before: TilePixels,
    after: TilePixels,
    path: Path,
) -> int:
    """Write the first of ``tiles`` with their neighbours, both dates one above the other.

    ``texts`` stand above the earlier and the later picture of each. Returns how many are drawn.
    """
    chosen = list(zip(tiles, texts, strict=True))[:_NEIGHBOURHOODS]
    columns = max(1, min(6, len(chosen)))
    lines = max(1, -(-len(chosen) // columns))
    figure = figures.blank(1, 2.0 * columns, 4.8 * lines)[0]
    figure.clear()
    axes = figure.subplots(2 * lines, columns, squeeze=False)
    for panel in axes.ravel():
        panel.set_axis_off()
    for number, ((row, column), text) in enumerate(chosen):
        line, place = divmod(number, columns)
        for offset, pixels in enumerate((before, after)):
            panel = axes[2 * line + offset, place]
            panel.imshow(pixels.around(row, column))
            title = "\n".join(figures.plain(part, 40) for part in text[offset].splitlines())
            panel.set_title(title, fontsize=7)
    figures.save(figure, path)
    return len(chosen)
