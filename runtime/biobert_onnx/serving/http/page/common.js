// What both pages do: find and make elements, ask the server, say in words what went wrong.

/** Return the element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Return a new element. Texts become text, never markup: they may come from anyone. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Return `number` with its noun: "1 text", "2,000 texts". */
export function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** An answer that is no success. `status` is that of HTTP, 0 if the server did not answer. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Return the JSON that the server answers; throws Refusal. With a `body`, it is a POST. */
export async function ask(path, { key = "", body } = {}) {
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  const options = { headers, credentials: "same-origin" };
  if (body !== undefined) {
    headers["content-type"] = "application/json";
    Object.assign(options, { method: "POST", body: JSON.stringify(body) });
  }
  let response;
  let text;
  try {
    response = await fetch(path, options);
    text = await response.text();
  } catch {
    throw new Refusal(0, "The server does not answer. Is it still running? Start it, and try again.");
  }
  if (!response.ok) {
    throw new Refusal(response.status, refusal(response, text));
  }
  return JSON.parse(text);
}

/** Say what a `response` with an error means for who sits before the page; `text` is its body. */
function refusal(response, text) {
  const said = messageIn(text);
  switch (response.status) {
    case 401:
      return "The key is missing or wrong. Enter it in the field for it, and try again.";
    case 429: {
      const seconds = Number(response.headers.get("retry-after")) || 1;
      return `The server has too much to do now. Try again in ${counted(seconds, "second")}.`;
    }
    case 503:
      return "The server is closing. Try again when it has been started anew.";
    default:
      return said ? `The server says: ${said}` : `The server answers with an error, ${response.status}.`;
  }
}

/** Return the message of an error in either shape, OpenAI's or text-embeddings-inference's; "" if there is none. */
function messageIn(text) {
  try {
    const { error } = JSON.parse(text);
    return String(error?.message ?? error ?? "");
  } catch {
    return "";
  }
}
