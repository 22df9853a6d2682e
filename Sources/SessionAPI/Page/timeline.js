// The drawn timeline: lanes of a delivery on one time scale. A handful of paths a lane; nothing is created while panning.

import {el, svg, replace} from "./dom.js";
import {apart, boxes, clusters, splitBy, tickMarks, triangles} from "./draw.js";
import {quietGaps, Scale, ticks} from "./scale.js";
import {summary} from "./model.js";
import {clock, day, duration, zoneName} from "./time.js";
import {definePatterns, GROUPS} from "./patterns.js";
import {attachInput} from "./timeline-input.js";
import {drawOver} from "./timeline-over.js";
import {textsOf} from "./timeline-texts.js";
import {Minimap} from "./minimap.js";

const TOP = 6;
const WINDOW = 13;
const STATE = 13;
const DELIVERY = 50;

export class Timeline {
    /** `on`: {select(event), view(), detail({kind, …}), lanes()} */
    constructor(host, on) {
        this.on = on;
        this.hidden = new Set();
        this.selected = null;
        this.fold = true;
        this.axis = svg("svg", {class: "axis", "aria-hidden": "true", height: 26});
        this.body = svg("svg", {class: "lanes", role: "img"});
        definePatterns();
        this.labels = el("div", {class: "lane-labels"});
        this.tip = el("div", {class: "tip", "aria-hidden": "true", hidden: true});
        this.plot = el("div", {class: "plot", tabindex: "0", role: "group",
            "aria-label": "Timeline"}, this.body);
        this.minimap = new Minimap(this);
        this.scroll = el("div", {class: "tl-scroll"}, this.labels, this.plot);
        this.zoneCell = el("div", {class: "lane-corner muted"});
        this.root = el("div", {class: "tl-grid"}, el("div", {class: "lane-corner muted"}, "all of it"), this.minimap.svg,
            this.zoneCell, this.axis, this.scroll, this.tip);
        host.append(this.root);
        host.view = this;
        this.width = 600;
        new ResizeObserver(() => this.#resize()).observe(this.plot);
        attachInput(this);
    }

    setModel(model) {
        const first = !this.model;
        this.model = model;
        this.#scaleAnew();
        this.#layOut();
        this.zoneCell.textContent = zoneName(model.from);
        this.body.setAttribute("aria-label", summary(model));
        if (first) this.fit(false);
        this.draw();
    }

    #scaleAnew() {
        const all = this.model.events.map((e) => e.t).concat(this.model.windows.flatMap((w) => (w.open ? [w.from] : [w.from, w.to])));
        all.sort((a, b) => a - b);
        const {from, to} = this.model;
        this.scale = new Scale(this.model.domain.from, this.model.domain.to, this.fold ? quietGaps(all, from, to) : []);
    }

    setFold(fold) {
        const {from, to} = this.range();
        this.fold = fold;
        this.#scaleAnew();
        this.show(from, to);
    }

    // MARK: what is seen

    get k() { return this.width / (this.u1 - this.u0); }
    x = (t) => (this.scale.u(t) - this.u0) * this.k;
    t = (x) => this.scale.t(this.u0 + x / this.k);
    range() { return {from: this.scale.t(this.u0), to: this.scale.t(this.u1)}; }

    show(from, to) {
        this.#view(this.scale.u(from), this.scale.u(to));
    }

