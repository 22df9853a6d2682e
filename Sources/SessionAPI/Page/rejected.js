// Messages that could not become events.

import {announceTitle, data, el, replace, titleRow} from "./dom.js";
import {get} from "./api.js";
import {pages} from "./pages.js";
import {table, time} from "./tables.js";

const REASONS = ["malformed_json", "not_an_object", "invalid_utf8", "missing_timestamp", "invalid_timestamp", "timestamp_in_future", "too_large", "before_retention"];

export async function show(main, _, query) {
    announceTitle("Rejected messages");
    const reason = query.get("reason") ?? "";
    replace(main, titleRow("Rejected messages", "/rejected", location.search), el("p", {class: "muted"}, "Kept with the reason, and counted nowhere else: no figure holds them."),
        el("div", {class: "range"}, el("nav", {class: "links", "aria-label": "Reason"}, [["", "all"], ...REASONS.map((r) => [r, r.replaceAll("_", " ")])]
            .map(([value, text]) => el("a", {href: value ? `/rejected?reason=${value}` : "/rejected", "aria-current": value === reason ? "true" : null}, text)))));
    await pages(main, (cursor) => get("rejected", [], {reason, limit: 100, cursor}), (rows) => table("Rejected messages", [
        ["received", (r) => time(r.received_at)],
        ["reason", (r) => el("strong", {}, data(r.reason, 40))],
        ["detail", (r) => data(r.detail, 300), "wide"],
        ["where from", (r) => [data(r.transport, 20), " ", data(r.origin, 200)], "wide"],
        ["begins with", (r) => el("code", {}, data(r.body, 400)), "wide"],
    ], rows, {stacked: true, empty: "None: every message could be read."}));
}
