"use strict";
// MAP is what page.py has put before this: layers as pictures, and their numbers as bytes
const corner = (x, y) => L.CRS.EPSG3857.unproject(L.point(x, y));
const boundsOf = ([left, bottom, right, top]) => L.latLngBounds(corner(left, bottom), corner(right, top));
const map = L.map("map", { attributionControl: false, zoomSnap: 0.25 });
const bounds = boundsOf(MAP.bounds);
map.fitBounds(bounds);
L.control.scale().addTo(map);
if (MAP.below) L.imageOverlay(MAP.below.image, boundsOf(MAP.below.bounds)).addTo(map);
const overlays = MAP.layers.map((layer) => L.imageOverlay(layer.image, bounds, { opacity: 0.7 }));

// what a pixel of a picture stands for is told by its colour
const classesOf = new Map();
for (const [number, colour] of MAP.colours.entries()) {
  const known = classesOf.get(colour);
  classesOf.set(colour, known ? `${known} or ${MAP.classes[number]}` : MAP.classes[number]);
}
const pixelsOf = {};
for (const layer of MAP.layers) {
  const picture = new Image();
  picture.onload = () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = MAP.size;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    pixelsOf[layer.name] = context;
  };
  picture.src = layer.image;
}

const panel = L.control({ position: "topright" });
panel.onAdd = () => {
  const box = L.DomUtil.create("section", "panel");
  box.append(document.getElementById("legend").content.cloneNode(true));
  const choices = box.querySelector("#layers");
  const none = { name: "none" };
  for (const [number, layer] of [...MAP.layers, none].entries()) {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), {
      type: "radio", name: "layer", value: layer.name, checked: layer.name === "predicted",
    });
    input.addEventListener("change", () => show(number));
    label.append(input, " ", layer.name);
    choices.append(label);
  }
  box.querySelector("#opacity").addEventListener("input", (event) => {
    for (const overlay of overlays) overlay.setOpacity(event.target.value / 100);
  });
  L.DomEvent.disableClickPropagation(box);
  L.DomEvent.disableScrollPropagation(box);
  return box;
};
panel.addTo(map);

function show(number) {
  for (const overlay of overlays) overlay.remove();
  overlays[number]?.addTo(map);
}
show(MAP.layers.findIndex((layer) => layer.name === "predicted"));

function tell(event) {
  const point = L.CRS.EPSG3857.project(event.latlng);
  const [left, bottom, right, top] = MAP.bounds;
  const [width, height] = MAP.size;
  const column = Math.floor(((point.x - left) / (right - left)) * width);
  const row = Math.floor(((top - point.y) / (top - bottom)) * height);
  const inside = column >= 0 && row >= 0 && column < width && row < height;
  const lines = [];
  for (const { name } of inside ? MAP.layers : []) {
    const [red, green, blue, there] = pixelsOf[name]?.getImageData(column, row, 1, 1).data ?? [0, 0, 0, 0];
    if (!there) continue;
    const colour = "#" + [red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("");
    const what = name === "confidence" ? `${Math.round((red / 255) * 100)} %` : classesOf.get(colour);
    lines.push(`${name}: ${what}`);
  }
  document.getElementById("tile").textContent = lines.join(", ");
}
map.on("mousemove click", tell);
