// The page that shows openapi.json: every route with its fields, its examples as curl lines, and its answers.

import { ask, byId, element } from "./common.js";

const METHODS = ["get", "post", "put", "delete", "patch"];
const SHOWN_CHOICES = 12;

/** Return what a schema allows, in a few words. */
function typeOf(schema = {}) {
  if ("const" in schema) {
    return JSON.stringify(schema.const);
  }
  if (schema.enum) {
    const choices = schema.enum.slice(0, SHOWN_CHOICES).map((value) => JSON.stringify(value));
    return choices.join(" | ") + (schema.enum.length > SHOWN_CHOICES ? " | …" : "");
  }
  const several = schema.anyOf ?? schema.oneOf;
  if (several) {
    return several.map(typeOf).join(" or ");
  }
  const types = [schema.type ?? []].flat();
  const named = types.map((type) => (type === "array" ? `array of ${typeOf(schema.items)}` : type));
  return named.join(" | ") || "anything";
}

/** Return the bounds of a schema, in words. */
function boundsOf(schema = {}) {
  const number = (value) => value.toLocaleString("en");
  const bounds = [];
  if (schema.minimum !== undefined && schema.maximum !== undefined) {
    bounds.push(`${number(schema.minimum)} to ${number(schema.maximum)}`);
  } else if (schema.minimum !== undefined) {
    bounds.push(`at least ${number(schema.minimum)}`);
  } else if (schema.maximum !== undefined) {
    bounds.push(`at most ${number(schema.maximum)}`);
  }
  if (schema.maxLength !== undefined) {
    bounds.push(`at most ${number(schema.maxLength)} characters`);
  }
  if (schema.maxItems !== undefined) {
    bounds.push(`at most ${number(schema.maxItems)} of them`);
  }
  return [...bounds, ...(schema.anyOf ?? []).map(boundsOf).filter(Boolean)].join("; ");
}

/** Return the rows of the fields of an object, and of the objects in it, by their path. */
function fieldRows(schema, path = "") {
  const rows = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const more = [field.description, boundsOf(field)].filter(Boolean).join("; ");
    const isRequired = (schema.required ?? []).includes(name);
    const cells = [element("code", {}, path + name), typeOf(field), isRequired ? "yes" : "no", more];
    const row = element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
    return [row, ...fieldRows(field, `${path}${name}.`)];
  });
  return schema.items ? [...rows, ...fieldRows(schema.items, `${path.replace(/\.$/, "")}[].`)] : rows;
}

/** Return a table under a title; nothing if it has no rows. */
function table(title, names, rows) {
  return rows.length === 0 ? [] : [element("h3", {}, title), bareTable(title, names, rows)];
}

/** Return a table that scrolls where the window is narrow. */
function bareTable(title, names, rows) {
  const head = element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name)));
  const made = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
  return element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: title }, made);
}

/** Return what a route answers: its type, and the fields of objects in it. */
function answer(schema) {
  if (schema === undefined || Object.keys(schema).length === 0) {
    return [];
  }
  const type = element("p", {}, "Answers with JSON: ", element("code", {}, typeOf(schema)), ".");
  return [type, ...table("Fields of the answer", ["field", "type", "always", "more"], fieldRows(schema))];
}

/** Split the fields that are ignored from those that change something. */
function fieldParts(schema) {
  const isIgnored = ([, field]) => field.description === "ignored";
  const fields = Object.entries(schema.properties ?? {});
  const used = { ...schema, properties: Object.fromEntries(fields.filter((field) => !isIgnored(field))) };
  return { used, ignored: fields.filter(isIgnored).map(([name]) => name) };
}

/** Return `text` as one word of a shell. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Return the curl line for a route; `body` is an example, undefined if the route takes none. */
function curl(method, path, hasKey, body) {
  const root = location.href.replace(/docs(?:[?#].*)?$/, "").replace(/\/$/, "");
  const words = ["curl", quoted(root + path)];
  if (hasKey) {
    words.push("-H", '"Authorization: Bearer $KEY"');
  }
  if (body !== undefined) {
    words.push("-H", quoted("Content-Type: application/json"), "-d", quoted(JSON.stringify(body)));
  } else if (method !== "get") {
    words.push("-X", method.toUpperCase());
  }
  return words.join(" ");
}

/** Return a line of code, with a button that copies it. */
function example(title, code) {
  const pre = element("pre", { tabIndex: 0 }, code);
  const button = element("button", { type: "button", ariaLabel: `Copy the line ${title}` }, "Copy");
  const said = element("span", { className: "hint", role: "status" });
  button.addEventListener("click", async () => {
    said.textContent = (await copied(code)) ? "Copied." : selected(pre);
  });
  return element("div", { className: "example" }, element("div", { className: "row" }, title, button, said), pre);
}

/** Copy `text`; false where the browser does not let a page do so, as without https. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Select what is in `pre`, and say how it is copied by hand. */
function selected(pre) {
  getSelection().selectAllChildren(pre);
  return "Selected: press Ctrl+C.";
}

/** Return the id of a route on the page. */
function idOf(method, path) {
  return `${method}-${path}`;
}

/** Return the part of the page that describes one route. */
function route(method, path, operation) {
  const content = operation.requestBody?.content?.["application/json"];
  const { used, ignored } = fieldParts(content?.schema ?? {});
  const parameters = (operation.parameters ?? []).map((parameter) => {
    const cells = [element("code", {}, parameter.name), parameter.in, typeOf(parameter.schema)];
    return element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
  });
  const hasKey = (operation.security ?? []).length > 0;
  const given = content ? Object.entries(content.examples ?? {}) : [["", {}]];
  const examples = given.map(([name, { value }]) => example(name, curl(method, path, hasKey, value)));
  const answers = Object.entries(operation.responses ?? {}).map(([status, { description }]) =>
    element("tr", {}, element("td", {}, element("code", {}, status)), element("td", {}, description)));
  const success = operation.responses?.["200"]?.content?.["application/json"]?.schema;
  const title = element("h2", {}, element("span", { className: "method" }, method.toUpperCase()), path);
  return element(
    "section",
    { className: "route panel", id: idOf(method, path) },
    title,
    element("p", {}, operation.summary ?? operation.description ?? "", hasKey ? ". It asks for the key." : "."),
    ...(examples.length > 0 ? [element("h3", {}, "By curl"), ...examples] : []),
    ...table("Fields", ["field", "type", "required", "more"], fieldRows(used)),
    ...(ignored.length > 0 ? [element("p", { className: "hint" }, `Taken and ignored: ${ignored.join(", ")}.`)] : []),
    ...table("Parameters", ["name", "in", "type"], parameters),
    ...answer(success),
    element("details", {}, element("summary", {}, "Statuses"), bareTable("Statuses", ["status", "meaning"], answers)),
  );
}

/** Read openapi.json and fill the page. */
async function start() {
  let description;
  try {
    description = await ask("openapi.json");
  } catch (error) {
    byId("about").textContent = error.message;
    byId("about").className = "problem";
    return;
  }
  const { title, version, description: about } = description.info;
  byId("about").textContent = `${title} ${version}. ${about ?? ""}`;
  const routes = Object.entries(description.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => [method, path, item[method]]));
  byId("contents").append(element("ul", {}, ...routes.map(([method, path, { summary }]) =>
    element("li", {}, element("a", { href: `#${idOf(method, path)}` }, `${method.toUpperCase()} ${path}`), ` ${summary}`))));
  byId("contents").hidden = false;
  byId("routes").append(...routes.map((each) => route(...each)));
  if (location.hash) {
    document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  }
}

start();
