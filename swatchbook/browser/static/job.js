// @ts-check
// A command that a page may start: its end shows what came of it.
import { ask, by, calm, complain, keys, send } from "/static/page.js";

const start = document.querySelector("[data-job]");
const address = start instanceof HTMLElement ? `/api/jobs/${start.dataset.job}` : "";
let wasRunning = false;

/** @param {any} told */
function show(told) {
  const runs = told.state === "running";
  /** @type {HTMLButtonElement} */ (start).disabled = runs;
  by("stop").hidden = !runs;
  by("running").textContent = runs ? `at work for ${Math.round(told.seconds)} s` : told.state === "failed" ? "it ended early: what it said is below" : "";
  if (told.state === "failed") {
    by("log").hidden = false;
    /** @type {HTMLDetailsElement} */ (by("log")).open = true;
    /** @type {HTMLElement} */ (by("log").querySelector("pre")).textContent = told.lines.join("\n");
  }
  if (wasRunning && told.state === "done") location.reload();
  wasRunning = runs;
}

async function look() {
  try {
    show(await ask(address));
  } catch (error) {
    complain(error);
  }
  setTimeout(look, wasRunning ? 500 : 5000);
}

/** @param {"start"|"stop"} what */
async function run(what) {
  try {
    show(await send(address, { do: what }));
    calm();
  } catch (error) {
    complain(error);
  }
}
if (address) {
  start?.addEventListener("click", () => run("start"));
  by("stop").addEventListener("click", () => run("stop"));
  keys.push({ keys: ["Ctrl+Enter"], what: "measure it", run: () => run("start") });
  look();
}
