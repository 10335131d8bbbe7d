import type { Labelled } from './corpus.ts'

/** What somebody found in a text. */
export interface Found {
  readonly type: string
  readonly start: number
  readonly end: number
}

interface Count {
  right: number
  missed: number
  wrong: number
}

/** How right somebody is: by type, in all, and how much of what is innocent is masked. */
export interface Quality {
  readonly byType: ReadonlyMap<string, Count>
  readonly all: Count
  readonly innocent: number
  readonly masked: number
}

/** What of labelled texts is found. A value is found where something of its type overlaps it. */
export async function qualityOf(
  texts: readonly Labelled[],
  find: (text: string) => readonly Found[] | Promise<readonly Found[]>,
  show = false,
): Promise<Quality> {
  const byType = new Map<string, Count>()
  const countOf = (type: string): Count => {
    const count = byType.get(type) ?? { right: 0, missed: 0, wrong: 0 }
    byType.set(type, count)
    return count
  }
  let innocent = 0
  let masked = 0
  for (const { text, labels } of texts) {
    const findings = await find(text)
    const tell = (what: string, { type, start, end }: Found): void => {
      if (show) console.log(what, type, JSON.stringify(text.slice(start, end)), 'in', JSON.stringify(text))
    }
    for (const label of labels)
      if (findings.some((finding) => finding.type === label.type && overlap(finding, label))) countOf(label.type).right++
      else {
        countOf(label.type).missed++
        tell('missed', label)
      }
    for (const finding of findings)
      if (!labels.some((label) => finding.type === label.type && overlap(finding, label))) {
        countOf(finding.type).wrong++
        tell('wrong', finding)
      }
    for (let at = 0; at < text.length; at++) {
      if (labels.some(({ start, end }) => start <= at && at < end)) continue
      innocent++
      if (findings.some(({ start, end }) => start <= at && at < end)) masked++
    }
  }
  const all = { right: 0, missed: 0, wrong: 0 }
  for (const { right, missed, wrong } of byType.values()) {
    all.right += right
    all.missed += missed
    all.wrong += wrong
  }
  return { byType, all, innocent, masked }
}

function overlap(one: { readonly start: number; readonly end: number }, other: { readonly start: number; readonly end: number }): boolean {
  return one.start < other.end && one.end > other.start
}

/** Precision, recall and F1. */
export function rates({ right, missed, wrong }: Count): readonly [precision: number, recall: number, f1: number] {
  return [right / (right + wrong), right / (right + missed), (2 * right) / (2 * right + missed + wrong)]
}
