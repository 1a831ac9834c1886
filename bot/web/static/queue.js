// The queue: what is new comes by itself, and keys move between the rows. Links do all of it without this file.
"use strict";

(() => {
  const PAUSE = 5000;   // so often at most the page is fetched anew, whatever happens
  const MINUTE = 60000; // so often at least, since the time left changes by itself
  const news = document.getElementById("news");
  const status = document.querySelector(".live");
  let source = null, last = Date.now(), planned = 0, busy = false;

  const list = () => document.getElementById("list");
  const rows = () => [...document.querySelectorAll("#list .item")];
  const ids = () => rows().map((row) => row.dataset.id);
  const row = (id) => document.querySelector(`#list .item[data-id="${CSS.escape(id)}"]`);
  const say = (text) => { status.textContent = text; };

  // --- What is new ------------------------------------------------------------------------------

  function soon() {
    if (planned || document.hidden) return;
    const wait = Math.max(0, last + PAUSE - Date.now()) + Math.random() * 500;
    planned = setTimeout(() => { planned = 0; refresh(); }, wait);
  }

  async function refresh() {
    if (busy || reading()) { soon(); return; }
    busy = true;
    last = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { "X-Fragment": "list" }, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok && page.getElementById("list")) swap(page);
      else if (answer.redirected || answer.status === 401) stop(status.dataset.off);
    } catch { say(status.dataset.off); } finally { busy = false; }
  }

  // Whoever marks words is reading them: the page waits.
  function reading() {
    const marked = getSelection();
    return !marked.isCollapsed && list().contains(marked.anchorNode);
  }

  function swap(page) {
    const before = new Set(ids());
    const at = document.activeElement.closest(".item");
    const on = document.activeElement.closest("#tabs a")?.getAttribute("href");
    const anchor = rows().find((one) => one.getBoundingClientRect().bottom > 0);
    const height = anchor?.getBoundingClientRect().top;
    const place = at ? ids().indexOf(at.dataset.id) : -1;

    document.getElementById("tabs").replaceWith(page.getElementById("tabs"));
    list().replaceWith(page.getElementById("list"));

    if (at) focus(row(at.dataset.id) || rows()[Math.min(place, rows().length - 1)]);
    else if (on) document.querySelector(`#tabs a[href="${CSS.escape(on)}"]`)?.focus({ preventScroll: true });
    const same = anchor && scrollY > 0 && row(anchor.dataset.id);
    if (same) scrollBy(0, same.getBoundingClientRect().top - height);
    greet(rows().filter((one) => !before.has(one.dataset.id)));
  }

  function greet(fresh) {
    for (const one of fresh) one.classList.add("fresh");
    if (!fresh.length) return;
    news.textContent = fresh.length === 1 ? news.dataset.one : news.dataset.many.replace("{n}", fresh.length);
  }

  // A page that nobody sees holds no connection: browsers have six for all tabs together.
  function listen() {
    if (source || document.hidden) return;
    source = new EventSource(`/live?after=${list().dataset.head}`);
    source.addEventListener("open", () => say(status.dataset.on));
    source.addEventListener("change", soon);
    source.addEventListener("error", () => {
      say(status.dataset.off);
      if (source && source.readyState === EventSource.CLOSED) { source = null; setTimeout(listen, MINUTE); }
    });
  }

  function stop(text) {
    source?.close();
    source = null;
    if (text) say(text);
  }

  document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); else { listen(); soon(); } });
  addEventListener("pagehide", () => stop());
  addEventListener("pageshow", (event) => { if (event.persisted) { listen(); soon(); } });
  setInterval(() => { if (!document.hidden && Date.now() - last >= MINUTE) refresh(); }, MINUTE / 4);
  say(status.dataset.off);
  listen();

  // --- Keys -------------------------------------------------------------------------------------

  const focus = (item) => item?.querySelector("a.open").focus({ preventScroll: true });

  function move(by) {
    const all = rows();
    const at = all.indexOf(document.activeElement.closest(".item"));
    const next = all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)];
    focus(next);
    next?.scrollIntoView({ block: "nearest" });
  }

  const DOES = {
    j: () => move(1),
    k: () => move(-1),
    o: () => document.activeElement.closest(".item")?.querySelector("a.open").click(),
    r: () => refresh(),
  };
  document.addEventListener("vigie:key", (event) => {
    const does = DOES[event.detail];
    if (!does) return;
    event.preventDefault();
    does();
  });
})();
