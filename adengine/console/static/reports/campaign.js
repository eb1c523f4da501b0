// A campaign's page: what it had so far, against its schedule, and by day, hour, line, place and topic. Live.
import { ask, askJson, byId, dayOf, element, plot, plotRows, save, say, shown, table, tilesOf, withKey, zone } from "./common.js";

const form = byId("choice");
const LIVE_MS = 3_000;
const SLOW_MS = 60_000;
const DAY_MS = 86_400_000;
const HOURS_OF_DAYS = 2;
const COUNTS = ["impressions", "clicks", "ctr", "viewable_rate"];
const DRAWN = ["impressions", "ctr", "viewable_rate"];
const TILES = ["impressions", "clicks", "ctr", "viewable_rate", "spend_micros", "invalid"];
const NAMES = { viewable_rate: "viewability", spend_micros: "spend", reach: "readers reached", average_frequency: "times each" };
let turn = 0;

const campaign = () => form.elements.campaign.value;
const tz = () => form.elements.tz.value || "UTC";

function period(days) {
  return [["from", dayOf(new Date(Date.now() - (days - 1) * DAY_MS), tz())], ["to", dayOf(new Date(Date.now() + DAY_MS), tz())], ["tz", tz()]];
}

const PATH = "/v1/reports/delivery";

function query(days, group, metrics = COUNTS) {
  return [...period(days), ["group_by", group], ["metrics", metrics.join(",")], ["filter", `campaign:${campaign()}`]];
}

const report = (days, group, metrics) => askJson(PATH, query(days, group, metrics));
const daysShown = () => Number(form.elements.days.value);

async function tiles(mine) {
  const { totals, rows, as_of: asOf } = await report(daysShown(), "currency", TILES);
  if (mine !== turn) return;
  const currency = rows.length === 1 && rows[0].currency ? ` ${rows[0].currency}` : "";
  byId("tiles").replaceChildren(...tilesOf({ ...totals }, NAMES, { spend_micros: currency }));
  say(`All events up to ${asOf || "now: none"} are in. Reach is of the whole campaign, the rest of the days shown.`);
}

/** Not as often as the rest: the engine goes over all readers of the campaign for it. */
async function reached(mine) {
  const reach = await askJson("/v1/reports/reach", [["campaign", campaign()]]);
  if (mine !== turn) return;
  byId("reach-tiles").replaceChildren(...tilesOf({ reach: reach.reach, average_frequency: reach.average_frequency }, NAMES));
  const times = reach.frequency.map((each) => ({ times: each.times, readers: each.readers }));
  byId("by-times").replaceChildren(table("How many readers saw it how often", ["times", "readers"], times));
}

async function overTime(id, group, days) {
  const found = await report(days, group);
  const place = byId(id);
  const drawing = element("div");
  drawing.setAttribute("aria-hidden", "true");
  const scroll = scrolled(table(`By ${group}, ${tz()}`, [group, ...COUNTS], found.rows, found.totals), `By ${group}`);
  place.replaceChildren(drawing, scroll);
  plotRows(drawing, [group], DRAWN, found.rows, tz());
}

async function byGroup(id, group) {
  const found = await report(daysShown(), group);
  found.rows.sort((one, other) => other.impressions - one.impressions);
  const named = found.rows.map((row) => ({ ...row, [group]: row[`${group}_name`] || row[group] || "not known" }));
  byId(id).replaceChildren(scrolled(table(`By ${group}, most shown first`, [group, ...COUNTS], named.slice(0, 50), found.totals), `By ${group}`));
}

function scrolled(inner, label) {
  const made = element("div", "", "scroll");
  made.tabIndex = 0;
  made.setAttribute("role", "region");
  made.setAttribute("aria-label", `Table: ${label}`);
  made.append(inner);
  return made;
}

async function schedules() {
  const flights = (await report(90, "flight", ["impressions"])).rows.map((row) => row.flight);
  const made = [];
  for (const flight of flights) {
    let pacing;
    try {
      pacing = await askJson(`/v1/flights/${flight}/pacing`);
    } catch (error) {
      if (error.status === 403) { made.push(element("p", "This key may not read pacing; use one with the scope manage or advertise.", "note")); break; }
      if (error.status === 404) continue;
      throw error;
    }
    if (pacing.goal === null) continue;
    made.push(...schedule(flight, pacing));
  }
  byId("schedules").replaceChildren(...(made.length ? made.map((each) => each.node || each) : [element("p", "No flight with a goal was shown in the last 90 days.", "note")]));
  made.forEach((each) => each.draw && each.draw());
}

