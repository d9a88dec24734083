// Decisions on photos: by click, and by key where a photo has the focus. They are written one after
// the other, and the photos are asked for again once all are.
(() => {
  const part = document.getElementById("review");
  const file = part.dataset.file;
  const form = document.getElementById("wanted");
  const dialog = document.getElementById("classes");
  const choices = document.getElementById("class-choices");
  const filter = document.getElementById("class-filter");
  const made = [];
  let current = "";
  let writing = Promise.resolve();
  let waiting = 0;
  let asked = null;

  const cards = () => [...part.querySelectorAll(".candidate")];
  const cardOf = (key) => document.getElementById(`p-${key}`);
  const classes = () => JSON.parse(part.querySelector(".candidates").dataset.classes);

  const mark = (card) => {
    part.querySelectorAll(".now").forEach((each) => each.classList.remove("now"));
    card?.classList.add("now");
    current = card?.dataset.key ?? "";
  };

  const goTo = (card) => {
    if (!card) return;
    mark(card);
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  };

  const show = (card, decision, label) => {
    card.classList.remove("open", "keep", "relabel", "drop");
    card.classList.add(decision || "open");
    card.dataset.decision = decision;
    card.dataset.new = label;
    const offered = [...card.querySelectorAll("[data-to]")].map((button) => button.dataset.to);
    for (const button of card.querySelectorAll("[data-decide]")) {
      const { decide: name, to } = button.dataset;
      const chosen = name === decision && (name !== "relabel" || (to ? to === label : !offered.includes(label)));
      button.setAttribute("aria-pressed", String(chosen));
      if (name === "relabel" && !to) button.textContent = chosen ? `→ ${label}` : "Other…";
    }
  };

  const send = async (key, decision, label) => {
    const answer = await fetch("/api/reviews/decide", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ file, key, decision, new_label: label }),
    }).catch(() => null);
    if (answer?.ok) return true;
    say(answer ? errorOf(await answer.text(), answer.status) : "The studio does not answer.", "bad");
    return false;
  };

  const write = (key, decision, label) => {
    waiting += 1;
    writing = writing.then(async () => {
      const done = await send(key, decision, label);
      waiting -= 1;
      if (!waiting || !done) htmx.trigger(form, "more");
    });
  };

  const decide = (card, decision, label = "") => {
    const before = { key: card.dataset.key, decision: card.dataset.decision, label: card.dataset.new };
    // the same once more takes it back
    if (before.decision === decision && before.label === label) [decision, label] = ["", ""];
    made.push(before);
    const all = cards();
    const next = all[all.indexOf(card) + 1] ?? all[all.indexOf(card) - 1] ?? card;
    show(card, decision, label);
    write(before.key, decision, label);
    goTo(decision ? next : card);
  };

  const undo = () => {
    const last = made.pop();
    if (!last) return say("Nothing is to undo.");
    const card = cardOf(last.key);
    if (card) show(card, last.decision, last.label);
    write(last.key, last.decision, last.label);
    current = last.key;
    goTo(card);
  };

  const choose = (card) => {
    const { label, taken } = card.dataset;
    const others = classes().filter((each) => each !== label);
    if (others.length === 1) return decide(card, "relabel", others[0]);
    others.sort((one, other) => (other === taken) - (one === taken));
    asked = card;
    document.getElementById("which-photo").textContent = card.querySelector(".name").textContent;
    choices.replaceChildren(...others.map((name, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.name = name;
      if (at < 9) {
        const key = document.createElement("kbd");
        key.textContent = at + 1;
        button.append(key);
      }
      button.append(name);
      return button;
    }));
    filter.value = "";
    filter.hidden = others.length < 12;
    dialog.showModal();
    choices.firstElementChild?.focus();
  };

  const chosen = (name) => {
    dialog.close();
    decide(cardOf(asked.dataset.key) ?? asked, "relabel", name);
  };

  choices.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) chosen(button.dataset.name);
  });
  filter.addEventListener("input", () => {
    for (const button of choices.children)
      button.hidden = !button.dataset.name.toLowerCase().includes(filter.value.toLowerCase());
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.target === filter) {
      const first = [...choices.children].find((button) => !button.hidden);
      if (event.key === "Enter" && first) chosen(first.dataset.name);
      return;
    }
    const at = [...choices.children].indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      choices.children[at + step]?.focus();
    } else if (/^[1-9]$/.test(event.key) && choices.children[event.key - 1]?.hidden === false) {
      event.preventDefault();
      chosen(choices.children[event.key - 1].dataset.name);
    }
  });
  document.getElementById("no-class").addEventListener("click", () => dialog.close());

  part.addEventListener("click", (event) => {
    const button = event.target.closest("[data-decide]");
    const card = event.target.closest(".candidate");
    if (event.target.closest("#undo")) undo();
    else if (event.target.closest("#more")) {
      const most = document.getElementById("most");
      most.value = Number(most.value) + Number(most.dataset.step);
      htmx.trigger(form, "more");
    } else if (button?.dataset.decide === "relabel" && !button.dataset.to) choose(card);
    else if (button) decide(card, button.dataset.decide, button.dataset.to);
  });
  part.addEventListener("focusin", (event) => {
    const card = event.target.closest(".candidate");
    if (card) mark(card);
  });

  // the card straight above or below, by where it stands on the screen
  const vertical = (card, step) => {
    const from = card.getBoundingClientRect();
    const rows = cards().filter((each) => step * (each.getBoundingClientRect().top - from.top) > 4);
    const away = (each) => {
      const box = each.getBoundingClientRect();
      return Math.abs(box.top - from.top) * 1000 + Math.abs(box.left - from.left);
    };
    return rows.sort((one, other) => away(one) - away(other))[0];
  };

  const move = (card, key) => {
    const all = cards();
    const at = all.indexOf(card);
    if (key === "ArrowRight") return all[at + 1];
    if (key === "ArrowLeft") return all[at - 1];
    return vertical(card, key === "ArrowDown" ? 1 : -1);
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    const at = document.activeElement;
    // only where no other control has the focus
    if (at !== document.body && !at.closest(".candidate")) return;
    const card = at.closest(".candidate") ?? cardOf(current) ?? cards()[0];
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "u") undo();
    else if (!card) return;
    else if (key === "k") decide(card, "keep");
    else if (key === "d") decide(card, "drop");
    else if (key === "r") choose(card);
    else if (key.startsWith("Arrow")) goTo(move(card, key));
    else if (key === "Enter" && at === card) card.querySelector(".shot").click();
    else return;
    event.preventDefault();
  });

  // photos that are drawn already stay, and so does the place that one was at
  let drawn = new Map();
  let hadFocus = false;
  let place = 0;
  let at = "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target !== part) return;
    // what is on its way is newer than this answer
    if (waiting || dialog.open) {
      event.detail.shouldSwap = false;
      return;
    }
    drawn = new Map([...part.querySelectorAll(".shot img")].map((each) => [each.getAttribute("src"), each]));
    hadFocus = document.activeElement === document.body || document.activeElement.closest(".candidate") !== null;
    // htmx gives the focus back, which changes what is current
    at = current;
    place = cards().findIndex((each) => each.dataset.key === current);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== part) return;
    for (const picture of part.querySelectorAll(".shot img")) {
      const before = drawn.get(picture.getAttribute("src"));
      if (before) picture.replaceWith(before);
      if (before?.dataset.gone) before.parentElement.classList.add("gone");
    }
    drawn = new Map();
    const there = cardOf(at);
    const next = there ?? cards()[Math.min(Math.max(place, 0), cards().length - 1)];
    if (hadFocus && (there || place >= 0)) goTo(next);
    else mark(next);
  });
  part.addEventListener("error", (event) => {
    if (!event.target.matches("img")) return;
    event.target.dataset.gone = "yes";
    event.target.parentElement.classList.add("gone");
  }, true);
  // those that failed before this script was there
  for (const picture of part.querySelectorAll(".shot img"))
    if (picture.complete && !picture.naturalWidth && picture.getAttribute("loading") !== "lazy")
      picture.parentElement.classList.add("gone");

  mark(cards()[0]);

  const out = document.getElementById("out");
  out?.addEventListener("input", () => {
    const command = document.getElementById("command");
    command.textContent = command.textContent.replace(`--out ${command.dataset.out} `, `--out ${out.value} `);
    command.dataset.out = out.value;
  });
})();
