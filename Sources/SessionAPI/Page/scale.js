// Time to pixels: linear but for quiet gaps, which are folded to a fixed small width.

const LEAST_GAP = 5 * 60_000;
const SHARE = 0.1;
const FOLDED = 0.04;

/** Gaps between neighbours of `times` (sorted) that take a tenth of the whole or more and last five minutes. */
export function quietGaps(times, from, to) {
    const gaps = [];
    const least = Math.max(LEAST_GAP, (to - from) * SHARE);
    for (let i = 1; i < times.length; i++) {
        if (times[i] - times[i - 1] < least || times[i - 1] < from || times[i] > to) continue;
        const edge = (times[i] - times[i - 1]) * 0.02;
        gaps.push({from: times[i - 1] + edge, to: times[i] - edge});
    }
    return gaps;
}

/** `u`: time without what is folded away. One unit is a millisecond outside the gaps. */
export class Scale {
    constructor(from, to, gaps = []) {
        const quiet = gaps.reduce((sum, g) => sum + g.to - g.from, 0);
        const width = Math.max(1, (to - from - quiet) * FOLDED);
        this.gaps = gaps;
        this.points = [{t: from, u: 0}];
        for (const gap of gaps) {
            const before = this.points.at(-1);
            const u = before.u + gap.from - before.t;
            this.points.push({t: gap.from, u}, {t: gap.to, u: u + Math.min(width, gap.to - gap.from)});
        }
        const last = this.points.at(-1);
        this.points.push({t: Math.max(to, last.t + 1), u: last.u + Math.max(to, last.t + 1) - last.t});
    }

    u(t) { return this.#map(t, "t", "u"); }
    t(u) { return this.#map(u, "u", "t"); }

    #map(value, from, to) {
        const p = this.points;
        if (value <= p[0][from]) return p[0][to] + value - p[0][from];
        if (value >= p.at(-1)[from]) return p.at(-1)[to] + value - p.at(-1)[from];
        let low = 0;
        let high = p.length - 1;
        while (high - low > 1) {
            const middle = (low + high) >> 1;
            if (p[middle][from] <= value) low = middle;
            else high = middle;
        }
        const a = p[low];
        const b = p[high];
        return a[to] + (value - a[from]) * (b[to] - a[to]) / (b[from] - a[from]);
    }
}

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000,
    600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000, 604_800_000];

/** Round instants between `from` and `to`, so many that each has `least` pixels. */
export function ticks(from, to, width, least = 84, offset = 0) {
    const most = Math.max(2, Math.floor(width / least));
    const step = STEPS.find((s) => (to - from) / s <= most) ?? STEPS.at(-1);
    const all = [];
    for (let t = Math.ceil((from + offset) / step) * step - offset; t <= to && all.length < 40; t += step) all.push(t);
    return {step, all};
}
