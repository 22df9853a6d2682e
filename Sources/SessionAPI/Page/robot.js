// A robot's day: what it did, for whom, and what it was doing at any instant.

import {announceTitle, data, el, forms, link, pathPart, replace, sessionLink} from "./dom.js";
import {get} from "./api.js";
import {bind} from "./keys.js";
import {bar, part} from "./charts.js";
import {dayModel, sentenceAt} from "./daymodel.js";
import {selecting} from "./fragment.js";
import {GROUPS} from "./patterns.js";
import {settings} from "./settings.js";
import {notice, showProblem, waiting} from "./problem.js";
import {Timeline} from "./timeline.js";
import {count, day, duration, hours, iso, parse, percent, plural, stamp, weekday, zoneName} from "./time.js";
import {errorsOf} from "./counted.js";
import {CLASS_WORD, stateSwatch} from "./robots.js";
import {outcomeBadge, table, time} from "./tables.js";
import {isArchive, tellFreshness} from "./freshness.js";
import {instant} from "./range.js";

const DAY = 86_400_000;

export async function show(main, id, query) {
    announceTitle("Robot");
    const range = {day: query.get("day"), from: instant(query.get("from")), to: instant(query.get("to"))};
    const done = waiting(main, `robot ${id}`);
    let robot;
    let timeline;
    try {
        [robot, timeline] = await Promise.all([get("robots/{}", [id], range), get("robots/{}/timeline", [id], range)]);
    } catch (error) {
        done();
        replace(main, el("h1", {}, data(id, 100)));
        const place = el("div", {});
        main.append(place);
        return showProblem(place, error, () => show(main, id, query));
    }
    done();
    announceTitle(robot.robot_id);
    tellFreshness(robot.as_of);
    const draw = () => {
        if (parse(robot.range.from) > parse(robot.as_of.now)) return replace(main, nothingYet(robot, timeline));
        const model = dayModel(timeline);
        const dayPart = el("section", {class: "timeline-part", "aria-labelledby": "day-title"});
        replace(main, header(robot, timeline), dayPart, el("div", {class: "columns-2"}, downtime(robot), states(robot)),
            deliveries(timeline), errors(timeline), utilization(robot));
        robotDay(dayPart, model, timeline, robot);
    };
    const wanted = location.hash.slice(1);
    draw();
    document.getElementById(wanted)?.scrollIntoView();
    addEventListener("settings", draw);
}

/** A day that begins after the newest event: noughts and a drawing would claim what nobody knows. */
function nothingYet(robot, timeline) {
    const [title, now] = header(robot, timeline);
    const newest = robot.as_of.now;
    return [title, now, notice("Nothing is known of that yet", [isArchive(robot.as_of) ? "The archive ends at " : "It is only ", time(newest), isArchive(robot.as_of) ? ", before what is asked for." : " now."],
        [el("a", {href: `/robots/${pathPart(robot.robot_id)}?day=${newest.slice(0, 10)}`}, "The latest day that is known")])];
}

