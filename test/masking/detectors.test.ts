import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { detectors } from '../../src/masking/detectors.ts'
import { scan } from '../../src/masking/scan.ts'
import { found } from './found.ts'

function finds(text: string, ...findings: string[]): void {
  assert.deepEqual(found(text), findings, JSON.stringify(text))
}

test('finds e-mail addresses wherever they stand', () => {
  finds('bob@example.com', 'EMAIL bob@example.com')
  finds('at the end: bob@example.com', 'EMAIL bob@example.com')
  finds('a full stop bob@example.com.', 'EMAIL bob@example.com')
  finds('Bob <b.o-b+tag@mail.example.co.uk>, hello', 'EMAIL b.o-b+tag@mail.example.co.uk')
  finds('"bob@example.com"', 'EMAIL bob@example.com')
  finds("'bob@example.com'", 'EMAIL bob@example.com')
  finds('mailto:bob@example.com?subject=x', 'EMAIL bob@example.com')
  finds('a@b.co,c@d.org;e@f.net', 'EMAIL a@b.co', 'EMAIL c@d.org', 'EMAIL e@f.net')
  finds('für jürgen@müller.de, ok', 'EMAIL jürgen@müller.de')
  finds('邮箱是bob@example.com。', 'EMAIL bob@example.com')
  finds('🙂bob@example.com🙂', 'EMAIL bob@example.com')
  finds('x@xn--mller-kva.xn--p1ai', 'EMAIL x@xn--mller-kva.xn--p1ai')
  finds("o'brien@example.ie", "EMAIL o'brien@example.ie")
  finds('@bob@social.example', 'EMAIL bob@social.example')
  finds('bob@example.com...and more', 'EMAIL bob@example.com')
  finds('bob@example.com:8080', 'EMAIL bob@example.com')
})

test('takes for no e-mail address what is none', () => {
  for (const text of [
    '@',
    'a@',
    '@b.com',
    'a@b',
    'root@localhost',
    'lodash@4.17.21',
    'logo@2x.png',
    'a@.com',
    'a@b..com',
    'x @ y.com',
    'a@b.c',
    '@media print',
  ])
    finds(text)
})

test('takes the last 64 characters of a local part that is too long, and a domain of at most 253', () => {
  const [long] = scan(`${'a'.repeat(100)}@example.com`, detectors.email)
  assert.deepEqual([long?.start, long?.end], [36, 112])
  const [domain] = scan(`a@${'b.'.repeat(500)}com`, detectors.all)
  assert.equal(domain, undefined)
  const [cut] = scan(`a@${'bc.'.repeat(500)}com`, detectors.all)
  assert.ok(cut !== undefined && cut.end <= 2 + 253)
})

test('finds card numbers with a right check digit, unbroken and in groups', () => {
  for (const number of [
    '4111111111111111',
    '5555555555554444',
    '378282246310005',
    '6011111111111117',
    '3530111333300000',
    '2223003122003222',
    '30569309025904',
    '4222222222222',
  ])
    finds(`card ${number}.`, `CARD ${number}`)
  finds('4111 1111 1111 1111', 'CARD 4111 1111 1111 1111')
  finds('4111-1111-1111-1111', 'CARD 4111-1111-1111-1111')
  finds('3782 822463 10005', 'CARD 3782 822463 10005')
  finds('order 12345 4111 1111 1111 1111 and 737', 'CARD 4111 1111 1111 1111')
  finds('4111 1111 1111 1111 12/27', 'CARD 4111 1111 1111 1111')
  finds('"pan":"4111111111111111"', 'CARD 4111111111111111')
  finds('卡号4111111111111111', 'CARD 4111111111111111')
})

test('takes for no card what is none', () => {
  for (const text of [
    '4111111111111112',
    '1234567812345670',
    '41111111111111111111111111',
    'a4111111111111111',
    '4111111111111111b',
    '_4111111111111111',
    '4111 1111 1111 111',
    '1700000000000',
    '0000000000000000',
    '12345678-4111-1111-1111-111111111111',
    '41 11 11 11 11 11 11 11',
  ])
    finds(text)
})

test('property: a card number with one other digit is none', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 1, max: 9 }), (place, step) => {
      const digits = [...'4242424242424242']
      digits[place] = String((Number(digits[place]) + step) % 10)
      return scan(digits.join(''), detectors.card).length === 0
    }),
  )
})

