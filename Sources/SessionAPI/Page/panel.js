// What was selected: when, why it is here, why not elsewhere, and its payload. A side panel; on a phone a drawer.

import {data, el, link, replace, sessionLink, visible} from "./dom.js";
import {get, mayOpen} from "./api.js";
import {copyText} from "./clipboard.js";
import {duration, iso, machineTime, otherZone, stamp, zoneName} from "./time.js";
import {distance} from "./eventlist.js";
import {keyOf} from "./model.js";
import {prettyJSON} from "./payload.js";
import {showProblem} from "./problem.js";

const dl = (pairs) => el("dl", {class: "facts"}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));

/** The sentence of the closed list of reasons. */
function whySentence(event, model) {
    if (event.gone) return ["It is not in this delivery any more: a fact that came later says so. ", link("events", event.event_id, "See where it is", `?at=${encodeURIComponent(event.occurred_at)}`)];
    const window = event.window === null ? null : model.story.windows[event.window];
    switch (event.why) {
    case "names_it": return "It names this delivery itself.";
    case "names_linked": return ["It names ", data(event.named_id ?? "an id", 80), ", which has become part of this session."];
    case "robot_window": case "pilot_window": case "merchant_window":
        return [window ? data(window.sentence, 400) : "It came in through a window.", " The event names no delivery itself."];
    default: return ["Reason: ", data(event.why, 60)];
    }
}

export class Panel {
    constructor(on) {
        this.on = on;
        this.title = el("h2", {id: "panel-title", tabindex: "-1"});
        this.content = el("div", {class: "panel-content"});
        this.close = el("button", {type: "button", class: "icon", "aria-label": "Close (Esc)", on: {click: () => on.close()}}, "✕");
        this.root = el("aside", {class: "panel", "aria-labelledby": "panel-title", hidden: true},
            el("div", {class: "panel-head"}, this.title, this.close), this.content);
    }

    get isOpen() { return !this.root.hidden; }

    /** Whether it lies over a part of the page. */
    covers(node) {
        const [mine, its] = [this.root, node].map((n) => n.getBoundingClientRect());
        return this.isOpen && mine.left < its.right && its.left < mine.right && mine.top < its.bottom && its.top < mine.bottom;
    }

    hide() {
        this.root.hidden = true;
        this.asked?.abort();
        this.shown = null;
    }

    async showEvent(event, model) {
        if (this.shown === keyOf(event) && this.isOpen) return;
        this.shown = keyOf(event);
        this.root.hidden = false;
        this.asked?.abort();
        this.asked = new AbortController();
        replace(this.title, event.is_error && el("span", {class: "mark", "aria-hidden": "true"}, "▲ "), data(event.event, 80));
        const more = el("div", {}, el("p", {class: "muted"}, "Reading the payload …"));
        const lane = model.laneById.get(event.lane);
        replace(this.content,
            dl([
                ["when", [el("time", {datetime: machineTime(event.occurred_at), class: "mono"}, stamp(event.t, "ms")), " ", zoneName(event.t),
                    new Date(event.t).getTimezoneOffset() !== 0 && [el("br"), el("span", {class: "muted"}, otherZone(event.t))]]],
                ["in it", [distance(event.t - model.start), " since its start", model.end !== null && [", ", distance(event.t - model.end), " from its end"]]],
                ["error", (event.error_code || event.error_message) && [event.error_code && el("strong", {}, data(event.error_code, 100)), " ",
                    event.error_message && data(event.error_message, 400)]],
                ["state", event.to_state && data(`${event.from_state ?? "?"} → ${event.to_state}`, 100)],
                ["reason", event.reason && data(event.reason, 200)],
                ["robot", event.robot_id && link("robots", event.robot_id, null, `?day=${iso(event.t).slice(0, 10)}#at=${iso(event.t)}`)],
                ["pilot", event.pilot_id && link("pilots", event.pilot_id)],
            ]),
            el("h3", {}, "Why it is here"),
            el("p", {class: "why"}, whySentence(event, model)),
            lane && lane.kind !== "delivery" && el("p", {class: "muted"}, `${lane.events} events came in through this window’s lane.`),
            more);
        try {
            const told = await get("events/{}/explain", [event.event_id], {at: event.occurred_at, session: model.session.session_id},
                {signal: this.asked.signal});
            replace(more, this.#explained(told, event, model));
        } catch (error) {
            showProblem(more, error);
        }
    }

    #explained(told, event, model) {
        const others = told.belongs.filter((b) => b.session_id !== model.session.session_id);
        const late = (Date.parse(told.event.received_at) - event.t) / 1000;
        return [
            others.length > 0 && [el("h3", {}, "Also part of"), el("ul", {}, others.map((b) => el("li", {}, sessionLink(b.session_id), ": ", data(b.sentence, 300))))],
            told.nearest.length > 0 && [el("h3", {}, "Why not elsewhere"), el("ul", {}, told.nearest.map((n) => el("li", {}, data(n.sentence, 300), " ",
                sessionLink(n.session_id, "open"))))],
            el("h3", {}, "Payload"),
            payloadBox(told.event),
            el("details", {}, el("summary", {}, "Ids and arrival"), dl([
                ["event id", el("code", {}, data(told.event.event_id, 300))],
                ["occurred", el("code", {}, told.event.occurred_at)],
                ["received", [el("code", {}, told.event.received_at), model.story.as_of.clock === "wall" && late > 60 && ` (${duration(late)} later)`]],
                ...["delivery_id", "demand_id", "trip_id", "quote_id", "offer_id", "merchant_id", "zone_id", "source"]
                    .map((name) => [name.replace("_id", ""), told.event[name] && data(told.event[name], 120)]),
            ]), el("p", {}, link("events", event.event_id, "This event’s own page", `?at=${encodeURIComponent(event.occurred_at)}`))),
        ];
    }

