// A robot's or pilot's day in the form that the timeline draws.

import {data, el, link, sessionLink} from "./dom.js";
import {rowsOf, stateKind} from "./model.js";
import {clock, duration, parse, zoneName} from "./time.js";

const plain = (id) => id.replace(/^delivery:/, "");

function lane(id, kind, label, index, {windows = [], states = [], silences = [], errors = [], note = ""} = {}) {
    windows.sort((a, b) => a.from - b.from);
    const times = Float64Array.from(errors, (e) => e.t);
    return {id, lane: id, kind, entity_id: label, label, index, note, windows, rows: rowsOf(windows), states, silences, events: errors.length, errors: errors.length,
        list: errors, times, errorList: errors, errorTimes: times, whole: true, tall: kind === "robot"};
}

/** `name` is what stands in the box: the delivery for a robot, the robot or pilot else. */
function windowOf(w, kind, name, now) {
    const end = parse(w.ended_at);
    const from = parse(w.started_at);
    const expires = parse(w.expires_at);
    return {...w, kind, entity_id: name, name, from, to: end ?? Math.max(from, Math.min(now, expires)), end, expires, open: end === null};
}

function shell(told, lanes, states, windows, errors, label) {
    const from = parse(told.range.from);
    const to = parse(told.range.to);
    return {
        session: {session_id: label, outcome: "", milestones: {}}, story: {silences: []}, events: errors, errors, lanes, windows, states, milestones: [], from, to,
        now: parse(told.as_of.now), domain: {from: from - 900_000, to: to + 900_000}, start: from, end: null,
        laneById: new Map(lanes.map((l) => [l.id, l])),
    };
}

export function dayModel(told) {
    const now = Math.min(parse(told.as_of.now), parse(told.range.to));
    const states = told.states.map((s) => ({...s, from: parse(s.started_at), to: parse(s.ended_at) ?? Math.max(now, parse(s.started_at)), open: s.ended_at === null, kind: stateKind(s.state, s.class)}));
    const silences = told.silences.map((s) => ({...s, from: parse(s.started_at), to: parse(s.ended_at)}));
    const errors = told.errors.map((e, index) => ({...e, index, t: parse(e.occurred_at), event: "robot.error", is_error: true, lane: "robot"}));
    const windows = told.sessions.map((w) => windowOf(w, "robot", plain(w.session_id), now));
    const pilots = told.pilots.map((p) => ({...windowOf({...p, opened_by: "", end_reason: null, inferred: false}, "pilot", p.id, now), pilot: p.id}));
    const lanes = [lane("robot", "robot", told.robot_id, 0, {windows, states, silences, errors, note: "deliveries, states"})];
    if (pilots.length > 0) lanes.push(lane("pilots", "pilot", "pilots", 1, {windows: pilots, note: "who watched it"}));
    return shell(told, lanes, states, [...windows, ...pilots], errors, `the day of ${told.robot_id}`);
}

export function pilotModel(told) {
    const now = Math.min(parse(told.as_of.now), parse(told.range.to));
    const span = (w, name) => windowOf({opened_by: "", end_reason: null, inferred: false, expires_at: w.ended_at ?? told.as_of.now, ...w}, "pilot", name, now);
    const shifts = told.shifts.map((s) => span(s, "on shift"));
    const sessions = told.sessions.map((w) => span(w, plain(w.session_id)));
    const robots = told.robots.map((r) => span(r, r.id));
    const lanes = [lane("shift", "pilot", "shifts", 0, {windows: shifts}), lane("sessions", "pilot", "deliveries", 1, {windows: sessions}), lane("robots", "pilot", "robots watched", 2, {windows: robots})];
    return shell(told, lanes.filter((l) => l.windows.length > 0), [], [...shifts, ...sessions, ...robots], [], `the day of ${told.pilot_id}`);
}

/** What a robot was doing at an instant, and for whom, from the day that is loaded. */
export function sentenceAt(model, timeline, t) {
    const holds = (i) => i.from <= t && t < i.to;
    const state = model.states.find(holds);
    const serving = model.windows.filter((w) => w.kind === "robot" && holds(w));
    const pilots = model.windows.filter((w) => w.kind === "pilot" && holds(w));
    const next = model.states.find((s) => s.from > t);
    const silence = model.lanes[0].silences.find(holds);
    const error = model.errors.findLast((e) => e.t <= t && t - e.t < 600_000);
    const parts = [`At ${clock(t)} ${zoneName(t)}: `];
    if (!state) parts.push(t > model.now ? "that is after the newest event known" : "no state of it is known");
    else parts.push(el("strong", {}, data(state.state, 40)), state.reason && [" (", data(state.reason, 60), ")"], ` since ${clock(state.from)}`);
    if (serving.length > 0) parts.push(", for ", serving.map((w, n) => [n > 0 && " and ", sessionLink(w.session_id)]));
    else if (state) parts.push(", for no delivery");
    if (pilots.length > 0) parts.push(", pilot ", pilots.map((p, n) => [n > 0 && ", ", link("pilots", p.pilot)]));
    if (silence) parts.push(`; silent since ${clock(silence.from)}`);
    if (error) parts.push("; last error ", data(error.error_code ?? "error", 60), ` ${duration((t - error.t) / 1000)} before`);
    if (next) parts.push(`; next change ${clock(next.from)}: `, data(next.state, 40), next.reason && [" (", data(next.reason, 60), ")"]);
    parts.push(".");
    const nodes = el("span", {}, parts);
    return {nodes, text: nodes.textContent};
}
