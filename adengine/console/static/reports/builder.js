// The report builder: the form is the query, and the address has it, so that a report can be shared without its key.
import { ask, askJson, byId, save, say, showReport, withKey } from "./common.js";
import { daysOf, filterButton, filtersOf, restoreDays, restoreFilters } from "./filters.js";
import { backgroundButton } from "./jobs.js";
import { listSaved, savedForm } from "./saved.js";

const form = byId("builder");

function chosen() {
  const given = new FormData(form);
  const groups = [...new Set(given.getAll("group_by").filter(Boolean))];
  const metrics = given.getAll("metrics");
  const period = given.get("period") ? [["period", given.get("period")]] : daysOf(form);
  const source = given.get("source") ? [["source", given.get("source")]] : [];
  const query = [...period, ["tz", given.get("tz")], ["group_by", groups.join(",")], ["metrics", metrics.join(",")], ...source, ...filtersOf()];
  return { query, groups, metrics };
}

function periodChosen() {
  const isNamed = Boolean(form.elements.period.value);
  for (const name of ["from", "to"]) form.elements[name].disabled = isNamed;
}

/** Fills the form in.  given: the query's parameters. */
function restore(given) {
  restoreDays(form, given);
  form.elements.period.value = given.get("period") || "";
  form.elements.source.value = given.get("source") === "events" ? "events" : "";
  periodChosen();
  if (given.has("group_by")) {
    const groups = given.get("group_by").split(",");
    form.querySelectorAll("select[name=group_by]").forEach((select, at) => { select.value = groups[at] || ""; });
  }
  if (given.has("metrics")) {
    const metrics = given.get("metrics").split(",");
    form.querySelectorAll("input[name=metrics]").forEach((box) => { box.checked = metrics.includes(box.value); });
  }
  restoreFilters(given);
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
filterButton();
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
