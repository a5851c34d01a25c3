// @ts-check
// From what confidence to answer: how many get an answer, how many of these are wrong, what it costs.
import { ask, by, calm, complain, element, isReadOnly, keys, ready, say, send, state } from "/static/page.js";

/** @type {any[]} */
let rules = [];
/** What params.yaml says, and said before this page wrote it. */
let written = 0;
let before = 0;
/** @type {any} */
let waiting;
const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH, LEFT, BELOW] = [600, 300, 48, 28];
const percent = (/** @type {number|null} */ share) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);
const number = (/** @type {string} */ id) => Math.max(0, Number(/** @type {HTMLInputElement} */ (by(id)).value) || 0);
// never above what was measured: the image at the border gets its answer
const exact = (/** @type {number} */ at) => Math.floor(at * 1e6) / 1e6;
const slider = () => /** @type {HTMLInputElement} */ (by("threshold"));
const cost = (/** @type {any} */ rule) => 1000 * (rule.answered * rule.error * number("wrong") + (1 - rule.answered) * number("none-cost"));

/** @param {string} name @param {Record<string, string|number>} facts @param {string} [text] */
function drawn(name, facts, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(facts)) made.setAttribute(key, String(value));
  if (text) made.textContent = text;
  return made;
}

function show() {
  const place = Number(slider().value);
  const rule = rules[place];
  if (!rule) return;
  const at = rule.threshold.toFixed(3);
  by("value").textContent = at;
  slider().setAttribute("aria-valuetext", `${at}: ${percent(rule.answered)} answered, ${percent(rule.error)} of these wrong`);
  by("answered").textContent = percent(rule.answered);
  by("error").textContent = `${percent(rule.error)}, at most ${percent(rule.bound)} with 95 % confidence`;
  by("test").textContent = `${percent(rule.test_answered)} answered, ${percent(rule.test_error)} of these wrong`;
  by("cost").textContent = cost(rule).toLocaleString("en", { maximumFractionDigits: 0 });
  by("command").textContent = `swatchbook predict photos/ --threshold ${exact(rule.threshold)}`;
  draw(rule);
  const now = new URLSearchParams({ at: String(exact(rule.threshold)), wrong: String(number("wrong")), none: String(number("none-cost")) });
  history.replaceState(null, "", `/threshold?${now}`);
  const train = `subset=train&confidence=${rule.threshold.toFixed(6)}..1`;
  /** @type {HTMLAnchorElement} */ (by("wrong-ones")).href = `/images?${train}&result=wrong&sort=-confidence`;
  /** @type {HTMLAnchorElement} */ (by("unsure-ones")).href = `/images?subset=train&confidence=0..${Math.max(0, rule.threshold - 1e-6).toFixed(6)}&sort=-confidence`;
  clearTimeout(waiting);
  waiting = setTimeout(() => classes(rule.threshold).catch(complain), 150);
}

/** @param {number} at */
async function classes(at) {
  const told = await ask(`/api/thresholds/classes?at=${at}&snapshot=${state.snapshot}`);
  by("by-class").querySelector("tbody")?.replaceChildren(
    ...told.classes.map((/** @type {any} */ one) =>
      element("tr", {}, element("th", { scope: "row" }, one.label), element("td", {}, one.images), ...["answered", "recall", "precision"].map((key) => element("td", {}, percent(one[key])))),
    ),
  );
}

/** To params.yaml. @param {number} to */
async function write(to) {
  if (isReadOnly) return;
  try {
    const told = await send("/api/thresholds", { threshold: to, before: written });
    before = written;
    written = told.written;
    calm();
    say(`params.yaml says ${written} now`);
    showWritten();
  } catch (error) {
    complain(error);
  }
}

function showWritten() {
  by("written").textContent = String(written);
  if (isReadOnly) return;
  by("then").hidden = written === before;
  by("put-back").hidden = written === before;
  by("put-back").textContent = `Put back ${before}`;
}
const use = () => write(exact(rules[Number(slider().value)].threshold));

