"use strict";
(() => {
  const STEP = 48;
  const byId = (id) => document.getElementById(id);
  const { about, photos } = JSON.parse(byId("data").textContent);
  const made = [];
  let shown = photos, drawn = 0, current = null;

  // what was decided here goes before what the page was written with
  const PLACE = `catdog review ${about.key}`;
  let keeps = true;
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE) ?? "{}");
    for (const photo of photos)
      if (Object.hasOwn(kept, photo.name)) [photo.decision, photo.new] = kept[photo.name];
  } catch {
    keeps = false;
  }

  function keep() {
    const all = photos.map((photo) => [photo.name, [photo.decision, photo.new]]);
    try {
      localStorage.setItem(PLACE, JSON.stringify(Object.fromEntries(all)));
    } catch {
      keeps = false;
    }
  }

  const make = (tag, text, kind) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (kind) node.className = kind;
    return node;
  };
  const others = (photo) => about.classes.filter((name) => name !== photo.label);
  const likely = (photo) => photo.suggested || (others(photo).length === 1 ? others(photo)[0] : "");

  function button(photo, text, decision, label) {
    const node = make("button", text);
    node.type = "button";
    node.dataset.to = decision;
    node.title = text;
    node.onclick = () => decide(photo, decision, label);
    return node;
  }

  function classes(photo) {
    const select = make("select");
    select.dataset.to = "relabel";
    select.setAttribute("aria-label", `Another class for ${photo.name}`);
    select.append(new Option("→ …", ""));
    const first = likely(photo);
    const names = others(photo).sort((one, other) => (other === first) - (one === first));
    for (const name of names) select.append(new Option(`→ ${name}`, name));
    select.onchange = () => decide(photo, select.value ? "relabel" : "", select.value);
    return select;
  }

  function card(photo) {
    const node = make("article");
    node.tabIndex = 0;
    node.setAttribute("aria-label", photo.name);
    const image = make("img");
    image.alt = "";
    image.decoding = "async";
    if (photo.jpeg) image.src = `data:image/jpeg;base64,${photo.jpeg}`;
    const told = make("div", undefined, "told"), title = make("h2", photo.label);
    if (photo.suggested) title.append(" ", make("span", `${photo.suggested}?`));
    const reasons = make("ul");
    reasons.append(...photo.reasons.map(([, text]) => make("li", text)));
    told.append(title, reasons, make("p", photo.name));
    const choices = make("div", undefined, "decide");
    choices.setAttribute("role", "group");
    choices.setAttribute("aria-label", `Decision on ${photo.name}`);
    choices.append(button(photo, "Keep", "keep", ""));
    if (others(photo).length === 1)
      choices.append(button(photo, `→ ${likely(photo)}`, "relabel", likely(photo)));
    else if (others(photo).length) choices.append(classes(photo));
    choices.append(button(photo, "Drop", "drop", ""));
    node.append(image, told, choices);
    node.onfocus = () => (current = photo);
    photo.node = node;
    mark(photo);
    return node;
  }

  function mark(photo) {
    photo.node.className = photo.decision;
    for (const each of photo.node.querySelectorAll("[data-to]"))
      if (each.tagName === "SELECT") each.value = photo.new;
      else each.setAttribute("aria-pressed", String(each.dataset.to === photo.decision));
  }

  function count() {
    const of = (decision) => photos.filter((photo) => photo.decision === decision).length;
    const left = of(""), number = (value) => value.toLocaleString("en");
    byId("bar").value = photos.length ? 1 - left / photos.length : 1;
    byId("undo").disabled = !made.length;
    byId("count").textContent = `${number(left)} left of ${number(photos.length)}: ${number(of("keep"))} kept, `
      + `${number(of("relabel"))} of another class, ${number(of("drop"))} dropped`
      + (keeps ? "" : ". This browser keeps nothing: save before you close the page");
  }

  function set(photo, decision, label) {
    photo.decision = decision;
    photo.new = decision === "relabel" ? label : "";
    if (photo.node) mark(photo);
    keep();
    count();
  }

  function decide(photo, decision, label) {
    made.push([photo, photo.decision, photo.new]);
    // the same once more takes it back
    const same = photo.decision === decision && photo.new === label;
    set(photo, same ? "" : decision, same ? "" : label);
    const next = shown[shown.indexOf(photo) + 1];
    if (photo.decision && next) goTo(next);
    else goTo(photo);
  }

  function undo() {
    const [photo, ...before] = made.pop() ?? [];
    if (!photo) return;
    set(photo, ...before);
    if (shown.includes(photo)) goTo(photo);
  }

  function goTo(photo) {
    const at = shown.indexOf(photo);
    while (drawn <= at) more();
    current = photo;
    photo.node.focus({ preventScroll: true });
    photo.node.scrollIntoView({ block: "nearest" });
  }

  function more() {
    const part = shown.slice(drawn, drawn + STEP);
    drawn += part.length;
    byId("photos").append(...part.map(card));
  }

  const isNear = () => byId("more").getBoundingClientRect().top < window.innerHeight + 900;

  function fill() {
    while (drawn < shown.length && isNear()) more();
  }

  function show() {
    const reason = byId("reason").value, which = byId("show").value;
    shown = photos.filter((photo) =>
      (!reason || photo.reasons.some(([kind]) => kind === reason))
      && (which === "all" || (which === "done") === Boolean(photo.decision)));
    drawn = 0;
    current = null;
    byId("photos").replaceChildren();
    if (shown.length) fill();
    else byId("photos").append(make("p", "No photo here is so.", "empty"));
    count();
  }

  const cell = (text) => (/[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

  function save() {
    const rows = photos.map((photo) =>
      [photo.name, photo.label, photo.decision, photo.new, photo.note]);
    const lines = [about.titles, ...rows, ...about.others].map((row) => row.map(cell).join(","));
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
    link.download = "review.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  // the card straight above or below, by where it stands on the screen
  function vertical(photo, step) {
    const from = photo.node.getBoundingClientRect();
    const away = (box) => Math.abs(box.top - from.top) * 1000 + Math.abs(box.left - from.left);
    return shown.slice(0, drawn).map((each) => [each, each.node.getBoundingClientRect()])
      .filter(([, box]) => step * (box.top - from.top) > 4)
      .sort(([, one], [, other]) => away(one) - away(other))[0]?.[0];
  }

  const steps = { ArrowRight: 1, ArrowLeft: -1 };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = document.activeElement;
    // only where no other control has the focus
    if (at !== document.body && !at.closest("article") || at.tagName === "SELECT") return;
    const photo = current ?? shown[0], key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "u") undo();
    else if (!photo) return;
    else if (key === "k") decide(photo, "keep", "");
    else if (key === "d") decide(photo, "drop", "");
    else if (key === "r" && likely(photo)) decide(photo, "relabel", likely(photo));
    else if (key === "r") photo.node.querySelector("select")?.focus();
    else if (key in steps) goTo(shown[shown.indexOf(photo) + steps[key]] ?? photo);
    else if (key === "ArrowDown") goTo(vertical(photo, 1) ?? photo);
    else if (key === "ArrowUp") goTo(vertical(photo, -1) ?? photo);
    else return;
    event.preventDefault();
  });

  byId("reason").onchange = byId("show").onchange = show;
  byId("undo").onclick = undo;
  byId("save").onclick = save;
  document.querySelector("nav").hidden = false;
  addEventListener("scroll", fill, { passive: true });
  addEventListener("resize", fill, { passive: true });
  show();
})();
