// Photos that are dropped, pasted or chosen are sent at once; many of them become a job.
(() => {
  const form = document.getElementById("ask");
  if (!form) return;
  const input = document.getElementById("photos");
  const drop = document.getElementById("drop");
  const sending = document.getElementById("sending");

  const FEW = 24;

  // what lies in folders that are dropped, with its path
  const below = async (entry) => {
    if (entry.isFile) {
      const file = await new Promise((done, failed) => entry.file(done, failed));
      file.path = entry.fullPath.replace(/^\//, "");
      return [file];
    }
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const part = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (!part.length) return found;
      for (const each of part) found.push(...(await below(each)));
    }
  };
  const dropped = async (transfer) => {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const files = [...transfer.files];
    if (!entries.some((entry) => entry.isDirectory)) return files;
    return (await Promise.all(entries.map(below))).flat();
  };

  const ask = (files) => {
    const isMany = files.length > FEW || [...files].some((file) => file.path?.includes("/") || /\.zip$/i.test(file.name));
    if (isMany) {
      document.getElementById("many").scrollIntoView();
      sendMany(files);
      return;
    }
    const carried = new DataTransfer();
    for (const file of files) carried.items.add(file);
    if (!carried.files.length) return;
    input.files = carried.files;
    form.requestSubmit();
  };

  input.addEventListener("change", () => input.files.length && ask(input.files));

  for (const name of ["dragenter", "dragover"])
    document.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      drop.classList.add("over");
    });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  document.addEventListener("drop", async (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    drop.classList.remove("over");
    try {
      ask(await dropped(event.dataTransfer));
    } catch {
      say("The folder cannot be read.", "bad");
    }
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
    if (files.length) {
      event.preventDefault();
      ask(files);
    }
  });

  form.addEventListener("htmx:xhr:progress", (event) => {
    if (event.target !== form || !event.detail.total) return;
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

// Many photos are sent in parts, a zip whole; then the job is asked for.
(() => {
  const form = document.getElementById("many-form");
  if (!form) return;
  const source = document.getElementById("many-source");
  const sent = document.getElementById("many-sent");
  const chosen = document.getElementById("many-chosen");
  const begin = form.querySelector("button[type=submit]");
  const AT_ONCE = 32;

  const told = (text) => { chosen.textContent = text; };

  const answered = async (response) => {
    const text = await response.text();
    if (!response.ok) throw new Error(errorOf(text, response.status));
    return JSON.parse(text);
  };

  const sendZip = async (zip) => {
    told(`sending ${zip.name} …`);
    const found = await answered(await fetch(`/api/uploads/${encodeURIComponent(zip.name)}`, { method: "PUT", body: zip }));
    source.value = found.source;
    sent.value = "";
    const name = document.getElementById("many-name");
    if (!name.value) name.value = zip.name.replace(/\.zip$/i, "").replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 60);
    told(`${zip.name} is at ${found.source}`);
  };

  const sendPhotos = async (files) => {
    let token = "";
    let refused = [];
    for (let at = 0; at < files.length; at += AT_ONCE) {
      told(`sending ${at} of ${files.length} …`);
      const body = new FormData();
      body.append("sent", token);
      for (const file of files.slice(at, at + AT_ONCE))
        body.append("photos", file, file.path || file.webkitRelativePath || file.name);
      const found = await answered(await fetch("/api/classify/photos", { method: "POST", body }));
      token = found.sent;
      refused = refused.concat(found.refused);
      sent.value = token;
      told(`${found.photos} photos are ready${refused.length ? `, ${refused.length} were refused: ${refused[0]}` : ""}`);
    }
    source.value = "";
  };

  window.sendMany = async (list) => {
    const files = [...list].filter((file) => file.type.startsWith("image/") || file.name.toLowerCase().endsWith(".zip"));
    if (!files.length) return say("There is no photo among these files.", "bad");
    const zips = files.filter((file) => file.name.toLowerCase().endsWith(".zip"));
    begin.disabled = true;
    try {
      if (zips.length) await sendZip(zips[0]);
      else await sendPhotos(files);
      document.getElementById("many-name").focus();
    } catch (error) {
      told("");
      say(error.message, "bad");
    } finally {
      begin.disabled = false;
    }
  };

  for (const name of ["many-files", "many-folder"]) {
    const input = document.getElementById(name);
    input.addEventListener("change", async () => {
      await sendMany(input.files);
      input.value = "";
    });
  }
  source.addEventListener("input", () => {
    sent.value = "";
    told("");
  });
  form.addEventListener("htmx:configRequest", (event) => {
    if (event.target !== form) return;
    const parameters = event.detail.parameters;
    const task = parameters.get ? parameters.get("task") : parameters.task;
    parameters.delete("task");
    if (task) parameters.set(task, "true");
  });
})();
