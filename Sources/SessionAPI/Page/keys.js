// One table makes the bindings and the help, so the help never lies.

import {el} from "./dom.js";
import {settings} from "./settings.js";
import {zoneName} from "./time.js";

const bindings = [];
let pending = null;

/** `bind("w", "Zoom in", handler, "Timeline")`; `"g d"` is two keys one after the other. */
export function bind(keys, text, handler, group = "Page") {
    bindings.push({keys: keys.split("|"), text, handler, group});
}

function inField(target) {
    return target instanceof HTMLElement &&
        (target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName) ||
            (target.tagName === "INPUT" && !["checkbox", "radio", "range", "button"].includes(target.type)));
}

document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && inField(event.target)) {
        event.target.blur();
        return;
    }
    if (inField(event.target)) return;
    const letters = event.key.length === 1;
    if (letters && !settings.get("shortcuts")) return;
    const wanted = pending ? `${pending} ${event.key}` : event.key;
    pending = null;
    for (const binding of bindings) {
        if (binding.keys.includes(wanted)) {
            if (binding.handler(event) !== false) event.preventDefault();
            return;
        }
        if (binding.keys.some((k) => k.startsWith(event.key + " "))) pending = event.key;
    }
});

const shown = (key) => ({ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc"}[key] ?? key);

function choice(name, label, options) {
    const id = "set-" + name;
    const select = el("select", {id, on: {change: () => settings.set(name, select.value)}},
        options.map(([value, text]) => el("option", {value, selected: settings.get(name) === value}, text)));
    return el("p", {class: "setting"}, el("label", {for: id}, label), select);
}

/** Opens keys and settings. */
export function showHelp() {
    document.querySelector("dialog.help")?.remove();
    const groups = Map.groupBy(bindings, (b) => b.group);
    const shortcuts = el("input", {type: "checkbox", id: "set-shortcuts",
        on: {change: () => settings.set("shortcuts", shortcuts.checked)}});
    shortcuts.checked = settings.get("shortcuts");
    const dialog = el("dialog", {class: "help", "aria-labelledby": "help-title"},
        el("form", {method: "dialog", class: "dialog-head"},
            el("h2", {id: "help-title"}, "Keys and settings"), el("button", {type: "submit", autofocus: true}, "Close")),
        el("div", {class: "settings"},
            choice("zone", "Times in", [["utc", "UTC"], ["local", "Local time: " + Intl.DateTimeFormat().resolvedOptions().timeZone]]),
            choice("theme", "Colours", [["system", "As the system"], ["light", "Light"], ["dark", "Dark"]]),
            choice("density", "Rows", [["normal", "Normal"], ["compact", "Compact"], ["roomy", "Roomy"]]),
            el("p", {class: "setting"}, el("label", {for: "set-shortcuts"}, "Single-key shortcuts"), shortcuts)),
        [...groups].map(([group, list]) => el("section", {},
            el("h3", {}, group),
            el("dl", {class: "keys"}, list.map((b) => el("div", {},
                el("dt", {}, b.keys.map((k, n) => [n > 0 && " or ", k.split(" ").map((one) => el("kbd", {}, shown(one)))])),
                el("dd", {}, b.text)))))),
        el("p", {class: "muted"}, `Times are in ${zoneName()}. With the mouse: drag pans, Ctrl and wheel zooms, Shift and `,
            "drag measures, a double click zooms to what is under it."));
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    document.body.append(dialog);
    dialog.showModal();
}
