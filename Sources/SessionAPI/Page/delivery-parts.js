// Parts of a delivery's page around the timeline and the list.

import {data, el, link} from "./dom.js";
import {GROUPS} from "./patterns.js";
import {failureErrors, robotLink} from "./tables.js";
import {clock, count, duration, machineTime, parse, plural} from "./time.js";

/** The state colours that occur, each with its time within the robots' windows. */
export function legend(model) {
    const kinds = new Set(model.states.map((s) => s.kind));
    return [GROUPS.filter((g) => kinds.has(g.kind)).map((g) => {
        const seconds = stateSeconds(model, g.kind);
        return el("li", {}, el("span", {class: `swatch ${g.kind}`, "aria-hidden": "true"}), g.text, seconds > 0 && ` ${duration(seconds)}`);
    }), model.story.silences.length > 0 && el("li", {}, el("span", {class: "swatch silence", "aria-hidden": "true"}), "silent")];
}

function stateSeconds(model, kind) {
    let sum = 0;
    for (const lane of model.lanes) {
        for (const s of lane.states) {
            if (s.kind !== kind) continue;
            for (const w of lane.windows) sum += Math.max(0, Math.min(s.to, w.to) - Math.max(s.from, w.from));
        }
    }
    return sum / 1000;
}

export function facetButtons(model, state, page) {
    const facet = (text, n, pressed, act, kind = "") => el("button", {type: "button", class: `facet ${kind}`, "aria-pressed": String(pressed),
        on: {click: act}}, text, " ", el("span", {class: "n"}, count(n)));
    return [facet(failureErrors(model.session) ? "errors + failure" : "errors", model.errors.length, state.errors, () => page.setFilter({errors: !state.errors}), "errors"),
        model.lanes.map((l) => facet(data(l.label, 24), l.events, state.lanes.includes(l.id), () => page.toggleLane(l.id), l.kind))];
}

/** Events of its robots that lie close to a window and belong to no session. */
export function nearMisses(model) {
    const misses = model.story.near_misses;
    if (misses.length === 0) return null;
    return [el("h2", {}, `${plural(misses.length, "event")} near its windows, and not here: why not`),
        el("ul", {class: "why-not"}, misses.map((o) => el("li", {}, el("time", {datetime: machineTime(o.occurred_at), class: "mono"}, clock(parse(o.occurred_at), "ms")), " ",
            link("events", o.event_id, data(o.event, 60), `?at=${encodeURIComponent(o.occurred_at)}`), " ", o.robot_id && data(o.robot_id, 40), " ",
            o.error_code && el("strong", {}, data(o.error_code, 60)), el("br"), data(o.why_not, 400), " ", o.nearest.map((n) => [data(n.sentence, 300), " "]))))];
}

/** What the service left out of a very long delivery, never silently. */
export function gapNote(model, load) {
    const {gaps} = model.story;
    if (gaps.length === 0) return null;
    const left = gaps.reduce((sum, g) => sum + g.events, 0);
    const errors = model.session.error_count;
    const told = model.errors.length >= errors ? "All errors and all direct events are here. " : `${count(model.errors.length)} of its ${plural(errors, "error")} are here. `;
    return el("p", {class: "banner"}, `${count(left)} events are not loaded: `,
        gaps.map((g, n) => [n > 0 && ", ", `${count(g.events)} between ${clock(parse(g.from))} and ${clock(parse(g.to))}`]),
        ". ", told, el("button", {type: "button", on: {click: load}}, "Load up to 20,000"), " ",
        el("a", {href: `/analytics/v1/sessions/${encodeURIComponent(model.session.session_id)}/events?limit=500`}, "All of them as JSON, page by page"));
}

export function laneLabel(placed, page) {
    const {lane} = placed;
    const date = `?day=${new Date(page.model.from).toISOString().slice(0, 10)}`;
    const name = lane.kind === "robot" ? robotLink(lane.entity_id, lane.windows[0]?.started_at) : lane.kind === "pilot" ? link("pilots", lane.entity_id, null, date)
        : el("span", {}, data(lane.label, 40));
    return el("div", {class: `lane-label ${lane.kind}`, vars: {"--h": `${placed.height}px`}},
        el("span", {class: "lane-name"}, name, el("span", {class: "muted"}, lane.kind === "delivery" ? "" : lane.kind, ` ${count(lane.events)}`,
            lane.errors > 0 && [" ", el("span", {class: "mark"}, `▲${count(lane.errors)}`)])),
        el("button", {type: "button", class: "hide", title: "Hide this lane (x)", "aria-label": `Hide lane ${lane.label}`,
            on: {click: () => page.hideLane(lane.id)}}, "×"));
}
