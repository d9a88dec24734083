"use strict";

function made(tag, kind, text) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  return element;
}

function block(text) {
  const pre = made("pre");
  // what scrolls sideways is reached by keys too
  pre.tabIndex = 0;
  pre.append(made("code", "", text));
  return pre;
}

// an example in the place of a schema: objects and lists as JSON, with what is said of a value
function example(schema, indent = "") {
  const deeper = indent + "  ";
  if (schema.properties) {
    const rows = Object.entries(schema.properties).map(([name, each]) => {
      const about = each.description ? "   // " + each.description : "";
      return `${deeper}"${name}": ${example(each, deeper)},${about}`;
    });
    return `{\n${rows.join("\n")}\n${indent}}`;
  }
  if (schema.type === "array") return `[${example(schema.items || {}, indent)}, …]`;
  if (schema.format === "binary") return "bytes of a file";
  return schema.type || "anything";
}

function bodies(content) {
  return Object.entries(content || {}).flatMap(([kind, {schema}]) => {
    const head = made("h3", "", kind);
    return schema && Object.keys(schema).length ? [head, block(example(schema))] : [head];
  });
}

function pairs(entries) {
  const list = made("dl");
  for (const [name, text] of entries) list.append(made("dt", "", name), made("dd", "", text));
  return list;
}

function commands(path, verb) {
  const at = new URL("." + path, location.href).href;
  if (verb !== "post") return `curl ${at}`;
  return [
    `curl ${at} -F photo=@cat.jpg -F photo=@dog.jpg`,
    `curl "${at}?top=1" -H "Content-Type: image/jpeg" --data-binary @cat.jpg`,
  ].join("\n");
}

function call(path, verb, said) {
  const section = made("section", "call"), head = made("h2");
  head.append(made("span", "verb", verb.toUpperCase()), made("code", "", path));
  section.append(head, made("p", "", said.description || said.summary), block(commands(path, verb)));
  if (said.parameters) {
    const told = said.parameters.map((each) => [
      "?" + each.name,
      `${each.description} ${each.schema.default === undefined ? "" : each.schema.default + " by default."}`,
    ]);
    section.append(made("h3", "", "Query"), pairs(told));
  }
  if (said.requestBody) {
    section.append(made("h3", "", "Body, one of"), ...bodies(said.requestBody.content));
  }
  const fine = said.responses["200"];
  if (verb === "post") section.append(made("h3", "", "Answer"), ...bodies(fine.content).slice(1));
  const codes = Object.entries(said.responses).map(([code, each]) => [code, each.description]);
  if (codes.length > 1) section.append(made("h3", "", "Status"), pairs(codes));
  return section;
}

fetch("openapi.json").then((answer) => answer.json()).then((api) => {
  document.getElementById("about").textContent = api.info.description;
  const calls = Object.entries(api.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, said]) => call(path, verb, said)));
  document.getElementById("calls").replaceChildren(...calls);
});
