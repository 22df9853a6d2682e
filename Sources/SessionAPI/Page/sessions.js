// Deliveries by what happened to them: the rows behind the figures of other pages.

import {announceTitle, data, el, replace, titleRow} from "./dom.js";
import {get, mayOpen, meant, readerKnown} from "./api.js";
import {pages} from "./pages.js";
import {sessionsTable, time} from "./tables.js";
import {instant, instantField, isSame, knownRanges, readRange} from "./range.js";
import {iso, parse} from "./time.js";

const FILTERS = ["kind", "outcome", "merchant", "robot", "pilot", "zone", "source", "error", "open_longer_than", "anomalous", "reassigned", "error_near", "within_seconds",
    "last_robot", "robot_zone", "with_robot", "reached", "stopped_at", "intervened"];
const KEPT = [...FILTERS, "closed_from", "closed_to", "failure"];
/** What the form has a field for; of several values there is one for `outcome` only. */
const SHOWN = ["outcome", "merchant", "robot", "pilot", "zone", "error", "error_near", "within_seconds"];
/** How near a robot error is, in seconds, where nothing is said of it. */
const NEAR = "120";
const OUTCOMES = ["in_progress", "completed", "failed", "canceled", "rejected", "expired"];

export async function show(main, _, query) {
    announceTitle("Deliveries");
    const asked = {};
    for (const name of FILTERS) if (query.has(name)) asked[name] = query.getAll(name).filter((v) => v !== "");
    for (const name of ["from", "to", "closed_from", "closed_to"]) asked[name] = instant(query.get(name));
    if (query.has("failure")) asked.failure = meant(query.get("failure"));
    const links = el("span", {class: "links own"});
    await readerKnown();
    replace(main, titleRow("Deliveries", "/sessions", location.search), el("p", {}, sentence(asked)), form(query, asked, links), exportLink(asked));
    await pages(main, (cursor) => get("sessions", [], {...asked, limit: 100, cursor}),
        (rows) => sessionsTable(rows, "Deliveries", el("p", {}, "No delivery matches. ", el("a", {href: "/sessions"}, "Take the filters off"), "."), Boolean(asked.intervened)),
        (told) => replace(links, rangeLinks(query, told.as_of.now)), asked);
}

/** First events of the last day, and so on; the other filters stay. */
function rangeLinks(query, now) {
    const day = {from: iso(parse(now) - 86_400_000), to: iso(parse(now) + 1)};
    return [["any time", {}], ["last 24 h", day], ...knownRanges(now)].map(([text, range]) => {
        const address = new URLSearchParams([...query].filter(([name]) => KEPT.includes(name)));
        for (const [name, value] of Object.entries(range)) address.set(name, value);
        return el("a", {href: `/sessions${address.size ? `?${address}` : ""}`, "aria-current": isSame(range, readRange(query)) ? "true" : null}, text);
    });
}

/** The export takes so long a range. */
const MOST_DAYS = 92;

/** All events of those that are listed as CSV, for the filters that the export knows. */
function exportLink(asked) {
    if (!mayOpen("/analytics/v1/incidents/export.csv")) return null;
    const known = ["from", "to", "merchant", "robot", "outcome", "error"];
    const others = Object.entries(asked).filter(([name, value]) => value && value.length > 0 && !known.includes(name)).map(([name]) => name);
    const several = known.filter((name) => Array.isArray(asked[name]) && asked[name].length > 1);
    if (others.length > 0 || several.length > 0) return null;
    const query = new URLSearchParams(known.flatMap((name) => (asked[name] ? [[name, [asked[name]].flat()[0] ?? ""]] : [])).filter(([, value]) => value !== ""));
    query.set("range_of", "sessions");
    if (asked.from && asked.to && parse(asked.to) - parse(asked.from) > MOST_DAYS * 86_400_000) return el("p", {class: "muted"}, `All their events as CSV: choose from and to at most ${MOST_DAYS} days apart.`);
    return el("p", {}, el("a", {href: `/analytics/v1/incidents/export.csv?${query}`}, "All their events as CSV"), el("span", {class: "muted"}, exported(asked)));
}

/** Of which of them, where not of all. */
function exported(asked) {
    if (asked.from && asked.to) return "";
    const part = asked.from ? "24 hours after that" : asked.to ? "24 hours before that" : "last 24 hours";
    return ` of those that began in the ${part}; choose from and to for others`;
}

/** An instant as short as it can be. */
const when = (text) => time(iso(parse(text)), parse(text) % 60_000 === 0 ? "m" : "s");

/** The filter in words. */
function sentence(asked) {
    const said = Object.entries(asked).filter(([, v]) => v && v.length !== 0).map(([name, value]) => inWords(name, value, asked)).filter(Boolean);
    if (said.length === 0) return "All of them, the latest first.";
    return ["The latest first: ", said.map((s, n) => [n > 0 && ", ", s]), "."];
}

