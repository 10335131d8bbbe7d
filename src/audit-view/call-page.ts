import type { Proof } from '../audit-log/audit-log.ts'
import type { DecisionRecord, OutcomeRecord } from '../audit-log/record.ts'
import { timeOf } from './chart.ts'
import type { Placed, SeenCall } from './calls.ts'
import { type Html, html } from './html.ts'
import { duration } from './overview.ts'

/** A record with its proof: what stands where, and whether the log's key signed it. */
export interface Proven {
  readonly placed: Placed<DecisionRecord | OutcomeRecord>
  readonly proof: Proof | undefined
  readonly isProven: boolean
}

/** One call's timeline: its records, each with its proof, and the other calls of its task. */
export function callPage(call: SeenCall, proven: readonly Proven[], task: readonly SeenCall[]): Html {
  const record = proven[0]?.placed.record
  return html`<article aria-labelledby="call"><h2 id="call">Call ${call.id}</h2>
<ol class="timeline">${proven.map(step)}</ol>
<section><table><caption>The task <a href="/calls?${new URLSearchParams({ task: record?.task ?? '' }).toString()}">${record?.task ?? ''}</a></caption>
<thead><tr><th scope="col">call</th><th scope="col">made for</th><th scope="col">what</th></tr></thead>
<tbody>${task.map(({ id, decision, outcome }) => {
    const one = decision?.record ?? outcome?.record
    return html`<tr><th scope="row">${id === call.id ? html`<span aria-current="true">${id}</span>` : html`<a href="/call/${encodeURIComponent(id)}">${id}</a>`}</th><td>${one?.parent ?? ''}</td><td class="text">${one?.action ?? ''} ${one?.resource.type ?? ''}/${one?.resource.id ?? ''}</td></tr>`
  })}</tbody></table></section></article>`
}

function step({ placed: { index, hash, record }, proof, isProven }: Proven): Html {
  const decided = record.kind === 'decision'
  const title = decided ? (record.allowed ? 'Permitted' : 'Refused') : `Ended: ${record.ending} after ${duration(record.elapsed)}`
  return html`<li><h3>${title}${record.code === undefined ? undefined : html` <code>${record.code}</code>`}</h3>
<p><time>${timeOf(record.time)}</time> UTC, entry ${index}.
${isProven ? html`<strong class="holds">Proven</strong> to be in the log that its key signed.` : html`<strong class="fails">Not proven</strong>: run <code>sallyport audit verify</code>.`}</p>
<dl>${facts(record)}</dl>
<details><summary>The record and its proof</summary><pre tabindex="0">${JSON.stringify(record, null, 2)}</pre>
<p>Leaf hash <code>${hash}</code>${proof === undefined ? undefined : html`, checkpoint of ${proof.checkpoint.size} entries, root <code>${proof.checkpoint.root}</code>, path of ${proof.path.length}:`}</p>
<ol>${(proof?.path ?? []).map((each) => html`<li><code>${each}</code></li>`)}</ol></details></li>`
}

function facts(record: DecisionRecord | OutcomeRecord): Html {
  const { subject, policy, rules, obligations, masked, reason } = record
  const usage = record.kind === 'outcome' ? record.usage : undefined
  const shown: readonly (readonly [string, string | undefined])[] = [
    [
      'who',
      subject === undefined
        ? undefined
        : `${subject.subject}, ${subject.kind} of ${subject.issuer}${subject.tenant === undefined ? '' : `, tenant ${subject.tenant}`}`,
    ],
    ['on behalf', subject?.actors?.map((actor) => actor.subject).join(' by ')],
    ['what', `${record.action} ${record.resource.type}/${record.resource.id}`],
    ['policy', policy === undefined ? undefined : `${policy.id}, version ${policy.version}`],
    ['rules', rules?.map(({ rule, effect }) => `${effect} ${rule}`).join(', ')],
    ['obligations', obligations?.join(', ')],
    ['why', reason],
    [
      'masked',
      masked === undefined
        ? undefined
        : Object.entries(masked)
            .map(([type, count]) => `${count} ${type}`)
            .join(', '),
    ],
    ['tokens', usage === undefined ? undefined : `${usage.inputTokens} in, ${usage.outputTokens} out`],
  ]
  return html`${shown.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [html`<dt>${name}</dt><dd>${value}</dd>`]))}`
}
