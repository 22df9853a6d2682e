// Pointer and keys over the timeline. What is under the pointer is found by arithmetic: no listener per mark.

import {data, el, replace} from "./dom.js";
import {lowerBound, nearest} from "./model.js";
import {clock, duration, otherZone} from "./time.js";

/** What lies at a point: an error cluster before an event before a window before a state. */
export function hit(view, x, y) {
    const placed = view.lanes.find((p) => y >= p.y && y < p.y + p.height);
    if (!placed) return null;
    const {lane} = placed;
    const t = view.t(x);
    for (const c of placed.clusters ?? []) {
        if (Math.abs(c.x - x) <= 9 && y < placed.y + 24) {
            const events = lane.errorList.slice(c.first, c.first + c.count);
            return {kind: "errors", lane, events, event: events[0]};
        }
    }
    const n = nearest(lane.times, t);
    const inStates = lane.kind === "robot" && y >= placed.stateY - 2;
    if (n >= 0 && !inStates && Math.abs(view.x(lane.times[n]) - x) <= 6) {
        const same = view.k > 0 ? lowerBound(lane.times, view.t(view.x(lane.times[n]) + 1)) - lowerBound(lane.times, view.t(view.x(lane.times[n]) - 1)) : 1;
        return {kind: "event", lane, event: lane.list[n], more: Math.max(0, same - 1)};
    }
    const holds = (i) => i.from <= t && t < i.to;
    const state = inStates && lane.states.find(holds);
    if (state) return {kind: "state", lane, state, silence: lane.silences.find(holds)};
    const row = Math.floor((y - placed.windowY) / 15);
    const window = lane.windows.find((w) => holds(w) && w.row === row) ?? lane.windows.find(holds);
    return window ? {kind: "window", lane, window} : null;
}

function tipText(found) {
    if (found.kind === "errors" || found.kind === "event") {
        const e = found.event;
        const more = found.kind === "errors" ? found.events.length - 1 : found.more;
        return [el("strong", {}, data(e.event, 60)), " ", clock(e.t, "ms"), e.error_code && [el("br"), "▲ ", data(e.error_code, 60)],
            e.error_message && [" ", data(e.error_message, 80)], more > 0 && [el("br"), `and ${more} more here: click to zoom in`],
            el("br"), el("span", {class: "muted"}, otherZone(e.t))];
    }
    const i = found.kind === "state" ? found.state : found.window;
    const span = `${clock(i.from)} – ${i.open ? "still" : clock(i.to)}, ${duration((i.to - i.from) / 1000)}`;
    if (found.kind === "state") {
        return [el("strong", {}, data(i.state, 40)), i.reason && [" · ", data(i.reason, 60)], el("br"), span,
            found.silence && [el("br"), `silent: last heard ${clock(found.silence.from)}`]];
    }
    return [el("strong", {}, data(i.entity_id, 40)), i.inferred && " (inferred)", el("br"), span, el("br"),
        i.opened_by, " → ", i.end_reason ?? (i.open ? "open" : "–")];
}