function inWords(name, value, asked) {
    if (name === "failure" && typeof value === "symbol") return "that failed without a code";
    const text = [value].flat().join(" or ");
    if (name === "kind" && value.length === 5) return "of any kind";
    if (name === "failure") return ["that failed for ", data(text, 120)];
    if (name === "closed_from") return ["closed from ", when(text)];
    if (name === "closed_to") return ["closed before ", when(text)];
    if (name === "last_robot") return ["of which the last robot was ", data(text, 120)];
    if (name === "robot_zone") return ["whose last robot was in zone ", data(text, 120), " by the end of that hour"];
    if (name === "with_robot") return "that a robot served";
    if (name === "reached") return ["that got at least to the step ", data(text.replaceAll("_", " "))];
    if (name === "stopped_at") return ["that got no further than the step ", data(text.replaceAll("_", " "))];
    if (name === "intervened") return "in which a person intervened";
    if (name === "from") return ["first event from ", when(text)];
    if (name === "to") return ["first event before ", when(text)];
    if (name === "error_near") return ["a robot error within ", data([asked.within_seconds ?? []].flat()[0] ?? NEAR, 20), " s of ", data(text.replace(/_at$/, "").replaceAll("_", " "))];
    if (name === "open_longer_than") return `open for longer than ${text} s`;
    if (name === "anomalous") return "with an anomaly";
    if (name === "reassigned") return "served by more than one robot";
    if (name === "within_seconds") return asked.error_near?.length > 0 ? null : `within ${text} s`;
    if (name === "outcome") return ["outcome ", data(text.replaceAll("_", " "))];
    return [`${name} `, data(text, 120)];
}

/** What the form has no field for stays in the address, and can be taken off one by one. */
function chips(query, asked, names) {
    return names.length > 0 && el("span", {class: "links own"}, names.map((name) => {
        const rest = new URLSearchParams([...query].filter(([other]) => other !== name));
        return el("a", {href: `/sessions${rest.size ? `?${rest}` : ""}`, title: "Take this filter off"}, inWords(name, asked[name], {}), el("span", {class: "quiet-label"}, ": take off"), el("span", {"aria-hidden": "true"}, " ×"));
    }));
}

function form(query, asked, links) {
    const given = (name) => query.getAll(name).filter((v) => v !== "");
    const kept = KEPT.filter((name) => asked[name] && asked[name].length !== 0 && (!SHOWN.includes(name) || name !== "outcome" && given(name).length > 1));
    const one = (name) => (kept.includes(name) ? "" : given(name)[0] ?? "");
    const text = (name, label, hint) => el("label", {}, label, el("input", {type: "search", name, value: one(name), size: 12, placeholder: hint}));
    const choice = (name, label, options) => {
        const value = given(name).join(" ");
        const all = kept.includes(name) || options.some(([v]) => v === value) ? options : [...options, [value, value.split(" ").map((v) => v.replaceAll("_", " ")).join(" or ")]];
        return el("label", {}, label, el("select", {name}, all.map(([v, t]) => el("option", {value: v, selected: !kept.includes(name) && v === value}, t))));
    };
    const hidden = kept.flatMap((name) => query.getAll(name).filter((v) => v !== "" || name === "failure").map((value) => el("input", {type: "hidden", name, value})));
    const range = readRange(query);
    const box = el("form", {class: "range", action: "/sessions", method: "get"}, links, instantField("from", range), instantField("to", range),
        choice("outcome", "outcome", [["", "any"], ...OUTCOMES.map((o) => [o, o.replace("_", " ")])]), text("merchant", "merchant"), text("robot", "robot", "R-001"), text("pilot", "pilot"),
        text("zone", "zone"), text("error", "error code", "LID_ERROR"), choice("error_near", "robot error near", [["", "–"], ["pickup_arrival_at", "pickup arrival"],
            ["dropoff_arrival_at", "drop-off arrival"], ["assigned_at", "assignment"], ["failed_at", "failure"]]),
        el("label", {}, "within (s)", el("input", {type: "search", name: "within_seconds", inputmode: "numeric", pattern: "[0-9]{1,4}", title: "Whole seconds, 1 to 3600", value: one("within_seconds"), size: 5, placeholder: NEAR})),
        hidden, el("button", {type: "submit"}, "Show"), chips(query, asked, kept));
    // Empty fields stay out of the address; a choice of several is several parameters.
    box.addEventListener("formdata", (event) => {
        const all = [...event.formData];
        for (const [name] of all) event.formData.delete(name);
        // How near is of no use without near what.
        const near = all.some(([name, value]) => name === "error_near" && value !== "");
        for (const [name, value] of all) {
            const values = name === "outcome" ? value.split(" ") : name === "within_seconds" && !near ? [] : [value];
            for (const one of values) if (one !== "" || name === "failure") event.formData.append(name, one);
        }
    });
    return box;
}
