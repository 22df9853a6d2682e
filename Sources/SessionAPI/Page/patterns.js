// The fills: three colours, then pattern. Colours are CSS variables, so light and dark need no new drawing.

import {svg} from "./dom.js";

/** In the order in which they are drawn. */
export const GROUPS = [
    {kind: "move", fill: "var(--work)", text: "working, moving"},
    {kind: "wait", fill: "url(#wait)", text: "working, waiting"},
    {kind: "idle", fill: "var(--surface)", text: "usable, idle"},
    {kind: "down", fill: "var(--down)", text: "down"},
    {kind: "unknown", fill: "url(#unknown)", text: "unknown"},
    {kind: "off", fill: "var(--off)", text: "off duty"},
    {kind: "other", fill: "url(#other)", text: "other state"},
];

function stripes(id, back, front, width = 6, angle = 45, line = 3) {
    return svg("pattern", {id, width, height: width, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${angle})`},
        svg("rect", {width, height: width, class: back}), svg("rect", {width: line, height: width, class: front}));
}

export function defineIn(drawing) {
    if (document.getElementById("wait")) return;
    drawing.append(svg("defs", {},
        stripes("wait", "f-work-pale", "f-work"), stripes("unknown", "f-down-pale", "f-down", 6, -45, 2.5),
        stripes("hatch", "f-none", "f-muted", 6, 45, 1.4),
        svg("pattern", {id: "other", width: 5, height: 5, patternUnits: "userSpaceOnUse"},
            svg("rect", {width: 5, height: 5, class: "f-surface"}), svg("circle", {cx: 2.5, cy: 2.5, r: 1, class: "f-text"})),
        svg("pattern", {id: "dots", width: 6, height: 6, patternUnits: "userSpaceOnUse"},
            svg("circle", {cx: 3, cy: 3, r: 0.9, class: "f-muted"}))));
}
