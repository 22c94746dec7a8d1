// Keeps an open page true: once a second it asks for its own address, and changes what changed, but nothing that someone is at.
// Every form works without it.
"use strict";

const POLL_MS = 1000, TIMEOUT_MS = 10_000;
const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
const page = document.body;
const byId = (id) => document.getElementById(id);

let tag = page.dataset.tag; // of what is shown
let latest = null; // the newest page, as long as something of it is held back
let awaySince = null;
let pending = false, timer; // whether a poll is under way
let forced = false; // someone has asked for what was held back

// --- Polling ---

async function poll() {
  if (pending || document.hidden) return;
  clearTimeout(timer);
  pending = true;
  try {
    const headers = { "If-None-Match": `"${tag || "none"}"` };
    const response = await fetch(location.href, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.status === 304) back();
    else await take(response, (problem) => response.status === 429 || away(problem)); // 429: too many at this moment
  } catch {
    away("");
  }
  pending = false;
  if (latest) update(latest);
  timer = setTimeout(poll, POLL_MS);
}

// Show what a response has to say. Returns its page, or undefined where it leads elsewhere or is an error, which `failed` shows.
async function take(response, failed = refused) {
  const fresh = parsed(await response.text());
  if (!response.ok) return void failed(fresh.getElementById("problem")?.textContent ?? "");
  if (new URL(response.url).pathname !== location.pathname) {
    sessionStorage.setItem("said", fresh.getElementById("flash")?.outerHTML ?? ""); // it is said once, and that was here
    return void location.assign(response.url);
  }
  if (document.querySelector("[data-retry]")) return void location.reload();
  back();
  tag = fresh.body.dataset.tag;
  update(fresh);
  return fresh;
}

const parsed = (text) => new DOMParser().parseFromString(text, "text/html");

// An action did not take place.
function refused(problem) {
  const line = document.createElement("p");
  line.textContent = problem || "This was not sent. Please try again.";
  byId("flash").replaceChildren(line);
  byId("flash").className = "error";
}

function away(problem) {
  awaySince ??= new Date().toLocaleTimeString();
  byId("connection").textContent = `${problem ? `${problem} Since` : "No connection since"} ${awaySince}; trying again.`;
  byId("connection").hidden = false;
}

function back() {
  awaySince = null;
  byId("connection").hidden = true;
}

// --- Changing what changed ---

function update(fresh) {
  const row = [...document.querySelectorAll("[data-key]")].find((each) => each.getBoundingClientRect().top >= 0);
  const top = row?.getBoundingClientRect().top;
  let held = 0;
  for (const region of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(region.id);
    if (next) held += patch(region, next.cloneNode(true));
  }
  const now = row && scrollY > 0 && document.querySelector(`[data-key="${CSS.escape(row.dataset.key)}"]`);
  if (now) scrollBy(0, now.getBoundingClientRect().top - top); // what is read stays where it is
  latest = held ? fresh : null;
  byId("held").hidden = !held;
  byId("held").textContent = held === 1 ? "1 change: show" : `${held} changes: show`;
  tell();
}

// Make `old` as `fresh`. Returns how many changes are left out because someone is at them.
function patch(old, fresh) {
  if (old.isEqualNode(fresh)) return 0;
  const before = [...old.children], after = [...fresh.children];
  const alike = old.nodeName === fresh.nodeName && !hasText(old) && !hasText(fresh);
  if (alike && before.length + after.length && [...before, ...after].every((each) => each.dataset.key)) return patchRows(old, before, after);
  if (alike && before.length === after.length) {
    if (!busy(old)) copyAttributes(old, fresh);
    return before.reduce((held, child, n) => held + patch(child, after[n]), 0);
  }
  if (busy(old)) return 1;
  old.replaceWith(fresh);
  return 0;
}

function patchRows(list, before, after) {
  const key = (row) => row.dataset.key;
  const fresh = new Map(after.map((row) => [key(row), row]));
  const known = new Set(before.map(key));
  const gone = before.filter((row) => !fresh.has(key(row)));
  const added = after.filter((row) => !known.has(key(row)));
  const order = after.map(key);
  let held = 0;
  for (const row of before) if (fresh.has(key(row))) held += patch(row, fresh.get(key(row)));
  if (before.map(key).join() === order.join()) return held;
  if (busy(list)) return held + Math.max(1, gone.length + added.length);
  const rows = new Map([...added, ...list.children].map((row) => [key(row), row]));
  list.replaceChildren(...order.map((each) => rows.get(each)));
  return held;
}

// Whether someone is at it: it has the focus, a selection, a checked box, or something open.
function busy(node) {
  if (forced) return false;
  const focus = document.activeElement, chosen = getSelection(), open = "details[open], dialog[open], input:checked";
  if (focus !== page && focus !== byId("main") && node.contains(focus)) return true;
  return (!chosen.isCollapsed && chosen.containsNode(node, true)) || node.matches(open) || node.querySelector(open) !== null;
}

