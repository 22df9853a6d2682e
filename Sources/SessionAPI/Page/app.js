'use strict';
// Looks an id up and shows what the API answers.
const state = document.getElementById('state');
const answer = document.getElementById('answer');

async function ask(path) {
  const response = await fetch('/analytics/v1/' + path, {headers: {Accept: 'application/json'}});
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail + (body.hint ? ' ' + body.hint : ''));
  return body;
}

document.getElementById('search').addEventListener('submit', async (event) => {
  event.preventDefault();
  answer.textContent = '';
  try {
    const found = await ask('search?q=' + encodeURIComponent(document.getElementById('id').value));
    const hit = found.go;
    if (!hit) {
      state.textContent = found.results.length ? 'Several ids fit:' : 'No id holds this.';
      answer.textContent = found.results.map((result) => result.kind + ' ' + result.id).join('\n');
      return;
    }
    const routes = {robot: 'robots/', pilot: 'pilots/', event: 'events/'};
    const path = (routes[hit.kind] || 'deliveries/') + encodeURIComponent(hit.id);
    const body = hit.kind === 'merchant' ? await ask('sessions?merchant=' + encodeURIComponent(hit.id)) : await ask(path);
    state.textContent = hit.kind + ' ' + hit.id;
    answer.textContent = JSON.stringify(body, null, 2);
  } catch (error) {
    state.textContent = error.message;
  }
});
