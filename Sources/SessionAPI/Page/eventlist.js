// The list of events: rows in chunks that the browser need not lay out before they are seen.

import {el, link, replace, visible} from "./dom.js";
import {keyOf} from "./model.js";
import {clock, duration, machineTime, otherZone} from "./time.js";
import {settings} from "./settings.js";

const CHUNK = 50;
const AT_ONCE = 100;

/** Why an event is here, in a word; the panel has the sentence. */
const WHY = {
    names_it: "named", names_linked: "linked id", robot_window: "robot’s window", pilot_window: "pilot’s window",
    merchant_window: "merchant’s window",
};

/** What an event says, in one line. */
function detailOf(e) {
    const parts = [];
    if (e.error_code) parts.push(e.error_code);
    if (e.error_message) parts.push(e.error_message);
    if (e.to_state) parts.push(e.from_state ? `${e.from_state} → ${e.to_state}` : `→ ${e.to_state}`);
    if (e.reason) parts.push(e.reason);
    return parts.join(" · ");
}

const RELATIVE = {
    start: ["since start", "Time since the delivery's first event"],
    end: ["before end", "Time before the delivery's end"],
    selection: ["from selected", "Time from the selected event"],
};

/** Signed and in words' order: `−1 m 42 s`, `+3 s`, `0`. */
export function distance(ms) {
    if (Math.abs(ms) < 0.5) return "0";
    return `${ms < 0 ? "−" : "+"}${duration(Math.abs(ms) / 1000)}`;
}

/** Words must all be there, those with a minus must not. */
function matcher(words) {
    const all = words.toLowerCase().split(/\s+/).filter((w) => w !== "" && w !== "-");
    const wanted = all.filter((w) => !w.startsWith("-"));
    const unwanted = all.filter((w) => w.startsWith("-")).map((w) => w.slice(1));
    return (text) => wanted.every((w) => text.includes(w)) && !unwanted.some((w) => text.includes(w));
}

const cell = (name, ...content) => el("span", {role: "gridcell", class: name}, content);
const PATTERN = el("div", {role: "row", class: "row", tabindex: "-1", "aria-selected": "false"}, cell("c-time", el("time")), cell("c-rel"),
    cell("c-event", el("bdi")), cell("c-who", el("bdi")), cell("c-why"), cell("c-detail", el("bdi")));

export class EventList {
    /** `on`: {select(event), open(event)} */
    constructor(on) {
        this.on = on;
        this.rows = [];
        this.events = [];
        this.relative = settings.get("relative");
        this.head = el("div", {role: "row", class: "row head"});
        this.grid = el("div", {role: "grid", class: "events", "aria-label": "Events", "aria-multiselectable": "false"},
            el("div", {role: "rowgroup"}, this.head));
        this.empty = el("div", {class: "no-match", hidden: true});
        this.root = el("div", {class: "list"}, this.grid, this.empty);
        this.grid.addEventListener("click", (event) => this.#click(event));
        // The other zone's time, when it is looked at.
        this.grid.addEventListener("pointerover", (event) => {
            const row = event.target.closest("time")?.closest(".row")?.row;
            if (row) event.target.title = otherZone(row.event.t);
        });
        this.grid.addEventListener("keydown", (event) => this.#key(event));
        this.#drawHead();
    }

    #drawHead() {
        const [text, title] = RELATIVE[this.relative];
        replace(this.head, ["time", text, "event", "who", "why here", "detail"].map((name, n) =>
            el("span", {role: "columnheader", class: ["c-time", "c-rel", "c-event", "c-who", "c-why", "c-detail"][n],
                title: n === 1 ? title + " (t)" : undefined}, name)));
    }

    /** Shows a model's events; the first hundred at once, the rest when there is time. */
    setModel(model) {
        this.model = model;
        this.events = model.events;
        this.rows = [];
        this.chunks?.forEach((c) => c.remove());
        this.chunks = [];
        this.grid.setAttribute("aria-rowcount", this.events.length + 1);
        this.#grow(AT_ONCE);
        const rest = () => {
            if (this.events !== model.events) return;
            this.#grow(500);
            if (this.rows.length < this.events.length) setTimeout(rest, 0);
            else this.#complete();
        };
        if (this.rows.length < this.events.length) setTimeout(rest, 0);
        else this.#complete();
    }

    #complete() {
        performance.mark("list-ready");
        this.filter();
        this.#mark();
    }