test('finds IBANs with right check digits', () => {
  for (const number of [
    'DE89370400440532013000',
    'GB82WEST12345698765432',
    'FR1420041010050500013M02606',
    'NO9386011117947',
    'MT84MALT011000012345MTLCAST001S',
    'CH9300762011623852957',
    'nl91abna0417164300',
  ])
    finds(`to ${number}, please`, `IBAN ${number}`)
  finds('DE89 3704 0044 0532 0130 00', 'IBAN DE89 3704 0044 0532 0130 00')
  finds('IBAN:DE89-3704-0044-0532-0130-00.', 'IBAN DE89-3704-0044-0532-0130-00')
  finds('账号DE89370400440532013000。', 'IBAN DE89370400440532013000')
})

test('takes for no IBAN what is none', () => {
  for (const text of [
    'DE89370400440532013001',
    'DE8937040044053201300',
    'DE893704004405320130000',
    'XX89370400440532013000',
    'ADE89370400440532013000',
    'DE89  3704 0044 0532 0130 00',
    'D E89370400440532013000',
  ])
    assert.deepEqual(found(text, detectors.iban), [], text)
})

test('property: an IBAN with one other character or two swapped ones is none', () => {
  const iban = 'GB82WEST12345698765432'
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 21 }), fc.integer({ min: 0, max: 9 }), (place, digit) => {
      const other = iban.slice(0, place) + digit + iban.slice(place + 1)
      return other === iban || scan(other, detectors.iban).length === 0
    }),
  )
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 20 }), (place) => {
      const other = iban.slice(0, place) + iban.charAt(place + 1) + iban.charAt(place) + iban.slice(place + 2)
      return other === iban || scan(other, detectors.iban).length === 0
    }),
  )
})

test('finds telephone numbers', () => {
  for (const number of [
    '+491701234567',
    '+49 170 1234567',
    '+49 (0)170 1234567',
    '+1 (555) 123-4567',
    '+1-555-123-4567',
    '+44 20 7946 0958',
    '+33 1 23 45 67 89',
    '+86 138 0013 8000',
    '0049 170 1234567',
    '(555) 123-4567',
    '555-123-4567',
    '555.123.4567',
    '1-800-555-0199',
    '0170 1234567',
    '030/1234567',
    '020 7946 0958',
    '01 23 45 67 89',
    '06 1234 5678',
  ])
    finds(`ring ${number}, or not`, `PHONE ${number}`)
  finds('phone: 5551234567', 'PHONE 5551234567')
  finds('Tel. 01701234567', 'PHONE 01701234567')
  finds('call me at 5551234567 today', 'PHONE 5551234567')
  finds('555-123-4567 4 times', 'PHONE 555-123-4567')
  finds('电话+4917012345678', 'PHONE +4917012345678')
})

test('takes for no telephone number what is none', () => {
  for (const text of [
    '2023-11-05',
    '05.11.2023',
    '05.11.2023 10:15',
    '11/05/2023 10:15:30',
    '2023-11-05T12:30:45.123Z',
    '2023-11-05 12:30:45',
    '1700000000',
    '1700000000123',
    '550e8400-e29b-41d4-a716-446655440000',
    '01234567-0123-0123-0123-012345678901',
    'da39a3ee5e6b4b0d3255bfef95601890afd80709',
    '0x5551234567',
    'v1.234.567.8901',
    '555-123-456',
    '12345678',
    'order 5551234567',
    '+1 000 000 000',
    '+12 000 000',
    '1,234,567,890',
    '3.141592653589793',
    '10.000.000,00',
    '0170-1234-abcd',
    '82 fc 03 02 01 02 02 01 01 30',
    'sales of phones fell to 1234567 units',
    '1.2345678 after the call',
    'a+4917012345678'.replace('a', '1'),
  ])
    assert.deepEqual(found(text, detectors.phone), [], text)
})

test('finds US social security numbers and no others', () => {
  finds('ssn 123-45-6789.', 'US_SSN 123-45-6789')
  finds('123 45 6789', 'US_SSN 123 45 6789')
  for (const text of [
    '000-12-3456',
    '666-12-3456',
    '900-12-3456',
    '123-00-4567',
    '123-45-0000',
    '123-456789',
    '1123-45-6789',
    '123-45-67890',
    '123-45 6789',
    'a-123-45-6789',
  ])
    finds(text)
})

