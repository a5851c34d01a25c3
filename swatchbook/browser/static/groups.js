// @ts-check
// Groups of images, each decided by one key; what is shown stays where it is.
import { actKeys } from "/static/acts.js";
import { actText, ask, by, calm, complain, element, isReadOnly, keys, onActs, ready, say, send, state, take, whichClass, wording } from "/static/page.js";

const A_PAGE = 20;
const list = document.getElementById("groups");
const kind = list?.dataset.kind || "";
/** @type {any[]} */
let groups = [];
let total = 0;
let group = 0;
let member = 0;
let sending = Promise.resolve();

async function more() {
  const told = await ask(`/api/groups?kind=${kind}&snapshot=${state.snapshot}&offset=${groups.length}&limit=${A_PAGE}`);
  total = told.total;
  const first = groups.length;
  groups.push(...told.groups);
  told.groups.forEach((/** @type {any} */ _, /** @type {number} */ n) => list?.append(drawn(first + n)));
  by("more").hidden = groups.length >= total;
  by("acts").hidden = isReadOnly || !groups.length;
  progress();
}

function progress() {
  const decided = groups.filter((one) => one.members.every((/** @type {any} */ each) => each.act !== -1)).length;
  by("progress").textContent = total ? `${groups.length} of ${total} groups, ${decided} decided` : "There is none.";
}

/** @param {number} number */
function drawn(number) {
  const one = groups[number];
  const title = one.count > 1 ? `${one.count} images` : one.why;
  const rest = one.count - one.members.length;
  const box = element(
    "section",
    { "aria-label": `Group ${number + 1}: ${title}` },
    element("h2", {}, `${number + 1}. ${title}`),
    element("ul", { className: "members" }, ...one.members.map((/** @type {any} */ each, /** @type {number} */ place) => element("li", {}, tile(each, number, place)))),
    ...(rest > 0 ? [element("a", { href: `/images?group=${one.group}` }, `and ${rest} more, in the grid`)] : []),
  );
  return box;
}

/** @param {any} each @param {number} number @param {number} place */
function tile(each, number, place) {
  const said = each.act === -1 ? "" : ` → ${actText(each.act)}`;
  const facts = [each.name, each.size, each.subset, each.outcome === "kept" ? "goes on" : each.outcome, place && each.bits !== null ? `${each.bits} bits from the first` : ""].filter(Boolean);
  const text = `${each.label}${said}; ${facts.join(", ")}`;
  const button = element("button", { type: "button", className: each.outcome === "kept" ? "member kept" : "member", title: text, "aria-label": text }, element("img", { alt: "", width: 128, height: 128, loading: "lazy", src: `/thumb/${each.sha256}?side=128` }), element("span", {}, `${each.act === -1 ? "" : "★ "}${each.label}${said}`), element("span", { className: "quiet" }, facts.slice(1).join(", ")));
  button.addEventListener("focus", () => ([group, member] = [number, place]));
  button.addEventListener("dblclick", () => (location.href = `/images/${each.sha256}`));
  // by the keyboard a click is Enter or Space
  button.addEventListener("click", (event) => event.detail === 0 && (location.href = `/images/${each.sha256}`));
  return button;
}

function redraw(/** @type {number} */ number) {
  const box = list?.children[number];
  const had = box?.contains(document.activeElement);
  box?.replaceWith(drawn(number));
  if (had) focus(number, member);
  progress();
}

/** @param {number} number @param {number} place */
function focus(number, place) {
  const boxes = list?.children[number]?.querySelectorAll(".member");
  const one = boxes?.[Math.max(0, Math.min(boxes.length - 1, place))];
  if (one instanceof HTMLElement) one.focus();
}

/** What is said of a member then, as a code. @param {string} what @param {string} label @param {any} each */
function codeAfter(what, label, each) {
  if (what === "exclude") return -2;
  if (what === "clear") return -1;
  if (what === "confirm" && each.act >= 0) return each.act;
  return state.classes.indexOf(what === "confirm" ? each.label : label);
}

