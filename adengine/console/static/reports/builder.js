// The report builder: the form is the query, and the address has it, so that a report can be shared without its key.
import { ask, askJson, byId, dayOf, save, say, showReport, withKey, zone } from "./common.js";
import { backgroundButton } from "./jobs.js";
import { listSaved, savedForm } from "./saved.js";

const form = byId("builder");
const DAY_MS = 86_400_000;

function nextDay(day) {
  return new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);
}

function addFilter(dimension, value = "") {
  const made = byId("filter").content.cloneNode(true).firstElementChild;
  if (dimension) made.querySelector("select").value = dimension;
  made.querySelector("input").value = value;
  made.querySelector("button").addEventListener("click", () => { made.remove(); byId("add").focus(); });
  byId("filters").append(made);
  return made;
}

function chosen() {
  const given = new FormData(form);
  const groups = [...new Set(given.getAll("group_by").filter(Boolean))];
  const metrics = given.getAll("metrics");
  const period = given.get("period") ? [["period", given.get("period")]]
    : [["from", given.get("from")], ["to", nextDay(given.get("to"))]];
  const query = [...period, ["tz", given.get("tz")], ["group_by", groups.join(",")], ["metrics", metrics.join(",")]];
  for (const filter of byId("filters").children) {
    query.push(["filter", `${filter.querySelector("select").value}:${filter.querySelector("input").value}`]);
  }
  return { query, groups, metrics };
}

function periodChosen() {
  const isNamed = Boolean(form.elements.period.value);
  for (const name of ["from", "to"]) form.elements[name].disabled = isNamed;
}

/** Fills the form in.  given: the query's parameters. */
function restore(given) {
  const tz = given.get("tz") || zone();
  form.elements.tz.value = tz;
  form.elements.period.value = given.get("period") || "";
  periodChosen();
  form.elements.from.value = given.get("from") || dayOf(new Date(Date.now() - 6 * DAY_MS), tz);
  form.elements.to.value = given.get("to")
    ? new Date(Date.parse(`${given.get("to")}T00:00:00Z`) - DAY_MS).toISOString().slice(0, 10) : dayOf(new Date(), tz);
  if (given.has("group_by")) {
    const groups = given.get("group_by").split(",");
    form.querySelectorAll("select[name=group_by]").forEach((select, at) => { select.value = groups[at] || ""; });
  }
  if (given.has("metrics")) {
    const metrics = given.get("metrics").split(",");
    form.querySelectorAll("input[name=metrics]").forEach((box) => { box.checked = metrics.includes(box.value); });
  }
  byId("filters").replaceChildren();
  for (const filter of given.getAll("filter")) addFilter(...split(filter));
}

function split(filter) {
  const at = filter.indexOf(":");
  return [filter.slice(0, at), filter.slice(at + 1)];
}

async function show() {
  const { query, groups, metrics } = chosen();
  history.replaceState(null, "", `#${new URLSearchParams(query)}`);
  say("Reading …");
  try {
    const report = await askJson("/v1/reports/delivery", query);
    const period = form.elements.period.value.replaceAll("_", " ") || `${form.elements.from.value} to ${form.elements.to.value}`;
    const tz = form.elements.tz.value;
    showReport(report, `${groups.join(", ") || "Totals"}: ${period}, ${tz}`, groups, metrics, tz);
  } catch (error) {
    say(error.message, true);
  }
}

form.addEventListener("submit", (event) => { event.preventDefault(); show(); });
byId("add").addEventListener("click", () => addFilter().querySelector("select").focus());
byId("exports").addEventListener("click", async (event) => {
  const format = event.target.dataset.format;
  if (!format) return;
  try {
    await save(await ask("/v1/reports/delivery", [...chosen().query, ["format", format]]), `delivery.${format}`);
  } catch (error) {
    say(error.message, true);
  }
});
form.elements.period.addEventListener("change", periodChosen);
backgroundButton(() => chosen().query);
savedForm(() => chosen().query, (query) => { restore(query); show(); byId("result").focus(); });
restore(new URLSearchParams(location.hash.slice(1)));
withKey(() => { show(); listSaved(); });
