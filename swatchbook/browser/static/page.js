// @ts-check
// What all pages share: asking the server, its state, undo and redo, keys, dialogs.

/** An answer that is no success. */
export class Failure extends Error {
  /** @param {number} status @param {string} text @param {any} body */
  constructor(status, text, body) {
    super(text);
    this.status = status;
    this.body = body;
  }
}

/** @param {string} path @param {RequestInit} [options] @returns {Promise<any>} */
export async function ask(path, options) {
  const answer = await fetch(path, { credentials: "same-origin", ...options }).catch(() => {
    throw new Failure(0, "the server does not answer: is `swatchbook browse` still running?", {});
  });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Failure(answer.status, body.error || `${answer.status}`, body);
  return body;
}

/** @param {string} path @param {any} body */
export const send = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** @template {HTMLElement} T @param {string} id @returns {T} */
// @ts-ignore
export const by = (id) => document.getElementById(id);

/** A new element with text and attributes. @param {string} name @param {Record<string, any>} [facts] @param {...(Node|string)} inside */
export function element(name, facts = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(facts)) {
    if (key in made && key !== "list") /** @type {any} */ (made)[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...inside);
  return made;
}

export const isReadOnly = document.body.dataset.readOnly === "1";
/** The state of the tables that this page shows, and what the server says of it. */
export const state = { snapshot: document.body.dataset.snapshot || "", until: "", classes: /** @type {string[]} */ ([]), frequent: /** @type {number[]} */ ([]), kinds: /** @type {string[]} */ ([]), undo: "", redo: "", images: 0 };

/** @param {string} text */
export function say(text) {
  by("said").textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => (by("said").textContent = ""), 6000);
}
/** @type {any} */
let silence;

/** @param {unknown} error */
export function complain(error) {
  const bar = by("failed");
  bar.textContent = error instanceof Error ? error.message : String(error);
  bar.hidden = false;
}
export const calm = () => (by("failed").hidden = true);

/** @param {any} told */
export function take(told) {
  for (const name of ["until", "undo", "redo"]) if (name in told) /** @type {any} */ (state)[name] = told[name];
  for (const name of ["undo", "redo"]) {
    const button = /** @type {HTMLButtonElement} */ (by(name));
    const what = /** @type {any} */ (state)[name];
    button.disabled = isReadOnly || !what;
    button.title = what ? `${name === "undo" ? "Undo" : "Redo"}: ${what}` : `Nothing to ${name}`;
  }
}

/** Called when acts have changed what is shown: of others, or an image's taken back or done again. @type {Array<(sha256?: string) => void>} */
export const onActs = [];

async function look() {
  try {
    const told = await ask("/api/state");
    const others = state.until && told.until !== state.until;
    by("newer").hidden = !told.snapshot || !state.snapshot || told.snapshot === state.snapshot;
    Object.assign(state, { classes: told.classes, frequent: told.frequent || [], kinds: told.kinds || [], images: told.images });
    if (!state.snapshot && told.snapshot) location.reload();
    take(told);
    if (others) onActs.forEach((one) => one());
    return told;
  } catch (error) {
    complain(error);
  }
}
export const ready = look();
setInterval(() => document.visibilityState === "visible" && look(), 2000);

/** @param {"undo"|"redo"} which */
async function back(which) {
  try {
    const told = await send(`/api/acts/${which}`, {});
    calm();
    take(told);
    say(`${which === "undo" ? "Undone" : "Done again"}: ${told.images} image${told.images === 1 ? "" : "s"}`);
    onActs.forEach((one) => one(told.sha256));
  } catch (error) {
    complain(error);
  }
}
/** What undo and redo do; a page may have its own. */
export const undo = { back };
by("undo").addEventListener("click", () => undo.back("undo"));
by("redo").addEventListener("click", () => undo.back("redo"));
by("reload").addEventListener("click", () => location.reload());

