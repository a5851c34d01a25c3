// @ts-check
// What git will show, a run of what changed, and whether it is better.
import { ask, by, calm, complain, element, isReadOnly, keys, say, send, state } from "/static/page.js";

const WORDS = { "": "to come", running: "at work", done: "done", unchanged: "unchanged" };
let since = 0;
let wasRunning = false;

/** @param {any} told */
function show(told) {
  if (told.state === "none") return;
  const runs = told.state === "running";
  if (!isReadOnly) {
    for (const id of ["start", "update"]) /** @type {HTMLButtonElement} */ (by(id)).disabled = runs;
    by("stop").hidden = !runs;
  }
  by("running").textContent = runs ? `at work for ${Math.round(told.seconds)} s` : told.state === "done" ? `done in ${Math.round(told.seconds)} s` : "it ended early: what it said is below";
  by("stages").hidden = false;
  by("stages").replaceChildren(
    ...told.stages.map((/** @type {any} */ stage) => {
      const item = element("li", {}, `${stage.name}: ${/** @type {any} */ (WORDS)[stage.state]}`);
      item.dataset.state = stage.state;
      return item;
    }),
  );
  by("log").hidden = false;
  const log = /** @type {HTMLElement} */ (by("log").querySelector("pre"));
  if (told.count < since) log.textContent = "";
  if (told.lines.length) log.append(`${told.lines.join("\n")}\n`);
  since = told.count;
  if (told.state === "failed") /** @type {HTMLDetailsElement} */ (by("log")).open = true;
  by("verdict").hidden = !told.verdict;
  if (told.verdict) {
    by("verdict-text").textContent = told.verdict;
    const more = told.flipped > told.flips.length ? [`${told.flipped - told.flips.length} more images flipped`] : [];
    by("notes").replaceChildren(...[...(told.notes || []), ...more].map((text) => element("li", {}, text)));
    if (told.contradicted) by("notes").append(element("li", {}, element("a", { href: "/images?act=any&result=wrong&sort=-confidence" }, `the classifier takes ${told.contradicted} of those that somebody spoke of for another class than was said`)));
    by("flips").replaceChildren(
      ...told.flips.map((/** @type {any} */ flip) => {
        const text = `${flip.kind}: ${flip.label}, was ${flip.predicted_a}, is ${flip.predicted_b}`;
        const picture = element("img", { alt: text, width: 96, height: 96, loading: "lazy", src: `/thumb/${flip.sha256}?side=128` });
        return element("li", {}, element("a", { href: `/images/${flip.sha256}` }, picture), text);
      }),
    );
  }
  if (wasRunning && !runs) say(told.verdict || "The run has ended.");
  wasRunning = runs;
}

async function look() {
  try {
    show(await ask(`/api/run?since=${since}`));
  } catch (error) {
    complain(error);
  }
  setTimeout(look, wasRunning ? 1000 : 5000);
}

/** @param {"start"|"update"|"stop"} what */
async function run(what) {
  try {
    if (what !== "stop") {
      since = 0;
      const log = by("log").querySelector("pre");
      if (log) log.textContent = "";
    }
    const told = await send("/api/run", { do: what });
    calm();
    show({ ...told, count: since, lines: [] });
    wasRunning = true;
  } catch (error) {
    complain(error);
  }
}
if (!isReadOnly && state.snapshot) {
  by("start").addEventListener("click", () => run("start"));
  by("stop").addEventListener("click", () => run("stop"));
  by("update").addEventListener("click", () => run("update"));
  keys.push({ keys: ["Ctrl+Enter"], what: "run what changed", run: () => run("start") });
}
if (!isReadOnly && new URLSearchParams(location.search).get("update")) document.getElementById("update")?.focus();
if (state.snapshot) look();
