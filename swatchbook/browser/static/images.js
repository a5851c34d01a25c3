// @ts-check
// The grid: only what is seen is in the page, whatever the number of images.
import { actKeys } from "/static/acts.js";
import { actText, ask, by, calm, complain, element, isReadOnly, keys, onActs, ready, say, send, state, sure, take, whichClass, wording } from "/static/page.js";

const PAGE = 200;
const CAPTION = 46;
// what a browser can scroll at most (Chromium: 33,554,428 px; Firefox about half)
const TALLEST = 12_000_000;
const MANY = 200;

const grid = by("grid");
const space = by("space");
const address = new URLSearchParams(location.search);
let side = Number(localStorage.getItem("swatchbook-size")) || 128;
let total = 0;
let focus = Math.max(0, Number(address.get("at") || 1) - 1);
address.delete("at");
/** @type {Map<number, any>} */
let pages = new Map();
/** @type {Set<number>} */
const asking = new Set();
/** What is selected: digests, or all that match but some. */
let chosen = { all: false, some: /** @type {Map<string, number>} */ (new Map()) };
let anchor = 0;
let version = 0;

const columns = () => Math.max(1, Math.floor(grid.clientWidth / (side + 12)));
const height = () => side + 12 + CAPTION;
const rows = () => Math.ceil(total / columns());
const real = () => rows() * height();
const scale = () => Math.max(1, real() / TALLEST);

/** The facts of an image by its place; nothing while they are on their way. @param {number} place */
function at(place) {
  const page = pages.get(Math.floor(place / PAGE));
  if (!page) return null;
  const n = place % PAGE;
  if (n >= page.sha256.length) return null;
  return { sha256: page.sha256[n], label: page.label[n], given: page.given[n], predicted: page.predicted[n], confidence: page.confidence[n], subset: page.subset[n], outcome: page.outcome[n], suspect: page.suspect[n], act: page.act[n], until: page.until };
}

/** @param {number} number */
async function load(number) {
  if (pages.has(number) || asking.has(number)) return;
  asking.add(number);
  const own = version;
  try {
    const query = new URLSearchParams(address);
    query.set("snapshot", state.snapshot);
    query.set("offset", String(number * PAGE));
    query.set("limit", String(PAGE));
    const page = await ask(`/api/images?${query}`);
    if (own !== version) return;
    pages.set(number, page);
    if (page.total !== total) {
      total = page.total;
      by("count").textContent = `${total.toLocaleString("en")} image${total === 1 ? "" : "s"}`;
      grid.setAttribute("aria-rowcount", String(rows()));
    }
    draw();
  } catch (error) {
    complain(error);
  } finally {
    asking.delete(number);
  }
}

const stateOf = (/** @type {any} */ one) => {
  const name = state.classes[one.label] ?? "no label";
  const act = actText(one.act);
  const pending = one.act !== -1 && one.act !== one.label ? ` → ${act}` : "";
  return { name: name + pending, act, pending };
};

/** @param {any} one @param {boolean} selected */
function words(one, selected) {
  const parts = [stateOf(one).name];
  if (one.predicted >= 0) {
    parts.push(`predicted ${state.classes[one.predicted]} ${Math.round(100 * one.confidence)} %`);
    parts.push(one.predicted === one.label ? "right" : "wrong");
  }
  if (one.subset) parts.push(one.subset);
  if (one.outcome !== "kept") parts.push(one.outcome);
  if (one.suspect) parts.push("suspect");
  if (selected) parts.push("selected");
  return parts.join(", ");
}

/** @param {HTMLElement} cell @param {number} place */
function fill(cell, place) {
  const one = at(place);
  cell.dataset.place = String(place);
  cell.tabIndex = place === focus ? 0 : -1;
  cell.hidden = place >= total;
  if (!one) {
    cell.dataset.key = "";
    cell.replaceChildren(element("img", { alt: "", width: side, height: side }));
    return;
  }
  const selected = isChosen(one.sha256, place);
  cell.setAttribute("aria-selected", String(selected));
  cell.setAttribute("aria-colindex", String((place % columns()) + 1));
  const key = `${one.sha256} ${one.act} ${side} ${version}`;
  const text = words(one, selected);
  cell.setAttribute("aria-label", text);
  cell.title = text;
  if (cell.dataset.key === key) return;
  cell.dataset.key = key;
  cell.classList.toggle("out", one.outcome !== "kept" || one.act === -2);
  const picture = /** @type {HTMLImageElement} */ (element("img", { alt: "", width: side, height: side, decoding: "async", src: `/thumb/${one.sha256}?side=${side > 128 ? 256 : 128}` }));
  const right = one.predicted === one.label;
  const said = one.predicted < 0 ? "" : `${right ? "✓" : "✗"} ${state.classes[one.predicted]} ${Math.round(100 * one.confidence)} %`;
  const caption = element("span", {}, `${one.suspect ? "⚑ " : ""}${one.act !== -1 ? "★ " : ""}${stateOf(one).name}`);
  picture.addEventListener("error", () => (caption.textContent = "can't be shown"));
  cell.replaceChildren(picture, caption, element("span", { className: right ? "right" : "wrong" }, said));
}

