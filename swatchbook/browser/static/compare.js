// @ts-check
// Two runs side by side: all of it is links, two of which have keys.
import { keys } from "/static/page.js";

/** @param {string} which */
const follow = (which) => /** @type {HTMLElement|null} */ (document.querySelector(which))?.click();
keys.push(
  { keys: ["x"], what: "swap A and B", run: () => follow("#swap") },
  { keys: ["n"], what: "the next page of images", run: () => follow("a[rel=next]") },
  { keys: ["p"], what: "the page before", run: () => follow("a[rel=prev]") },
);