    /** Rows are appended and nothing else moves. */
    append(model, fresh) {
        const now = new Map(model.events.map((e) => [keyOf(e), e]));
        for (const row of this.rows) {
            row.event = now.get(keyOf(row.event)) ?? row.event;
            this.#strike(row);
        }
        const inOrder = fresh.every((e) => this.events.length === 0 || e.t >= this.events.at(-1).t);
        this.model = model;
        this.events = model.events;
        this.grid.setAttribute("aria-rowcount", this.events.length + 1);
        if (inOrder && this.rows.length + fresh.length === this.events.length) {
            this.#grow(fresh.length);
            this.filter();
            return;
        }
        // A late fact belongs further up: each row is put where it belongs, those that are there stay themselves.
        const known = new Map(this.rows.map((row) => [keyOf(row.event), row]));
        this.rows = this.events.map((e) => known.get(keyOf(e)) ?? this.#row(e));
        const place = new Map(this.rows.map((row, n) => [row, n]));
        for (const row of this.rows) {
            if (row.node.isConnected) continue;
            const next = this.rows.slice(place.get(row) + 1).find((r) => r.node.isConnected);
            if (next) next.node.before(row.node);
            else this.#chunk().append(row.node);
        }
        this.filter();
    }

    /** An event that is no longer in this delivery stays, struck through, until the page is read again. */
    #strike(row) {
        const {event_id: id, occurred_at: at, gone} = row.event;
        if (Boolean(gone) === Boolean(row.struck)) return;
        row.node.classList.toggle("moved", Boolean(gone));
        row.struck?.remove();
        row.struck = null;
        if (!gone) return;
        // The list is one tab stop: with the keyboard the panel leads there.
        row.struck = el("span", {}, link("events", id, "not in this delivery any more", `?at=${encodeURIComponent(at)}`, {tabindex: "-1"}), " · ");
        row.node.querySelector(".c-detail").prepend(row.struck);
    }

