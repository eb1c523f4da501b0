// What report pages share: the key, calls, tables, plots. No key ever stands in an address.
const KEY = "adengine-report-key";
const COLOURS = ["#0b5c8a", "#b3471d", "#3d7a1f", "#7a3d99", "#8a6d00", "#5a6570"];
const TIMES = ["hour", "day", "week", "month"];
const RATIOS = ["ctr", "viewable_rate", "share", "unsold_share", "gap_rate"];
const PROSE = ["why", "what would change it", "means"];
const JSON_TYPE = "application/json";
const PERCENT = "percent";
const TWO_DIGITS = { minimumFractionDigits: 2, maximumFractionDigits: 2 };

export const byId = (id) => document.getElementById(id);

/** The key of this tab; `then` is called now, if there is one, and whenever another is given. */
export function withKey(then) {
  const field = byId("key");
  field.value = sessionStorage.getItem(KEY) || "";
  byId("access").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, field.value.trim());
    then();
  });
  if (field.value) then();
}

/** The answer to a call; throws an Error whose message names every mistake.  body: sent as JSON, or as it is if it has another type. */
export async function ask(path, query = [], { method = "GET", body, type = JSON_TYPE, key = sessionStorage.getItem(KEY) } = {}) {
  if (!key) throw new Error("Give a key first.");
  const found = [...query].length ? `${path}?${new URLSearchParams(query)}` : path;
  const headers = { Authorization: `Bearer ${key}` };
  if (body) headers["Content-Type"] = type;
  const answer = await fetch(found, { method, headers, body: body && type === JSON_TYPE ? JSON.stringify(body) : body });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({ title: `The engine answered ${answer.status}.` }));
  const mistakes = (problem.errors || []).map((each) => `${each.pointer} ${each.detail}`);
  const error = new Error([problem.detail || problem.title, ...mistakes].join("\n"));
  error.status = answer.status;
  throw error;
}

export const askJson = async (path, query, how) => (await ask(path, query, how)).json();

export function say(text, isWrong = false, place = "status") {
  const status = byId(place);
  status.textContent = text;
  status.classList.toggle("wrong", isWrong);
}

export function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** A number as people read it; money by its column's name. */
export function shown(name, value) {
  if (value === null || value === undefined) return "–";
  if (name === "hour" && value.length === 25) return `${value.slice(0, 10)} ${value.slice(11, 16)} ${value.slice(19)}`;
  if (typeof value !== "number") return String(value);
  if (RATIOS.includes(name)) return `${(100 * value).toLocaleString("en", TWO_DIGITS)} %`;
  if (name.endsWith("_micros")) return (value / 1e6).toLocaleString("en", TWO_DIGITS);
  return value.toLocaleString("en", { maximumFractionDigits: 2 });
}

/** A table of rows; names: what to show of each. The first column that is no number is its heading. */
export function table(caption, names, rows, totals = null, nothing = "Nothing was counted.") {
  const made = element("table");
  made.append(element("caption", caption));
  const head = element("tr");
  const isNumber = (name) => (totals && name in totals) || rows.some((row) => typeof row[name] === "number");
  for (const name of names) {
    const cell = element("th", named(name), isNumber(name) ? "number" : "");
    cell.scope = "col";
    head.append(cell);
  }
  made.append(element("thead"));
  made.tHead.append(head);
  const body = element("tbody");
  for (const row of rows) body.append(line(names, row, isNumber));
  made.append(body);
  if (!rows.length) {
    const cell = element("td", nothing);
    cell.colSpan = names.length;
    const row = element("tr");
    row.append(cell);
    body.append(row);
  } else if (totals) {
    const foot = element("tfoot");
    const first = names.find((name) => !(name in totals));
    foot.append(line(names, { ...totals, [first]: "all" }, (name) => name in totals, ""));
    made.append(foot);
  }
  return made;
}

function line(names, row, isNumber, nothing = "–") {
  const made = element("tr");
  names.forEach((name, at) => {
    const text = row[name] === undefined && nothing === "" ? "" : shown(name, row[name]);
    const cell = element(at ? "td" : "th", text, isNumber(name) ? "number" : PROSE.includes(name) ? "prose" : "");
    if (!at) cell.scope = "row";
    made.append(cell);
  });
  return made;
}

/** Lines over time; xs: epoch seconds, or anything else in even steps; series of isRatio have a scale of their own, in %.
 *  A table must stand beside it. */
