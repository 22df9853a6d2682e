// What a pasted id leads to: straight to the one thing it can mean, else a list.

import {announceTitle, data, el, pathPart, replace, titleRow} from "./dom.js";
import {get} from "./api.js";
import {showProblem, waiting} from "./problem.js";
import {outcomeBadge, table, time} from "./tables.js";

const AGAIN = 10;
const PAGE = {delivery: "deliveries", demand: "deliveries", trip: "deliveries", quote: "deliveries", offer: "deliveries", robot: "robots", pilot: "pilots", event: "events"};
const LIST = {merchant: "merchant", error: "error"};

const hitAddress = (hit) => (LIST[hit.kind] ? `/sessions?${LIST[hit.kind]}=${encodeURIComponent(hit.id)}` : `/${PAGE[hit.kind]}/${pathPart(hit.id)}`);

export async function show(main, _, query) {
    const q = (query.get("q") ?? "").trim();
    document.getElementById("q").value = q;
    announceTitle("Search");
    if (q === "") return location.replace("/");
    const done = waiting(main, `what ${q} may be`);
    let found;
    try {
        found = await get("search", [], {q});
    } catch (error) {
        done();
        return showProblem(main, error, () => show(main, _, query));
    }
    done();
    if (found.go) return location.replace(hitAddress(found.go));
    if (found.results.length === 0) return nothing(main, found, () => show(main, _, query));
    replace(main, titleRow(["Found for ", data(found.query, 100)], "/search", `?${new URLSearchParams({q})}`, ["json"]),
        el("p", {class: "muted"}, {exact: "The id itself, of several kinds.", other_case: "Exact, in other case.", prefix: "Ids that begin so.", anywhere: "Ids that hold it somewhere."}[found.searched],
            !found.complete && " There may be more than are shown: add letters."),
        table("What was found", [
            ["id", (r) => el("a", {href: hitAddress(r)}, data(r.id, 100))],
            ["kind", (r) => (r.kind === "error" ? ["deliveries with the error ", data(r.id, 60)] : r.kind)],
            ["outcome", (r) => (r.outcome ? outcomeBadge(r.outcome) : "")],
            ["first event", (r) => (r.first_event_at ? time(r.first_event_at) : "")],
            ["merchant", (r) => (r.merchant_id ? data(r.merchant_id, 60) : "")],
        ], found.results));
}

/** Not there, or not there yet: it looks again by itself. */
function nothing(main, found, again) {
    const wait = el("span", {});
    replace(main, el("section", {class: "box notice"}, el("h1", {}, "Nothing found for ", data(found.query, 100)),
        el("p", {}, "No delivery, demand, trip, quote, offer, robot, pilot, merchant or event has an id that is, begins with or holds it, and no error has it as its code."),
        el("p", {}, found.newest_event_at ? ["The newest event known is of ", time(found.newest_event_at), ". If yours is newer, it has not arrived yet. "]
            : "The store is empty: nothing has been read into it yet. ", wait),
        el("p", {class: "actions"}, el("button", {type: "button", on: {click: again}}, "Look again"), el("a", {href: "/sessions"}, "The latest deliveries"))));
    let left = AGAIN;
    const tick = () => {
        if (!wait.isConnected) return;
        if (left === 0) return again();
        wait.textContent = `This page looks again in ${left} s.`;
        left -= 1;
        setTimeout(tick, 1000);
    };
    tick();
}
