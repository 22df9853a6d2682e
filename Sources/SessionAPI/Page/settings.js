// What a reader prefers, kept in this browser: nothing of it is needed for a link to show the same.

const KEY = "sessionizer.settings";
const DEFAULTS = {zone: "utc", theme: "system", density: "normal", shortcuts: true, fold: true, relative: "end"};

let values = {...DEFAULTS};
try {
    values = {...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? "{}")};
} catch {
    // A browser without storage, or somebody else's text in it: the defaults do.
}
const listeners = new Set();

export const settings = {
    get: (name) => values[name],
    set(name, value) {
        values[name] = value;
        try {
            localStorage.setItem(KEY, JSON.stringify(values));
        } catch {
            // Then it holds until the page is left.
        }
        apply();
        for (const listener of listeners) listener(name, value);
    },
    /** For this page only: what a permalink says, without changing what the reader prefers. */
    borrow(name, value) {
        values[name] = value;
        apply();
    },
    onChange: (listener) => listeners.add(listener),
};

function apply() {
    const root = document.documentElement;
    if (values.theme === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", values.theme);
    root.setAttribute("data-density", values.density);
}
apply();
