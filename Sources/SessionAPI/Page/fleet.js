// The fleet: how many hours it was usable, why it was not, and what came of the offers.

import {announceTitle, data, el, forms, link, pathPart, replace, titleRow} from "./dom.js";
import {get} from "./api.js";
import {atStep, completedIn, errorsIn, figure, onDeliveryIn, robotIn, timeIn} from "./counted.js";
import {reliabilityTable} from "./reliability.js";
import {bar, columns, heatStep, loading, oneStop, pareto, supplyLegend, usageParts} from "./charts.js";
import {noZone} from "./pages.js";
import {notice, showProblem, waiting} from "./problem.js";
import {rangeBar, rangeText, readRange} from "./range.js";
import {clock, count, duration, hours, iso, parse, percent, plural, stamp} from "./time.js";
import {table, time} from "./tables.js";
import {tellFreshness} from "./freshness.js";
import {emptyStore} from "./home.js";

const HOUR = 3_600_000;

export async function show(main, _, query) {
    announceTitle("Fleet");
    const zone = query.get("zone");
    const asked = {...readRange(query), zone};
    const done = waiting(main, "the fleet's hours");
    let supply;
    let zones;
    try {
        [supply, zones] = await Promise.all([get("fleet/utilization", [], {...asked, bucket: "hour", compare: "week_before"}), get("fleet/utilization", [], {...readRange(query), by: "zone", bucket: "hour"})]);
    } catch (error) {
        done();
        return showProblem(main, error, () => show(main, _, query));
    }
    done();
    // All parts are of the hours that the first one told: without from and to these are the last 24 of the clock.
    const hoursOf = {from: supply.range.from, to: supply.range.to};
    const whole = {...hoursOf, zone};
    tellFreshness(supply.as_of);
    if (supply.as_of.events === 0) return replace(main, el("h1", {}, "Fleet"), emptyStore());
    const long = parse(supply.range.to) - parse(supply.range.from) > 3 * 24 * HOUR;
    const names = [...new Set(zones.rows.map((r) => r.key))].filter((z) => z !== null).sort();
    const choose = el("label", {}, "zone", el("select", {name: "zone"}, el("option", {value: ""}, "all"), names.map((z) => el("option", {value: z, selected: z === zone}, z))));
    choose.dataset.name = "zone";
    const rangeQuery = new URLSearchParams({from: supply.range.from, to: supply.range.to}).toString();
    const wanted = `?${new URLSearchParams({from: supply.range.from, to: supply.range.to, ...(zone ? {zone} : {})})}`;
    const turn = inTurn();
    const top = [titleRow("Fleet", "/fleet", wanted), el("p", {class: "muted"}, rangeText(supply.range), " UTC, by whole hours", zone && [", zone ", data(zone, 60)]),
        rangeBar("/fleet", readRange(query), supply.as_of.now, {zone}, [choose])];
    if (zone && !names.includes(zone)) return replace(main, top, notice("No such zone", noZone(zone, names, (name) => `/fleet?zone=${encodeURIComponent(name)}&${rangeQuery}`)));
    replace(main, top, totals(supply, zone),
        loading("Why not available?", (place) => fill(place, "downtime", () => turn(() => get("fleet/downtime", [], {...whole, compare: "week_before"})), (d) => downtime(d, wanted.slice(1)))),
        hourly(supply, zone), byZone(zones, rangeQuery, hoursOf),
        loading("From offer to drop-off", (place) => fill(place, "the funnel", () => get("funnel", [], whole), (d) => funnel(d, zone))),
        loading("Robots by hour: share of the hour that each was down", (place) => fill(place, "the heat map", () => turn(() => robotHours(whole, long)), (d) => [heatMap(d, long, zone), el("h3", {id: "by-robot", tabindex: "-1"}, "Each robot's hours"), byRobot(d, zone)])),
        loading("Reliability", (place) => fill(place, "reliability", () => turn(() => get("fleet/reliability", [], {...hoursOf, worst: MOST_ROBOTS})), (d) => [el("p", {class: "title-actions"}, forms("/reliability", `?${new URLSearchParams(d.range)}`)), zone && el("p", {}, el("strong", {}, "Of the robots of all zones"), ", not of ", data(zone, 60), " only: a failure and the repair after it may lie in two."), reliability(d)])));
}

