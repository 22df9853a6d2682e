// The fills: three colours, then pattern: without colour each two differ in their pattern or by a ratio of 1.5.
// Colours are CSS variables, so light and dark need no new drawing.

import {svg} from "./dom.js";

/** In the order in which they are drawn. */
export const GROUPS = [
    {kind: "move", fill: "var(--work)", text: "working, moving"},
    {kind: "wait", fill: "url(#wait)", text: "working, waiting"},
    {kind: "idle", fill: "var(--surface)", text: "usable, idle"},
    {kind: "down", fill: "url(#down)", text: "down"},
    {kind: "unknown", fill: "url(#unknown)", text: "unknown"},
    {kind: "off", fill: "var(--off)", text: "off duty"},
    {kind: "other", fill: "url(#other)", text: "other state"},
];

function stripes(id, back, front, width = 6, angle = 45, line = 3) {
    return svg("pattern", {id, width, height: width, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${angle})`},
        svg("rect", {width, height: width, class: back}), svg("rect", {width: line, height: width, class: front}));
}

/** Puts them into the page, once: what is drawn anew later finds them still. */
export function definePatterns() {
    if (document.getElementById("wait")) return;
    document.body.append(svg("svg", {class: "quiet-label", width: 0, height: 0, "aria-hidden": "true"}, svg("defs", {},
        // Lying lines: the shortest bar shows them.
        stripes("down", "f-down", "f-on-down", 4, 90, 1),
        stripes("wait", "f-work-pale", "f-work"), stripes("unknown", "f-down-pale", "f-down", 6, -45, 2.5),
        stripes("hatch", "f-none", "f-muted", 6, 45, 1.4),
        svg("pattern", {id: "other", width: 5, height: 5, patternUnits: "userSpaceOnUse"},
            svg("rect", {width: 5, height: 5, class: "f-surface"}), svg("circle", {cx: 2.5, cy: 2.5, r: 1, class: "f-text"})),
        svg("pattern", {id: "dots", width: 6, height: 6, patternUnits: "userSpaceOnUse"},
            svg("circle", {cx: 3, cy: 3, r: 0.9, class: "f-muted"})))));
}