/** The rule that answers most of those with at most so many wrong, with 95 % confidence. */
function bounded() {
  const most = number("most") / 100;
  const found = rules.findIndex((rule) => rule.bound <= most);
  if (found < 0) {
    const least = rules.reduce((one, other) => (other.bound < one.bound ? other : one));
    return complain(`at most ${(100 * most).toFixed(1)} % wrong can't be had with 95 % confidence: ${percent(least.bound)} can, from ${least.threshold.toFixed(3)} on; more images allow less`);
  }
  calm();
  slider().value = String(found);
  show();
}

/** @param {any} chosen */
function draw(chosen) {
  // the bound of a handful of images is near 1, and would flatten all the rest
  const most = Math.max(0.01, 1.4 * Math.max(...rules.map((rule) => rule.error)));
  const x = (/** @type {number} */ share) => LEFT + share * (WIDE - LEFT - 10);
  const y = (/** @type {number} */ share) => HIGH - BELOW - (Math.min(share, most) / most) * (HIGH - BELOW - 10);
  const line = (/** @type {string} */ key) => rules.map((rule, n) => `${n ? "L" : "M"}${x(rule.answered).toFixed(1)} ${y(rule[key]).toFixed(1)}`).join(" ");
  const svg = by("curve");
  const title = svg.querySelector("title");
  const parts = [drawn("path", { d: `M${LEFT} 10V${HIGH - BELOW}H${WIDE - 10}`, class: "axis" })];
  for (const share of [0, 0.5, 1]) {
    parts.push(drawn("text", { x: x(share), y: HIGH - 8, "text-anchor": share === 1 ? "end" : "middle" }, `${100 * share} %`));
    parts.push(drawn("text", { x: LEFT - 6, y: y(share * most) + 5, "text-anchor": "end" }, `${(100 * share * most).toPrecision(2)} %`));
  }
  parts.push(drawn("path", { d: line("bound"), class: "bound" }), drawn("path", { d: line("error"), class: "curve" }), drawn("circle", { cx: x(chosen.answered), cy: y(chosen.error), r: 7, class: "dot" }));
  svg.replaceChildren(...(title ? [title] : []), ...parts);
}

function cheapest() {
  const costs = rules.map(cost);
  slider().value = String(costs.indexOf(Math.min(...costs)));
  show();
}

async function begin() {
  try {
    const told = await ask(`/api/thresholds?snapshot=${state.snapshot}`);
    rules = told.rules;
    written = before = told.written;
  } catch (error) {
    return complain(error);
  }
  if (!rules.length) return complain("no image of the training part has a prediction");
  const address = new URLSearchParams(location.search);
  for (const [id, name] of [["wrong", "wrong"], ["none-cost", "none"]]) if (address.get(name)) /** @type {HTMLInputElement} */ (by(id)).value = address.get(name) || "";
  slider().max = String(rules.length - 1);
  const at = Number(address.get("at") ?? written);
  const away = rules.map((rule) => Math.abs(rule.threshold - at));
  slider().value = String(away.indexOf(Math.min(...away)));
  by("rules").querySelector("tbody")?.replaceChildren(
    ...rules.map((rule) => element("tr", {}, element("th", { scope: "row" }, rule.threshold.toFixed(3)), ...["answered", "error", "bound", "test_answered", "test_error"].map((key) => element("td", {}, percent(rule[key]))))),
  );
  for (const id of ["threshold", "wrong", "none-cost"]) by(id).addEventListener("input", show);
  by("cheapest").addEventListener("click", cheapest);
  by("most").addEventListener("change", bounded);
  if (!isReadOnly) {
    by("use").addEventListener("click", use);
    by("put-back").addEventListener("click", () => write(before));
  }
  showWritten();
  show();
}
keys.push(
  { keys: ["c"], what: "the cheapest threshold", run: cheapest },
  { keys: ["w"], what: "write it to params.yaml", run: use },
);
if (state.snapshot && document.getElementById("threshold")) ready.then(begin);