/** @type {HTMLElement[]} */
let drawn = [];
function draw() {
  if (!total) {
    space.replaceChildren();
    drawn = [];
    return;
  }
  const wide = columns();
  const tall = height();
  space.style.height = `${Math.min(real(), TALLEST)}px`;
  const top = grid.scrollTop * scale();
  const first = Math.max(0, Math.floor(top / tall) - 1);
  const last = Math.min(rows() - 1, Math.ceil((top + grid.clientHeight) / tall) + 1);
  const needed = last - first + 1;
  while (drawn.length < needed) drawn.push(element("div", { className: "row", role: "row" }));
  while (drawn.length > needed) drawn.pop()?.remove();
  drawn.forEach((row, n) => {
    const number = first + n;
    row.style.top = `${number * tall - top + grid.scrollTop}px`;
    row.setAttribute("aria-rowindex", String(number + 1));
    while (row.childElementCount < wide) row.append(element("div", { className: "cell", role: "gridcell" }));
    while (row.childElementCount > wide) row.lastElementChild?.remove();
    if (!row.isConnected) space.append(row);
    [...row.children].forEach((cell, m) => {
      const one = /** @type {HTMLElement} */ (cell);
      one.style.width = `${side + 12}px`;
      one.style.height = `${tall}px`;
      fill(one, number * wide + m);
    });
  });
  for (let n = Math.floor((first * wide) / PAGE); n <= Math.floor((last * wide + wide - 1) / PAGE); n++) if (n * PAGE < total) load(n);
  if (pages.size > 40) for (const n of [...pages.keys()].slice(0, 20)) pages.delete(n);
}

/** Bring a place into sight and put the focus there. @param {number} place */
function go(place, moves = true) {
  focus = Math.max(0, Math.min(total - 1, place));
  const row = Math.floor(focus / columns());
  const top = row * height();
  const seen = grid.scrollTop * scale();
  if (top < seen) grid.scrollTop = top / scale();
  else if (top + height() > seen + grid.clientHeight) grid.scrollTop = (top + height() - grid.clientHeight) / scale();
  draw();
  if (moves) /** @type {HTMLElement|null} */ (space.querySelector(`[data-place="${focus}"]`))?.focus({ preventScroll: true });
  remember();
}

/** @type {any} */
let remembering;
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const now = new URLSearchParams(address);
    if (focus) now.set("at", String(focus + 1));
    history.replaceState(null, "", `${location.pathname}${String(now) && "?"}${now}`);
  }, 200);
}

// ---- selection ----
/** @param {string} sha256 @param {number} place */
const isChosen = (sha256, place) => (chosen.all ? !chosen.some.has(sha256) : chosen.some.has(sha256));
const count = () => (chosen.all ? total - chosen.some.size : chosen.some.size);

function showChosen() {
  by("acts").hidden = !count();
  by("chosen").textContent = `${count().toLocaleString("en")} selected`;
  draw();
}

/** @param {number} place */
function toggle(place) {
  const one = at(place);
  if (!one) return;
  if (chosen.some.has(one.sha256)) chosen.some.delete(one.sha256);
  else chosen.some.set(one.sha256, place);
  anchor = place;
  showChosen();
}

/** From the last one chosen to this one, in the order shown. @param {number} place */
async function range(place) {
  const [from, to] = [Math.min(anchor, place), Math.max(anchor, place)];
  for (let n = Math.floor(from / PAGE); n <= Math.floor(to / PAGE); n++) await load(n);
  if (chosen.all) chosen = { all: false, some: new Map() };
  for (let n = from; n <= to; n++) {
    const one = at(n);
    if (one) chosen.some.set(one.sha256, n);
  }
  showChosen();
}
function all() {
  chosen = { all: true, some: new Map() };
  showChosen();
}
function none() {
  chosen = { all: false, some: new Map() };
  showChosen();
}

