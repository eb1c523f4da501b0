// A shared report: the token stands behind the #, which browsers send to nobody.
import { ask, askJson, byId, save, say, showReport } from "./common.js";

const PATH = "/v1/reports/shared";
const METRICS = JSON.parse(byId("metrics").textContent);

async function show() {
  const key = location.hash.slice(1);
  try {
    const report = await askJson(PATH, [], { key });
    document.title = `${report.name} · adengine`;
    byId("name").textContent = report.name;
    const columns = Object.keys(report.definitions).filter((name) => METRICS.includes(name) || name in (report.rows[0] ?? {}));
    const metrics = columns.filter((name) => METRICS.includes(name));
    const groups = columns.filter((name) => !METRICS.includes(name));
    showReport(report, `${report.name}. The link lasts until ${report.expires_at}.`, groups, metrics, "UTC");
  } catch (error) {
    say(error.message, true);
  }
}

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
