import { type Html, html } from './html.ts'

/** What is known of whether the log holds. */
export interface Standing {
  /** The log's name. */
  readonly origin: string
  /** Entries that were proven to be those that the key signed. */
  readonly proven: number
  /** What is wrong; undefined where nothing is. */
  readonly problem?: string | undefined
  /** Whether an anchor ruled out a missing end. */
  readonly anchored: boolean
  /** Whether the key came from outside the log. */
  readonly pinned: boolean
}

/** A whole page. What is inside `main` is exchanged as the log grows. */
export function page(title: string, standing: Standing, main: Html): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title} – ${standing.origin}</title>
<link rel="stylesheet" href="/style.css"><link rel="icon" href="data:,"><script src="/script.js" defer></script></head>
<body><a class="skip" href="#main">To the content</a>
<header><h1>${standing.origin}</h1><nav aria-label="Pages"><a href="/">Overview</a> <a href="/calls">Calls</a></nav>
<label class="live"><input type="checkbox" id="live" checked> live</label></header>
<main id="main" tabindex="-1" data-version="${versionOf(standing)}">${content(standing, main)}</main>
<p id="status" class="quiet" role="status" aria-live="polite"></p></body></html>`.html
}

/** Another text where there is something else to see. */
export function versionOf({ proven, problem }: Standing): string {
  return `${proven}${problem === undefined ? '' : ' and a problem'}`
}

/** What stands inside `main`. */
export function content(standing: Standing, main: Html): Html {
  return html`${verified(standing)}${main}`
}

function verified({ proven, problem, anchored, pinned }: Standing): Html {
  if (problem !== undefined)
    return html`<p class="standing fails" role="alert"><strong>The log does not hold.</strong> ${problem}. What is shown are the ${proven} entries before that.</p>`
  const doubts = [
    ...(pinned ? [] : ['the key is the one in its own folder, so it may have been replaced as a whole']),
    ...(anchored ? [] : ['without an anchor nobody can tell whether its end was cut']),
  ]
  return html`<p class="standing ${doubts.length === 0 ? 'holds' : 'doubts'}"><strong>${proven} entries are those that the key signed.</strong>${doubts.length === 0 ? undefined : ` But ${doubts.join(', and ')}.`}</p>`
}