test('finds IPv4 addresses and no versions', () => {
  finds('10.0.0.1', 'IP_ADDRESS 10.0.0.1')
  finds('http://192.168.1.10:8080/x', 'IP_ADDRESS 192.168.1.10')
  finds('from 203.0.113.7.', 'IP_ADDRESS 203.0.113.7')
  finds('10.0.0.0/8', 'IP_ADDRESS 10.0.0.0/8')
  finds('http://10.0.0.1/24', 'IP_ADDRESS 10.0.0.1')
  finds('10.0.0.1/33', 'IP_ADDRESS 10.0.0.1')
  finds('from 1.2.3.4', 'IP_ADDRESS 1.2.3.4')
  finds('it is 1.2.3.4')
  finds('1.2.3.4', 'IP_ADDRESS 1.2.3.4')
  finds('"host": "1.2.3.4"', 'IP_ADDRESS 1.2.3.4')
  finds('nameserver 8.8.8.8', 'IP_ADDRESS 8.8.8.8')
  for (const text of [
    '1.2.3',
    '256.1.1.1',
    '1.2.3.4.5',
    'v1.2.3.4',
    'Chrome/120.0.0.0',
    '01.2.3.4',
    '1.2.3.4a',
    'pkg==1.2.3.40',
    'app-1.2.3.40.jar',
    'pkg@1.2.3.40',
    'Bump to 11.22.33.44',
  ])
    finds(text)
})

test('finds secrets', () => {
  const token = 'abcdEFGH1234567890abcdEFGH1234567890'
  for (const key of [
    `sk-proj-${token}`,
    `sk-ant-api03-${token}`,
    `ghp_${token}`,
    'AKIAIOSFODNN7EXAMPLE',
    `AIza${token.slice(1)}`,
    `xoxb-${token}`,
    `sk_live_${token}`,
  ])
    finds(`key="${key}"`, `API_KEY ${key}`)
  finds('bot 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw', 'API_KEY 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw')
  finds('MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs', 'API_KEY MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs')
  const hook = 'https://hooks.slack.com/services/T01ABCDEF/B02ABCDEF/aZ09bY18cX27dW36eV45fU54'
  finds(`post to ${hook}.`, `API_KEY ${hook}`)
  finds(`sk-${'x'.repeat(40)} and ghp_${'X'.repeat(36)}`)
  const pem = '-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----'
  finds(`x ${pem}\ny`, `PRIVATE_KEY ${pem}`)
  const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl_-x'
  finds(`Bearer ${jwt}.`, `JWT ${jwt}`)
  finds('-----BEGIN PRIVATE KEY-----\nMIIB no end', 'PRIVATE_KEY -----BEGIN PRIVATE KEY-----\nMIIB no end')
  for (const text of [
    'sk-fading-circle-container-large',
    'sk-short1',
    '-----BEGIN CERTIFICATE-----',
    'eyJhbGciOi',
    'eyJhbGciOiJFUzI1NiJ9.abc',
    '----- BEGIN',
    'my-sk-proj',
    '-----',
  ])
    finds(text)
})

test('finds quoted local parts, and no address in the password of a URL', () => {
  finds('write to "john.doe"@example.com.', 'EMAIL "john.doe"@example.com')
  finds('""@example.com')
  finds('https://bob:hunter2@example.com/x', 'URL_CREDENTIALS bob:hunter2')
  finds('https://bob@example.com/x', 'EMAIL bob@example.com')
})

test('finds IPv6 addresses in every form, and no names of programs, times or slices', () => {
  for (const address of [
    '2001:db8::8a2e:370:7334',
    '2001:0db8:0000:0000:0000:ff00:0042:8329',
    'fe80::1',
    '::1',
    '::ffff:192.0.2.128',
    '2001:db8::',
    '64:ff9b::192.0.2.33',
  ])
    finds(`from ${address}, or`, `IP_ADDRESS ${address}`)
  finds('64:ff9b::, ip a::1', 'IP_ADDRESS 64:ff9b::', 'IP_ADDRESS a::1')
  finds('[2001:db8::1]:8080', 'IP_ADDRESS 2001:db8::1')
  finds('2001:db8::/32', 'IP_ADDRESS 2001:db8::/32')
  finds('fe80::1%eth0 up', 'IP_ADDRESS fe80::1%eth0')
  for (const text of ['std::vector<a::b>', 'abc::def', '12:30:45', '2023-11-05T12:30:45', 'a[::1]', '1:2:3:4:5:6:7', '1::2::3', 'x::1', 'de:ad'])
    finds(text)
})

