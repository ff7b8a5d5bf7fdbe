// The page that tries sentences: their cosines, what is nearest in a list, and the tokens that the encoder reads.

import { ask, byId, counted, element } from "./common.js";

const MATRIX_ROWS = 40; // sentences of one matrix, which has a cell for each pair
const SHOWN_TOKENS = 300; // of one sentence
const SHOWN_CUT_TOKENS = 30;

let key = "";
let info = null;

/** Return the lines of a field that are not blank. */
function lines(field) {
  return field.value.split("\n").map((line) => line.trim()).filter(Boolean);
}

/** Ask what is served, and say it at the top. */
async function readInfo() {
  const chosen = byId("model").value;
  info = await ask(chosen ? `info?model=${encodeURIComponent(chosen)}` : "info", { key });
  const facts = [counted(info.dim, "number") + " a vector", info.precision, `${info.pooling} pooling`];
  facts.push(`at most ${counted(info.max_length, "token")} a text`, `engine ${info.engine}`);
  byId("served").className = "";
  byId("served").replaceChildren(element("strong", {}, info.model), `: ${facts.join(", ")}.`);
  if (byId("model").options.length === 0) {
    byId("model").append(...info.models.map((name) => element("option", { value: name }, name)));
    byId("model").value = info.model;
    byId("model-row").hidden = info.models.length < 2;
    byId("long-texts").value = info.long_texts === "error" ? "truncate" : info.long_texts;
  }
}

/** Return the vectors of `texts`, each of unit length, and the tokens that were read. */
async function embed(texts) {
  const most = info.max_client_batch_size;
  const vectors = [];
  let tokens = 0;
  for (let start = 0; start < texts.length; start += most) {
    const body = {
      input: texts.slice(start, start + most),
      model: info.model,
      encoding_format: "base64",
      normalize: true,
      long_texts: byId("long-texts").value,
    };
    const answer = await ask("v1/embeddings", { key, body });
    tokens += answer.usage.prompt_tokens;
    vectors.push(...answer.data.map((item) => floats(item.embedding)));
  }
  return { vectors, tokens };
}

