"use strict";

const answers = document.getElementById("answers");
const drop = document.getElementById("drop");
const input = document.getElementById("files");
// requests that are under way at the same time, and tries where the server has no room
const TOGETHER = 4, TRIES = 8;
const waiting = [];
let underWay = 0, coverage = "";

function made(tag, kind, text) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  return element;
}

function word(entry) {
  return entry.probability === undefined
    ? entry.score.toPrecision(3)
    : (100 * entry.probability).toFixed(1) + " %";
}

function bars(found) {
  const list = made("ul", "bars");
  found.classes.slice(0, 5).forEach((entry, place) => {
    const row = made("li", place ? "" : "first");
    row.append(made("span", "", entry.name), made("span", "", word(entry)));
    if (entry.probability !== undefined) {
      const track = made("div", "track"), fill = made("div", "fill");
      track.append(fill);
      row.append(track);
      requestAnimationFrame(() => { fill.style.width = 100 * entry.probability + "%"; });
    }
    list.append(row);
  });
  return list;
}

function title(found) {
  const head = made("h2");
  if (found.neither) {
    head.append(made("span", "", "neither"));
    return head;
  }
  const label = found.labels ? found.labels.join(", ") || "none of them" : found.label;
  head.append(made("span", "", label));
  if (!found.labels) head.append(made("span", "", word(found)));
  return head;
}

function setOf(names) {
  const told = names.length > 5 ? `${names.length} classes` : names.join(" or ");
  return `${coverage}: ${told}`;
}

function tell(said, found) {
  const others = Object.entries(found.others || {}).flatMap(
    ([name, other]) => [made("p", "other", name), bars(other)]);
  const set = found.within ? [made("p", "other", setOf(found.within))] : [];
  said.replaceChildren(
    title(found), made("p", "name", found.name), bars(found), ...set, ...others);
}

function fail(said, name, reason) {
  const about = reason.startsWith(name + ": ") ? reason.slice(name.length + 2) : reason;
  said.replaceChildren(made("p", "name", name), made("p", "bad", about));
}

function begin(file) {
  const card = made("article"), picture = made("img"), said = made("div", "said");
  picture.alt = file.name;
  picture.src = URL.createObjectURL(file);
  picture.addEventListener("load", () => URL.revokeObjectURL(picture.src), {once: true});
  picture.addEventListener("error", () => picture.remove(), {once: true});
  said.append(made("p", "waits", "is looked at …"));
  card.append(picture, said);
  answers.prepend(card);
  return said;
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

async function ask(file, said) {
  const form = new FormData();
  form.append("photo", file, file.name);
  for (let left = TRIES; ; left--) {
    const answer = await fetch("predict", {method: "POST", body: form});
    if (answer.status === 503 && left > 1) {
      await pause(Number(answer.headers.get("retry-after")) || 1);
      continue;
    }
    const told = await answer.json();
    if (told.error) fail(said, file.name, told.error);
    else tell(said, told.photos[0]);
    return;
  }
}

async function next() {
  if (underWay >= TOGETHER || !waiting.length) return;
  const [file, said] = waiting.shift();
  underWay++;
  try {
    await ask(file, said);
  } catch {
    fail(said, file.name, "the server cannot be reached");
  }
  underWay--;
  next();
}

function take(files) {
  for (const file of files) {
    drop.classList.add("small");
    waiting.push([file, begin(file)]);
    next();
  }
}

input.addEventListener("change", () => { take(input.files); input.value = ""; });
document.addEventListener("paste", (event) => take(event.clipboardData.files));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  take(event.dataTransfer.files);
});

fetch("net").then((answer) => answer.json()).then((net) => {
  if (net.coverage) coverage = Number((100 * net.coverage).toPrecision(4)) + "%";
  const count = net.classes.length, few = count <= 6 ? ": " + net.classes.join(", ") : "";
  document.getElementById("net").textContent =
    `${net.net || "The net"} of ${net.weights} knows ${count} classes${few}.`;
});
