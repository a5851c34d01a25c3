// @ts-check
// The map: every image a point, drawn pixel by pixel; what is chosen opens as a grid.
import { ask, by, complain, element, keys, ready, state } from "/static/page.js";
import { strip } from "/static/strip.js";

// Okabe and Ito, told apart by everybody; the rest is grey
const COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#d55e00", "#0072b2", "#cc79a7", "#b8a800"];
const GREY = "#8a8a8a";
const NEAR = 8;
const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("map"));
const address = new URLSearchParams(location.search);
let name = "";
/** @type {Float32Array} */ let xs = new Float32Array();
/** @type {Float32Array} */ let ys = new Float32Array();
/** @type {Int32Array} */ let rows = new Int32Array();
/** @type {Uint16Array} */ let labels = new Uint16Array();
/** @type {Uint16Array} */ let predicted = new Uint16Array();
/** @type {Uint8Array} */ let subsets = new Uint8Array();
/** @type {Uint8Array} */ let suspects = new Uint8Array();
/** @type {Uint32Array} */ let paint = new Uint32Array();
/** @type {Uint8Array} */ let size = new Uint8Array();
/** What is seen: its middle, and how many pixels a unit has beside the whole. */
let view = { x: 0, y: 0, zoom: 1 };
/** @type {Array<[number, number]>} */
let path = [];
let isLasso = false;

/** As the memory of a picture has it. @param {string} colour */
const packed = (colour) => (255 << 24) | (parseInt(colour.slice(5, 7), 16) << 16) | (parseInt(colour.slice(3, 5), 16) << 8) | parseInt(colour.slice(1, 3), 16);
const scale = () => (view.zoom * Math.min(canvas.width, canvas.height)) / 2.1;
const across = (/** @type {number} */ x) => canvas.width / 2 + (x - view.x) * scale();
const down = (/** @type {number} */ y) => canvas.height / 2 - (y - view.y) * scale();
/** @param {number} px @param {number} py @returns {[number, number]} */
const place = (px, py) => [view.x + (px - canvas.width / 2) / scale(), view.y - (py - canvas.height / 2) / scale()];

async function load() {
  const told = await ask(`/api/map?snapshot=${state.snapshot}`);
  name = told.map;
  by("kind").textContent = told.kind === "tsne" ? "By t-SNE." : "By the two directions in which they differ most (PCA).";
  if (told.kind === "tsne" && document.getElementById("lay-out")) by("lay-out").hidden = true;
  const answer = await fetch(`/api/map/points?snapshot=${state.snapshot}`, { credentials: "same-origin" });
  if (!answer.ok) throw new Error((await answer.json()).error);
  const all = await answer.arrayBuffer();
  const n = told.images;
  xs = new Float32Array(all, 0, n);
  ys = new Float32Array(all, 4 * n, n);
  rows = new Int32Array(all, 8 * n, n);
  labels = new Uint16Array(all, 12 * n, n);
  predicted = new Uint16Array(all, 14 * n, n);
  subsets = new Uint8Array(all, 16 * n, n);
  suspects = new Uint8Array(all, 17 * n, n);
  strip(by("islands"), told.islands, told.kind === "tsne" ? "There is none." : "They are known once the images are laid out.", (one) => `${Math.round(100 * one.share)} % of the nearest differ`);
  const [x, y, zoom] = (address.get("view") || "").split(",").map(Number);
  if (zoom > 0) view = { x, y, zoom };
  for (const id of ["colour", "one"]) if (address.get(id)) select(id).value = address.get(id) || "";
  colour();
}
const select = (/** @type {string} */ id) => /** @type {HTMLSelectElement} */ (by(id));

