"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const card = document.getElementById("card");
  const hint = document.getElementById("hint");
  const note = document.getElementById("filter");
  const article = document.getElementById("article");
  const spans = [...article.querySelectorAll(".s")];
  const bars = [...document.querySelectorAll(".line rect")];
  const picks = [...document.querySelectorAll(".pick")];
  const forms = {
    direct: "quotation", indirect: "reported speech", mixed: "reported, in part quoted",
    narration: "deed, told by the outlet", background: "background",
  };
  const ways = {
    name: "by name", title: "by a title used before", office: "by office", metonymy: "by its seat",
    demonym: "by its people", pronoun: "by a pronoun", description: "as described",
    continued: "the speech goes on", headline: "named by the headline", author: "speaks throughout",
    signatory: "signed", addressee: "is addressed", named: "is named", dispute: "the other party",
  };
  let shown = -1;
  let pinned = -1;

  const make = (tag, text, name) => {
    const node = document.createElement(tag);
    if (text !== undefined && text !== null) node.textContent = text;
    if (name) node.className = name;
    return node;
  };
  const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);
  const side = (label) => (data.poles ? ["low", "high"][data.poles.indexOf(label)] || "mid" : "mid");
  const named = (mention) => mention.actors.map((id) => data.names[id] || id).join(" and ");
  const row = (list, term, text) => { list.append(make("dt", term), make("dd", text)); };

  function mention(list, term, found) {
    if (!found) return;
    const words = found.words ? `“${found.words}”, ` : "";
    row(list, term, `${named(found)} (${words}${ways[found.how] || found.how})`);
  }

  function fill(number) {
    const s = data.sentences[number];
    card.replaceChildren();
    const head = make("h3");
    const score = s.score === null ? "" : signed(s.score);
    head.append(make("span", s.label, side(s.label)), make("span", score));
    card.append(head);
    data.labels.forEach((label, i) => {
      const line = make("div", null, "p");
      const gauge = make("span", null, `gauge ${side(label)}`);
      gauge.style.setProperty("--v", s.p[i]);
      line.append(make("span", label), gauge, make("span", s.p[i].toFixed(2)));
      card.append(line);
    });
    const likely = data.labels.filter((_, i) => s.p[i] >= 0.1);
    const list = make("dl");
    row(list, "Label set", (s.set || likely).join(", "));
    if (s.form) row(list, "Form", forms[s.form]);
    if (s.form) mention(list, "Speaker", s.speaker);
    if (s.form && !s.speaker && s.form !== "background") row(list, "Speaker", "unclear");
    mention(list, "Toward", s.target);
    if (s.words.length) {
      row(list, "Words", s.words.map(([word, weight]) => `${word} ${signed(weight)}`).join(", "));
    }
    if (s.context) {
      row(list, "In context", s.context === s.label ? "the same label" : `${s.context}: neighbours change it`);
    }
    if (s.truncated) row(list, "Note", "longer than the model reads");
    if (s.unfamiliar) row(list, "Note", "unlike what the model was trained on");
    card.append(list);
    s.parts.forEach((part) => {
      const box = make("div", null, `part ${side(part.label)}`);
      box.append(make("div", part.text));
      const who = part.speaker ? named(part.speaker) : "unclear";
      const whom = part.target ? ` → ${named(part.target)}` : "";
      box.append(make("small", `${who}${whom}: ${part.label} ${part.score === null ? "" : signed(part.score)}`));
      card.append(box);
    });
    const copy = make("button", "Copy as citation");
    copy.type = "button";
    copy.onclick = () => cite(number, copy);
    const close = make("button", "Close");
    close.type = "button";
    close.onclick = () => { pinned = -1; show(-1); };
    card.append(copy, close);
  }

  function show(number) {
    if (number === shown) return;
    for (const node of [spans[shown], bars[shown]]) if (node) node.classList.remove("on");
    shown = number;
    card.hidden = number < 0;
    hint.hidden = number >= 0;
    card.classList.toggle("pinned", number >= 0 && number === pinned);
    if (number < 0) return;
    for (const node of [spans[number], bars[number]]) if (node) node.classList.add("on");
    fill(number);
  }

  function pin(number) {
    pinned = pinned === number ? -1 : number;
    show(-1);
    show(number);
  }

  function go(number) {
    const to = Math.min(Math.max(number, 0), spans.length - 1);
    if (!spans[to]) return;
    pinned = to;
    spans[to].focus({ preventScroll: true });
    spans[to].scrollIntoView({ block: "center" });
    show(to);
  }

  async function cite(number, button) {
    const s = data.sentences[number];
    const source = [data.title || data.name, data.outlet, data.date, data.url].filter(Boolean).join(", ");
    const who = s.speaker ? `${named(s.speaker)}: ` : "";
    const sure = Math.max(...s.p).toFixed(2);
    const score = s.score === null ? "" : `, score ${signed(s.score)}`;
    const run = data.run ? `, run ${data.run}` : "";
    // Marks within a quotation are single ones.
    const said = s.text.replace(/“|(?<![^\s([—–])"/g, "‘").replace(/[”"]/g, "’");
    const text = `${who}“${said}” ${source}, characters ${s.at[0]}–${s.at[1]}. `
      + `${s.label} (p = ${sure}${score}), stance model ${data.model}${run}.`;
    card.dataset.citation = text;
    let done = false;
    try { await navigator.clipboard.writeText(text); done = true; } catch { done = old(text); }
    if (button) button.textContent = done ? "Copied" : "Could not copy";
  }

  function old(text) {
    const area = make("textarea", text, "vh");
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }

  const speaks = (found, actor) => Boolean(found) && found.actors.some((id) => id === actor || data.sides[id] === actor);

  function filter(test, label) {
    let count = 0;
    data.sentences.forEach((s, number) => {
      const keep = !test || test(s) || s.parts.some(test);
      if (keep) count += 1;
      for (const node of [spans[number], bars[number]]) if (node) node.classList.toggle("dim", !keep);
    });
    note.hidden = !test;
    note.textContent = test ? `${label}: ${count} of ${spans.length} sentences. ` : "";
    if (test) {
      const all = make("button", "Show all", "pick");
      all.type = "button";
      all.onclick = () => { choose(null); };
      note.append(all);
    }
  }

  function choose(button) {
    const on = button && button.getAttribute("aria-pressed") !== "true";
    picks.forEach((pick) => pick.setAttribute("aria-pressed", String(on && pick === button)));
    const actor = on ? button.dataset.actor : null;
    filter(actor && ((s) => speaks(s.speaker, actor)), actor && `Only what ${data.names[actor]} says or does`);
  }

  picks.forEach((button) => { button.onclick = () => choose(button); });
  bars.forEach((bar) => { bar.onclick = () => go(Number(bar.dataset.n)); });
  spans.forEach((span, number) => {
    span.tabIndex = number ? -1 : 0;
    span.onpointerenter = (event) => { if (pinned < 0 && event.pointerType === "mouse") show(number); };
    span.onclick = () => { if (!String(window.getSelection())) pin(number); };
    span.onfocus = () => {
      spans.forEach((other) => { other.tabIndex = -1; });
      span.tabIndex = 0;
      if (span.matches(":focus-visible")) show(number);
    };
  });
  article.onpointerleave = () => { if (pinned < 0) show(-1); };
  document.querySelectorAll('a[href^="#s"]').forEach((link) => {
    link.onclick = (event) => {
      event.preventDefault();
      const { speaker, target } = link.dataset;
      if (speaker) {
        picks.forEach((pick) => pick.setAttribute("aria-pressed", "false"));
        filter((s) => speaks(s.speaker, speaker) && speaks(s.target, target),
          `${data.names[speaker] || speaker} toward ${data.names[target] || target}`);
      }
      go(Number(link.hash.slice(2)));
    };
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") { pinned = -1; show(-1); return; }
    const inside = article.contains(document.activeElement);
    const step = { ArrowDown: 1, ArrowRight: 1, j: 1, ArrowUp: -1, ArrowLeft: -1, k: -1 }[event.key];
    const at = spans.indexOf(document.activeElement);
    if (inside && step) { event.preventDefault(); go((at < 0 ? shown : at) + step); }
    if (inside && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); pin(at); }
    if (event.key === "c" && shown >= 0) cite(shown, card.querySelector("button"));
  });
  const wanted = /^#s(\d+)$/.exec(window.location.hash);
  if (wanted) go(Number(wanted[1]));
})();