/** Return the float32 numbers, little-endian, that base64 holds. */
function floats(base64) {
  const view = new DataView(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
  return Float32Array.from({ length: view.byteLength / 4 }, (_, index) => view.getFloat32(4 * index, true));
}

/** Return the cosine of two vectors of unit length. */
function cosine(left, right) {
  return left.reduce((sum, number, index) => sum + number * right[index], 0);
}

/** Return a cosine with two decimals, never "-0.00". */
function shown(number) {
  return (Math.round(number * 100) / 100 + 0).toFixed(2);
}

/** Compare the sentences: the matrix, the tokens, the time. */
async function compare() {
  const texts = lines(byId("sentences"));
  if (texts.length < 2) {
    throw new Error("Write two sentences or more, one a line.");
  }
  if (texts.length > MATRIX_ROWS) {
    throw new Error(`The matrix has room for ${MATRIX_ROWS} sentences, and these are ${texts.length}: leave some out.`);
  }
  const started = performance.now();
  const { vectors, tokens } = await embed(texts);
  const took = time(performance.now() - started);
  const prompt_name = info.default_prompt_name;
  const read = await ask("tokenize", { key, body: { inputs: texts, model: info.model, prompt_name } });
  showMatrix(texts, vectors);
  showTokens(read);
  byId("compared").hidden = false;
  return `${counted(texts.length, "sentence")}, ${counted(tokens, "token")}: ${took} to the server and back.`;
}

/** Fill the table: a number in each cell, its colour by where it lies between the least and the greatest of all. */
function showMatrix(texts, vectors) {
  const cosines = vectors.map((row) => vectors.map((column) => cosine(row, column)));
  const others = cosines.map((row, index) => row.filter((_, column) => column !== index));
  const least = Math.min(...others.flat());
  const most = Math.max(...others.flat());
  const numbers = texts.map((_, index) => element("th", { scope: "col" }, String(index + 1)));
  const rows = cosines.map((row, index) => {
    const nearest = Math.max(...others[index]);
    const cells = row.map((value, column) => {
      const cell = element("td", {}, shown(value));
      if (column === index) {
        cell.className = "self";
      } else {
        cell.style.setProperty("--share", most > least ? (value - least) / (most - least) : 1);
        cell.className = value === nearest ? "nearest" : "";
      }
      return cell;
    });
    const number = element("span", { className: "number" }, `${index + 1} `);
    return element("tr", {}, element("th", { scope: "row", title: texts[index] }, number, texts[index]), ...cells);
  });
  byId("matrix").replaceChildren(
    element("thead", {}, element("tr", {}, element("td", { className: "self" }), ...numbers)),
    element("tbody", {}, ...rows),
  );
  byId("scale-least").textContent = shown(least);
  byId("scale-most").textContent = shown(most);
}

/** List the tokens of each sentence, and what was cut of it. */
function showTokens(read) {
  byId("tokens").replaceChildren(...read.map((tokens) => {
    const special = tokens.filter((token) => token.special).length;
    const over = Math.max(0, tokens.length - info.max_length);
    const cut = byId("long-texts").value === "truncate" ? over : 0;
    const kept = info.max_length - special;
    let place = 0;
    const chips = tokens.map((token) => {
      const isCut = !token.special && cut > 0 && place++ >= kept;
      return element("span", { className: token.special ? "special" : isCut ? "cut" : "" }, token.text);
    });
    const said = element("div", {}, counted(tokens.length, "token"));
    if (cut > 0) {
      said.append(", ", element("span", { className: "loss" }, `${cut.toLocaleString("en")} cut`));
    } else if (over > 0) {
      said.append(`, more than ${info.max_length}: read in windows`);
    }
    return element("li", {}, said, element("div", { className: "tokens" }, ...fewer(chips)));
  }));
}

/** Return the first tokens, some of those that were cut, and a word for how many there are beside them. */
function fewer(chips) {
  const isCut = (chip) => chip.className === "cut";
  const kept = chips.filter((chip) => !isCut(chip));
  const first = kept.slice(0, SHOWN_TOKENS);
  const cut = chips.filter(isCut);
  const rest = (number, what) =>
    number > 0 ? [element("span", { className: "rest" }, `… ${number.toLocaleString("en")} more ${what}`)] : [];
  return [
    ...first,
    ...rest(kept.length - first.length, "read"),
    ...cut.slice(0, SHOWN_CUT_TOKENS),
    ...rest(cut.length - SHOWN_CUT_TOKENS, "cut"),
  ];
}

/** Search the list: the nearest texts, with their cosines. */
async function search() {
  const texts = lines(byId("list"));
  if (texts.length === 0) {
    throw new Error("Write a text or more into the list, one a line.");
  }
  const started = performance.now();
  const { vectors, tokens } = await embed([byId("query").value, ...texts]);
  const took = time(performance.now() - started);
  const [query, ...others] = vectors;
  const found = others.map((vector, index) => ({ value: cosine(query, vector), index }));
  found.sort((left, right) => right.value - left.value || left.index - right.index);
  byId("nearest").replaceChildren(...found.slice(0, Number(byId("top").value)).map(({ value, index }) => {
    const bar = element("span", { className: "bar", ariaHidden: "true" });
    bar.style.setProperty("--share", Math.max(0, value));
    const number = element("span", { className: "cosine" }, shown(value));
    const place = element("span", { className: "number" }, `line ${index + 1}`);
    return element("li", {}, bar, number, " ", element("span", { className: "text" }, texts[index]), " ", place);
  }));
  return `${counted(texts.length, "text")}, ${counted(tokens, "token")}: ${took} to the server and back.`;
}

/** Return milliseconds in words. */
function time(milliseconds) {
  return milliseconds < 1000 ? `${milliseconds.toFixed(1)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** Do `work`, and say under the form what came of it; a wrong key shows the field for it. */
async function doAndSay(form, status, work) {
  const button = form.querySelector("button");
  button.disabled = true;
  form.ariaBusy = "true";
  status.className = "status";
  status.textContent = "Asking the server …";
  try {
    if (info === null) {
      await readInfo();
    }
    status.textContent = await work();
  } catch (error) {
    status.className = "status problem";
    status.textContent = error.message;
    askForKey(error);
  } finally {
    button.disabled = false;
    form.ariaBusy = "false";
  }
}

/** Show the field for the key if `error` says that it is missing or wrong. */
function askForKey(error) {
  if (error.status === 401) {
    byId("access").hidden = false;
    byId("key").focus();
  }
}

/** Read what is served, and say at the top what went wrong if that fails. */
async function start() {
  try {
    await readInfo();
  } catch (error) {
    byId("served").textContent = error.message;
    byId("served").className = "problem";
    askForKey(error);
  }
}

for (const [form, status, work] of [["compare-form", "compare-status", compare], ["search-form", "search-status", search]]) {
  byId(form).addEventListener("submit", (event) => {
    event.preventDefault();
    doAndSay(byId(form), byId(status), work);
  });
  byId(form).addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !byId(form).querySelector("button").disabled) {
      byId(form).requestSubmit();
    }
  });
}

byId("access").addEventListener("submit", (event) => {
  event.preventDefault();
  key = byId("key").value.trim();
  doAndSay(byId("access"), byId("key-status"), async () => {
    await readInfo();
    byId("access").hidden = true;
    return "";
  });
});

byId("model").addEventListener("change", start);

start();
