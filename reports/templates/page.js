"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const index = JSON.parse(byId("index").textContent);
  const FIELDS = ["number", "at", "from", "to", "method", "url", "status", "seconds", "check", "within"];
  const record = (row) => Object.fromEntries(FIELDS.map((name, place) => [name, row[place]]));
  const exchanges = index.rows.map(record);
  const calls = index.calls.map(record);
  const place = new Map(exchanges.map((exchange, at) => [exchange.number, at]));
  const within = new Map();
  for (const call of calls) {
    if (call.within !== null) within.set(call.within, [...(within.get(call.within) || []), call]);
  }
  const named = (party) => index.names[party] || party;
  const SOME = 50;
  const MOST_ARROWS = 200;

  // Text is only ever set as text: nothing from a party is parsed as markup.
  function make(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function drawn(name, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  // Without scheme and host, and with ASCII that can be seen decoded: %5B is [, but nothing becomes invisible.
  const path = (url) =>
    (url.replace(/^\w+:\/\/[^/]*/, "") || url).replace(/%(?!7f)[2-7][\da-f]/gi, (found) => String.fromCharCode(parseInt(found.slice(1), 16)));
  const took = (seconds) =>
    seconds === null ? "" : seconds >= 1 ? `${seconds.toFixed(1)} s` : seconds >= 0.001 ? `${Math.round(seconds * 1000)} ms` : "< 1 ms";
  const answer = (exchange) => (exchange.status === null ? "no answer" : String(exchange.status));
  const plural = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

  // The exchanges in full, a block of JSON at a time

  const blocks = [...document.querySelectorAll("script.block")];
  const read = new Map();
  function whole(at) {
    const number = Math.floor(at / index.chunk);
    if (!read.has(number)) {
      if (read.size > 20) read.clear();
      read.set(number, JSON.parse(blocks[number].textContent));
    }
    return read.get(number)[at % index.chunk];
  }

  // Checks and steps are in the page, and are read from there

  const items = [...document.querySelectorAll("details.check")];
  const steps = [...document.querySelectorAll("details.step")];
  const about = new Map(
    items.map((item) => [
      item.id.slice("check-".length),
      {
        item,
        verdict: item.dataset.verdict,
        title: item.querySelector(".title").firstChild.textContent.trim(),
        parties: item.dataset.parties.split(" "),
        steps: item.dataset.steps.split(" "),
        numbers: (item.querySelector("dd.exchanges")?.dataset.numbers || "").split(" ").filter(Boolean).map(Number),
      },
    ]),
  );

  function linked(exchange) {
    return make("a", { href: `#exchange-${exchange.number}` }, `${exchange.method} ${path(exchange.url)}`);
  }

  for (const { item, numbers } of about.values()) {
    item.addEventListener("toggle", () => fillExchanges(item, numbers), { once: true });
  }

  function fillExchanges(item, numbers) {
    const cell = item.querySelector("dd.exchanges");
    if (!cell || cell.dataset.filled) return;
    cell.dataset.filled = "yes";
    const list = make("ul", { class: "rows" });
    for (const number of numbers.filter((one) => place.has(one)).slice(0, SOME)) {
      const exchange = exchanges[place.get(number)];
      list.append(make("li", {}, make("span", {}, String(number)), linked(exchange), make("span", { class: "nowrap" }, `${answer(exchange)}, ${took(exchange.seconds)}`)));
    }
    const button = make("button", { type: "button", class: "draw" }, "Draw them");
    button.addEventListener("click", () => {
      drawCheck(item.id.slice("check-".length), numbers);
      byId("flow").scrollIntoView();
    });
    cell.replaceChildren(list, button);
    if (numbers.length > SOME) cell.append(` and ${numbers.length - SOME} more`);
  }

  // The sequence diagram

  // On a wide screen the words of an arrow are on it, and the names of the checks beside it. On a narrow one each has a
  // line of its own, and the lanes share what there is.
  const narrow = matchMedia("(max-width: 52rem)");
  const WIDE = { row: 30, head: 34, left: 235, right: 116, letters: 46, arrow: 21, letter: 7 };
  const NARROW = { row: 40, head: 44, left: 0, right: 0, letters: 38, arrow: 31, letter: 7, width: 380, beside: 100 };

  function short(url, most) {
    const text = path(url).replace(/([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "$1…");
    return text.length > most ? `${text.slice(0, most - 1)}…` : text;
  }

  // `groups` are [id of a check, numbers of exchanges]; each exchange is followed by the calls within it.
  function draw(groups) {
    const form = narrow.matches ? NARROW : WIDE;
    const rows = [];
    let arrows = 0;
    for (const [id, numbers] of groups) {
      const own = numbers.filter((number) => place.has(number)).slice(0, MOST_ARROWS - arrows);
      arrows += own.length;
      own.flatMap((number) => [exchanges[place.get(number)], ...(within.get(number) || [])]).forEach((arrow, at) => {
        if (at === 0 && narrow.matches) rows.push({ arrow: null, check: id, of: id });
        rows.push({ arrow, check: at === 0 && !narrow.matches ? id : null, of: id });
      });
    }
    const drawnArrows = rows.map((row) => row.arrow).filter(Boolean);
    const taking = new Set(drawnArrows.flatMap((arrow) => [arrow.from, arrow.to]));
    const lanes = index.lanes.filter((name) => taking.has(name));
    const lane = form.width ? form.width / Math.max(lanes.length, 3) : 122;
    const width = form.width || form.left + form.right + lane * Math.max(lanes.length, 3);
    const height = form.head + 16 + form.row * rows.length;
    const x = (name) => form.left + lane * (lanes.indexOf(name) + 0.5);
    const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${plural(drawnArrows.length, "exchange")} between ${lanes.map(named).join(", ")}` });
    lanes.forEach((name, number) => {
      svg.append(drawn("line", { class: "life", x1: x(name), x2: x(name), y1: form.head - 6, y2: height }));
      if (!form.width) svg.append(drawn("rect", { class: "head", x: x(name) - lane / 2 + 8, y: 2, width: lane - 16, height: form.head - 10, rx: 5 }));
      const down = form.width && number % 2 ? 17 : 0; // names that are wider than a narrow lane
      const anchor = form.width && number === 0 ? "start" : form.width && number === lanes.length - 1 ? "end" : "middle";
      const at = { start: x(name) - lane / 2 + 2, end: x(name) + lane / 2 - 2, middle: x(name) }[anchor];
      svg.append(drawn("text", { class: `lane ${anchor}`, x: at, y: 16 + down }, named(name)));
    });
    let striped = false;
    rows.forEach(({ arrow, check, of }, number) => {
      const y = form.head + 8 + form.row * number;
      const known = about.get(of);
      if (check !== null) striped = !striped;
      if (striped) svg.append(drawn("rect", { class: "band", x: 0, y, width, height: form.row, "fill-opacity": 0.55 }));
      if (check !== null && known) svg.append(label(check, known, y, form.left || width, form));
      if (arrow) svg.append(arrowOf(arrow, y, x, width, form, known && index.verdicts[known.verdict].cause));
    });
    return svg;
  }

  function label(id, known, y, room, form) {
    const most = form.width ? 42 : 30;
    const text = id.length > most ? `${id.slice(0, most - 1)}…` : id;
    return drawn(
      "a",
      { href: `#check-${id}`, "aria-label": `check ${id}, ${known.verdict}: ${known.title}` },
      drawn("title", {}, `${known.verdict}: ${known.title}`),
      drawn("rect", { class: "hit", x: 2, y: y + 2, width: room - 10, height: form.row - 4, rx: 4 }),
      drawn("text", { x: 8, y: y + form.row - 11 }, drawn("tspan", { class: index.verdicts[known.verdict].colour }, `${index.verdicts[known.verdict].sign} `), text),
    );
  }

  function arrowOf(arrow, y, x, width, form, bad) {
    const line = y + form.arrow;
    const from = x(arrow.from);
    const to = x(arrow.to);
    const towards = Math.sign(to - from) || 1;
    const inner = arrow.number === null;
    const group = drawn("g", { class: `arrow${inner ? " inner" : ""}${bad || arrow.status === null ? " bad" : ""}` });
    if (from === to) {
      group.append(drawn("path", { d: `M ${from} ${line - 6} h 18 v 8 h -14` }), drawn("polygon", { points: `${from},${line + 2} ${from + 7},${line - 2} ${from + 7},${line + 6}` }));
    } else {
      group.append(
        drawn("line", { x1: from, x2: to - 6 * towards, y1: line, y2: line }),
        drawn("polygon", { points: `${to},${line} ${to - 8 * towards},${line - 4} ${to - 8 * towards},${line + 4}` }),
      );
    }
    const words = `${arrow.method} ${short(arrow.url, form.letters - arrow.method.length)}`;
    const wide = words.length * form.letter + 4;
    const last = width - form.right - (form.beside || 0) - wide; // where words begin that end beside the status
    const start = form.width ? 4 : Math.min(Math.min(from, to) + 8, last);
    group.append(drawn("rect", { class: "back", x: start - 2, y: line - 17, width: wide, height: 15 }));
    group.append(drawn("text", { class: "request", x: start, y: line - 6 }, words));
    const result = { wide: [width - form.right + 46, line - 2], narrow: [width - 56, line - 6] }[form.width ? "narrow" : "wide"];
    if (form.width) group.append(drawn("rect", { class: "back", x: result[0] - 44, y: result[1] - 11, width: width - result[0] + 42, height: 15 }));
    group.append(drawn("text", { class: "end status", x: result[0], y: result[1] }, answer(arrow)));
    group.append(drawn("text", { class: "end soft took", x: width - 6, y: result[1] }, took(arrow.seconds)));
    const said = `${named(arrow.from)} to ${named(arrow.to)}: ${arrow.method} ${path(arrow.url)}, ${answer(arrow)}${arrow.seconds === null ? "" : `, ${took(arrow.seconds)}`}`;
    group.prepend(drawn("title", {}, inner ? `${said} (a call between the parties, as recorded by the mocks)` : said));
    if (inner) return group;
    const hit = drawn("rect", { class: "hit", x: form.left, y: y + 1, width: width - form.left, height: form.row - 2, rx: 4 });
    return drawn("a", { href: `#exchange-${arrow.number}`, "aria-label": `exchange ${arrow.number}, ${said}` }, group, hit);
  }

  const hint = byId("drawing");
  const flowHint = hint.textContent;
  let showing = [];
  function show(groups, words) {
    showing = [groups, words];
    const box = document.querySelector(".diagram");
    box.replaceChildren(draw(groups));
    box.hidden = groups.length === 0;
    document.querySelector("ol.plain").hidden = groups.length > 0;
    hint.replaceChildren(words);
    if (words !== flowHint) {
      const back = make("button", { type: "button" }, "Back to the flow");
      back.addEventListener("click", () => show(index.flow, flowHint));
      hint.append(" ", back);
    }
  }

  narrow.addEventListener("change", () => show(...showing));

  function drawCheck(id, numbers) {
    show([[id, numbers]], `The ${plural(numbers.length, "exchange")} of ${id}${numbers.length > MOST_ARROWS ? `, the first ${MOST_ARROWS}` : ""}.`);
  }

  // One exchange in full

  const dialog = byId("exchange");
  let open = null;

  function fields(pairs) {
    const list = make("dl", { class: "fields" });
    for (const [name, value] of pairs) list.append(make("dt", {}, name), make("dd", {}, value));
    return list;
  }

  // JSON with a line for each member. The text is only indented, not parsed and serialized again, so that it stays as it came.
  function indented(text) {
    try {
      JSON.parse(text);
    } catch {
      return text;
    }
    const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) || [];
    let depth = 0;
    let result = "";
    tokens.forEach((token, at) => {
      const empty = (token === "{" && tokens[at + 1] === "}") || (token === "[" && tokens[at + 1] === "]");
      const closesEmpty = (token === "}" && tokens[at - 1] === "{") || (token === "]" && tokens[at - 1] === "[");
      const line = () => `\n${"  ".repeat(depth)}`;
      if (token === "{" || token === "[") {
        depth += 1;
        result += token + (empty ? "" : line());
      } else if (token === "}" || token === "]") {
        depth -= 1;
        result += (closesEmpty ? "" : line()) + token;
      } else if (token === ",") result += token + line();
      else result += token === ":" ? ": " : token;
    });
    return result;
  }

  function message(title, side, without) {
    const box = make("div", { class: "message" }, make("h3", {}, title));
    if (!side) {
      box.append(make("p", {}, without));
      return box;
    }
    box.append(make("h4", {}, "Headers"), fields(side.headers));
    const size = side.bytes ? ` (${side.bytes.toLocaleString("en")} bytes)` : "";
    box.append(make("h4", {}, side.body ? `Body${size}` : "No body"));
    if (side.body) box.append(make("pre", {}, indented(side.body)));
    if (side.note) box.append(make("p", { class: "hint" }, side.note));
    return box;
  }

  const INSTANTS = ["exp", "iat", "nbf", "auth_time"];
  function claim(name, value) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    if (!INSTANTS.includes(name) || typeof value !== "number" || Math.abs(value) > 8e12) return text;
    return `${text} (${new Date(value * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC")})`;
  }

  function token(found) {
    const box = make("div", { class: "token" }, make("h3", {}, `JWT in the ${found.where}`));
    for (const part of ["header", "claims"]) {
      box.append(make("h4", {}, part === "header" ? "Header" : "Claims"));
      box.append(fields(Object.entries(found[part] || {}).map(([name, value]) => [name, claim(name, value)])));
    }
    return box;
  }

  function openExchange(number) {
    const at = place.get(number);
    if (at === undefined) return;
    open = at;
    const exchange = exchanges[at];
    const full = whole(at);
    byId("exchange-title").textContent = `Exchange ${number}: ${exchange.method} ${path(exchange.url)} → ${answer(exchange)}`;
    const facts = [
      ["at", exchange.at],
      ["from, to", `${named(exchange.from)} → ${named(exchange.to)}`],
      ["address", exchange.url],
      ["took", took(exchange.seconds)],
    ];
    if (full.node) facts.push(["node", full.node]);
    if (full.error) facts.push(["no answer", full.error]);
    const list = fields(facts);
    const belongs = [...about].filter(([id, known]) => id === exchange.check || known.numbers.includes(number));
    if (belongs.length) {
      const cell = make("dd");
      belongs.slice(0, 12).forEach(([id, known], count) => cell.append(count ? ", " : "", make("a", { href: `#check-${id}` }, id), ` ${known.verdict}`));
      if (belongs.length > 12) cell.append(` and ${belongs.length - 12} more`);
      list.append(make("dt", {}, belongs.length === 1 ? "check" : "checks"), cell);
    }
    for (const call of within.get(number) || []) {
      list.append(make("dt", {}, "meanwhile"), make("dd", {}, `${named(call.from)} → ${named(call.to)}: ${call.method} ${path(call.url)} → ${answer(call)}`));
    }
    const tokens = (side) => full.jwts.filter((found) => String(found.where).startsWith(side)).map(token);
    const others = full.jwts.filter((found) => !/^(request|response)/.test(String(found.where))).map(token);
    dialog.querySelector(".body").replaceChildren(
      list,
      make(
        "div",
        { class: "sides" },
        make("div", {}, message("Request", full.request, "nothing was sent"), ...tokens("request")),
        make("div", {}, message("Response", full.response, full.error || "no answer"), ...tokens("response"), ...others),
      ),
    );
    byId("previous").disabled = at === 0;
    byId("next-one").disabled = at === exchanges.length - 1;
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    byId("exchange-title").focus();
  }

  const go = (at) => location.replace(`#exchange-${exchanges[at].number}`);
  byId("previous").addEventListener("click", () => go(open - 1));
  byId("next-one").addEventListener("click", () => go(open + 1));
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft" && open > 0) go(open - 1);
    if (event.key === "ArrowRight" && open < exchanges.length - 1) go(open + 1);
  });
  dialog.addEventListener("close", () => {
    if (location.hash.startsWith("#exchange-")) history.replaceState(null, "", location.pathname + location.search);
  });

  // Search and filter

  const field = { text: byId("text"), verdict: byId("verdict"), party: byId("party"), step: byId("step") };
  for (const name of new Set([...index.lanes, ...[...about.values()].flatMap((known) => known.parties)].filter(Boolean))) {
    field.party.append(make("option", { value: name }, named(name)));
  }
  const words = new Map();
  function says(element) {
    if (!words.has(element)) words.set(element, element.textContent.toLowerCase());
    return words.get(element);
  }

  // The places of the exchanges whose headers, bodies or tokens contain the text; whole blocks are searched first.
  function deep(text) {
    const inJson = JSON.stringify(text).slice(1, -1).replace(/[<>&]/g, (found) => `\\u00${found.charCodeAt(0).toString(16)}`);
    const pattern = new RegExp(inJson.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
    const found = new Set();
    blocks.forEach((block, number) => {
      if (!pattern.test(block.textContent)) return;
      JSON.parse(block.textContent).forEach((full, offset) => {
        if (pattern.test(JSON.stringify(full).replace(/[<>&]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`))) found.add(number * index.chunk + offset);
      });
    });
    return found;
  }

  let listed = exchanges;
  let shown = 0;
  let opened = [];

  function filter() {
    const text = field.text.value.trim().toLowerCase();
    const asked = { verdict: field.verdict.value, party: field.party.value, step: field.step.value };
    const any = Boolean(text || asked.verdict || asked.party || asked.step);
    const fits = new Set();
    for (const [id, known] of about) {
      const fit =
        (!asked.verdict || known.verdict === asked.verdict) &&
        (!asked.party || known.parties.includes(asked.party)) &&
        (!asked.step || known.steps.includes(asked.step)) &&
        (!text || says(known.item).includes(text));
      known.item.hidden = !fit;
      if (fit) fits.add(id);
    }
    for (const step of steps) {
      step.hidden =
        (asked.step && step.dataset.step !== asked.step) ||
        (asked.party && step.dataset.parties !== asked.party) ||
        (asked.verdict && ![...step.querySelectorAll(".mark")].some((mark) => mark.textContent.endsWith(` ${asked.verdict}`))) ||
        (text && !says(step).includes(text));
    }
    for (const group of opened) group.open = false;
    opened = [];
    for (const group of [...document.querySelectorAll(".fold, #steps .group, #checks .group, div.stage")].reverse()) {
      const some = [...group.querySelectorAll("details.check, details.step")].some((item) => !item.hidden);
      group.hidden = !some;
      if (any && some && group.open === false) {
        group.open = true;
        opened.push(group);
      }
    }
    const inside = text.length > 2 ? deep(text) : new Set();
    listed = !any
      ? exchanges
      : exchanges.filter((exchange, at) => {
          const known = about.get(exchange.check);
          return (
            (!asked.verdict || (known && known.verdict === asked.verdict)) &&
            (!asked.party || exchange.to === asked.party || exchange.from === asked.party) &&
            (!asked.step || (known && known.steps.includes(asked.step))) &&
            (!text || inside.has(at) || `${exchange.number} ${exchange.method} ${exchange.url} ${exchange.status} ${exchange.at} ${exchange.check}`.toLowerCase().includes(text))
          );
        });
    const shownSteps = steps.filter((step) => !step.hidden).length;
    byId("found").textContent = any
      ? `${fits.size} of ${plural(items.length, "check")}, ${shownSteps} of ${plural(steps.length, "step")}, ${listed.length} of ${plural(exchanges.length, "exchange")}`
      : `${plural(items.length, "check")}, ${plural(steps.length, "step")}, ${plural(exchanges.length, "exchange")}`;
    byId("clear").disabled = !any;
    document.querySelector("#exchanges tbody").replaceChildren();
    shown = 0;
    more();
  }

  function more() {
    const body = document.querySelector("#exchanges tbody");
    const rows = document.createDocumentFragment();
    for (const exchange of listed.slice(shown, shown + SOME)) {
      const row = make("tr", {});
      const check = about.has(exchange.check) ? make("a", { href: `#check-${exchange.check}` }, exchange.check) : exchange.check || "";
      row.append(
        make("td", { class: "number-of" }, String(exchange.number)),
        make("td", { class: "nowrap" }, exchange.at.slice(11, 23)),
        make("td", { class: "who" }, `${named(exchange.from)} → ${named(exchange.to)}`),
        make("td", { class: "request" }, linked(exchange)),
        make("td", { class: "nowrap status" }, answer(exchange)),
        make("td", { class: "nowrap took" }, took(exchange.seconds)),
        make("td", { class: "of" }, check),
      );
      rows.append(row);
    }
    body.append(rows);
    shown = Math.min(shown + SOME, listed.length);
    const left = listed.length - shown;
    byId("more").hidden = left === 0;
    byId("more").textContent = `Show more (${left} left)`;
  }

  function clear() {
    for (const input of Object.values(field)) input.value = "";
    filter();
  }

  let waiting = 0;
  field.text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  for (const select of [field.verdict, field.party, field.step]) select.addEventListener("change", filter);
  byId("clear").addEventListener("click", clear);
  byId("more").addEventListener("click", more);
  for (const count of document.querySelectorAll(".count")) {
    count.addEventListener("click", () => {
      field.verdict.value = count.dataset.verdict;
      filter();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !dialog.open && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      field.text.focus();
    }
  });

  // Links into the page: #check-ID, #step-ID, #exchange-NUMBER

  function route() {
    let target = location.hash.slice(1);
    try {
      target = decodeURIComponent(target);
    } catch {
      return;
    }
    const asked = /^exchange-(\d+)$/.exec(target);
    if (asked) {
      openExchange(Number(asked[1]));
      return;
    }
    if (dialog.open) dialog.close();
    const item = /^(check|step)-/.test(target) && byId(target);
    if (!item) return;
    if (item.hidden || item.parentElement.closest("[hidden]")) clear();
    for (let outer = item; outer; outer = outer.parentElement.closest("details")) outer.open = true;
    for (const old of document.querySelectorAll(".target-of-link")) old.classList.remove("target-of-link");
    item.classList.add("target-of-link");
    item.scrollIntoView({ block: "start" });
    item.querySelector("summary").focus({ preventScroll: true });
  }
  window.addEventListener("hashchange", route);

  // Copying a command

  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.setAttribute("aria-label", `Copy: ${button.previousElementSibling.textContent}`);
  }
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest(".copy");
    if (!button) return;
    const text = button.previousElementSibling;
    const range = document.createRange();
    range.selectNodeContents(text);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    const done = () => {
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    };
    if (navigator.clipboard) navigator.clipboard.writeText(text.textContent).then(done, () => {});
  });

  // What needs this script is hidden until here

  byId("filter").hidden = false;
  document.querySelector("#exchanges .table").hidden = exchanges.length === 0;
  document.querySelector("#exchanges .hint").hidden = exchanges.length === 0;
  show(index.flow, flowHint);
  filter();
  for (const { item, numbers } of about.values()) if (item.open) fillExchanges(item, numbers);
  // after the browser has handled the fragment itself, which would take the focus away
  window.addEventListener("load", route);
})();
