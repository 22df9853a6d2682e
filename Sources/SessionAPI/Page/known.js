// What the page had read of a delivery, beside what the service says of it now.

import {keyOf} from "./model.js";
import {parse} from "./time.js";

/**
 * Adds to `story` the events that the page has and the story leaves out; those that are in the delivery no more are marked `gone`.
 * Of a very long delivery the service leaves out what lies in its `gaps`, and as the delivery goes on more of it does: that the page
 * has read such an event before is no reason to lose it, nor to say that it has gone.
 */
export function keepKnown(story, before) {
    const told = new Set(story.events.map(keyOf));
    const missing = before.events.filter((e) => !told.has(keyOf(e)));
    if (missing.length === 0) return;
    const lanes = new Map(story.lanes.map((l) => [l.lane, l]));
    // Whether all that names the delivery itself was told, which is so but for thousands of such events.
    const direct = story.events.reduce((sum, e) => sum + (e.lane === "delivery" ? 1 : 0), 0);
    const allDirect = direct >= (lanes.get("delivery")?.events ?? 0);
    const gapOf = (t) => story.gaps.find((g) => parse(g.from) <= t && t <= parse(g.to));
    const windowOf = (e) => story.windows.findIndex((w) => w.kind === e.via && w.entity_id === e.via_id && parse(w.started_at) <= e.t && e.t < parse(w.ended_at ?? w.expires_at));
    const kept = missing.map((e) => {
        const gap = e.gone ? undefined : gapOf(e.t);
        const window = gap && e.via !== "direct" ? windowOf(e) : -1;
        if (gap && (e.via === "direct" ? !allDirect : window >= 0)) {
            gap.events -= 1;
            return {...e, window: window < 0 ? null : window};
        }
        return {...e, gone: true, window: null, lane: lanes.has(e.lane) ? e.lane : "delivery"};
    });
    story.gaps = story.gaps.filter((g) => g.events > 0);
    const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    const hasOwnID = (e) => !/^fp-[0-9a-f]{32}$/.test(e.event_id);
    // As the service orders them, those without an id of their own first: rows that are there keep their places.
    story.events = [...story.events, ...kept].sort((a, b) => order(a.occurred_at, b.occurred_at) || order(a.event, b.event) ||
        order(hasOwnID(a), hasOwnID(b)) || order(a.event_id, b.event_id));
}
