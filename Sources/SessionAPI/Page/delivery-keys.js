// The keys of a delivery's page. What is bound here is what the help shows.

import {bind} from "./keys.js";
import {say, toast} from "./dom.js";

export function bindDeliveryKeys(page) {
    const {timeline, list} = page;
    const step = (direction, fits) => () => {
        const event = list.step(direction, fits);
        if (event) page.select(event);
        else say(direction > 0 ? "That was the last one." : "That was the first one.");
    };
    const sameLane = (e) => !page.selected || e.lane === page.selected.lane;

    bind("e", "Next error", () => page.nextError(1), "Events");
    bind("E", "Error before", () => page.nextError(-1), "Events");
    bind("j", "Next event", step(1), "Events");
    bind("k", "Event before", step(-1), "Events");
    bind(".", "Next event of the same lane", step(1, sameLane), "Events");
    bind(",", "Event before of the same lane", step(-1, sameLane), "Events");
    bind("Enter", "Open the selected event", (event) => {
        if (!page.selected || event.target.closest("a, button, summary, [role=row]")) return false;
        page.open(page.selected);
    }, "Events");
    bind("t", "Times since start, before end, from selected", () => toast(`Times: ${list.nextRelative()}.`), "Events");

    // Around the selected event where it is in sight: what one looks at stays where it is.
    const zoom = (factor) => () => {
        const x = page.selected ? timeline.x(page.selected.t) : -1;
        timeline.zoom(factor, x > 0 && x < timeline.width ? x : undefined);
    };
    bind("w", "Zoom in", zoom(0.7), "Timeline");
    bind("s", "Zoom out", zoom(1.4), "Timeline");
    bind("W", "Zoom in a lot", zoom(0.3), "Timeline");
    bind("S", "Zoom out a lot", zoom(3), "Timeline");
    bind("a", "Pan left", () => timeline.pan(-0.15), "Timeline");
    bind("d", "Pan right", () => timeline.pan(0.15), "Timeline");
    bind("A", "Pan left a lot", () => timeline.pan(-0.7), "Timeline");
    bind("D", "Pan right a lot", () => timeline.pan(0.7), "Timeline");
    bind("0", "Show all of it", () => timeline.fit(), "Timeline");
    bind("f", "Zoom to the selected event", () => {
        if (!page.selected) return toast("Select an event first: e, j or a click.");
        timeline.show(page.selected.t - 60_000, page.selected.t + 60_000);
    }, "Timeline");
    bind("x", "Hide the selected event’s lane", () => {
        if (page.selected) page.hideLane(page.selected.lane);
        else toast("Select an event first: its lane will be hidden.");
    }, "Timeline");
    bind("X", "Only the selected event’s lane", () => {
        if (page.selected) page.setFilter({lanes: [page.selected.lane]});
        else toast("Select an event first.");
    }, "Timeline");

    bind("c", "Copy a link to exactly this", () => page.copyLink(), "Take along");
    bind("y", "Copy as text", () => page.copyAsText(), "Take along");
    bind("Y", "Copy the summary only", () => page.copyAsText(true), "Take along");
    bind("Escape", "One step back: panel, selection, filter, zoom", () => {
        const {state} = page;
        if (timeline.measure) {
            timeline.measure = null;
            timeline.ask();
        } else if (page.panel.isOpen) page.closePanel();
        else if (page.selected) page.select(null);
        else if (state.words || state.lanes.length || state.errors || state.hidden.length) page.clearFilter();
        else if (!timeline.isFitted()) timeline.fit();
        else return false;
    }, "Page");
}
