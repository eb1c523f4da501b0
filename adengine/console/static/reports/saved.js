// Saved reports: kept by name, sent on a schedule, shared by links.
import { ask, asBody, askJson, byId, element, say } from "./common.js";

const PATH = "/v1/reports/saved";
const told = (text, isWrong = false) => say(text, isWrong, "saved-status");
let open = () => {};

/** query: gives the builder's parameters.  opened: is called with those of a report to be shown. */
export function savedForm(query, opened) {
  open = opened;
  const form = byId("keep");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      const made = await askJson(PATH, [], { method: "POST", body: bodyOf(new FormData(form), query()) });
      form.elements.name.value = "";
      await listSaved();
      told(`${made.name} is saved.${made.next_at ? ` It is sent next at ${made.next_at}.` : ""}`);
    });
  });
}

function bodyOf(given, query) {
  const schedule = given.get("every") ? { every: given.get("every"), at: given.get("at"), format: given.get("format"),
    webhook: given.get("webhook") || null } : null;
  return { name: given.get("name"), query: asBody(query), schedule };
}

export async function listSaved() {
  await attempt(async () => {
    const items = [];
    for (let cursor = []; cursor;) {
      const page = await askJson(PATH, [["limit", "200"], ...cursor]);
      items.push(...page.items);
      cursor = page.next && [["cursor", page.next]];
    }
    byId("saved").replaceChildren(...items.map(entry));
    told(items.length ? "" : "None is saved yet.");
  });
}

function entry(report) {
  const made = element("li");
  const sending = report.schedule
    ? `Sent every ${report.schedule.every} as ${report.schedule.format} ${report.schedule.webhook ? `to ${report.schedule.webhook}` : "into the engine's folder"}, next at ${report.next_at}.`
    : "";
  const buttons = element("span", "", "row");
  buttons.append(
    button("Open", report, () => open(parametersOf(report.query))),
    button("Share", report, () => share(report, made)),
    ...(report.schedule ? [button("What was sent", report, () => sent(report, made))] : []),
    button("Forget", report, () => forget(report)),
  );
  made.append(element("strong", report.name), element("span", sending, "note"), buttons);
  return made;
}

function button(text, report, act) {
  const made = element("button", text, "plain");
  made.type = "button";
  made.setAttribute("aria-label", `${text}: ${report.name}`);
  made.addEventListener("click", () => attempt(act));
  return made;
}

function parametersOf(query) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) found.append(name, each);
  }
  return found;
}

async function share(report, place) {
  const link = await askJson(`${PATH}/${report.id}/links`, [], { method: "POST", body: {} });
  const made = element("p", "Whoever has this link reads this report, and nothing else: ", "note");
  const address = element("a", link.url);
  address.href = link.url;
  made.append(address, ` It lasts until ${link.expires_at.slice(0, 10)}. `);
  const back = button("Take it back", report, async () => {
    await ask(`${PATH}/${report.id}/links/${link.id}`, [], { method: "DELETE" });
    made.replaceChildren("The link opens nothing any more.");
  });
  made.append(back);
  place.append(made);
  told("The link is made.");
}

async function sent(report, place) {
  const { items } = await askJson(`${PATH}/${report.id}/sent`);
  const lines = items.map((each) => element("li", each.delivered_at
    ? `${each.due_at}: arrived at ${each.delivered_at}, ${each.target}`
    : `${each.due_at}: ${each.problem || "on its way"}${each.next_try_at ? `; tried again at ${each.next_try_at}` : ""}`));
  const made = element("ul", "", "note");
  made.append(...(lines.length ? lines : [element("li", "Nothing yet.")]));
  place.append(made);
}

async function forget(report) {
  await ask(`${PATH}/${report.id}`, [], { method: "DELETE" });
  await listSaved();
  told(`${report.name} is forgotten, and so are its links.`);
}

async function attempt(act) {
  try {
    await act();
  } catch (error) {
    told(error.message, true);
  }
}
