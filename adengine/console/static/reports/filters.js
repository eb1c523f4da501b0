// Filters of a report, and the days between two dates, as forms have them.
import { byId, dayOf, zone } from "./common.js";

const DAY_MS = 86_400_000;

const shifted = (day, days) => new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

/** The form's days, the last one included, as the API wants them: from and to. */
export function daysOf(form) {
  return [["from", form.elements.from.value], ["to", shifted(form.elements.to.value, 1)]];
}

/** Fills zone and days in.  given: the query's parameters. */
export function restoreDays(form, given) {
  const tz = given.get("tz") || zone();
  form.elements.tz.value = tz;
  form.elements.from.value = given.get("from") || dayOf(new Date(Date.now() - 6 * DAY_MS), tz);
  form.elements.to.value = given.get("to") ? shifted(given.get("to"), -1) : dayOf(new Date(), tz);
}

/** The button that adds a filter. */
export function filterButton() {
  byId("add").addEventListener("click", () => addFilter().querySelector("select").focus());
}

export function filtersOf() {
  return [...byId("filters").children].map((each) => ["filter", `${each.querySelector("select").value}:${each.querySelector("input").value}`]);
}

export function restoreFilters(given) {
  byId("filters").replaceChildren();
  for (const filter of given.getAll("filter")) {
    const at = filter.indexOf(":");
    addFilter(filter.slice(0, at), filter.slice(at + 1));
  }
}

function addFilter(dimension, value = "") {
  const made = byId("filter").content.cloneNode(true).firstElementChild;
  if (dimension) made.querySelector("select").value = dimension;
  made.querySelector("input").value = value;
  made.querySelector("button").addEventListener("click", () => { made.remove(); byId("add").focus(); });
  byId("filters").append(made);
  return made;
}