/** So many robots have a row here: more cannot be read, and a browser takes seconds for ten thousands of cells. */
const MOST_ROBOTS = 200;

/** The hours of each robot; of a larger fleet those of the robots that were down most. The service refuses very many rows by the robots it
 *  ever knew: so it is always told how many are wanted. */
async function robotHours(whole, long) {
    const told = await get("fleet/utilization", [], {...whole, by: "robot", bucket: long ? "day" : "hour", worst: MOST_ROBOTS});
    return {...told, isLarge: told.robots > MOST_ROBOTS};
}

/** Lets questions begin one after the other, in the order in which they are handed to it, each when the answer before it is drawn: of a large
 *  fleet each takes a moment of a processor, which they need not take from each other, nor from the drawing. */
function inTurn() {
    let last = Promise.resolve();
    return (ask) => {
        const asked = last.then(ask);
        const drawn = () => new Promise((resolve) => { setTimeout(resolve); });
        last = asked.then(drawn, drawn);
        return asked;
    };
}

function reliability(told) {
    if (told.complete) return reliabilityTable(told, true);
    return [el("p", {class: "muted"}, `The ${count(told.rows.length)} robots with the most failures; `, el("a", {href: `/reliability?${new URLSearchParams(told.range)}`}, "all of them"), "."), reliabilityTable(told, true)];
}

async function fill(place, what, read, draw) {
    const done = waiting(place, what);
    try {
        const told = await read();
        done();
        replace(place, draw(told));
        // What a link leads to may only be here now.
        const wanted = document.getElementById(location.hash.slice(1));
        if (wanted && place.contains(wanted)) wanted.scrollIntoView();
    } catch (error) {
        done();
        showProblem(place, error, () => fill(place, what, read, draw));
    }
}

function totals(supply, zone) {
    const t = supply.totals;
    const all = usageParts.reduce((sum, [key]) => sum + t[key], 0);
    const then = supply.week_before;
    const its = {zone: zone || null};
    const fact = (name, value, rest, key, href) => el("li", {class: "step"}, el("span", {class: "step-name"}, href ? el("a", {href}, name) : name), el("span", {class: "step-value"}, value), el("span", {class: "step-like muted"}, rest),
        then && el("span", {class: "step-before"}, change(then, key)));
    return [el("ul", {class: "steps four"},
        fact("usable supply", `${hours(t.usable_seconds)} h`, `${percent(t.usable_seconds / all)} of ${hours(all)} robot hours`, "usable_seconds", timeIn("usable", supply.range, its)),
        fact("down", `${hours(t.downtime_seconds)} h`, `${percent(t.downtime_seconds / all)} of them`, "downtime_seconds", timeIn("downtime", supply.range, its)),
        fact("on deliveries", `${hours(t.on_delivery_seconds)} h`, `${percent(t.on_delivery_seconds / t.usable_seconds)} of the usable`, "on_delivery_seconds", onDeliveryIn(supply.range, its)),
        fact("deliveries completed", count(t.deliveries_completed), figure(t.error_count, errorsIn(supply.range, its), plural(t.error_count, "robot error")), "deliveries_completed", completedIn(supply.range, zone))),
    then && el("p", {class: "muted before-note", id: "week-before"}, then.sentence, then.known && parse(then.compared.to) < parse(supply.range.to) && ` Only hours that are over are compared, up to ${stamp(parse(then.compared.to), "m")}.`)];
}

/** A figure beside that of a week before: by how much it changed, in words and with the figure itself. */
function change(before, key) {
    if (!before.totals) return "no data the week before";
    return changed(before.totals_now[key], before.totals[key], key.endsWith("_seconds") ? (n) => `${hours(n)} h` : count);
}

