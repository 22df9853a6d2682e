// Deliveries by what happened to them: the rows behind the figures of other pages.

import {announceTitle, data, el, forms, replace} from "./dom.js";
import {get, meant} from "./api.js";
import {pages} from "./pages.js";
import {sessionsTable} from "./tables.js";
import {instant} from "./range.js";

const FILTERS = ["kind", "outcome", "merchant", "robot", "pilot", "zone", "source", "error", "open_longer_than", "anomalous", "reassigned", "error_near", "within_seconds",
    "last_robot", "robot_zone", "with_robot", "reached", "stopped_at", "intervened"];
const OUTCOMES = ["in_progress", "completed", "failed", "canceled", "rejected", "expired"];

export async function show(main, _, query) {
    announceTitle("Deliveries");
    const asked = {};
    for (const name of FILTERS) if (query.has(name)) asked[name] = query.getAll(name).filter((v) => v !== "");
    for (const name of ["from", "to", "closed_from", "closed_to"]) asked[name] = instant(query.get(name));
    if (query.has("failure")) asked.failure = meant(query.get("failure"));
    replace(main, el("div", {class: "title-row"}, el("h1", {}, "Deliveries"), el("span", {class: "title-actions"}, forms("/sessions", location.search))), el("p", {}, sentence(asked)), form(query), exportLink(asked));
    await pages(main, (cursor) => get("sessions", [], {...asked, limit: 100, cursor}),
        (rows) => sessionsTable(rows, "Deliveries", el("p", {}, "No delivery matches. ", el("a", {href: "/sessions"}, "Take the filters off"), "."), Boolean(asked.intervened)));
}

/** Their events as CSV, for the filters that the export knows. */
function exportLink(asked) {
    const known = ["from", "to", "merchant", "robot", "outcome", "error"];
    const others = Object.entries(asked).filter(([name, value]) => value && value.length > 0 && !known.includes(name)).map(([name]) => name);
    const several = known.filter((name) => Array.isArray(asked[name]) && asked[name].length > 1);
    if (others.length > 0 || several.length > 0) return null;
    const query = new URLSearchParams(known.flatMap((name) => (asked[name] ? [[name, [asked[name]].flat()[0] ?? ""]] : [])).filter(([, value]) => value !== ""));
    return el("p", {}, el("a", {href: `/analytics/v1/incidents/export.csv?${query}`}, "All their events as CSV"),
        el("span", {class: "muted"}, asked.from || asked.to ? "" : " of the last 24 hours; add from and to to the address for others"));
}

/** The filter in words. */
function sentence(asked) {
    const said = Object.entries(asked).filter(([, v]) => v && v.length !== 0).map(([name, value]) => {
        if (name === "failure" && typeof value === "symbol") return "that failed without a code";
        const text = [value].flat().join(" or ");
        if (name === "kind" && value.length === 5) return "of any kind";
        if (name === "failure") return ["that failed for ", data(text, 120)];
        if (name === "closed_from") return ["closed from ", data(text)];
        if (name === "closed_to") return ["closed before ", data(text)];
        if (name === "last_robot") return ["of which the last robot was ", data(text, 120)];
        if (name === "robot_zone") return ["whose last robot was in zone ", data(text, 120), " by the end of that hour"];
        if (name === "with_robot") return "that a robot served";
        if (name === "reached") return ["that got at least to the step ", data(text.replaceAll("_", " "))];
        if (name === "stopped_at") return ["that got no further than the step ", data(text.replaceAll("_", " "))];
        if (name === "intervened") return "in which a person intervened";
        if (name === "from") return ["first event from ", data(text)];
        if (name === "to") return ["first event before ", data(text)];
        if (name === "error_near") return ["a robot error near ", data(text.replace(/_at$/, "").replaceAll("_", " "))];
        if (name === "open_longer_than") return `open for longer than ${text} s`;
        if (name === "anomalous") return "with an anomaly";
        if (name === "reassigned") return "served by more than one robot";
        if (name === "within_seconds") return `within ${text} s`;
        return [`${name} `, data(text.replaceAll("_", " "), 120)];
    });
    if (said.length === 0) return "All of them, the latest first.";
    return ["The latest first: ", said.map((s, n) => [n > 0 && ", ", s]), "."];
}

function form(query) {
    const text = (name, label, hint) => el("label", {}, label, el("input", {type: "search", name, value: query.get(name) ?? "", size: 12, placeholder: hint}));
    const outcome = el("label", {}, "outcome", el("select", {name: "outcome"}, el("option", {value: ""}, "any"),
        OUTCOMES.map((o) => el("option", {value: o, selected: query.get("outcome") === o}, o.replace("_", " ")))));
    const near = el("label", {}, "robot error near", el("select", {name: "error_near"}, [["", "–"], ["pickup_arrival_at", "pickup arrival"], ["dropoff_arrival_at", "drop-off arrival"],
        ["assigned_at", "assignment"], ["failed_at", "failure"]].map(([v, t]) => el("option", {value: v, selected: query.get("error_near") === v}, t))));
    const box = el("form", {class: "range", action: "/sessions", method: "get"}, outcome, text("merchant", "merchant"), text("robot", "robot", "R-001"), text("pilot", "pilot"),
        text("zone", "zone"), text("error", "error code", "LID_ERROR"), near, el("button", {type: "submit"}, "Show"));
    // Empty fields stay out of the address.
    box.addEventListener("formdata", (event) => {
        for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
    });
    return box;
}
