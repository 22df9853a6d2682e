// A delivery that is not over: the service says when it has changed, the page then reads it again.

import {data, el, replace, say, sessionLink} from "./dom.js";
import {streamAddress} from "./api.js";
import {clock} from "./time.js";

const LEAST = 1000;
const POLL = 10_000;
// Of the six connections that a browser has for a host, so many may be streams: the rest are for pages.
const STREAMS = 3;

/** A place among this browser's streams, held until `release`; null where all are taken. */
async function takePlace() {
    // Without a secure context there are no locks: then it is as if each tab were alone.
    if (!navigator.locks) return () => {};
    for (let n = 0; n < STREAMS; n++) {
        const release = await new Promise((answer) => {
            navigator.locks.request(`stream-${n}`, {ifAvailable: true}, (lock) => {
                if (!lock) return answer(null);
                return new Promise((free) => answer(free));
            });
        });
        if (release) return release;
    }
    return null;
}

export class Live {
    constructor(page) {
        this.page = page;
        this.readAt = Date.now();
        if (page.model.session.outcome !== "in_progress") return;
        this.on = true;
        // A browser has six connections a host over HTTP/1.1, shared by all tabs: only a tab that is seen listens.
        document.addEventListener("visibilitychange", () => (document.hidden ? this.#close() : this.#open()));
        addEventListener("pagehide", () => this.#close());
        if (!document.hidden) this.#open();
    }

    /** The header was drawn anew: its word about the stream too. */
    tellAgain() {
        if (this.last) this.#tell(...this.last);
    }

    #tell(state, text) {
        this.last = [state, text];
        const place = document.getElementById("live");
        if (!place) return;
        place.dataset.is = state;
        if (place.textContent !== text) replace(place, text);
    }

    /** It is as live as it gets: nothing is lost. */
    #found() {
        this.lost = null;
        this.note?.remove();
        this.note = null;
    }

    /** What is lost, since when, what is done about it and what one can do. Said once, not with each attempt. */
    #lose(state, short, what) {
        this.lost ??= Date.now();
        const since = clock(this.lost);
        this.#tell(state, `${short} since ${since}`);
        if (this.note?.dataset.is === state) return;
        this.note?.remove();
        this.note = el("p", {class: "banner stream-note"}, `${what} What is shown was read at ${clock(this.readAt ?? this.lost)}. `,
            el("button", {type: "button", on: {click: () => this.#ask()}}, "Read it again now"));
        this.note.dataset.is = state;
        this.page.banner.before(this.note);
    }

    async #open() {
        if (!this.on || this.source || this.opening) return;
        clearInterval(this.polling);
        this.polling = null;
        this.opening = true;
        const release = await takePlace();
        this.opening = false;
        if (!release) return this.#poll("Other tabs of this browser take all its places for streams of changes; close one of them to have this one live.");
        if (!this.on || document.hidden) return release();
        this.release = release;
        const source = new EventSource(streamAddress(this.page.id));
        this.source = source;
        const isLive = () => {
            this.#found();
            this.#tell("live", "live");
        };
        source.addEventListener("open", isLive);
        source.addEventListener("version", (event) => {
            isLive();
            if (JSON.parse(event.data).version !== this.page.story.version) this.#ask();
        });
        source.addEventListener("closed", () => {
            this.#stop();
            this.#ask().then(() => {
                this.#tell("over", "");
                say(`It is over: ${this.page.model.session.outcome}.`);
            });
        });
        source.addEventListener("moved", (event) => {
            this.#stop();
            const id = JSON.parse(event.data).session_id;
            this.page.banner.hidden = false;
            replace(this.page.banner, "This is now part of another session: ", sessionLink(id, data(id, 80)));
        });
        source.addEventListener("error", () => {
            if (source.readyState === EventSource.CLOSED) return this.#poll("The service refused the stream of changes: too many listen, or it is another program's answer.");
            this.#lose("reconnecting", "stream lost, reconnecting", `The stream of changes was lost at ${clock(this.lost ?? Date.now())}; the browser tries again every few seconds. If it stays lost, see whether the service runs.`);
        });
        // Something may have come while nobody listened.
        this.#ask();
    }

    /** No place for a stream, or it is refused (too many listeners): then ask every ten seconds. */
    #poll(why) {
        this.#close();
        this.#lose("polling", "polling every 10 s", `${why} So this page asks every 10 seconds.`);
        this.polling = setInterval(() => {
            if (!document.hidden) this.#ask();
        }, POLL);
    }

    #close() {
        this.source?.close();
        this.source = null;
        this.release?.();
        this.release = null;
        clearInterval(this.polling);
        this.polling = null;
    }

    #stop() {
        this.on = false;
        this.#found();
        this.#close();
    }

    /** At most one question under way, and one a second. Done when one that was asked after this call has its answer. */
    #ask() {
        this.again = true;
        this.asking ??= this.#askOn();
        return this.asking;
    }

    async #askOn() {
        try {
            while (this.again) {
                this.again = false;
                try {
                    await this.#read();
                } finally {
                    await new Promise((done) => setTimeout(done, LEAST));
                }
                if (this.page.model.session.outcome !== "in_progress") this.#stop();
            }
        } finally {
            // Whatever came of it: a question that failed for good would be the last.
            this.asking = null;
        }
    }

    async #read() {
        try {
            await this.page.refresh();
        } catch (error) {
            if (!error.document) throw error;
            return this.#lose("away", `not up to date: ${error.document.title},`, `${error.document.title}. ${error.document.hint ?? ""}`);
        }
        this.readAt = Date.now();
        if (this.last?.[0] !== "away") return;
        this.#found();
        if (this.source?.readyState === EventSource.OPEN) this.#tell("live", "live");
        else if (this.polling) this.#tell("polling", "polling every 10 s");
    }
}