// on a narrow screen the list of pages is wider than it
document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// ---- keys ----
/** @typedef {{keys: string[], what: string, run: (event: KeyboardEvent) => void, letter?: boolean}} Key */
/** @type {Key[]} */
export const keys = [
  { keys: ["?"], what: "this help", run: () => showKeys() },
  { keys: ["u", "Ctrl+z"], what: "undo", run: () => undo.back("undo") },
  { keys: ["U", "Ctrl+Shift+Z"], what: "do again", run: () => undo.back("redo") },
  { keys: ["/"], what: "search", run: () => /** @type {any} */ (document.querySelector("input[type=search]"))?.focus() },
  { keys: ["g i"], what: "go to the images", run: () => (location.href = "/images") },
  { keys: ["g r"], what: "go to the review", run: () => (location.href = "/review") },
  { keys: ["g x"], what: "go to the confusion", run: () => (location.href = "/confusion") },
  { keys: ["g p"], what: "go to the map", run: () => (location.href = "/map") },
  { keys: ["g s"], what: "go to the groups", run: () => (location.href = "/groups") },
  { keys: ["g m"], what: "go to the mistakes", run: () => (location.href = "/mistakes") },
  { keys: ["g l"], what: "go to the learning curve", run: () => (location.href = "/learning") },
  { keys: ["g h"], what: "go to the history of runs", run: () => (location.href = "/runs") },
  { keys: ["g t"], what: "go to the threshold", run: () => (location.href = "/threshold") },
  { keys: ["g c"], what: "go to the changes", run: () => (location.href = "/changes") },
  { keys: ["g o"], what: "go to the overview", run: () => (location.href = "/") },
];
const SINGLE = "swatchbook-single-keys";
const singles = () => localStorage.getItem(SINGLE) !== "off";
let before = "";

/** @param {KeyboardEvent} event */
function named(event) {
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.shiftKey && (event.key.length > 1 || parts.length)) parts.push("Shift");
  return [...parts, event.key === " " ? "Space" : event.key].join("+");
}

document.addEventListener("keydown", (event) => {
  const place = /** @type {HTMLElement} */ (event.target);
  if (document.querySelector("dialog[open]") || event.altKey) return;
  if (place.matches("input:not([type=checkbox]), textarea, select") && event.key !== "Escape") return;
  if (place.matches("button, a, summary, input") && (event.key === "Enter" || event.key === " ")) return;
  const name = named(event);
  const both = `${before} ${name}`;
  before = name === "g" ? "g" : "";
  const found = keys.find((key) => key.keys.includes(both)) || keys.find((key) => key.keys.includes(name));
  if (!found || (name.length === 1 && name !== "?" && !singles())) return;
  event.preventDefault();
  found.run(event);
});

function showKeys() {
  const body = by("keys").querySelector("tbody");
  body?.replaceChildren(
    ...keys.map((key) => element("tr", {}, element("th", { scope: "row" }, ...key.keys.flatMap((one, n) => [n ? " " : "", element("kbd", {}, one)])), element("td", {}, key.what))),
  );
  /** @type {any} */ (by("keys")).showModal();
}
by("help").addEventListener("click", showKeys);
const single = /** @type {HTMLInputElement} */ (by("single"));
single.checked = singles();
single.addEventListener("change", () => localStorage.setItem(SINGLE, single.checked ? "on" : "off"));

// ---- questions ----
/** The value of the button that closed a dialog. @param {string} id @returns {Promise<string>} */
function asked(id) {
  const dialog = /** @type {HTMLDialogElement} */ (by(id));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue), { once: true }));
}

/** @param {string} what @returns {Promise<boolean>} */
export async function sure(what) {
  by("sure-what").textContent = what;
  return (await asked("sure")) === "ok";
}

/** A class by its name; nothing if none was wanted. @returns {Promise<string>} */
export async function whichClass() {
  const input = /** @type {HTMLInputElement} */ (by("relabel-class"));
  by("relabel-why").textContent = "";
  input.value = "";
  let before = "";
  for (;;) {
    if ((await asked("relabel")) !== "ok") return "";
    const typed = input.value.trim();
    if (state.classes.includes(typed)) return typed;
    const near = state.classes.filter((name) => name.toLowerCase().startsWith(typed.toLowerCase()));
    if (typed && near.length === 1) return near[0];
    if (typed && typed === before) {
      try {
        const told = await send("/api/classes", { name: typed });
        state.classes = told.classes;
        return told.name;
      } catch (error) {
        by("relabel-why").textContent = error instanceof Error ? error.message : String(error);
        before = "";
        continue;
      }
    }
    by("relabel-why").textContent = typed ? `There is no class ${typed}: the same once more makes it.` : "A name is wanted.";
    before = typed;
  }
}

/** What an act says, for people. @param {string} what @param {string} label */
export const wording = (what, label) =>
  ({ relabel: `relabelled to ${label}`, confirm: "confirmed", exclude: "left out", clear: "taken back" })[what] || what;

/** What is said of an image now, as a label; null: nothing. @param {number} act */
export const actText = (act) => (act === -1 ? null : act === -2 ? "left out" : state.classes[act]);
