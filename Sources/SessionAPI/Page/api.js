// Questions to the service. Whatever goes wrong becomes a `Problem`: what, and what to do.

const BASE = "/analytics/v1/";

/** A parameter whose value is the empty text (`reason=`: none given); a plain "" is left out. */
const EMPTY = Symbol("empty");
export const meant = (text) => (text === "" ? EMPTY : text);

export class Problem extends Error {
    constructor(document, status, retryAfter = null) {
        super(document.title);
        this.document = document;
        this.status = status;
        this.retryAfter = retryAfter;
    }
}

/** `get("deliveries", ["D-1"], {limit: 5})`: path parts are percent-encoded, absent parameters left out. */
export function address(route, ids = [], parameters = {}) {
    let path = route;
    for (const id of ids) path = path.replace("{}", encodeURIComponent(id));
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) {
        for (const one of [value].flat()) {
            if (one === EMPTY) query.append(name, "");
            else if (one !== null && one !== undefined && one !== "") query.append(name, one);
        }
    }
    const text = query.toString();
    return BASE + path + (text ? "?" + text : "");
}

export async function get(route, ids, parameters, options = {}) {
    return fetchJSON(address(route, ids, parameters), options);
}

/** What is drawn of an answer depends on who reads: on the first page of a tab that is asked at the same time. */
export async function fetchJSON(url, options = {}) {
    const [response] = await Promise.all([ask(url, options), readerKnown()]);
    return response.json();
}

export async function fetchText(url) {
    return (await ask(url)).text();
}

async function ask(url, options = {}) {
    let response;
    try {
        response = await (takeEarly(url, options) ?? fetch(url, {credentials: "same-origin", ...options}));
    } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new Problem({
            title: "The service does not answer", detail: `No answer to ${url}.`,
            hint: "Is it running, and is the network there? This page tries again by itself.",
        }, 0, 5);
    }
    if (response.ok) return response;
    throw await asProblem(response);
}

/** What `early.js` has asked for already, once. */
function takeEarly(url, options) {
    const {early} = globalThis;
    if (early?.url !== url || options.signal) return null;
    globalThis.early = null;
    return early.answer;
}

async function asProblem(response) {
    const retryAfter = Number(response.headers.get("Retry-After")) || (response.status === 503 ? 5 : null);
    let document = null;
    try {
        document = await response.json();
    } catch {
        // No problem document: a proxy's answer, perhaps.
    }
    if (typeof document?.title !== "string") {
        document = {
            title: `The service answered ${response.status}`, detail: response.statusText,
            hint: "It may be a proxy's answer and not the service's own: its log tells more.",
        };
    }
    document.request_id ??= response.headers.get("X-Request-Id");
    return new Problem(document, response.status, retryAfter);
}

// MARK: who reads

const READER = "sessionizer.reader";
/** Which pages need which route; all others are for everybody. */
const NEEDS = [
    [/^\/robots\/./, "robot"], [/^\/robots/, "robots"], [/^\/pilots\//, "pilot"], [/^\/fleet/, "utilization"], [/^\/downtime/, "downtimeIntervals"], [/^\/states/, "fleetStates"], [/^\/windows/, "fleetWindows"], [/^\/errors/, "fleetErrors"], [/^\/failures/, "failures"],
    [/^\/reliability/, "reliability"], [/^\/quality/, "quality"], [/^\/orphans/, "orphans"], [/^\/rejected/, "rejected"], [/^\/audit/, "audit"],
    [/^\/analytics\/v1\/incidents\/export/, "export"], [/^\/analytics\/v1\/events\/.*\/payload/, "eventPayload"],
];
let reader = null;
let refused = [];
let asking = null;

/** Kept for the tab, so that the next page knows before it draws anything. */
function remember(me, keep = true) {
    reader = me;
    refused = me ? NEEDS.filter(([, route]) => !me.routes.includes(route)) : [];
    if (!keep) return;
    try {
        if (me) sessionStorage.setItem(READER, JSON.stringify(me));
        else sessionStorage.removeItem(READER);
    } catch {
        // A browser without storage: then each page asks first.
    }
}

try {
    remember(JSON.parse(sessionStorage.getItem(READER)), false);
} catch {
    // As if it were not known.
}

/** Who reads, and which routes they may ask: asked once a page. */
export function whoReads() {
    asking ??= ask(address("me")).then((response) => response.json()).then((me) => {
        remember(me);
        return me;
    }, (error) => {
        asking = null;
        if (error.status === 401) remember(null);
        throw error;
    });
    return asking;
}

/** When it is known what to offer; a service that does not say so within a second keeps no page waiting. */
export async function readerKnown() {
    if (reader) return;
    await Promise.race([whoReads().catch(() => {}), new Promise((resolve) => { setTimeout(resolve, 1000); })]);
}

/** Whether the reader may open an address of ours; as long as nothing is known of the reader, all. */
export function mayOpen(href) {
    if (refused.length === 0) return true;
    const path = href.split(/[?#]/)[0];
    const needs = NEEDS.find(([pattern]) => pattern.test(path));
    return !refused.includes(needs);
}

export async function signIn(token) {
    const response = await fetch(BASE + "sign-in", {method: "POST", headers: {Authorization: "Bearer " + token}});
    if (!response.ok) throw await asProblem(response);
    remember(null);
}

export async function signOut() {
    remember(null);
    await fetch(BASE + "sign-out", {method: "POST"});
}

export const streamAddress = (id) => address("deliveries/{}/stream", [id]);
