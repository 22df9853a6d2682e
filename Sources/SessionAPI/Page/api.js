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

export async function fetchJSON(url, options = {}) {
    const response = await ask(url, options);
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

export async function signIn(token) {
    const response = await fetch(BASE + "sign-in", {method: "POST", headers: {Authorization: "Bearer " + token}});
    if (!response.ok) throw await asProblem(response);
}

export async function signOut() {
    await fetch(BASE + "sign-out", {method: "POST"});
}

export const streamAddress = (id) => address("deliveries/{}/stream", [id]);