    #grow(most) {
        const end = Math.min(this.events.length, this.rows.length + most);
        for (let i = this.rows.length; i < end; i++) {
            const row = this.#row(this.events[i]);
            this.rows.push(row);
            this.#chunk().append(row.node);
        }
    }

    #chunk() {
        let last = this.chunks.at(-1);
        if (!last || last.childElementCount >= CHUNK) {
            last = el("div", {role: "rowgroup", class: "chunk"});
            this.chunks.push(last);
            this.grid.append(last);
        }
        last.style.setProperty("--n", last.childElementCount + 1);
        return last;
    }

    #row(e) {
        // A copy of one prepared row: half the time of making each element anew.
        const node = PATTERN.cloneNode(true);
        const [time, relative, event, who, why, detail] = node.children;
        node.setAttribute("aria-rowindex", e.index + 2);
        time.firstChild.dateTime = machineTime(e.occurred_at);
        time.firstChild.textContent = clock(e.t, "ms");
        event.lastChild.textContent = visible(e.event, 80);
        who.firstChild.textContent = visible(e.via === "direct" ? (e.robot_id ?? e.pilot_id ?? "") : e.via_id, 40);
        why.textContent = WHY[e.why] ?? visible(e.why, 40);
        detail.firstChild.textContent = visible(detailOf(e), 240);
        if (e.is_error) {
            node.classList.add("error");
            event.prepend(el("span", {class: "mark", role: "img", "aria-label": "error"}, "▲"));
        }
        const row = {event: e, node, relative, text: null};
        node.row = row;
        this.#writeRelative(row);
        this.#strike(row);
        return row;
    }

    #writeRelative(row) {
        const from = {start: this.model.start, end: this.model.end ?? this.model.to, selection: this.selected?.t ?? this.model.start}[this.relative];
        row.relative.textContent = distance(row.event.t - from);
    }

    nextRelative() {
        const all = Object.keys(RELATIVE);
        this.relative = all[(all.indexOf(this.relative) + 1) % all.length];
        settings.set("relative", this.relative);
        this.#drawHead();
        for (const row of this.rows) this.#writeRelative(row);
        return RELATIVE[this.relative][0];
    }

    /** `view`: lanes (only these), hidden, errors, words. Returns how many are shown. */
    filter(view = this.view) {
        this.view = view;
        if (!view) return this.rows.length;
        const matches = matcher(view.words);
        const only = new Set(view.lanes);
        const hidden = new Set(view.hidden);
        let shown = 0;
        for (const row of this.rows) {
            const e = row.event;
            const keep = (only.size === 0 || only.has(e.lane)) && !hidden.has(e.lane) && (!view.errors || e.is_error) &&
                (view.words === "" || matches(this.#textOf(row)));
            if (row.hidden === keep || row.hidden === undefined) {
                row.hidden = !keep;
                row.node.hidden = !keep;
            }
            if (keep) shown += 1;
        }
        this.shown = shown;
        this.#rove();
        this.on.filtered(shown, this.events.length);
        return shown;
    }

    #textOf(row) {
        const e = row.event;
        row.text ??= [e.event, e.lane, e.robot_id, e.pilot_id, e.error_code, e.error_message, e.from_state, e.to_state, e.reason,
            WHY[e.why], e.event_id, e.named_id].filter(Boolean).join(" ").toLowerCase();
        return row.text;
    }

    tellEmpty(nodes) {
        this.empty.hidden = nodes === null;
        if (nodes) replace(this.empty, nodes);
    }

    // MARK: selection

    select(event, {focus = false, scroll = true} = {}) {
        this.selected = event;
        if (event) while (this.rows.length <= event.index && this.rows.length < this.events.length) this.#grow(500);
        this.#mark();
        if (this.relative === "selection") for (const row of this.rows) this.#writeRelative(row);
        const row = event && this.rows[event.index];
        if (!row) return;
        if (focus) row.node.focus({preventScroll: true});
        if (scroll && !row.node.hidden) row.node.scrollIntoView({block: "nearest"});
    }

    #mark() {
        const row = this.selected ? this.rows[this.selected.index] : null;
        if (this.marked && this.marked !== row) this.marked.node.setAttribute("aria-selected", "false");
        row?.node.setAttribute("aria-selected", "true");
        this.marked = row;
        this.#rove();
    }

    /** One tab stop: the selected row, or the first that is shown. */
    #rove() {
        const stop = this.marked && !this.marked.node.hidden ? this.marked : this.rows.find((r) => !r.node.hidden);
        if (this.stop !== stop) this.stop?.node.setAttribute("tabindex", "-1");
        stop?.node.setAttribute("tabindex", "0");
        this.stop = stop;
    }

    /** The next shown event in a direction that `fits`. */
    step(direction, fits = () => true) {
        let i = this.selected ? this.selected.index + direction : direction > 0 ? 0 : this.rows.length - 1;
        for (; i >= 0 && i < this.rows.length; i += direction) {
            if (!this.rows[i].node.hidden && fits(this.rows[i].event)) return this.rows[i].event;
        }
        return null;
    }

    #click(event) {
        const row = event.target.closest(".row")?.row;
        if (row && getSelection().isCollapsed) this.on.select(row.event, {still: true});
    }

    #key(event) {
        const row = event.target.closest?.(".row")?.row;
        if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
        const jump = (direction, by = 1) => {
            let i = row.event.index;
            let found = null;
            while (by > 0 && i + direction >= 0 && i + direction < this.rows.length) {
                i += direction;
                if (this.rows[i].node.hidden) continue;
                found = this.rows[i];
                by -= 1;
            }
            if (found) this.on.select(found.event, {focus: true});
        };
        const act = {
            ArrowDown: () => jump(1), ArrowUp: () => jump(-1), PageDown: () => jump(1, 15), PageUp: () => jump(-1, 15),
            Home: () => jump(-1, Infinity), End: () => jump(1, Infinity), Enter: () => this.on.open(row.event),
            " ": () => this.on.open(row.event),
        }[event.key];
        if (!act) return;
        act();
        event.preventDefault();
    }
}
