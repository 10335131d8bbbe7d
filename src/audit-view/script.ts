/**
 * What the page does by itself: as the log grows it fetches its content anew. It leaves alone whoever is typing, has something open, or
 * does not want it.
 */
export const script = `'use strict'
const main = document.getElementById('main')
const live = document.getElementById('live')
const status = document.getElementById('status')
const isBusy = () => !live.checked || document.hidden || main.querySelector('details[open]') !== null || main.querySelector('input:focus, select:focus') !== null
let waiting = false
async function renew() {
  if (isBusy()) { waiting = true; return }
  waiting = false
  const focused = document.activeElement instanceof HTMLAnchorElement ? document.activeElement.getAttribute('href') : null
  const response = await fetch(location.pathname + location.search, { headers: { accept: 'text/x-main' } })
  if (!response.ok) { status.textContent = 'This page can no longer be renewed: start it anew.'; return }
  main.innerHTML = await response.text()
  main.dataset.version = response.headers.get('x-version')
  if (focused !== null) for (const link of main.querySelectorAll('a')) if (link.getAttribute('href') === focused) { link.focus(); break }
}
const events = new EventSource('/events')
events.onmessage = ({ data }) => { if (data !== main.dataset.version) renew().catch(() => {}) }
events.onerror = () => { status.textContent = 'The connection was lost.' }
live.onchange = () => { if (live.checked && waiting) renew().catch(() => {}) }
document.addEventListener('focusout', () => setTimeout(() => { if (waiting) renew().catch(() => {}) }, 500))
`
