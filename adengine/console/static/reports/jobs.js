// Reports that are too large for one answer: asked for, watched while they are made, and saved as files.
import { ask, asBody, askJson, byId, element, save, say } from "./common.js";

const PATH = "/v1/reports/jobs";
const AGAIN_MS = 1_000;
const told = (text, isWrong = false) => say(text, isWrong, "making-status");
let turn = 0;

/** query: gives the builder's parameters. */
export function backgroundButton(query) {
  byId("background").addEventListener("click", async () => {
    const mine = ++turn;
    byId("making").replaceChildren();
    told("The report is asked for.");
    try {
      await watch(await askJson(PATH, [], { method: "POST", body: { query: asBody(query()) } }), mine);
    } catch (error) {
      told(error.message, true);
    }
  });
}

async function watch(asked, mine) {
  const bar = element("progress");
  bar.max = 1;
  bar.setAttribute("aria-label", "How much of the report is made");
  byId("making").replaceChildren(bar);
  for (let job = asked; mine === turn; job = await askJson(`${PATH}/${asked.id}`)) {
    bar.value = job.progress;
    if (job.status === "failed") throw new Error(job.problem);
    if (job.status === "done") return show(job);
    told(job.status === "queued" ? "It waits for its turn." : `${Math.round(100 * job.progress)} % is made.`);
    await new Promise((then) => { setTimeout(then, AGAIN_MS); });
  }
}

function show(job) {
  byId("making").replaceChildren(...["csv", "ndjson", "parquet"].map((format) => {
    const made = element("button", format.toUpperCase(), "plain");
    made.type = "button";
    made.setAttribute("aria-label", `${made.textContent} of what was made`);
    made.addEventListener("click", async () => {
      try {
        await save(await ask(`${PATH}/${job.id}/file`, [["format", format]]), `${job.id}.${format}`);
      } catch (error) {
        told(error.message, true);
      }
    });
    return made;
  }));
  told(`${job.rows.toLocaleString("en")} ${job.rows === 1 ? "row is" : "rows are"} made, and kept until ${job.kept_until.slice(0, 10)}.`);
}
