// From and to of a page: in the query, so that it is shareable, authorised and audited.

import {el} from "./dom.js";
import {iso, parse, stamp} from "./time.js";

const DAY = 86_400_000;

/** `2026-11-02T08:15` and `2026-11-02` are taken as UTC; anything unusable is left out. */
export function instant(text) {
    if (!text) return null;
    const whole = /^\d{4}-\d\d-\d\d$/.test(text) ? text + "T00:00:00Z" : /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text) ? text + ":00Z" : text;
    return Number.isNaN(Date.parse(whole)) ? null : whole;
}

export const readRange = (query) => ({from: instant(query.get("from")), to: instant(query.get("to"))});

/** The ranges that are a click away, after the one without from and to. */
export function knownRanges(now) {
    const end = parse(now);
    const today = Math.floor(end / DAY) * DAY;
    const of = (from, to) => ({from: iso(from), to: iso(to)});
    return [["today", of(today, today + DAY)], ["yesterday", of(today - DAY, today)], ["7 days", of(today - 6 * DAY, today + DAY)]];
}

export const isSame = (a, b) => ["from", "to"].every((name) => (a[name] ? parse(a[name]) : null) === (b[name] ? parse(b[name]) : null));
export const instantField = (name, range) => el("label", {}, `${name} (UTC)`, el("input", {type: "datetime-local", name, value: (range[name] ? iso(parse(range[name])) : "").slice(0, 16)}));

/** The row of links and fields. `now` is what the service takes for now. */
export function rangeBar(path, range, now, keep = {}, fields = []) {
    const known = [["last 24 h", {}], ...knownRanges(now)];
    const query = (r) => {
        const p = new URLSearchParams(Object.entries({...keep, ...r}).filter(([, v]) => v));
        return path + (p.size ? "?" + p : "");
    };
    return el("form", {class: "range", action: path, method: "get"},
        el("span", {class: "links"}, known.map(([text, r]) => el("a", {href: query(r), "aria-current": isSame(r, range) ? "true" : null}, text))),
        instantField("from", range), instantField("to", range), fields, Object.entries(keep).map(([name, value]) => value && !fields.some((f) => f.dataset?.name === name)
            && el("input", {type: "hidden", name, value})), el("button", {type: "submit"}, "Show"));
}

export const rangeText = (range) => `${stamp(parse(range.from), "m")} – ${stamp(parse(range.to), "m")}`;
