"use strict";
// What the pages need beyond htmx: forms that speak JSON, uploads that can be resumed, the chart, local times.

const csrf = () => document.querySelector("meta[name=csrf]").content;
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const once = () => crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2) + Date.now();

function said(form, text, good = false) {
  let out = form.querySelector(good ? "[role=status]" : "[role=alert]");
  if (!out) {
    out = document.createElement("div");
    out.setAttribute("role", good ? "status" : "alert");
    form.append(out);
  }
  if (good) out.className = "said";
  out.textContent = text;
}

async function ask(method, path, body, more = {}) {
  const headers = { "X-CSRF-Token": csrf(), "X-Fetched": "1", ...more };
  if (body !== undefined && !(body instanceof Blob)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  const answer = await fetch(path, { method, headers, body, credentials: "same-origin" });
  let told = {};
  try { told = await answer.json(); } catch { /* an answer without a document */ }
  if (answer.status === 401) location.assign("/sign-in?next=" + encodeURIComponent(location.pathname + location.search));
  if (!answer.ok) {
    let detail = told.detail;
    if (Array.isArray(detail)) detail = detail.map((one) => (one.loc || []).slice(1).join(".") + ": " + one.msg).join("\n");
    const text = told.mistakes ? told.mistakes.join("\n") : detail || "the server said " + answer.status;
    throw Object.assign(new Error(text + (told.hint ? "\n" + told.hint : "")), { told, status: answer.status });
  }
  return told;
}

// A form with data-api="POST /api/v1/..." sends its fields as JSON; then follows data-then, with {names} of the answer.
function fields(form, path) {
  const body = {};
  for (const [name, value] of new FormData(form)) {
    const input = form.elements[name];
    const kind = input.dataset ? input.dataset.kind : undefined;
    if (input.dataset && input.dataset.only && !path.endsWith("/" + input.dataset.only)) continue;
    if (input.dataset && input.dataset.file) { (body.changed = body.changed || {})[input.dataset.file] = value; continue; }
    if (value === "" && kind !== "text") continue;
    if (kind === "number") body[name] = Number(value);
    else if (kind === "numbers") body[name] = value.split(",").map(Number);
    else if (kind === "list") body[name] = value.split(/[\s,]+/).filter(Boolean);
    else if (kind === "yes" || input.type === "checkbox") body[name] = value === "on" || value === "true";
    else body[name] = value;
  }
  return body;
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.api) return;
  event.preventDefault();
  const button = event.submitter;
  const { api, then, show } = { ...form.dataset, ...(button ? button.dataset : {}) };
  const [method, path] = api.split(" ");
  form.dataset.key = form.dataset.key || once();
  said(form, "");
  if (form.querySelector("[role=status].said")) said(form, "", true);
  if (button) button.disabled = true;
  try {
    const told = await ask(method, path, fields(form, path), { "Idempotency-Key": form.dataset.key });
    delete form.dataset.key;
    if (show) { said(form, told[show], true); if (!button || !button.dataset.api) form.reset(); }
    else if (then) location.assign(then.replace(/\{(\w+)\}/g, (_, name) => told[name]));
    else location.reload();
  } catch (error) {
    if (error.status) delete form.dataset.key;
    said(form, error.message);
  } finally {
    if (button) button.disabled = false;
  }
});

