// The Decide page: one document of one run, shown for one question (payload, duty, start method, metric) at a time.
// Texts come from payloads and errors: they reach the page only as text nodes, never as markup.
"use strict";
(async () => {
  const $ = (id) => document.getElementById(id);
  const bytes = Uint8Array.from(atob($("data").textContent.trim()), (c) => c.charCodeAt(0));
  const doc = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();

  // -- numbers: rounded to what is shown already; units as handoff/analysis/units.py, a test holds the two together
  const digits = (x) => {
    if (x === 0) return "0";
    const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(x)) + 1e-9));
    const [whole, part] = x.toFixed(Math.min(100, places)).split(".");
    return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? "." + part : "");
  };
  const round3 = (x) => (x ? +x.toFixed(Math.min(100, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(x)) + 1e-9)))) : x);
  const TIMES = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];
  const SIZES = [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]];
  const unit = (x) => TIMES.find(([u]) => Math.abs(x) * (1 + 1e-12) >= u) || TIMES[3];
  const seconds = (x) => (x == null ? "?" : `${digits(round3(x / unit(x)[0]))} ${unit(x)[1]}`);
  const ratio = (x) => (x == null ? "?" : `${digits(x)}×`);
  const spread = ([, low, high], per) => `[${digits(round3(low / per))}–${digits(round3(high / per))}]`;
  const known = ([, low, high]) => high != null && low > 0 && high < 10 * low; // ends ten times apart tell nothing
  const interval = (t) => (known(t) ? `${seconds(t[0])} ${spread(t, unit(t[0])[0])}` : `${seconds(t[0])} ±?`);
  const ratioInterval = (t) => (t[1] > 0 && t[2] != null ? `${ratio(t[0])} ${spread(t, 1)}` : `${ratio(t[0])} ±?`);
  const size = (x) => {
    const [u, name] = SIZES.find(([each]) => Math.abs(x) >= each) || [1, "B"];
    return u > 1 ? `${digits(round3(x / u))} ${name}` : `${Math.round(x)} B`;
  };
  const sizeInterval = (t) => {
    if (t[1] == null || t[2] == null) return `${size(t[0])} ±?`;
    const [u] = SIZES.find(([each]) => Math.abs(t[0]) >= each) || [1];
    const one = (x) => (u > 1 ? digits(round3(x / u)) : `${Math.round(x)}`);
    return `${size(t[0])} [${one(t[1])}–${one(t[2])}]`;
  };
  const rate = (x) => (x >= 1e8 ? `${digits(round3(x / 1e9))} GB/s` : `${digits(round3(x / 1e6))} MB/s`);
  const amount = (table, t) => (table.unit === "bytes" ? sizeInterval(t) : interval(t));
  const count = (x) => (x == null ? "∞" : Math.ceil(x).toLocaleString("en"));

  // -- building
  const put = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
    return node;
  };
  const h = (tag, attributes, ...children) => put(document.createElement(tag), attributes, children);
  const s = (tag, attributes, ...children) => put(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
  const words = (text) => text.split("`").map((part, index) => (index % 2 ? h("code", null, part) : part));
  const fill = (node, ...children) => { node.replaceChildren(); return put(node, null, children); };
  const option = (value, text, chosen) => h("option", { value, selected: value === chosen }, text);

  // -- state, in the URL
  const KEYS = { payload: "", duty: doc.kinds[0] || "", start: "", metric: "", sort: "", compare: "", hide: "", find: "", pays: "", also: "" };
  const state = { ...KEYS };
  const readState = () => {
    const given = new URLSearchParams(location.hash.slice(1));
    for (const key of Object.keys(KEYS)) state[key] = given.get(key) ?? KEYS[key];
  };
  let asked = null; // the question that the browser's history has; another one is another step back
  const writeState = () => {
    const out = new URLSearchParams();
    for (const [key, value] of Object.entries(state)) if (value && (value !== KEYS[key] || key === "duty")) out.set(key, value);
    const question = ["payload", "duty", "start", "metric"].map((key) => state[key]).join(" ");
    if (asked !== null && asked !== question && "#" + out !== location.hash) history.pushState(null, "", "#" + out);
    else history.replaceState(null, "", "#" + out);
    asked = question;
    for (const link of document.querySelectorAll("a.keep")) link.hash = out;
  };
  const unique = (values) => [...new Set(values)];
  const settle = () => {
    if (!doc.kinds.includes(state.duty)) state.duty = doc.kinds[0] || "";
    const ofKind = doc.tables.filter((t) => t.kind === state.duty);
    const starts = unique(ofKind.map((t) => t.start_method));
    if (!starts.includes(state.start)) state.start = starts.includes("spawn") ? "spawn" : starts[0] ?? "";
    const here = ofKind.filter((t) => t.start_method === state.start);
    const metrics = unique(here.map((t) => t.metric));
    if (!metrics.includes(state.metric)) state.metric = metrics[0] ?? "";
    const payloads = unique(here.map((t) => t.payload));
    if (!doc.tables.some((t) => t.payload === state.payload)) state.payload = ""; // measured for another question: kept
    // what carries most of them first: a reader of the first columns has the usual ways before him
    const carries = new Map();
    for (const t of here) for (const c of t.cells) carries.set(c.strategy, (carries.get(c.strategy) || 0) + (c.strategy === t.baseline ? 1e6 : t.payload === state.payload && c.strategy === t.take ? 1e5 : c.outcome === "ok" ? 1 : 0));
    const strategies = Object.keys(doc.strategies).filter((name) => carries.has(name)).sort((a, b) => carries.get(b) - carries.get(a));
    const chosen = here.find((t) => t.payload === state.payload && t.metric === state.metric);
    if (chosen) { // its own columns by time, what has none at the end
      const took = (name) => (cellOf(chosen, name)?.time ?? cellOf(chosen, name)?.amount ?? [Infinity])[0];
      strategies.sort((a, b) => (took(a) === took(b) ? 0 : took(a) - took(b)));
    }
    if (!strategies.includes(state.compare)) state.compare = "";
    if (!Object.hasOwn(ALSO, state.also)) state.also = "";
    return { starts, metrics, payloads, strategies, here, tables: here.filter((t) => t.metric === state.metric) };
  };
  const cellOf = (table, strategy) => table.cells.find((c) => c.strategy === strategy);
  const hidden = () => new Set(state.hide.split(",").filter(Boolean));
  const change = (values) => { Object.assign(state, values); draw(); };

  // -- the question
  const LABEL = { codec: "codec (bytes and back)", start: "start (of a worker)" };
  const ask = (q) => {
    const groups = Map.groupBy ? Map.groupBy(q.here, (t) => t.group) : q.here.reduce((all, t) => all.set(t.group, [...(all.get(t.group) || []), t]), new Map());
    fill($("payload"), option("", `any of ${q.payloads.length} payload${q.payloads.length === 1 ? "" : "s"}`, state.payload),
      state.payload && !q.payloads.includes(state.payload) && option(state.payload, `${state.payload} (not measured)`, state.payload),
      [...groups].map(([name, found]) => h("optgroup", { label: name || "payloads" }, unique(found.map((t) => t.payload)).map((p) => option(p, p, state.payload)))));
    fill($("duty"), doc.kinds.map((k) => option(k, LABEL[k] || k, state.duty)));
    fill($("start"), q.starts.map((m) => option(m, m || "none: one process", state.start)));
    fill($("metric"), q.metrics.map((m) => option(m, m, state.metric)));
    $("metric").parentNode.hidden = q.metrics.length < 2;
    $("asked").textContent = `Asked: ${state.payload || "any payload"} as ${state.duty}${state.start ? `, ${state.start}` : ""}, ${state.metric}.`;
    $("duty-says").textContent = `${state.duty}: ${doc.duties[state.duty] || ""}. ${state.metric}: ${doc.meanings[state.metric] || ""}.`;
  };
  for (const key of ["payload", "duty", "start", "metric", "compare", "find", "also"]) {
    $(key).addEventListener(key === "find" ? "input" : "change", () => change({ [key]: $(key).value }));
  }
  $("ask").addEventListener("submit", (event) => event.preventDefault());  // Enter asks nothing of a server
  $("pays").addEventListener("change", () => change({ pays: $("pays").checked ? "1" : "" }));
  $("run")?.addEventListener("change", () => { location.href = $("run").value + location.hash; });
  try { const kept = localStorage.getItem("handoff-theme"); if (kept) document.documentElement.dataset.theme = kept; } catch { /* storage is off */ }
  $("theme").addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
    document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
    try { localStorage.setItem("handoff-theme", document.documentElement.dataset.theme); } catch { /* storage is off: not kept */ }
  });

  // -- the picture: the ways as bars, and how the same question is answered under the other start methods
  const ROWS = 12;
  const STANDS = { change: ["change", "a change pays"], safe: ["safer", "its worst case is less; that it takes less was not shown"], keep: ["keep", "what is done by default"], open: ["can't tell", "from this run"], lost: ["nothing works", "no way carries it to a process"], absent: ["not here", "what it is made with is not installed"] };
  const takenAs = (found) => (found.keep ? "keep" : found.pays ? "change" : "safe");
  const absent = (table) => table.cells.length > 0 && table.cells.every((c) => c.outcome === "unavailable");
  const stand = (table) => (!table.choice ? "" : absent(table) ? "absent" : table.take ? takenAs(table) : table.cells.some((c) => c.time && c.rank !== "reference") ? "open" : "lost");
  const pill = (table) => stand(table) && h("span", { class: `pill ${stand(table)}` }, STANDS[stand(table)][0]);
  const copyable = (text) => h("button", { type: "button", class: "copybutton", onclick: async (event) => {
    const button = event.currentTarget;
    try { await navigator.clipboard.writeText(text); button.textContent = "copied"; } catch { button.textContent = "select it and copy by hand"; }
    setTimeout(() => { button.textContent = "copy"; }, 2000);
  } }, "copy");
  const picture = (table) => {
    const off = hidden();
    const all = table.cells.filter((c) => c.time && (!off.has(c.strategy) || c.strategy === table.take)).sort((a, b) => a.time[0] - b.time[0]);
    if (all.length < 2) return null;
    const need = (c) => c.strategy === table.take || c.strategy === table.baseline;
    const cells = all.filter((c, index) => index < ROWS || need(c));
    const base = cellOf(table, table.baseline)?.time?.[0] ?? 0;
    const limit = 1.1 * Math.max(Math.min(2 * base, all[all.length - 1].time[0]), all[Math.floor((all.length - 1) / 2)].time[0]);
    const row = 24, left = 170, right = 250, width = 900, height = cells.length * row + 6;
    const X = (x) => left + (Math.min(x, limit) / limit) * (width - left - right);
    const mark = (c) => (c.strategy === table.take ? (table.keep ? "keep this" : "take this") : !table.take && c.strategy === table.advised ? "least at risk" : c.strategy === table.baseline && !table.fails ? "by default" : c.rank === "reference" ? "nothing is handed over" : "");
    const title = `${table.payload} as ${table.kind}${table.start_method ? `, ${table.start_method}` : ""}: ${table.metric}, the fastest first`;
    return h("figure", { id: "picture" }, h("figcaption", null, title),
      wide("Bars", s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}. All numbers are in the table below.` },
        cells.map((c, index) => {
          const y = index * row + 4, [value, low, high] = c.time;
          return s("g", { class: "way" + (c.strategy === table.take ? ` ${takenAs(table)}` : c.strategy === table.baseline && !table.fails ? " usual" : "") },
            s("text", { x: left - 8, y: y + 14, "text-anchor": "end" }, c.strategy),
            s("rect", { class: "bar", x: left, y, width: Math.max(1, X(value) - left), height: row - 7 }, s("title", null, `${c.strategy}: ${interval(c.time)}`)),
            known(c.time) && low < limit && s("path", { class: "reach", d: `M${X(low)} ${y + 5}V${y + 12}M${X(low)} ${y + 8.5}H${X(high)}` + (high < limit ? `M${X(high)} ${y + 5}V${y + 12}` : "l-6 -4m6 4l-6 4") }),
            s("text", { x: Math.max(X(value), known(c.time) ? X(high) : 0) + 8, y: y + 14 }, `${value > limit ? "→ " : ""}${seconds(value)}${known(c.time) ? "" : " ±?"}${mark(c) ? `  ◀ ${mark(c)}` : ""}`));
        }))),
      h("p", { class: "dim" }, "Bars are medians over fresh interpreters, the lines their 99 % intervals. ", cells.some((c) => !known(c.time)) && "±?: of too few trials to have one. ", cells.some((c) => Math.max(c.time[0], c.time[2] ?? 0) > limit) && "An arrow: longer than the picture. ", all.length > cells.length && (all.length - cells.length === 1 ? "One slower way is in the table." : `${all.length - cells.length} slower ways are in the table.`)));
  };
  // what is not here, or was not timed, may well carry it
  const byDefault = (fails) => (fails ? `${fails} does not carry it` : "not timed");
  const sideBySide = (table) => {
    const twins = doc.tables.filter((t) => t.kind === table.kind && t.payload === table.payload && t.metric === table.metric && t.choice);
    if (twins.length < 2) return null;
    return h("table", { class: "plain", id: "starts" }, h("caption", null, "The same question under each start method; seconds may be compared, the ways' order need not be the same"),
      h("thead", null, h("tr", null, ["start method", "verdict", "what is taken", "by default", "the default's factor"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", null, twins.map((t) => {
        const taken = cellOf(t, t.take), usual = t.fails ? null : cellOf(t, t.baseline);
        return h("tr", { class: t.start_method === state.start ? "chosen" : null },
          h("th", { scope: "row" }, t.start_method === state.start ? t.start_method : h("button", { type: "button", onclick: () => change({ start: t.start_method }) }, t.start_method || "none")),
          h("td", null, pill(t)),
          h("td", null, taken?.time ? [h("code", null, t.take), " ", interval(taken.time)] : t.short),
          h("td", null, usual?.time ? [h("code", null, t.baseline), " ", interval(usual.time)] : byDefault(t.fails)),
          h("td", null, taken && usual?.slower && taken !== usual ? ratioInterval(usual.slower) : taken && taken === usual ? "the same" : t.fails ? "nothing to compare with" : "not decided"));
      })));
  };
  // what other runs say to the same question: on other machines, Pythons, libraries
  const otherRuns = (table) => {
    const key = [table.kind, table.start_method, table.metric, table.payload].join("|");
    const found = doc.others.filter((run) => run.answers[key]).map((run) => ({ ...run, ...run.answers[key] }));
    if (!found.length || table.unit !== "seconds") return null;
    const taken = cellOf(table, table.take), usual = table.fails ? null : cellOf(table, table.baseline);
    const mine = { fails: table.fails, take: table.take, keep: table.keep, pays: table.pays, short: table.short, time: taken?.time, baseline: table.fails || table.baseline, usual: usual?.time, factor: usual?.slower, same_machine: true };
    const sort = (a) => (a.take ? takenAs(a) : a.timed ? "open" : "lost");
    const line = (a, head, kind) => h("tr", { class: head ? null : "chosen" },
      h("th", { scope: "row" }, head || "this run"),
      h("td", null, head ? a.unlike || "nothing" : ""),
      h("td", null, h("span", { class: `pill ${kind}` }, STANDS[kind][0])),
      h("td", null, a.take && a.time ? [h("code", null, a.take), " ", interval(a.time)] : a.short),
      h("td", null, a.usual ? [h("code", null, a.baseline), " ", interval(a.usual)] : byDefault(a.fails)),
      h("td", null, a.take === a.baseline ? "the same" : a.factor && a.take ? ratioInterval(a.factor) : "not decided"));
    return h("table", { class: "plain", id: "others" }, h("caption", null, "The same question in other runs", found.some((a) => !a.same_machine) && ": of another machine compare the factors, not the seconds"),
      h("thead", null, h("tr", null, ["run", "what is not as here", "verdict", "what is taken", "by default", "the default's factor"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", null, line(mine, "", stand(table) || "open"), found.map((a) => line(a, h("a", { class: "keep", href: a.page }, a.when), sort(a)))));
  };
  // of all payloads of a question: how many are of each sort, as one bar
  const overview = (counts) => {
    const all = counts.reduce((sum, [number]) => sum + number, 0);
    const found = counts.filter(([number]) => number);
    let at = 0;
    return all > 0 && h("figure", { id: "overview" },
      s("svg", { viewBox: `0 0 ${all} 1`, preserveAspectRatio: "none", role: "img", "aria-label": counts.map(([number, , word]) => `${number} ${word}`).join(", ") },
        found.map(([number, kind]) => s("g", { class: `way ${kind}` }, s("rect", { class: "bar", x: (at += number) - number, width: number, height: 1 })))),
      h("p", { class: "legend inline" }, found.map(([number, kind, word]) => h("span", { class: `way ${kind}` }, `${number} ${word}`))));
  };

  // -- the verdict, in words
  const FIRST = 12;
  let showAll = false;
  const links = (table, cell) => h("ul", { class: "inline" },
    table.record && h("li", null, h("a", { class: "record", href: "records/" + table.record.split("/").map(encodeURIComponent).join("/") }, "its record")),
    (cell || table.cells.find((c) => c.strategy === table.take))?.graph && h("li", null, h("a", { class: "graph", href: (cell || table.cells.find((c) => c.strategy === table.take)).graph, title: "asv's own pages need a web server and the network" }, "its graph in asv")),
    !cell && h("li", null, "again: ", h("code", null, table.command), " ", copyable(table.command)));
  const verdict = (q, shown) => {
    const box = $("verdict-text");
    const mine = state.payload ? q.here.filter((t) => t.payload === state.payload) : [];
    if (state.payload && !mine.length) {
      fill(box, h("div", { class: "verdict unclear" },
        h("p", { class: "answer" }, h("code", null, state.payload), ` was not measured as ${state.duty}${state.start ? ` under ${state.start}` : ""} in this run.`),
        h("p", null, "Measure it: ", h("code", null, `handoff measure ${doc.tables.find((t) => t.payload === state.payload).target} --payload ${state.payload} --duty ${state.duty}${state.start ? ` --start-method ${state.start}` : ""} -o DIR`)),
        h("p", { class: "dim" }, "Table and charts below are of the other payloads.")));
      return;
    }
    if (mine.length) {
      const table = mine.find((t) => t.metric === state.metric) || mine[0];
      const setup = doc.jobs.find((j) => j.payload === state.payload && j.start_method === state.start && j.words);
      const twin = ["argument", "state"].includes(state.duty);
      const about = doc.strategies[table.take], taken = table.saves && about?.summary ? about : null;
      const again = `handoff measure ${table.target} --payload ${table.payload} --duty argument --duty state --start-method ${state.start} -o DIR`;
      fill(box,
        h("div", { class: `verdict ${stand(table)}` + (table.take ? "" : " unclear") },
          table.saves && h("p", { class: "answer" }, table.take ? [table.keep ? "Keep " : "Take ", h("code", null, table.take)] : "Can't tell yet"),
          stand(table) && h("p", { class: "stand" }, pill(table), " ", STANDS[stand(table)][1]), table.unit === "seconds" && picture(table), sideBySide(table), otherRuns(table),
          table.saves && h("dl", null,
            h("dt", null, "it saves"), h("dd", { id: "saves" }, words(table.saves)),
            h("dt", null, "how sure"), h("dd", { id: "sure" }, words(table.sure)),
            taken && [h("dt", null, "what it is"), h("dd", { id: "what" }, taken.summary), h("dt", null, "what changes"), h("dd", { id: "changes" }, taken.meaning)],
            twin && [h("dt", null, "set it up once?"), h("dd", { id: "setup" }, setup ? words(setup.words) : ["Not measured; ", h("code", null, again)])]),
          [table, ...mine.filter((t) => t !== table)].map((t) =>
            h("p", null, mine.length > 1 && h("strong", null, `${t.metric}: `), words(t.words))),
          taken?.recipe && h("details", null, h("summary", null, "The code"), copyable(taken.recipe), h("pre", { class: "copy", tabindex: "0" }, taken.recipe)),
          table.more && h("p", { class: "dim" }, words(table.more)),
          !table.saves && twin && setup && h("p", null, h("strong", null, "Set it up once? "), words(setup.words)),
          table.why && h("p", { class: "dim" }, `${table.payload}: ${table.why}`, table.source && ` Source: ${table.source}.`),
          h("p", { class: "dim" }, table.unit === "seconds" && table.choice && `A/A error ${table.aa_text}: two copies of the baseline came out that far apart. `,
            table.stopped && `${table.stopped} `,
            table.noisy && h("strong", null, "This table is too noisy to tell much. "),
            !table.complete && h("strong", null, "The run was interrupted here. ")),
          h("p", null, links(table))));
      return;
    }
    const total = unique(shown.map((t) => t.payload)).length;
    const better = shown.filter((t) => t.take && t.pays), keep = shown.filter((t) => t.keep), rest = shown.filter((t) => !t.take);
    const safer = shown.filter((t) => t.take && !t.keep && !t.pays);
    const missing = rest.filter(absent), lost = rest.filter((t) => !absent(t) && !t.cells.some((c) => c.time || c.amount));
    const open = rest.filter((t) => !lost.includes(t) && !missing.includes(t));
    const gain = (t) => (t.pays ? cellOf(t, t.baseline)?.slower?.[0] ?? 1e6 : t.keep ? -1 : t.take ? 0 : -2);
    const choices = shown.some((t) => t.saves);
    if (choices && !state.sort) shown = [...shown].sort((a, b) => gain(b) - gain(a));
    const some = showAll ? shown : shown.slice(0, FIRST);
    fill(box,
      choices && h("p", { id: "summary" }, `Of ${total} payload${total === 1 ? "" : "s"}: `, [
        [better.length, "better handed over another way than by default"], [safer.length, "safer another way, though it was not shown to take less"], [keep.length, "with nothing to gain by a change"],
        [open.length, "not to be decided by this run"], [lost.length, "that nothing carries"], [missing.length, "whose library is not installed"]].filter(([n]) => n).map(([n, what], i) => `${i ? ", " : ""}${n} ${what}`), `. Choose yours above, or here${better.length ? ", the largest gain first" : ""}:`),
      choices && overview([better, safer, keep, open, lost, missing].map((found, i) => [found.length, Object.keys(STANDS)[i], Object.values(STANDS)[i][0]])),
      h("ul", { class: "verdicts" }, some.map((t) => h("li", null,
        h("button", { type: "button", onclick: () => { change({ payload: t.payload }); $("payload").focus(); } }, t.payload), ": ",
        stand(t) && [pill(t), " "],
        t.noisy && h("strong", null, "(noisy) "), words(t.words)))),
      shown.length > some.length && h("button", { type: "button", id: "all", onclick: () => { showAll = true; draw(); } }, `Show all ${shown.length} verdicts`),
      !shown.length && h("p", null, "Nothing matches the filters below."));
  };

  // -- the table
  const step = (x) => (x < 1.1 ? 0 : x < 1.5 ? 1 : x < 2 ? 2 : x < 4 ? 3 : x < 10 ? 4 : x < 50 ? 5 : 6);
  const least = (table) => Math.min(...table.cells.filter((c) => c.amount && c.amount[0] > 0).map((c) => c.amount[0]));
  const against = (table, cell) => {
    if (cell.amount) return cell.amount[0] > 0 ? round3(cell.amount[0] / least(table)) : 1;
    if (!state.compare) return (cell.slower || [null])[0];
    const other = cellOf(table, state.compare);
    return other?.time ? round3(cell.time[0] / other.time[0]) : null;
  };
  // what would do as well: its own bound decides
  const good = (table, cell) => cell?.rank === "best" || (cell?.rank === "contender" && cell.bound != null && cell.bound <= table.limit);
  const standing = (table, cell) => {
    if (!table.choice || cell.amount || ["far", "none"].includes(cell.rank)) return "";
    return cell.rank === "best" ? (table.take ? (table.keep ? "keep" : "take") : "least at risk") : cell.rank;
  };
  const cellText = (table, cell) => {
    const value = against(table, cell);
    const note = state.compare ? "" : standing(table, cell);
    return [note, value == null ? "" : (state.compare ? "≈" : "") + ratio(value)].filter(Boolean).join(" ");
  };
  const facts = (table, cell) => [
    ["strategy", cell.strategy], ["payload", table.payload],
    cell.outcome !== "ok" && ["outcome", cell.outcome], cell.reason && ["reason", cell.reason],
    cell.outcome === "ok" && !cell.time && !cell.amount && ["time", "not timed"],
    cell.time && ["time", interval(cell.time)],
    cell.amount && ["bytes", sizeInterval(cell.amount)],
    cell.amount && bare(table) && ["a bare worker", sizeInterval(bare(table))],
    cell.slower && [`against ${table.advised}`, ratioInterval(cell.slower)],
    cell.ratio && [`against ${table.baseline}`, ratioInterval(cell.ratio)],
    cell.bound != null && ["at most", `${ratio(cell.bound)} the best, all ways considered at once`],
    cell.left_out && ["measured no further", `after ${cell.left_out} trials: surely several times the best's time`],
    cell.floor && ["against the floor", `${ratioInterval(cell.floor)} of ${cell.floor_lane}`],
    cell.rate && ["speed", rate(cell.rate) + floorRate(table, cell)],
    cell.wire_bytes != null && ["encoded", `${cell.wire_bytes.toLocaleString("en")} bytes`],
    ...(cell.memory || []).map((t, i) => t && ["memory: " + doc.footprint[i], sizeInterval(t)]),
    cell.clean !== undefined && ["undisturbed samples only", `${cell.clean ? interval(cell.clean) : "none"} (${cell.disturbed.clean} of ${cell.disturbed.samples}; disturbed by ${["switches", "faults", "collections"].filter((c) => cell.disturbed[c]).map((c) => `${c} ${cell.disturbed[c]}`).join(", ")})`],
    cell.phases && ["phases", doc.phases.map((name, i) => `${name} ${seconds(cell.phases[i])}`).join(", ")],
  ].filter(Boolean);
  const ALSO = {
    interval: ["the time's interval", (t, c) => c.time && known(c.time) && interval(c.time)],
    baseline: ["× the baseline", (t, c) => c.ratio && ratioInterval(c.ratio)],
    floor: ["× the floor", (t, c) => c.floor && `${ratio(c.floor[0])} floor`],
    rate: ["the speed", (t, c) => c.rate && rate(c.rate)],
    memory: ["the worker's memory", (t, c) => c.memory?.[0] && size(c.memory[0][0])],
    bytes: ["encoded bytes", (t, c) => c.wire_bytes != null && `${c.wire_bytes.toLocaleString("en")} B`],
  };
  const bare = (table) => table.lanes.find((l) => l.name === "null")?.value;
  const floorRate = (table, cell) => {
    const lane = table.lanes.find((l) => l.name === cell.floor_lane);
    return lane?.rate ? `; the floor's is ${rate(lane.rate)}` : "";
  };
  const tip = $("tip");
  const showTip = (button, table, cell) => {
    tip.textContent = facts(table, cell).map(([name, value]) => `${name}: ${value}`).join("\n");
    tip.hidden = false;
    button.setAttribute("aria-describedby", "tip");
    const box = button.getBoundingClientRect();
    const below = box.bottom + tip.offsetHeight + 8 < innerHeight;
    tip.style.top = (below ? box.bottom + 4 : Math.max(4, box.top - tip.offsetHeight - 4)) + "px";
    tip.style.left = Math.max(4, Math.min(box.left, innerWidth - tip.offsetWidth - 4)) + "px";
  };
  const hideTip = (event) => { tip.hidden = true; event?.currentTarget.removeAttribute("aria-describedby"); };
  const openDetails = (table, cell) => {
    const about = doc.strategies[cell.strategy] || {};
    fill($("details-body"),
      h("h2", { id: "details-title" }, `${cell.strategy} for ${table.payload}`),
      about.summary && h("p", null, about.summary, h("br"), h("span", { class: "dim" }, about.meaning)),
      h("dl", null, facts(table, cell).slice(2).map(([name, value]) => [h("dt", null, name), h("dd", null, value)])),
      about.recipe && h("details", null, h("summary", null, "How it is done"), copyable(about.recipe), h("pre", { class: "copy", tabindex: "0" }, about.recipe)),
      h("p", null, "Measure it again: ", copyable(table.command)), h("code", { class: "copy", tabindex: "0" }, table.command),
      links(table, cell));
    $("details").showModal();
  };
  const drawTable = (q, found) => {
    const shown = found.filter((t) => !absent(t) || t.payload === state.payload); // what can't be made here has no figures
    const unmade = found.filter((t) => !shown.includes(t)).map((t) => t.payload);
    const off = hidden();
    const wanted = q.strategies.filter((name) => !off.has(name));
    const names = wanted.filter((name) => shown.some((t) => (cellOf(t, name)?.outcome ?? "unavailable") !== "unavailable"));
    const lacking = wanted.filter((name) => !names.includes(name));
    const setup = ["argument", "state"].includes(state.duty);
    const head = (key, text, more) => h("th", { scope: "col", "aria-sort": state.sort === key ? "ascending" : state.sort === "-" + key ? "descending" : null, ...more },
      h("button", { type: "button", onclick: () => change({ sort: state.sort === key ? "-" + key : key }) }, text, state.sort === key ? " ▲" : state.sort === "-" + key ? " ▼" : ""));
    const body = shown.map((table) => h("tr", { class: table.payload === state.payload ? "chosen" : null },
      h("th", { scope: "row" }, table.payload, table.noisy && h("span", { class: "word" }, " noisy")),
      h("td", { class: "take" }, table.short),
      setup && h("td", { class: "take" }, doc.jobs.find((j) => j.payload === table.payload && j.start_method === table.start_method)?.short || "not measured"),
      names.map((name) => {
        const cell = cellOf(table, name);
        if (!cell) return h("td", null, h("span", { class: "word" }, "not asked"));
        const value = (cell.time || cell.amount) && against(table, cell);
        const inside = cell.amount
          ? [size(cell.amount[0]), bare(table) && h("small", null, `${cell.amount[0] < bare(table)[0] ? "−" : "+"}${size(Math.abs(cell.amount[0] - bare(table)[0]))}`)]
          : cell.time
          ? [seconds(cell.time[0]), h("small", null, cellText(table, cell) || "no ratio"), state.also && h("small", { class: "also" }, ALSO[state.also][1](table, cell) || "none known")]
          : [h("span", { class: `word ${cell.outcome}` }, cell.outcome === "ok" ? "not timed" : cell.outcome)];
        const button = h("button", { type: "button", tabindex: "-1",
          class: `cell ${value ? `s${step(value)}` : ""} ${!table.choice || cell.amount || !table.take ? "" : cell.rank === "best" ? "best" : good(table, cell) ? "tie" : ""}`,
          onclick: () => openDetails(table, cell), onmouseenter: () => showTip(button, table, cell), onmouseleave: hideTip,
          onfocus: () => showTip(button, table, cell), onblur: hideTip }, inside);
        return h("td", { "data-payload": table.payload, "data-strategy": name }, button);
      })));
    const coverage = (name) => {
      const cells = shown.map((t) => cellOf(t, name)).filter((c) => c && c.outcome !== "unavailable"); // of those asked
      const carried = cells.filter((c) => c.outcome === "ok").length;
      const first = shown.filter((t) => good(t, cellOf(t, name))).length;
      const factors = shown.filter((t) => t.baseline !== name).map((t) => cellOf(t, name)).filter((c) => c?.time && c.ratio).map((c) => c.ratio[0]).sort((a, b) => a - b);
      const middle = factors.length && (factors[Math.floor((factors.length - 1) / 2)] * factors[Math.ceil((factors.length - 1) / 2)]) ** 0.5;
      return h("td", null, `${carried} of ${cells.length}`, h("small", null, h("br"), `${first} as good as any`,
        factors.length > 1 && [h("br"), `${ratio(round3(middle))} [${digits(factors[0])}…${digits(factors[factors.length - 1])}]`]));
    };
    const grid = h("table", { class: "matrix", id: "matrix" },
      h("caption", null, `${LABEL[state.duty] || state.duty}${state.start ? ", " + state.start : ""}, ${state.metric}: ${q.tables[0]?.unit === "bytes" ? "bytes, and the difference to a bare worker where there is one" : `time, and times slower than ${state.compare ? state.compare + " (quotient of medians, without an interval)" : "the way to take of the row or, where that can't be told, the one least at risk (medians of ratios in the same rounds)"}`}. ${shown.length} of ${q.tables.length} payloads.`),
      h("thead", null, h("tr", null, head("payload", "payload"), h("th", { scope: "col" }, "verdict"), setup && h("th", { scope: "col" }, "setting it up once pays"), names.map((name) => head(name, name)))),
      h("tbody", null, body),
      h("tfoot", null, h("tr", null, h("th", { scope: "row", title: "how many of the payloads above it carries, and its time against the default: median [range] over them" }, "over these payloads"), h("td"), setup && h("td"), names.map(coverage))));
    fill($("table"), grid);
    const why = (name) => shown.map((t) => cellOf(t, name)?.reason).find(Boolean) || "not asked";
    const listed = (names) => names.map((name, i) => [i ? ", " : "", h("code", null, name)]);
    fill($("lacking"), shown.length > 0 && lacking.length > 0 && ["Not available here: ", unique(lacking.map(why)).map((reason, i) => [i ? "; " : "", listed(lacking.filter((name) => why(name) === reason)), ` (${reason})`]), ". "],
      unmade.length > 0 && ["Payloads that could not be made here, for lack of a library: ", listed(unmade), "."]);
    const cells = [...grid.querySelectorAll(".cell")];
    if (cells[0]) cells[0].tabIndex = 0;
  };
  $("table").addEventListener("keydown", (event) => {
    const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    const td = event.target.closest?.("td");
    if (event.key === "Escape") tip.hidden = true;
    if (!steps || !td || !event.target.classList.contains("cell")) return;
    event.preventDefault();
    let [row, column] = [td.parentNode.rowIndex, td.cellIndex];
    const rows = td.closest("table").rows;
    for (;;) {
      row += steps[0]; column += steps[1];
      const next = rows[row]?.cells[column];
      if (!next) return;
      const button = next.querySelector(".cell");
      if (button) { event.target.tabIndex = -1; button.tabIndex = 0; button.focus(); return; }
    }
  });
  const select = (q) => {
    const wanted = state.find.toLowerCase();
    const shown = q.tables.filter((t) => t.payload.toLowerCase().includes(wanted) && (!state.pays || t.pays));
    const by = state.sort.replace(/^-/, "");
    const key = by && by !== "payload" ? (t) => (cellOf(t, by)?.time ?? cellOf(t, by)?.amount)?.[0] ?? Infinity : null;
    shown.sort((a, b) => (key ? key(a) - key(b) || 0 : a.family.localeCompare(b.family) || (a.bytes || 0) - (b.bytes || 0) || a.payload.localeCompare(b.payload)));
    if (state.sort.startsWith("-")) shown.reverse();
    const chosen = shown.findIndex((t) => t.payload === state.payload); // what was asked for stands first
    if (chosen > 0) shown.unshift(...shown.splice(chosen, 1));
    return shown;
  };

  // -- filters
  const filters = (q) => {
    const off = hidden();
    $("find").value = state.find;
    $("pays").checked = Boolean(state.pays);
    fill($("compare"), option("", "the best of each row", state.compare), q.strategies.map((name) => option(name, name, state.compare)));
    fill($("also"), option("", "nothing more", state.also), Object.entries(ALSO).map(([key, [text]]) => option(key, text, state.also)));
    for (const [id, hide] of [["all-ways", ""], ["no-ways", q.strategies.join(",")]]) $(id).onclick = () => change({ hide });
    fill($("strategies"), q.strategies.map((name) => h("li", null, h("label", { class: "check" },
      h("input", { type: "checkbox", checked: !off.has(name), value: name, onchange: (event) => {
        event.target.checked ? off.delete(name) : off.add(name);
        change({ hide: [...off].join(",") });
      } }), name))));
  };

  // -- charts: SVG of our own, see reports/page.py for why
  const WIDTH = 860, HEIGHT = 380, LEFT = 70, TOP = 14, BOTTOM = 46;
  const decades = (low, high) => { const out = []; for (let e = Math.ceil(Math.log10(low) - 1e-9); e <= Math.log10(high) + 1e-9; e++) out.push(10 ** e); return out; };
  const ticksOf = (low, high) => {
    const tens = decades(low, high);
    if (tens.length > 1) return tens;
    const fine = [-1, 0].flatMap((e) => [1, 2, 5].map((m) => m * 10 ** (Math.floor(Math.log10(high)) + e))).filter((x) => x >= low && x <= high);
    return fine.length > 1 ? fine : unique([0, 1 / 3, 2 / 3, 1].map((part) => round3(low * (high / low) ** part)));
  };
  const numbers = (head, rows) => h("details", null, h("summary", null, "Numbers of this chart"),
    h("table", { class: "plain" }, h("thead", null, h("tr", null, head.map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", null, rows.map(([first, ...rest]) => h("tr", null, h("th", { scope: "row" }, first), rest.map((text) => h("td", null, text)))))));
  const wide = (label, svg) => h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": label }, svg);
  const logChart = ({ id, title, xLabel, yLabel, xText, yText = seconds, ticks, series, marks = [], note = "", scatter = false, head, rows }) => {
    const points = series.flatMap((each) => each.points);
    const RIGHT = Math.min(300, 40 + 6.5 * Math.max(15, ...series.map((each) => each.name.length))); // for the names
    const xs = points.map((p) => p.x), ys = points.flatMap((p) => [p.y, p.low > 0 ? p.low : p.y, p.high ?? p.y]).map((y) => y);
    const room = scatter ? 1.06 : 1; // dots stand clear of the frame
    const [x0, x1] = [Math.min(...xs) / room, Math.max(...xs) * room];
    // an interval of few trials may span many decades: what is beyond a factor of 10 is cut
    let [y0, y1] = [Math.max(Math.min(...ys), Math.min(...points.map((p) => p.y)) / 10), Math.min(Math.max(...ys), Math.max(...points.map((p) => p.y)) * 10)];
    if (y1 / y0 < 1.2) [y0, y1] = [y0 / 1.1, y1 * 1.1];
    const X = (x) => LEFT + ((Math.log(x) - Math.log(x0)) / (Math.log(x1) - Math.log(x0) || 1)) * (WIDTH - LEFT - RIGHT);
    const Y = (y) => HEIGHT - BOTTOM - ((Math.log(Math.min(Math.max(y, y0), y1)) - Math.log(y0)) / (Math.log(y1) - Math.log(y0) || 1)) * (HEIGHT - TOP - BOTTOM);
    const labels = series.map((each, index) => ({ each, index, y: Y(each.points[each.points.length - 1].y) })).sort((a, b) => a.y - b.y);
    labels.forEach((label, index) => { if (index) label.y = Math.max(label.y, labels[index - 1].y + 14); });
    const over = Math.max(0, (labels[labels.length - 1]?.y ?? 0) - (HEIGHT - BOTTOM));
    for (const label of labels) label.y -= over;
    const taken = []; // labels of a scatter chart beside their dots, moved down where one is already
    const places = !scatter ? [] : labels.map(({ each, index }) => {
      const place = { each, index, x: X(each.points[0].x) + 7, y: Y(each.points[0].y) + 4 };
      while (taken.some((t) => Math.abs(t.x - place.x) < 110 && Math.abs(t.y - place.y) < 11)) place.y += 2;
      taken.push(place);
      return place;
    });
    return h("figure", { id }, h("figcaption", null, title),
      wide(title, s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}. ${note} All numbers are in the table below the chart.` },
        ticksOf(y0, y1).map((y) => [s("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: Y(y), y2: Y(y) }), s("text", { x: LEFT - 6, y: Y(y) + 4, "text-anchor": "end" }, yText(y))]),
        (ticks || ticksOf(x0, x1)).map((x) => [s("line", { class: "grid", x1: X(x), x2: X(x), y1: TOP, y2: HEIGHT - BOTTOM }), s("text", { x: X(x), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, xText(x))]),
        s("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }), s("line", { class: "axis", x1: LEFT, x2: LEFT, y1: TOP, y2: HEIGHT - BOTTOM }),
        s("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, xLabel), s("text", { x: 14, y: HEIGHT / 2, transform: `rotate(-90 14 ${HEIGHT / 2})`, "text-anchor": "middle" }, yLabel),
        marks.filter((m) => m.x > x0 && m.x < x1).map((m) => s("g", null, s("title", null, m.text), s("line", { class: "mark", x1: X(m.x), x2: X(m.x), y1: TOP, y2: HEIGHT - BOTTOM }), s("text", { x: X(m.x) + 4, y: TOP + 10 }, m.label))),
        series.map((each) => s("g", { class: colour(each) },
          s("polyline", { class: "line" + (each.floor ? " floor" : ""), points: each.points.map((p) => `${X(p.x)},${Y(p.y)}`).join(" ") }),
          each.points.map((p) => [
            p.high != null && p.low > 0 && s("line", { class: "whisker", x1: X(p.x), x2: X(p.x), y1: Y(p.low), y2: Y(p.high) }),
            p.text && s("circle", { class: "dot", cx: X(p.x), cy: Y(p.y), r: 4 }, s("title", null, `${each.name}, ${p.text}`))]))),
        places.map(({ each, x, y }) => s("text", { x, y }, each.name)),
        !scatter && labels.map(({ each, y }) => s("g", { class: colour(each) },
          s("rect", { class: "bar", x: WIDTH - RIGHT + 6, y: y - 5, width: 9, height: 9 }), s("text", { x: WIDTH - RIGHT + 19, y: y + 4 }, each.name))))),
      note && h("p", { class: "dim" }, note), numbers(head, rows));
  };
  const LINES = 7;
  const colours = new Map(); // a way has one colour in all charts, from its first on; floors and predictions are grey
  const colour = ({ name, floor }) => {
    if (floor) return "c7";
    const way = name.split(/[ ,]/)[0];
    if (!colours.has(way)) colours.set(way, colours.size % 7);
    return `c${colours.get(way)}`;
  };
  const bySize = (q, table) => {
    const members = q.tables.filter((t) => t.family && t.family === table.family && t.bytes).sort((a, b) => a.bytes - b.bytes);
    if (unique(members.map((t) => t.bytes)).length < 2) return null;
    const off = hidden();
    const weight = (name) => (name === table.baseline ? 100 : 0) + (name === state.compare ? 50 : 0) + members.filter((t) => good(t, cellOf(t, name))).length;
    const all = q.strategies.filter((name) => !off.has(name) && members.filter((t) => cellOf(t, name)?.time).length > 1);
    const last = (name) => cellOf(members[members.length - 1], name)?.time?.[0] ?? Infinity;
    const names = [...all].sort((a, b) => weight(b) - weight(a) || last(a) - last(b)).slice(0, LINES);
    const at = (t, name, figure) => figure && { x: t.bytes, y: figure[0], low: figure[1], high: figure[2], text: `${size(t.bytes)}: ${interval(figure)}` };
    const series = names.map((name) => ({ name, points: members.map((t) => at(t, name, cellOf(t, name)?.time)).filter(Boolean) }));
    const floors = unique(members.flatMap((t) => t.lanes.filter((l) => l.name.startsWith("floor")).map((l) => l.name)));
    const best = floors.includes("floor-shm") ? "floor-shm" : floors[0];
    if (best) series.push({ name: best, floor: true, points: members.map((t) => at(t, best, t.lanes.find((l) => l.name === best)?.value)).filter(Boolean) });
    const cross = doc.crossings.filter((c) => c.family === table.family && c.kind === state.duty && c.start_method === state.start);
    return logChart({ id: "chart-size", title: `Time against size: ${table.family}, ${state.duty}${state.start ? ", " + state.start : ""}`, xLabel: "bytes", yLabel: state.metric, xText: size,
      ticks: unique(members.map((t) => t.bytes)), series,
      marks: cross.map((c) => ({ x: c.bytes, label: "break-even", text: c.words })),
      note: [...cross.map((c) => c.words + "."), all.length > names.length ? `${all.length - names.length} more strategies are in the table; hide some in the filters to see others here.` : ""].join(" "),
      head: ["strategy", ...members.map((t) => size(t.bytes))],
      rows: series.map((each) => [each.name, ...members.map((t) => { const p = each.points.find((point) => point.x === t.bytes); return p ? p.text.split(": ")[1] : "no time"; })]) });
  };
  const total = (payload) => {
    const job = doc.jobs.find((j) => j.payload === payload && j.start_method === state.start);
    if (!job || !job.lines.length) return null;
    const reach = [1, 10, 100, 1000, 10000];
    const cost = (line, n) => line.fixed + line.slope * n;
    const lines = [...job.lines].sort((a, b) => cost(a, 1000) - cost(b, 1000));
    const sent = lines.filter((l) => l.name.endsWith("(argument)"));
    const chosen = unique([...sent, ...lines]).slice(0, LINES);
    const series = chosen.map((line) => ({ name: line.name, points: Array.from({ length: 41 }, (_, i) => 10 ** (i / 10)).map((n, i) => ({ x: n, y: cost(line, n), text: i % 10 ? "" : `${count(n)} tasks: ${seconds(round3(cost(line, n)))}` })) }));
    return logChart({ id: "chart-tasks", title: `Total time against number of tasks: ${payload}, one worker, ${state.start}`, xLabel: "tasks", yLabel: "start + setup + tasks", xText: count, series,
      marks: job.sure && job.tasks?.[0] ? [{ x: job.tasks[0], label: `break-even: ${count(job.tasks[0])} tasks`, text: job.words.replaceAll("`", "") }] : [],
      note: job.words.replaceAll("`", "") + " Straight sums of measured parts: total = start + setup + tasks × task.",
      head: ["strategy", "once", "each", ...reach.map((n) => count(n) + " tasks")],
      rows: chosen.map((line) => [line.name, seconds(line.fixed), seconds(line.slope), ...reach.map((n) => seconds(round3(cost(line, n))))]) });
  };
  const phases = (table) => {
    const off = hidden();
    const cells = table.cells.filter((c) => c.phases && !off.has(c.strategy)).sort((a, b) => a.time[0] - b.time[0]);
    if (!cells.length) return null;
    const limit = cells[Math.min(cells.length - 1, Math.floor(cells.length * 0.75))].time[0] * 1.05; // a linear axis: the slowest quarter may leave it
    const rowHeight = 20, height = cells.length * rowHeight + 8;
    const sum = (c) => c.phases.reduce((a, b) => a + b, 0);
    const X = (x) => LEFT + 70 + (Math.min(x, limit) / limit) * (WIDTH - LEFT - 70 - 90);
    return h("figure", { id: "chart-phases" }, h("figcaption", null, `Phases of a hand-off: ${table.payload}, ${state.duty}, ${table.start_method}`),
      h("p", { class: "legend inline" }, doc.phases.map((name, i) => h("span", { class: `p${i}` }, name))),
      wide("Bars", s("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `Phases of a hand-off of ${table.payload} as stacked bars. All numbers are in the table below the chart.` },
        cells.map((cell, row) => {
          let at = 0;
          return s("g", null, s("text", { x: LEFT + 64, y: row * rowHeight + 17, "text-anchor": "end" }, cell.strategy),
            cell.phases.map((value, i) => { const from = at; at += value; return s("g", { class: `p${i}` }, s("rect", { class: "bar", x: X(from), y: row * rowHeight + 5, width: Math.max(0, X(at) - X(from)), height: rowHeight - 5 }, s("title", null, `${cell.strategy}, ${doc.phases[i]}: ${seconds(value)}`))); }),
            s("text", { x: X(at) + 4, y: row * rowHeight + 17 }, (sum(cell) > limit ? "→ " : "") + seconds(cell.time[0])));
        }))),
      h("p", { class: "dim" }, "Medians of each phase; they need not add up to the median of the whole. An arrow: longer than the axis."),
      numbers(["strategy", ...doc.phases, "whole"], cells.map((c) => [c.strategy, ...c.phases.map(seconds), interval(c.time)])));
  };
  const scaling = (table) => {
    const kind = { argument: "scaling", scaling: "scaling", shared: "contention", contention: "contention" }[state.duty];
    const off = hidden();
    return doc.scaling.filter((g) => g.payload === table.payload && g.start_method === state.start && g.kind === kind).map((group) => {
      const perSecond = (x) => `${digits(round3(x))}/s`;
      const axis = (x) => (x >= 1e6 ? `${digits(round3(x / 1e6))} M/s` : x >= 1e3 ? `${digits(round3(x / 1e3))} k/s` : perSecond(x));
      const top = (line) => Math.max(...line.points.map((p) => p[1][0]));
      const all = group.lines.filter((line) => !off.has(line.name)).sort((a, b) => top(b) - top(a));
      if (!all.length) return null;
      const text = (t) => (known(t) ? `${perSecond(t[0])} [${digits(round3(t[1]))}–${digits(round3(t[2]))}]` : `${perSecond(t[0])} ±?`);
      const series = all.slice(0, LINES).map((line) => ({ name: line.name, points: line.points.map(([n, t]) => ({ x: n, y: t[0], low: t[1], high: t[2], text: `${n} workers: ${text(t)}` })) }));
      const first = all[0].points.find(([n]) => n === 1);
      const most = Math.max(...all.flatMap((line) => line.points.map((p) => p[0])));
      if (first && most > 1) series.push({ name: "perfect", floor: true, points: [1, most].map((n) => ({ x: n, y: first[1][0] * n })) });
      const sizes = unique(all.flatMap((line) => line.points.map((p) => p[0]))).sort((a, b) => a - b);
      return logChart({ id: `chart-scaling-${group.what.replace(" ", "-")}`, title: `Scaling over workers: ${group.what} a second, ${table.payload}, ${state.start}`, xLabel: "workers", yLabel: `${group.what} a second`, xText: String, yText: axis, ticks: sizes, series,
        note: `This machine lets it use ${group.cores} cores. Perfect: as many times one worker's rate (of ${all[0].name}) as there are workers.` + (all.length > LINES ? ` The ${LINES} fastest; the others are in the table below.` : ""),
        head: ["way", ...sizes.map((n) => `${n} workers`)],
        rows: all.map((line) => [line.name, ...sizes.map((n) => { const p = line.points.find((point) => point[0] === n); return p ? text(p[1]) : "no time"; })]) });
    });
  };
  const memory = (table) => {
    const off = hidden();
    const all = table.cells.filter((c) => c.time && c.memory?.[2] && !off.has(c.strategy)).sort((a, b) => a.time[0] - b.time[0]);
    if (all.length < 2) return null;
    const series = all.map((c) => ({ name: c.strategy, points: [{ x: c.memory[2][0], y: c.time[0], low: c.time[1], high: c.time[2], text: `${interval(c.time)}, ${sizeInterval(c.memory[2])}` }] }));
    return logChart({ id: "chart-memory", title: `Time against memory: ${table.payload}, ${state.duty}, ${state.start}`, xLabel: `memory: ${doc.footprint[2]}`, yLabel: state.metric, xText: size, series, scatter: true,
      note: "Down and to the left is better. Memory was measured apart from time, in the same run.",
      head: ["strategy", state.metric, ...doc.footprint], rows: all.map((c) => [c.strategy, interval(c.time), ...c.memory.map((t) => (t ? sizeInterval(t) : "unknown"))]) });
  };
  const wholeJobs = (table) => {
    const found = doc.runs.filter((r) => r.payload === table.payload && r.start_method === state.start);
    if (state.duty !== "job" || !found.length) return null;
    const name = (r) => `${r.way}, ${r.workers} worker${r.workers > 1 ? "s" : ""}`;
    const lines = unique(found.map(name));
    const of = (line) => found.filter((r) => name(r) === line).sort((a, b) => a.tasks - b.tasks);
    const series = lines.slice(0, 4).flatMap((line) => [
      { name: line, points: of(line).map((r) => ({ x: r.tasks, y: r.measured, text: `${r.tasks} tasks: ${seconds(r.measured)}, predicted ${seconds(r.predicted)}` })) },
      { name: `${line}, predicted`, floor: true, points: of(line).map((r) => ({ x: r.tasks, y: r.predicted })) }]);
    const close = found.filter((r) => Math.abs(r.ratio - 1) <= 0.15).length;
    return logChart({ id: "chart-jobs", title: `Whole jobs: ${table.payload}, ${state.start}`, xLabel: "tasks", yLabel: "seconds", xText: count, ticks: unique(found.map((r) => r.tasks)), series,
      note: `Predicted from the parts alone: ${close} of ${found.length} within 15 % of what was measured.`,
      head: ["way", "tasks", "measured", "predicted", "predicted / measured"], rows: found.map((r) => [name(r), count(r.tasks), seconds(r.measured), seconds(r.predicted), ratio(r.ratio)]) });
  };
  const charts = (q, shown) => {
    const table = shown.find((t) => t.payload === state.payload) || shown.find((t) => q.tables.filter((o) => t.family && o.family === t.family && o.bytes !== t.bytes).length) || shown[0];
    if (!table) { fill($("charts-body")); return; }
    const timed = table.unit === "seconds";
    const found = [timed && bySize(q, table), ["argument", "state"].includes(state.duty) && total(table.payload), timed && phases(table), scaling(table), timed && memory(table), wholeJobs(table)].flat().filter(Boolean);
    const missing = [
      ["argument", "state"].includes(state.duty) && !doc.jobs.some((j) => j.payload === table.payload && j.start_method === state.start) && ["total time against tasks", "argument --duty state"],
      state.duty === "argument" && !doc.scaling.some((g) => g.payload === table.payload && g.start_method === state.start && g.kind === "scaling") && ["scaling over workers", "scaling"],
      state.duty in { argument: 1, state: 1, result: 1, shared: 1 } && !table.cells.some((c) => c.memory) && ["time against memory", `${state.duty} --duty memory-${state.duty}`],
    ].filter(Boolean);
    fill($("charts-body"), !state.payload && h("p", { class: "dim" }, `Shown for ${table.payload}; choose a payload above for its own.`), found,
      !found.length && h("p", null, "Nothing to draw for this question: one size only, and no phases."),
      missing.length > 0 && h("p", { class: "dim" }, "Not measured in this run: ", missing.map(([what, duty], i) => [i ? "; " : "", `${what} (`, h("code", null, `handoff measure ${table.target} --payload ${table.payload} --duty ${duty} --start-method ${state.start} -o DIR`), ")"]), "."));
  };

  // -- all of it
  const draw = () => {
    const active = document.activeElement?.id;
    const q = settle();
    ask(q); filters(q);
    const shown = select(q);
    verdict(q, shown);
    drawTable(q, shown); charts(q, shown);
    writeState();
    if (active && document.activeElement?.id !== active) $(active)?.focus();
  };
  addEventListener("hashchange", () => { asked = null; readState(); draw(); });
  $("app").hidden = $("theme").hidden = false; // without its script the page shows nothing that needs one
  readState(); draw();
  document.documentElement.dataset.ready = Math.round(performance.now());
})();
