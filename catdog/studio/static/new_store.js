// A new store: photos are named or sent, and looked at again when something changes.
(() => {
  const form = document.getElementById("store");
  const source = document.getElementById("source");
  const name = document.getElementById("name");
  const zip = document.getElementById("zip");
  const sent = document.getElementById("sent");
  let named = false;

  name.addEventListener("input", () => { named = name.value !== ""; });

  const take = (place) => {
    source.value = place;
    document.getElementById("no-places")?.remove();
    htmx.trigger(source, "looked");
    htmx.trigger(form, "previewed");
  };

  for (const button of document.querySelectorAll(".place"))
    button.addEventListener("click", () => take(button.dataset.place));

  document.getElementById("photos").addEventListener("htmx:afterSwap", (event) => {
    const found = event.target.querySelector("[data-found]");
    if (!found || named) return;
    const last = found.dataset.found.replace(/\/+$/, "").split("/").pop().replace(/\.\w+$/, "");
    name.value = last.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 60);
  });

  zip.addEventListener("change", () => {
    const [file] = zip.files;
    if (!file) return;
    const plain = file.name.replace(/\.zip$/i, "").replace(/[^A-Za-z0-9._-]+/g, "-")
      .replace(/\.\.+/g, ".").replace(/^[^A-Za-z0-9]+/, "").slice(0, 50) || "photos";
    const request = new XMLHttpRequest();
    request.open("PUT", `/api/uploads/${encodeURIComponent(`${plain}.zip`)}`);
    request.setRequestHeader("Content-Type", "application/zip");
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      sent.max = total;
      sent.value = loaded;
    });
    request.addEventListener("load", () => {
      sent.hidden = true;
      if (request.status === 201) take(JSON.parse(request.responseText).source);
      else window.say(window.errorOf(request.responseText, request.status), "bad");
    });
    request.addEventListener("error", () => {
      sent.hidden = true;
      window.say("The zip could not be sent.", "bad");
    });
    window.sayNoMore();
    sent.hidden = false;
    sent.value = 0;
    request.send(file);
  });
  // it goes by itself; the form is about what it becomes
  zip.addEventListener("change", (event) => event.stopPropagation());

  // htmx listens from then on
  document.addEventListener("DOMContentLoaded", () => source.value && take(source.value));
})();