test('finds MAC addresses', () => {
  for (const address of ['00:1B:44:11:3A:B7', '00-1b-44-11-3a-b7', '0011.2233.44ff', '00:11:22:33:44:55'])
    finds(`at ${address}.`, `MAC_ADDRESS ${address}`)
  for (const text of ['01-02-03-04-05-06', '00:1B:44:11:3A', '00:1B:44:11:3A:B7:99', '1000.2000.3000', '00:1B-44:11:3A:B7', 'x00:1B:44:11:3A:B7'])
    finds(text)
})

test('finds credentials in URLs, and no placeholders', () => {
  finds('git clone https://x-access-token:abc123@git.example/x', 'URL_CREDENTIALS x-access-token:abc123')
  finds('https://0123456789abcdef0123@git.example/x', 'URL_CREDENTIALS 0123456789abcdef0123')
  for (const text of [
    'https://user:password@example/x',
    `https://$\{USER}:$\{PASS}@host/x`,
    'https://example.com/@bob',
    'https://example.com:8080/',
    'http://user:@host',
    'https://a.example/x?y=a:b@c',
  ])
    finds(text)
  finds('postgres://app:s3cr3t@db.example:5432/main?ssl=1.', 'CONNECTION_STRING postgres://app:s3cr3t@db.example:5432/main?ssl=1')
  finds('"mongodb+srv://u:p4ss@c.example"', 'CONNECTION_STRING mongodb+srv://u:p4ss@c.example')
  finds('postgres://localhost:5432/main')
})

test('finds coordinates with hemispheres or behind a word, and no other fractions', () => {
  finds('at 48.8566° N, 2.3522° E now', 'COORDINATES 48.8566° N, 2.3522° E')
  finds('coordinates: 48.8566, 2.3522', 'COORDINATES 48.8566, 2.3522')
  finds('{"lat": 48.85661, "lng": 2.352219}', 'COORDINATES 48.85661', 'COORDINATES 2.352219')
  finds('/maps/@48.8566,2.3522,15z', 'COORDINATES 48.8566,2.3522')
  finds(`40°42'46"N 74°0'22"W, near`, `COORDINATES 40°42'46"N 74°0'22"W`)
  finds(`48° 51′ 29.6″ N, 2° 17′ 40.2″ E`, `COORDINATES 48° 51′ 29.6″ N, 2° 17′ 40.2″ E`)
  finds('N 48.8584, E 2.2945', 'COORDINATES N 48.8584, E 2.2945')
  finds('POINT(-122.4194 37.7749)', 'COORDINATES -122.4194 37.7749')
  finds('(40.712776, -74.005974)', 'COORDINATES 40.712776, -74.005974')
  for (const text of [
    '[12.345678, 23.456789, 34.567891]',
    '40°42 N',
    '20° to 30°',
    '[0.1234, 0.5678, 0.9012]',
    'loss 0.12345, 1.23456',
    'lat: 148.85, 200.1',
    'v48.8566, 2.3522',
    'latency 48.85661 ms',
  ])
    finds(text)
})

test('finds addresses of currencies with right checksums', () => {
  for (const address of [
    '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2',
    '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy',
    'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq',
    'bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr',
    '0x52908400098527886E0F7030069857D2E4169EE7',
    'TJRabPrwbZy45sbavfcjinPJC18kjpRTv8',
  ])
    finds(`to ${address}.`, `CRYPTO_ADDRESS ${address}`)
  for (const text of [
    '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3',
    'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdr',
    '0x52908400098527886E0F7030069857D2E4169EE',
    `0x${'0'.repeat(40)}`,
    'x1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2',
  ])
    finds(text)
})

test('finds dates where somebody was born, and no others', () => {
  for (const text of [
    'DOB: 03/05/1980',
    'dob 19800305',
    'born on March 5, 1980',
    'né le 5 mars 1980',
    'geboren am 5. März 1980',
    'date of birth 1980-03-05T00:00:00Z',
    'nacido el 5 de marzo de 1980',
    'data urodzenia: 05.03.1980 r.',
    '生年月日: 1980年3月5日',
    'родился 5 марта 1980',
    'birthday: 5th of March 1980',
    '"dateOfBirth":"1980-03-05"',
  ])
    assert.equal(found(text, detectors.dateOfBirth).length, 1, text)
  for (const text of [
    '03/05/1980',
    'born in Rome; released 1980-03-05, order 03/05/1980',
    'DOB: 33/15/1980',
    'DOB: 1980',
    'DOB: 19803505',
    'born: order 19800305',
    'born 12 monkeys',
    'dob 1.2.3',
  ])
    finds(text)
})

