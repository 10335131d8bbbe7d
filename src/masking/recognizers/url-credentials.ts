import { alphanumeric, classOf } from '../character-classes.ts'
import type { Glance, Recognizer } from '../recognizer.ts'
import { isPlaceholder } from './secret-values.ts'

const maxScheme = 24
const maxUserInfo = 256
const maxConnection = 512

// Databases, brokers, directories: all of the address says where something lies that is nobody's business.
const services =
  /^(?:postgres|postgresql|mysql|mysqlx|mariadb|mongodb|redis|rediss|valkey|valkeys|amqp|amqps|mssql|sqlserver|oracle|clickhouse|cassandra|couchbase|couchbases|cockroachdb|neo4j|bolt|kafka|nats|mqtt|mqtts|ldap|ldaps|smtp|smtps|imap|imaps|snowflake|elasticsearch|influxdb|jdbc|db2|sybase|redshift|trino|presto|hive|memcached|stomp|rabbitmq)$/

function isSchemeCharacter(code: number): boolean {
  return (classOf(code) & alphanumeric) !== 0 || code === 43 || code === 46 || code === 45
}

function startOfScheme(unitAt: (index: number) => number, at: number): number {
  let start = at
  while (at - start < maxScheme && isSchemeCharacter(unitAt(start - 1))) start--
  return start
}

/** A name and a password before the host of a URL (RFC 3986, section 3.2.1), or a long token in the place of a name. */
export const urlCredentials: Recognizer = {
  types: ['URL_CREDENTIALS'],
  openings: ['://'],
  unlessAfter: 0,
  maxLength: maxUserInfo + 3,
  look(glance, at) {
    const end = endOfUserInfo(glance, at)
    if (end !== -1) glance.found('URL_CREDENTIALS', at + 3, end, 0.95)
  },
}

/** Addresses of databases, brokers and directories that hold a password. */
export const connectionString: Recognizer = {
  types: ['CONNECTION_STRING'],
  openings: ['://'],
  unlessAfter: 0,
  reachBack: (text, index) => startOfScheme((at) => text.charCodeAt(at), index),
  maxLength: maxConnection,
  look(glance, at) {
    if (!glance.startsWith('://', at)) return
    const start = startOfScheme((index) => glance.at(index), at)
    if (!services.test(serviceOf(glance.slice(start, at))) || endOfUserInfo(glance, at) === -1) return
    let end = at + 3
    while (end < start + maxConnection && isInAddress(glance.at(end))) end++
    // The end of a sentence is none of the address.
    while (isTrailing(glance.at(end - 1))) end--
    glance.found('CONNECTION_STRING', start, end, 0.97)
  },
}

// Without the driver or transport that may be named with it: `mysql+pymysql`, `mongodb+srv`, `jdbc:postgresql`.
function serviceOf(scheme: string): string {
  return scheme.toLowerCase().replace(/\+.*$/, '')
}

function isInAddress(code: number): boolean {
  return code > 32 && code !== 127 && code !== 34 && code !== 39 && code !== 96 && code !== 60 && code !== 62
}

function isTrailing(code: number): boolean {
  return code === 46 || code === 44 || code === 59 || code === 41 || code === 93 || code === 125 || code === 58
}

// Where the at sign stands behind a name and a password; -1 where there are none, or they only stand for some.
function endOfUserInfo(glance: Glance, at: number): number {
  if (!glance.startsWith('://', at)) return -1
  const from = at + 3
  let colon = -1
  let end = from
  for (; end < from + maxUserInfo; end++) {
    const code = glance.at(end)
    if (code === 64) break
    if (code === 58 && colon === -1) colon = end
    if (!isInAddress(code) || code === 91 || code === 93 || code === 47 || code === 63 || code === 35 || code === 92) return -1
  }
  if (end === from + maxUserInfo || end === from) return -1
  if (colon === -1) return isUserToken(glance.slice(from, end)) ? end : -1
  const password = glance.slice(colon + 1, end)
  return password === '' || isPlaceholder(password) ? -1 : end
}

/** Whether what stands alone before the host of a URL is a token and no name. */
export function isUserToken(userInfo: string): boolean {
  return userInfo.length >= 20 && /^[\w-]+$/.test(userInfo) && /\d/.test(userInfo)
}