function changed(now, then, write) {
    if (then === 0) return now === 0 ? "none the week before either" : "none the week before";
    const share = (now - then) / then;
    const rest = `the week before (${write(then)})`;
    if (Math.abs(share) < 0.005) return `the same as ${rest}`;
    return share > 0 ? `▲ ${percent(share)} above ${rest}` : `▼ ${percent(-share)} below ${rest}`;
}

function downtime(told, rangeQuery) {
    if (told.rows.length === 0) return el("p", {class: "muted"}, "No robot was down in this range.");
    const first = told.rows[0];
    return [el("p", {}, el("strong", {}, percent(first.share), " of it was ", first.key === "" ? "without a reason" : data(first.key, 60)),
        ` (${hours(first.seconds)} of ${hours(told.seconds)} h, ${plural(first.robots, "robot")}).`, comparedDowntime(told.week_before, first)),
    pareto(told.rows, {what: "Downtime by reason", open: (r) => `/downtime?reason=${encodeURIComponent(r.key)}&${rangeQuery}`, length: hours})];
}

function comparedDowntime(before, first) {
    if (!before) return null;
    if (before.seconds === null) return " Of the week before nothing is known.";
    const row = before.rows.find((r) => r.key === first.key);
    return [" All of it: ", changed(before.seconds_now, before.seconds, (n) => `${hours(n)} h`), row && ["; ", first.key === "" ? "without a reason" : data(first.key, 60), `: ${changed(row.seconds_now, row.seconds, (n) => `${hours(n)} h`)}`], "."];
}

function hourly(supply, zone) {
    const box = el("section", {class: "part", "aria-labelledby": "by-hour"}, el("h2", {id: "by-hour"}, "Supply by hour"));
    const rows = supply.rows;
    if (rows.length === 0) return box.append(el("p", {class: "muted"}, "No state of a robot is known in this range.")), box;
    const hour = (r) => ({from: r.at, to: iso(parse(r.at) + HOUR)});
    const of = (r) => `/fleet?${new URLSearchParams({from: r.at, to: iso(parse(r.at) + HOUR), ...(zone ? {zone} : {})})}`;
    const name = (r) => `${stamp(parse(r.at), "m")}: ${hours(r.usable_seconds)} h usable, ${hours(r.downtime_seconds)} h down, ${hours(r.off_duty_seconds)} h off duty`;
    box.append(supplyLegend(), chartBox(rows, {label: `Robot hours by hour, ${rows.length} hours; the numbers are in the table below.`, open: of, name}),
        el("details", {}, el("summary", {}, "As a table, each hour with its rows"), table("Supply by hour", [
            ["hour", (r) => el("a", {href: of(r)}, time(r.at, "m"))], ...hourColumns(hour, () => ({zone: zone || null}), (r) => completedIn(hour(r), zone))], rows)));
    return box;
}

/** The figures of hours, each with its rows: in the range and of the robots and the zone that a row of the table is of. */
function hourColumns(range, its, completed) {
    const lasting = (name, address) => [(r) => figure(r[`${name}_seconds`], address(r), hours(r[`${name}_seconds`])), "num"];
    const inState = (name) => lasting(name, (r) => timeIn(name, range(r), its(r)));
    return [["usable h", ...inState("usable")], ["down h", ...inState("downtime")], ["off duty h", ...inState("off_duty")], ["other h", ...inState("other")],
        ["on deliveries h", ...lasting("on_delivery", (r) => onDeliveryIn(range(r), its(r)))],
        ["completed", (r) => figure(r.deliveries_completed, completed(r)), "num"], ["errors", (r) => figure(r.error_count, errorsIn(range(r), its(r))), "num"]];
}

/** Columns with the axis as text: the first, a middle and the last hour, and the highest value. */
function chartBox(rows, options) {
    const most = options.most ?? Math.max(1, ...rows.map((r) => usageParts.reduce((sum, [key]) => sum + r[key], 0)));
    const marks = [0, Math.floor(rows.length / 2), rows.length - 1].filter((n, i, all) => all.indexOf(n) === i);
    return el("figure", {class: "chart"}, el("p", {class: "chart-top muted", "aria-hidden": "true"}, `${hours(most)} h`), columns(rows, {...options, most}),
        el("div", {class: "chart-axis muted", "aria-hidden": "true"}, marks.map((n) => el("span", {}, rows.length > 30 ? stamp(parse(rows[n].at), "m").slice(5) : clock(parse(rows[n].at), "m")))));
}

