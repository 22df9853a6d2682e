// Which page the address asks for, and what all pages share.

import {data, el, replace, toast} from "./dom.js";
import {get} from "./api.js";
import {bind, showHelp} from "./keys.js";
import {showProblem} from "./problem.js";
import {settings} from "./settings.js";
import {watchFreshness} from "./freshness.js";

const part = (text) => {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
};

const PAGES = [
    [/^\/$/, () => import("./home.js")],
    [/^\/search$/, () => import("./search.js")],
    [/^\/sessions$/, () => import("./sessions.js")],
    [/^\/(?:deliveries|demands|trips)\/([^/]+)$/, () => import("./delivery.js")],
    [/^\/robots$/, () => import("./robots.js")],
    [/^\/robots\/([^/]+)$/, () => import("./robot.js")],
    [/^\/pilots\/([^/]+)$/, () => import("./pilot.js")],
    [/^\/events\/([^/]+)$/, () => import("./event.js")],
    [/^\/fleet$/, () => import("./fleet.js")],
    [/^\/downtime$/, () => import("./downtime.js")],
    [/^\/failures$/, () => import("./failures.js")],
    [/^\/reliability$/, () => import("./reliability.js")],
    [/^\/quality$/, () => import("./quality.js")],
    [/^\/orphans$/, () => import("./orphans.js")],
    [/^\/rejected$/, () => import("./rejected.js")],
    [/^\/audit$/, () => import("./audit.js")],
    [/^\/about$/, () => import("./about.js")],
];

const main = document.getElementById("main");
const query = new URLSearchParams(location.search);

async function start() {
    for (const [pattern, load] of PAGES) {
        const match = pattern.exec(location.pathname);
        if (!match) continue;
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

for (const a of document.querySelectorAll("nav a")) {
    if (location.pathname.startsWith(a.getAttribute("href"))) a.setAttribute("aria-current", "page");
}
document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
});
document.getElementById("help").addEventListener("click", showHelp);

const go = (path) => () => { location.href = path; };
bind("/", "Find an id", () => { const field = document.getElementById("q"); field.focus(); field.select(); });
bind("?", "Keys and settings", showHelp);
bind("g h", "Home", go("/"));
bind("g r", "Robots", go("/robots"));
bind("g f", "Fleet", go("/fleet"));
bind("g q", "Data quality", go("/quality"));
bind("g s", "Deliveries", go("/sessions"));

// Zone and density change every number on a page: the simplest true thing is to draw it anew.
settings.onChange((name) => {
    if (name === "zone") toast(settings.get("zone") === "utc" ? "Times are in UTC." : "Times are local.");
    if (["zone", "density"].includes(name)) dispatchEvent(new CustomEvent("settings"));
});

/** Who is signed in, where anybody is: what leads to signing out. Asked once the page is there, which needs it for nothing. */
async function tellReader() {
    if (document.getElementById("token")) return;
    try {
        const me = await get("me");
        if (me.authentication !== "off") replace(document.getElementById("who"), "Signed in as ", data(me.name, 60), "; about this service, sign out");
    } catch {
        // Nobody is, or nobody answers: the page says so where it matters.
    }
}

watchFreshness();
start().then(tellReader);
