// A delivery: what stands out, the drawn timeline, every event, and why it is here.

import {announceTitle, data, el, keepFocus, link, replace, say, toast} from "./dom.js";
import {address, fetchJSON, fetchText} from "./api.js";
import {keepFragment, linkTo, readFragment} from "./fragment.js";
import {buildModel, eventOf, keyOf} from "./model.js";
import {keepKnown} from "./known.js";
import {EventList} from "./eventlist.js";
import {Live} from "./live.js";
import {Panel} from "./panel.js";
import {Timeline} from "./timeline.js";
import {header, verdict} from "./delivery-header.js";
import {facetButtons, gapNote, laneLabel, legend, nearMisses} from "./delivery-parts.js";
import {bindDeliveryKeys} from "./delivery-keys.js";
import {copyText} from "./clipboard.js";
import {clock, count, plural} from "./time.js";
import {settings} from "./settings.js";
import {errorsInWords} from "./tables.js";
import {showProblem, waiting} from "./problem.js";
import {tellFreshness} from "./freshness.js";
import {resizable} from "./resizable.js";

export async function show(main, id) {
    const page = new DeliveryPage(main, id);
    await page.load();
}

class DeliveryPage {
    constructor(main, id) {
        this.main = main;
        this.id = id;
        this.state = readFragment();
        if (this.state.zone) settings.borrow("zone", this.state.zone);
    }

    read() {
        return fetchJSON(address("deliveries/{}", [this.id]));
    }

