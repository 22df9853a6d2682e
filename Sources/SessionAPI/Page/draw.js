// Path data: everything of one kind in one lane is one `<path>`, whatever the number of events.

import {lowerBound} from "./model.js";

const half = (x) => Math.round(x * 2) / 2;

/** Boxes of intervals; `x` maps time to pixels. What is narrower than a pixel is drawn a pixel wide. */
export function boxes(intervals, x, width, y, height) {
    let d = "";
    let last = -Infinity;
    for (const i of intervals) {
        const a = Math.max(-8, half(x(i.from)));
        const b = Math.min(width + 8, half(x(i.to)));
        if (b < 0 || a > width) continue;
        const w = Math.max(1, b - a);
        if (w === 1 && a === last) continue;
        last = a;
        const top = typeof y === "function" ? y(i) : y;
        d += `M${a} ${top}h${w}v${height}h${-w}z`;
    }
    return d;
}

/** The same pixel is drawn once; where there are many more events than pixels, it goes from pixel to pixel. */
function eachPixel(times, x, t, width, visit) {
    let i = lowerBound(times, t(-2));
    const end = lowerBound(times, t(width + 2));
    let last = -Infinity;
    const dense = end - i > width * 2;
    while (i < end) {
        const at = half(x(times[i]));
        if (at !== last) {
            visit(at, i);
            last = at;
        }
        i = dense ? Math.max(i + 1, lowerBound(times, t(at + 0.5))) : i + 1;
    }
}

export function tickMarks(times, x, t, width, y, height) {
    let d = "";
    eachPixel(times, x, t, width, (at) => { d += `M${at} ${y}v${height}`; });
    return d;
}

/** Marks that are closer than `near` pixels become one; each cluster: where, first index, how many. */
export function clusters(times, x, t, width, near = 6) {
    const found = [];
    let i = lowerBound(times, t(-8));
    const end = lowerBound(times, t(width + 8));
    while (i < end) {
        const at = x(times[i]);
        const next = Math.max(i + 1, Math.min(end, lowerBound(times, t(at + near))));
        const middle = (at + x(times[next - 1])) / 2;
        found.push({x: half(middle), first: i, count: next - i});
        i = next;
    }
    return found;
}

export function triangles(found, y) {
    let d = "";
    for (const c of found) {
        const r = c.count > 1 ? 7 : 5.5;
        d += `M${c.x - r} ${y + 5}L${c.x} ${y - r}L${c.x + r} ${y + 5}z`;
    }
    return d;
}

export function diamonds(points, y, r = 4.5) {
    let d = "";
    for (const p of points) d += `M${p} ${y - r}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`;
    return d;
}

/** Intervals cut into what lies inside `windows` and what lies outside. */
export function splitBy(intervals, windows) {
    const inside = [];
    const outside = [];
    for (const s of intervals) {
        let at = s.from;
        for (const w of windows) {
            if (w.to <= at || w.from >= s.to) continue;
            if (w.from > at) outside.push({...s, from: at, to: w.from});
            inside.push({...s, from: Math.max(at, w.from), to: Math.min(s.to, w.to)});
            at = Math.min(s.to, w.to);
        }
        if (at < s.to) outside.push({...s, from: at, to: s.to});
    }
    return {inside, outside};
}

/** One line of texts, the first ones first: none over another, none beyond the edge. What is in the middle moves inward, what stands
 *  right of its mark goes to the left of it. */
export function apart(texts, width, perLetter = 6.6) {
    const taken = [];
    return texts.flatMap((text) => {
        const w = text.text.length * perLetter;
        const isMiddle = text.anchor === "middle";
        const isLeft = !isMiddle && text.x + w > width;
        const from = isMiddle ? Math.max(0, Math.min(text.x - w / 2, width - w)) : isLeft ? text.x - 6 - w : text.x;
        if (from < 0 || from + w > width || taken.some(([a, b]) => from < b + 5 && from + w + 5 > a)) return [];
        taken.push([from, from + w]);
        return [isMiddle ? {...text, x: from + w / 2} : isLeft ? {...text, x: text.x - 6, anchor: "end"} : text];
    });
}

/** Texts into rows, the first ones first, none over another. `texts`: {x, text, row?}. */
export function placeLabels(texts, rows, width, perLetter = 6.3) {
    const taken = Array.from({length: rows}, () => []);
    const placed = [];
    for (const text of texts) {
        const w = text.text.length * perLetter + 8;
        const flipped = text.x + w > width && text.x - w > 0;
        const x = flipped ? text.x - w : text.x;
        if (x < 0 || x > width - 8) continue;
        for (let row = 0; row < rows; row++) {
            if (taken[row].some(([a, b]) => x < b && x + w > a)) continue;
            taken[row].push([x, x + w]);
            placed.push({...text, x: flipped ? x + w : x, row, anchor: flipped ? "end" : "start"});
            break;
        }
    }
    return placed;
}
