// What MTBF and MTTR count: each failure, and how long its robot was away.

import {announceTitle, data, el, replace, titleRow} from "./dom.js";
import {get} from "./api.js";
import {downtimeIn} from "./counted.js";
import {pages} from "./pages.js";
import {rangeBar, readRange} from "./range.js";
import {duration, hours, plural} from "./time.js";
import {robotLink, table, time} from "./tables.js";

export async function show(main, _, query) {
    announceTitle("Failures");
    const range = readRange(query);
    const robot = query.get("robot");
    const repaired = query.get("repaired") === "true" ? "true" : null;
    const top = el("div", {});
    replace(main, titleRow([repaired ? "Repairs" : "Failures", robot && [" of ", data(robot, 60)]], "/failures", location.search), top);
    await pages(main, (cursor) => get("fleet/failures", [], {...range, robot, repaired, limit: 200, cursor}), (rows) => table("Failures", [
        ["robot", (f) => robotLink(f.robot_id, f.failed_at)], ["failed", (f) => time(f.failed_at)], ["into", (f) => data(f.state, 40)],
        ["reason", (f) => (f.reason ? data(f.reason, 60) : el("span", {class: "muted"}, "none"))], ["back", (f) => (f.repaired_at ? time(f.repaired_at) : "not yet")],
        ["away for", (f) => (f.repair_seconds === null ? "–" : duration(f.repair_seconds)), "num"],
    ], rows, {empty: "No robot failed in this range."}), (told) => {
        const t = told.totals;
        replace(top, el("p", {}, !repaired && t.failures > 0 && `${hours(t.operating_seconds)} operating hours by ${plural(t.failures, "failure")}: one each ${duration(t.operating_seconds / t.failures)} (MTBF). `,
            t.repairs > 0 && `${duration(t.repair_seconds)} of downtime after ${plural(t.repairs, "failure")} that ended: ${duration(t.repair_seconds / t.repairs)} each (MTTR). `,
            el("a", {href: downtimeIn(told.range, {robot})}, "All downtime of these hours")),
        el("p", {class: "muted"}, "By whole hours, as operating time is known. Downtime that follows downtime (grounded, then in the workshop) belongs to the failure before it."),
        rangeBar("/failures", range, told.as_of.now, {robot, repaired}));
    }, {robot});
}