document.addEventListener("click", (event) => {
  const menu = event.target.closest("[data-menu]");
  if (menu) {
    const open = menu.closest(".top").classList.toggle("open");
    menu.setAttribute("aria-expanded", String(open));
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

function localTimes(root) {
  const form = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
  for (const time of all("time[datetime]", root)) {
    const at = new Date(time.dateTime);
    if (!isNaN(at)) { time.textContent = form.format(at); time.title = time.dateTime; }
  }
}

function prepare(root) {
  localTimes(root);
  for (const form of all("form[data-fragment]", root)) {
    if (location.hash.length > 1) {
      form.elements.link.value = location.hash.slice(1);
      history.replaceState(null, "", location.pathname);
    }
  }
  for (const box of all("[data-chart]", root)) chart(box);
  for (const box of all("form[data-upload]", root)) uploads(box);
}

addEventListener("DOMContentLoaded", () => prepare(document));
document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
// What was told live has ended: show the page as it is now.
document.addEventListener("htmx:sseClose", (event) => { if (event.detail.type === "message") location.reload(); });

// Runs and rows over time.
function chart(box) {
  if (box.firstChild || !window.uPlot) return;
  const bars = uPlot.paths.bars({ size: [0.8, 60] });
  const data = JSON.parse(box.dataset.chart);
  const ink = getComputedStyle(document.documentElement);
  const of = (name) => ink.getPropertyValue(name).trim();
  const axis = { stroke: of("--soft"), grid: { stroke: of("--line"), width: 1 }, ticks: { stroke: of("--line") } };
  const short = new Intl.NumberFormat("en", { notation: "compact" });
  const plot = new uPlot({
    width: box.clientWidth, height: 220, padding: [10, 6, 0, 0],
    scales: { x: { time: true }, y: { range: (_, low, high) => [0, Math.max(high, 1)] }, runs: { range: (_, low, high) => [0, Math.max(high, 1)] } },
    series: [{}, { label: "rows", stroke: of("--act"), fill: of("--busy-bg"), width: 1, paths: bars, points: { show: false } },
      { label: "runs", scale: "runs", stroke: of("--good"), width: 2, points: { show: true, size: 5 } },
      { label: "with trouble", scale: "runs", stroke: of("--bad"), width: 2, points: { show: true, size: 5 } }],
    legend: { live: false }, cursor: { show: false },
    axes: [{ ...axis, values: (_, ticks, __, ___, step) => ticks.map((at) => moment(at, step)).map((said, n, told) => said === told[n - 1] ? "" : said) }, { ...axis, size: 60, values: (_, ticks) => ticks.map((n) => short.format(n)) },
      { ...axis, side: 1, scale: "runs", grid: { show: false }, size: 45, values: (_, ticks) => ticks.map((n) => Number.isInteger(n) ? n : "") }],
  }, data, box);
  const again = new AbortController();
  addEventListener("resize", () => plot.setSize({ width: box.clientWidth, height: 220 }), { signal: again.signal });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    again.abort();
    plot.destroy();
    chart(box);
  }, { once: true });
}

function moment(at, step) {
  const [day, time] = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short" }).format(at * 1000).split(" ");
  return step < 86400 ? time : day.slice(5);
}

// Files, piece by piece: a piece that was taken need not come again, so choosing the file again goes on where it stopped.
const PIECE = 8 * 1024 * 1024;

function piece(path, blob, tell) {
  return new Promise((good, bad) => {
    const request = new XMLHttpRequest();
    request.open("PUT", path);
    request.setRequestHeader("X-CSRF-Token", csrf());
    request.setRequestHeader("X-Fetched", "1");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => tell(event.loaded);
    request.onload = () => {
      let told = {};
      try { told = JSON.parse(request.responseText); } catch { /* told below */ }
      if (request.status < 300) good(told);
      else bad(Object.assign(new Error(told.detail || "the server said " + request.status), { status: request.status, told }));
    };
    request.onerror = () => bad(new Error("the connection was lost"));
    request.send(blob);
  });
}

async function send(form, file, group, row) {
  const bar = row.querySelector("progress"), text = row.querySelector("[role=status]");
  const begun = await ask("POST", "/api/v1/uploads", {
    group, name: file.name, bytes: file.size, modified: String(file.lastModified),
    parent: form.dataset.parent ? Number(form.dataset.parent) : null,
  });
  let at = begun.received, tries = 0;
  if (at) text.textContent = "going on where it stopped";
  const from = at, start = performance.now();
  while (at < file.size) {
    try {
      const told = await piece(`/api/v1/uploads/${begun.token}?at=${at}`, file.slice(at, at + PIECE), (sent) => {
        const done = at + sent, rate = (done - from) / (performance.now() - start) * 1000;
        bar.value = done / file.size;
        text.textContent = `${Math.floor(100 * done / file.size)} %, ${(rate / 1048576).toFixed(1)} MiB/s, ${Math.ceil((file.size - done) / Math.max(rate, 1))} s left`;
      });
      at = told.received;
      tries = 0;
    } catch (error) {
      if (error.status === 409 && error.told.received !== undefined) { at = error.told.received; continue; }
      if (error.status && error.status < 500 || ++tries > 8) throw error;
      text.textContent = "the connection was lost; trying again";
      await new Promise((good) => setTimeout(good, 500 * 2 ** tries));
    }
  }
  bar.value = 1;
  text.textContent = "here, whole; starting";
  return begun.token;
}

function uploads(form) {
  if (form.dataset.ready) return;
  form.dataset.ready = "1";
  const drop = form.querySelector(".drop"), input = form.querySelector("input[type=file]"), list = form.querySelector("ul");
  for (const name of ["dragover", "dragleave", "drop"]) drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name === "drop") { input.files = event.dataTransfer.files; input.dispatchEvent(new Event("change", { bubbles: true })); }
  });
  input.addEventListener("change", async () => {
    list.replaceChildren();
    const wanted = form.elements.group.value;
    for (const file of input.files) {
      const row = document.createElement("li");
      row.textContent = file.name + " ";
      const told = document.createElement("span");
      told.className = "soft small";
      row.append(told);
      list.append(row);
      if (!wanted) continue;
      try {
        const found = await ask("GET", `/api/v1/groups/${encodeURIComponent(wanted)}/match?name=${encodeURIComponent(file.name)}`);
        told.textContent = found.said;
      } catch (error) { told.textContent = error.message; }
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    said(form, "");
    const button = event.submitter, dry = button.value === "plan";
    if (!input.files.length) return said(form, "Choose a file first.");
    all("button", form).forEach((one) => { one.disabled = true; });
    let last = null;
    try {
      for (const [n, file] of [...input.files].entries()) {
        const row = list.children[n];
        if (file.size === 0) throw new Error(file.name + " is empty");
        row.append(document.createElement("progress"), Object.assign(document.createElement("div"), { role: "status" }));
        row.querySelector("progress").setAttribute("aria-label", "upload of " + file.name);
        row.querySelector("div").setAttribute("role", "status");
        const token = await send(form, file, form.elements.group.value, row);
        if (form.dataset.sample !== undefined) return location.assign("/sample?upload=" + token);
        const body = { dry, force: form.elements.force ? form.elements.force.checked : false };
        if (form.elements.note && form.elements.note.value) body.note = form.elements.note.value;
        last = await ask("POST", `/api/v1/uploads/${token}/import`, body, { "Idempotency-Key": token + (dry ? "-dry" : "") });
        row.querySelector("div").textContent = "run " + last.run;
      }
      location.assign(input.files.length > 1 ? "/runs" : "/runs/" + last.run);
    } catch (error) {
      said(form, error.message);
    } finally {
      all("button", form).forEach((one) => { one.disabled = false; });
    }
  });
}
