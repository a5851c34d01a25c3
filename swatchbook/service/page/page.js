"use strict";
const at = (id) => document.getElementById(id);
const made = (tag, text, name) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (name) node.className = name;
  return node;
};
const percent = (share) => (100 * share).toFixed(1) + " %";

// a key is kept in this page alone
const headers = () => (at("key").value ? { Authorization: "Bearer " + at("key").value } : {});

async function asked(path, options) {
  const answer = await fetch(path, { ...options, headers: headers() });
  at("ask").hidden = answer.status !== 401 && !at("key").value;
  const content = await answer.json();
  if (content.error) throw new Error(content.error);
  return content;
}

async function showModel() {
  try {
    const model = await asked("v1/model");
    at("model").textContent =
      model.name + ": " + model.labels.length + " classes, " + model.precision + " on " + model.engine;
  } catch (error) {
    at("model").textContent = error.message;
  }
}

async function classify(file) {
  const row = made("li");
  const picture = made("img");
  picture.alt = "";
  picture.src = URL.createObjectURL(file);
  picture.onload = picture.onerror = () => URL.revokeObjectURL(picture.src);
  const text = made("div");
  const said = made("p", "…", "said");
  text.append(said);
  row.append(picture, text);
  at("results").prepend(row);
  const form = new FormData();
  form.append("image", file);
  try {
    const { results: [result] } = await asked("v1/classify?top_k=10", { method: "POST", body: form });
    said.textContent = result.status === "refused" ? "refused: " + result.reason : result.predicted;
    for (const { label, probability } of result.top ?? []) {
      const line = made("div", undefined, "score");
      const bar = made("progress");
      bar.value = probability;
      bar.setAttribute("aria-label", label);
      line.append(made("span", label), bar, made("span", percent(probability)));
      text.append(line);
    }
  } catch (error) {
    said.textContent = error.message;
  }
}

async function classifyAll(files) {
  // one after the other: a folder dropped here is not to crowd out others
  for (const file of files) await classify(file);
}

at("file").addEventListener("change", () => classifyAll([...at("file").files]));
at("key").addEventListener("change", showModel);
document.addEventListener("paste", (event) => classifyAll([...event.clipboardData.files]));
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") classifyAll([...event.dataTransfer.files]);
  });
}
showModel();
