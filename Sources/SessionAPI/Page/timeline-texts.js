// The words in the drawing: milestones, end reasons, states. Only where they fit, the more telling ones first.

import {visible} from "./dom.js";
import {diamonds, placeLabels} from "./draw.js";

const STEP = 15;

export function textsOf(view, placed) {
    const {lane} = placed;
    const texts = [];
    if (lane.kind === "delivery") {
        const seen = view.model.milestones.filter((m) => view.x(m.t) > -6 && view.x(m.t) < view.width + 6);
        const last = seen.filter((m) => m.t === view.model.end);
        placed.milestone.setAttribute("d", diamonds(seen.filter((m) => m.t !== view.model.end).map((m) => view.x(m.t)), placed.markY));
        placed.terminal.setAttribute("d", diamonds(last.map((m) => view.x(m.t)), placed.markY, 6.5));
        placed.terminal.setAttribute("class", `terminal ${view.model.session.outcome}`);
        for (const p of placeLabels(seen.map((m) => ({x: view.x(m.t) - 4, text: m.label})), 2, view.width)) {
            texts.push({x: p.x, y: placed.y + 35 + p.row * 12, text: p.text, class: "milestone-text", anchor: p.anchor});
        }
    }
    for (const w of lane.windows) {
        const a = Math.max(0, view.x(w.from));
        const b = Math.min(view.width, view.x(w.to));
        const y = placed.windowY + w.row * STEP + 10;
        if (b < 0 || a > view.width) continue;
        if (w.name) {
            if (b - a > w.name.length * 6.4 + 6) texts.push({x: a + 3, y, text: visible(w.name, 30), class: "window-text"});
            continue;
        }
        const end = w.end_reason ?? (w.open ? "open" : "");
        const free = lane.windows.every((o) => o === w || o.row !== w.row || view.x(o.from) > view.x(w.to) + end.length * 6.4 + 6 || o.from < w.from);
        if (free && view.x(w.to) + end.length * 6.4 + 6 < view.width) texts.push({x: view.x(w.to) + 4, y, text: end, class: "end-text"});
        else if (b - a > end.length * 6.4 + 60) texts.push({x: b - 4, y, text: end, class: "end-text halo", anchor: "end"});
    }
    for (const s of lane.states) {
        const a = Math.max(0, view.x(s.from));
        const b = Math.min(view.width, view.x(s.to));
        const served = lane.windows.some((w) => w.from < s.to && w.to > s.from && Math.min(b, view.x(w.to)) - Math.max(a, view.x(w.from)) > (b - a) / 2);
        const full = s.reason ? `${s.state} · ${visible(s.reason, 24)}` : s.state;
        const text = [full, s.state].find((w) => b - a > w.length * 6.1 + 6);
        if (text && texts.length < 70) texts.push({x: a + 4, y: placed.stateY + placed.strip / 2 + 3.5, text, class: `state-text ${s.kind}${served || lane.whole ? "" : " out"}`});
    }
    return texts;
}
