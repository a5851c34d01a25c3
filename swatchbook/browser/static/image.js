// @ts-check
// One image: all that is known of it, and what a person says.
import { actKeys } from "/static/acts.js";
import { ask, by, calm, complain, isReadOnly, keys, ready, say, send, state, take, whichClass, wording } from "/static/page.js";
import { strip } from "/static/strip.js";

const sha256 = /** @type {HTMLElement} */ (document.querySelector("[data-sha256]")).dataset.sha256 || "";
const picture = /** @type {HTMLImageElement} */ (by("large"));
let bright = 1;

/** @param {string} what @param {string} [label] */
async function act(what, label = "") {
  if (isReadOnly) return;
  if (what === "relabel" && !label) {
    label = await whichClass();
    if (!label) return;
  }
  try {
    take(await send("/api/acts", { snapshot: state.snapshot, until: state.until, acts: [{ sha256, do: what, label }] }));
    calm();
    say(`${wording(what, label)}; undo with u`);
    setTimeout(() => location.reload(), 700);
  } catch (error) {
    complain(error);
  }
}
document.querySelector(".acts")?.addEventListener("click", (event) => {
  const what = /** @type {HTMLElement} */ (event.target).dataset.do;
  if (what) act(what);
});

const zoom = () => picture.parentElement?.classList.toggle("zoomed");
/** Display only. @param {number} to */
function brighten(to) {
  bright = to;
  picture.style.filter = bright === 1 ? "" : `brightness(${bright})`;
}
picture.addEventListener("click", zoom);
picture.addEventListener("error", () => {
  // an <img> hides what was answered: the answer to the same question says why
  if (heat?.value) ask(picture.src).catch(complain);
  else complain("the picture can't be shown: its file has vanished or changed (`swatchbook verify` says which)");
});
/** Where the classifier finds a class: the next one, or none. */
const heat = /** @type {HTMLSelectElement|null} */ (document.getElementById("heat"));
function showHeat() {
  const label = heat?.value || "";
  picture.src = label ? `/heat/${sha256}?label=${encodeURIComponent(label)}` : `/picture/${sha256}`;
  by("heat-what").hidden = !label;
}
function nextHeat() {
  if (!heat) return;
  heat.selectedIndex = (heat.selectedIndex + 1) % heat.length;
  showHeat();
}
heat?.addEventListener("change", showHeat);
keys.push(
  { keys: ["a"], what: "where the classifier finds each class", run: nextHeat },
  { keys: ["z"], what: "zoom", run: zoom },
  { keys: ["]"], what: "brighter (display only)", run: () => brighten(bright * 1.3) },
  { keys: ["["], what: "darker (display only)", run: () => brighten(bright / 1.3) },
  { keys: ["0"], what: "as it is", run: () => brighten(1) },
  ...actKeys(act),
  { keys: ["x"], what: "take back what was said", run: () => act("clear") },
  { keys: ["Escape"], what: "back", run: () => history.back() },
);
ready
  .then(() => ask(`/api/images/${sha256}/similar?count=12`))
  .then((told) => strip(by("similar"), told.similar, "There are no features of this image."))
  .catch(complain);
