import { timeOf } from './chart.ts'
import { type CallFilter, isCut, modelOf, recordOf, type SeenCall } from './calls.ts'
import { type Html, html } from './html.ts'
import { duration } from './overview.ts'

const endings = ['', 'allowed', 'refused', 'cut']

/** What a query narrows the list by. */
export function filterOf(query: URLSearchParams): CallFilter {
  const text = (name: string): string => (query.get(name) ?? '').trim().slice(0, 512)
  const ending = text('ending')
  return { subject: text('subject'), code: text('code'), model: text('model'), task: text('task'), ending: endings.includes(ending) ? ending : '' }
}

/** The newest calls, with a form to narrow them. @param kept how many are kept at most. */
export function callList(calls: readonly SeenCall[], filter: CallFilter, kept: number): Html {
  const field = (name: keyof CallFilter, label: string): Html =>
    html`<label>${label} <input name="${name}" value="${filter[name]}" autocomplete="off"></label>`
  return html`<section aria-labelledby="calls"><h2 id="calls">Calls</h2>
<form action="/calls" method="get" role="search">
${field('subject', 'subject')}${field('model', 'model')}${field('code', 'code')}${field('task', 'task')}
<label>ending <select name="ending">${endings.map((ending) => html`<option value="${ending}"${ending === filter.ending ? html` selected` : undefined}>${ending === '' ? 'any' : ending}</option>`)}</select></label>
<button>Show</button></form>
<table><caption>The newest that fit, of the last ${kept} calls</caption>
<thead><tr><th scope="col">time (UTC)</th><th scope="col">who</th><th scope="col">what</th><th scope="col">model</th><th scope="col">decision</th><th scope="col">ending</th><th scope="col">took</th></tr></thead>
<tbody>${calls.map(row)}${calls.length === 0 ? html`<tr><td colspan="7">none</td></tr>` : undefined}</tbody></table></section>`
}

function row(call: SeenCall): Html {
  const record = recordOf(call)
  if (record === undefined) return html``
  const { decision, outcome } = call
  const at = decision?.record.time ?? record.time
  const verdict = record.code === undefined ? 'allowed' : record.code
  return html`<tr${record.code === undefined ? undefined : html` class="refused"`}><th scope="row"><a href="/call/${encodeURIComponent(call.id)}">${timeOf(at)}</a></th>
<td class="text">${record.subject?.subject ?? 'nobody'}</td><td class="text">${record.action} ${record.resource.type}/${record.resource.id}</td><td class="text">${modelOf(call) ?? ''}</td>
<td>${verdict}</td><td>${outcome === undefined ? 'still running, or not recorded' : `${outcome.record.ending}${isCut(call) ? ' (cut)' : ''}`}</td><td>${duration(outcome?.record.elapsed)}</td></tr>`
}