export function attachInput(view) {
    const {plot, tip} = view;
    const local = (event) => {
        const box = view.body.getBoundingClientRect();
        return {x: event.clientX - box.left, y: event.clientY - box.top};
    };
    const hideTip = () => { tip.hidden = true; };

    function hover(event) {
        const {x, y} = local(event);
        view.pointerX = Math.round(x) + 0.5;
        const found = hit(view, x, y);
        plot.classList.toggle("over-mark", found !== null && ["event", "errors"].includes(found.kind));
        if (found) {
            replace(tip, tipText(found));
            tip.hidden = false;
            const host = view.root.getBoundingClientRect();
            const left = Math.min(event.clientX - host.left + 12, host.width - tip.offsetWidth - 4);
            tip.style.setProperty("left", `${Math.max(4, left)}px`);
            tip.style.setProperty("top", `${event.clientY - host.top + 16}px`);
        } else hideTip();
        view.ask();
    }

    /** Edges and events that a measured stretch snaps to. */
    function snap(x) {
        let best = {t: view.t(x), d: 6};
        const offer = (t) => {
            const d = Math.abs(view.x(t) - x);
            if (d < best.d) best = {t, d};
        };
        for (const {lane} of view.lanes) {
            const n = nearest(lane.times, view.t(x));
            if (n >= 0) offer(lane.times[n]);
            for (const w of lane.windows) { offer(w.from); offer(w.to); }
        }
        return best.t;
    }

    const pointers = new Map();
    let gesture = null;

    plot.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        pointers.set(event.pointerId, event);
        if (pointers.size === 2) {
            const [a, b] = [...pointers.values()].map((p) => local(p).x);
            gesture = {kind: "pinch", a: view.t(a), b: view.t(b)};
            return;
        }
        const {x} = local(event);
        gesture = event.shiftKey ? {kind: "measure", from: snap(x)} : {kind: "pan", x, u0: view.range(), moved: false};
        if (gesture.kind === "measure") view.measure = null;
    });
    addEventListener("pointermove", (event) => {
        if (!gesture || !pointers.has(event.pointerId)) return;
        pointers.set(event.pointerId, event);
        const {x} = local(event);
        if (gesture.kind === "measure") {
            view.measure = {from: gesture.from, to: snap(x)};
            view.ask();
        } else if (gesture.kind === "pinch" && pointers.size === 2) {
            const [a, b] = [...pointers.values()].map((p) => local(p).x);
            if (Math.abs(a - b) < 20) return;
            const per = (view.scale.u(gesture.b) - view.scale.u(gesture.a)) / (b - a);
            const u0 = view.scale.u(gesture.a) - a * per;
            view.show(view.scale.t(u0), view.scale.t(u0 + view.width * per));
        } else if (gesture.kind === "pan") {
            if (!gesture.moved && Math.abs(x - gesture.x) < 4) return;
            gesture.moved = true;
            hideTip();
            plot.classList.add("panning");
            view.pan(-(x - gesture.x) / view.width);
            gesture.x = x;
        }
    });
    const end = (event) => {
        if (!pointers.delete(event.pointerId) || !gesture) return;
        const {kind, moved} = gesture;
        gesture = null;
        plot.classList.remove("panning");
        if (event.type === "pointercancel" || kind !== "pan" || moved) return;
        if (view.measure) {
            view.measure = null;
            view.ask();
        }
        const {x, y} = local(event);
        const found = hit(view, x, y);
        if (!found) return view.on.nothing?.(view.t(x));
        found.t = view.t(x);
        if (found.kind === "errors" && found.events.length > 1) {
            const [a, b] = [found.events[0].t, found.events.at(-1).t];
            const edge = Math.max(500, (b - a) * 0.5);
            view.on.select(found.event);
            view.show(a - edge, b + edge);
        } else if (found.event) view.on.select(found.event);
        else view.on.detail(found);
    };
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);

    plot.addEventListener("pointermove", (event) => { if (!gesture && event.pointerType !== "touch") hover(event); });
    plot.addEventListener("pointerleave", () => {
        view.pointerX = null;
        hideTip();
        view.ask();
    });
    plot.addEventListener("dblclick", (event) => {
        const found = hit(view, local(event).x, local(event).y);
        const i = found?.window ?? found?.state;
        if (!i) return view.zoom(0.5, local(event).x);
        const edge = Math.max(1000, (i.to - i.from) * 0.05);
        view.show(i.from - edge, i.to + edge);
    });
    // A plain wheel scrolls the page: a timeline must not trap it.
    plot.addEventListener("wheel", (event) => {
        if (event.ctrlKey) view.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 200))), local(event).x);
        else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) view.pan((event.deltaX || event.deltaY) / view.width);
        else return;
        event.preventDefault();
    }, {passive: false});
    plot.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const far = event.shiftKey ? 4 : 1;
        const act = {
            ArrowLeft: () => view.pan(-0.1 * far), ArrowRight: () => view.pan(0.1 * far),
            ArrowUp: () => view.zoom(0.8 ** far), ArrowDown: () => view.zoom(1.25 ** far),
        }[event.key];
        if (!act) return;
        act();
        event.preventDefault();
    });
}
