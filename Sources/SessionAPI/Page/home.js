// Home: one search box, what is in trouble now, how fresh it all is, and the fleet in four numbers.

import {data, el, link, replace, sessionLink} from "./dom.js";
import {get, whoReads} from "./api.js";
import {trend} from "./charts.js";
import {showProblem, waiting} from "./problem.js";
import {clock, count, duration, hours, iso, machineTime, parse, percent, plural, stamp, zoneName} from "./time.js";
import {closedIn} from "./counted.js";
import {robotLink, time, why} from "./tables.js";
import {isArchive, tellFreshness} from "./freshness.js";
import {whyNotList} from "./orphans.js";

export async function show(main) {
    document.body.dataset.page = "home";
    const field = el("input", {id: "ask", name: "q", type: "search", maxlength: 200, autocomplete: "off", autocapitalize: "off", spellcheck: "false",
        placeholder: "D-20260118-0042", "aria-keyshortcuts": "/"});
    const rest = el("div", {});
    replace(main, el("form", {class: "hero", action: "/search", method: "get", role: "search"},
        el("h1", {}, el("label", {for: "ask"}, "What happened to …")),
        el("div", {class: "hero-line"}, field, el("button", {type: "submit"}, "Find")),
        el("p", {class: "muted"}, "Delivery, demand, trip, robot, pilot or merchant; a part of the id will do.")), rest);
    field.focus({preventScroll: true});
    const done = waiting(rest, "the fleet");
    try {
        const home = await get("home");
        done();
        tellFreshness(home.as_of);
        if (home.as_of.events === 0) return replace(rest, emptyStore());
        replace(rest, numbers(home), trouble(home));
    } catch (error) {
        done();
        // A reader who may only see own deliveries has no fleet: the search box is the page.
        if (error.status === 403) return replace(rest, await ownDeliveries());
        showProblem(rest, error, () => show(main));
    }
}

async function ownDeliveries() {
    const me = await whoReads();
    return el("section", {class: "box notice"}, el("h2", {}, "Your deliveries"),
        el("p", {}, "You are signed in as ", data(me.name, 60), ` (${me.role})`, me.merchants && [" for ", data(me.merchants.join(", "), 200)],
            ". Figures about the whole fleet are not for this token."),
        el("p", {class: "actions"}, el("a", {href: "/sessions"}, "The latest deliveries"), el("a", {href: "/sessions?outcome=failed"}, "Those that failed")));
}

export function emptyStore() {
    return el("section", {class: "box notice"}, el("h2", {}, "The store is empty"),
        el("p", {}, "No event has been read into it yet. To look at a simulated day: ", el("code", {}, "make demo"), ". To read an archive: ",
            el("code", {}, "sessionizer replay PATH --store …"), ". Beside a queue, wait for the first event: this page shows it when it is read again."),
        el("p", {class: "actions"}, el("button", {type: "button", on: {click: () => location.reload()}}, "Look again")));
}

function numbers(home) {
    return el("ul", {class: "numbers", "aria-label": "The fleet in the last 24 hours"}, home.numbers.map((n) => {
        const value = n.value === null ? "–" : n.unit === "ratio" ? percent(n.value) : n.unit === "h" ? `${hours(n.value * 3600)} h` : count(n.value);
        const better = n.change !== null && (n.change > 0) === (n.better === "up");
        return el("li", {class: "number"},
            el("a", {href: rowsOf(n)}, el("span", {class: "number-title"}, data(n.title)), el("span", {class: "number-value"}, value)),
            el("span", {class: "number-change muted"}, n.change === null ? "no 24 hours before to compare" : [
                el("span", {class: better ? "" : "worse"}, `${n.change > 0 ? "▲" : n.change < 0 ? "▼" : "="} ${Math.abs(n.change * 100).toFixed(0)}%`),
                ` to the 24 h before${n.change === 0 || better ? "" : ", worse"}`]),
            trend(n.trend.map((p) => p.value), `${n.title} by hour`));
    }));
}

