"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const list = document.getElementById("list");
  const more = document.getElementById("more");
  const STEP = 30;
  let found = [];
  let shown = 0;

  function make(tag, name, text) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // Text of any direction, kept apart from what stands around it.
  function own(tag, name, text) {
    const element = make(tag, name, text);
    element.dir = "auto";
    return element;
  }

  function marked(text, marks) {
    const paragraph = own("p", "");
    let at = 0;
    for (const [start, end, kind] of marks) {
      paragraph.append(text.slice(at, start), make("mark", "m" + kind, text.slice(start, end)));
      at = end;
    }
    paragraph.append(text.slice(at));
    return paragraph;
  }

  function passages(question) {
    const box = make("div", "passages");
    for (const one of question.passages) {
      const { title, document: id, text } = data.passages[one.text];
      const part = make("div", "passage");
      if (title || id) {
        const heading = make("h4", "", `${one.rank}. `);
        heading.append(make("bdi", "", title || id));
        if (title && id && title !== id) heading.append(" · ", make("bdi", "", id));
        part.append(heading);
      }
      part.append(marked(text, one.marks));
      box.append(part);
    }
    if (!question.passages.length) box.append(make("p", "", "No passage was found."));
    return box;
  }

  function badge(question) {
    if (question.prediction !== undefined) return question.right ? "right" : question.fault || "wrong";
    return question.rank ? `rank ${question.rank}` : "not found";
  }

  function outcome(question) {
    const line = make("div", "outcome");
    if (question.prediction !== undefined) {
      line.append("Answer: ", own("b", "", question.prediction || "none"));
      if (question.probability !== undefined) {
        line.append(` (${Math.round(100 * question.probability)} %)`);
      }
      line.append(" · ");
    }
    const gold = question.answers.slice(0, 4).join(" | ");
    line.append("Right: ", own("b", "", gold || "no answer"));
    if (question.answers.length > 4) line.append(` and ${question.answers.length - 4} more`);
    return line;
  }

  function item(question) {
    const box = make("details", "question");
    const summary = make("summary");
    const good = question.right || (question.prediction === undefined && question.rank);
    summary.append(
      make("span", "badge " + (good ? "right" : "wrong"), badge(question)),
      own("span", "asked", question.question),
      outcome(question),
    );
    box.append(summary);
    box.addEventListener("toggle", () => box.append(passages(question)), { once: true });
    return box;
  }

  function showMore() {
    for (const question of found.slice(shown, shown + STEP)) list.append(item(question));
    shown = Math.min(found.length, shown + STEP);
    more.hidden = shown >= found.length;
  }

  function choice(label, options) {
    const select = make("select");
    select.setAttribute("aria-label", label);
    for (const [value, text] of options) {
      const option = make("option", "", text);
      option.value = value;
      select.append(option);
    }
    select.addEventListener("change", update);
    return select;
  }

  function values(of) {
    const count = new Map();
    for (const question of data.questions) {
      const value = of(question);
      if (value) count.set(value, (count.get(value) || 0) + 1);
    }
    return [...count].sort((a, b) => b[1] - a[1]).map(([v, n]) => [v, `${v} (${n})`]);
  }

  const search = make("input");
  search.type = "search";
  search.placeholder = "Search questions and answers";
  search.setAttribute("aria-label", search.placeholder);
  search.dir = "auto";
  search.addEventListener("input", update);
  const asked = data.questions.some((q) => q.prediction !== undefined);
  const results = choice("Outcome", asked
    ? [["", "Right and wrong"], ["right", "Right"], ["wrong", "Wrong"]]
    : [["", "Every rank"], ["right", "Found at rank 1"], ["wrong", "Not at rank 1"]]);
  const faults = choice("Fault", [["", "Every fault"], ...values((q) => q.fault)]);
  const kinds = choice("Kind", [["", "Every kind"], ...values((q) => q.kind)]);
  const order = choice("Order", [["", "As asked"], ["up", "Least probable first"], ["down", "Most probable first"]]);
  const bar = document.getElementById("filters");
  bar.append(search, results);
  if (faults.length > 1) bar.append(faults);
  bar.append(kinds);
  if (data.questions.some((q) => q.probability !== undefined)) bar.append(order);

  function update() {
    const wanted = search.value.toLowerCase();
    found = data.questions.filter((q) =>
      (!wanted || [q.question, q.prediction || "", ...q.answers].join("\n").toLowerCase().includes(wanted)) &&
      (!results.value || (results.value === "right") === q.right) &&
      (!faults.value || q.fault === faults.value) &&
      (!kinds.value || q.kind === kinds.value));
    if (order.value) {
      const sign = order.value === "up" ? 1 : -1;
      found.sort((a, b) => sign * ((a.probability || 0) - (b.probability || 0)));
    }
    document.getElementById("count").textContent =
      `${found.length.toLocaleString("en")} of ${data.questions.length.toLocaleString("en")} questions`;
    list.replaceChildren();
    shown = 0;
    showMore();
  }

  more.addEventListener("click", showMore);
  update();
})();
