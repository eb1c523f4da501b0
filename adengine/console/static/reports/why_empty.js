// Which slots held no sponsor, why, and what would change it.
import { askJson, byId, define, say, standing, table, tilesOf, withKey } from "./common.js";
import { daysOf, filterButton, filtersOf, restoreDays, restoreFilters } from "./filters.js";

const form = byId("asked");
const NAMES = { requests: "slots asked for", unsold: "without a sponsor", unsold_share: "part without one" };

function query() {
  return [...daysOf(form), ["tz", form.elements.tz.value], ...filtersOf()];
}

async function show() {
  const asked = query();
  history.replaceState(null, "", `#${new URLSearchParams(asked)}`);
  say("Reading …");
  try {
    const report = await askJson("/v1/reports/why-empty", asked);
    const { requests, unsold, unsold_share } = report;
    byId("tiles").replaceChildren(...tilesOf({ requests, unsold, unsold_share }, NAMES));
    byId("slots").replaceChildren(slots(report));
    byId("caps").replaceChildren(table("Each cap that kept a flight out, the dearest first", ["flight", "campaign", "cap", "refused"],
      report.caps.map((each) => ({ ...each, flight: each.flight || "not known", campaign: each.campaign_name || each.campaign }))));
    define(report.definitions);
    say(standing(report));
  } catch (error) {
    say(error.message, true);
  }
}

function slots({ slots: found, requests }) {
  const rows = found.flatMap((slot) => slot.reasons.map((each) => ({
    slot: slot.slot_name || slot.slot || "not registered", requests: slot.requests, reason: each.reason.replaceAll("_", " "),
    empty: each.empty, house: each.house, share: each.share, why: each.sentence, "what would change it": each.remedy,
  })));
  const names = ["slot", "requests", "reason", "empty", "house", "share", "why", "what would change it"];
  return table("Each slot and reason, most without a sponsor first", names, rows, null,
    requests ? "Every slot that was asked for had a sponsor." : "No slot was asked for.");
}

form.addEventListener("submit", (event) => { event.preventDefault(); show(); });
filterButton();
const given = new URLSearchParams(location.hash.slice(1));
restoreDays(form, given);
restoreFilters(given);
withKey(show);
