// @ts-check
// The keys by which a page says something of images.
import { state } from "/static/page.js";

/** @param {(what: string, label?: string) => void} act @returns {import("/static/page.js").Key[]} */
export const actKeys = (act) => [
  { keys: ["c"], what: "confirm the label", run: () => act("confirm") },
  { keys: ["r"], what: "relabel", run: () => act("relabel") },
  { keys: ["e"], what: "leave out", run: () => act("exclude") },
  { keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"], what: "relabel to the first, second, … most frequent class", run: (event) => {
    const code = state.frequent[Number(event.key) - 1];
    if (code !== undefined) act("relabel", state.classes[code]);
  } },
];