test('finds passports, licences and vehicles behind a word that says so', () => {
  finds('passport no. C01X00T47', 'PASSPORT C01X00T47')
  finds('Reisepass: 123456789', 'PASSPORT 123456789')
  finds("driver's license number D123-4567-8901", 'DRIVER_LICENSE D123-4567-8901')
  finds('driving licence MORGA657054SM9IJ', 'DRIVER_LICENSE MORGA657054SM9IJ')
  finds('VIN WVWZZZ1JZ3W386752', 'VIN WVWZZZ1JZ3W386752')
  finds('1HGCM82633A004352 was sold', 'VIN 1HGCM82633A004352')
  for (const text of [
    'C01X00T47',
    'passport to success 2023',
    'license: MIT 2.0',
    'passport order 123456789',
    '1HGCM82633A004353',
    'dl: 10 MB',
    'WVWZZZ1JZ3W386752',
  ])
    finds(text)
})

test('finds passwords, keys and tokens by the names that they are given to', () => {
  for (const [text, value] of [
    ['db_password = "S3cr3t!pass"', 'S3cr3t!pass'],
    ["api_key: 'a8f5f167f44f4964e6c998dee827110c'", 'a8f5f167f44f4964e6c998dee827110c'],
    ['PASSWORD=hunter2 node x', 'hunter2'],
    ['PGPASSWORD=abc123def psql', 'abc123def'],
    ["auth_token = b'abcdef0123456789abcdef0123456789'", 'abcdef0123456789abcdef0123456789'],
    ['<add key="ApiKey" value="a8f5f167f44f4964e6c998dee827110c" />', 'a8f5f167f44f4964e6c998dee827110c'],
    ['- name: API_KEY\n  value: a8f5f167f44f4964e6c998dee827110c', 'a8f5f167f44f4964e6c998dee827110c'],
    ['set_api_key("a8f5f167f44f4964e6c998dee827110c")', 'a8f5f167f44f4964e6c998dee827110c'],
    ['deploy --token a8f5f167f44f4964e6c998dee827110c', 'a8f5f167f44f4964e6c998dee827110c'],
    ['curl -u admin:S3cretPw9 https://x.example', 'S3cretPw9'],
    ["password='P@ss word 12'", 'P@ss word 12'],
    ['{"clientSecret":"Zq8~aB3xY7kLmN0pQrStUvWx"}', 'Zq8~aB3xY7kLmN0pQrStUvWx'],
    ['Authorization: Bearer 9f8a7b6c5d4e3f2a1b0c', '9f8a7b6c5d4e3f2a1b0c'],
    ['datadog = "0123456789abcdef0123456789abcdef"', '0123456789abcdef0123456789abcdef'],
    ['Server=x;User Id=sa;Password=Pa55w0rd!x;', 'Pa55w0rd!x'],
    ['\\"token\\": \\"a1b2c3d4e5f6g7h8\\"', 'a1b2c3d4e5f6g7h8'],
    ['AccountKey=bGstZXhhbXBsZS1rZXktb2Ytc29tZS1sZW5ndGg1Njc4OTA=;', 'bGstZXhhbXBsZS1rZXktb2Ytc29tZS1sZW5ndGg1Njc4OTA='],
  ] as const)
    finds(text, `SECRET ${value}`)
  finds('my password is hunter2.', 'SECRET hunter2')
  finds('das Passwort ist "geheim-99"', 'SECRET geheim-99')
  for (const [text, value] of [
    ['mot de passe : Gr4ndPere!', 'Gr4ndPere!'],
    ['la contraseña es Verano2024!', 'Verano2024!'],
    ['Пароль: qwErty-99', 'qwErty-99'],
    ['数据库密码：Tr0ub4dor3', 'Tr0ub4dor3'],
    ['machine x login ada password s3cReT_99', 's3cReT_99'],
    ['<apiToken>a8f5f167f44f4964e6c998dee827110c</apiToken>', 'a8f5f167f44f4964e6c998dee827110c'],
    ['ENV APP_SECRET a8f5f167f44f4964e6c998dee827110c', 'a8f5f167f44f4964e6c998dee827110c'],
    ['api_token: >-\n  a8f5f167f44f4964e6c998dee827110c', 'a8f5f167f44f4964e6c998dee827110c'],
    ['var apiToken: string = "a8f5f167f44f4964e6c998dee827110c"', 'a8f5f167f44f4964e6c998dee827110c'],
    ['$apiToken .= "a8f5f167f44f4964e6c998dee827110c"', 'a8f5f167f44f4964e6c998dee827110c'],
    ['getOr("api_token", "dafa7817-e246-48f3-91a7-e87653d587b8")', 'dafa7817-e246-48f3-91a7-e87653d587b8'],
    ['apiToken,a8f5f167f44f4964e6c998dee827110c,', 'a8f5f167f44f4964e6c998dee827110c'],
    ["Connect -ClientSecret 'a8f5f167f44f4964e6c998dee827110c'", 'a8f5f167f44f4964e6c998dee827110c'],
    ["curl --user kevin:'pRf7vG2h1L8nQkW9' -s", 'pRf7vG2h1L8nQkW9'],
    ['curl -u "d2LkV78zLx!t:" https://x.example', 'd2LkV78zLx!t'],
    ['curl -u developer:yqDVtkqPECriaLRi https://x.example', 'yqDVtkqPECriaLRi'],
    ["-H 'Authorization: Api-Token 22cb987851bc5659229114c62e60c79abd0d2c08'", '22cb987851bc5659229114c62e60c79abd0d2c08'],
  ] as const)
    finds(text, `SECRET ${value}`)
  for (const key of [
    'bP88Q~rcBcYjzzOhg1Hnn76Wm3jGgakZiZ.8vMgR',
    'a1B2c3D4e5F6g7.atlasv1.abcDEF123abcDEF123abcDEF123abcDEF123abcDEF123abcDEF123abcDEF123',
    'aB3dE6_aB3dE6aB3dE6aB3dE6aB3dE6aB3dE_mmk',
    '0123456789abcdef0123456789abcdea-us12',
    'patA1b2C3d4E5f6G7.0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
  ])
    finds(`"${key}"`, `API_KEY ${key}`)
  for (const text of [
    'password: required',
    'password reset v2.1 today',
    "'NVIDIA_H100_80GB': 'CustomModelServingH100GPUsPerProjectPerRegion'",
    "'NVIDIA_TESLA_T4_VWS', 'NVIDIA_TESLA_P100_VWS'",
    "--sasl-password='projects/123/secrets/my-secret/versions/1'",
    'oauth2-client-secret=OAUTH2-CLIENT-SECRET',
    'segment_msg_token = messages.GoogleCloudVideointelligenceV1VideoSegment',
    'merge cacae4329f of a branch',
    'Git 1.7.12.2 and CMake 2.8.10.2',
    '__resolvedApiKey: isApiKeyProvider,',
    'auth?: BetaManagedAgentsMCPOAuthUpdateParams | undefined',
    'declare const openai: OpenAIProviderV4Options;',
    "anthropic: 'tool_search_tool_bm25'",
    'model: "anthropic:claude-sonnet-4-5-20250929"',
    "'OpenAI-Beta': 'chatkit_beta=v1'",
    'redis[s]://[[username][:password]@]host',
    'password SHA256 hashing',
    '<password> LEVEL=x1y2z3a4b5c6',
    '["apiToken", "clientSecret", "refreshToken2"]',
    'public_key = "9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit"',
    'primaryKey=aB3x-9Kq_2mZ.7Lp=Wt5Rv8Yc1Nd4Fg',
    'csrf-token=Mj2qykJO5rELyHgezQ69nzUX0i3OH67V7',
    'next_page_token: CAUQAA1b2c3d4e5f6g7h8',
    'arn:aws:secretsmanager:us-east-1:123456789012:secret:MySecret-a1b2c3',
    's.AcceptanceTimeoutSeconds',
    `curl -u "$\{NAME}":"$\{PASS}"`,
    'curl -i -u test:test',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '"integrity": "sha512-9UhT8Kq1wJv6hXQ0bM1kE4T6oK9Zc3m2VfY5aN8dQ7sR0pLxW4tG6uH1jI2eB3nC5vD8fA9gE0hF1iJ2kK3lL4=="',
    'golang.org/x/oauth2 v0.15.0 h1:s8pnnxNVzjWyrvYdFUQq5llS1PX2zhPXmccZv99h7uQ=',
    'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4',
    'db-password: ENC[AES256_GCM,data:O+5l4g==,iv:c/dS4BCBMbnKsXYuzBu=]',
    'token = getToken()',
    'get_api_key("prod")',
    'deploy --token production',
    'sort -u a:b',
    'GITHUB_SHA=9fceb02d0ae598e95dc970b74767f19372d61af8',
    'key: 550e8400-e29b-41d4-a716-446655440000',
    '<add key="Colour" value="a8f5f167f44f4964e6c998dee827110c" />',
    'const password = process.env.PASSWORD',
    `password: "$\{DB_PASSWORD}"`,
    'token: <your-token>',
    'api_key = "YOUR_API_KEY"',
    'max_tokens: 4096000000',
    'token_type: bearer12345',
    'secret: ********',
    'key: value1',
    'author: someone12345678901234',
    'password=config.db.password1',
    'the password is required',
    'this password is 8 characters long',
    'commit: 9fceb02d0ae598e95dc970b74767f19372d61af8',
    'version=1.2.3',
    '[SECRET:4be1000000000000000000000000000000000000000000000000000000000000]',
  ])
    finds(text)
})

