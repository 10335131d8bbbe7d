import { alphanumeric, classOf, digit, dot, hyphen, lower, underscore, upper } from '../character-classes.ts'
import type { Glance, Recognizer } from '../recognizer.ts'
import { isPlaceholder } from './url-credentials.ts'

const maxName = 48
const maxValue = 256

/** What a name says about the value that it is given. */
type Kind = 'password' | 'key' | 'vendor' | undefined

const passwords =
  /^(?:password|passwort|passwd|passphrase|pass|pwd|pw|psw|passcode|pin|contrasena|motdepasse|mdp|senha|haslo|wachtwoord|kennwort|userpass|dbpass|rootpass|dbpassword|userpassword|rootpassword)$/
const keys =
  /^(?:secret|secrets|token|apikey|apitoken|apisecret|accesskey|accesstoken|authtoken|secretkey|privatekey|signingkey|encryptionkey|masterkey|clientsecret|appsecret|appkey|consumersecret|consumerkey|sharedsecret|credential|credentials|bearer|authorization|authkey|licensekey|sessionkey|sessiontoken|refreshtoken|idtoken|webhooksecret|accountkey|storagekey|connectionkey|sharedaccesskey|jwtsecret|cookiesecret|hmac|hmackey|salt|passkey|deploykey|serviceaccountkey|secretaccesskey|sessionsecret|xapikey)$/
const pairs =
  /(?:^|_)(?:api|access|auth|secret|private|signing|encryption|encrypt|decryption|master|client|app|consumer|shared|license|session|refresh|webhook|account|storage|deploy|service|subscription|integration|publishable|admin|ssh|aes|hmac|crypto|cookie|jwt|oauth|bot|user|security|registration|ingest|write|read|project|server|rest|sdk|management|personal|database)_(?:key|token|secret|pass|password|pat)(?:_|$)/
const vendors =
  /(?:^|_)(?:adafruit|adobe|airtable|algolia|alibaba|aws|amazon|asana|atlassian|jira|confluence|authress|azure|beamer|bitbucket|bittrex|clickhouse|cloudflare|codecov|cohere|coinbase|confluent|contentful|databricks|datadog|defined|digitalocean|discord|doppler|dropbox|droneci|dynatrace|easypost|etsy|facebook|fastly|finicity|finnhub|flickr|flutterwave|freemius|freshbooks|gcp|gitea|github|gitlab|gitter|gocardless|grafana|harness|hashicorp|heroku|hubspot|huggingface|intercom|intra42|jfrog|artifactory|kraken|kucoin|launchdarkly|linear|linkedin|lob|looker|mailchimp|mailgun|mailjet|mapbox|mattermost|messagebird|mistral|netlify|newrelic|new_relic|notion|npm|nytimes|octopus|okta|onfido|openai|opsgenie|pagerduty|paypal|plaid|planetscale|postman|privateai|pulumi|pypi|rapidapi|readme|replicate|rubygems|scalingo|segment|sendbird|sendgrid|sendinblue|sentry|shippo|shopify|sidekiq|slack|snyk|sonar|sourcegraph|spotify|square|squarespace|stripe|sumologic|supabase|teams|telegram|travis|trello|twilio|twitch|twitter|typeform|vault|vercel|weights|wandb|yandex|zendesk|zoom)(?:_|$)/
// The last word of names that are no secrets, whatever else they say.
const harmless =
  /_(?:id|ids|name|names|type|types|url|uri|path|file|filename|length|len|count|size|expires|expiry|expiration|expire|ttl|algorithm|policy|field|header|prefix|suffix|version|hint|limit|max|min|endpoint|host|port|issuer|at|in|time|date|timeout|usage|used|total|format|regex|pattern|label|rotation|reset|status|enabled|required|class|provider|manager|store|service|region|scope|scopes|input|element|column|index|env|var|arn|kid|sha|hash|digest|commit|checksum|etag|fingerprint|mode|strength|alias|position|budget)$/

function kindOf(name: string): Kind {
  const flat = name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[-.]/g, '_')
  if (harmless.test(`_${flat}`)) return undefined
  const parts = flat.split('_')
  if (parts.some((part) => passwords.test(part)) && !/max|tokens/.test(flat)) return 'password'
  if (pairs.test(flat) || parts.some((part) => keys.test(part)) || keys.test(flat.replaceAll('_', ''))) return 'key'
  if (/(?:password|passwd|passphrase|pwd)$/.test(flat)) return 'password'
  if (/(?:secret|apikey|authtoken|accesstoken)$/.test(flat)) return 'key'
  return vendors.test(flat) || parts.at(-1) === 'key' || parts.at(-1) === 'auth' ? 'vendor' : undefined
}

const kinds = new Map<string, Kind>()
const maxKinds = 512

// The same names come again and again.
function knownKindOf(name: string): Kind {
  if (kinds.has(name)) return kinds.get(name)
  const kind = kindOf(name)
  if (kinds.size >= maxKinds) kinds.clear()
  kinds.set(name, kind)
  return kind
}

