// Text for the clipboard: without controls, so that it may be pasted into a shell or a chat.

import {el, toast} from "./dom.js";

const clean = (text) => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");

export async function copyText(text, said) {
    const whole = clean(text);
    try {
        await navigator.clipboard.writeText(whole);
        toast(said);
    } catch {
        // Not allowed here (no TLS, or the browser asks first): then it is shown, to be copied by hand.
        const area = el("textarea", {readonly: true, rows: 16, "aria-label": "Text to copy"});
        area.value = whole;
        const dialog = el("dialog", {class: "help"}, el("form", {method: "dialog", class: "dialog-head"},
            el("h2", {}, "Copy this"), el("button", {type: "submit"}, "Close")), area);
        dialog.addEventListener("close", () => dialog.remove());
        document.body.append(dialog);
        dialog.showModal();
        area.select();
    }
}
