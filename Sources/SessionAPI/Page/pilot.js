// A pilot's shifts, deliveries and robots in a range.

import {announceTitle, data, el, forms, pathPart, replace, sessionLink} from "./dom.js";
import {get} from "./api.js";
import {bar, part} from "./charts.js";
import {pilotModel} from "./daymodel.js";
import {showProblem, waiting} from "./problem.js";
import {Timeline} from "./timeline.js";
import {count, hours, parse} from "./time.js";
import {outcomeBadge, robotLink, table, time} from "./tables.js";
import {tellFreshness} from "./freshness.js";
import {instant, rangeText} from "./range.js";

export async function show(main, id, query) {
    announceTitle("Pilot");
    const done = waiting(main, `pilot ${id}`);
    let pilot;
    try {
        pilot = await get("pilots/{}", [id], {day: query.get("day"), from: instant(query.get("from")), to: instant(query.get("to"))});
    } catch (error) {
        done();
        return showProblem(main, error, () => show(main, id, query));
    }
    done();
    announceTitle(id);
    tellFreshness(pilot.as_of);
    const host = el("div", {class: "tl-host"});
    const t = pilot.totals;
    const from = parse(pilot.range.from);
    const other = (d) => `/pilots/${pathPart(id)}?day=${new Date(from + d * 86_400_000).toISOString().slice(0, 10)}`;
    const fact = (name, value) => el("li", {class: "step"}, el("span", {class: "step-name"}, name), el("span", {class: "step-value"}, value));
    replace(main, el("div", {class: "title-row"}, el("h1", {}, data(id, 80)), el("span", {}, rangeText(pilot.range)),
        el("nav", {class: "links day-links", "aria-label": "Other days"}, el("a", {href: other(-1)}, "← day before"), " ", el("a", {href: other(1)}, "next day →")),
        el("span", {class: "title-actions"}, forms(`/pilots/${encodeURIComponent(id)}`, `?${new URLSearchParams(pilot.range)}`))),
    el("ul", {class: "steps four"}, fact("on shift", `${hours(t.shift_seconds)} h`), fact("assigned", `${hours(t.assigned_seconds)} h`), fact("deliveries", count(t.sessions))),
    el("section", {class: "timeline-part", "aria-labelledby": "day-title"}, el("div", {class: "tools"}, el("h2", {id: "day-title"}, "The day")), host),
    part(`Deliveries (${count(pilot.sessions.length)})`, table("Deliveries", [
        ["delivery", (w) => sessionLink(w.session_id)], ["outcome", (w) => outcomeBadge(w.outcome)], ["why", (w) => w.failure_code && data(w.failure_code, 60)],
        ["from", (w) => time(w.started_at)], ["to", (w) => (w.ended_at ? time(w.ended_at) : "still")], ["opened by", (w) => [data(w.opened_by, 60), w.inferred && " (inferred)"]],
        ["ended", (w) => w.end_reason ?? ""]], pilot.sessions, {empty: "None in this range."})),
    part(`Robots watched without a delivery (${count(pilot.robots.length)})`, table("Robots", [
        ["robot", (r) => robotLink(r.id, r.started_at)], ["from", (r) => time(r.started_at)], ["to", (r) => (r.ended_at ? time(r.ended_at) : "still")],
    ], pilot.robots, {empty: "None in this range."})),
    part("Hour by hour", table("Hours", [["hour", (h) => time(h.hour, "m")], ["on shift", (h) => [bar(h.shift_seconds / 3600), ` ${Math.round(h.shift_seconds / 60)} m`], "bar-cell"],
        ["assigned", (h) => [bar(h.assigned_seconds / 3600), ` ${Math.round(h.assigned_seconds / 60)} m`], "bar-cell"]], pilot.hours, {empty: "No hour of this range is known."})));
    const model = pilotModel(pilot);
    if (model.lanes.length === 0) return replace(host, el("p", {class: "muted"}, "Nothing is known of this pilot in this range."));
    const view = new Timeline(host, {
        select: () => {}, view: () => {}, detail: (found) => { if (found.window?.session_id) location.href = `/deliveries/${pathPart(found.window.name)}`; },
        label: (p) => el("div", {class: "lane-label", vars: {"--h": `${p.height}px`}}, el("span", {class: "lane-name"}, el("span", {}, p.lane.label), el("span", {class: "muted"}, count(p.lane.windows.length)))),
    });
    view.fold = false;
    view.setModel(model);
}