    #view(u0, u1) {
        const whole = {from: this.scale.u(this.model.domain.from), to: this.scale.u(this.model.domain.to)};
        const size = Math.min(Math.max(u1 - u0, 20), (whole.to - whole.from) * 1.02);
        const middle = (u0 + u1) / 2;
        const low = whole.from - size * 0.01;
        const high = whole.to + size * 0.01 - size;
        this.u0 = Math.min(Math.max(middle - size / 2, low), Math.max(low, high));
        this.u1 = this.u0 + size;
        this.ask();
        this.on.view();
    }

    fit(tell = true) {
        const a = this.scale.u(this.model.from);
        const b = this.scale.u(this.model.to);
        const edge = Math.max(500, (b - a) * 0.04);
        this.u0 = a - edge;
        this.u1 = b + edge * 1.6;
        this.ask();
        if (tell) this.on.view();
    }

    isFitted() {
        const {from, to} = this.model;
        return this.range().from <= from && this.range().to >= to && this.range().to - this.range().from < (to - from) * 1.5 + 2000;
    }

    zoom(factor, x = this.width / 2) {
        const u = this.u0 + x / this.k;
        const size = (this.u1 - this.u0) * factor;
        const share = x / this.width;
        this.#view(u - size * share, u + size * (1 - share));
    }

    pan(share) {
        const d = (this.u1 - this.u0) * share;
        this.#view(this.u0 + d, this.u1 + d);
    }

    /** Brings an instant into view without changing the zoom, if it is not in it. */
    reveal(t) {
        const u = this.scale.u(t);
        const size = this.u1 - this.u0;
        if (u < this.u0 + size * 0.03 || u > this.u1 - size * 0.03) this.#view(u - size / 2, u + size / 2);
    }

    select(event) {
        this.selected = event;
        if (event) this.reveal(event.t);
        this.ask();
    }

    setHidden(lanes) {
        this.hidden = new Set(lanes);
        this.#layOut();
        this.ask();
    }

    // MARK: lanes

    #layOut() {
        let y = 0;
        this.lanes = this.model.lanes.filter((l) => !this.hidden.has(l.id)).map((lane) => {
            const strip = lane.tall ? STATE + 9 : STATE;
            const states = lane.kind === "robot" ? strip + 4 : 0;
            const height = lane.kind === "delivery" ? DELIVERY : Math.max(36, TOP + 6 + lane.rows * (WINDOW + 2) + states + 5);
            const placed = {lane, y, height, strip, windowY: y + TOP + 6, stateY: y + height - strip - 5};
            y += height;
            return placed;
        });
        this.height = y;
        this.body.setAttribute("height", y);
        this.body.querySelectorAll("g.lane").forEach((g) => g.remove());
        for (const placed of this.lanes) this.body.append(this.#laneParts(placed));
        this.over ??= svg("g", {class: "over"}, svg("line", {class: "cursor"}), svg("line", {class: "chosen"}),
            svg("circle", {class: "chosen-ring", r: 8}), svg("rect", {class: "measure", width: 0, height: 0}), svg("text", {class: "measure-text"}));
        this.body.append(this.over);
        replace(this.labels, this.lanes.map((p) => this.on.label(p)));
    }

    #laneParts(placed) {
        const {lane, y, height} = placed;
        const path = (name, properties) => (placed[name] = svg("path", {class: name, ...properties}));
        const parts = [svg("line", {class: "lane-line", x1: 0, x2: 9999, y1: y + height - 0.5, y2: y + height - 0.5})];
        for (const {kind, fill} of lane.states.length ? GROUPS : []) {
            if (!lane.states.some((s) => s.kind === kind)) continue;
            const ofKind = lane.states.filter((s) => s.kind === kind);
            const {inside, outside} = lane.whole ? {inside: ofKind, outside: []} : splitBy(ofKind, lane.windows);
            placed.states ??= [];
            for (const [list, where] of [[inside, "in"], [outside, "out"]]) {
                if (list.length === 0) continue;
                const drawn = svg("path", {class: `state ${kind} ${where}`, fill});
                placed.states.push({list, path: drawn});
                parts.push(drawn);
            }
        }
        if (lane.silences.length) parts.push(path("silence-back"), path("silence", {fill: "url(#hatch)"}));
        const open = lane.windows.filter((w) => w.open);
        placed.closed = lane.windows.filter((w) => !w.inferred);
        placed.inferred = lane.windows.filter((w) => w.inferred);
        placed.open = open.map((w) => ({...w, from: w.to, to: w.expires}));
        if (placed.closed.length) parts.push(path("window"));
        if (placed.inferred.length) parts.push(path("window-inferred"));
        if (open.length) parts.push(path("window-open", {fill: "url(#hatch)"}));
        parts.push(path("ticks"));
        if (lane.kind === "delivery") parts.push(path("milestone"), path("terminal"));
        placed.texts = svg("g", {class: "texts"});
        parts.push(placed.texts);
        if (lane.errorTimes.length) parts.push(path("errors"));
        return svg("g", {class: `lane ${lane.kind}`, "data-lane": lane.id}, parts);
    }

    #resize() {
        const width = Math.floor(this.plot.clientWidth);
        if (width === this.width || width < 20) return;
        this.width = width;
        for (const s of [this.axis, this.body]) s.setAttribute("width", width);
        this.minimap.resize(width);
        if (this.model) this.draw();
    }

    // MARK: drawing

    ask() {
        if (this.frame) return;
        this.frame = requestAnimationFrame(() => this.draw());
    }

    draw() {
        cancelAnimationFrame(this.frame);
        this.frame = null;
        const began = performance.now();
        for (const placed of this.lanes) this.#drawLane(placed);
        this.#drawAxis();
        drawOver(this);
        this.minimap.draw();
        this.lastRedraw = performance.now() - began;
        if (!this.drawnOnce) {
            this.drawnOnce = true;
            performance.mark("timeline-drawn");
        }
    }

    #drawLane(placed) {
        const {lane, y} = placed;
        const {x, t, width} = this;
        const row = (w) => placed.windowY + w.row * (WINDOW + 2);
        for (const s of placed.states ?? []) s.path.setAttribute("d", boxes(s.list, x, width, placed.stateY, placed.strip));
        if (placed.silence) {
            const d = boxes(lane.silences, x, width, placed.stateY, placed.strip);
            placed.silence.setAttribute("d", d);
            placed["silence-back"].setAttribute("d", d);
        }
        placed.window?.setAttribute("d", boxes(placed.closed, x, width, row, WINDOW));
        placed["window-inferred"]?.setAttribute("d", boxes(placed.inferred, x, width, row, WINDOW));
        placed["window-open"]?.setAttribute("d", boxes(placed.open, x, width, row, WINDOW));
        placed.markY = lane.kind === "delivery" ? y + 17 : placed.windowY + 3;
        placed.ticks.setAttribute("d", tickMarks(lane.times, x, t, width, placed.markY - (lane.kind === "delivery" ? 4 : 0), 8));
        if (lane.errorTimes.length) {
            placed.clusters = clusters(lane.errorTimes, x, t, width);
            placed.errors.setAttribute("d", triangles(placed.clusters, lane.kind === "delivery" ? y + 8 : y + 9));
        }
        this.#fillTexts(placed.texts, textsOf(this, placed));
    }

    /** Text elements are kept and used again: no element is made while panning, but where there are more texts. */
    #fillTexts(group, texts) {
        const pool = group.childNodes;
        while (pool.length < texts.length) group.append(svg("text", {}));
        while (pool.length > texts.length + 12) group.lastChild.remove();
        for (let i = 0; i < pool.length; i++) {
            const text = texts[i];
            pool[i].setAttribute("visibility", text ? "visible" : "hidden");
            if (!text) continue;
            pool[i].setAttribute("x", Math.round(text.x));
            pool[i].setAttribute("y", text.y);
            pool[i].setAttribute("class", text.class ?? "");
            pool[i].setAttribute("text-anchor", text.anchor ?? "start");
            if (pool[i].textContent !== text.text) pool[i].textContent = text.text;
        }
    }

    #drawAxis() {
        this.axisParts ??= {lines: svg("path", {class: "axis-lines"}), gaps: svg("path", {class: "gap", fill: "url(#dots)"}), texts: svg("g", {})};
        if (!this.axis.firstChild) this.axis.append(this.axisParts.lines, this.axisParts.texts);
        const {from, to} = this.range();
        const offset = zoneName().startsWith("UTC") ? 0 : -new Date(from).getTimezoneOffset() * 60_000;
        const {step, all} = ticks(from, to, this.width, this.width < 500 ? 72 : 92, offset);
        const digits = step < 1000 ? "ms" : step < 60_000 ? "s" : "m";
        const shown = all.filter((t) => this.x(t) > 2 && this.x(t) < this.width - 30);
        const spaced = shown.filter((t, n) => n === 0 || this.x(t) - this.x(shown[n - 1]) > 40);
        this.axisParts.lines.setAttribute("d", spaced.map((t) => `M${Math.round(this.x(t)) + 0.5} 18v8`).join(""));
        const texts = spaced.map((t, n) => ({x: this.x(t) + 3, y: 15,
            text: n === 0 && step < 86_400_000 ? (this.width > 500 ? day(t).slice(5) + " " : "") + clock(t, digits)
                // Where a day begins its date stands: of a week's axis midnights alone would say nothing.
                : step >= 86_400_000 || (digits === "m" && clock(t, "m") === "00:00") ? day(t).slice(5) : clock(t, digits)}));
        // The lengths of what is folded come first: without them the axis would lie.
        const gaps = this.scale.gaps.map((gap) => ({x: (this.x(gap.from) + this.x(gap.to)) / 2, y: 15, anchor: "middle", class: "gap-text",
            text: `⟪${duration((gap.to - gap.from) / 1000)} quiet⟫`})).filter((text) => text.x > 20 && text.x < this.width - 20);
        this.#fillTexts(this.axisParts.texts, apart([...gaps, ...texts], this.width));
        if (!this.axisParts.gaps.isConnected) this.body.insertBefore(this.axisParts.gaps, this.body.querySelector("g"));
        this.axisParts.gaps.setAttribute("d", boxes(this.scale.gaps, this.x, this.width, 0, this.height));
    }
}