/** The page that shows the rows behind a number; the API says for which range. */
function rowsOf(number) {
    const query = new URL(number.href, location.origin).searchParams;
    const range = new URLSearchParams([...query].filter(([name]) => ["from", "to"].includes(name)));
    if (number.name === "deliveries_completed") return `/sessions?${query}`;
    if (number.name === "downtime_hours") return `/downtime?${range}`;
    if (number.name === "usable_supply_hours") return `/fleet?${range}#by-robot`;
    if (number.name === "completion_rate") return `/sessions?outcome=failed&outcome=canceled&${range}`;
    return `/fleet?${range}`;
}

/** The deliveries that failed in the 24 hours up to now, whenever they began. */
function failedWithin(now) {
    const end = parse(now);
    return closedIn({from: iso(end - 86_400_000), to: iso(end + 1)}, "failed");
}

function trouble(home) {
    const t = home.trouble;
    const open = duration(t.open_too_long.threshold_seconds);
    const parts = [
        [t.failed.count, `${plural(t.failed.count, "delivery", "deliveries")} failed in 24 hours`, "no delivery failed in 24 hours", () => list(t.failed.rows.map((s) => [
            sessionLink(s.session_id), " ", why(s) || "failed", " ", !s.fault && s.robot_id && [robotLink(s.robot_id, s.closed_at), " "],
            el("span", {class: "muted"}, s.merchant_id && [data(s.merchant_id, 40), " "], el("time", {datetime: machineTime(s.closed_at), title: stamp(parse(s.closed_at))}, clock(parse(s.closed_at))))])), failedWithin(home.as_of.now)],
        [t.robots_down.count, `${plural(t.robots_down.count, "robot")} down${isArchive(home.as_of) ? "" : " now"}`, "no robot is down", () => list(t.robots_down.rows.map((r) => [
            robotLink(r.robot_id, r.since), " ", el("strong", {}, data(r.reason ?? r.state ?? "unknown", 40)), ` for ${duration(r.seconds)}`,
            r.silent_seconds > 300 && el("span", {class: "muted"}, `, last heard ${duration(r.silent_seconds)} before ${isArchive(home.as_of) ? "then" : "now"}`),
            r.sessions.length > 0 && [", serving ", r.sessions.map((s, n) => [n > 0 && ", ", sessionLink(s)])]])), "/robots?class=downtime"],
        [t.open_too_long.count, `${count(t.open_too_long.count)} open for longer than ${open}`, `nothing is open for longer than ${open}`, () => list(t.open_too_long.rows.map((s) => [
            sessionLink(s.session_id), ` open for ${duration(s.open_seconds)} `, s.robot_id ? link("robots", s.robot_id) : el("span", {class: "muted"}, "no robot"),
            s.merchant_id && el("span", {class: "muted"}, " ", data(s.merchant_id, 40))])), `/sessions?open_longer_than=${Math.round(t.open_too_long.threshold_seconds)}`],
        [t.orphan_errors.count, `${plural(t.orphan_errors.count, "robot error")} outside any delivery in 24 hours`, "no robot error lies outside a delivery",
            () => (t.orphan_errors.rows.length > 0 ? whyNotList(t.orphan_errors.rows) : el("p", {class: "muted"}, "Which ones is told to operators.")), t.orphan_errors.rows.length > 0 && "/orphans"],
    ];
    const fine = parts.filter(([n]) => n === 0).map(([, , text]) => text);
    return [
        el("h2", {class: "trouble-title"}, isArchive(home.as_of) ? ["In trouble at the archive’s end, ", time(home.as_of.now), ` ${zoneName(parse(home.as_of.now))}`] : "In trouble now"),
        fine.length > 0 && el("p", {class: "fine"}, el("span", {class: "sign", "aria-hidden": "true"}, "✔"), " ", fine.join("; "), "."),
        el("div", {class: "trouble"}, parts.filter(([n]) => n > 0).map(([n, title, , rows, all]) => el("section", {class: "box"}, el("h3", {}, title), rows(),
            n > 10 && all && el("p", {}, el("a", {href: all}, `All ${count(n)}`))))),
    ];
}

const list = (rows) => el("ul", {class: "rows"}, rows.map((row) => el("li", {}, row)));