test('sees through full-width forms, digits of other scripts and invisible characters', () => {
  const text = 'x ４１１１　1111\u00a01111\u20111111 y'
  const [card] = scan(text, detectors.card)
  assert.deepEqual([card?.start, card?.end], [2, 21])
  finds('bob\u200b@exa\u00admple.com!', 'EMAIL bob\u200b@exa\u00admple.com')
  finds('ｂｏｂ＠ｅｘａｍｐｌｅ．ｃｏｍ', 'EMAIL ｂｏｂ＠ｅｘａｍｐｌｅ．ｃｏｍ')
  finds('+\u0664\u0669 \u0661\u0667\u0660 1234567', 'PHONE +\u0664\u0669 \u0661\u0667\u0660 1234567')
  finds('𝟒𝟏𝟏𝟏111111111111 and ④111111111111111', 'CARD 𝟒𝟏𝟏𝟏111111111111', 'CARD ④111111111111111')
  finds('4\u03361\u03361\u03361\u0336 1111 1111 1111', 'CARD 4\u03361\u03361\u03361\u0336 1111 1111 1111')
  finds('bоb@еxample.com', 'EMAIL bоb@еxample.com')
  finds('4\u{e0031}111111111111111', 'CARD 4\u{e0031}111111111111111')
  // So many that a finding would have no bound.
  finds(`4111${'\u200b'.repeat(9)}111111111111`)
})