function byZone(zones, rangeQuery, range) {
    const groups = Map.groupBy(zones.rows, (r) => r.key ?? "");
    const box = el("section", {class: "part", "aria-labelledby": "by-zone"}, el("h2", {id: "by-zone"}, "Supply by zone"));
    if (groups.size === 0) return box.append(el("p", {class: "muted"}, "No zone is known in this range.")), box;
    const most = Math.max(1, ...zones.rows.map((r) => usageParts.reduce((sum, [key]) => sum + r[key], 0)));
    box.append(el("p", {class: "muted"}, "The same scale in each: what is low is low."), el("div", {class: "multiples"}, [...groups].sort(([a], [b]) => a.localeCompare(b)).map(([zone, rows]) => {
        const usable = rows.reduce((sum, r) => sum + r.usable_seconds, 0);
        const down = rows.reduce((sum, r) => sum + r.downtime_seconds, 0);
        const its = zone === "" ? {no_zone: true} : {zone};
        rows.sort((a, b) => (a.at < b.at ? -1 : 1));
        return el("div", {class: "box"}, el("h3", {}, zone === "" ? "no zone told" : el("a", {href: `/fleet?zone=${encodeURIComponent(zone)}&${rangeQuery}`}, data(zone, 60))),
            el("p", {}, figure(usable, timeIn("usable", range, its), `${hours(usable)} h usable`), ", ", figure(down, timeIn("downtime", range, its), `${hours(down)} h down`)), chartBox(rows, {label: `Supply by hour in ${zone || "no zone"}`, most, height: 80,
                name: (r) => `${stamp(parse(r.at), "m")}: ${hours(r.usable_seconds)} h usable, ${hours(r.downtime_seconds)} h down`}));
    })));
    return box;
}

function heatMap(told, long, zone) {
    const times = [...new Set(told.rows.map((r) => r.at))].sort();
    const robots = [...Map.groupBy(told.rows, (r) => r.key)].map(([id, rows]) => ({id, by: new Map(rows.map((r) => [r.at, r])), down: rows.reduce((sum, r) => sum + r.downtime_seconds, 0)}))
        .sort((a, b) => b.down - a.down || a.id.localeCompare(b.id));
    if (robots.length === 0) return el("p", {class: "muted"}, "No robot is known in this range.");
    // A range may begin and end within a day, and now within an hour: of these only so much is told.
    const [from, to] = [parse(told.range.from), Math.min(parse(told.range.to), parse(told.as_of.now))];
    const seconds = (at) => (Math.min(to, parse(at) + (long ? 24 * HOUR : HOUR)) - Math.max(from, parse(at))) / 1000;
    const cell = (robot, at) => {
        const r = robot.by.get(at);
        if (!r || seconds(at) <= 0) return el("td", {class: "heat none"}, el("span", {class: "quiet-label"}, "nothing known"));
        const whole = seconds(at);
        const share = r.downtime_seconds / whole;
        const off = r.off_duty_seconds / whole > 0.5;
        const text = `${Math.round(share * 100)}% down${off ? ", off duty" : ""}`;
        return el("td", {class: `heat h${heatStep(share)}${off ? " off" : ""}`}, el("a", {href: long ? `/robots/${pathPart(robot.id)}?day=${at.slice(0, 10)}` : robotIn(robot.id, {from: at, to: iso(parse(at) + HOUR)}),
            "aria-label": `${robot.id}, ${stamp(parse(at), "m")}: ${text}`, title: text}, share >= 0.005 ? Math.round(share * 100) : off ? "–" : "·"));
    };
    return [told.isLarge && el("p", {}, `The ${MOST_ROBOTS} of ${count(told.robots)} robots that were down most; a zone has fewer robots, and the hours of each are on its own page.`),
    el("p", {class: "muted", id: "heat-told"}, "Worst first. The number is the share of the ", long ? "day" : "hour", ", as far as it is known, in percent; · none, – off duty. A robot's name leads to its day, a cell to that ", long ? "day" : "hour", ". With the keyboard: arrow keys, Home, End, Enter."),
        el("div", {class: "table-box heat-box"}, oneStop(el("table", {class: "heat-map", "aria-describedby": "heat-told"},
            el("caption", {class: "quiet-label"}, `Share of each ${long ? "day" : "hour"} that a robot was down`),
            el("thead", {}, el("tr", {}, el("th", {scope: "col"}, "robot"), times.map((at) => el("th", {scope: "col"}, long ? at.slice(5, 10) : clock(parse(at), "m").slice(0, 2))), el("th", {scope: "col", class: "num"}, "down"))),
            el("tbody", {}, robots.map((robot) => el("tr", {}, el("th", {scope: "row"}, link("robots", robot.id, null, `?day=${times[0].slice(0, 10)}`)), times.map((at) => cell(robot, at)), el("td", {class: "num"}, figure(robot.down, timeIn("downtime", told.range, {robot: robot.id, zone: zone || null}), duration(robot.down)))))))))];
}

