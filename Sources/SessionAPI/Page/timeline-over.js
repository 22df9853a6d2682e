// What lies over the lanes: the pointer's line, the selected instant, a measured stretch.

import {duration} from "./time.js";

export function drawOver(view) {
    const [cursor, chosen, ring, measure, text] = view.over.childNodes;
    const line = (node, x) => {
        node.setAttribute("visibility", x === null ? "hidden" : "visible");
        if (x === null) return;
        for (const [name, value] of [["x1", x], ["x2", x], ["y1", 0], ["y2", view.height]]) node.setAttribute(name, value);
    };
    line(cursor, view.pointerX ?? null);
    const lane = view.selected && view.lanes.find((p) => p.lane.id === view.selected.lane);
    line(chosen, view.selected ? Math.round(view.x(view.selected.t)) + 0.5 : null);
    ring.setAttribute("visibility", lane ? "visible" : "hidden");
    if (lane) {
        ring.setAttribute("cx", view.x(view.selected.t));
        ring.setAttribute("cy", view.selected.is_error ? lane.y + 9 : lane.markY + 3);
    }
    const m = view.measure;
    for (const node of [measure, text]) node.setAttribute("visibility", m ? "visible" : "hidden");
    if (!m) return;
    const [a, b] = [view.x(m.from), view.x(m.to)].sort((p, q) => p - q);
    for (const [name, value] of [["x", a], ["width", Math.max(1, b - a)], ["y", 0], ["height", view.height]]) measure.setAttribute(name, value);
    text.setAttribute("x", Math.min(view.width - 80, Math.max(4, (a + b) / 2 - 24)));
    text.setAttribute("y", 14);
    text.textContent = duration(Math.abs(m.to - m.from) / 1000);
}
