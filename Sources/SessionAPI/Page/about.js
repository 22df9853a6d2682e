// The service itself: version, store, rules, limits.

import {announceTitle, data, el, replace} from "./dom.js";
import {get, signOut} from "./api.js";
import {showProblem, waiting} from "./problem.js";
import {tellFreshness} from "./freshness.js";
import {count, duration} from "./time.js";

export async function show(main) {
    announceTitle("About");
    const done = waiting(main, "the service");
    let me;
    let s;
    try {
        [me, s] = await Promise.all([get("me"), get("status")]);
    } catch (error) {
        done();
        return showProblem(main, error, () => show(main));
    }
    done();
    tellFreshness(s.as_of);
    const facts = (pairs) => el("dl", {class: "facts wide"}, pairs.map(([n, v]) => el("div", {}, el("dt", {}, n), el("dd", {}, v))));
    replace(main, el("h1", {}, "About this service"),
        facts([["version", data(s.version)], ["store", [s.store.kind, " ", data(s.store.name), ` (schema ${s.store.schema})`]], ["mode", s.mode], ["events", count(s.as_of.events)],
            ["freshness", data(s.as_of.sentence)], ["you are", [data(me.name), ` (${me.role})`, me.merchants && [", bound to ", data(me.merchants.join(", "), 200)]]]]),
        me.authentication !== "off" && el("p", {}, "What you look at is recorded. ", el("button", {type: "button", on: {click: async () => { await signOut(); location.href = "/"; }}}, "Sign out")),
        el("h2", {}, "Rules"), facts([["longest window", duration(s.rules.max_window_seconds)], ["longest silence", s.rules.max_silence_seconds === null ? "off" : duration(s.rules.max_silence_seconds)],
            ["usable", data(s.rules.usable_states.join(", "), 400)], ["down", data(s.rules.downtime_states.join(", "), 400)], ["off duty", data(s.rules.off_duty_states.join(", "), 400)]]),
        el("h2", {}, "Limits"), facts(Object.entries(s.limits).map(([n, v]) => [n.replaceAll("_", " "), count(v)])),
        el("p", {}, el("a", {href: "/openapi.json"}, "The API, as OpenAPI"), " · ", el("a", {href: "/audit"}, "Who asked what")));
}
