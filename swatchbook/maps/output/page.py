"""A map as one HTML file that asks nobody for anything: layers over each other, legend, scale, and
what the tile under the pointer is."""

import base64
import hashlib
import html
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from swatchbook.base import files
from swatchbook.maps.layers import Layers
from swatchbook.maps.output import geo_files

_VENDORED = Path(__file__).parent / "vendored"
_SCRIPT = Path(__file__).parent / "page.js"
_STYLE = """
html, body, #map { height: 100%; margin: 0; font: 14px/1.4 system-ui, sans-serif; }
#map { background: #ddd; }
.panel { background: #fff; color: #111; padding: 8px 10px; border-radius: 4px;
  box-shadow: 0 1px 4px #0006; max-width: 16rem; }
.panel h1 { font-size: 15px; margin: 0 0 4px; }
.panel ul { list-style: none; margin: 4px 0 0; padding: 0; }
.panel li span { display: inline-block; width: 1em; height: 1em; margin-right: .5em;
  vertical-align: -.15em; border: 1px solid #0004; }
.panel label { display: block; }
.panel input[type=range] { width: 100%; }
.leaflet-image-layer { image-rendering: pixelated; }
@media (max-width: 500px) { .panel { max-width: 10rem; font-size: 12px; } }
"""


def write(layers: Layers, title: str, photograph: np.ndarray | None, path: Path) -> int:
    """Write the page; its bytes. ``photograph (h, w, 3) uint8`` lies below all layers."""
    grids = {"predicted": layers.predicted, "smoothed": layers.smoothed}
    if layers.has_truth:
        grids = {"truth": layers.truth, **grids}
    shown: list[dict[str, Any]] = []
    numbers: dict[str, np.ndarray] = {}
    bounds = (0.0, 0.0, 0.0, 0.0)
    for name, layer in grids.items():
        numbers[name], bounds = geo_files.warped(layers.grid, layer)
        colours = [geo_files.rgb(colour) for colour in layers.colours]
        shown.append({"name": name, "image": _coloured(numbers[name], colours)})
    sure = np.where(np.isnan(layers.confidence), -1, np.nan_to_num(layers.confidence) * 100)
    confidence, _ = geo_files.warped(layers.grid, sure.round())
    shown.append({"name": "confidence", "image": _grey(confidence)})
    below = None
    if photograph is not None:
        below = _photograph(layers, photograph)
    content = {
        "bounds": bounds, "size": [confidence.shape[1], confidence.shape[0]], "layers": shown,
        "below": below, "classes": layers.classes, "colours": layers.colours,
    }  # fmt: skip
    used = np.unique(np.concatenate([layer.ravel() for layer in grids.values()])).tolist()
    legend = "".join(
        f'<li><span style="background:{layers.colours[number]}"></span>'
        f"{html.escape(layers.classes[number])}</li>"
        for number in used if number >= 0
    )  # fmt: skip
    scripts = [
        (_VENDORED / "leaflet.js").read_text(encoding="utf-8"),
        # a text inside a script: `<` might end it
        f"const MAP = {json.dumps(content).replace('<', chr(92) + 'u003c')};",
        _SCRIPT.read_text(encoding="utf-8"),
    ]
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {hashes}"
    style = (_VENDORED / "leaflet.css").read_text(encoding="utf-8")
    # its pictures of markers are not used, and would be asked for
    style = style.replace("url(images/", "url(data:,")
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}{_STYLE}</style>"
        '<div id="map" role="application" aria-label="Map"></div>'
        f'<template id="legend"><h1>{html.escape(title)}</h1>'
        f'<ul>{legend}</ul><div id="layers"></div>'
        '<label>opacity <input type="range" id="opacity" min="0" max="100" value="70"></label>'
        '<p id="tile" aria-live="polite"></p></template>'
        + "".join(f"<script>{script}</script>" for script in scripts)
        + "</html>\n"
    )
    data = text.encode()
    files.write_bytes(path, data)
    return len(data)


def _photograph(layers: Layers, photograph: np.ndarray) -> dict[str, Any]:
    """The photograph in web maps' projection: each pixel of the result takes its nearest."""
    grid = layers.grid
    height, width = photograph.shape[:2]
    size = height // grid.rows
    fine = type(grid)(**{
        **grid.facts, "side": 1, "width": grid.width * grid.side / size,
        "height": grid.height * grid.side / size, "rows": height, "columns": width,
    })  # fmt: skip
    parts = []
    for band in range(3):
        values, bounds = geo_files.warped(fine, photograph[:, :, band], 1)
        parts.append(values)
    planes = np.stack(parts, axis=-1)
    there = np.where(planes.min(axis=-1, keepdims=True) < 0, 0, 255)
    picture = np.concatenate([np.maximum(planes, 0), there], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=70)
    kind = "data:image/webp;base64,"
    return {"image": kind + base64.b64encode(buffer.getvalue()).decode(), "bounds": bounds}


def _coloured(values: np.ndarray, colours: list[tuple[int, int, int]]) -> str:
    table = np.zeros((len(colours) + 1, 4), np.uint8)  # the last one is for none
    table[:-1, :3], table[:-1, 3] = colours, 255
    return _png(table[values])


def _grey(values: np.ndarray) -> str:
    picture = np.zeros((*values.shape, 4), np.uint8)
    picture[..., :3] = np.clip(values, 0, 100)[..., None] * 255 // 100
    picture[..., 3] = np.where(values < 0, 0, 255)
    return _png(picture)


def _png(picture: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