const hasText = (node) => [...node.childNodes].some((each) => each.nodeType === Node.TEXT_NODE && each.data.trim());

function copyAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}

function showHeld() {
  getSelection().removeAllRanges();
  forced = true;
  if (latest) update(latest);
  forced = false;
}

// --- Times, in the words of texts.ago ---

function tell() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const words = ago(new Date(time.dateTime));
    if (words && words !== time.textContent) time.textContent = words;
  }
}

function ago(moment) {
  const seconds = Math.round((Date.now() - moment) / 1000), size = Math.abs(seconds);
  if (size > 7 * 86400) return null; // the date stays
  if (seconds >= -1 && seconds < 5) return "just now";
  const [unit, name] = UNITS.find(([each]) => size >= each);
  return seconds > 0 ? `${Math.floor(size / unit)} ${name} ago` : `in ${Math.floor(size / unit)} ${name}`;
}

// --- Forms ---

// A form marked data-quiet is sent without leaving the page, once however often it is clicked.
async function sendQuietly(event) {
  const form = event.target;
  if (!form.matches("[data-quiet]")) return;
  event.preventDefault();
  if (form.dataset.sent) return;
  form.dataset.sent = "yes";
  const row = form.closest("[data-key]")?.dataset.key;
  try {
    const fresh = await take(await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, event.submitter)) }));
    if (fresh) {
      say(fresh.getElementById("flash"));
      if (!byId("flash").matches(".error")) form.reset();
      byId("flash").scrollIntoView({ block: "nearest" });
      showHeldAt(row, fresh);
    }
  } catch {
    refused("");
  }
  delete form.dataset.sent;
}

// After an action in a row its buttons are others: the focus stays in the row.
function showHeldAt(key, fresh) {
  latest = fresh;
  const inside = key && document.activeElement.closest(`[data-key="${CSS.escape(key)}"]`);
  showHeld();
  if (inside && !document.activeElement.closest("[data-key]")) {
    document.querySelector(`[data-key="${CSS.escape(key)}"] :is(a, button)`)?.focus({ preventScroll: true });
  }
}

function say(said) {
  byId("flash").replaceChildren(...said.cloneNode(true).childNodes);
  byId("flash").className = said.className;
}

// A field marked data-upload sends each chosen file at once, and each has its own line.
async function upload(field, files) {
  const results = byId(field.dataset.upload);
  for (const file of files) {
    const line = results.appendChild(document.createElement("li"));
    line.dir = "auto";
    line.textContent = `${file.name}: uploading …`;
    const said = await send(field, file);
    line.textContent = said.text;
    line.className = said.isError ? "wrong" : "fine";
  }
}

async function send(field, file) {
  if (file.size > Number(field.dataset.maxBytes)) return { text: `${file.name}: ${field.dataset.tooLarge}`, isError: true };
  const body = new FormData(field.form);
  body.set(field.name, file);
  try {
    const fresh = await take(await fetch(field.form.action, { method: "POST", body }));
    const said = fresh?.getElementById("flash");
    if (said) return { text: said.textContent.trim(), isError: said.matches(".error") };
  } catch {
    refused("");
  }
  return { text: `${file.name}: not uploaded. Please try again.`, isError: true };
}

function receiveFiles(field) {
  const place = field.closest(".drop");
  field.form.querySelector("button").hidden = true;
  field.addEventListener("change", async () => {
    const files = [...field.files];
    field.value = "";
    await upload(field, files);
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  addEventListener("dragleave", (event) => event.relatedTarget || place.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    upload(field, [...event.dataTransfer.files]);
  });
}

// A choice marked data-now needs no button.
function sendOnChange(select) {
  select.form.querySelector("button").hidden = true;
  select.addEventListener("change", () => select.form.requestSubmit());
}

// A box marked data-all stands for all boxes of that name.
function checkAll({ target }) {
  if (!target.dataset.all) return;
  for (const box of document.getElementsByName(target.dataset.all)) box.checked = target.checked;
}

document.documentElement.className = "js";
const said = sessionStorage.getItem("said");
sessionStorage.removeItem("said");
if (said) say(parsed(said).getElementById("flash"));
document.querySelectorAll("[data-upload]").forEach(receiveFiles);
document.querySelectorAll("[data-now]").forEach(sendOnChange);
document.addEventListener("submit", sendQuietly);
document.addEventListener("change", checkAll);
byId("held").addEventListener("click", showHeld);
setInterval(tell, POLL_MS);
if (document.querySelector("[data-live], [data-retry]")) {
  setTimeout(poll, POLL_MS);
  document.addEventListener("visibilitychange", () => document.hidden || poll());
}