/**
 * Passwords, keys and tokens by the name that they are given to, as in `db_password = "..."`, `"apiKey": "..."`: what looks
 * chosen at random, and of passwords also what is no plain word. Variables, masks and examples are none.
 */
export const assignedSecret: Recognizer = {
  types: ['SECRET'],
  openings: ['=?', ':?', 'is', 'es', '("', "('", '--', '-u'],
  unlessAfter: 0,
  maxLength: maxValue + 12,
  look(glance, at) {
    const isWord = (classOf(glance.at(at)) & lower) !== 0
    if (glance.at(at) === 45) {
      if (glance.at(at + 1) === 45) lookAtOption(glance, at)
      else lookAtUser(glance, at)
      return
    }
    if (isWord && glance.at(at - 1) !== 32) return
    const name = nameBefore(glance, at)
    if (name === '') return
    const kind = name.toLowerCase() === 'value' ? kindOfPair(glance, at) : knownKindOf(name)
    if (kind === 'password' && isWord) judgeSaid(glance, at)
    else if (kind !== undefined && !isWord) judge(glance, at, kind)
  },
}

const nameClasses = alphanumeric | underscore | hyphen | dot

function nameBefore(glance: Glance, at: number): string {
  let end = at
  // `name :=`, `"name":`, `name?:`, `name']=`
  while (at - end < 5 && isBetween(glance.at(end - 1))) end--
  let start = end
  while (end - start < maxName && (classOf(glance.at(start - 1)) & nameClasses) !== 0) start--
  // What stands there was masked already, as [API_KEY:4be1...], or is a name before a password in a URL.
  if (glance.at(start - 1) === 91 || glance.at(start - 1) === 47) return ''
  return glance.slice(start, end)
}

function isBetween(code: number): boolean {
  return code === 32 || code === 34 || code === 39 || code === 93 || code === 58 || code === 63 || code === 92 || code === 96
}

