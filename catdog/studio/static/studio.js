// What every page has: bodies as JSON, messages, the theme, what is asked before it is done.
(() => {
  const isDark = () => {
    const kept = document.documentElement.dataset.theme;
    return kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };

  document.getElementById("theme").addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
    document.dispatchEvent(new Event("theme"));
  });

  // by hand: after scrollIntoView the first Tab would go on from there, past the link to the content
  const here = document.querySelector("nav [aria-current]");
  if (here) {
    const bar = here.parentElement;
    const [inner, outer] = [here.getBoundingClientRect(), bar.getBoundingClientRect()];
    bar.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
  }

  window.say = (text, kind = "") => {
    const line = document.createElement("div");
    line.className = `message ${kind}`;
    line.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.setAttribute("aria-label", "Close this message");
    close.textContent = "×";
    close.addEventListener("click", () => line.remove());
    line.append(close);
    const box = document.getElementById("messages");
    box.append(line);
    while (box.children.length > 4) box.firstChild.remove();
    if (kind !== "bad") setTimeout(() => line.remove(), 6000);
  };

  // an error stays until it is closed, or until something is asked for again
  window.sayNoMore = () => document.querySelectorAll(".message.bad").forEach((line) => line.remove());

  window.errorOf = (text, status) => {
    try {
      return JSON.parse(text).error;
    } catch {
      return text.replace(/^error: /, "").slice(0, 400) || `The studio answered ${status}.`;
    }
  };

  const hasFiles = (element) =>
    element.enctype === "multipart/form-data" || element.getAttribute("hx-encoding") !== null;

  // JSON in and out of every action; a field whose name comes twice is a list
  htmx.defineExtension("json-body", {
    onEvent(name, event) {
      if (name === "htmx:configRequest" && event.detail.verb !== "get" && !hasFiles(event.detail.elt))
        event.detail.headers["Content-Type"] = "application/json";
    },
    encodeParameters(xhr, parameters, element) {
      if (hasFiles(element)) return null;
      const body = {};
      for (const [name, value] of parameters.entries()) {
        const field = element.elements?.namedItem?.(name);
        const typed = field?.type === "number" && value !== "" ? Number(value) : value;
        if (!(name in body)) body[name] = typed;
        else body[name] = [].concat(body[name], typed);
      }
      return JSON.stringify(body);
    },
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.getAttribute("hx-swap") === "none") sayNoMore();
  });
  document.addEventListener("htmx:responseError", (event) => {
    const { responseText, status } = event.detail.xhr;
    say(errorOf(responseText, status), "bad");
  });
  document.addEventListener("htmx:sendError", () => say("The studio does not answer.", "bad"));
  document.addEventListener("htmx:afterRequest", (event) => {
    const told = event.detail.xhr?.getResponseHeader?.("X-Message");
    if (told) say(decodeURIComponent(told));
  });

  // nobody's typing is thrown away by parts that renew themselves: `data-renews` says which they are
  const isEdited = (part) => {
    const at = document.activeElement;
    const typing = part.contains(at) && at.matches("input:not([type=checkbox]), textarea, select");
    return typing || part.querySelector(".note-form") !== null;
  };
  document.addEventListener("htmx:beforeRequest", (event) => {
    const renewed = event.detail.elt.dataset.renews;
    const trigger = event.detail.requestConfig?.triggeringEvent?.type ?? "";
    if (renewed && trigger.startsWith("sse:") && [...document.querySelectorAll(renewed)].some(isEdited))
      event.preventDefault();
  });

  // what was opened stays open when it is renewed
  const opened = new Set();
  document.addEventListener("toggle", ({ target }) => {
    if (target.matches?.("details[id]")) opened[target.open ? "add" : "delete"](target.id);
  }, true);
  const reopen = () => document.querySelectorAll("details[id]").forEach((each) => {
    if (opened.has(each.id)) each.open = true;
  });
  for (const name of ["htmx:oobAfterSwap", "htmx:afterSwap"]) document.addEventListener(name, reopen);

  // a button that is pressed or has the focus outlives the part that it is in: a click that began on
  // the old one would be lost, and who uses the keyboard would begin at the top again
  const inside = "a[href], button, input, select, textarea, summary";
  let held = null;
  const hold = (event) => {
    const part = event.detail.target;
    if (part.querySelector(":active")) event.detail.shouldSwap = false;
    else if (part.contains(document.activeElement)) {
      const at = [...part.querySelectorAll(inside)].indexOf(document.activeElement);
      held = { id: part.id, at, text: document.activeElement.textContent };
    }
  };
  const giveBack = () => {
    if (!held || document.activeElement !== document.body) return;
    const found = document.getElementById(held.id)?.querySelectorAll(inside)[held.at];
    if (found?.textContent === held.text) found.focus({ preventScroll: true });
    held = null;
  };
  for (const name of ["htmx:oobBeforeSwap", "htmx:beforeSwap"]) document.addEventListener(name, hold);
  for (const name of ["htmx:oobAfterSwap", "htmx:afterSwap"]) document.addEventListener(name, giveBack);

  // a log that is read at its end stays there
  const follow = () => document.querySelectorAll("[data-follow]").forEach((box) => {
    box.scrollTop = box.scrollHeight;
  });
  let atEnd = true;
  document.addEventListener("scroll", (event) => {
    const box = event.target;
    if (box.matches?.("[data-follow]")) atEnd = box.scrollTop + box.clientHeight > box.scrollHeight - 30;
  }, true);
  for (const name of ["htmx:oobAfterSwap", "htmx:afterSwap"])
    document.addEventListener(name, () => atEnd && follow());
  follow();
})();
