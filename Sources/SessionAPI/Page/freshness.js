// How far the data reaches, in words, in the corner of every page.

import {replace, el, data} from "./dom.js";
import {get} from "./api.js";
import {clock, duration, parse, stamp} from "./time.js";

const EVERY = 15_000;
let last = null;
let awaySince = null;

const WORD = {fresh: "fresh", late: "late", stale: "stale", archive: "archive", empty: "empty"};

/** Where there is no room for the sentence. */
function inShort(asOf) {
    if (isArchive(asOf)) return asOf.last_event_at === null ? "" : `to ${stamp(parse(asOf.last_event_at), "m")}`;
    return ["late", "stale"].includes(asOf.freshness) && asOf.age_seconds !== null ? `${duration(asOf.age_seconds)} behind` : "";
}

/** What an answer says about itself; each page passes its own on. */
export function tellFreshness(asOf) {
    last = asOf;
    awaySince = null;
    const place = document.getElementById("fresh");
    place.dataset.is = asOf.freshness;
    replace(place, el("span", {class: "dot", "aria-hidden": "true"}), el("strong", {}, WORD[asOf.freshness] ?? ""), " ",
        el("span", {class: "sentence"}, data(asOf.sentence)), el("span", {class: "short", "aria-hidden": "true"}, inShort(asOf)));
    place.title = asOf.sentence;
}

/** Whether "now" is the end of an archive, which nobody follows. */
export const isArchive = (asOf) => asOf.clock === "last_event";

/** `drawn`: when the page is there; what has no answer that says how far the data reaches asks for it then. */
export function watchFreshness(drawn) {
    const look = async () => {
        if (document.hidden) return;
        // An archive does not move: nothing to ask again.
        if (last && isArchive(last)) return;
        try {
            tellFreshness((await get("freshness")).as_of);
        } catch (error) {
            if (error.status === 0 || error.status === 503) {
                const place = document.getElementById("fresh");
                awaySince ??= Date.now();
                place.dataset.is = "away";
                replace(place, el("span", {class: "dot", "aria-hidden": "true"}), el("strong", {}, "no answer"), " ",
                    el("span", {class: "sentence"}, `${error.document.title}, since ${clock(awaySince)}; asked again every ${EVERY / 1000} s. `, last ? `What is shown is as of then: ${last.sentence}` : error.document.hint ?? ""));
                place.title = place.textContent;
            }
        }
    };
    drawn.then(() => { if (!last && !document.getElementById("token")) look(); });
    setInterval(look, EVERY);
}