// `name="apiKey" value="..."`, `name: API_KEY, value: ...`: what the value is of stands before it.
function kindOfPair(glance: Glance, at: number): Kind {
  const before = glance.slice(at - 72, at)
  const name = /(?:name|key|id)["']?\s{0,2}[=:]\s{0,2}["']?([\w.-]{2,40})["']?[\s,-]{1,12}["']?value["' ]{0,2}$/i.exec(before)?.[1]
  return name === undefined ? undefined : knownKindOf(name)
}

// `--token ...`; with an equals sign it is an assignment.
function lookAtOption(glance: Glance, at: number): void {
  if ((classOf(glance.at(at - 1)) & (alphanumeric | hyphen)) !== 0) return
  let end = at + 2
  while (end < at + maxName && (classOf(glance.at(end)) & nameClasses) !== 0) end++
  if (end === at + 2 || glance.at(end) !== 32) return
  const kind = knownKindOf(glance.slice(at + 2, end))
  if (kind === 'password' || kind === 'key') judge(glance, end, kind)
}

// `curl -u name:password`.
function lookAtUser(glance: Glance, at: number): void {
  if (glance.at(at - 1) !== 32 || glance.at(at + 2) !== 32) return
  const quote = glance.at(at + 3)
  const from = quote === 34 || quote === 39 ? at + 4 : at + 3
  let colon = -1
  let end = from
  for (; end < from + maxValue && isInValue(glance.at(end), -1); end++) if (glance.at(end) === 58 && colon === -1) colon = end
  if (colon > from && end - colon > 4 && !isPlaceholder(glance.slice(colon + 1, end))) glance.found('SECRET', colon + 1, end, 0.7)
}

// `my password is hunter2`: what stands there is one if it is no word.
function judgeSaid(glance: Glance, at: number): void {
  let from = at
  while (from < at + 3 && (classOf(glance.at(from)) & lower) !== 0) from++
  if (glance.at(from++) !== 32) return
  const quote = glance.at(from) === 34 || glance.at(from) === 39 || glance.at(from) === 96 ? glance.at(from++) : -1
  let end = from
  while (end < from + maxValue && isInValue(glance.at(end), quote)) end++
  if (quote === -1) while (end > from && isTrailing(glance.at(end - 1))) end--
  const value = glance.slice(from, end)
  const { digits, lowers, uppers } = classesIn(value)
  if (value.length >= 6 && value.length <= 64 && digits > 0 && lowers + uppers > 0 && !isPlaceholder(value) && !isCode(value))
    glance.found('SECRET', from, end, 0.65)
}

function judge(glance: Glance, at: number, kind: 'password' | 'key' | 'vendor'): void {
  let from = at + 1
  while (from < at + 5 && (glance.at(from) === 61 || glance.at(from) === 62 || glance.at(from) === 126)) from++
  const gap = from
  while (from < gap + 6 && (glance.at(from) === 32 || glance.at(from) === 9)) from++
  // Quotes, also escaped ones of a text within a text, and the words before a token.
  let quote = -1
  const prefix = glance.at(from)
  const isPrefixed =
    (prefix === 98 || prefix === 114 || prefix === 117 || prefix === 102) && (glance.at(from + 1) === 34 || glance.at(from + 1) === 39)
  if (prefix === 92 || isPrefixed) from++
  if (glance.at(from) === 34 || glance.at(from) === 39 || glance.at(from) === 96) quote = glance.at(from++)
  for (const scheme of ['Bearer ', 'bearer ', 'Basic ', 'token ', 'Token '])
    if (glance.startsWith(scheme, from)) {
      from += scheme.length
      break
    }
  let end = from
  while (end < from + maxValue && isInValue(glance.at(end), quote)) end++
  if (quote === -1) while (end > from && isTrailing(glance.at(end - 1))) end--
  if (quote !== -1 && end < from + maxValue && glance.at(end) !== quote && glance.at(end) !== 92) return
  const value = glance.slice(from, end)
  if (isSecret(value, kind, quote !== -1, glance.at(at) === 61)) glance.found('SECRET', from, end, 0.7)
}

function isInValue(code: number, quote: number): boolean {
  if (quote !== -1) return code >= 32 && code !== quote && code !== 92
  return (
    code > 32 && code !== 34 && code !== 39 && code !== 96 && code !== 44 && code !== 59 && code !== 38 && code !== 60 && code !== 62 && code !== 127
  )
}

function isTrailing(code: number): boolean {
  return code === 46 || code === 41 || code === 93 || code === 125 || code === 58
}

function isSecret(value: string, kind: 'password' | 'key' | 'vendor', isQuoted: boolean, isEqual: boolean): boolean {
  if (value.length < 6 || isPlaceholder(value)) return false
  const seen = classesIn(value)
  if (kind === 'password')
    return !isCode(value) && (isQuoted || isEqual || value.length >= 8 || seen.digits > 0) && isNoWord(value, seen, isQuoted && isEqual)
  if (
    value.length < (kind === 'key' ? 10 : 16) ||
    !(kind === 'key' ? (isQuoted ? /^[!-~]+$/ : /^[\w+/=.~!$%^&*:@-]+$/) : /^[\w+/=.-]+$/).test(value) ||
    isCode(value) ||
    isVersion(value)
  )
    return false
  if (seen.digits === 0 && !(value.length >= 20 && seen.uppers > 2 && seen.lowers > 2 && !/^[A-Z]?[a-z]+(?:[A-Z][a-z]+)*$/.test(value))) return false
  if (kind === 'vendor' && /^[\da-f]{8}-[\da-f]{4}-/i.test(value)) return false
  if (/^\d+$/.test(value)) return kind === 'key' && value.length >= 16
  return entropy(value) >= (value.length >= 32 ? 3 : value.length >= 16 ? 2.8 : 2.6) && !isWords(value)
}

interface Seen {
  readonly digits: number
  readonly lowers: number
  readonly uppers: number
  readonly others: number
}

function classesIn(value: string): Seen {
  let digits = 0
  let lowers = 0
  let uppers = 0
  for (let index = 0; index < value.length; index++) {
    const bits = classOf(value.charCodeAt(index))
    if ((bits & digit) !== 0) digits++
    else if ((bits & lower) !== 0) lowers++
    else if ((bits & upper) !== 0) uppers++
  }
  return { digits, lowers, uppers, others: value.length - digits - lowers - uppers }
}

// What people type as a password: more than letters, or letters that no program would write there.
function isNoWord(value: string, { digits, lowers, uppers, others }: Seen, isLiteral: boolean): boolean {
  if (/\s.*\s.*\s/.test(value) || (/\s/.test(value) && !(isLiteral && digits > 0))) return false
  if (digits > 0 && lowers + uppers > 0) return true
  if (others > 0 && lowers + uppers > 0 && !/^[A-Za-z]+(?:[-_. :/][A-Za-z]+)*[.:!?]*$/.test(value)) return true
  if (digits === value.length) return digits >= 6
  return isLiteral && others === 0 && value.length >= 8 && !/^[A-Z]?[a-z]+$/.test(value)
}

// A call, a member of something, a path, an address, a template.
function isCode(value: string): boolean {
  return (
    /[(){}[\]]|^\/|^\.{1,2}\/|:\/\/|^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+$|^[A-Za-z]{5,}$|^[A-Za-z]+(?:_[A-Za-z]+)+$|=>|->/.test(value) &&
    !/^(?=.*\d)(?=.*[A-Z])(?=.*[!@#$%^&*])/.test(value)
  )
}

function isVersion(value: string): boolean {
  return /^v?\d+(?:\.\d+)+/.test(value) || /^\d{4}-\d\d-\d\d/.test(value)
}

// Words between separators, with a number at most.
function isWords(value: string): boolean {
  return /^(?:[A-Za-z]{2,}|\d{1,4}|v\d+)(?:[-_./:](?:[A-Za-z]{2,}|\d{1,4}|v\d+))+$/.test(value)
}

/** Shannon's entropy of the characters of a text, in bits for each. */
function entropy(value: string): number {
  const counts = new Map<string, number>()
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length)
  return bits
}