test('ordinary prose has no findings', () => {
  finds(
    'In 2023 the team shipped 12 releases (v1.2.3 to v2.0.0); the build took 45.7 s, 1,234,567 tests ran, and issue #4567 — opened on ' +
      '2023-11-05 at 12:30 — was fixed in commit 9fceb02d0ae598e95dc970b74767f19372d61af8. See https://example.com/a/b?c=1234567890#x.',
  )
})

test('finds what stands in columns of a table, and amounts with commas are none of it', () => {
  finds('1,Ana,a@b.co,+502 4069 1875,179-10-0355', 'EMAIL a@b.co', 'PHONE +502 4069 1875', 'US_SSN 179-10-0355')
  finds('7,(461)715-0732,45,4111111111111111,2', 'PHONE (461)715-0732', 'CARD 4111111111111111')
  finds('x,10.0.0.1,2001:db8::1,00:1B:44:11:3A:B7', 'IP_ADDRESS 10.0.0.1', 'IP_ADDRESS 2001:db8::1', 'MAC_ADDRESS 00:1B:44:11:3A:B7')
  for (const text of ['1,234,567,890', '4,111,111,111,111,111', 'phone bills of 1.234.567,89 EUR', '12,345.67']) finds(text)
})

test('finds addresses at domains of every script', () => {
  finds('an ana@例え.jp、注文', 'EMAIL ana@例え.jp')
  finds('x@пример.рф и y@مثال.إختبار', 'EMAIL x@пример.рф', 'EMAIL y@مثال.إختبار')
  finds('联系bob@example.com谢谢', 'EMAIL bob@example.com')
})
