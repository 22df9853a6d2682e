// Where the log is lying. Each check is printed, also when nothing is wrong; what needs a look is unfolded.

import {announceTitle, data, el, keepFocus, link, replace, titleRow} from "./dom.js";
import {get} from "./api.js";
import {loading} from "./charts.js";
import {figure} from "./counted.js";
import {whyNotList} from "./orphans.js";
import {showProblem, waiting} from "./problem.js";
import {rangeBar, rangeText, readRange} from "./range.js";
import {count, duration, parse, stamp} from "./time.js";
import {table} from "./tables.js";
import {tellFreshness} from "./freshness.js";
import {copyText} from "./clipboard.js";
import {emptyStore} from "./home.js";

const NAMES = {
    every_message_counted: "Every message counted", rejected: "Rejected messages", duplicates: "Duplicates", orphan_errors: "Errors outside any delivery", anomalous_sessions: "Sessions with anomalies",
    state_conflicts: "States that contradict", over_linked: "Over-linked ids", no_reason: "Downtime without a reason", clock_skew: "Clocks that are off", events_ahead: "Events ahead of the clock", late_events: "Late events", unknown_events: "Unknown event names",
};
const SIGNS = {ok: ["✔", "fine"], look: ["▲", "look"], not_measured: ["–", "not measured"]};
const ROUTES = {rejected: "/rejected", orphans: "/orphans", sessions: "/sessions", "fleet/downtime/intervals": "/downtime"};

/** What takes longer than a moment is counted aside: the page asks for it so often, so many milliseconds apart. */
const AGAIN = 20;
const AFTER = 3000;

export async function show(main, _, query) {
    announceTitle("Data quality");
    const range = readRange(query);
    const done = waiting(main, "the checks");
    let told;
    try {
        told = await get("quality", [], range);
    } catch (error) {
        done();
        return showProblem(main, error, () => show(main, _, query));
    }
    done();
    tellFreshness(told.as_of);
    if (told.as_of.events === 0) return replace(main, el("h1", {}, "Is the log telling the truth?"), emptyStore());
    const counted = el("div", {});
    draw(counted, told);
    replace(main, titleRow("Is the log telling the truth?", "/quality", location.search), el("p", {class: "muted"}, `${rangeText(told.range)} UTC; messages ${since(told.messages_of)}`), rangeBar("/quality", range, told.as_of.now),
        counted, loading("Errors outside any delivery: why not", (place) => orphans(place, range)));
    if (told.pending) askAgain(counted, range, AGAIN);
}

const since = (of) => (of.all ? "over all times" : `since ${stamp(parse(of.since), "m")} UTC`);

/** What was told; of what is there already, what somebody unfolded or folded stays so. */
function draw(place, told) {
    const look = told.checks.filter((c) => c.status === "look");
    const fine = told.checks.filter((c) => c.status !== "look");
    const before = new Map([...place.querySelectorAll("details[data-check]")].map((box) => [box.dataset.check, box.open]));
    keepFocus(place, () => replace(place, el("p", {}, look.length === 0 ? "Nothing needs a look." : `${look.length} of ${told.checks.length} checks ask for a look.`,
        told.pending && " The rest is still being counted; this page asks again by itself."),
    el("div", {class: "checks"}, [...look, ...fine].map((c) => check(c, before.get(c.check) ?? c.status === "look"))),
    messages(told), producers(told.producers), clocks(told.clocks)));
}

async function askAgain(place, range, left) {
    if (left === 0) return;
    await new Promise((resolve) => { setTimeout(resolve, AFTER); });
    if (!place.isConnected) return;
    let told = null;
    try {
        // Nobody looks at a page that is hidden.
        if (!document.hidden) told = await get("quality", [], range);
    } catch {
        // What is there stays; perhaps the next time.
    }
    if (told && place.isConnected) draw(place, told);
    if (!told || told.pending) await askAgain(place, range, left - 1);
}

/** The page that lists the rows; the API names its own address. */
function pageOf(href) {
    if (!href) return null;
    const url = new URL(href, location.origin);
    const route = url.pathname.replace("/analytics/v1/", "");
    const page = route.startsWith("events/") ? `/${route}` : ROUTES[route];
    return page ? page + url.search : href;
}

