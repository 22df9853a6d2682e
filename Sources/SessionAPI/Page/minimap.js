// The whole delivery in a strip: windows, errors, and which part the timeline shows.

import {svg} from "./dom.js";
import {boxes} from "./draw.js";
import {Scale} from "./scale.js";

const HEIGHT = 30;

export class Minimap {
    constructor(timeline) {
        this.timeline = timeline;
        this.parts = ["mini-robot", "mini-pilot", "mini-error"].map((name) => svg("path", {class: name}));
        this.seen = svg("rect", {class: "mini-seen", y: 0.5, height: HEIGHT - 1, rx: 3});
        this.svg = svg("svg", {class: "minimap", height: HEIGHT, "aria-hidden": "true"}, this.parts, this.seen);
        this.svg.addEventListener("pointerdown", (event) => this.#drag(event));
    }

    resize(width) {
        this.width = width;
        this.svg.setAttribute("width", width);
    }

    #scaleOf() {
        const {model, scale} = this.timeline;
        const a = model.from - (model.to - model.from) * 0.04;
        const b = model.to + (model.to - model.from) * 0.064;
        if (this.key !== `${a} ${b} ${scale.gaps.length}`) {
            this.key = `${a} ${b} ${scale.gaps.length}`;
            this.scale = new Scale(a, b, scale.gaps);
        }
        const from = this.scale.u(a);
        const k = this.width / (this.scale.u(b) - from);
        return {x: (t) => (this.scale.u(t) - from) * k, t: (x) => this.scale.t(from + x / k)};
    }

    draw() {
        const {model} = this.timeline;
        if (!this.width || !model) return;
        const {x} = this.#scaleOf();
        const drawn = `${this.key} ${this.width} ${model.events.length} ${model.windows.length}`;
        if (drawn !== this.drawn) {
            this.drawn = drawn;
            const lanes = model.lanes.filter((l) => l.kind !== "delivery");
            const step = Math.min(7, (HEIGHT - 10) / Math.max(1, lanes.length));
            const of = (kind) => lanes.map((l, n) => (l.kind === kind ? boxes(l.windows, x, this.width, 9 + n * step, Math.max(1.5, step - 1.5)) : "")).join("");
            this.parts[0].setAttribute("d", of("robot"));
            this.parts[1].setAttribute("d", of("pilot"));
            let last = -9;
            this.parts[2].setAttribute("d", model.errors.map((e) => Math.round(x(e.t))).filter((at) => (at - last < 3 ? false : ((last = at), true)))
                .map((at) => `M${at - 4} 8h8l-4 -7z`).join(""));
        }
        const {from, to} = this.timeline.range();
        const a = Math.max(0.5, x(from));
        const b = Math.min(this.width - 0.5, x(to));
        this.seen.setAttribute("x", Math.min(a, this.width - 6));
        this.seen.setAttribute("width", Math.max(5, b - a));
    }

    #drag(event) {
        event.preventDefault();
        const {t} = this.#scaleOf();
        const at = (e) => t(e.clientX - this.svg.getBoundingClientRect().left);
        const {from, to} = this.timeline.range();
        const start = at(event);
        const inside = start >= from && start <= to;
        const move = (e) => {
            if (inside && !this.timeline.isFitted()) this.timeline.show(from + at(e) - start, to + at(e) - start);
            else if (Math.abs(at(e) - start) > 1000) this.timeline.show(Math.min(start, at(e)), Math.max(start, at(e)));
        };
        const done = () => {
            removeEventListener("pointermove", move);
            removeEventListener("pointerup", done);
        };
        addEventListener("pointermove", move);
        addEventListener("pointerup", done);
    }
}
