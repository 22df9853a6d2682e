// One event: which session has it, why, and why no other.

import {announceTitle, data, el, link, replace, sessionLink} from "./dom.js";
import {get} from "./api.js";
import {selecting} from "./fragment.js";
import {payloadBox} from "./panel.js";
import {showProblem, waiting} from "./problem.js";
import {robotLink, time} from "./tables.js";
import {parse, stamp} from "./time.js";

export async function show(main, id, query) {
    announceTitle("Event");
    const done = waiting(main, "the event");
    let told;
    try {
        told = await get("events/{}/explain", [id], {at: query.get("at")});
    } catch (error) {
        done();
        return showProblem(main, error, () => show(main, id, query));
    }
    done();
    announceTitle(`Event ${id}`);
    const e = told.event;
    const pick = (s) => sessionLink(s, null, selecting(e.event_id, e.occurred_at));
    const fact = (name, value) => value && el("div", {}, el("dt", {}, name), el("dd", {}, value));
    replace(main, el("h1", {}, data(e.event, 100)), el("p", {class: "why"}, data(told.sentence, 600)),
        e.others?.length > 0 && el("p", {}, e.others.length === 1 ? "Another event has the same id: " : "Other events have the same id: ",
            e.others.map((at, n) => [n > 0 && ", ", link("events", e.event_id, stamp(parse(at), "ms"), `?at=${encodeURIComponent(at)}`)]), "."),
        el("dl", {class: "facts"}, fact("when", time(e.occurred_at, "ms")), fact("received", time(e.received_at, "ms")),
            fact("robot", e.robot_id && robotLink(e.robot_id, e.occurred_at)), fact("pilot", e.pilot_id && link("pilots", e.pilot_id)),
            ["delivery_id", "demand_id", "trip_id", "quote_id", "offer_id", "merchant_id", "zone_id", "source"].map((n) => fact(n.replace("_id", ""), e[n] && data(e[n], 120))),
            fact("event id", el("code", {}, data(e.event_id, 300)))),
        el("section", {class: "box"}, el("h2", {}, told.belongs.length === 0 ? "It belongs to no delivery" : "Where it belongs, and why"),
            told.belongs.length === 0 ? el("p", {}, data(told.why_not ?? "", 400)) : el("ul", {}, told.belongs.map((b) => el("li", {}, pick(b.session_id), ": ", data(b.sentence, 400))))),
        told.nearest.length > 0 && el("section", {class: "box"}, el("h2", {}, "The nearest windows that do not hold it"),
            el("ul", {}, told.nearest.map((n) => el("li", {}, data(n.sentence, 400), " ", sessionLink(n.session_id, "Open"))))),
        el("section", {class: "box"}, el("h2", {}, "Payload"), payloadBox(e)));
}
