// The rows behind the fleet's hours: states, windows and robot errors, each with as much of it as the hours count.

import {announceTitle, data, el, link, replace, sessionLink, titleRow} from "./dom.js";
import {get} from "./api.js";
import {selecting} from "./fragment.js";
import {pages} from "./pages.js";
import {rangeBar, rangeText, readRange} from "./range.js";
import {duration, hours, plural} from "./time.js";
import {outcomeBadge, robotLink, table, time} from "./tables.js";
import {CLASS_WORD, stateSwatch} from "./robots.js";

const CLASS_TITLE = {usable: "Usable time", downtime: "Downtime", off_duty: "Off duty", other: "Time in other states"};
const fromTo = [["from", (r) => time(r.started_at), "named"], ["to", (r) => (r.ended_at ? time(r.ended_at) : "still"), "named"]];

/** By the path: the title, the question, the figure that the rows add up to, and what is shown of a row. */
const LISTS = {
    states: {
        route: "fleet/states", title: (query) => CLASS_TITLE[query.get("class")] ?? "Time in a state",
        figure: (told) => `${hours(told.seconds)} h ${CLASS_WORD[told.class]}`, empty: "No robot was in such a state in these hours.",
        columns: [
            ["robot", (r) => robotLink(r.robot_id, r.started_at)],
            ["state", (r) => [stateSwatch(r.state, r.class), " ", data(r.state, 40)]],
            ["reason", (r) => r.reason && data(r.reason, 60)], ...fromTo,
            ["lasted", (r) => duration(r.seconds), "num"], ["in these hours", (r) => duration(r.seconds_in_range), "num"],
        ],
    },
    windows: {
        route: "fleet/windows", title: () => "Time on deliveries",
        figure: (told) => `${hours(told.seconds)} h on deliveries`, about: "Of assignments that have ended; of a robot that served two at once no time is counted twice.",
        empty: "No robot’s assignment that has ended reaches into these hours.",
        columns: [
            ["robot", (r) => robotLink(r.robot_id, r.started_at)], ["delivery", (r) => sessionLink(r.session_id)], ["outcome", (r) => outcomeBadge(r.outcome)],
            ...fromTo, ["ended", (r) => r.end_reason ?? "", "named"],
            ["in these hours", (r) => duration(r.seconds_in_range), "num"],
            ["counted", (r) => (r.seconds_counted === r.seconds_in_range ? duration(r.seconds_counted) : el("strong", {}, duration(r.seconds_counted))), "num", "without what an earlier assignment of the robot covers"],
        ],
    },
    errors: {
        route: "fleet/errors", title: () => "Robot errors", figure: (told) => plural(told.errors, "robot error"), empty: "No robot told an error in these hours.",
        columns: [
            ["when", (e) => time(e.occurred_at, "ms")], ["robot", (e) => robotLink(e.robot_id, e.occurred_at)],
            ["code", (e) => link("events", e.event_id, el("strong", {}, data(e.error_code ?? e.event, 60)), `?at=${encodeURIComponent(e.occurred_at)}`)],
            ["message", (e) => e.error_message && data(e.error_message, 200), "wide"],
            ["delivery", (e) => (e.sessions.length === 0 ? el("span", {class: "muted"}, "none") : e.sessions.map((s, n) => [n > 0 && ", ", sessionLink(s, null, selecting(e.event_id, e.occurred_at))])), "named"],
        ],
    },
};

export async function show(main, name, query) {
    const list = LISTS[name];
    const title = list.title(query);
    announceTitle(title);
    const [range, top, said] = [readRange(query), el("div", {}), el("p", {})];
    const asked = Object.fromEntries(["class", "robot", "zone", "no_zone"].map((key) => [key, query.get(key)]));
    const {robot, zone} = asked;
    replace(main, titleRow([title, robot && [" of ", data(robot, 60)], zone && [" in zone ", data(zone, 60)], asked.no_zone === "true" && " of robots of no zone"], `/${name}`, location.search), said, top);
    await pages(main, (cursor) => get(list.route, [], {...range, ...asked, limit: 200, cursor}), (rows) => table(title, list.columns, rows, {stacked: true, empty: list.empty}), (told) => {
        replace(said, el("strong", {}, list.figure(told)), ` in the whole hours ${rangeText(told.range)} UTC`,
            (zone || asked.no_zone === "true") && `; an hour of a robot is of the zone that it was in at the hour’s end`, ".", list.about && ` ${list.about}`);
        replace(top, rangeBar(`/${name}`, range, told.as_of.now, asked));
    }, {...range, robot, zone});
}