function header(robot, timeline) {
    const from = parse(robot.range.from);
    const to = parse(robot.range.to);
    const whole = to - from === DAY && from % DAY === 0;
    const other = (d) => `/robots/${pathPart(robot.robot_id)}?day=${new Date(from + d * DAY).toISOString().slice(0, 10)}`;
    const t = robot.totals;
    const n = robot.now;
    const r = robot.reliability;
    // Of a range that is not over: the hours up to now.
    const base = `${hours(t.range_seconds)} h${parse(robot.as_of.now) < to ? " so far" : ""}`;
    const share = (seconds) => (t.range_seconds > 0 ? `${percent(seconds / t.range_seconds)} of ${base}` : "");
    return [
        el("div", {class: "title-row"}, el("h1", {}, data(robot.robot_id, 80)),
            el("span", {}, whole ? `${weekday(from, "utc")} ${day(from, "utc")} (UTC day)` : `${iso(from).slice(0, 16)} – ${iso(to).slice(0, 16)} UTC`),
            whole && el("nav", {class: "links day-links", "aria-label": "Other days"}, el("a", {href: other(-1), rel: "prev"}, "← day before"), " ", el("a", {href: other(1), rel: "next"}, "next day →")),
            el("span", {class: "title-actions"}, forms(`/robots/${encodeURIComponent(robot.robot_id)}`, `?${rangeQuery(robot.range)}`))),
        el("p", {class: "about"}, n.class === null ? "No state of it is known." : [
            isArchive(robot.as_of) ? ["At the archive’s end, ", time(robot.as_of.now), ": "] : "Now: ", stateSwatch(n.state, n.class), " ", el("strong", {}, data(n.state, 40)), n.reason && [" · ", data(n.reason, 60)],
            ` for ${duration(n.seconds)}`, n.sessions.length > 0 && [", serving ", n.sessions.map((s, i) => [i > 0 && ", ", sessionLink(s)])],
            n.silent_seconds !== null && `; last heard ${duration(n.silent_seconds)} before ${isArchive(robot.as_of) ? "that" : "now"}`, n.zone_id && ["; zone ", data(n.zone_id, 40)]]),
        el("ul", {class: "steps four"},
            fact("usable", `${hours(t.usable_seconds)} h`, share(t.usable_seconds)), fact("down", `${hours(t.downtime_seconds)} h`, share(t.downtime_seconds)),
            fact("off duty", `${hours(t.off_duty_seconds)} h`, share(t.off_duty_seconds)), fact("on deliveries", `${hours(t.on_delivery_seconds)} h`, share(t.on_delivery_seconds)),
            fact("deliveries completed", count(t.deliveries_completed), `${count(t.deliveries_failed)} failed, as the last robot that had it`),
            fact("errors", count(t.error_count), ""),
            fact("MTBF", r.mtbf_seconds === null ? "–" : duration(r.mtbf_seconds), `${plural(r.failures, "failure")}${r.few ? ": too few to tell" : ""}`),
            fact("MTTR", r.mttr_seconds === null ? "–" : duration(r.mttr_seconds), `${plural(r.repairs, "repair")}`)),
    ];
}

const fact = (name, value, rest) => el("li", {class: "step"}, el("span", {class: "step-name"}, name), el("span", {class: "step-value"}, value), el("span", {class: "step-like muted"}, rest || " "));