function check(c, open) {
    const [sign, word] = SIGNS[c.status];
    const rows = pageOf(c.href);
    return el("details", {class: `check-box ${c.status}`, "data-check": c.check, open}, el("summary", {}, el("span", {class: "sign", "aria-hidden": "true"}, sign), el("span", {class: "quiet-label"}, word, ": "),
        el("strong", {}, NAMES[c.check] ?? data(c.check)), " ", el("span", {}, data(c.sentence, 400))),
    el("p", {class: "muted"}, data(c.matters, 400)),
    el("p", {class: "actions"}, rows && el("a", {href: rows}, "Its rows"), c.command && el("span", {}, rows ? "or " : "On the command line: ", el("code", {}, c.command))),
    c.sql && el("details", {class: "sql"}, el("summary", {}, "The SQL that was asked"), el("p", {class: "actions"}, el("button", {type: "button", on: {click: () => copyText(c.sql, "SQL copied.")}}, "Copy it")),
        el("pre", {class: "payload", tabindex: "0", role: "region", "aria-label": `SQL of ${NAMES[c.check] ?? c.check}`}, c.sql)));
}

function messages({messages: rows, messages_of: of}) {
    return el("section", {class: "part", "aria-labelledby": "messages"}, el("h2", {id: "messages"}, "Messages"), el("p", {class: "muted"}, "received = accepted + duplicates + rejected + skipped", !of.all && `; of the latest ${count(of.batches)} batches, ${since(of)}: what came before is not added up here`),
        table("Messages by transport", [["transport", (m) => data(m.transport, 20)], ["received", (m) => count(m.received), "num"], ["accepted", (m) => count(m.accepted), "num"],
            ["duplicates", (m) => count(m.duplicates), "num"], ["rejected", (m) => figure(m.rejected, "/rejected"), "num"], ["skipped", (m) => count(m.skipped), "num"],
            ["adds up", (m) => (m.received === m.accepted + m.duplicates + m.rejected + m.skipped ? "✔ yes" : "▲ no")]], rows, {empty: "No message has come in yet."}));
}

/** Where the log is lying, by who wrote it. */
function producers(told) {
    const lateness = [["events", (p) => count(p.events), "num"], ["late", (p) => count(p.late), "num", "more than ten minutes after they happened"], ["median", (p) => signed(p.median_seconds), "num"],
        ["95 of 100 within", (p) => signed(p.p95_seconds), "num"], ["at the most", (p) => signed(p.max_seconds), "num"],
        ["clock ahead", (p) => (p.ahead === 0 ? "–" : `${count(p.ahead)}, by ${duration(p.most_ahead_seconds)}`), "num", "events that came before they happened, and by how much at the most"]];
    return el("section", {class: "part", "aria-labelledby": "producers"}, el("h2", {id: "producers"}, "Producers"), el("p", {}, data(told.sentence, 400)),
        el("p", {class: "muted"}, "No field of an event names the program that wrote it: told apart are the first word of the event's name and its source, and of a robot's own events the robot."),
        told.measured && table("Late events and clocks by producer", [["producer", (p) => data(p.producer, 40)], ["source", (p) => (p.source === null ? "–" : data(p.source, 40))], ...lateness], told.rows, {empty: "No event of this range came from a queue."}),
        told.measured && told.robots.length > 0 && table("Robots that are late or ahead", [["robot", (p) => link("robots", p.robot_id)], ...lateness], told.robots));
}

const signed = (seconds) => (seconds < 0 ? `${duration(-seconds)} before` : duration(seconds));

function clocks(rows) {
    return el("section", {class: "part", "aria-labelledby": "clocks"}, el("h2", {id: "clocks"}, "Clocks"), el("p", {class: "muted"},
        "Robots that say they have arrived at another time than the delivery does: the median over at least five pairs, where it is over 30 seconds. Times are shown as sent, never corrected."),
    table("Clocks that are off", [["robot", (c) => link("robots", c.robot_id)], ["is", (c) => `${duration(Math.abs(c.offset_seconds))} ${c.offset_seconds > 0 ? "ahead" : "behind"}`], ["pairs", (c) => count(c.pairs), "num"]],
        rows, {empty: "No robot's clock is off by more than 30 seconds, of those with five pairs."}));
}

async function orphans(place, range) {
    const done = waiting(place, "the errors");
    try {
        const told = await get("orphans", [], {...range, limit: 20});
        done();
        replace(place, told.rows.length === 0 ? el("p", {class: "muted"}, "None: every robot error belongs to a delivery.") : whyNotList(told.rows),
            told.next && el("p", {}, el("a", {href: "/orphans" + location.search}, "All of them")));
    } catch (error) {
        done();
        showProblem(place, error, () => orphans(place, range));
    }
}
