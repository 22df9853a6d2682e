// When something is missing or wrong: what, since when, what to do. Never a bare spinner, never an empty box.

import {el, data, link, replace} from "./dom.js";
import {Problem, signIn} from "./api.js";
import {clock, plural} from "./time.js";
import {sessionsTable} from "./tables.js";

/** A box that says what is not there and what to do. */
export function notice(title, detail, actions = [], kind = "notice") {
    return el("section", {class: `box ${kind}`}, el("h2", {}, title), detail && el("p", {}, detail),
        actions.length > 0 && el("p", {class: "actions"}, actions));
}

/** The service speaks to programs too: what it tells them to do, in the words of somebody who looks at a page. */
const OURS = [
    [/^See \/openapi\.json.*$/, "Choose something else, or open the page without it."], ["`search?q=` finds ids by a part of them", "the search above finds ids by a part of them"],
    [/^Send `Authorization.*$/, "Enter the token that you were given."], ["with the request_id", "with the number of the request below"], ["; /readyz says what is missing", ""],
    [/^Ask for one of `choices` by its session_id\.$/, "Choose one of them."], [/^Take `next` of the page before.*$/, "Open the list from its beginning."], [/`([^`]*)`/g, "“$1”"],
];
const inOurWords = (text) => OURS.reduce((said, [theirs, ours]) => said.replace(theirs, ours), text);

/** Shows a problem in place; with `again` it offers to try again, and does so by itself where it may pass. */
export function showProblem(place, error, again) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Problem)) {
        console.error(error);
        error = new Problem({title: "This page made a mistake", detail: String(error.message),
            hint: "Please report it with the address of this page."}, -1);
    }
    const problem = {...error.document};
    const wrong = problem.errors ?? [];
    // What each parameter has is listed: not twice.
    if (wrong.length > 0) Object.assign(problem, {title: "What the address asks for cannot be answered", detail: null});
    if (error.status === 401) return replace(place, signInBox(problem, place));
    const passing = [0, 429, 503].includes(error.status) && again;
    const wait = el("span", {});
    const box = el("section", {class: "box problem", role: "alert"},
        el(heading(place), {}, data(problem.title)),
        problem.detail && el("p", {}, data(inOurWords(problem.detail), 1000)),
        wrong.length > 0 && el("ul", {}, wrong.map((e) => el("li", {}, el("strong", {}, data(e.parameter)), ": ", data(inOurWords(e.problem))))),
        problem.hint && el("p", {}, el("strong", {}, "What to do: "), data(inOurWords(problem.hint), 1000), wrong.length > 0 && location.search !== "" && [" ", el("a", {href: location.pathname}, "The page without it")]),
        (problem.near ?? []).length > 0 && el("p", {}, "Ids like it: ",
            problem.near.map((id, n) => [n > 0 && ", ", link("deliveries", id)])),
        (problem.choices ?? []).length > 0 && sessionsTable(problem.choices, "The sessions it stands for"),
        el("p", {class: "muted"}, error.status > 0 && `Status ${error.status}`,
            problem.request_id && [" · request ", el("code", {}, data(problem.request_id))], ` · ${clock(Date.now())}`, wait),
        again && el("p", {class: "actions"}, el("button", {type: "button", on: {click: again}}, "Try again")));
    replace(place, box);
    if (passing) countDown(wait, error.retryAfter ?? 5, box, again);
}

function countDown(place, seconds, box, again) {
    const tick = () => {
        if (!box.isConnected) return;
        if (seconds <= 0) return again();
        place.textContent = ` · trying again in ${plural(seconds, "second")}`;
        seconds -= 1;
        setTimeout(tick, 1000);
    };
    tick();
}

/** While an answer is under way: nothing for 300 ms (most answers are there), then words. */
export function waiting(place, what) {
    const note = el("p", {class: "waiting muted", "aria-live": "polite"});
    replace(place, note);
    const said = setTimeout(() => { note.textContent = `Reading ${what} …`; }, 300);
    const slow = setTimeout(() => { note.textContent = `Still reading ${what}: the store takes longer than usual.`; }, 4000);
    return () => { clearTimeout(said); clearTimeout(slow); note.remove(); };
}

/** The page's first heading, where it has none yet. */
const heading = (place) => ([...document.querySelectorAll("h1")].some((h) => !place.contains(h)) ? "h2" : "h1");

function signInBox(problem, place) {
    const field = el("input", {id: "token", type: "password", autocomplete: "current-password", required: true, size: 40});
    const told = el("p", {role: "alert"});
    const form = el("form", {on: {submit: async (event) => {
        event.preventDefault();
        try {
            await signIn(field.value.trim());
            location.reload();
        } catch (error) {
            replace(told, data(error.document?.detail ?? "It did not work."));
        }
    }}}, el("label", {for: "token"}, "Token"), " ", field, " ", el("button", {type: "submit"}, "Sign in"), told);
    return el("section", {class: "box"}, el(heading(place), {}, "Sign in"),
        el("p", {}, data(inOurWords(problem.detail ?? "This service answers only those it knows."))),
        problem.hint && el("p", {class: "muted"}, data(inOurWords(problem.hint))), form,
        el("p", {class: "muted"}, "The token is exchanged for a cookie and not kept in this browser. What you look at is recorded."));
}
