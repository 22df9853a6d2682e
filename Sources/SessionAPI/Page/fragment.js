// The part of the address after `#`: what only looks. It reaches neither server nor log.
// v=1: zoom t=from~to, selected event e and its instant at, lanes shown lane=…, hidden hide=…, only errors err=1, words q, fold=0, zone tz.

import {parse, iso} from "./time.js";

const VERSION = "1";

/** Anything that is not ours (`v=0`, garbage) is an empty view, without a complaint. */
export function readFragment(text = location.hash) {
    const empty = {from: null, to: null, event: null, at: null, lanes: [], hidden: [], errors: false, words: "", fold: null, zone: null};
    const p = new URLSearchParams(text.replace(/^#/, ""));
    if (p.get("v") !== VERSION) return empty;
    const [from, to] = (p.get("t") ?? "").split("~").map((t) => (t ? parse(t) : NaN));
    const range = Number.isFinite(from) && Number.isFinite(to) && from < to;
    return {
        from: range ? from : null, to: range ? to : null, event: p.get("e"), at: Number.isFinite(parse(p.get("at") ?? "")) ? p.get("at") : null, lanes: p.getAll("lane").slice(0, 50),
        hidden: p.getAll("hide").slice(0, 50), errors: p.get("err") === "1", words: (p.get("q") ?? "").slice(0, 200),
        fold: p.has("fold") ? p.get("fold") !== "0" : null, zone: ["utc", "local"].includes(p.get("tz")) ? p.get("tz") : null,
    };
}

export function fragment(view) {
    const p = new URLSearchParams({v: VERSION});
    if (view.from !== null && view.to !== null) p.set("t", `${iso(view.from)}~${iso(view.to)}`);
    if (view.event) p.set("e", view.event);
    if (view.event && view.at) p.set("at", view.at);
    for (const lane of view.lanes) p.append("lane", lane);
    for (const lane of view.hidden) p.append("hide", lane);
    if (view.errors) p.set("err", "1");
    if (view.words) p.set("q", view.words);
    if (view.fold !== null) p.set("fold", view.fold ? "1" : "0");
    if (view.zone) p.set("tz", view.zone);
    return "#" + p.toString();
}

/** The end of an address that selects an event in a delivery. */
export const selecting = (id, at) => `#v=1&e=${encodeURIComponent(id)}&at=${encodeURIComponent(at)}`;

let timer = null;
/** Writes it at most four times a second; `Back` still means the page before. */
export function keepFragment(view) {
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(null, "", location.pathname + location.search + fragment(view)), 250);
}

export const linkTo = (view) => location.origin + location.pathname + location.search + fragment(view);