    async load() {
        announceTitle("Delivery");
        const done = waiting(this.main, `delivery ${this.id}`);
        let story;
        try {
            story = await this.read();
        } catch (error) {
            done();
            replace(this.main, el("h1", {}, data(this.id, 100)), this.place = el("div", {}));
            showProblem(this.place, error, () => this.load());
            return;
        }
        done();
        this.story = story;
        this.model = buildModel(story);
        tellFreshness(story.as_of);
        announceTitle(story.session.delivery_id ?? story.session.session_id);
        this.#build();
        this.#restore();
        bindDeliveryKeys(this);
        addEventListener("hashchange", () => { this.state = readFragment(); this.#restore(); });
        addEventListener("settings", () => this.redraw());
        this.live = new Live(this);
    }

    // MARK: parts

    #build() {
        this.headPlace = el("div", {class: "delivery-head"});
        this.verdictPlace = el("section", {class: "verdict", "aria-labelledby": "verdict-title"});
        this.banner = el("div", {class: "banner", hidden: true});
        this.panel = new Panel({close: () => this.closePanel(), zoom: (a, b) => this.timeline.show(a - (b - a) * 0.05, b + (b - a) * 0.05)});
        this.list = new EventList({
            select: (event, options) => this.select(event, options), open: (event) => this.open(event),
            filtered: (shown, all) => this.#tellFiltered(shown, all),
        });
        this.timelineBox = el("section", {class: "timeline-box", "aria-labelledby": "timeline-title"});
        this.facets = el("div", {class: "facets", role: "group", "aria-label": "Show only the events of"});
        this.counted = el("h2", {id: "events-title"});
        this.words = el("input", {type: "search", id: "words", maxlength: 200, placeholder: "lid -heartbeat", spellcheck: "false",
            autocomplete: "off", on: {input: () => this.#wordsChanged()}});
        this.listHead = el("div", {class: "list-head"}, this.counted, this.facets,
            el("p", {class: "words"}, el("label", {for: "words"}, "filter"), " ", this.words));
        this.pill = el("button", {type: "button", class: "pill", hidden: true, on: {click: () => this.showNew()}});
        this.near = el("div", {class: "near"});
        this.gaps = el("div", {class: "gaps"});
        replace(this.main, this.headPlace, this.banner, this.verdictPlace, this.timelineBox,
            this.under = el("div", {class: "under"}, el("section", {class: "events-part", "aria-labelledby": "events-title"},
                this.gaps, this.listHead, this.list.root, this.pill, this.near), this.panel.root));
        this.#buildTimeline();
        this.#tell();
        this.list.view = this.state;
        this.list.setModel(this.model);
    }

    #buildTimeline() {
        const errors = el("button", {type: "button", class: "errors-button", "aria-keyshortcuts": "e", on: {click: () => this.nextError(1)}});
        this.errorsButton = errors;
        this.foldBox = el("input", {type: "checkbox", id: "fold", on: {change: () => this.setFold(this.foldBox.checked)}});
        this.foldPart = el("span", {class: "check"}, this.foldBox, el("label", {for: "fold"}, "fold quiet gaps"));
        this.hiddenPart = el("span", {});
        const button = (text, label, act, key) => el("button", {type: "button", "aria-label": label, title: `${label} (${key})`,
            "aria-keyshortcuts": key, on: {click: act}}, text);
        const tools = el("div", {class: "tools"}, el("h2", {id: "timeline-title"}, "Timeline"),
            el("span", {class: "group"}, button("−", "Zoom out", () => this.timeline.zoom(1.5), "s"), button("+", "Zoom in", () => this.timeline.zoom(1 / 1.5), "w"),
                button("◂", "Pan left", () => this.timeline.pan(-0.2), "a"), button("▸", "Pan right", () => this.timeline.pan(0.2), "d"),
                button("Fit", "Show all of it", () => this.timeline.fit(), "0")),
            errors, this.foldPart, this.hiddenPart, this.legend = el("ul", {class: "legend", "aria-label": "State colours"}));
        const host = el("div", {class: "tl-host"});
        this.timelineBox.append(tools, host, el("p", {class: "quiet-label", id: "timeline-keys"},
            "Arrow keys pan and zoom. The events are in the list below."));
        this.timeline = new Timeline(host, {
            select: (event) => this.select(event), view: () => this.#viewChanged(), label: (placed) => laneLabel(placed, this),
            detail: (found) => this.panel.showInterval(found, this.model),
        });
        this.timeline.plot.setAttribute("aria-describedby", "timeline-keys");
        this.timeline.fold = this.state.fold ?? settings.get("fold");
        this.timeline.hidden = new Set(this.state.hidden);
        this.timeline.setModel(this.model);
        resizable(this.timelineBox, this.timeline);
    }

    /** All that depends on the story but not on what is looked at. */
    #tell() {
        const {model} = this;
        keepFocus(this.headPlace, () => replace(this.headPlace, header(model, this)));
        keepFocus(this.verdictPlace, () => replace(this.verdictPlace, verdict(model, this)));
        this.live?.tellAgain();
        replace(this.errorsButton, el("span", {class: "mark", "aria-hidden": "true"}, "▲ "), model.errors.length === 0 ? "no errors"
            : `next of ${errorsInWords(model.errors.length, model.session)}`);
        this.errorsButton.disabled = model.errors.length === 0;
        this.foldPart.hidden = this.timeline.scale.gaps.length === 0 && this.timeline.fold;
        this.foldBox.checked = this.timeline.fold;
        replace(this.legend, legend(model));
        this.#tellFacets();
        replace(this.near, nearMisses(model));
        replace(this.gaps, gapNote(model, () => this.loadAll()));
    }

    #tellFacets() {
        keepFocus(this.facets, () => replace(this.facets, facetButtons(this.model, this.state, this)));
        const hidden = this.state.hidden.filter((id) => this.model.laneById.has(id));
        replace(this.hiddenPart, hidden.length > 0 && el("button", {type: "button", on: {click: () => this.setFilter({hidden: []})}},
            `${plural(hidden.length, "lane")} hidden: show`));
    }

    async loadAll() {
        const before = this.read;
        this.read = () => fetchJSON(address("deliveries/{}", [this.id], {limit: 20000}));
        try {
            await this.refresh(true);
        } catch (error) {
            if (!error.document) throw error;
            this.read = before;
            toast(`${error.document.title}. ${error.document.hint ?? ""}`);
        }
    }

    // MARK: selection and view

    select(event, options = {}) {
        this.selected = event;
        this.state.event = event?.event_id ?? null;
        this.state.at = event?.occurred_at ?? null;
        this.timeline.select(event);
        if (event) this.panel.showEvent(event, this.model);
        // What was clicked is in sight: it stays where it is, unless the panel, a drawer on a phone, now lies over it.
        const scroll = !options.still || this.panel.covers(this.list.rows[event.index].node);
        this.list.select(event, {scroll, ...options});
        if (event) {
            say(`${event.event}${event.is_error ? ", error " + (event.error_code ?? "") : ""}, ${clock(event.t)}`);
        } else this.panel.hide();
        this.#keep();
    }

    open(event) {
        this.select(event);
        // The panel sticks to the window: scrolling to its title would take the row away.
        this.panel.title.focus({preventScroll: true});
    }

    closePanel() {
        const wasInside = this.panel.root.contains(document.activeElement);
        const {under} = this;
        const top = scrollY;
        this.panel.hide();
        // Without the panel the page may be too short to be scrolled so far: then it stays as long as it was.
        if (scrollY < top) {
            under.style.setProperty("min-height", `${under.offsetHeight + top - scrollY}px`);
            scrollTo(0, top);
        }
        if (wasInside) (this.list.marked?.node ?? this.timeline.plot).focus({preventScroll: true});
    }

    nextError(direction) {
        // With nothing selected yet: what the first line of "What stands out" names.
        const named = !this.selected && direction > 0 && this.model.story.verdict.find((v) => v.event_id && eventOf(this.model, v.event_id, v.at)?.is_error);
        const first = named && this.list.rows.find((r) => r.event.event_id === named.event_id && r.event.occurred_at === named.at && !r.node.hidden);
        if (first) return this.select(first.event);
        const shown = this.list.step(direction, (e) => e.is_error);
        if (shown) return this.select(shown);
        const all = this.model.errors;
        if (all.length === 0) return say("No errors.");
        const again = this.list.rows.find((r) => r.event.is_error && !r.node.hidden);
        if (!again) return toast("All errors are hidden by the filter.");
        toast(direction > 0 ? "No later error; from the first again." : "No earlier error; from the last again.");
        this.selected = this.list.selected = null;
        this.select(this.list.step(direction, (e) => e.is_error));
    }

    #viewChanged() {
        this.#keep();
    }

