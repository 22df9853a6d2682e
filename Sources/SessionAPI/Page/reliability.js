// How often robots fail, how long they are away, and how far deliveries get without a person.

import {announceTitle, data, el, link, replace, titleRow} from "./dom.js";
import {get} from "./api.js";
import {failuresOf, figure, servedBy, timeIn} from "./counted.js";
import {showProblem, waiting} from "./problem.js";
import {rangeBar, rangeText, readRange} from "./range.js";
import {duration, hours} from "./time.js";
import {table} from "./tables.js";
import {tellFreshness} from "./freshness.js";

/** `tall`: beside other parts it scrolls by itself; on its own page it is as long as it is. */
export function reliabilityTable(told, tall = false) {
    const range = told.range;
    return [el("p", {class: "muted"}, "A failure is a step from a state that is not downtime into one that is; MTBF is usable time by failures, MTTR the mean downtime after one. ",
        "An intervention is a rescue, or a hand-over between pilots. “Too few to tell”: under five failures, the means say little."),
    table("Reliability by robot", [
        ["robot", (r) => (r.robot_id === null ? el("strong", {}, "fleet") : link("robots", r.robot_id))],
        ["operating h", (r) => figure(r.operating_seconds, timeIn("usable", range, {robot: r.robot_id}), hours(r.operating_seconds)), "num"],
        ["failures", (r) => [figure(r.failures, failuresOf(r.robot_id, range)), r.few && el("span", {class: "muted"}, " too few to tell")], "num"],
        ["MTBF", (r) => (r.mtbf_seconds === null ? "–" : figure(r.failures, failuresOf(r.robot_id, range), duration(r.mtbf_seconds))), "num"],
        ["repairs", (r) => figure(r.repairs, failuresOf(r.robot_id, range, {repaired: true})), "num"],
        ["MTTR", (r) => (r.mttr_seconds === null ? "–" : figure(r.repairs, failuresOf(r.robot_id, range, {repaired: true}), duration(r.mttr_seconds))), "num"],
        ["completed", (r) => figure(r.deliveries_completed, servedBy(r.robot_id, range, {outcome: "completed"})), "num"],
        ["interventions", (r) => figure(r.interventions, servedBy(r.robot_id, range, {intervened: true})), "num"],
        ["between them", (r) => (r.deliveries_per_intervention === null ? "–" : figure(r.interventions, servedBy(r.robot_id, range, {intervened: true}), r.deliveries_per_intervention.toFixed(1))), "num"],
    ], [told.fleet, ...told.rows], {tall, empty: "No robot is known in this range."})];
}

export async function show(main, _, query) {
    announceTitle("Reliability");
    const range = readRange(query);
    const done = waiting(main, "reliability");
    try {
        const told = await get("fleet/reliability", [], range);
        done();
        tellFreshness(told.as_of);
        replace(main, titleRow("Reliability", "/reliability", location.search),
            el("p", {class: "muted"}, data(rangeText(told.range)), " UTC, by whole hours"), rangeBar("/reliability", range, told.as_of.now), reliabilityTable(told));
    } catch (error) {
        done();
        showProblem(main, error, () => show(main, _, query));
    }
}
