// Photos that are dropped, pasted or chosen are sent at once.
(() => {
  const form = document.getElementById("ask");
  if (!form) return;
  const input = document.getElementById("photos");
  const drop = document.getElementById("drop");
  const sending = document.getElementById("sending");

  const ask = (files) => {
    const carried = new DataTransfer();
    for (const file of files) carried.items.add(file);
    if (!carried.files.length) return;
    input.files = carried.files;
    form.requestSubmit();
  };

  input.addEventListener("change", () => input.files.length && form.requestSubmit());

  for (const name of ["dragenter", "dragover"])
    document.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      drop.classList.add("over");
    });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    drop.classList.remove("over");
    ask(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
    if (files.length) {
      event.preventDefault();
      ask(files);
    }
  });

  form.addEventListener("htmx:xhr:progress", (event) => {
    if (!event.detail.total) return;
    sending.hidden = false;
    sending.value = (100 * event.detail.loaded) / event.detail.total;
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    if (event.target !== form) return;
    sending.hidden = true;
    if (!event.detail.successful) return;
    input.value = "";
    document.getElementById("path").value = "";
    document.querySelector("#answers > :first-child")?.scrollIntoView({ block: "nearest" });
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-away]");
    button?.closest(".shown, article")?.remove();
  });
})();