    #keep() {
        if (!this.timeline?.model) return;
        const fitted = this.timeline.isFitted();
        const {from, to} = this.timeline.range();
        this.state.from = fitted ? null : from;
        this.state.to = fitted ? null : to;
        keepFragment(this.state);
    }

    permalink() {
        const {from, to} = this.timeline.range();
        return linkTo({...this.state, from, to, zone: settings.get("zone"), fold: this.timeline.fold});
    }

    /** What the address says: zoom, filter, selection. */
    #restore() {
        const {state} = this;
        this.words.value = state.words;
        this.timeline.setHidden(state.hidden);
        this.#tellFacets();
        this.list.filter(state);
        if (state.from !== null) this.timeline.show(state.from, state.to);
        this.banner.hidden = true;
        if (!state.event) return;
        const event = eventOf(this.model, state.event, state.at);
        if (event) {
            const {from, to} = this.timeline.range();
            this.select(event);
            if (state.from !== null && event.t >= from && event.t <= to) this.timeline.show(from, to);
        } else this.#tellMoved(state.event, state.at);
    }

    #tellMoved(id, at) {
        this.banner.hidden = false;
        replace(this.banner, this.story.gaps.length > 0 ? "The event of this link is not loaded, or not in this delivery (any more). " : "The event of this link is not in this delivery (any more). ",
            link("events", id, "See where it is", at ? `?at=${encodeURIComponent(at)}` : ""), ".");
        this.state.event = this.state.at = null;
    }

    setFilter(change) {
        Object.assign(this.state, change);
        if (change.hidden) this.timeline.setHidden(this.state.hidden);
        this.#tellFacets();
        this.list.filter(this.state);
        this.#keep();
    }

    toggleLane(id) {
        const {lanes} = this.state;
        this.setFilter({lanes: lanes.includes(id) ? lanes.filter((l) => l !== id) : [...lanes, id]});
    }

    hideLane(id) {
        this.setFilter({hidden: [...new Set([...this.state.hidden, id])], lanes: this.state.lanes.filter((l) => l !== id)});
        toast("Lane hidden. The bar above the timeline shows it again.");
    }

    setFold(fold) {
        this.state.fold = fold;
        settings.set("fold", fold);
        this.timeline.setFold(fold);
        this.#tell();
        this.#keep();
    }

    #wordsChanged() {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => this.setFilter({words: this.words.value.trim()}), 120);
    }

    clearFilter() {
        this.words.value = "";
        this.setFilter({words: "", lanes: [], errors: false, hidden: []});
    }

    #tellFiltered(shown, all) {
        replace(this.counted, "Events ", el("span", {class: "n"}, shown === all ? count(all) : `${count(shown)} of ${count(all)}`));
        if (shown > 0 || all === 0) return this.list.tellEmpty(all === 0 ? [el("p", {}, "No event of it is known.")] : null);
        const {words, lanes, errors} = this.state;
        const said = [words && ["the words ", el("strong", {}, data(words))], lanes.length > 0 && `${plural(lanes.length, "lane")} only`,
            errors && "errors only"].filter(Boolean);
        this.list.tellEmpty(el("p", {}, "No event matches: ", said.map((s, n) => [n > 0 && ", ", s]), `. ${count(all)} are hidden by the filter. `,
            el("button", {type: "button", on: {click: () => this.clearFilter()}}, "Clear the filter")));
    }

    copyLink() {
        copyText(this.permalink(), "Link copied: it keeps zoom, filter and selection.");
    }

    /** What `sessionizer session ID` prints, to the letter; `brief`: without the list of events. */
    async copyAsText(brief = false) {
        try {
            const text = await fetchText(address("deliveries/{}/text", [this.id], brief ? {brief: true} : {}));
            await copyText(text, brief ? "The summary is copied." : "Copied as text.");
        } catch (error) {
            toast(error.document ? `${error.document.title}. ${error.document.hint ?? ""}` : String(error.message));
        }
    }

    // MARK: live

    /** New facts: rows are added, what has gone is struck through, and nothing else moves. */
    async refresh(anew = false) {
        const story = await this.read();
        if (story.version === this.story.version && !anew) return;
        const before = this.model;
        const followed = this.timeline.range().to >= before.to && !this.timeline.isFitted();
        const fitted = this.timeline.isFitted();
        keepKnown(story, before);
        this.story = story;
        this.model = buildModel(story);
        tellFreshness(story.as_of);
        const fresh = this.model.events.filter((e) => !before.byKey.has(keyOf(e)));
        const {from, to} = this.timeline.range();
        this.timeline.setModel(this.model);
        if (fitted) this.timeline.fit(false);
        else if (followed) this.timeline.show(this.model.to - (to - from) * 0.97, this.model.to + (to - from) * 0.03);
        else this.timeline.show(from, to);
        this.#tell();
        if (anew) this.list.setModel(this.model);
        else this.list.append(this.model, fresh);
        if (this.selected) {
            this.selected = this.model.byKey.get(keyOf(this.selected)) ?? null;
            this.timeline.selected = this.selected;
            this.list.selected = this.selected;
        }
        if (!anew) this.#tellNew(fresh);
    }

    #tellNew(fresh) {
        if (fresh.length === 0) return;
        const last = this.list.rows.at(-1)?.node;
        const seen = last && last.getBoundingClientRect().bottom <= innerHeight + 40 * fresh.length && last.getBoundingClientRect().top > 0;
        say(`${plural(fresh.length, "new event")}.`);
        if (seen && this.unseen === undefined) return;
        this.unseen = [...(this.unseen ?? []), ...fresh.map(keyOf)];
        this.pill.hidden = false;
        replace(this.pill, `${plural(this.unseen.length, "new event")} ↓`);
    }

    showNew() {
        const first = this.unseen && this.model.byKey.get(this.unseen[0]);
        this.unseen = undefined;
        this.pill.hidden = true;
        if (first) this.list.rows[first.index]?.node.scrollIntoView({block: "center"});
    }

    redraw() {
        replace(this.headPlace, header(this.model, this));
        this.timeline.setModel(this.model);
        this.list.setModel(this.model);
        this.list.select(this.selected, {scroll: false});
        if (this.selected) {
            this.panel.shown = null;
            this.panel.showEvent(this.selected, this.model);
        }
    }
}
