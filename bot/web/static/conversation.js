// What the page of a conversation gains by JavaScript: what is typed is kept on the server, counted as the
// network counts, and others' doings are shown without a reload. Without it, forms and links do all of it.
"use strict";

(() => {
  const talk = document.querySelector(".talk");
  if (!talk) return;
  const path = `/mentions/${talk.dataset.mention}`;
  const here = talk.dataset.here; // the same, with the list that one works through
  const KEEP = 2000, COUNT = 250, LOOK = 25000, ARMED = 6000, MOMENT = 10000;
  let leaving = false, lost = false;

  const send = (verb, form, changes = {}, keepalive = false) => {
    const fields = new URLSearchParams(new FormData(form));
    for (const [name, value] of Object.entries(changes)) fields.set(name, value);
    return fetch(`${path}/${verb}`, { method: "POST", body: fields, keepalive, redirect: "manual" });
  };

  // --- Typing: kept every few seconds, and when one looks elsewhere or leaves ---
  for (const form of document.querySelectorAll("form[data-editor]")) {
    const text = form.querySelector("textarea");
    const state = form.querySelector("[data-state]");
    const preview = form.querySelector("[data-preview]");
    const stored = text.dataset.stored;
    let kept = text.value, keeping = 0, counting = 0, asked = 0;

    const keep = async (keepalive = false) => {
      clearTimeout(keeping);
      keeping = 0;
      if (leaving || text.value === kept) return;
      const value = text.value;
      if (keepalive) remember(value);
      try {
        const answer = await send("typing", form, { text: value === stored ? "" : value }, keepalive);
        lost = !answer.ok;
        if (answer.ok) kept = value;
        state.textContent = answer.ok ? talk.dataset.kept : talk.dataset.signedOut;
      } catch {
        lost = true;
        state.textContent = talk.dataset.notKept;
      }
      state.classList.toggle("warned", lost);
      if (lost && !keeping) keeping = setTimeout(keep, KEEP * 5);
    };
    const count = async () => {
      const mine = ++asked;
      try {
        const answer = await send("count", form);
        if (!answer.ok || mine !== asked) return;
        const found = await answer.json();
        form.querySelector("[data-count]").innerHTML = found.count;
        form.querySelector("[data-price]").innerHTML = found.price;
        text.setAttribute("aria-invalid", String(found.over));
      } catch { /* the server says it when the text is saved */ }
    };
    const show = () => {
      preview.hidden = text.value === stored || !text.value.trim();
      preview.querySelector(".said").textContent = text.value;
    };

    // A reload may overtake what was typed last: for a moment this tab remembers it.
    const place = `vigie.typed ${path} ${form.dataset.editor}`;
    const remember = (value) => {
      try { sessionStorage.setItem(place, JSON.stringify({ value, at: Date.now() })); } catch { /* the server may have it */ }
    };
    const remembered = () => {
      try {
        const found = JSON.parse(sessionStorage.getItem(place));
        sessionStorage.removeItem(place);
        return found && Date.now() - found.at < MOMENT ? found.value : text.value;
      } catch { return text.value; }
    };

    text.addEventListener("input", () => {
      show();
      if (!keeping) keeping = setTimeout(keep, KEEP);
      clearTimeout(counting);
      counting = setTimeout(count, COUNT);
    });
    text.addEventListener("blur", () => keep());
    text.addEventListener("keydown", (event) => {
      if (event.key === "Escape") text.blur();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        arm(form.querySelector("[data-approve]") || form.querySelector("button"));
      }
    });
    window.addEventListener("pagehide", () => keep(true));
    document.addEventListener("visibilitychange", () => document.hidden && keep(true));
    const late = remembered();
    if (late !== text.value) {
      text.value = late;
      form.closest("details").open = true;
      keep();
    }
    if (text.value !== stored) { show(); count(); }
  }
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) leaving = Boolean(event.target.closest("#drafts, .unsent"));
  });
  window.addEventListener("pageshow", () => { leaving = false; });
  window.addEventListener("beforeunload", (event) => { if (lost && !leaving) event.preventDefault(); });

  // --- Who is here, and what happened meanwhile ---
  let shown = talk.dataset.version, looking = false, again = false;
  const banner = document.getElementById("changed");

  const look = async () => {
    if (looking) { again = true; return; }
    looking = true;
    try {
      const answer = await fetch(`${path}/here`, { redirect: "manual" });
      if (!answer.ok) return;
      const found = await answer.json();
      tell(found.here);
      if (String(found.version) !== shown) {
        shown = String(found.version);
        announce(found.news);
        await refresh();
      }
    } catch { /* the next look will tell */ } finally {
      looking = false;
      if (again) { again = false; setTimeout(look, 500); }
    }
  };
  const tell = (lines) => {
    const place = document.getElementById("here");
    if (lines.map((one) => one.text).join() === [...place.children].map((one) => one.textContent).join()) return;
    place.replaceChildren(...lines.map((one) => {
      const line = document.createElement("span");
      line.className = one.writes ? "one writes" : "one";
      line.textContent = one.text;
      return line;
    }));
  };
  const announce = (news) => {
    const link = document.createElement("a");
    link.href = here;
    link.textContent = talk.dataset.reload;
    banner.replaceChildren(`${news}. `, link);
    banner.hidden = false;
  };
  // The parts that nobody is writing in are shown as they are now; drafts and editors stay as they were seen.
  const refresh = async () => {
    const answer = await fetch(here, { redirect: "manual" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of talk.querySelectorAll("[data-live]")) {
      const now = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      if (now && !inUse(part)) {
        for (const open of part.querySelectorAll("details[open] > summary")) {
          const same = [...now.querySelectorAll("summary")].find((one) => one.textContent === open.textContent);
          if (same) same.parentElement.open = true;
        }
        part.replaceWith(now);
      }
    }
  };
  const inUse = (part) => part.contains(document.activeElement)
    || [...part.querySelectorAll("textarea, input:not([type=hidden])")].some((one) => one.value !== one.defaultValue)
    || [...part.querySelectorAll("option")].some((one) => one.selected !== one.defaultSelected && one.index > 0);

  setInterval(() => document.hidden || look(), LOOK);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  if (window.EventSource) {
    const live = new EventSource("/live");
    live.addEventListener("change", look);
    window.addEventListener("pagehide", () => live.close());
  }

  // --- Keys: those of two strokes, or that open something; keys.js knows the others ---
  let armed = null, disarming = 0, went = 0;
  const arm = (button) => {
    disarm();
    armed = button;
    button.classList.add("armed");
    button.focus();
    banner.replaceChildren(talk.dataset.again);
    banner.hidden = false;
    disarming = setTimeout(disarm, ARMED);
  };
  const disarm = () => {
    clearTimeout(disarming);
    if (!armed) return;
    armed.classList.remove("armed");
    armed = null;
    banner.hidden = true;
  };
  const draft = () => document.activeElement.closest(".draft") || document.querySelector(".draft");
  const visible = (button) => button && button.offsetParent !== null;
  const keys = {
    e: () => {
      const editor = (draft() || document).querySelector("details.editor");
      if (!editor) return;
      editor.open = true;
      const text = editor.querySelector("textarea");
      text.focus();
      text.setSelectionRange(text.value.length, text.value.length);
    },
    a: () => {
      if (armed) { armed.click(); return; }
      const button = [...(draft() || document).querySelectorAll("[data-approve]")].find(visible);
      if (button) arm(button);
    },
    q: () => { if (Date.now() - went < 1500) document.querySelector("a[rel=up]").click(); },
    g: () => { went = Date.now(); },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input, textarea, select") || document.querySelector("dialog[open]")) return;
    if (!document.getElementById("keys-on").checked) return;
    if (event.key === "Escape") disarm();
    if (!event.repeat && keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
})();
