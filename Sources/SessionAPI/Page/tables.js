// Tables that several pages show.

import {data, el, link, sessionLink} from "./dom.js";
import {count, duration, machineTime, otherZone, parse, plural, stamp} from "./time.js";

const OUTCOME = {
    in_progress: ["◐", "in progress"], completed: ["✔", "completed"], failed: ["✖", "failed"], canceled: ["○", "canceled"],
    rejected: ["–", "rejected"], expired: ["–", "expired"],
};

export function outcomeBadge(outcome) {
    const [sign, text] = OUTCOME[outcome] ?? ["?", outcome];
    return el("span", {class: `outcome ${outcome}`}, el("span", {"aria-hidden": "true"}, sign + " "), text);
}

export const time = (text, digits = "s") => (text === null || text === undefined ? "–"
    : el("time", {datetime: machineTime(text), title: otherZone(parse(text))}, stamp(parse(text), digits)));

/** A table in a box that scrolls by itself: the page never does sideways. `columns`: [title, cell(row), class?]. `stacked`: on a phone a row is
 *  written in lines instead, for what is read row by row; a figure, and what is `named`, then says what it is. */
export function table(caption, columns, rows, {empty = "None.", rowClass, tall = false, stacked = false} = {}) {
    if (rows.length === 0) return el("div", {class: "muted empty"}, empty);
    return el("div", {class: `table-box${rows.length > 24 && tall ? " tall" : ""}`, tabindex: "0", role: "group", "aria-label": caption},
        el("table", {class: stacked && "stacked"}, el("caption", {class: "quiet-label"}, caption),
            el("thead", {}, el("tr", {}, columns.map(([title, , name, hint]) => el("th", {scope: "col", class: name, title: hint}, title)))),
            el("tbody", {}, rows.map((row) => el("tr", {class: rowClass?.(row)},
                columns.map(([title, cell, name], n) => (n === 0 ? el("th", {scope: "row", class: name}, cell(row))
                    : el("td", {class: name, "data-name": stacked && /num|named/.test(name) && title}, cell(row)))))))));
}

/** Why it failed, in its own word, and the robot's error before that: often the first says less than the second. */
function whyFailed(s, most = 40) {
    const {fault} = s;
    const failure = s.failure_code ?? (s.outcome === "failed" && !fault ? s.first_error_code : null);
    const code = fault && data(fault.error_code ?? "an error", most);
    if (!fault) return failure && el("strong", {class: "mark"}, data(failure, most));
    return el("span", {class: "why-failed"}, failure && failure !== fault.error_code && [data(failure, most), " after "], el("strong", {class: "mark"}, code), " on ", robotLink(fault.robot_id, fault.occurred_at));
}

/** In lists: of a failure what was behind it, else the reason that it ended with, else the first error it had. */
export function why(s) {
    const failed = whyFailed(s);
    const reason = s.outcome_reason && data(s.outcome_reason, 40);
    if (failed && reason) return [failed, ": ", reason];
    return failed ?? (reason || (s.first_error_code ? data(s.first_error_code, 40) : ""));
}

/** Errors without the failure that was told as one itself. */
const errorsBefore = (s) => s.error_count - failureErrors(s);
/** 1 where the failure told a code or message, and so counts as an error in `error_count`. */
export const failureErrors = (s) => (s.outcome === "failed" && (s.failure_code !== null || s.failure_message !== null) ? 1 : 0);

/** `2 errors + the failure`. `n`: with the failure itself, where that told an error. */
export function errorsInWords(n, s) {
    if (failureErrors(s) === 0 || n === 0) return plural(n, "error");
    return n === 1 ? "the failure" : `${plural(n - 1, "error")} + the failure`;
}

export function sessionsTable(rows, caption, empty, interventions = false) {
    return table(caption, [
        ["delivery", (s) => sessionLink(s.session_id)],
        ["outcome", (s) => outcomeBadge(s.outcome)],
        ["why", why],
        ["first event", (s) => time(s.first_event_at)],
        ["took", (s) => (s.open_seconds === null ? duration(s.durations.total_seconds) : `${duration(s.open_seconds)} so far`), "num"],
        ["merchant", (s) => (s.merchant_id ? data(s.merchant_id, 40) : "–"), "named"],
        ["robots", (s) => s.robot_ids.map((r, n) => [n > 0 && ", ", robotLink(r, s.closed_at ?? s.last_event_at)]), "named"],
        ...(interventions ? [["interventions", (s) => count(s.rescue_count + s.pilot_handoff_count), "num", "rescues and hand-overs between pilots"]] : []),
        ["errors", (s) => count(errorsBefore(s)), "num", "events that told of an error, without the failure itself"],
        ["events", (s) => count(s.event_count), "num"],
    ], rows, {empty, stacked: true});
}

const robotAt = (at) => `?day=${at.slice(0, 10)}#at=${encodeURIComponent(at)}`;
export const robotLink = (id, at) => link("robots", id, null, at ? robotAt(at) : "");
