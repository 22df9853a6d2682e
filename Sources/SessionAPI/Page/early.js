// Runs before anything else and imports nothing: asks for a delivery's story while the rest of the page still loads.

const match = /^\/(?:deliveries|demands|trips)\/([^/]+)$/.exec(location.pathname);
if (match) {
    const url = `/analytics/v1/deliveries/${match[1]}`;
    globalThis.early = {url, answer: fetch(url, {credentials: "same-origin"})};
    // Whoever asks for it handles the failure; until then it must not count as unhandled.
    globalThis.early.answer.catch(() => {});
}
