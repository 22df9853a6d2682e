// A story from the API as columns that can be drawn and searched: times as numbers, per lane, sorted.

import {errorsInWords} from "./tables.js";
import {parse} from "./time.js";

/** Milestones in the order to label them; the first ones win where there is little room. */
const MILESTONES = [
    ["failed_at", "failed"], ["canceled_at", "canceled"], ["dropoff_completed_at", "dropped off"], ["assigned_at", "assigned"],
    ["pickup_arrival_at", "at pickup"], ["dropoff_arrival_at", "at drop-off"], ["pickup_completed_at", "picked up"],
    ["demand_created_at", "demand"], ["offer_received_at", "offer"], ["trip_started_at", "trip"], ["fulfilled_at", "fulfilled"],
    ["active_at", "active"], ["pilot_assigned_at", "pilot"], ["pickup_started_at", "loading"], ["dropoff_started_at", "unloading"],
    ["demand_confirmed_at", "confirmed"], ["offer_accepted_at", "accepted"], ["quote_requested_at", "quote"],
    ["quote_provided_at", "quoted"], ["trip_created_at", "trip made"],
];

/** How a state is drawn: colour says the class, pattern what it does in it. */
export function stateKind(state, group) {
    if (group === "usable") return state.startsWith("at_") ? "wait" : ["idle", "available"].includes(state) ? "idle" : "move";
    if (group === "downtime") return state === "unknown" ? "unknown" : "down";
    return group === "off_duty" ? "off" : "other";
}

const CONTEXT = 30 * 60_000;

/** What tells an event from every other: in another hour the same `event_id` is another event. */
export const keyOf = (e) => `${e.event_id} ${e.occurred_at}`;

/** The event of an id at an instant; without one, as in old links, the first of that id. */
export const eventOf = (model, id, at) =>
    (at ? model.byKey.get(keyOf({event_id: id, occurred_at: at})) : model.events.find((e) => e.event_id === id)) ?? null;

/** Puts overlapping windows of one entity under each other: both stay visible. */
export function rowsOf(windows) {
    const ends = [];
    for (const w of windows) {
        let row = ends.findIndex((end) => end <= w.from);
        if (row < 0) row = ends.length;
        w.row = row;
        ends[row] = w.to;
    }
    return Math.max(1, ends.length);
}

export function buildModel(story) {
    const session = story.session;
    const now = parse(story.as_of.now);
    const events = story.events.map((e, index) => ({...e, index, t: parse(e.occurred_at)}));
    const from = Math.min(parse(session.first_event_at), ...story.windows.map((w) => parse(w.started_at)));
    const opens = story.windows.filter((w) => w.ended_at === null).map((w) => Math.min(now, parse(w.expires_at)));
    let to = Math.max(parse(session.last_event_at), parse(session.closed_at) ?? 0,
        ...story.windows.map((w) => parse(w.ended_at) ?? 0), ...opens);
    if (to <= from) to = from + 60_000;

    const windows = story.windows.map((w, index) => {
        const end = parse(w.ended_at);
        const expires = parse(w.expires_at);
        return {...w, index, from: parse(w.started_at), to: end ?? Math.max(parse(w.started_at), Math.min(now, expires)),
            end, expires, open: end === null};
    });
    const states = story.states.map((s) => ({...s, from: parse(s.started_at), to: parse(s.ended_at) ?? Math.max(now, parse(s.started_at)),
        open: s.ended_at === null, kind: stateKind(s.state, s.class)}));
    const silences = story.silences.map((s) => ({...s, from: parse(s.started_at), to: parse(s.ended_at)}));

    const lanes = story.lanes.map((l, index) => {
        const mine = windows.filter((w) => w.lane === l.lane && l.kind !== "delivery").sort((a, b) => a.from - b.from);
        const own = events.filter((e) => e.lane === l.lane);
        const ofRobot = (list) => (l.kind === "robot" ? list.filter((s) => s.robot_id === l.entity_id) : []);
        return {
            ...l, index, id: l.lane, label: l.kind === "delivery" ? (session.delivery_id ? "delivery" : session.kind) : l.entity_id,
            windows: mine, rows: rowsOf(mine), states: ofRobot(states).sort((a, b) => a.from - b.from), silences: ofRobot(silences),
            list: own, times: Float64Array.from(own, (e) => e.t),
            errorList: own.filter((e) => e.is_error), errorTimes: Float64Array.from(own.filter((e) => e.is_error), (e) => e.t),
        };
    });

    const milestones = MILESTONES.map(([name, label], rank) => ({name, label, rank, t: parse(session.milestones[name])}))
        .filter((m) => m.t !== null);
    return {
        story, session, events, lanes, windows, states, milestones, from, to, now,
        domain: {from: from - CONTEXT, to: to + CONTEXT},
        start: parse(session.first_event_at), end: parse(session.closed_at),
        byKey: new Map(events.map((e) => [keyOf(e), e])),
        laneById: new Map(lanes.map((l) => [l.id, l])),
        errors: events.filter((e) => e.is_error),
    };
}

/** The first index whose time is not below `t`. */
export function lowerBound(times, t) {
    let low = 0;
    let high = times.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (times[middle] < t) low = middle + 1;
        else high = middle;
    }
    return low;
}

/** The index nearest to `t`, or -1. */
export function nearest(times, t) {
    if (times.length === 0) return -1;
    const i = lowerBound(times, t);
    if (i === 0) return 0;
    if (i === times.length) return i - 1;
    return t - times[i - 1] <= times[i] - t ? i - 1 : i;
}

/** In words, for a screen reader: what the drawing shows. */
export function summary(model) {
    const robots = model.lanes.filter((l) => l.kind === "robot").map((l) => l.label);
    const pilots = model.lanes.filter((l) => l.kind === "pilot").map((l) => l.label);
    return `Timeline of ${model.session.session_id}, ${model.events.length} events, ${errorsInWords(model.errors.length, model.session)}; ` +
        `robots ${robots.join(", ") || "none"}; pilots ${pilots.join(", ") || "none"}. The list below holds the same events.`;
}
