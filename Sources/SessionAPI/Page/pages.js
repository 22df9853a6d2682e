// Lists that come page by page: a button brings the next one, and what is there stays.

import {data, el, replace, say} from "./dom.js";
import {get} from "./api.js";
import {showProblem, waiting} from "./problem.js";
import {tellFreshness} from "./freshness.js";
import {count, plural} from "./time.js";

/** Of an empty list: whether it is empty because nobody knows the robot, pilot or zone that was asked for. */
async function tellUnknown(place, {robot, pilot, zone, from, to}) {
    const said = [];
    for (const [kind, route, ids] of [["robot", "robots/{}", robot], ["pilot", "pilots/{}", pilot]]) {
        for (const id of [ids].flat().filter(Boolean)) {
            await get(route, [id]).catch((error) => { if (error.status === 404) said.push(["No ", kind, " is known as ", el("strong", {}, data(id, 80)), ". "]); });
        }
    }
    for (const id of [zone].flat().filter(Boolean)) {
        const told = await get("fleet/utilization", [], {by: "zone", bucket: "all", from, to}).catch(() => null);
        const names = told?.rows.map((r) => r.key).filter((name) => name !== null) ?? [];
        if (told && !names.includes(id)) said.push(noZone(id, names, (name) => `/fleet?${new URLSearchParams({zone: name})}`, from || to ? undefined : "the last 24 hours"));
    }
    if (said.length > 0) place.prepend(el("p", {}, said));
}

/** That no zone is known by a name, and which are. */
export const noZone = (id, names, address, when = "this range") => ["No zone is known as ", el("strong", {}, data(id, 80)), ` in ${when}. `, names.length > 0 && ["Known are ",
    names.map((name, n) => [n > 0 && ", ", el("a", {href: address(name)}, data(name, 60))]), ". "]];

/** `read(cursor)` answers {rows, next}; `draw(rows)` makes the table of all rows so far. `asked`: what the rows were asked by. */
export async function pages(main, read, draw, first = () => {}, asked = {}) {
    const place = el("div", {});
    const more = el("p", {class: "more"});
    main.append(place, more);
    let rows = [];
    async function next(cursor) {
        const done = rows.length === 0 ? waiting(place, "the rows") : () => {};
        // Nothing is left there that could ask for the same page again.
        if (cursor) replace(more, el("span", {class: "muted"}, "Reading more …"));
        let answer;
        try {
            answer = await read(cursor);
        } catch (error) {
            done();
            return showProblem(rows.length === 0 ? place : more, error, () => next(cursor));
        }
        done();
        if (answer.as_of) tellFreshness(answer.as_of);
        if (rows.length === 0) first(answer);
        rows = [...rows, ...answer.rows];
        replace(place, draw(rows));
        replace(more, answer.next ? el("button", {type: "button", on: {click: () => next(answer.next)}}, "Show more") : null,
            answer.next ? ` ${count(rows.length)} shown, and there are more.` : rows.length > 0 && el("span", {class: "muted"}, `${plural(rows.length, "row")}, all of them.`));
        if (rows.length === 0) await tellUnknown(place, asked);
        if (cursor) say(`${count(rows.length)} rows.`);
    }
    await next(undefined);
}
