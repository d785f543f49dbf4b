"use strict";
// Draws /page/state, again and again. What comes from the ledger is put in as text, never as HTML.

const POLL = 2000;          // milliseconds between two questions
const PATIENCE = 8000;      // how long an answer may take
const TOKEN = "sixgates-token";
const LONG = 150;           // characters of a reason that are shown at once
const shown = {};           // what each part of the page shows, so that it is only drawn anew
let heard = 0;              // when the gateway answered last, by this machine's clock
let told = "";              // what it said the time was
let lag = 0;                // the gateway's clock less this machine's
let lost = "";              // why the newest question has no answer
let timer = 0;

const one = (query) => document.querySelector(query);
const moment = (iso) => new Date(`${iso}Z`);

function element(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "rect", "line", "text", "path"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== ""));
  return made;
}

function put(query, ...children) {
  one(query).replaceChildren(...children);
}

function words(seconds) {
  if (seconds < 2) return "just now";
  for (const [unit, size] of [["days", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${unit} ago`;
  }
  return `${Math.floor(seconds)} s ago`;
}

function ago(iso) {
  return words((Date.now() + lag - moment(iso)) / 1000);
}

// A moment, and beside it how long ago it was, kept up to date by `age`.
function dated(iso, { aged = false } = {}) {
  const time = element("time", { datetime: `${iso}Z`, title: moment(iso).toLocaleString() },
    iso.slice(0, 16).replace("T", " "));
  if (!aged) return [time];
  return [time, " (", element("span", { "data-ago": iso }, ago(iso)), ")"];
}

function lasted(from, to) {
  const seconds = (moment(to) - moment(from)) / 1000;
  return words(seconds).replace(" ago", "").replace("just now", "a moment");
}

function table(heads, rows, kind = "") {
  const head = heads.map(([text, numeric]) =>
    element("th", { scope: "col", role: "columnheader", class: numeric && "number" }, text));
  return element("table", { class: kind, role: "table" },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head)),
    element("tbody", { role: "rowgroup" }, ...rows));
}

function row(cells, attributes = {}) {
  return element("tr", { role: "row", ...attributes }, ...cells);
}

function cell(attributes, ...children) {
  return element("td", { role: "cell", ...attributes }, ...children);
}

function sentences(list) {
  if (list.length === 1) return element("p", {}, list[0]);
  return element("ul", {}, ...list.map((text) => element("li", {}, text)));
}

function drawState(state) {
  document.body.dataset.tone = state.tone;
  const mark = { fine: "", care: "\u26a0 ", wrong: "\u26a0 " }[state.tone];
  document.title = `${mark}${state.model}: ${state.headline}`;
  put("#model b", state.model);
  put("#headline", state.headline.replaceAll("ersion ", "ersion\u00a0"));
  one("#troubles").className = state.troubles.length ? "some" : "";
  put("#troubles div", state.troubles.length ? sentences(state.troubles)
    : element("p", {}, "Nothing that this gateway knows of."));
  const { sentence, needs, waits } = state.following;
  one("#following").className = waits ? "waits" : "";
  put("#following div", element("p", {}, sentence), needs.length ? sentences(needs) : "");
}

function drawServing(serving) {
  const fact = (name, ...said) => element("div", {}, element("dt", {}, name), element("dd", {}, ...said));
  const version = (number, digest) => [element("b", {}, `version ${number}`), " ", element("code", {}, digest)];
  const facts = [];
  if (serving) {
    facts.push(fact("Champion", ...version(serving.champion, serving.digest)));
    if (serving.since) facts.push(fact("Since", ...dated(serving.since, { aged: true })));
    facts.push(fact("Epoch", String(serving.epoch)));
    if (serving.beside) {
      facts.push(fact("Beside it", ...version(serving.beside, serving.beside_digest)));
      facts.push(fact("Its part", serving.part));
    }
    if (serving.lease) facts.push(fact("Its lease", serving.lease));
  }
  one("#serving").hidden = !serving;
  put("#serving", ...facts);
}

function drawStages(stages) {
  if (!stages.length) {
    put("#stages div", element("p", {}, "No release yet."));
    return;
  }
  const bar = (share) => element("svg", { height: 10, "aria-hidden": "true" },
    element("rect", { class: "track", width: "100%", height: 10, rx: 2 }),
    element("rect", { class: "share", width: `${100 * share}%`, height: 10, rx: 2 }));
  const when = (stage) => {
    if (stage.time === "ahead") return ["ahead"];
    if (stage.time === "now") return ["since ", ...dated(stage.began, { aged: true })];
    return [...dated(stage.began), `, for ${lasted(stage.began, stage.ended)}`];
  };
  const rows = stages.map((stage) => row([
    element("th", { scope: "row", role: "rowheader" }, stage.name),
    cell({ class: "bar" }, stage.share === null ? "" : bar(stage.share)),
    cell({ class: "number" }, stage.share === null ? "" : `${Number((100 * stage.share).toPrecision(3))}%`),
    cell({}, ...when(stage)),
  ], { class: stage.time, "aria-current": stage.time === "now" && "step" }));
  put("#stages div", table([["stage"], [""], ["share", true], ["when"]], rows));
}

// One row a quantity: to the right what speaks for a promotion, to the left for a rollback.
function picture(evidence) {
  const ats = evidence.bars.flatMap((bar) => [bar.rollback_at, bar.promote_at ?? 1]);
  const both = evidence.bars.some((bar) => bar.promote_at !== null);
  const zero = both ? 50 : 100;
  const room = zero - 1;
  const end = 1.2 * Math.log10(Math.max(10, ...ats));
  const length = (value) => room * Math.min(1, Math.max(0, Math.log10(value) / end));
  const number = (value) => value === null ? "?" : value > 1e4 ? "> 10,000" : value < 0.01 ? "< 0.01"
    : Number(value.toPrecision(3)).toLocaleString("en");
  const text = (x, y, anchor, kind, said) =>
    element("text", { x: `${x}%`, y, "text-anchor": anchor, class: kind }, said);
  const heights = 44;
  const top = 20;
  const parts = [text(0, 12, "start", "quiet", "\u25c2 rolls back")];
  if (both) parts.push(text(100, 12, "end", "quiet", "promotes \u25b8"));
  parts.push(text(zero, 12, both ? "middle" : "end", "quiet", "no evidence: 1"));
  evidence.bars.forEach((bar, index) => {
    const y = top + heights * index;
    const against = length(bar.rollback ?? 1);
    const tick = (x, kind = "line") =>
      element("line", { class: kind, x1: `${x}%`, x2: `${x}%`, y1: y + 20, y2: y + 38 });
    const drawn = [
      text(0, y + 14, "start", "quiet", `${number(bar.rollback)} of ${number(bar.rollback_at)}`),
      text(zero, y + 14, both ? "middle" : "end", "name", bar.muted ? `${bar.name} (muted)` : bar.name),
      element("rect", { class: "track", x: 0, width: "100%", y: y + 23, height: 12, rx: 2 }),
      element("rect", {
        class: `against${bar.rollback >= bar.rollback_at ? " enough" : ""}`,
        x: `${zero - against}%`, width: `${against}%`, y: y + 23, height: 12,
      }),
      tick(zero - length(bar.rollback_at)),
      tick(zero, "axis"),
    ];
    if (bar.promote_at !== null) {
      drawn.push(
        text(100, y + 14, "end", "quiet", `${number(bar.promote)} of ${number(bar.promote_at)}`),
        element("rect", {
          class: `for${bar.promote >= bar.promote_at ? " enough" : ""}`,
          x: `${zero}%`, width: `${length(bar.promote ?? 1)}%`, y: y + 23, height: 12,
        }),
        tick(zero + length(bar.promote_at)),
      );
    }
    parts.push(element("g", { class: bar.muted ? "mutedbar" : undefined }, ...drawn));
  });
  const bottom = top + heights * evidence.bars.length;
  const said = evidence.bars.map((bar) => bar.said).join("; ");
  return element("figure", {},
    element("svg", { role: "img", height: bottom, "aria-label": `E-values on a log scale. ${said}` }, ...parts),
    element("figcaption", {}, evidence.legend));
}

function drawEvidence(evidence) {
  put("#evidence-title", evidence && evidence.ended ? "Evidence of the last release" : "Evidence so far");
  one("#checks").hidden = !evidence;
  if (!evidence) {
    put("#evidence div", element("p", {}, "No verdict of gate 5 or 6 yet."));
    return;
  }
  const parts = [
    element("p", { class: `verdict ${evidence.outcome}` }, `${evidence.gate}: ${evidence.outcome.toUpperCase()}`),
    element("p", { class: "quiet" }, "judged ", ...dated(evidence.judged, { aged: true }),
      evidence.earlier ? ", at the stage before" : ""),
  ];
  if (evidence.bars.length) parts.push(picture(evidence));
  for (const { seen, needed, sentence } of evidence.progress) {
    parts.push(element("progress", { max: needed, value: Math.min(seen, needed), "aria-label": sentence }),
      element("p", { class: "quiet" }, sentence));
  }
  drawChecks(evidence.lines);
  put("#evidence div", ...parts);
}

function drawChecks(lines) {
  const heads = [["check"], ["says"], ["seen", true], ["limit", true], ["n", true],
    ["promote", true], ["roll back", true], ["in words"]];
  const rows = lines.map((line) => row([
    element("th", { scope: "row", role: "rowheader" }, line.name),
    cell({ class: line.outcome }, line.muted ? `${line.outcome}, muted` : line.outcome),
    ...["seen", "required", "n", "promote", "rollback"].map((key, index) =>
      cell({ class: "number", "data-name": heads[index + 2][0] }, line[key])),
    cell({}, line.sentence),
  ]));
  put("#checks div", table(heads, rows, "stack"));
}

function drawEvents(events) {
  if (!events.length) {
    put("#events div", element("p", {}, "Nothing happened yet."));
    return;
  }
  if (!one("#events table")) {
    put("#events div", table([["when"], ["what"], ["why"], ["by"]], [], "stack"));
  }
  // What is shown already is left alone: what a reader opened in it, or has the focus on, stays so.
  const body = one("#events tbody");
  const former = new Map([...body.rows].map((known) => [known.dataset.event, known]));
  events.forEach((event, index) => {
    const text = JSON.stringify(event);
    const found = former.get(text) ?? eventRow(event, text);
    former.delete(text);
    if (body.rows[index] !== found) body.insertBefore(found, body.rows[index] ?? null);
  });
  while (body.rows.length > events.length) body.lastChild.remove();
}

function eventRow(event, text) {
  const reason = event.why.length <= LONG ? event.why
    : element("details", {}, element("summary", {}, `${event.why.slice(0, LONG)}\u2026`), event.why);
  return row([
    cell({}, ...dated(event.recorded)),
    cell({ class: `sign-${event.sign}` }, event.what),
    cell({}, reason),
    cell({ "data-name": "by" }, event.actor),
  ], { "data-event": text });
}

function draw(state) {
  const { tone, model, headline, troubles, following, read, silent } = state;
  const parts = {
    state: [drawState, { tone, model, headline, troubles, following }],
    serving: [drawServing, state.serving], stages: [drawStages, state.stages],
    evidence: [drawEvidence, state.evidence], events: [drawEvents, state.events],
  };
  for (const [name, [render, value]] of Object.entries(parts)) {
    const text = JSON.stringify(value);
    if (shown[name] === text) continue;
    render(value);
    shown[name] = text;
  }
  for (const id of ["columns", "checks", "events"]) one(`#${id}`).classList.toggle("stale", silent && read !== null);
  one("#page").hidden = false;
}

// How old everything is. Without news the page says so, and goes on showing what it knows.
function age() {
  for (const span of document.querySelectorAll("[data-ago]")) {
    const text = ago(span.dataset.ago);
    if (span.textContent !== text) span.textContent = text;
  }
  const link = one("#link");
  link.classList.toggle("lost", Boolean(lost));
  const since = Math.round((Date.now() - heard) / 1000);
  const said = !lost ? heard ? `Live, as of ${told.slice(11, 16)} UTC` : "Asking the gateway \u2026"
    : heard ? `${lost}: this is ${since} s old, as of ${told.slice(11, 19)} UTC` : `${lost}.`;
  if (link.textContent !== said) link.textContent = said;
}

function askForToken(why) {
  clearTimeout(timer);
  const had = sessionStorage.getItem(TOKEN) !== null;
  sessionStorage.removeItem(TOKEN);
  put("#why", had ? why : "Who serves is shown to whoever has a token that may read.");
  one("#token").hidden = false;
  one("#page").hidden = true;
  one("#forget").hidden = true;
  put("#link", "Waiting for a token");
  one("#given").focus();
}

async function ask() {
  const token = sessionStorage.getItem(TOKEN);
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch("/page/state", { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  const said = await answer.json();
  if (answer.status === 401 || answer.status === 403) {
    askForToken(said.error);
    return false;
  }
  if (!answer.ok) throw new Error(said.error);
  one("#token").hidden = true;
  one("#forget").hidden = token === null;
  heard = Date.now();
  told = said.now;
  lag = moment(told) - heard;
  lost = "";
  draw(said);
  return true;
}

async function follow() {
  clearTimeout(timer);
  let goes = true;
  try {
    goes = await ask();
  } catch {
    lost = "No answer from this gateway";
  }
  if (goes) age();
  clearTimeout(timer);
  if (goes && !document.hidden) timer = setTimeout(follow, POLL);
}

one("#token").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, one("#given").value.trim());
  one("#given").value = "";
  follow();
});
one("#forget").addEventListener("click", () => askForToken(""));
document.addEventListener("visibilitychange", () => document.hidden ? clearTimeout(timer) : follow());
window.addEventListener("beforeprint", () => { one("#checks details").open = true; });
setInterval(() => { if (one("#token").hidden && !document.hidden) age(); }, 1000);
follow();