// ---- acts ----
// requests go out in their order: a key that is held down acts on one image after the other
let sending = Promise.resolve();
/** @param {string} what @param {string} [label] */
async function act(what, label = "") {
  if (isReadOnly || !total) return;
  if (what === "all") return all();
  if (what === "none") return none();
  if (what === "relabel" && !label) {
    label = await whichClass();
    if (!label) return;
  }
  const body = { snapshot: state.snapshot, until: "" };
  const number = count();
  if (number > MANY && !(await sure(`${number.toLocaleString("en")} images will be ${wording(what, label)}.`))) return;
  if (chosen.all) {
    Object.assign(body, { all: { where: String(address), but: [...chosen.some.keys()], expect: number, do: what, label } });
  } else {
    const one = at(focus);
    const some = number ? [...chosen.some.keys()] : one ? [one.sha256] : [];
    if (!some.length) return;
    Object.assign(body, { acts: some.map((sha256) => ({ sha256, do: what, label })) });
  }
  // shown at once; taken back where it is refused
  const code = what === "exclude" ? -2 : what === "clear" ? -1 : state.classes.indexOf(label);
  const old = mark(what, code);
  if (number) none();
  else if (focus + 1 < total) go(focus + 1);
  sending = sending.then(async () => {
    try {
      body.until = state.until;
      const told = await send("/api/acts", body);
      calm();
      take(told);
      say(`${told.images.toLocaleString("en")} image${told.images === 1 ? "" : "s"} ${wording(what, label)}; undo with u`);
      clearTimeout(counting);
      counting = setTimeout(facets, 100);
    } catch (error) {
      old.forEach(([page, n, value]) => (page.act[n] = value));
      draw();
      complain(error);
    }
  });
}
/** @type {any} */
let counting;

/** @param {string} what @param {number} code @returns {Array<[any, number, number]>} */
function mark(what, code) {
  /** @type {Array<[any, number, number]>} */
  const old = [];
  const number = count();
  for (const [start, page] of pages) {
    page.sha256.forEach((/** @type {string} */ sha256, /** @type {number} */ n) => {
      const place = start * PAGE + n;
      if (number ? !isChosen(sha256, place) : place !== focus) return;
      old.push([page, n, page.act[n]]);
      page.act[n] = what === "confirm" ? (page.act[n] >= 0 ? page.act[n] : page.label[n]) : code;
    });
  }
  draw();
  return old;
}

by("acts").addEventListener("click", (event) => {
  const what = /** @type {HTMLElement} */ (event.target).dataset.do;
  if (what) act(what);
});

// ---- filters ----
const TITLES = { label: "Label", predicted: "Predicted", result: "Prediction", subset: "Part", outcome: "Curation", suspect: "Suspect", act: "Said" };
const shownFacets = { label: 12, predicted: 12 };

async function facets() {
  try {
    const query = new URLSearchParams(address);
    query.set("snapshot", state.snapshot);
    const told = await ask(`/api/facets?${query}`);
    const open = document.activeElement instanceof HTMLInputElement ? document.activeElement.dataset.facet : "";
    by("facets").replaceChildren(
      ...Object.entries(TITLES).map(([name, title]) => {
        const set = address.getAll(name);
        const values = Object.entries(/** @type {Record<string, number>} */ (told.facets[name]));
        const most = /** @type {any} */ (shownFacets)[name] || 20;
        const sorted = name === "label" || name === "predicted" ? values.sort((a, b) => b[1] - a[1]) : values;
        const some = sorted.filter(([value, number], n) => set.includes(value) || (number && n < most));
        const field = element("fieldset", {}, element("legend", {}, title));
        for (const [value, number] of some) {
          const box = element("input", { type: "checkbox", checked: set.includes(value) });
          box.dataset.facet = `${name} ${value}`;
          box.addEventListener("change", () => filter(name, value, /** @type {any} */ (box).checked));
          field.append(element("label", {}, box, element("span", {}, value.replaceAll("_", " ")), element("span", {}, number.toLocaleString("en"))));
        }
        if (sorted.length > some.length && (name === "label" || name === "predicted") && sorted.length > most) {
          const more = element("button", { type: "button" }, `All ${sorted.length} classes`);
          more.addEventListener("click", () => {
            /** @type {any} */ (shownFacets)[name] = 10_000;
            facets();
          });
          field.append(more);
        }
        return field;
      }),
    );
    if (open) /** @type {HTMLElement|null} */ (document.querySelector(`[data-facet="${CSS.escape(open)}"]`))?.focus();
    chips();
  } catch (error) {
    complain(error);
  }
}

function chips() {
  const shown = [...address].filter(([name]) => name !== "sort");
  by("chips").replaceChildren(
    ...shown.map(([name, value]) => {
      const chip = element("button", { type: "button", title: "Remove this filter" }, `${name}: ${value} ×`);
      chip.addEventListener("click", () => filter(name, value, false));
      return chip;
    }),
  );
}

/** @param {string} name @param {string} value @param {boolean} on */
function filter(name, value, on) {
  const values = address.getAll(name).filter((one) => one !== value);
  address.delete(name);
  values.forEach((one) => address.append(name, one));
  if (on) address.append(name, value);
  changed();
}

function changed() {
  focus = 0;
  history.pushState(null, "", `${location.pathname}${String(address) && "?"}${address}`);
  none();
  again(true);
}