/** The drawn day with the slider under it: both show the same instant. */
function robotDay(place, model, timeline, robot) {
    const host = el("div", {class: "tl-host"});
    const said = el("p", {class: "at-sentence", id: "at-sentence"});
    const from = model.from;
    const to = model.to;
    const input = el("input", {type: "range", id: "at", min: 0, max: Math.round((to - from) / 60_000), step: 1, "aria-describedby": "at-sentence"});
    const field = el("input", {type: "text", id: "at-time", class: "mono", size: 20, maxlength: 40, autocomplete: "off", spellcheck: "false", "aria-label": `What was it doing at: date and time, ${zoneName(from)}`,
        title: `${FORMAT}, ${zoneName(from)}`, on: {input: () => field.setCustomValidity(""), change: () => typed()}});
    const button = (text, label, act) => el("button", {type: "button", "aria-label": label, title: label, on: {click: act}}, text);
    const view = {on: null};
    const legend = el("ul", {class: "legend"}, GROUPS.filter((g) => model.states.some((s) => s.kind === g.kind)).map((g) =>
        el("li", {}, el("span", {class: `swatch ${g.kind}`, "aria-hidden": "true"}), g.text)), timeline.silences.length > 0
        && el("li", {}, el("span", {class: "swatch silence", "aria-hidden": "true"}), "silent"));
    place.append(el("div", {class: "tools"}, el("h2", {id: "day-title"}, to - from > DAY ? "What it did" : "The day"), el("span", {class: "group"},
        button("−", "Zoom out", () => view.on.zoom(1.5)), button("+", "Zoom in", () => view.on.zoom(1 / 1.5)), button("◂", "Pan left", () => view.on.pan(-0.2)),
        button("▸", "Pan right", () => view.on.pan(0.2)), button("Fit", "Show the whole day", () => view.on.fit())), legend), host,
    el("div", {class: "slider"}, el("label", {for: "at"}, "What was it doing at"), input, el("span", {class: "at-field"}, field, el("span", {class: "muted"}, zoneName(from)))), said);

    const setTime = (t, {reveal = true} = {}) => {
        const at = Math.min(Math.max(t, from), to);
        input.value = String(Math.round((at - from) / 60_000));
        const told = sentenceAt(model, timeline, at);
        replace(said, told.nodes);
        input.setAttribute("aria-valuetext", told.text);
        field.value = stamp(at);
        field.setCustomValidity("");
        view.on.selected = {t: at, lane: null};
        if (reveal) view.on.reveal(at);
        view.on.ask();
        history.replaceState(null, "", `${location.pathname}${location.search}#at=${encodeURIComponent(iso(at))}`);
    };
    /** What was typed; another day's instant leads to that day. */
    const typed = () => {
        const t = typedInstant(field.value, from);
        field.setCustomValidity(t === null ? `Write it as ${FORMAT}.` : "");
        if (!field.reportValidity()) return;
        if (t >= from && t <= to) setTime(t);
        else location.href = `/robots/${pathPart(timeline.robot_id)}?day=${iso(t).slice(0, 10)}#at=${encodeURIComponent(iso(t))}`;
    };
    view.on = new Timeline(host, {
        select: (event) => { setTime(event.t); said.append(" ", link("events", event.event_id, "The error’s own page", `?at=${encodeURIComponent(event.occurred_at)}`)); },
        view: () => {}, detail: (found) => setTime(found.t), lanes: () => {}, nothing: (t) => setTime(t),
        label: (placed) => el("div", {class: "lane-label", vars: {"--h": `${placed.height}px`}}, el("span", {class: "lane-name"},
            el("span", {}, data(placed.lane.label, 40)),
            el("span", {class: "muted"}, placed.lane.note ?? ""))),
    });
    view.on.fold = false;
    view.on.setModel(model);
    input.addEventListener("input", () => setTime(from + Number(input.value) * 60_000));
    input.addEventListener("keydown", (event) => {
        const minutes = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -60, PageUp: 60}[event.key];
        if (minutes === undefined) return;
        event.preventDefault();
        setTime(from + (Number(input.value) + minutes * (event.shiftKey && Math.abs(minutes) === 1 ? 10 : 1)) * 60_000);
    });
    const asked = parse(instant(new URLSearchParams(location.hash.slice(1)).get("at")));
    setTime(asked ?? lastTold(model, parse(robot.now.last_heard_at)) ?? (from + to) / 2, {reveal: false});
    addEventListener("hashchange", () => {
        const t = parse(instant(new URLSearchParams(location.hash.slice(1)).get("at")));
        if (t !== null) setTime(t);
    });
    if (!robotDay.bound) {
        robotDay.bound = true;
        for (const [key, text, act] of [["w", "Zoom in", (v) => v.zoom(0.7)], ["s", "Zoom out", (v) => v.zoom(1.4)], ["a", "Pan left", (v) => v.pan(-0.15)],
            ["d", "Pan right", (v) => v.pan(0.15)], ["0", "Show the whole day", (v) => v.fit()]]) bind(key, text, () => act(document.querySelector(".tl-host").view), "Timeline");
    }
}

const FORMAT = "2026-11-02 10:14:00, or 10:14";

/** `2026-11-02 10:14:00` or `10:14` in the zone that is shown; null for anything else. */
function typedInstant(text, from) {
    const found = /^(?:(\d{4}-\d\d-\d\d)[ T])?(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z| UTC)?$/.exec(text.trim());
    if (!found) return null;
    const isUTC = found[3] !== undefined || settings.get("zone") === "utc";
    const t = Date.parse(`${found[1] ?? day(from)}T${found[2]}${isUTC ? "Z" : ""}`);
    return Number.isNaN(t) ? null : t;
}

/** When the robot was last heard of in the range: what one looks for first. */
function lastTold(model, heard) {
    const known = [heard, ...model.states.map((s) => s.from), ...model.windows.flatMap((w) => [w.from, w.end]), ...model.errors.map((e) => e.t)];
    return known.filter((t) => t !== null && t >= model.from && t <= model.to).reduce((a, b) => (a === null || b > a ? b : a), null);
}

const rangeQuery = (range) => `from=${encodeURIComponent(range.from)}&to=${encodeURIComponent(range.to)}`;

