"use strict";
(() => {
  const STEP = 48, SURE = 0.8, CHIPS = 12;
  const byId = (id) => document.getElementById(id);
  const { heads, photos } = JSON.parse(byId("data").textContent);
  const scored = heads.some((head) => head.scores);
  const chosen = heads.map(() => null);
  let shown = photos, at = 0;

  // a photo: name, JPEG, sureness, margin, and of each head: what applies, the likeliest,
  // a set of classes in words; how foreign the photo is
  const NAME = 0, JPEG = 1, SURENESS = 2, MARGIN = 3, APPLIES = 4, LIKELIEST = 5, SET = 6, FOREIGN = 7;
  const NEITHER = -2;
  const nameOf = (head, index) =>
    index === NEITHER ? "neither" : index < 0 ? "none of them" : head.names[index];

  const make = (tag, text, kind) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (kind) node.className = kind;
    return node;
  };
  const number = (value, head, places) =>
    head.scores ? value.toPrecision(3) : `${(100 * value).toFixed(places)} %`;
  const sign = (value) => (value < 0 ? -1 : 1);

  function bar(head, index, value, applies, most) {
    const row = make("div", undefined, applies ? "bar on" : "bar");
    const name = make("span", head.names[index]);
    name.title = head.names[index];
    const track = make("div"), part = make("div");
    const share = head.scores ? Math.max(0, value) / (most || 1) : value;
    part.style.width = `${Math.min(100, 100 * share)}%`;
    track.append(part);
    row.append(name, make("b", number(value, head, 1)), track);
    return row;
  }

  function card(photo) {
    const doubtful = !scored && photo[SURENESS] < SURE;
    const figure = make("figure", undefined, doubtful ? "doubtful" : "");
    const image = make("img");
    image.loading = "lazy";
    image.decoding = "async";
    image.alt = photo[NAME];
    image.src = `data:image/jpeg;base64,${photo[JPEG]}`;
    const caption = make("figcaption");
    heads.forEach((head, which) => {
      const applies = photo[APPLIES][which], likeliest = photo[LIKELIEST][which];
      const title = make("h2");
      const names = applies.map((index) => nameOf(head, index)).join(", ");
      title.append(make("b", names || "none of them"));
      if (!head.several && applies[0] !== NEITHER) title.append(make("i", number(likeliest[0][1], head, 0)));
      if (heads.length > 1) caption.append(make("div", head.title, "of"));
      caption.append(title);
      const most = Math.max(...likeliest.map(([, value]) => Math.abs(value)));
      for (const [index, value] of likeliest)
        caption.append(bar(head, index, value, applies.includes(index), most));
      if (photo[SET][which]) caption.append(make("div", photo[SET][which], "set"));
    });
    if (photo[FOREIGN]) caption.append(make("div", photo[FOREIGN], "set"));
    const name = make("p", photo[NAME]);
    name.title = photo[NAME];
    caption.append(name);
    figure.append(image, caption);
    return figure;
  }

  function more() {
    const part = shown.slice(at, at + STEP);
    at += part.length;
    byId("photos").append(...part.map(card));
  }

  const isNear = () => byId("more").getBoundingClientRect().top < window.innerHeight + 900;

  function fill() {
    while (at < shown.length && isNear()) more();
  }

  const texts = photos.map((photo) =>
    [photo[NAME], ...photo[APPLIES].flatMap((all, which) => all.map((i) => nameOf(heads[which], i)))]
      .join("\n").toLowerCase());

  const orders = {
    name: () => 0,
    doubt: (a, b) => photos[a][MARGIN] - photos[b][MARGIN],
    sure: (a, b) => photos[b][MARGIN] - photos[a][MARGIN],
    class: (a, b) => (photos[a][APPLIES][0][0] ?? 1e9) - (photos[b][APPLIES][0][0] ?? 1e9)
      || photos[b][MARGIN] - photos[a][MARGIN],
  };

  function show() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const limit = Number(byId("limit").value);
    document.querySelector("#doubt output").textContent = limit;
    const fits = (photo, index) =>
      chosen.every((wanted, which) => wanted === null
        || (wanted === -1 ? !photo[APPLIES][which].length : photo[APPLIES][which].includes(wanted)))
      && (scored || limit === 100 || 100 * photo[SURENESS] <= limit)
      && words.every((word) => texts[index].includes(word));
    const places = [...photos.keys()].filter((index) => fits(photos[index], index));
    places.sort(orders[byId("sort").value]);
    shown = places.map((index) => photos[index]);
    at = 0;
    byId("photos").replaceChildren();
    const all = photos.length.toLocaleString("en"), some = shown.length.toLocaleString("en");
    byId("count").textContent = some === all ? `${all} shown` : `${some} of ${all} shown`;
    if (shown.length) fill();
    else byId("photos").append(make("p", "Nothing here is like that.", "empty"));
  }

  function counts(which) {
    const found = new Map();
    for (const photo of photos) {
      const all = photo[APPLIES][which];
      for (const index of all.length ? all : [-1]) found.set(index, (found.get(index) ?? 0) + 1);
    }
    return [...found].sort(([a], [b]) => sign(a) === sign(b) ? a - b : b - a);
  }

  function chips(box, which, named) {
    const buttons = named.map(([index, name, count]) => {
      const button = make("button", name);
      if (count !== null) button.append(" ", make("small", count.toLocaleString("en")));
      button.setAttribute("aria-pressed", index === chosen[which]);
      button.onclick = () => {
        chosen[which] = index;
        for (const each of buttons) each.setAttribute("aria-pressed", each === button);
        show();
      };
      return button;
    });
    box.append(...buttons);
  }

  function list(box, which, named) {
    const select = make("select");
    select.setAttribute("aria-label", `Classes of ${heads[which].title}`);
    named.forEach(([index, name, count]) => {
      const option = make("option", count === null ? name : `${name} (${count})`);
      option.value = index ?? "";
      select.append(option);
    });
    select.onchange = () => {
      chosen[which] = select.value === "" ? null : Number(select.value);
      show();
    };
    box.append(select);
  }

  heads.forEach((head, which) => {
    const box = make("div", undefined, "head");
    if (heads.length > 1) box.append(make("span", head.title));
    const found = counts(which);
    const named = found.map(([i, count]) => [i, nameOf(head, i), count]);
    const all = [null, "all", null];
    (named.length > CHIPS ? list : chips)(box, which, [all, ...named]);
    byId("classes").append(box);
  });
  byId("doubt").hidden = scored;
  byId("search").oninput = byId("limit").oninput = byId("sort").onchange = show;
  document.querySelector("nav").hidden = false;
  addEventListener("scroll", fill, { passive: true });
  addEventListener("resize", fill, { passive: true });
  show();
})();
