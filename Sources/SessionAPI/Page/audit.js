// Who asked what.

import {announceTitle, data, el, replace, titleRow} from "./dom.js";
import {get} from "./api.js";
import {pages} from "./pages.js";
import {count} from "./time.js";
import {table, time} from "./tables.js";

/** As they were meant, and not as an address has to write them. */
const filters = (text) => [...new URLSearchParams(text ?? "")].map(([name, value], n) => [n > 0 && ", ", data(`${name}=${value}`, 200)]);

export async function show(main, _, query) {
    announceTitle("Audit");
    const who = query.get("who");
    replace(main, titleRow("Who asked what", "/audit", location.search), el("p", {class: "muted"}, "The program only ever adds to it."));
    await pages(main, (cursor) => get("audit", [], {who, limit: 200, cursor}), (rows) => table("Audit", [
        ["when", (r) => time(r.at)], ["who", (r) => data(r.who, 60)], ["role", (r) => data(r.role, 20)], ["route", (r) => el("code", {}, data(r.route, 60))],
        ["object", (r) => r.object && data(r.object, 300), "wide"], ["filters", (r) => filters(r.filters), "wide"], ["status", (r) => r.status, "num"],
        ["rows", (r) => (r.rows === null ? "–" : count(r.rows)), "num"], ["from", (r) => data(r.address, 60), "named"], ["request", (r) => r.request_id && el("code", {}, data(r.request_id, 40)), "named"],
    ], rows, {stacked: true, empty: "Nothing has been asked yet."}));
}
