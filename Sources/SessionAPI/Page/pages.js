// Lists that come page by page: a button brings the next one, and what is there stays.

import {el, replace, say} from "./dom.js";
import {showProblem, waiting} from "./problem.js";
import {tellFreshness} from "./freshness.js";
import {count, plural} from "./time.js";

/** `read(cursor)` answers {rows, next}; `draw(rows)` makes the table of all rows so far. */
export async function pages(main, read, draw, first = () => {}) {
    const place = el("div", {});
    const more = el("p", {class: "more"});
    main.append(place, more);
    let rows = [];
    async function next(cursor) {
        const done = rows.length === 0 ? waiting(place, "the rows") : () => {};
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
        if (cursor) say(`${count(rows.length)} rows.`);
    }
    await next(undefined);
}
