// All robots and what each does now.

import {announceTitle, data, el, replace, sessionLink, titleRow} from "./dom.js";
import {get} from "./api.js";
import {isArchive} from "./freshness.js";
import {stateKind} from "./model.js";
import {pages} from "./pages.js";
import {duration} from "./time.js";
import {robotLink, table, time} from "./tables.js";

const CLASSES = [["", "all"], ["usable", "usable"], ["downtime", "down"], ["off_duty", "off duty"], ["other", "other"]];
export const stateSwatch = (state, group) => el("span", {class: `swatch ${stateKind(state, group)}`, "aria-hidden": "true"});
export const CLASS_WORD = {usable: "usable", downtime: "down", off_duty: "off duty", other: "other"};

export async function show(main, _, query) {
    announceTitle("Robots");
    const wanted = query.get("class") ?? "";
    replace(main, titleRow("Robots", "/robots", location.search), el("div", {class: "range"}, el("nav", {class: "links", "aria-label": "Which robots"},
        CLASSES.map(([value, text]) => el("a", {href: value ? `/robots?class=${value}` : "/robots", "aria-current": value === wanted ? "true" : null}, text)))));
    let now = "now";
    await pages(main, async (cursor) => {
        const told = await get("robots", [], {class: wanted, limit: 200, cursor});
        if (isArchive(told.as_of)) now = "at the archive’s end";
        return told;
    }, (rows) => table("Robots", [
        ["robot", (r) => robotLink(r.robot_id, r.last_heard_at)],
        [now, (r) => (r.class === null ? "never told" : [stateSwatch(r.state, r.class), " ", data(r.state, 40)])],
        ["reason", (r) => (r.reason ? el("strong", {}, data(r.reason, 60)) : "")],
        ["for", (r) => duration(r.seconds), "num"],
        ["serving", (r) => r.sessions.map((s, n) => [n > 0 && ", ", sessionLink(s)]), "named"],
        ["zone", (r) => r.zone_id && data(r.zone_id, 40), "named"],
        ["last heard", (r) => [time(r.last_heard_at), r.silent_seconds > 300 && el("span", {class: "muted"}, ` ${duration(r.silent_seconds)} before ${now === "now" ? now : "it"}`)], "named"],
    ], rows, {stacked: true, empty: wanted ? el("span", {}, "No robot is in such a state. ", el("a", {href: "/robots"}, "All robots")) : "No robot is known: no event has named one."}));
}