    /** A window or a state: its sentence, and where it leads. */
    showInterval(found, model) {
        this.asked?.abort();
        this.shown = null;
        this.root.hidden = false;
        const i = found.window ?? found.state;
        const robot = found.lane.kind === "robot" ? found.lane.entity_id : null;
        replace(this.title, found.window ? ["Window of ", data(i.entity_id, 60)] : [data(i.state, 60)]);
        replace(this.content,
            found.window ? el("p", {class: "why"}, data(i.sentence, 400)) : el("p", {class: "why"}, data(i.robot_id, 60), " was ", data(i.state, 60),
                i.reason && [" (", data(i.reason, 100), ")"], ` from ${stamp(i.from)} `, i.open ? "on; no later state is known." : `to ${stamp(i.to)}.`),
            dl([
                ["length", duration((i.to - i.from) / 1000) + (i.open ? ", still open" : "")],
                ["expires", found.window && i.open && stamp(i.expires)],
                ["inferred", found.window && i.inferred && "Yes: no assignment was seen; the first event that names it opened this window."],
                ["counts as", found.state && i.class.replace("_", " ")],
                ["silent", found.silence && `last heard ${stamp(found.silence.from)}, for ${duration(found.silence.seconds)}`],
            ]),
            el("p", {class: "actions"},
                el("button", {type: "button", on: {click: () => this.on.zoom(i.from, i.to)}}, "Zoom to it"), " ",
                robot && mayOpen("/robots/ID") && link("robots", robot, "The robot’s day", `?day=${iso(i.from).slice(0, 10)}#at=${iso(i.from)}`),
                found.lane.kind === "pilot" && mayOpen("/pilots/ID") && link("pilots", found.lane.entity_id, "The pilot’s day")));
    }
}

/** A payload as text, with its line breaks; never as anything else. */
export function payloadBox(event) {
    if (event.payload_withheld) return el("p", {class: "muted"}, "Your role may not see payloads.");
    if (event.payload === null) return el("p", {class: "muted"}, "There is none.");
    const text = prettyJSON(event.payload);
    return [
        el("pre", {class: "payload", tabindex: "0", role: "region", "aria-label": "Payload"}, visible(text, 70_000, true)),
        event.payload_cut && el("p", {class: "muted"}, "Longer than 64 kB, and cut there. ",
            el("a", {href: `/analytics/v1/events/${encodeURIComponent(event.event_id)}/payload?at=${encodeURIComponent(event.occurred_at)}`, download: ""}, "Keep all of it as a file")),
        el("p", {class: "actions"}, el("button", {type: "button", on: {click: async () => {
            // What a terminal would act on can only stand in a string here, and is the same string when it is escaped.
            await copyText(event.payload.replace(/[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`), "Payload copied.");
        }}}, "Copy payload")),
    ];
}
