// Keeps the page as the sandbox is: fetches it again and swaps the parts that changed.
"use strict";

const LOOK_EVERY_MS = 600;
let tag = "";
let isBusy = false;

async function refresh() {
  if (isBusy || document.hidden) return;
  isBusy = true;
  try {
    const answer = await fetch("/", { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    document.getElementById("gone").hidden = true;
    if (answer.status === 200) {
      tag = answer.headers.get("ETag") || "";
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
  } catch {
    document.getElementById("gone").hidden = false;
  } finally {
    isBusy = false;
  }
}

function show(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next && next.outerHTML !== part.dataset.shown && !isTyping(part)) swap(part, next);
  }
}

// Somebody is writing a figure there.
function isTyping(part) {
  return part.contains(document.activeElement) && document.activeElement.tagName === "INPUT";
}

function swap(part, next) {
  const focusedId = part.contains(document.activeElement) ? document.activeElement.id : "";
  const openIds = [...part.querySelectorAll("details[open][id]")].map((details) => details.id);
  const list = part.querySelector(".messages");
  const isAtEnd = list && list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  const scrolledTo = list ? list.scrollTop : 0;
  const known = new Set([...part.querySelectorAll(".message")].map((message) => message.id));

  const source = next.outerHTML;
  next.dataset.shown = source;
  part.replaceWith(next);

  for (const id of openIds) {
    const details = document.getElementById(id);
    if (details) details.open = true;
  }
  for (const message of next.querySelectorAll(".message")) {
    if (!known.has(message.id)) message.classList.add("new");
  }
  const freshList = next.querySelector(".messages");
  if (freshList) freshList.scrollTop = isAtEnd ? freshList.scrollHeight : scrolledTo;
  if (focusedId) document.getElementById(focusedId)?.focus({ preventScroll: true });
}

// Switches answer in place, without loading the page anew.
document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const fields = new URLSearchParams(new FormData(form, event.submitter));
  if (event.submitter) event.submitter.focus();
  form.closest("details")?.removeAttribute("open");
  try {
    await fetch(form.action, { method: "POST", body: fields });
  } catch {
    document.getElementById("gone").hidden = false;
  }
  await refresh();
});

for (const list of document.querySelectorAll(".messages")) list.scrollTop = list.scrollHeight;
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, LOOK_EVERY_MS);
