// The intervals behind a figure of downtime.

import {announceTitle, data, el, replace, titleRow} from "./dom.js";
import {get, meant} from "./api.js";
import {pages} from "./pages.js";
import {rangeBar, readRange} from "./range.js";
import {duration} from "./time.js";
import {robotLink, table, time} from "./tables.js";

export async function show(main, _, query) {
    announceTitle("Downtime");
    const range = readRange(query);
    const [reason, robot, state, zone] = ["reason", "robot", "state", "zone"].map((name) => query.get(name));
    const top = el("div", {});
    replace(main, titleRow(["Downtime", reason !== null && [": ", reason === "" ? "no reason given" : data(reason, 60)], robot && [" of ", data(robot, 60)], zone && [" in zone ", data(zone, 60)]], "/downtime", location.search), top);
    // An empty reason is a question of its own, so it must not be left out of the address.
    const read = (cursor) => get("fleet/downtime/intervals", [], {...range, reason: meant(reason), robot, state, zone, limit: 200, cursor});
    await pages(main, read, (rows) => table("Intervals of downtime", [
        ["robot", (r) => robotLink(r.robot_id, r.started_at)],
        ["state", (r) => data(r.state, 40)],
        ["reason", (r) => (r.reason ? data(r.reason, 60) : el("span", {class: "muted"}, "none"))],
        ["from", (r) => time(r.started_at)],
        ["to", (r) => (r.ended_at ? time(r.ended_at) : "still")],
        ["lasted", (r) => duration(r.seconds), "num"],
        ["within the range", (r) => duration(r.seconds_in_range), "num"],
    ], rows, {empty: "No robot was down in this range."}), (answer) => replace(top, rangeBar("/downtime", range, answer.as_of.now, {robot, reason, state, zone})), {...range, robot, zone});
}
