// @ts-check
// Small pictures in a row, each a link to all about it.
import { element, state } from "/static/page.js";

/** @param {HTMLElement} list @param {any[]} images @param {string} nothing */
export function strip(list, images, nothing) {
  list.replaceChildren(
    ...images.map((one) => {
      const name = state.classes[one.label] ?? one.label;
      const text = `${name}, ${Math.round(100 * one.similarity)} % alike`;
      const picture = element("img", { alt: text, width: 96, height: 96, loading: "lazy", src: `/thumb/${one.sha256}?side=128` });
      return element("li", {}, element("a", { href: `/images/${one.sha256}` }, picture), text);
    }),
    ...(images.length ? [] : [element("li", {}, nothing)]),
  );
}
