// The console: what is in the topics, found by a query, and whether everything is well. It talks to nothing but this broker.

const PAGE = 50;
const REFRESH_MS = 5000;
const LIVE_MS = 1000;

const element = (id) => document.getElementById(id);
const state = { shown: 0, total: 0, run: 0, timer: null };

async function getJson(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok && !("status" in body && typeof body.status === "string")) {
    throw new Error(body.error?.reason ?? `${path} answered ${answer.status}`);
  }
  return body;
}

function make(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function shown(value) {
  if (value === null) return make("span", "null", "null");
  return document.createTextNode(typeof value === "string" ? value : JSON.stringify(value));
}

function row(hit) {
  const source = hit._source;
  const line = make("tr");
  line.append(
    make("td", new Date(source.timestamp).toISOString().replace("T", " ").replace("Z", "")),
    make("td", `${source.topic}-${source.partition} @ ${source.offset}`),
  );
  const key = make("td");
  key.append(shown(source.key));
  const value = make("td", undefined, "value");
  value.append(shown(source.value));
  value.title = "Click to open";
  value.addEventListener("click", () => {
    if (window.getSelection()?.toString()) return;
    const open = line.classList.toggle("open");
    value.textContent = "";
    value.append(open ? document.createTextNode(JSON.stringify({ value: source.value, headers: source.headers }, null, 2)) : shown(source.value));
  });
  line.append(key, value);
  return line;
}

function summarize(answer) {
  const total = answer.hits.total.value.toLocaleString();
  const lagging = Object.entries(answer.lagging ?? {}).length;
  element("summary").textContent = `${total} record${answer.hits.total.value === 1 ? "" : "s"} in ${answer.took} ms` + (lagging ? `; ${lagging} topic(s) are still being indexed` : "");
}

async function search(from = 0) {
  const run = ++state.run;
  const topic = element("topic").value;
  const query = element("query").value.trim();
  const params = new URLSearchParams({ size: PAGE, from, sort: "newest" });
  if (query) params.set("q", query);
  try {
    const answer = await getJson(`/${encodeURIComponent(topic)}/_search?${params}`);
    if (run !== state.run) return;
    const body = element("hits").tBodies[0];
    if (from === 0) body.replaceChildren();
    body.append(...answer.hits.hits.map(row));
    state.shown = from + answer.hits.hits.length;
    state.total = answer.hits.total.value;
    summarize(answer);
    element("problem").hidden = true;
    element("hits").hidden = state.shown === 0;
    element("empty").hidden = state.total > 0 || query !== "";
    element("more").hidden = state.shown >= Math.min(state.total, 10000);
  } catch (error) {
    if (run !== state.run) return;
    element("problem").textContent = error.message;
    element("problem").hidden = false;
  }
}

function listing(into, entries, empty) {
  element(into).replaceChildren(...(entries.length ? entries : [make("li", empty, "null")]));
}

async function refreshTopics() {
  const { topics } = await getJson("/api/topics");
  const visible = topics.filter((topic) => !topic.internal);
  listing("topics", visible.map((topic) => {
    const item = make("li");
    const name = make("button", topic.name);
    name.type = "button";
    name.setAttribute("aria-current", String(element("topic").value === topic.name));
    name.addEventListener("click", () => choose(topic.name));
    item.append(name, make("span", topic.records.toLocaleString()));
    return item;
  }), "none yet");
  const select = element("topic");
  const wanted = ["_all", ...visible.map((topic) => topic.name)];
  if (wanted.join() !== [...select.options].map((option) => option.value).join()) {
    const before = select.value;
    select.replaceChildren(...wanted.map((name) => new Option(name === "_all" ? "all topics" : name, name)));
    select.value = wanted.includes(before) ? before : "_all";
  }
}

async function refreshGroups() {
  const { groups } = await getJson("/api/groups");
  listing("groups", groups.map((group) => {
    const item = make("li");
    item.append(document.createTextNode(group.id), make("span", group.lag === null ? group.state : `lag ${group.lag.toLocaleString()}`));
    item.title = `${group.state}, ${group.members} member(s)`;
    return item;
  }), "none yet");
}

async function refreshHealth() {
  const badge = element("health");
  try {
    const { status } = await getJson("/health");
    badge.className = `badge ${status}`;
    element("health-text").textContent = status === "green" ? "healthy" : status === "yellow" ? "degraded" : "failing";
  } catch {
    badge.className = "badge red";
    element("health-text").textContent = "unreachable";
  }
}

function choose(topic) {
  element("topic").value = topic;
  search();
  refresh();
}

function refresh() {
  return Promise.allSettled([refreshTopics(), refreshGroups(), refreshHealth()]);
}

function live() {
  clearInterval(state.timer);
  state.timer = element("live").checked ? setInterval(() => search(), LIVE_MS) : null;
}

element("hint").textContent = `echo '{"level":"error","message":"disk full"}' | chronik produce logs\nchronik search logs 'level:error'`;
element("search").addEventListener("submit", (event) => {
  event.preventDefault();
  search();
});
element("topic").addEventListener("change", () => search());
element("live").addEventListener("change", live);
element("more").addEventListener("click", () => search(state.shown));

refresh().then(() => search());
setInterval(refresh, REFRESH_MS);
