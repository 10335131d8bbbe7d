import { plainText } from '../plain-text.ts'
import { secretVendors } from './secret-vendors.ts'

/** What a name says about the value that it is given: a password, a key, or something of a vendor's that may be one. */
export type SecretKind = 'password' | 'key' | 'vendor'

// Words as plain text has them, made into a set when they are first asked for.
function words(text: string): { has(word: string): boolean } {
  let set: ReadonlySet<string> | undefined
  return { has: (word) => (set ??= new Set(text.split(' ').map((each) => plainText(each).text))).has(word) }
}

const passwords = /* @__PURE__ */ words(
  'password passwort passwd passphrase pass pwd pw psw passcode pin contrasena motdepasse mdp senha haslo wachtwoord kennwort userpass dbpass rootpass ' +
    'dbpassword userpassword rootpassword passe contraseña clave hasło heslo jelszó parola salasana lösenord adgangskode пароль пароля pgpassword mypassword htpasswd',
)
const keys = /* @__PURE__ */ words(
  'secret secrets token apikey apitoken apisecret accesskey accesstoken authtoken secretkey privatekey signingkey encryptionkey masterkey clientsecret ' +
    'appsecret appkey consumersecret consumerkey sharedsecret credential credentials creds bearer authorization authkey licensekey sessionkey ' +
    'sessiontoken refreshtoken idtoken webhooksecret accountkey storagekey connectionkey sharedaccesskey jwtsecret cookiesecret hmac hmackey salt passkey ' +
    'deploykey serviceaccountkey secretaccesskey sessionsecret xapikey pat dockercfg dockerconfigjson dockerconfig',
)
// What a key, a token or a secret is for, in the word before.
const purposes = /* @__PURE__ */ words(
  'api access auth secret private signing encryption encrypt decryption master client app consumer shared license session refresh webhook account ' +
    'storage deploy service subscription integration publishable admin ssh aes hmac crypto cookie jwt oauth bot user security registration ingest ' +
    'write read project server rest sdk management personal database db',
)
const things = /* @__PURE__ */ words('key token secret pass password pat')
// The last word of names that are no secrets, whatever else they say.
const harmlessEnds = /* @__PURE__ */ words(
  'id ids name names type types url uri path file filename length len count size expires expiry expiration expire ttl algorithm policy field header ' +
    'prefix suffix version hint limit max min endpoint host port issuer at in time date timeout usage used total format regex pattern label rotation ' +
    'reset status enabled required class provider manager store service region scope scopes input element column index env var arn kid sha hash digest ' +
    'commit checksum etag fingerprint mode strength alias position budget ref uuid source event chars selector signature frame pressed board code pair ring',
)
// Words that make a key or a token one that anybody may see.
const harmless = /* @__PURE__ */ words(
  'public pub pubkey primary foreign natural sequence schema bucket sort partition range cache csrf xsrf socket idempotency routing translation ' +
    'pagination continuation page next previous cursor author authority authors accessor accessibility random max tokens keyword keywords arn vault hot ' +
    'idx constraint unique lookup sibling',
)

const vendors = /* @__PURE__ */ words(secretVendors)

const kinds = new Map<string, SecretKind | undefined>()
const maxKinds = 512

/** What a name says, in any of the ways to write one: `dbPassword`, `DB_PASSWORD`, `db-password`, `db.password`. */
export function secretKindOf(name: string): SecretKind | undefined {
  // The same names come again and again.
  if (kinds.has(name)) return kinds.get(name)
  const kind = kindOf(name)
  if (kinds.size >= maxKinds) kinds.clear()
  kinds.set(name, kind)
  return kind
}

function kindOf(name: string): SecretKind | undefined {
  if (/(?:密码|密碼|口令|パスワード|비밀번호|암호)$/.test(name)) return 'password'
  const parts = partsOf(name)
  const last = parts.at(-1) ?? ''
  // A number at the end counts several of them.
  if (harmlessEnds.has(last) || (/^\d+$/.test(last) && harmlessEnds.has(parts.at(-2) ?? ''))) return undefined
  const isHarmless = parts.some((part) => harmless.has(part))
  if (parts.some((part) => passwords.has(part)) && !(isHarmless && /max|tokens/.test(name.toLowerCase()))) return 'password'
  if (isHarmless) return undefined
  if (parts.some((part, index) => keys.has(part) || (things.has(part) && purposes.has(parts[index - 1] ?? '')))) return 'key'
  const flat = parts.join('')
  if (keys.has(flat)) return 'key'
  if (/(?:password|passwd|passphrase|pwd)$/.test(last)) return 'password'
  if (/(?:secret|apikey|token)$/.test(last)) return 'key'
  if (last === 'key' || last === 'auth') return 'vendor'
  return parts.some((part, index) => vendors.has(part) || vendors.has((parts[index - 1] ?? '') + part)) ? 'vendor' : undefined
}

function partsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
    .split(/[-_.]+/)
    .filter((part) => part !== '')
}
