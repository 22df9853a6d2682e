// The service itself: version, store, rules, limits; and who one is, and how to sign out.

import {announceTitle, data, el, replace} from "./dom.js";
import {get, signOut, whoReads} from "./api.js";
import {showProblem, waiting} from "./problem.js";
import {tellFreshness} from "./freshness.js";
import {count, duration} from "./time.js";
import {time} from "./tables.js";

export async function show(main) {
    announceTitle("About");
    const done = waiting(main, "the service");
    let me;
    let told;
    try {
        me = await whoReads();
        // What the service is made of is about the whole fleet, and not for everybody; how far its data reaches is.
        told = await get(me.routes.includes("status") ? "status" : "freshness");
    } catch (error) {
        done();
        return showProblem(main, error, () => show(main));
    }
    done();
    tellFreshness(told.as_of);
    replace(main, el("h1", {}, "About this service"), reader(me), me.routes.includes("status") ? service(told) : facts([["freshness", data(told.as_of.sentence)]]),
        el("p", {}, el("a", {href: "/openapi.json"}, "The API, as OpenAPI"), me.routes.includes("audit") && [" · ", el("a", {href: "/audit"}, "Who asked what")]));
}

const facts = (pairs) => el("dl", {class: "facts wide"}, pairs.map(([n, v]) => el("div", {}, el("dt", {}, n), el("dd", {}, v))));

function reader(me) {
    if (me.authentication === "off") return facts([["you are", [data(me.name), ` (${me.role}); nobody is asked who they are`]]]);
    return [facts([["you are", [data(me.name), ` (${me.role})`, me.merchants && [", bound to ", data(me.merchants.join(", "), 200)]]], ...(me.expires_at ? [["until", time(me.expires_at)]] : [])]),
        el("p", {}, "What you look at is recorded. ", el("button", {type: "button", on: {click: async () => { await signOut(); location.href = "/"; }}}, "Sign out"))];
}

function service(s) {
    return [facts([["version", data(s.version)], ["store", [s.store.kind, " ", data(s.store.name), ` (schema ${s.store.schema})`]], ["mode", s.mode], ["events", count(s.as_of.events)], ["freshness", data(s.as_of.sentence)]]),
        el("h2", {}, "Rules"), facts([["longest window", duration(s.rules.max_window_seconds)], ["longest silence", s.rules.max_silence_seconds === null ? "off" : duration(s.rules.max_silence_seconds)],
            ["usable", data(s.rules.usable_states.join(", "), 400)], ["down", data(s.rules.downtime_states.join(", "), 400)], ["off duty", data(s.rules.off_duty_states.join(", "), 400)]]),
        el("h2", {}, "Limits"), facts(Object.entries(s.limits).map(([n, v]) => [n.replaceAll("_", " "), count(v)]))];
}
