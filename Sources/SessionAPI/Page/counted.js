// Where a figure leads: to exactly the rows that it counts.

import {el, pathPart} from "./dom.js";
import {count} from "./time.js";

const KINDS = ["delivery", "demand", "trip", "quote", "offer"];

function address(page, parameters) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) {
        for (const one of [value].flat()) if (one !== null && one !== undefined) query.append(name, one);
    }
    return `${page}?${query}`;
}

/** A figure as a link to its rows. Nought has none, and leads nowhere. */
export const figure = (n, href, text = count(n)) => (n === 0 ? text : el("a", {href}, text));

/** Sessions that a robot completed in a range: those closed in it, whenever they began. */
export const completedIn = (range, zone) => address("/sessions", {outcome: "completed", kind: KINDS, with_robot: true, robot_zone: zone || null, closed_from: range.from, closed_to: range.to});

/** Sessions of any kind that ended so in a range. */
export const closedIn = (range, outcome) => address("/sessions", {outcome, kind: KINDS, closed_from: range.from, closed_to: range.to});

/** Sessions closed in a range of which a robot (or any) was the last: what reliability counts. */
export const servedBy = (robot, range, more) => address("/sessions", {...more, kind: KINDS, ...(robot === null ? {with_robot: true} : {last_robot: robot}), closed_from: range.from, closed_to: range.to});

/** Sessions of the funnel: at least at a step (`reached`), or there and no further (`stopped_at`). */
export const atStep = (range, filters, more) => address("/sessions", {...more, kind: KINDS.filter((k) => k !== "trip"), ...filters, from: range.from, to: range.to});

export const downtimeIn = (range, more) => address("/downtime", {...more, from: range.from, to: range.to});
/** What the fleet’s hours add up: the states of a class, assignments, errors; of a zone, of none (`no_zone`), of a robot. */
export const timeIn = (stateClass, range, more) => address("/states", {class: stateClass, ...more, from: range.from, to: range.to});
export const onDeliveryIn = (range, more) => address("/windows", {...more, from: range.from, to: range.to});
export const errorsIn = (range, more) => address("/errors", {...more, from: range.from, to: range.to});
export const failuresOf = (robot, range, more = {}) => address("/failures", {robot, ...more, from: range.from, to: range.to});
/** The rest of a robot’s errors, on its page. */
export const errorsOf = (robot, range) => `${robotIn(robot, range)}#part-errors`;
export const robotIn = (robot, range) => address(`/robots/${pathPart(robot)}`, {from: range.from, to: range.to});
