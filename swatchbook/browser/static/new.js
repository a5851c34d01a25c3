// @ts-check
// New images, most worth a label first: each labelled by one key, then put where the source takes them from.
import { actKeys } from "/static/acts.js";
import { ask, by, calm, complain, element, isReadOnly, keys, ready, say, send, state, undo, whichClass } from "/static/page.js";

const list = document.getElementById("new");
const address = new URLSearchParams(location.search);
const LEFT_OUT = "exclude";
/** @type {any[]} */
let images = [];
let place = 0;
let sending = Promise.resolve();

async function look() {
  const told = await ask(`/api/new?by=${address.get("by") || "margin"}&count=200`);
  if (told.state === "looking") {
    by("progress").textContent = "looking at the images …";
    setTimeout(() => look().catch(complain), 1000);
    return;
  }
  by("acts").hidden = isReadOnly || told.state !== "done";
  if (told.state === "none") {
    by("progress").textContent = told.why;
    return;
  }
  images = told.images;
  [done, undone] = [[], []];
  list?.replaceChildren(...images.map(tile));
  const left = Object.entries(/** @type {Record<string, string>} */ (told.left_out));
  by("left").hidden = !left.length;
  /** @type {HTMLElement} */ (by("left").querySelector("summary")).textContent = `${left.length} left out`;
  by("left").querySelector("ul")?.replaceChildren(...left.map(([name, why]) => element("li", {}, `${name}: ${why}`)));
  progress(told.total, told.taken);
  focus(0);
}
let total = 0;
let taken = 0;

function progress(count = total, already = taken) {
  [total, taken] = [count, already];
  const labelled = images.filter((one) => one.said && one.said !== LEFT_OUT).length;
  const first = images.length < total ? `the first ${images.length} of ` : "";
  by("progress").textContent = `${first}${total} images, ${labelled} labelled${taken ? `, ${taken} taken in` : ""}`;
  if (!isReadOnly) /** @type {HTMLButtonElement} */ (by("take")).disabled = !labelled;
}

/** @param {any} one @param {number} number */
function tile(one, number) {
  const [[first, p]] = one.top;
  const said = one.said ? `★ ${one.said === LEFT_OUT ? "not for this project" : one.said}` : "";
  const guess = `${first} ${Math.round(100 * p)} %`;
  const button = element("button", { type: "button", className: one.said ? "member kept" : "member", title: one.name, "aria-label": `${one.name}, perhaps ${guess}${said && `, said: ${said.slice(2)}`}` }, element("img", { alt: "", width: 128, height: 128, loading: "lazy", src: `/new/${one.sha256}?side=128` }), element("span", {}, said || `${guess}?`), element("span", { className: "quiet" }, said ? `it says ${guess}` : one.top.slice(1).map((/** @type {any} */ each) => `${each[0]} ${Math.round(100 * each[1])} %`).join(", ")));
  button.addEventListener("focus", () => (place = number));
  // by the keyboard a click is Enter or Space
  button.addEventListener("click", (event) => event.detail === 0 && open(number));
  button.addEventListener("dblclick", () => open(number));
  return element("li", {}, button);
}

/** @param {number} number */
function open(number) {
  const one = images[number];
  const picture = /** @type {HTMLImageElement} */ (by("picture-image"));
  picture.src = `/new/${one.sha256}?side=1600`;
  by("picture-what").textContent = one.name;
  /** @type {HTMLDialogElement} */ (by("picture")).showModal();
}

/** @param {number} number */
function focus(number) {
  place = Math.max(0, Math.min(images.length - 1, number));
  const button = list?.children[place]?.querySelector("button");
  if (button instanceof HTMLElement) button.focus();
}

/** @param {string} what @param {string} [label] */
async function act(what, label = "") {
  if (isReadOnly || !images[place]) return;
  const number = place;
  const one = images[number];
  if (what === "suggested") label = one.top[0][0];
  if (what === "exclude") label = LEFT_OUT;
  if (what === "relabel" && !label) {
    label = await whichClass();
    if (!label) return;
  }
  say_(number, label);
}

/** What was said here, to be taken back. @type {Array<{number: number, before: string, label: string}>} */
let done = [];
/** @type {typeof done} */
let undone = [];

/** @param {"undo"|"redo"} which */
function back(which) {
  const last = (which === "undo" ? done : undone).pop();
  if (!last) return say(which === "undo" ? "nothing to undo on this page" : "nothing to do again on this page");
  (which === "undo" ? undone : done).push(last);
  say_(last.number, which === "undo" ? last.before : last.label, false);
  focus(last.number);
}

/** Shown at once; requests go out in their order. @param {number} number @param {string} label @param {boolean} [remember] */
function say_(number, label, remember = true) {
  const one = images[number];
  if (remember) undone = [];
  const before = one.said;
  one.said = label;
  redraw(number);
  focus(number + (label ? 1 : 0));
  if (remember) done.push({ number, before, label });
  sending = sending.then(async () => {
    try {
      await send("/api/new", { labels: [{ sha256: one.sha256, label }] });
      calm();
      say(label ? `${one.name}: ${label === LEFT_OUT ? "not for this project" : label}` : `${one.name}: taken back`);
    } catch (error) {
      one.said = before;
      redraw(number);
      complain(error);
    }
  });
}

/** @param {number} number */
function redraw(number) {
  list?.children[number]?.replaceWith(tile(images[number], number));
  progress();
}

async function take() {
  try {
    await sending;
    const told = await send("/api/new/take-in", {});
    calm();
    const parts = Object.entries(told.taken).map(([label, count]) => `${label} ${count}`);
    const passed = Object.entries(told.passed_over).map(([name, why]) => `${name}: ${why}`);
    by("taken").textContent = [parts.length ? `taken in: ${parts.join(", ")}` : "nothing was taken in", ...passed].join("; ");
    by("then").hidden = !parts.length;
    await look();
  } catch (error) {
    complain(error);
  }
}

const across = () => Math.max(1, Math.floor((list?.clientWidth || 1) / 158));
if (list) {
  const select = /** @type {HTMLSelectElement} */ (by("by"));
  select.value = address.get("by") || "margin";
  select.addEventListener("change", () => {
    address.set("by", select.value);
    history.pushState(null, "", `${location.pathname}?${address}`);
    look().catch(complain);
  });
  by("acts").addEventListener("click", (event) => {
    const what = /** @type {HTMLElement} */ (event.target).dataset.do;
    if (what) act(what);
  });
  if (!isReadOnly) by("take").addEventListener("click", take);
  keys.push(
    { keys: ["s"], what: "take what the classifier says", run: () => act("suggested") },
    ...actKeys(act).filter((key) => !key.keys.includes("c")),
    { keys: ["x"], what: "take back what was said", run: () => act("clear") },
    { keys: ["ArrowRight", "n"], what: "the next image", run: () => focus(place + 1) },
    { keys: ["ArrowLeft", "p"], what: "the image before", run: () => focus(place - 1) },
    { keys: ["ArrowDown", "j"], what: "a row down", run: () => focus(place + across()) },
    { keys: ["ArrowUp", "k"], what: "a row up", run: () => focus(place - across()) },
    { keys: ["Enter"], what: "a larger picture", run: () => open(place) },
  );
  // what is said here is no fix of the project yet: its own undo
  undo.back = back;
  for (const id of ["undo", "redo"]) by(id).hidden = true;
  ready.then(look).catch(complain);
}
