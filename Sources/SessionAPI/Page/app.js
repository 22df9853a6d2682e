// Which page the address asks for, and what all pages share.

import {data, el, replace, toast} from "./dom.js";
import {mayOpen, readerKnown, whoReads} from "./api.js";
import {bind, showHelp} from "./keys.js";
import {showProblem} from "./problem.js";
import {settings} from "./settings.js";
import {instant} from "./range.js";
import {watchFreshness} from "./freshness.js";

const part = (text) => {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
};

const RANGE = ["from", "to"];
/** Which addresses, which page, and what its query may hold. */
const PAGES = [
    [/^\/$/, () => import("./home.js"), []],
    [/^\/search$/, () => import("./search.js"), ["q"]],
    [/^\/sessions$/, () => import("./sessions.js"), ["kind", "outcome", "merchant", "robot", "pilot", "zone", "source", "error", "open_longer_than", "anomalous", "reassigned", "error_near", "within_seconds",
        "last_robot", "robot_zone", "with_robot", "reached", "stopped_at", "intervened", "failure", "closed_from", "closed_to", ...RANGE]],
    [/^\/(?:deliveries|demands|trips)\/([^/]+)$/, () => import("./delivery.js"), ["plain"]],
    [/^\/robots$/, () => import("./robots.js"), ["class"]],
    [/^\/robots\/([^/]+)$/, () => import("./robot.js"), ["day", ...RANGE]],
    [/^\/pilots\/([^/]+)$/, () => import("./pilot.js"), ["day", ...RANGE]],
    [/^\/events\/([^/]+)$/, () => import("./event.js"), ["at"]],
    [/^\/fleet$/, () => import("./fleet.js"), ["zone", ...RANGE]],
    [/^\/downtime$/, () => import("./downtime.js"), ["reason", "robot", "state", "zone", ...RANGE]],
    [/^\/(states)$/, () => import("./hourrows.js"), ["class", "robot", "zone", "no_zone", ...RANGE]],
    [/^\/(windows|errors)$/, () => import("./hourrows.js"), ["robot", "zone", "no_zone", ...RANGE]],
    [/^\/failures$/, () => import("./failures.js"), ["robot", "repaired", ...RANGE]],
    [/^\/reliability$/, () => import("./reliability.js"), RANGE],
    [/^\/quality$/, () => import("./quality.js"), RANGE],
    [/^\/orphans$/, () => import("./orphans.js"), ["robot", ...RANGE]],
    [/^\/rejected$/, () => import("./rejected.js"), ["reason"]],
    [/^\/audit$/, () => import("./audit.js"), ["who"]],
    [/^\/about$/, () => import("./about.js"), []],
];

const main = document.getElementById("main");
const query = new URLSearchParams(location.search);

/** What the query holds that the page does not know, or cannot read: it is left out, and that is said. */
function tellNotUnderstood(known) {
    document.getElementById("not-understood")?.remove();
    const isTime = (name) => ["from", "to", "closed_from", "closed_to"].includes(name);
    const wrong = [...query].map(([name, value]) => (!known.includes(name) ? [name, value, ""] : isTime(name) && value !== "" && instant(value) === null ? [name, value, ", which is no time: write it as 2026-11-02 or 2026-11-02T08:15"] : null)).filter(Boolean);
    if (wrong.length === 0) return;
    const rest = new URLSearchParams([...query].filter(([name, value]) => !wrong.some(([n, v]) => n === name && v === value)));
    main.before(el("aside", {class: "banner not-understood", id: "not-understood", "aria-label": "About this address"}, "The address holds what is not understood here, and it was left out: ",
        wrong.map(([name, value, why], n) => [n > 0 && "; ", el("code", {}, data(`${name}=${value}`, 120)), why]), ". ", el("a", {href: location.pathname + (rest.size > 0 ? `?${rest}` : "")}, "The address without it")));
}

async function start() {
    for (const [pattern, load, known] of PAGES) {
        const match = pattern.exec(location.pathname);
        if (!match) continue;
        tellNotUnderstood(known);
        try {
            await (await load()).show(main, part(match[1] ?? ""), query);
        } catch (error) {
            showProblem(main, error, () => start());
        }
        return;
    }
    replace(main, el("section", {class: "box"}, el("h1", {}, "No such page"),
        el("p", {}, "The address leads nowhere here. Look for an id above, or start at ", el("a", {href: "/"}, "the home page"), ".")));
}

/** The menu, without what the reader may not open. */
function drawMenu() {
    for (const a of document.querySelectorAll("nav[aria-label=Pages] a")) {
        const href = a.getAttribute("href");
        if (location.pathname.startsWith(href)) a.setAttribute("aria-current", "page");
        a.hidden = !mayOpen(href);
    }
}

drawMenu();
document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
});
document.getElementById("help").addEventListener("click", showHelp);

const go = (path) => () => { location.href = path; };
bind("/", "Find an id", () => { const field = document.getElementById("q"); field.focus(); field.select(); });
bind("?", "Keys and settings", showHelp);
bind("g h", "Home", go("/"));
readerKnown().then(() => {
    drawMenu();
    for (const [keys, text, path] of [["g r", "Robots", "/robots"], ["g f", "Fleet", "/fleet"], ["g q", "Data quality", "/quality"], ["g s", "Deliveries", "/sessions"]]) if (mayOpen(path)) bind(keys, text, go(path));
});

// Zone and density change every number on a page: the simplest true thing is to draw it anew.
settings.onChange((name) => {
    if (name === "zone") toast(settings.get("zone") === "utc" ? "Times are in UTC." : "Times are local.");
    if (["zone", "density"].includes(name)) dispatchEvent(new CustomEvent("settings"));
});

/** Who is signed in, where anybody is: what leads to signing out. Asked once the page is there, which needs it for nothing. */
async function tellReader() {
    if (document.getElementById("token")) return;
    try {
        const me = await whoReads();
        drawMenu();
        if (me.authentication !== "off") replace(document.getElementById("who"), "Signed in as ", data(me.name, 60), "; about this service, sign out");
    } catch {
        // Nobody is, or nobody answers: the page says so where it matters.
    }
}

const drawn = start();
watchFreshness(drawn);
drawn.then(tellReader);
