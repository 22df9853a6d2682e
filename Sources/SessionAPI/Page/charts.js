// Small charts by hand: bars, columns, a trend line, a heat map. Each has its numbers as text beside it or in a table.

import {data, el, svg} from "./dom.js";
import {definePatterns, GROUPS} from "./patterns.js";
import {count, percent} from "./time.js";

/** A bar of a share between 0 and 1; the number stands beside it. */
export function bar(share, kind = "work") {
    return el("span", {class: `bar ${kind}`, "aria-hidden": "true"}, el("span", {class: "bar-fill", vars: {"--w": `${Math.max(0, Math.min(1, share || 0)) * 100}%`}}));
}

/** A line without axes; what it says stands in its title and in the number above it. */
export function trend(values, label, width = 160, height = 34) {
    const known = values.filter((v) => v !== null);
    if (known.length < 2) return null;
    const [low, high] = [Math.min(0, ...known), Math.max(...known, 1e-9)];
    const x = (n) => 2 + n * (width - 4) / (values.length - 1);
    const y = (v) => height - 3 - (v - low) / (high - low) * (height - 6);
    let d = "";
    values.forEach((v, n) => { d += v === null ? "" : `${d === "" || values[n - 1] === null ? "M" : "L"}${x(n).toFixed(1)} ${y(v).toFixed(1)}`; });
    const last = values.findLastIndex((v) => v !== null);
    return svg("svg", {class: "trend", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, preserveAspectRatio: "xMinYMid"},
        svg("path", {d: `M2 ${height - 3}H${width - 2}`, class: "trend-base"}), svg("path", {d, class: "trend-line"}),
        svg("circle", {cx: x(last), cy: y(values[last]), r: 2.5, class: "trend-dot"}));
}

const PARTS = [["usable_seconds", "usable", "move"], ["downtime_seconds", "down", "down"], ["off_duty_seconds", "off duty", "off"], ["other_seconds", "other", "other"]];

const FILL = Object.fromEntries(GROUPS.map(({kind, fill}) => [kind, fill]));

export function supplyLegend() {
    return el("ul", {class: "legend start"}, PARTS.map(([, text, kind]) => el("li", {}, el("span", {class: `swatch ${kind}`, "aria-hidden": "true"}), text)));
}

/** Stacked columns, one an hour or day. `rows`: usage with `at`. `open(row)` gives where a column leads. */
export function columns(rows, {label, most, height = 130, open, name}) {
    definePatterns();
    const width = Math.max(240, rows.length * 26);
    const w = width / Math.max(1, rows.length);
    const top = most ?? Math.max(1, ...rows.map((r) => PARTS.reduce((sum, [key]) => sum + r[key], 0)));
    const drawing = svg("svg", {class: "columns", viewBox: `0 0 ${width} ${height + 18}`, role: "img", "aria-label": label, preserveAspectRatio: "none"});
    rows.forEach((row, n) => {
        let y = height;
        // For the mouse only: the table beneath has the same as links.
        const group = svg("g", open ? {class: "leads", on: {click: () => { location.href = open(row); }}} : {}, svg("title", {}, name(row)),
            svg("rect", {x: n * w, y: 0, width: w, height, class: "column-back"}));
        for (const [key, , kind] of PARTS) {
            const h = row[key] / top * height;
            if (h <= 0) continue;
            y -= h;
            group.append(svg("rect", {x: n * w + 1.5, y, width: Math.max(1, w - 3), height: h, class: `column ${kind}`, fill: FILL[kind]}));
        }
        drawing.append(group);
    });
    return drawing;
}

export const usageParts = PARTS;

/** Steps of a heat map: what share of an hour, in five steps; the number stands in the cell. */
export function heatStep(share) {
    if (!(share > 0)) return 0;
    return share < 0.1 ? 1 : share < 0.25 ? 2 : share < 0.5 ? 3 : share < 0.75 ? 4 : 5;
}

/** A table whose links are one tab stop: arrow keys go from link to link, Home and End along the row (with Ctrl to the first and last of
 *  all), Enter follows it. What has no link is passed over. */
export function oneStop(table) {
    table.setAttribute("role", "grid");
    const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.querySelector("a")));
    const places = new Map(rows.flatMap((row, y) => row.map((a, x) => [a, [x, y]])).filter(([a]) => a));
    let stop = null;
    const rove = (a) => {
        stop?.setAttribute("tabindex", "-1");
        stop = a;
        a.setAttribute("tabindex", "0");
    };
    for (const a of places.keys()) a.setAttribute("tabindex", "-1");
    const [first] = places.keys();
    if (first) rove(first);
    const next = (x, y, dx, dy) => {
        for (x += dx, y += dy; y >= 0 && y < rows.length && x >= 0 && x < rows[y].length; x += dx, y += dy) if (rows[y][x]) return rows[y][x];
        return null;
    };
    table.addEventListener("focusin", (event) => { if (places.has(event.target)) rove(event.target); });
    table.addEventListener("keydown", (event) => {
        const [x, y] = places.get(event.target) ?? [];
        if (x === undefined || event.altKey || event.metaKey || event.shiftKey) return;
        const links = event.ctrlKey ? [...places.keys()] : rows[y].filter(Boolean);
        const to = {Home: () => links[0], End: () => links.at(-1), ...(event.ctrlKey ? {} : {ArrowRight: () => next(x, y, 1, 0), ArrowLeft: () => next(x, y, -1, 0),
            ArrowDown: () => next(x, y, 0, 1), ArrowUp: () => next(x, y, 0, -1)})}[event.key];
        if (!to) return;
        event.preventDefault();
        to()?.focus();
    });
    return table;
}

/** A Pareto as a table: what, bar, share, cumulative. */
export function pareto(rows, {what, open, length}) {
    return el("div", {class: "table-box", tabindex: "0", role: "group", "aria-label": what},
        el("table", {class: "pareto"}, el("caption", {class: "quiet-label"}, what),
            el("thead", {}, el("tr", {}, ["reason", "", "hours", "share", "adds up to", "times", "robots"].map((t, n) => el("th", {scope: "col", class: n > 1 ? "num" : ""}, t || el("span", {class: "quiet-label"}, "bar"))))),
            el("tbody", {}, rows.map((r) => el("tr", {},
                el("th", {scope: "row"}, el("a", {href: open(r)}, r.key === "" ? "(no reason)" : data(r.key, 60))),
                el("td", {class: "bar-cell"}, bar(r.share, "down")), el("td", {class: "num"}, length(r.seconds)), el("td", {class: "num"}, percent(r.share)),
                el("td", {class: "num"}, percent(r.cumulative)), el("td", {class: "num"}, count(r.intervals)), el("td", {class: "num"}, count(r.robots)))))));
}

export function part(title, ...content) {
    const id = "part-" + title.toLowerCase().replace(/[^a-z]+/g, "-");
    return el("section", {class: "part", "aria-labelledby": id}, el("h2", {id}, title), content);
}

/** A part that loads by itself: its own words while waiting, its own problem. */
export function loading(title, load) {
    const place = el("div", {});
    const box = part(title, place);
    load(place);
    return box;
}
