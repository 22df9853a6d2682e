// The timeline stays in sight while the list scrolls; its lower edge can be dragged or moved by keys.

import {el} from "./dom.js";

export function resizable(box, timeline) {
    const edge = el("div", {class: "edge", role: "separator", tabindex: "0", "aria-orientation": "horizontal",
        "aria-label": "Height of the timeline", "aria-valuemin": 40, "aria-valuemax": 800});
    box.append(edge);
    const scroll = timeline.scroll;
    const set = (height) => {
        const wanted = Math.round(Math.max(0, Math.min(height, timeline.height + 2, innerHeight * 0.7)));
        box.style.setProperty("--lanes-height", `${wanted}px`);
        edge.setAttribute("aria-valuenow", wanted);
    };
    const told = () => document.documentElement.style.setProperty("--timeline-height", `${Math.round(box.offsetHeight)}px`);
    edge.setAttribute("aria-valuenow", Math.round(scroll.offsetHeight));
    new ResizeObserver(told).observe(box);
    told();
    edge.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        edge.setPointerCapture(event.pointerId);
        const start = {y: event.clientY, height: scroll.offsetHeight};
        const move = (e) => set(start.height + e.clientY - start.y);
        edge.addEventListener("pointermove", move);
        edge.addEventListener("pointerup", () => edge.removeEventListener("pointermove", move), {once: true});
    });
    edge.addEventListener("keydown", (event) => {
        const step = {ArrowUp: -24, ArrowDown: 24, Home: -9999, End: 9999}[event.key];
        if (step === undefined) return;
        set(scroll.offsetHeight + step);
        event.preventDefault();
    });
    edge.addEventListener("dblclick", () => set(scroll.offsetHeight > 60 ? 0 : timeline.height));
}
