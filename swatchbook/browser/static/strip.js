// @ts-check
// Small pictures in a row, each a link to all about it.
import { element } from "/static/page.js";

const alike = (/** @type {any} */ one) => `${Math.round(100 * one.similarity)} % alike`;

/** @param {HTMLElement} list @param {any[]} images @param {string} nothing @param {(one: any) => string} [what] */
export function strip(list, images, nothing, what = alike) {
  list.replaceChildren(
    ...images.map((one) => {
      const text = `${one.label}, ${what(one)}`;
      const picture = element("img", { alt: text, width: 96, height: 96, loading: "lazy", src: `/thumb/${one.sha256}?side=128` });
      return element("li", {}, element("a", { href: `/images/${one.sha256}` }, picture), text);
    }),
    ...(images.length ? [] : [element("li", {}, nothing)]),
  );
}
