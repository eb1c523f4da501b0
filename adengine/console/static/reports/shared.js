// A shared report: the token stands behind the #, which browsers send to nobody.
import { ask, askJson, byId, save, say, showReport } from "./common.js";

const PATH = "/v1/reports/shared";
const METRICS = JSON.parse(byId("metrics").textContent);

const ROWS_AT_ONCE = 500;
let rows = [];
let cursor = null; // of what follows the rows; null: nothing does, or it is being read

function show() {
  rows = [];
  cursor = [];
  return more();
}

/** Reads the next rows and shows them below those that are there. */
async function more() {
  const [mine, from] = [rows, cursor];
  if (!from) return;
  cursor = null;
  try {
    const report = await askJson(PATH, [["limit", ROWS_AT_ONCE], ...from], { key: location.hash.slice(1) });
    if (mine !== rows) return;
    rows.push(...report.rows);
    cursor = report.next && [["cursor", report.next]];
    document.title = `${report.name} · adengine`;
    byId("name").textContent = report.name;
    const columns = Object.keys(report.definitions).filter((name) => METRICS.includes(name) || name in (rows[0] ?? {}));
    const metrics = columns.filter((name) => METRICS.includes(name));
    const groups = columns.filter((name) => !METRICS.includes(name));
    showReport({ ...report, rows }, `${report.name}. The link lasts until ${report.expires_at}.`, groups, metrics, "UTC");
    byId("more").hidden = !cursor;
  } catch (error) {
    if (mine === rows) cursor = from;
    say(error.message, true);
  }
}

byId("more").addEventListener("click", async () => {
  await more();
  if (byId("more").hidden) byId("table").focus({ preventScroll: true });
});
byId("exports").addEventListener("click", async (event) => {
  const format = event.target.dataset.format;
  if (!format) return;
  try {
    await save(await ask(PATH, [["format", format]], { key: location.hash.slice(1) }), `report.${format}`);
  } catch (error) {
    say(error.message, true);
  }
});
addEventListener("hashchange", show);
show();
