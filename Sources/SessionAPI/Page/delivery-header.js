// The top of a delivery's page: what became of it, how long each step took beside comparable ones, who served it.

import {data, el, forms, link} from "./dom.js";
import {clock, count, day, duration, parse, plural, weekday, zoneName} from "./time.js";
import {selecting} from "./fragment.js";
import {eventOf} from "./model.js";
import {outcomeBadge, robotLink} from "./tables.js";

const STEPS = [
    ["assign_seconds", "assign"], ["to_pickup_seconds", "to pickup"], ["pickup_seconds", "pickup"], ["transit_seconds", "transit"],
    ["dropoff_seconds", "drop-off"], ["total_seconds", "total"],
];

export function header(model, page) {
    const s = model.session;
    const id = s.delivery_id ?? s.session_id;
    const asked = model.story.asked_for;
    return [
        el("div", {class: "title-row"},
            el("h1", {}, data(id, 120)), outcomeBadge(s.outcome),
            (s.failure_code || s.failure_message || s.fault) && el("span", {class: "failure"}, s.failure_code && el("strong", {}, data(s.failure_code, 80)),
                s.failure_message && [" ", data(s.failure_message, 160)], s.fault && fault(s, model, page)),
            el("span", {class: "live", id: "live", role: "status"}),
            el("span", {class: "title-actions"},
                forms(`/deliveries/${encodeURIComponent(id)}`),
                el("button", {type: "button", "aria-keyshortcuts": "c", title: "c", on: {click: () => page.copyLink()}}, "Copy link"),
                el("button", {type: "button", "aria-keyshortcuts": "y", title: "y", on: {click: () => page.copyAsText()}}, "Copy as text"))),
        asked && el("p", {class: "asked"}, data(asked, 120), " became part of this ", s.kind, "."),
        el("p", {class: "about"}, facts(model)),
        el("ul", {class: "steps", "aria-label": "How long each step took"}, STEPS.map(([name, text]) => step(model, name, text))),
        el("p", {class: "compared muted"}, compared(model.story.comparison)),
    ];
}

/** The robot's error that it ended with: often what failed says less. Its link selects the event. */
function fault(s, model, page) {
    const event = eventOf(model, s.fault.event_id, s.fault.occurred_at);
    const code = s.fault.error_code ?? "an error";
    const text = code === s.failure_code ? "its error" : el("strong", {}, data(code, 80));
    return el("span", {class: "fault"}, s.failure_code || s.failure_message ? ", after " : "", event ? el("a", {href: selecting(s.fault.event_id, s.fault.occurred_at), on: {click: (click) => {
        click.preventDefault();
        page.select(event);
    }}}, text) : text, " on ", robotLink(s.fault.robot_id, s.fault.occurred_at));
}

function facts(model) {
    const s = model.session;
    const from = parse(s.first_event_at);
    const to = parse(s.closed_at) ?? parse(s.last_event_at);
    const until = day(from) === day(to) ? clock(to) : `${day(to)} ${clock(to)}`;
    const parts = [
        s.merchant_id && ["merchant ", el("a", {href: `/sessions?merchant=${encodeURIComponent(s.merchant_id)}`}, data(s.merchant_id, 60))],
        s.zone_id && ["zone ", el("a", {href: `/sessions?zone=${encodeURIComponent(s.zone_id)}`}, data(s.zone_id, 60))],
        s.source && ["source ", data(s.source, 60)],
        [`${weekday(from)} ${day(from)} ${clock(from)} – ${until} ${zoneName(from)}`],
        served(model),
        s.rescue_count > 0 && plural(s.rescue_count, "rescue"),
        s.anomaly_count > 0 && el("strong", {}, plural(s.anomaly_count, "anomaly", "anomalies")),
    ].filter(Boolean);
    return parts.map((part, n) => [n > 0 && el("span", {class: "sep", "aria-hidden": "true"}, " · "), part]);
}

/** Robots and pilots in the order of their windows: `R-028 → R-001, P-01, P-13`. */
function served(model) {
    const of = (kind) => [...new Set(model.windows.filter((w) => w.kind === kind).sort((a, b) => a.from - b.from).map((w) => w.entity_id))];
    const robots = of("robot");
    const pilots = of("pilot");
    if (robots.length === 0 && pilots.length === 0) return model.session.outcome === "in_progress" ? "no robot yet" : "no robot";
    const date = new Date(model.from).toISOString().slice(0, 10);
    const began = (robot) => model.windows.filter((w) => w.kind === "robot" && w.entity_id === robot).sort((a, b) => a.from - b.from)[0].started_at;
    return [robots.map((r, n) => [n > 0 && " → ", robotLink(r, began(r))]),
        pilots.length > 0 && [robots.length > 0 && ", ", "pilot ", pilots.map((p, n) => [n > 0 && ", ", link("pilots", p, null, `?day=${date}`)])]];
}

/** One duration: the number, a bar with the median and the 90th percentile of comparable ones as ticks. */
function step(model, name, text) {
    const seconds = model.session.durations[name];
    const like = model.story.comparison?.durations[name];
    const slow = seconds !== null && like && seconds > like.p90;
    const scale = like && Math.max(like.p90 * 1.25, seconds ?? 0);
    const share = (value) => `${Math.min(100, (value / scale) * 100).toFixed(1)}%`;
    return el("li", {class: `step${slow ? " slow" : ""}${seconds === null ? " unreached" : ""}${name === "total_seconds" ? " total" : ""}`},
        el("span", {class: "step-name"}, text),
        el("span", {class: "step-value"}, duration(seconds), slow && el("span", {class: "slow-mark", title: "Longer than nine of ten like it"}, " ▲ slow")),
        like && el("span", {class: "bullet", "aria-hidden": "true"},
            el("span", {class: "bullet-bar", vars: {"--w": seconds === null ? "0%" : share(seconds)}}),
            el("span", {class: "bullet-tick", vars: {"--x": share(like.median)}}),
            el("span", {class: "bullet-tick p90", vars: {"--x": share(like.p90)}})),
        el("span", {class: "step-like muted"}, [seconds === null && "not reached", like && `median ${duration(like.median)}`].filter(Boolean).join("; ")));
}

function compared(comparison) {
    if (!comparison) return "No medians: fewer than 20 comparable deliveries are known.";
    return `Medians of ${count(comparison.sessions)} completed deliveries of ${comparison.of === "merchant" ? "this merchant" : "all merchants"} in the ` +
        "30 days before; the ticks are the median and the 90th percentile.";
}

/** What stands out, each line a link that selects. */
export function verdict(model, page) {
    const lines = model.story.verdict;
    const line = (v) => {
        const mark = ["last_error", "other_error", "robot_down"].includes(v.kind) ? el("span", {class: "mark", "aria-hidden": "true"}, "▲ ") : null;
        const text = [mark, data(v.text, 400)];
        const event = v.event_id && eventOf(model, v.event_id, v.at);
        if (!event && !v.at) return text;
        const act = (click) => {
            click.preventDefault();
            if (event) page.select(event);
            else page.timeline.show(parse(v.at) - 5 * 60_000, parse(v.at) + 5 * 60_000);
        };
        return el("a", {href: event ? selecting(v.event_id, v.at) : "#v=1", class: "verdict-link", on: {click: act}}, text);
    };
    return [el("h2", {id: "verdict-title"}, "What stands out"),
        el("ol", {class: lines.length === 1 ? "single" : ""}, lines.map((v) => el("li", {class: v.kind}, line(v))))];
}