function colour() {
  const kind = select("colour").value;
  const only = select("one").value ? state.classes.indexOf(select("one").value) : -1;
  const order = state.frequent.slice(0, COLOURS.length);
  const ofClass = state.classes.map((_, code) => (order.includes(code) ? COLOURS[order.indexOf(code)] : GREY)).map(packed);
  const [grey, good, bad, other] = [GREY, "#0072b2", "#d55e00", "#e69f00"].map(packed);
  paint = new Uint32Array(rows.length);
  size = new Uint8Array(rows.length).fill(rows.length > 20000 ? 2 : 4);
  for (let n = 0; n < rows.length; n++) {
    const wrong = predicted[n] !== 65535 && predicted[n] !== labels[n];
    // wrong ones and suspects are larger too: a colour alone is not seen by everybody
    if (kind === "label") paint[n] = ofClass[labels[n]] ?? grey;
    else if (kind === "predicted") paint[n] = ofClass[predicted[n]] ?? grey;
    else if (kind === "result") paint[n] = predicted[n] === 65535 ? grey : wrong ? bad : good;
    else if (kind === "subset") paint[n] = [grey, good, other][subsets[n]];
    else paint[n] = suspects[n] ? bad : grey;
    if ((kind === "result" && wrong) || (kind === "suspect" && suspects[n])) size[n] += 3;
    if (only >= 0 && labels[n] !== only) [paint[n], size[n]] = [packed("#c8c8c8"), 1];
  }
  /** @type {Array<[string, string]>} */
  const legend = kind === "label" || kind === "predicted" ? [...order.map((code, n) => /** @type {[string, string]} */ ([state.classes[code], COLOURS[n]])), ...(state.classes.length > order.length ? [/** @type {[string, string]} */ (["all others", GREY])] : [])] : kind === "result" ? [["right", "#0072b2"], ["wrong (larger)", "#d55e00"]] : kind === "subset" ? [["train", "#0072b2"], ["test", "#e69f00"]] : [["suspect (larger)", "#d55e00"], ["no suspect", GREY]];
  by("legend").replaceChildren(
    ...legend.map(([text, shade]) => {
      const dot = element("i", { className: "swatch" });
      dot.style.background = shade;
      return element("span", { className: "key" }, dot, text);
    }),
  );
  draw();
}

function draw() {
  const context = canvas.getContext("2d");
  if (!context || !canvas.width) return;
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const [wide, high, by_] = [canvas.width, canvas.height, devicePixelRatio || 1];
  // the larger ones last, so that they are seen
  const most = Math.max(...new Set(size), 1);
  for (let layer = 1; layer <= most; layer++) {
    const side = Math.max(1, Math.round(layer * by_ * 0.9));
    for (let n = 0; n < rows.length; n++) {
      if (size[n] !== layer) continue;
      const left = Math.round(across(xs[n]) - side / 2);
      const top = Math.round(down(ys[n]) - side / 2);
      if (left < 0 || top < 0 || left + side > wide || top + side > high) continue;
      for (let row = top; row < top + side; row++) pixels.fill(paint[n], row * wide + left, row * wide + left + side);
    }
  }
  context.putImageData(image, 0, 0);
  if (path.length > 1) {
    context.strokeStyle = getComputedStyle(canvas).color;
    context.lineWidth = 2 * by_;
    context.beginPath();
    path.forEach(([x, y], n) => (n ? context.lineTo(across(x), down(y)) : context.moveTo(across(x), down(y))));
    context.closePath();
    context.stroke();
  }
}
let waiting = 0;
function soon() {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(draw);
}

function remember() {
  address.set("view", [view.x, view.y, view.zoom].map((one) => one.toFixed(4)).join(","));
  for (const id of ["colour", "one"]) {
    if (select(id).value) address.set(id, select(id).value);
    else address.delete(id);
  }
  history.replaceState(null, "", `${location.pathname}?${address}`);
}

/** Which points are inside of a polygon. @param {Array<[number, number]>} corners */
function inside(corners) {
  let count = 0;
  for (let n = 0; n < rows.length; n++) {
    let is = false;
    for (let a = 0, b = corners.length - 1; a < corners.length; b = a++) {
      const [ax, ay] = corners[a];
      const [bx, by_] = corners[b];
      if (ay > ys[n] !== by_ > ys[n] && xs[n] < ((bx - ax) * (ys[n] - ay)) / (by_ - ay) + ax) is = !is;
    }
    if (is) count++;
  }
  return count;
}

/** @param {Array<[number, number]>} corners */
function choose(corners) {
  // an address has room for so many
  const every = Math.ceil(corners.length / 100);
  path = corners.filter((_, n) => n % every === 0).map(([x, y]) => /** @type {[number, number]} */ ([Number(x.toFixed(4)), Number(y.toFixed(4))]));
  soon();
  if (path.length < 3) return;
  const count = inside(path);
  by("chosen").textContent = `${count.toLocaleString("en")} image${count === 1 ? "" : "s"} chosen`;
  const link = /** @type {HTMLAnchorElement} */ (by("open"));
  link.hidden = !count;
  link.href = `/images?${new URLSearchParams({ area: `${name}:${path.map((one) => one.join(",")).join(";")}` })}`;
}

/** @param {number} px @param {number} py */
function nearest(px, py) {
  let [best, at] = [(NEAR * (devicePixelRatio || 1)) ** 2, -1];
  for (let n = 0; n < rows.length; n++) {
    const [x, y] = [across(xs[n]) - px, down(ys[n]) - py];
    const far = x * x + y * y;
    if (far < best) [best, at] = [far, n];
  }
  return at;
}

