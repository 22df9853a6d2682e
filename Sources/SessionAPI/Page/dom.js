// Elements without HTML strings. Text that came from events goes through `data()`: isolated, controls made visible.

import {mayOpen} from "./api.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element: `el("a", {href: "/", class: "x", on: {click: f}}, "text", child)`. Nothing is ever parsed as HTML. */
export function el(tag, properties, ...children) {
    // A link to what would be refused is its text.
    if (tag === "a" && properties?.href && !mayOpen(properties.href)) return fill(document.createElement("span"), {class: properties.class}, children);
    return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties, ...children) {
    return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(node, properties, children) {
    for (const [name, value] of Object.entries(properties ?? {})) {
        if (value === undefined || value === null || value === false) continue;
        if (name === "on") {
            for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
        } else if (name === "vars") {
            for (const [key, number] of Object.entries(value)) node.style.setProperty(key, number);
        } else {
            node.setAttribute(name, value === true ? "" : String(value));
        }
    }
    add(node, children);
    return node;
}

export function add(node, children) {
    for (const child of [children].flat(Infinity)) {
        if (child === null || child === undefined || child === false) continue;
        node.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return node;
}

export function replace(node, ...children) {
    node.replaceChildren();
    return add(node, children);
}

// C0 and C1 controls (a line feed and a tab too), zero-width and bidi characters, lone surrogates.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const UNSEEN_BUT_LINES = new RegExp(UNSEEN.source.replace("\\u0000-\\u001f", "\\u0000-\\u0008\\u000b-\\u001f"), "g");

/** Text as it is, with what one cannot see, or what reorders the text around it, as `\u202e`. */
export function visible(text, most = 400, keepLines = false) {
    const long = text.length > most;
    const kept = long ? text.slice(0, most) : text;
    const shown = kept.replace(keepLines ? UNSEEN_BUT_LINES : UNSEEN,
        (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
    return long ? shown + "…" : shown;
}

/** Untrusted text in its own direction. */
export function data(text, most = 400) {
    return el("bdi", {}, visible(String(text), most));
}

/** An id as a part of a page's address: a slash in it is encoded, and the dot of what would be taken for a form of data. */
export const pathPart = (id) => encodeURIComponent(id).replace(/\.(json|csv)$/, "%2E$1");

/** Links to the same as data, at the page's own address. `path`: without ending; `query`: from its question mark on. */
export function forms(path, query = "", kinds = ["json", "csv"]) {
    return el("span", {class: "forms"}, kinds.map((kind) => el("a", {href: `${path}.${kind}${query}`, class: `as-${kind}`, title: `The same as ${kind.toUpperCase()}`}, kind.toUpperCase())));
}

/** A page's title, beside it the same as data. */
export function titleRow(title, path, query, kinds) {
    return el("div", {class: "title-row"}, el("h1", {}, title), el("span", {class: "title-actions"}, forms(path, query, kinds)));
}

/** A link to a page of ours; the id is percent-encoded, also a slash in it. */
export function link(kind, id, text, rest = "", properties = {}) {
    return el("a", {href: `/${kind}/${pathPart(id)}${rest}`, ...properties}, text ?? data(id, 80));
}

/** The page of a session: `delivery:D-1` is asked for as `D-1`, the others by their whole name. */
export function sessionLink(id, text, rest = "") {
    const plain = id.startsWith("delivery:") ? id.slice(9) : id;
    return link("deliveries", plain, text, rest);
}

/** Draws a part anew without taking the focus from what has it: the same element, counted, has it afterwards. */
export function keepFocus(place, draw) {
    const all = () => [...place.querySelectorAll("a, button, input, summary")];
    const at = all().indexOf(document.activeElement);
    draw();
    if (at >= 0) (all()[at] ?? all().at(-1))?.focus({preventScroll: true});
}

/** Says something to a screen reader, once, without moving anything. */
export function say(text) {
    const place = document.getElementById("said");
    place.textContent = "";
    setTimeout(() => { place.textContent = text; }, 50);
}

/** A short note at the foot of the page that goes away by itself; said too. */
export function toast(text) {
    document.querySelector(".toast")?.remove();
    const note = el("div", {class: "toast", "aria-hidden": "true"}, text);
    document.body.append(note);
    say(text);
    setTimeout(() => note.remove(), 4000);
}

/** The page's title. An id only once it was answered for: before that nobody may be signed in. */
export function announceTitle(text) {
    document.title = `${visible(text, 80)} · Sessionizer`;
}