/** Each robot with its hours: the rows that the fleet's totals add up. */
function byRobot(told, zone) {
    const sum = (rows, key) => rows.reduce((all, r) => all + r[key], 0);
    const robots = [...Map.groupBy(told.rows, (r) => r.key)].map(([id, rows]) => ({id, ...Object.fromEntries(Object.keys(told.totals).map((key) => [key, sum(rows, key)]))}))
        .sort((a, b) => b.usable_seconds - a.usable_seconds || a.id.localeCompare(b.id));
    const shown = told.isLarge ? robots.sort((a, b) => b.downtime_seconds - a.downtime_seconds || a.id.localeCompare(b.id)) : robots;
    const completed = (r) => completedIn(told.range, zone) + (r.id === null ? "" : `&last_robot=${encodeURIComponent(r.id)}`);
    return [told.isLarge && el("p", {class: "muted"}, `The ${count(robots.length)} of ${count(told.robots)} robots with the most downtime.`), table("Robots and their hours", [["robot", (r) => (r.id === null ? el("strong", {}, "all of them") : link("robots", r.id))],
        ...hourColumns(() => told.range, (r) => ({robot: r.id, zone: zone || null}), completed)], robots.length === 0 ? [] : [{id: null, ...told.totals}, ...shown], {tall: true, empty: "No robot is known in this range."})];
}

const STEP = {offered: "offered", accepted: "accepted", demanded: "demand made", assigned: "robot assigned", picked_up: "picked up", dropped_off: "dropped off"};

function funnel(told, zone) {
    const first = told.steps[0]?.sessions ?? 0;
    if (first === 0 && told.steps.every((s) => s.sessions === 0)) return el("p", {class: "muted"}, "No offer or delivery began in this range.");
    const most = Math.max(...told.steps.map((s) => s.sessions), 1);
    const step = (filters) => atStep(told.range, filters, {zone: zone || null});
    return [table("The delivery funnel", [
        ["step", (s) => STEP[s.step] ?? data(s.step)], [el("span", {class: "quiet-label"}, "bar"), (s) => bar(s.sessions / most), "bar-cell"], ["sessions", (s) => figure(s.sessions, step({reached: s.step})), "num"],
        ["of the first", (s) => percent(s.sessions / most), "num"],
        ["lost before the next", (s) => (s.lost.length === 0 ? "" : s.lost.map((l, n) => [n > 0 && ", ", el("a", {href: step({stopped_at: s.step, outcome: l.outcome})}, `${count(l.sessions)} ${l.outcome.replace("_", " ")}`)])), "wide"],
    ], told.steps), told.failures.length > 0 && el("p", {}, "Failed for: ", told.failures.map((f, n) => [n > 0 && ", ",
        el("a", {href: step({failure: f.failure_code ?? ""})}, f.failure_code === null ? "no code" : data(f.failure_code, 60)), ` ${count(f.sessions)}`]), ".")];
}