/** @param {number} n */
async function preview(n) {
  const box = /** @type {HTMLAnchorElement} */ (by("preview"));
  if (n < 0) return (box.hidden = true);
  if (box.dataset.row !== String(rows[n])) {
    box.dataset.row = String(rows[n]);
    const one = await ask(`/api/map/${rows[n]}?snapshot=${state.snapshot}`);
    if (box.dataset.row !== String(rows[n])) return;
    box.href = `/images/${one.sha256}`;
    /** @type {HTMLImageElement} */ (box.querySelector("img")).src = `/thumb/${one.sha256.slice(0, 20)}?side=128`;
    /** @type {HTMLElement} */ (box.querySelector("span")).textContent = `${one.label}${one.predicted && one.predicted !== one.label ? `, predicted ${one.predicted}` : ""}`;
  }
  box.hidden = false;
  const by_ = devicePixelRatio || 1;
  box.style.left = `${Math.min(canvas.clientWidth - 140, across(xs[n]) / by_ + 10)}px`;
  box.style.top = `${Math.min(canvas.clientHeight - 150, down(ys[n]) / by_ + 10)}px`;
}

/** @param {number} factor @param {number} [px] @param {number} [py] */
function zoom(factor, px = canvas.width / 2, py = canvas.height / 2) {
  const [x, y] = place(px, py);
  view.zoom = Math.max(0.5, Math.min(500, view.zoom * factor));
  const [nx, ny] = place(px, py);
  view.x += x - nx;
  view.y += y - ny;
  soon();
  remember();
}
/** @param {number} x @param {number} y */
const pan = (x, y) => () => {
  view.x += (x * 0.3) / view.zoom;
  view.y += (y * 0.3) / view.zoom;
  soon();
  remember();
};
function whole() {
  view = { x: 0, y: 0, zoom: 1 };
  soon();
  remember();
}
function lasso() {
  isLasso = !isLasso;
  by("lasso").setAttribute("aria-pressed", String(isLasso));
  canvas.classList.toggle("drawing", isLasso);
}
const seen = () => choose([place(0, 0), place(canvas.width, 0), place(canvas.width, canvas.height), place(0, canvas.height)]);

/** @param {PointerEvent|WheelEvent} event @returns {[number, number]} */
function pixel(event) {
  const box = canvas.getBoundingClientRect();
  const by_ = canvas.width / box.width;
  return [(event.clientX - box.left) * by_, (event.clientY - box.top) * by_];
}
/** @type {{x: number, y: number, moved: boolean}|null} */
let held = null;

if (canvas) {
  new ResizeObserver(() => {
    const by_ = devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * by_);
    canvas.height = Math.round(canvas.clientHeight * by_);
    soon();
  }).observe(canvas);
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    const [x, y] = pixel(event);
    held = { x, y, moved: false };
    if (isLasso) path = [place(x, y)];
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = pixel(event);
    if (!held) return void preview(nearest(x, y)).catch(complain);
    if (Math.hypot(x - held.x, y - held.y) > 3) held.moved = true;
    if (isLasso) path.push(place(x, y));
    else {
      view.x -= (x - held.x) / scale();
      view.y += (y - held.y) / scale();
      Object.assign(held, { x, y });
    }
    soon();
  });
  canvas.addEventListener("pointerup", (event) => {
    const [x, y] = pixel(event);
    const was = held;
    held = null;
    if (isLasso) {
      choose(path);
      return lasso();
    }
    if (was?.moved) return remember();
    const n = nearest(x, y);
    if (n >= 0) ask(`/api/map/${rows[n]}?snapshot=${state.snapshot}`).then((one) => (location.href = `/images/${one.sha256}`)).catch(complain);
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.25 : 0.8, ...pixel(event));
  }, { passive: false });
  for (const id of ["colour", "one"]) select(id).addEventListener("change", () => (colour(), remember()));
  const does = { lasso, seen, whole };
  document.querySelector("main")?.addEventListener("click", (event) => {
    const what = /** @type {HTMLElement} */ (event.target).dataset?.do;
    if (what && what in does) /** @type {any} */ (does)[what]();
  });
  keys.push(
    { keys: ["ArrowLeft"], what: "move to the left", run: pan(-1, 0) },
    { keys: ["ArrowRight"], what: "move to the right", run: pan(1, 0) },
    { keys: ["ArrowUp", "k"], what: "move up", run: pan(0, 1) },
    { keys: ["ArrowDown", "j"], what: "move down", run: pan(0, -1) },
    { keys: ["+", "="], what: "nearer", run: () => zoom(1.5) },
    { keys: ["-"], what: "farther", run: () => zoom(1 / 1.5) },
    { keys: ["0"], what: "the whole map", run: whole },
    { keys: ["l"], what: "choose by drawing around them", run: lasso },
    { keys: ["b"], what: "choose what is seen", run: seen },
    { keys: ["Enter"], what: "open what is chosen as a grid", run: () => by("open").hidden || by("open").click() },
  );
  ready.then(load).catch(complain);
}
