// Events that belong to no delivery, and why not: the nearest windows, and the gap to each.

import {announceTitle, data, el, link, replace, sessionLink, titleRow} from "./dom.js";
import {get} from "./api.js";
import {pages} from "./pages.js";
import {clock, duration, parse} from "./time.js";
import {rangeBar, readRange} from "./range.js";
import {robotLink, table, time} from "./tables.js";

/** One line an orphan: what, when, why not, the windows around it. */
export function whyNotList(rows) {
    return el("ul", {class: "rows"}, rows.map((o) => el("li", {},
        link("events", o.event_id, data(o.error_code ?? o.event, 60), `?at=${encodeURIComponent(o.occurred_at)}`), " ",
        o.robot_id && robotLink(o.robot_id, o.occurred_at), " ", el("span", {class: "muted"}, clock(parse(o.occurred_at))), el("br"),
        el("span", {class: "muted"}, nearest(o)))));
}

function nearest(o) {
    if (o.nearest.length === 0) return "No window of it is known.";
    return o.nearest.map((n, i) => [i > 0 && "; ", sessionLink(n.session_id), n.position === "before" ? ` ended ${duration(n.gap_seconds)} before`
        : n.position === "after" ? ` began ${duration(n.gap_seconds)} after` : " holds it", n.end_reason && n.position === "before" && ` (${n.end_reason})`]);
}

export async function show(main, _, query) {
    announceTitle("Events outside any delivery");
    const range = readRange(query);
    const robot = query.get("robot");
    const top = el("div", {});
    replace(main, titleRow([robot ? ["Events of ", data(robot, 60), " outside any delivery"] : "Robot errors outside any delivery"], "/orphans", location.search),
        el("p", {class: "muted"}, "They name no delivery themselves, and no window of their robot or pilot held them at their time. ",
            "Where a gap is a few seconds, look for a clock that is off or an assignment that came late."), top);
    await pages(main, (cursor) => get("orphans", [], {...range, robot, limit: 100, cursor}), (rows) => table("Events outside any delivery", [
        ["when", (o) => time(o.occurred_at, "ms")],
        ["event", (o) => link("events", o.event_id, data(o.event, 60), `?at=${encodeURIComponent(o.occurred_at)}`)],
        ["error", (o) => o.error_code && el("strong", {}, data(o.error_code, 60))],
        ["robot", (o) => o.robot_id && robotLink(o.robot_id, o.occurred_at)],
        ["why not, and the nearest windows", (o) => [data(o.why_not, 300), " ", nearest(o)], "wide"],
    ], rows, {stacked: true, empty: "None in this range: every robot error belongs to a delivery."}), (answer) => replace(top,
        rangeBar("/orphans", range, answer.as_of.now, {robot})), {robot});
}
