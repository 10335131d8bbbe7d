import { chart } from './chart.ts'
import { type Html, html } from './html.ts'
import { type Taken, type Tally, top } from './tally.ts'

const most = 20

/** Everything at a glance: calls over time, refusals, spending, latency, identities. */
export function overview(tally: Tally): Html {
  const { allowed, refused, cut, unknown, entries } = tally
  return html`<section aria-labelledby="over-time"><h2 id="over-time">Calls over time</h2>
<dl class="figures">
<div><dt>allowed</dt><dd>${allowed}</dd></div>
<div><dt>refused</dt><dd>${refused}</dd></div>
<div><dt>of nobody known</dt><dd>${unknown}</dd></div>
<div><dt><a href="/calls?ending=cut">streams cut</a></dt><dd>${cut}</dd></div>
<div><dt>half of them took</dt><dd>${duration(tally.quantile(0.5))}</dd></div>
<div><dt>95 of 100</dt><dd>${duration(tally.quantile(0.95))}</dd></div>
<div><dt>99 of 100</dt><dd>${duration(tally.quantile(0.99))}</dd></div>
<div><dt>entries</dt><dd>${entries}</dd></div>
</dl>
${chart(tally.spans, tally.spanLength)}</section>
<div class="columns">
${counts('Refusals by reason', 'code', tally.codes, (code) => `/calls?${new URLSearchParams({ code })}`)}
${counts('Refusals by rule', 'rule that forbade', tally.rules)}
${counts('How calls ended', 'ending', tally.endings)}
</div>
${spending('Spending by tenant', 'tenant', tally.tenants)}
${spending('Spending by model', 'model', tally.models, (model) => `/calls?${new URLSearchParams({ model })}`)}
${spending('Identities, and what they touched', 'identity', tally.identities, (subject) => `/calls?${new URLSearchParams({ subject })}`, true)}`
}

function counts(title: string, column: string, all: ReadonlyMap<string, number>, link?: (name: string) => string): Html {
  const rows = top(all, (count) => count, most)
  return html`<section><table><caption>${title}</caption>
<thead><tr><th scope="col">${column}</th><th scope="col">calls</th></tr></thead>
<tbody>${rows.map(([name, count]) => html`<tr><th scope="row">${named(name, name, link)}</th><td>${count}</td></tr>`)}${rows.length === 0 ? html`<tr><td colspan="2">none</td></tr>` : undefined}</tbody>
</table></section>`
}

function spending(title: string, column: string, all: ReadonlyMap<string, Taken>, link?: (name: string) => string, withTouched = false): Html {
  const rows = top(all, ({ inputTokens, outputTokens, calls }) => (inputTokens + outputTokens) * 1_000 + calls, most)
  return html`<section><table><caption>${title}</caption>
<thead><tr><th scope="col">${column}</th><th scope="col">calls</th><th scope="col">refused</th><th scope="col">tokens in</th><th scope="col">tokens out</th>${withTouched ? html`<th scope="col">touched</th>` : undefined}</tr></thead>
<tbody>${rows.map(
    ([name, { calls, refused, inputTokens, outputTokens, label, touched }]) =>
      html`<tr><th scope="row">${named(name, label, link)}</th><td>${calls}</td><td>${refused}</td><td>${inputTokens}</td><td>${outputTokens}</td>${withTouched ? html`<td class="text">${[...touched].join(', ')}</td>` : undefined}</tr>`,
  )}${rows.length === 0 ? html`<tr><td colspan="${withTouched ? 6 : 5}">none</td></tr>` : undefined}</tbody>
</table></section>`
}

function named(name: string, label: string, link: ((name: string) => string) | undefined): Html {
  return link === undefined ? html`${label}` : html`<a href="${link(name)}">${label}</a>`
}

/** Milliseconds for people. */
export function duration(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return '–'
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`
  return milliseconds < 100_000 ? `${(milliseconds / 1_000).toFixed(1)} s` : `${Math.round(milliseconds / 60_000)} min`
}
