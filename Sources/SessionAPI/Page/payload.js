// JSON laid out without being read into values: numbers keep their digits, repeated names stay.

export function prettyJSON(text) {
    let out = "";
    let depth = 0;
    let i = 0;
    const line = () => "\n" + "  ".repeat(Math.min(depth, 40));
    while (i < text.length) {
        const c = text[i];
        if (c === "\"") {
            let end = i + 1;
            while (end < text.length && text[end] !== "\"") end += text[end] === "\\" ? 2 : 1;
            out += text.slice(i, end + 1);
            i = end + 1;
            continue;
        }
        if (c === "{" || c === "[") {
            const close = /^[{[]\s*[}\]]/.exec(text.slice(i, i + 40));
            if (close) {
                out += c + (c === "{" ? "}" : "]");
                i += close[0].length;
                continue;
            }
            depth += 1;
            out += c + line();
        } else if (c === "}" || c === "]") {
            depth -= 1;
            out += line() + c;
        } else if (c === ",") {
            out += c + line();
        } else if (c === ":") {
            out += ": ";
        } else if (!/\s/.test(c)) {
            out += c;
        }
        i += 1;
    }
    return out;
}
