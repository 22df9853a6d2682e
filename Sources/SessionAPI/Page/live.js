// A delivery that is not over: the service says when it has changed, the page then reads it again.

import {pathPart, replace, say} from "./dom.js";
import {streamAddress} from "./api.js";

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

    async #open() {
        if (!this.on || this.source || this.opening) return;
        clearInterval(this.polling);
        this.opening = true;
        const release = await takePlace();
        this.opening = false;
        if (!release) return this.#poll();
        if (!this.on || document.hidden) return release();
        this.release = release;
        const source = new EventSource(streamAddress(this.page.id));
        this.source = source;
        source.addEventListener("open", () => this.#tell("live", "live"));
        source.addEventListener("version", (event) => {
            this.#tell("live", "live");
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
            replace(this.page.banner, "This is now part of another session: ", sessionAnchor(id));
        });
        source.addEventListener("error", () => {
            if (source.readyState === EventSource.CLOSED) this.#poll();
            else this.#tell("reconnecting", "reconnecting …");
        });
        // Something may have come while nobody listened.
        this.#ask();
    }

    /** No place for a stream, or it is refused (too many listeners): then ask every ten seconds. */
    #poll() {
        this.#close();
        this.#tell("polling", "polling every 10 s");
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
    }

    #stop() {
        this.on = false;
        this.#close();
    }

    /** At most one question under way, and one a second. */
    async #ask() {
        if (this.asking) {
            this.again = true;
            return this.asking;
        }
        this.asking = this.page.refresh().catch((error) => {
            if (error.document) this.#tell("reconnecting", `not up to date: ${error.document.title}`);
            else throw error;
        });
        await this.asking;
        await new Promise((done) => setTimeout(done, LEAST));
        this.asking = null;
        if (this.page.model.session.outcome !== "in_progress") this.#stop();
        if (this.again) {
            this.again = false;
            return this.#ask();
        }
    }
}

function sessionAnchor(id) {
    const a = document.createElement("a");
    a.href = `/deliveries/${pathPart(id.replace(/^delivery:/, ""))}`;
    a.textContent = id;
    return a;
}