function schedule(flight, pacing) {
  const title = element("h3", `${flight}: ${shown("", pacing.delivered)} of ${shown("", pacing.goal)} ${pacing.unit}, ${pacing.state.replaceAll("_", " ")}`);
  const end = pacing.projected.delivered === null ? "" : ` It will end with about ${shown("", Math.max(pacing.delivered, Math.round(pacing.projected.delivered)))}.`;
  const note = element("p", pacing.due === null ? "" : `By its schedule ${shown("", Math.round(pacing.due))} were due by now.${end}`, "note");
  const drawing = element("div");
  drawing.setAttribute("aria-hidden", "true");
  const names = ["at", "due", "low", "high", "delivered"];
  const rows = pacing.points.map((point) => Object.fromEntries(names.map((name) => [name, typeof point[name] === "number" ? Math.round(point[name]) : point[name]])));
  const details = element("details");
  details.append(element("summary", "The same as a table"), scrolled(table(`${flight} against its schedule`, names, rows), flight));
  const draw = () => plot(drawing, pacing.points.map((point) => Date.parse(point.at) / 1000), [
    { name: "delivered", values: pacing.points.map((point) => point.delivered), colour: "#0b5c8a" },
    { name: "due", values: pacing.points.map((point) => point.due), colour: "#1c2126", dash: [6, 4] },
    { name: "low", values: pacing.points.map((point) => point.low), colour: "#8b96a1" },
    { name: "high", values: pacing.points.map((point) => point.high), colour: "#8b96a1" },
  ], { tz: tz() });
  return [title, note, { node: drawing, draw }, details];
}

async function everything(mine) {
  await tiles(mine);
  await Promise.all([reached(mine), schedules(), overTime("by-day", "day", daysShown()), overTime("by-hour", "hour", HOURS_OF_DAYS),
    byGroup("by-variant", "variant"), byGroup("by-place", "city"), byGroup("by-topic", "topic")]);
}

async function choose() {
  if (!campaign()) return;
  const mine = ++turn;
  byId("name").textContent = form.elements.campaign.selectedOptions[0].textContent;
  history.replaceState(null, "", `#${campaign()}`);
  say("Reading …");
  let slow = 0;
  const again = async () => {
    if (mine !== turn) return;
    try {
      if (document.hidden) return;
      if (Date.now() - slow >= SLOW_MS) { await everything(mine); slow = Date.now(); } else { await tiles(mine); }
    } catch (error) {
      say(error.message, true);
    } finally {
      if (mine === turn) setTimeout(again, LIVE_MS);
    }
  };
  again();
}

async function campaigns() {
  say("Reading the campaigns …");
  try {
    const found = (await askJson("/v1/reports/delivery", [...period(90), ["group_by", "campaign"], ["metrics", "impressions"]])).rows;
    const options = found.filter((row) => row.campaign).map((row) => {
      const made = element("option", `${row.campaign_name} (${row.campaign})`);
      made.value = row.campaign;
      return made;
    });
    form.elements.campaign.replaceChildren(...(options.length ? options : [element("option", "none was shown in the last 90 days")]));
    if (!options.length) { form.elements.campaign.options[0].value = ""; say("No campaign was shown in the last 90 days."); return; }
    const wanted = location.hash.slice(1);
    if (options.some((each) => each.value === wanted)) form.elements.campaign.value = wanted;
    choose();
  } catch (error) {
    say(error.message, true);
  }
}

async function exported(group) {
  if (!campaign()) return;
  try {
    const days = group === "hour" ? HOURS_OF_DAYS : daysShown();
    await save(await ask(PATH, [...query(days, group, TILES), ["format", "csv"]]), `${campaign()}-${group}.csv`);
  } catch (error) {
    say(error.message, true);
  }
}

form.elements.tz.value = zone();
form.addEventListener("change", choose);
document.querySelectorAll("[data-export]").forEach((each) => each.addEventListener("click", () => exported(each.dataset.export)));
form.addEventListener("submit", (event) => event.preventDefault());
withKey(campaigns);
