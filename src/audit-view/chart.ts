import { type Html, html } from './html.ts'
import type { Span } from './tally.ts'

const width = 960
const height = 160

/** Calls over time as stacked bars, and the same as a table for whoever does not see them. */
export function chart(spans: readonly Span[], spanLength: number): Html {
  const first = spans[0]
  const last = spans.at(-1)
  if (first === undefined || last === undefined) return html`<p>No calls yet.</p>`
  const count = Math.round((last.start - first.start) / spanLength) + 1
  const highest = Math.max(1, ...spans.map(({ allowed, refused }) => allowed + refused))
  const step = width / count
  const bars = spans.map((span) => {
    const left = (step * (span.start - first.start)) / spanLength
    const [up, down] = [(height * span.allowed) / highest, (height * span.refused) / highest]
    const says = `${timeOf(span.start)}: ${span.allowed} allowed, ${span.refused} refused, ${span.failed} failed`
    const wide = Math.max(0.5, step - 1).toFixed(2)
    return html`<g><title>${says}</title>
<rect class="allowed" x="${left.toFixed(2)}" y="${(height - up).toFixed(2)}" width="${wide}" height="${up.toFixed(2)}"></rect>
<rect class="refused" x="${left.toFixed(2)}" y="${(height - up - down).toFixed(2)}" width="${wide}" height="${down.toFixed(2)}"></rect></g>`
  })
  return html`<figure>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="chart-says" preserveAspectRatio="none">${bars}</svg>
<figcaption id="chart-says">${timeOf(first.start)} to ${timeOf(last.start + spanLength)} UTC, ${lengthOf(spanLength)} a bar, at most ${highest} calls.
<span class="key allowed">allowed</span> <span class="key refused">refused</span></figcaption>
</figure>
<details><summary>The same as a table</summary>
<table><caption>Calls over time</caption><thead><tr><th scope="col">from</th><th scope="col">allowed</th><th scope="col">refused</th><th scope="col">failed</th></tr></thead>
<tbody>${spans.map(({ start, allowed, refused, failed }) => html`<tr><th scope="row">${timeOf(start)}</th><td>${allowed}</td><td>${refused}</td><td>${failed}</td></tr>`)}</tbody></table>
</details>`
}

function lengthOf(milliseconds: number): string {
  const minutes = milliseconds / 60_000
  return minutes < 60 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`
}

/** A moment, as `2026-11-25 12:00:00`. */
export function timeOf(milliseconds: number): string {
  const date = new Date(milliseconds)
  return Number.isNaN(date.getTime()) ? 'at no known time' : date.toISOString().replace('T', ' ').replace(/\..*/, '')
}
