// A third party's counts beside ours: the file goes to the engine and nowhere else, and nothing of it is kept.
import { askJson, byId, saveText, say, standing, table, withKey, zone } from "./common.js";

const form = byId("asked");
const ROWS_SHOWN = 200;
let made = { names: [], rows: [] };

async function compare() {
  const [file] = form.elements.file.files;
  if (!file) return;
  say("Comparing …");
  try {
    const report = await askJson("/v1/reports/reconcile", [["tz", form.elements.tz.value]], { method: "POST", body: file, type: "text/csv" });
    show(report, file.name);
  } catch (error) {
    say(error.message, true);
  }
}

function show(report, name) {
  const totals = Object.entries(report.totals).map(([count, each]) => ({ count, ...each }));
  byId("totals").replaceChildren(table(`${name} beside ours; the gap is theirs − ours`, ["count", "theirs", "ours", "gap", "gap_rate"], totals));
  byId("causes").replaceChildren(table("The gap by its causes, which add up to it", ["cause", "count", "counts", "means"], causes(report)));
  rows(report.rows);
  const begins = report.days_begin ? ` Their days seem to begin at midnight of ${report.days_begin}.` : "";
  say(`${standing(report)}${begins}`);
}

function causes(report) {
  return Object.entries(report.totals).flatMap(([count, each]) => Object.entries(each.causes).map(([cause, n]) => ({
    cause: cause.replaceAll("_", " ").replace(":", ": "), count, counts: n, means: report.definitions[cause.split(":")[0]],
  })));
}

/** The largest gaps first; each cause that there is has its column. */
function rows(found) {
  const all = [...new Set(found.flatMap((row) => Object.keys(row.causes)))].sort();
  const thing = Object.keys(found[0] ?? {}).find((name) => ["flight", "campaign", "creative"].includes(name)) ?? "flight";
  const names = ["day", thing, "count", "theirs", "ours", "gap", ...all];
  const spread = found.map((row) => ({ ...row, ...Object.fromEntries(all.map((cause) => [cause, row.causes[cause] ?? 0])) }));
  spread.sort((one, other) => Math.abs(other.gap) - Math.abs(one.gap));
  made = { names, rows: spread };
  const caption = spread.length > ROWS_SHOWN ? `The ${ROWS_SHOWN} largest gaps of ${spread.length}` : "Each day, the largest gap first";
  byId("rows").replaceChildren(table(caption, names, spread.slice(0, ROWS_SHOWN)));
  byId("save").hidden = !spread.length;
}

/** Ids, days, names of causes and whole numbers alone: nothing of it needs quotes, nor runs as a formula. */
function asCsv({ names, rows: all }) {
  return [names, ...all.map((row) => names.map((name) => row[name] ?? ""))].map((cells) => `${cells.join(",")}\r\n`).join("");
}

form.addEventListener("submit", (event) => { event.preventDefault(); compare(); });
byId("save").addEventListener("click", () => saveText(asCsv(made), "reconciled.csv", "text/csv"));
form.elements.tz.value = zone();
withKey(() => (form.elements.file.files.length ? compare() : say("Choose a file.")));
