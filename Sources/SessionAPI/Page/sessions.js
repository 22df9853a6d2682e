// Deliveries by what happened to them: the rows behind the figures of other pages.

import {announceTitle, data, el, replace} from "./dom.js";
import {get} from "./api.js";
import {pages} from "./pages.js";
import {sessionsTable} from "./tables.js";
import {instant} from "./range.js";

const FILTERS = ["kind", "outcome", "merchant", "robot", "pilot", "zone", "source", "error", "open_longer_than", "anomalous", "reassigned", "error_near", "within_seconds"];
const OUTCOMES = ["in_progress", "completed", "failed", "canceled", "rejected", "expired"];

export async function show(main, _, query) {
    announceTitle("Deliveries");
    const asked = {};
    for (const name of FILTERS) if (query.has(name)) asked[name] = query.getAll(name).filter((v) => v !== "");
    for (const name of ["from", "to"]) asked[name] = instant(query.get(name));
    replace(main, el("h1", {}, "Deliveries"), el("p", {}, sentence(asked)), form(query), exportLink(asked));
    await pages(main, (cursor) => get("sessions", [], {...asked, limit: 100, cursor}),
        (rows) => sessionsTable(rows, "Deliveries", el("p", {}, "No delivery matches. ", el("a", {href: "/sessions"}, "Take the filters off"), ".")));
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
        const text = [value].flat().join(" or ");
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
    return ["The latest first, with ", said.map((s, n) => [n > 0 && ", ", s]), "."];
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
