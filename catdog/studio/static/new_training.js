// The texts of a new training: filled, kept while the page reloads, looked at when they change.
(() => {
  const { net, solver } = window.editors;
  const drafting = document.getElementById("drafting");
  const found = document.getElementById("found");
  const fit = document.getElementById("fit");
  const start = document.getElementById("start");
  const picture = document.getElementById("picture-of-net");
  const KEPT = "catdog-draft";
  let timer;
  let drawn = "";

  const look = (delay = 250) => {
    clearTimeout(timer);
    timer = setTimeout(() => htmx.trigger(drafting, "drafted"), delay);
    sessionStorage.setItem(KEPT, JSON.stringify({ net: net.area.value, solver: solver.area.value }));
  };

  const fill = (texts) => {
    net.text = texts.net;
    solver.text = texts.solver;
    look(0);
  };

  const asked = async (path, body) => {
    const answer = await fetch(path, body && {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(window.errorOf(await answer.text(), answer.status));
    return answer;
  };

  // of several questions the last one counts, whichever is answered last
  let question = 0;
  const texts = async (path, body) => {
    const mine = ++question;
    try {
      const made = await (await asked(path, body)).json();
      return mine === question ? made : null;
    } catch (error) {
      window.say(error.message, "bad");
      return null;
    }
  };

  drafting.addEventListener("input", () => {
    // what is typed is not written over by an answer that comes late
    question++;
    look();
  });

  fit.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(fit));
    for (const name of ["epochs", "batch", "lr"]) values[name] = Number(values[name] || 0);
    const name = start.elements.namedItem("name").value || "training";
    const made = await texts("/api/texts/fitted", { ...values, name });
    if (made) fill(made);
  });

  document.getElementById("take-solver").addEventListener("change", async (event) => {
    if (!event.target.value) return;
    const made = await texts(`/api/texts?kind=solver&name=${encodeURIComponent(event.target.value)}`);
    if (made) fill(made);
  });
  document.getElementById("take-net").addEventListener("change", async (event) => {
    if (!event.target.value) return;
    const made = await texts(`/api/texts?kind=net&name=${encodeURIComponent(event.target.value)}`);
    if (made) fill({ net: made.net, solver: solver.area.value });
  });

  // tables that were opened stay open
  let open = null;
  found.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target !== found) return;
    const tables = [...found.querySelectorAll("details")];
    open = tables.length ? new Map(tables.map((each) => [each.id, each.open])) : open;
  });
  found.addEventListener("htmx:afterSwap", (event) => {
    if (event.target !== found) return;
    for (const each of found.querySelectorAll("details"))
      if (open?.has(each.id)) each.open = open.get(each.id);
    for (const editor of Object.values(window.editors)) {
      const faults = document.querySelectorAll(`#${editor.kind}-faults .fault`);
      editor.mark([...faults].map(({ dataset }) => ({
        line: Number(dataset.line), column: Number(dataset.column),
      })));
    }
    if (picture.open) draw();
  });

  const draw = async () => {
    const body = { net: net.area.value, solver: solver.area.value };
    const key = JSON.stringify(body);
    if (key === drawn) return;
    drawn = key;
    const frame = picture.querySelector(".picture");
    const said = frame.querySelector("[role=status]");
    said.textContent = "Drawing …";
    try {
      const address = URL.createObjectURL(await (await asked("/api/drafts/picture", body)).blob());
      const before = frame.querySelector("img");
      const image = document.createElement("img");
      image.alt = "The layers of the net as boxes, its blobs as arrows";
      image.src = address;
      before?.remove();
      if (before) URL.revokeObjectURL(before.src);
      frame.append(image);
      said.textContent = "";
    } catch (error) {
      said.textContent = error.message;
    }
  };
  picture.addEventListener("toggle", () => picture.open && draw());

  const tell = () => {
    const name = start.elements.namedItem("name").value;
    const form = /^\s*\w+\s*[{<]/m.test(solver.area.value) ? "prototxt" : "yaml";
    document.querySelector(".named").textContent = name;
    document.getElementById("command").textContent =
      `catdog train --solver trainings/${name}/solver.${form} --device ${start.elements.namedItem("device").value}`;
  };
  start.addEventListener("input", tell);

  const wanted = fit.dataset;
  let kept = null;
  try {
    kept = JSON.parse(sessionStorage.getItem(KEPT));
  } catch { /* what is no text of ours */ }
  const choose = (id, value) => {
    const select = document.getElementById(id);
    select.value = value;
    select.dispatchEvent(new Event("change"));
  };
  const clone = async () => {
    const made = await texts(`/api/run/texts?name=${encodeURIComponent(wanted.run)}`);
    if (made) fill(made);
  };
  // htmx listens from then on
  document.addEventListener("DOMContentLoaded", () => {
    if (wanted.run) clone();
    else if (wanted.solver) choose("take-solver", wanted.solver);
    else if (wanted.store) fit.requestSubmit();
    else if (wanted.net) choose("take-net", wanted.net);
    else if (kept?.net || kept?.solver) fill(kept);
    else look(0);
  });
})();
