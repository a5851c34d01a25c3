// @ts-check
// Suspects one by one, each decided by one key; what comes next is loaded before it is asked for.
import { actKeys } from "/static/acts.js";
import { ask, by, calm, complain, element, isReadOnly, keys, onActs, ready, say, send, state, take, whichClass, wording } from "/static/page.js";
import { strip } from "/static/strip.js";

const AHEAD = 8;
const address = new URLSearchParams(location.search);
/** @type {string[]} */
let queue = [];
let place = 0;
let decided = 0;
/** @type {Map<string, Promise<any>>} */
const known = new Map();
/** @type {any} */
let shown = null;
let sending = Promise.resolve();

const kind = () => address.get("kind") || "any";
const blind = () => /** @type {HTMLInputElement} */ (by("blind")).checked;

async function begin() {
  const query = new URLSearchParams({ snapshot: state.snapshot, suspect: kind(), act: "none", sort: "suspect", limit: "500" });
  if (address.get("subset")) query.set("subset", address.get("subset") || "");
  if (address.get("class")) query.set("label", address.get("class") || "");
  try {
    const told = await ask(`/api/images?${query}`);
    queue = told.sha256;
    place = 0;
    decided = 0;
    show();
  } catch (error) {
    complain(error);
  }
}

/** @param {string} sha256 */
function facts(sha256) {
  const found = known.get(sha256);
  if (found) return found;
  const made = ask(`/api/images/${sha256}?snapshot=${state.snapshot}`);
  known.set(sha256, made);
  new Image().src = `/picture/${sha256}`;
  return made;
}

async function show() {
  by("queue").hidden = place >= queue.length;
  by("none").hidden = place < queue.length;
  by("progress").textContent = queue.length ? `${Math.min(place + 1, queue.length)} of ${queue.length}, ${decided} decided` : "";
  if (place >= queue.length) return;
  const sha256 = queue[place];
  for (const next of queue.slice(place, place + AHEAD)) facts(next).catch(() => known.delete(next));
  let one;
  try {
    one = await facts(sha256);
  } catch (error) {
    return complain(error);
  }
  if (queue[place] !== sha256) return;
  shown = one;
  const suspicions = one.suspicions.filter((/** @type {any} */ each) => kind() === "any" || each.kind === kind());
  const first = suspicions[0] || { kind: "", suggested: "", why: "" };
  shown.suggested = first.suggested;
  const picture = /** @type {HTMLImageElement} */ (by("large"));
  picture.src = `/picture/${sha256}`;
  picture.alt = `${one.label}${blind() || !one.predicted ? "" : `, predicted ${one.predicted}`}`;
  by("label").textContent = one.label;
  by("part").textContent = one.subset === "test" ? "(test image)" : "";
  by("why").textContent = blind() ? first.kind.replace("_", " ") : suspicions.map((/** @type {any} */ each) => `${each.kind.replace("_", " ")}: ${each.why}`).join("; ");
  const button = by("take");
  button.hidden = blind() || !first.suggested;
  button.textContent = `${first.suggested} (s)`;
  /** @type {HTMLButtonElement} */ (document.querySelector("[data-do=confirm]")).hidden = first.kind === "conflict";
  /** @type {HTMLAnchorElement} */ (by("more")).href = `/images/${sha256}`;
  neighbours(sha256, one.label, blind() ? "" : first.suggested);
}

/** @param {string} sha256 @param {string} own @param {string} other */
async function neighbours(sha256, own, other) {
  for (const [id, label] of [["own", own], ["other", other]]) {
    const title = by(`${id}-title`);
    title.textContent = label ? `Most alike of ${label}` : "";
    if (!label) {
      by(id).replaceChildren();
      continue;
    }
    try {
      const told = await ask(`/api/images/${sha256}/similar?count=6&label=${encodeURIComponent(label)}`);
      if (queue[place] === sha256) strip(by(id), told.similar, "none");
    } catch (error) {
      complain(error);
    }
  }
}

/** @param {string} what @param {string} [label] */
async function act(what, label = "") {
  if (what === "later") return move(1);
  if (what === "back") return move(-1);
  if (isReadOnly || !shown || place >= queue.length) return;
  if (what === "suggested") {
    if (!shown.suggested || blind()) return;
    [what, label] = ["relabel", shown.suggested];
  }
  if (what === "confirm" && shown.suspicions[0]?.kind === "conflict") return;
  if (what === "relabel" && !label) {
    label = await whichClass();
    if (!label) return;
  }
  const sha256 = queue[place];
  const last = shown.acts.at(-1);
  const body = { snapshot: state.snapshot, note: shown.suspicions[0]?.kind || "", acts: [{ sha256, do: what, label, seen: last ? last.time : "" }] };
  // the next one is shown at once; requests go out in their order
  decided += 1;
  known.delete(sha256);
  move(1);
  sending = sending.then(async () => {
    try {
      take(await send("/api/acts", body));
      calm();
      say(`${wording(what, label)}, ${queue.length - place} left; undo with u`);
    } catch (error) {
      decided -= 1;
      complain(`${sha256.slice(0, 12)}: ${error instanceof Error ? error.message : error}`);
      by("failed").append(" ", again(body, sha256));
    }
  });
}

/** A button that tries it once more. @param {any} body @param {string} sha256 */
function again(body, sha256) {
  const button = element("button", { type: "button" }, "Look at it again");
  button.addEventListener("click", () => {
    calm();
    known.delete(sha256);
    place = queue.indexOf(sha256);
    show();
  });
  return button;
}

/** @param {number} by */
function move(by) {
  place = Math.max(0, Math.min(queue.length, place + by));
  show();
}

document.querySelector(".acts")?.addEventListener("click", (event) => {
  const what = /** @type {HTMLElement} */ (event.target).dataset.do;
  if (what) act(what);
});
for (const name of ["kind", "subset"]) {
  const select = /** @type {HTMLSelectElement} */ (by(name));
  select.addEventListener("change", () => {
    if (select.value) address.set(name, select.value);
    else address.delete(name);
    history.pushState(null, "", `${location.pathname}?${address}`);
    begin();
  });
}
by("blind").addEventListener("change", show);
keys.push(
  { keys: ["s"], what: "take the suggested class", run: () => act("suggested") },
  ...actKeys(act),
  { keys: ["n", "ArrowRight", "j"], what: "later", run: () => move(1) },
  { keys: ["p", "ArrowLeft", "k"], what: "back", run: () => move(-1) },
  { keys: ["h"], what: "hide what the classifier says, or not", run: () => /** @type {HTMLElement} */ (by("blind")).click() },
);
addEventListener("beforeunload", (event) => {
  if (by("failed").querySelector("button")) event.preventDefault();
});
onActs.push((sha256) => {
  known.clear();
  // what was undone is to be decided again
  const undone = sha256 ? queue.indexOf(sha256) : -1;
  if (undone >= 0) {
    place = undone;
    show();
  }
});
ready.then(() => {
  for (const name of ["kind", "subset"]) /** @type {HTMLSelectElement} */ (by(name)).value = address.get(name) || (name === "kind" ? "any" : "");
  begin();
});