function downtime(robot) {
    return part("Downtime by reason", robot.downtime.length === 0 ? el("p", {class: "muted"}, "It was not down.") : table("Downtime by reason", [
        ["reason", (r) => el("a", {href: `/downtime?robot=${encodeURIComponent(robot.robot_id)}&reason=${encodeURIComponent(r.reason)}&${rangeQuery(robot.range)}`},
            r.reason === "" ? "(no reason)" : data(r.reason, 60))],
        ["", (r) => bar(r.share, "down"), "bar-cell"],
        ["share", (r) => percent(r.share), "num"], ["lasted", (r) => duration(r.seconds), "num"], ["times", (r) => count(r.intervals), "num"],
    ].map((c) => (c[0] === "" ? [el("span", {class: "quiet-label"}, "bar"), ...c.slice(1)] : c)), robot.downtime));
}

function states(robot) {
    const t = robot.totals;
    return part("All of the time", table("Seconds by state", [
        ["state", (s) => [stateSwatch(s.state, s.class), " ", data(s.state, 40)]],
        ["counts as", (s) => CLASS_WORD[s.class]], ["lasted", (s) => duration(s.seconds), "num"],
        ["share", (s) => percent(t.range_seconds > 0 ? s.seconds / t.range_seconds : null), "num"],
    ], robot.states, {empty: "No state is known in this range."}), el("p", {class: "muted"}, `Adds up to ${duration(t.range_seconds)}; unaccounted (before its first state): ${duration(t.unaccounted_seconds)}.`));
}

function deliveries(timeline) {
    return part(`Deliveries (${count(timeline.sessions.length)})`, timeline.sessions.length > 0 && el("p", {class: "muted"}, "All that it had for a while. Completed or failed, a delivery counts for the last robot that had it."), table("Deliveries", [
        ["delivery", (w) => sessionLink(w.session_id)], ["outcome", (w) => outcomeBadge(w.outcome)], ["why", (w) => w.failure_code && data(w.failure_code, 60)],
        ["from", (w) => time(w.started_at), "named"], ["to", (w) => (w.ended_at ? time(w.ended_at) : "still"), "named"], ["held it", (w) => duration(w.ended_at ? (parse(w.ended_at) - parse(w.started_at)) / 1000 : null), "num"],
        ["opened by", (w) => [data(w.opened_by, 60), w.inferred && " (inferred)"], "named"], ["ended", (w) => w.end_reason ?? "", "named"], ["merchant", (w) => w.merchant_id && data(w.merchant_id, 40), "named"],
    ], timeline.sessions, {stacked: true, empty: "It served no delivery in this range."}));
}

function errors(timeline) {
    const [n, all] = [timeline.errors.length, timeline.errors_total];
    const last = timeline.errors.at(-1);
    return part("Errors", el("p", {class: "muted", id: "errors-told"}, n === all ? plural(n, "error") : [`The first ${count(n)} of ${count(all)} errors. `,
        el("a", {href: errorsOf(timeline.robot_id, {from: last.occurred_at, to: timeline.range.to})}, `Those from ${stamp(parse(last.occurred_at))} on`)]), table("Errors", [
        ["when", (e) => time(e.occurred_at, "ms")], ["code", (e) => link("events", e.event_id, el("strong", {}, data(e.error_code ?? "error", 60)), `?at=${encodeURIComponent(e.occurred_at)}`)],
        ["message", (e) => e.error_message && data(e.error_message, 200), "wide"], ["delivery", (e) => (e.sessions.length === 0 ? el("span", {class: "muted"}, "none") : e.sessions.map((s, n) => [n > 0 && ", ",
            sessionLink(s, null, selecting(e.event_id, e.occurred_at))])), "named"],
    ], timeline.errors, {stacked: true, empty: "It reported no error in this range."}));
}

function utilization(robot) {
    const hour = 3600;
    const cell = (seconds, kind) => [bar(seconds / hour, kind), ` ${Math.round(seconds / 60)} m`];
    return part("Hour by hour", table("Utilization by hour", [
        ["hour", (h) => time(h.at, "m")], ["usable", (h) => cell(h.usable_seconds, "work"), "bar-cell"], ["on deliveries", (h) => cell(h.on_delivery_seconds, "work"), "bar-cell"],
        ["down", (h) => cell(h.downtime_seconds, "down"), "bar-cell"], ["off duty", (h) => cell(h.off_duty_seconds, "off"), "bar-cell"],
        ["completed", (h) => count(h.deliveries_completed), "num"], ["errors", (h) => count(h.error_count), "num"],
    ], robot.hours, {empty: "No hour of this range is known."}));
}
