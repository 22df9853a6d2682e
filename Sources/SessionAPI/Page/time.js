// Instants are milliseconds since 1970 in here; the API's text (to the microsecond) is shown whole where it matters.

import {settings} from "./settings.js";

export const parse = (text) => (text === null || text === undefined ? null : Date.parse(text));
export const iso = (ms) => new Date(ms).toISOString();
/** For the `datetime` of a `<time>`, which may have three digits of a second and not the API's six. */
export const machineTime = (text) => `${text.slice(0, 23)}Z`;

const two = (n) => String(n).padStart(2, "0");
const three = (n) => String(n).padStart(3, "0");
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

function parts(ms, zone) {
    const d = new Date(ms);
    return zone === "utc"
        ? {y: d.getUTCFullYear(), mo: d.getUTCMonth() + 1, d: d.getUTCDate(), w: d.getUTCDay(), h: d.getUTCHours(),
            mi: d.getUTCMinutes(), s: d.getUTCSeconds(), ms: d.getUTCMilliseconds()}
        : {y: d.getFullYear(), mo: d.getMonth() + 1, d: d.getDate(), w: d.getDay(), h: d.getHours(),
            mi: d.getMinutes(), s: d.getSeconds(), ms: d.getMilliseconds()};
}

/** `10:45:18`, with `.000` if asked for, in the zone that was chosen. */
export function clock(ms, digits = "s", zone = settings.get("zone")) {
    const p = parts(ms, zone);
    const minutes = `${two(p.h)}:${two(p.mi)}`;
    if (digits === "m") return minutes;
    return digits === "ms" ? `${minutes}:${two(p.s)}.${three(p.ms)}` : `${minutes}:${two(p.s)}`;
}

export function day(ms, zone = settings.get("zone")) {
    const p = parts(ms, zone);
    return `${p.y}-${two(p.mo)}-${two(p.d)}`;
}

export const weekday = (ms, zone = settings.get("zone")) => DAYS[parts(ms, zone).w];
export const stamp = (ms, digits = "s") => `${day(ms)} ${clock(ms, digits)}`;

/** `UTC`, or the local zone's name with its distance: `Europe/Berlin (UTC+1)`. */
export function zoneName(ms = Date.now()) {
    if (settings.get("zone") === "utc") return "UTC";
    const minutes = -new Date(ms).getTimezoneOffset();
    const sign = minutes < 0 ? "−" : "+";
    const hours = Math.floor(Math.abs(minutes) / 60);
    const rest = Math.abs(minutes) % 60;
    const name = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "local";
    return `${name} (UTC${sign}${hours}${rest ? ":" + two(rest) : ""})`;
}

/** The other zone's reading, for a title: `02:45:18 America/Los_Angeles`, or UTC while local is shown. */
export function otherZone(ms) {
    if (new Date(ms).getTimezoneOffset() === 0) return `${stamp(ms, "ms")} UTC`;
    const other = settings.get("zone") === "utc" ? "local" : "utc";
    return other === "utc" ? `${day(ms, "utc")} ${clock(ms, "ms", "utc")} UTC`
        : `${day(ms, "local")} ${clock(ms, "ms", "local")} local`;
}

/** Seconds in words, two units at most: `850 ms`, `42 s`, `1 m 42 s`, `2 h 03 m`, `3 d 4 h`. */
export function duration(seconds) {
    if (seconds === null || seconds === undefined) return "–";
    const s = Math.abs(seconds);
    const sign = seconds < 0 ? "−" : "";
    if (s > 0 && s < 1) return `${sign}${Math.max(1, Math.round(s * 1000))} ms`;
    if (s < 10 && s !== Math.round(s)) return `${sign}${s.toFixed(1)} s`;
    const whole = Math.round(s);
    if (whole < 60) return `${sign}${whole} s`;
    if (whole < 3600) return `${sign}${Math.floor(whole / 60)} m ${two(whole % 60)} s`;
    const minutes = Math.round(s / 60);
    if (minutes < 1440) return `${sign}${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`;
    const hours = Math.round(s / 3600);
    return `${sign}${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Hours with one decimal, for figures: `182.4`. */
export const hours = (seconds) => (seconds / 3600).toLocaleString("en", {minimumFractionDigits: 1, maximumFractionDigits: 1});
export const count = (n) => (n === null || n === undefined ? "–" : n.toLocaleString("en"));
export const percent = (share) => (!Number.isFinite(share) ? "–"
    : `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)}%`);
export const plural = (n, one, many = one + "s") => `${count(n)} ${n === 1 ? one : many}`;