/** Ask for everything again. @param {boolean} [fromStart] */
function again(fromStart = false) {
  version++;
  pages = new Map();
  asking.clear();
  if (fromStart) {
    grid.scrollTop = 0;
    total = 0;
    by("count").textContent = "…";
  }
  facets();
  load(Math.floor(focus / PAGE)).then(() => {
    if (fromStart && !total) by("count").textContent = "No image matches";
    if (focus) go(focus, false);
  });
}

addEventListener("popstate", () => {
  for (const name of [...address.keys()]) address.delete(name);
  for (const [name, value] of new URLSearchParams(location.search)) address.append(name, value);
  focus = Math.max(0, Number(address.get("at") || 1) - 1);
  address.delete("at");
  controls();
  again(true);
});

function controls() {
  /** @type {HTMLSelectElement} */ (by("sort")).value = address.get("sort") || "source";
  /** @type {HTMLSelectElement} */ (by("size")).value = String(side);
  /** @type {HTMLInputElement} */ (document.querySelector("input[type=search]")).value = address.get("q") || "";
}
by("sort").addEventListener("change", (event) => {
  address.set("sort", /** @type {HTMLSelectElement} */ (event.target).value);
  changed();
});
by("size").addEventListener("change", (event) => resize(Number(/** @type {HTMLSelectElement} */ (event.target).value)));
by("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("q") || "").trim();
  if (text) address.set("q", text);
  else address.delete("q");
  changed();
});
by("jump").addEventListener("change", (event) => go(Number(/** @type {HTMLInputElement} */ (event.target).value) - 1));

/** @param {number} to */
function resize(to) {
  side = to;
  localStorage.setItem("swatchbook-size", String(to));
  controls();
  go(focus, false);
}
const SIZES = [96, 128, 192, 256];

// ---- pointer and keys ----
grid.addEventListener("click", (event) => {
  const cell = /** @type {HTMLElement} */ (event.target).closest(".cell");
  if (!(cell instanceof HTMLElement)) return;
  const place = Number(cell.dataset.place);
  if (event.shiftKey) range(place);
  else if (event.ctrlKey || event.metaKey) toggle(place);
  else if (place === focus && document.activeElement === cell) open();
  go(place);
  if (!event.shiftKey) anchor = place;
});
grid.addEventListener("dblclick", () => open());
grid.addEventListener("focus", () => total && go(focus));
let waiting = 0;
grid.addEventListener("scroll", () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(draw);
});
new ResizeObserver(() => draw()).observe(grid);

function open() {
  const one = at(focus);
  if (!one) return;
  const now = new URLSearchParams(address);
  now.set("at", String(focus + 1));
  history.replaceState(null, "", `${location.pathname}?${now}`);
  location.href = `/images/${one.sha256}`;
}

const step = (/** @type {number} */ by) => (/** @type {KeyboardEvent} */ event) => {
  const from = focus;
  if (!event.shiftKey) anchor = from + by;
  go(from + by);
  if (event.shiftKey) range(focus);
};
const screenful = () => Math.max(1, Math.floor(grid.clientHeight / height())) * columns();
keys.push(
  { keys: ["ArrowRight", "Shift+ArrowRight"], what: "next (with Shift: select)", run: step(1) },
  { keys: ["ArrowLeft", "Shift+ArrowLeft"], what: "the one before", run: step(-1) },
  { keys: ["ArrowDown", "Shift+ArrowDown", "j"], what: "a row down", run: (event) => step(columns())(event) },
  { keys: ["ArrowUp", "Shift+ArrowUp", "k"], what: "a row up", run: (event) => step(-columns())(event) },
  { keys: ["PageDown"], what: "a screen down", run: () => go(focus + screenful()) },
  { keys: ["PageUp"], what: "a screen up", run: () => go(focus - screenful()) },
  { keys: ["Home"], what: "first image", run: () => go(0) },
  { keys: ["End"], what: "last image", run: () => go(total - 1) },
  { keys: ["Space"], what: "select, or not", run: () => toggle(focus) },
  { keys: ["Ctrl+a"], what: "select all that match", run: all },
  { keys: ["Escape"], what: "select none", run: none },
  { keys: ["Enter"], what: "open the image", run: open },
  ...actKeys(act),
  { keys: ["x"], what: "take back what was said", run: () => act("clear") },
  { keys: ["+", "="], what: "larger", run: () => resize(SIZES[Math.min(3, SIZES.indexOf(side) + 1)]) },
  { keys: ["-"], what: "smaller", run: () => resize(SIZES[Math.max(0, SIZES.indexOf(side) - 1)]) },
);
onActs.push(() => again());
if (matchMedia("(max-width: 700px)").matches) /** @type {any} */ (by("filters")).open = false;
ready.then(() => {
  controls();
  again(true);
});