/** @param {string} what @param {string} [label] */
async function act(what, label = "") {
  const one = groups[group];
  if (isReadOnly || !one) return;
  if (what === "difference") return difference();
  if (what === "confirm" && kind === "conflict") return complain("an image that stands in several classes: relabel it to the right one");
  if (one.count > one.members.length) return complain(`this group has ${one.count} images: decide it in the grid (/images?group=${one.group})`);
  if (what === "relabel" && !label) {
    label = await whichClass();
    if (!label) return;
  }
  const number = group;
  const rest = what === "only" ? one.members.filter((/** @type {any} */ _, /** @type {number} */ n) => n !== member) : one.members;
  const todo = what === "only" ? "exclude" : what;
  if (!rest.length) return;
  // the next one is shown at once; requests go out in their order
  const acts = rest.map((/** @type {any} */ each) => ({ sha256: each.sha256, do: todo, label }));
  const kept = what === "only" ? one.members[member] : null;
  // who was left out before is wanted after all
  if (kept?.act === -2) acts.push({ sha256: kept.sha256, do: "clear", label: "" });
  if (number + 1 < groups.length && todo !== "clear") focus(number + 1, 0);
  sending = sending.then(async () => {
    try {
      const told = await send("/api/acts", { snapshot: state.snapshot, until: state.until, note: `group ${kind}`, acts });
      calm();
      take(told);
      for (const each of rest) each.act = codeAfter(todo, label, each);
      if (kept?.act === -2) kept.act = -1;
      redraw(number);
      say(`${told.images} image${told.images === 1 ? "" : "s"} ${wording(todo, label)}; undo with u`);
    } catch (error) {
      complain(error);
    }
  });
}

function difference() {
  const one = groups[group];
  if (!one || one.count < 2) return;
  const place = member || 1;
  const [first, other] = [one.members[0], one.members[place]];
  const picture = /** @type {HTMLImageElement} */ (by("difference-picture"));
  picture.src = `/difference/${first.sha256}/${other.sha256}`;
  picture.alt = "White: where the two differ most; black: where they are alike";
  by("difference-what").textContent = `${first.name} and ${other.name}, brought to one size: white is where they differ most, black where they are alike.`;
  /** @type {HTMLDialogElement} */ (by("difference")).showModal();
}

async function again() {
  try {
    const count = groups.length;
    const fresh = [];
    for (let from = 0; from < count; from += A_PAGE) {
      const told = await ask(`/api/groups?kind=${kind}&snapshot=${state.snapshot}&offset=${from}&limit=${A_PAGE}`);
      fresh.push(...told.groups);
    }
    groups = fresh;
    groups.forEach((_, number) => redraw(number));
  } catch (error) {
    complain(error);
  }
}

if (list) {
  by("acts").addEventListener("click", (event) => {
    const what = /** @type {HTMLElement} */ (event.target).dataset.do;
    if (what) act(what);
  });
  by("more").addEventListener("click", () => more().catch(complain));
  keys.push(
    ...actKeys(act),
    { keys: ["k"], what: "only this one: leave the others of its group out", run: () => act("only") },
    { keys: ["x"], what: "take back what was said", run: () => act("clear") },
    { keys: ["d"], what: "where it differs from the first of its group", run: difference },
    { keys: ["ArrowRight"], what: "the next image of the group", run: () => focus(group, member + 1) },
    { keys: ["ArrowLeft"], what: "the image before", run: () => focus(group, member - 1) },
    { keys: ["n", "ArrowDown", "j"], what: "the next group", run: () => focus(Math.min(groups.length - 1, group + 1), 0) },
    { keys: ["p", "ArrowUp"], what: "the group before", run: () => focus(Math.max(0, group - 1), 0) },
    { keys: ["Enter"], what: "open the image", run: () => groups[group] && (location.href = `/images/${groups[group].members[member].sha256}`) },
  );
  onActs.push(() => again());
  ready.then(more).then(() => focus(0, 0)).catch(complain);
}