export function plot(place, xs, series, { areTimes = true, tz = "UTC", name = "time" } = {}) {
  place.replaceChildren();
  if (xs.length < 2) return;
  const drawn = areTimes ? xs : xs.map((_, at) => at);
  const width = () => Math.max(240, place.clientWidth);
  const hasRatios = series.some((each) => each.isRatio);
  const steps = { space: 110, values: (_, at) => at.map((each) => (Number.isInteger(each) ? shortly(xs[each]) : "")) };
  const made = new uPlot(
    {
      width: width(),
      height: 260,
      padding: [null, hasRatios ? null : 36, null, null],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), tz),
      scales: { x: { time: areTimes }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(high * 1.05, 1)] }, [PERCENT]: { range: (_, low, high) => [0, Math.max(high * 1.1, 0.01)] } },
      axes: [areTimes ? {} : steps, { size: 60, values: (_, at) => at.map(compact) },
        ...(hasRatios ? [{ scale: PERCENT, side: 1, size: 60, grid: { show: false }, values: (_, at) => at.map((each) => `${compact(each)} %`) }] : [])],
      series: [{ label: name, ...(areTimes ? {} : { value: (_, at) => (at === null ? "–" : shortly(xs[at])) }) },
        ...series.map((each, at) => ({
          label: each.name, stroke: each.colour || COLOURS[at % COLOURS.length], width: 2, dash: each.dash || (each.isRatio ? [6, 4] : undefined),
          points: { show: xs.length < 40 }, spanGaps: false, scale: each.isRatio ? PERCENT : "y",
        }))],
    },
    [drawn, ...series.map((each) => each.values)],
    place,
  );
  new ResizeObserver(() => made.setSize({ width: width(), height: 260 })).observe(place);
}

const compact = (value) => value.toLocaleString("en", { notation: "compact", maximumFractionDigits: 2 });

/** A metric's values as they are drawn: money in whole units, ratios in %. */
function series(name, rows) {
  const isRatio = RATIOS.includes(name);
  const factor = isRatio ? 100 : name.endsWith("_micros") ? 1e-6 : 1;
  return { name: named(name), isRatio, values: rows.map((row) => (row[name] === null ? null : row[name] * factor)) };
}

/** A column's heading. */
const named = (name) => name.replace(/_micros$/, "").replaceAll("_", " ");

/** An hour without what all hours around it share; anything else as it is. */
const shortly = (label) => (/^\d{4}-\d\d-\d\dT/.test(label ?? "") ? label.slice(5, 16).replace("T", " ") : label ?? "");

/** A report's rows by their time column, drawn; nothing if it has none or other dimensions beside it. */
export function plotRows(place, dimensions, metrics, rows, tz) {
  place.replaceChildren();
  if (dimensions.length !== 1 || !TIMES.includes(dimensions[0])) return;
  const labels = rows.map((row) => row[dimensions[0]]);
  plot(place, labels, metrics.map((name) => series(name, rows)), { areTimes: false, tz, name: dimensions[0] });
}

/** Shows a report: its table, its plot, what its columns mean, and up to when it is true. */
export function showReport(report, caption, groups, metrics, tz) {
  const names = report.rows.length ? Object.keys(report.rows[0]) : [...groups, ...metrics];
  byId("table").replaceChildren(table(caption, names, report.rows, groups.length ? report.totals : null));
  plotRows(byId("plot"), groups, metrics, report.rows, tz);
  define(report.definitions);
  say(`${shown("", report.rows.length)} ${report.rows.length === 1 ? "row" : "rows"}${report.next ? ", and there are more" : ""}. ${standing(report)}`);
  byId("exports").hidden = false;
}

/** What each column means, in its place. */
export function define(definitions) {
  byId("definitions").replaceChildren(...Object.entries(definitions)
    .flatMap(([name, text]) => [element("dt", named(name)), element("dd", text)]));
}

/** Up to when a report is true, as a sentence. */
export function standing(report) {
  const sealed = report.sealed_until ? `Hours before ${report.sealed_until} are sealed.` : "No hour is sealed yet.";
  return `All events up to ${report.as_of || "now: none"} are in. ${sealed}`;
}

/** Figures with their names.  names: of those that are called otherwise.  units: behind the figure. */
export function tilesOf(values, names = {}, units = {}) {
  return Object.entries(values).map(([name, value]) => {
    const made = element("div");
    made.append(element("dt", names[name] || name), element("dd", shown(name, value) + (units[name] || "")));
    return made;
  });
}

/** A query's pairs as the document that the engine takes for it. */
export function asBody(query) {
  const found = {};
  for (const [name, value] of query) {
    if (name === "filter") (found.filter ??= []).push(value);
    else found[name] = value;
  }
  return found;
}

/** Saves what was answered as a file. */
export async function save(answer, name) {
  saveBlob(await answer.blob(), name);
}

export function saveText(text, name, type) {
  saveBlob(new Blob([text], { type }), name);
}

function saveBlob(blob, name) {
  const link = element("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** "2025-09-07" of a moment, in a zone; one that this browser does not know is left to the engine to refuse. */
export function dayOf(date, tz) {
  try {
    return new Intl.DateTimeFormat("sv-SE", { timeZone: tz }).format(date);
  } catch {
    return date.toISOString().slice(0, 10);
  }
}

export function zone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}
